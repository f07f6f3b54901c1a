"""A visit in one process on the virtual clock: virtual sensors, radio, links, engine, recording, haptics, replay."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.profile import ForbiddenWrite, Write
from fusion.estimates import Event
from gateway.analysis import analyse, estimates
from gateway.bus.messages import Outgoing
from gateway.files.calibration import write_calibration
from gateway.haptics import Haptics
from gateway.hosttime import HostClock
from gateway.hub import Hub
from gateway.links.link import Unavailable
from gateway.links.roster import Roster
from gateway.records import Control, Packet
from gateway.settings import load
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.visits.recorder import Recorder
from gateway.visits.replay import open_replay, play
from simulators.clock import run_virtual
from simulators.person import Person
from simulators.radio.air import Air
from simulators.radio.host import air_radio
from simulators.scenes import SCENES, Scene, describe
from simulators.sensors.sensor import AirClock, VirtualSensor
from simulators.stage import stage
from tests.fusion.calibration.faulty import TRUTH

START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


@dataclass
class Visit:
    """A gateway without bus, on the virtual air, and the person who wears its sensors."""

    air: Air
    sensors: list[VirtualSensor]
    home: SqliteHome
    clock: HostClock
    hub: Hub
    roster: Roster
    haptics: Haptics
    group: asyncio.TaskGroup
    sent: list[Outgoing] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    async def record(self, session: str = "visit") -> tuple[Recorder, asyncio.Task[None]]:
        """Begin to record."""
        info = SessionInfo(session, "", None, "live", "recording", self.clock.now(), None, "local", "test")
        recorder = Recorder(session, self.home.create(info), 0.5)
        self.hub.begin_recording(recorder)
        return recorder, self.group.create_task(recorder.run())

    async def stop(self, writing: asyncio.Task[None]) -> None:
        """End the recording; returns when all is on disk."""
        self.hub.end_recording("asked")
        await writing

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until a condition holds."""
        while not condition():  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)

    def streaming(self) -> bool:
        links = self.roster.links.values()
        return len(links) == len(self.sensors) and all(link.state == "streaming" for link in links)


def visit(
    root: Path,
    scene: Scene,
    story: Callable[[Visit], Coroutine[Any, Any, None]],
    begin: float = 0.0,
    calibration: Path | None = None,
) -> Visit:
    """Run a story in virtual time and return what was there at its end.

    calibration: Of the first sensor.
    """

    async def live() -> Visit:
        loop = asyncio.get_running_loop()
        clock = HostClock(lambda: START, lambda: round(loop.time() * 1e9))
        worn = describe(scene)
        if calibration:
            worn[0]["calibration"] = str(calibration)
        settings = load(None, {"data_dir": root, "sensor": worn, "pipeline": {"posture_delay_s": 5.0}})
        air, sent, events = Air(seed=1), [], []
        here: Visit

        def notice(event: Event) -> None:
            events.append(event)
            here.haptics.notice(event)

        hub = Hub("local", settings.pipeline, 0.02, clock, sent.append, notice)
        roster = Roster(settings, hub, lambda: air_radio(air))
        haptics = Haptics(settings.posture, clock, lambda: roster.links.values(), hub.emit)
        sensors = stage(scene, Person(seed=0), air, AirClock(begin=begin))
        async with asyncio.TaskGroup() as group:
            here = Visit(air, sensors, SqliteHome(root), clock, hub, roster, haptics, group, sent, events)
            works = [sensor.run() for sensor in sensors]
            tasks = [group.create_task(work) for work in (*works, hub.run(), roster.run(), haptics.run())]
            await story(here)
            for task in tasks:
                task.cancel()
        return here

    return run_virtual(live())


def knee(**faults: float) -> Scene:
    scene = SCENES["knee"]
    return Scene(scene.places, type(scene.faults)(**faults))


def rows_of(batches: Any) -> dict[str, dict[int, np.float32]]:
    """Return series name to time to value, as the store rounds it."""
    found: dict[str, dict[int, np.float32]] = {}
    for batch in batches:
        for name, column in zip(batch.names, batch.values.T, strict=True):
            found.setdefault(name, {}).update(zip(batch.t.tolist(), column.astype(np.float32), strict=True))
    return found


def stored_rows(home: SqliteHome, session: str) -> dict[str, dict[int, np.float32]]:
    with home.open(session) as reader:
        return rows_of(
            batch for topic in ("joints", "orientation", "emg", "quality") for batch in reader.batches(topic)
        )


def computed_rows(home: SqliteHome, session: str) -> dict[str, dict[int, np.float32]]:
    with home.open(session) as reader:
        return rows_of(batch for _, batches, _ in estimates(reader) for batch in batches)


def same(a: dict[str, dict[int, np.float32]], b: dict[str, dict[int, np.float32]]) -> None:
    """Require equal values at equal times, bit for bit, where the store keeps a missing row as no row."""
    assert set(a) == set(b)
    for name in a:
        one = {t: v for t, v in a[name].items() if not np.isnan(v)}
        two = {t: v for t, v in b[name].items() if not np.isnan(v)}
        assert one == two, name


def test_analysis_of_a_recording_begun_midway_on_a_bad_radio_gives_the_live_numbers(tmp_path):
    async def story(here: Visit) -> None:
        await here.until(lambda: here.hub.engine.pipeline.calibration.state == "ready" and here.streaming())
        _, writing = await here.record()
        await asyncio.sleep(3)
        here.air.drop(here.sensors[1].address)
        await asyncio.sleep(5)
        await here.stop(writing)

    rough = knee(interval_s=0.015, retransmission=0.1, notification_loss=0.02)
    there = visit(tmp_path, rough, story, begin=85.0)
    live, again = stored_rows(there.home, "visit"), computed_rows(there.home, "visit")
    assert len([v for v in live["knee_flexion_left"].values() if not np.isnan(v)]) > 300
    same(live, again)
    result = analyse(there.home, "visit")
    with there.home.open("visit") as reader:
        stored = [(event.t, event.name) for event in reader.events()]
        start = reader.info.started
    assert sorted((round(e["t"] * 1e9), e["name"]) for e in result["events"]) == sorted(
        (t - start, n) for t, n in stored
    )
    assert result["quality"]["shank_left"]["lost"] > 0
    assert {"lost", "connected"} <= {e["data"]["state"] for e in result["events"] if e["name"] == "link"}


def test_a_calibrated_sensor_gives_the_live_numbers_again_and_its_session_needs_no_file(tmp_path):
    async def story(here: Visit) -> None:
        await here.until(lambda: here.hub.engine.pipeline.calibration.state == "ready" and here.streaming())
        _, writing = await here.record()
        await asyncio.sleep(6)
        await here.stop(writing)

    path = tmp_path / "thigh.calibration.json"
    write_calibration(path, TRUTH)
    home = visit(tmp_path, knee(), story, begin=85.0, calibration=path).home
    path.unlink()
    live = stored_rows(home, "visit")
    assert len([v for v in live["knee_flexion_left"].values() if not np.isnan(v)]) > 300
    same(live, computed_rows(home, "visit"))
    asyncio.run(replay(home, "visit", "again"))
    assert analyse(home, "again")["series"] == analyse(home, "visit")["series"]
    with home.open("visit") as reader:
        given = [control.data.get("calibration") for control in reader.controls() if control.kind == "sensor"]
    assert given == [TRUTH.to_json(), None]


def test_a_recorded_replay_of_a_recorded_replay_is_identical(tmp_path):
    async def story(here: Visit) -> None:
        _, writing = await here.record()
        await asyncio.sleep(20)
        await here.stop(writing)

    home = visit(tmp_path, knee(), story, begin=85.0).home
    names = ["visit", "first", "second"]
    for origin, name in pairwise(names):
        asyncio.run(replay(home, origin, name))
    results = [analyse(home, name) for name in names]
    for result in results:
        for key in ("session", "title"):
            del result[key]
    assert results[0]["series"]
    assert results[0] == results[1] == results[2]
    with home.open("visit") as one, home.open("second") as other:
        packets = [
            [(p.sensor, p.characteristic, p.data) for p in r.records() if isinstance(p, Packet)] for r in (one, other)
        ]
    assert packets[0] == packets[1]


async def replay(home: SqliteHome, origin: str, name: str) -> None:
    clock = HostClock()
    plan, reader = open_replay(home, origin, float("inf"), clock)
    began = reader.info.started + plan.shift
    info = SessionInfo(name, "", None, "replay", "recording", began, None, "local", "test", origin)
    recorder = Recorder(name, home.create(info), 0.1)
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run())
        await play(plan, reader.records(), clock, recorder.add)
        recorder.finish()
    reader.close()


POSTURE = Scene(tuple(place for place in SCENES["demo"].places if place.name in ("trunk", "posture")))


def test_a_slouch_is_felt_once_and_written_into_the_story(tmp_path):
    async def story(here: Visit) -> None:
        await asyncio.sleep(74)

    there = visit(tmp_path, POSTURE, story)
    slouches = [event for event in there.events if event.name == "slouch"]
    assert slouches
    felt = next(sensor.habits.felt for sensor in there.sensors if sensor.name == "posture")
    assert felt
    buzzes = [event for event in there.events if event.name == "buzz"]
    assert [event.data["cause"] for event in buzzes] == ["slouch"] * len(buzzes)
    assert len(buzzes) == 1
    assert 0 <= buzzes[0].t - slouches[0].t < 4 * SECOND


def test_a_forbidden_write_never_leaves_the_gateway(tmp_path):
    refused: list[BaseException] = []

    async def story(here: Visit) -> None:
        await here.until(here.streaming)
        link = here.roster.links["posture"]
        bad = Write("0000bad4-0000-1000-8000-00805f9b34fb", b"\x02")
        try:
            await link.order(iter_of(bad))
        except ForbiddenWrite as error:
            refused.append(error)
        assert link.state == "streaming"

    visit(tmp_path, POSTURE, story)
    assert len(refused) == 1


def iter_of(*steps: Write):
    """Make a procedure of steps."""
    yield from steps


def test_an_order_to_an_absent_sensor_says_so(tmp_path):
    async def story(here: Visit) -> None:
        await asyncio.sleep(0.5)
        link = next(iter(here.roster.links.values()))
        link.state = "lost"
        with pytest.raises(Unavailable, match="not connected"):
            await link.order(iter_of())

    visit(tmp_path, POSTURE, story)


def test_messages_on_the_bus_carry_every_row_once_and_in_order(tmp_path):
    async def story(here: Visit) -> None:
        await here.until(here.streaming)
        await asyncio.sleep(5)

    there = visit(tmp_path, knee(), story)
    times: list[int] = []
    for message in there.sent:
        if message.topic.endswith("/live/joints"):
            body = json.loads(message.payload)
            times += [body["t0"] + round(i * body["dt"] * 1e9) for i in range(len(body["values"]))]
    assert len(times) > 400
    assert np.all(np.diff(times) == 10_000_000)


def test_the_settings_of_a_session_are_those_it_was_recorded_with(tmp_path):
    async def story(here: Visit) -> None:
        _, writing = await here.record()
        await asyncio.sleep(2)
        await here.stop(writing)

    there = visit(tmp_path, knee(), story)
    with there.home.open("visit") as reader:
        controls = [record for record in reader.records() if isinstance(record, Control)]
    assert controls[0].kind == "settings"
    assert controls[0].data["pipeline"] == asdict(there.hub.engine.settings)
    assert [c.sensor for c in controls if c.kind == "sensor"] == ["thigh_left", "shank_left"]
    assert controls[-1].kind == "end"
