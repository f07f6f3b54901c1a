"""MVC trials and zones through a whole gateway: asked as a client would, recorded, computed again, used again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from fusion.estimates import Event
from gateway.analysis import analyse, derive
from gateway.app import Gateway
from gateway.engine import Engine
from gateway.hosttime import HostClock
from gateway.records import Packet
from gateway.settings import SettingsProblem, load
from gateway.store.interface import SessionInfo
from gateway.visits.recorder import Recorder
from gateway.visits.replay import shifted

START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
BICEPS, TRICEPS = "biceps_brachii_left", "triceps_brachii_left"
QUIET = 2e-6


class Visit:
    """A gateway without radio and bus, one EMG sensor of two channels, and the time."""

    def __init__(self, root: Path, start: int = START, unit: Any = "V", **settings: Any) -> None:
        self.now = start
        self.gateway = Gateway(load(None, {"data_dir": root, **settings}), HostClock(lambda: start, lambda: self.now))
        self._began = start
        self._encoder = Encoder([OpenStream(1, "emg", ("emg",), 1000.0, channels=2, unit=unit)])
        self._noise = np.random.default_rng(1)
        self._scale = 1.0 if unit == "V" else 1e6
        hub = self.gateway.hub
        hub.introduce("cuff", {"model": "open_profile"})
        hub.reads = lambda: [Packet(self.now, "cuff", DESCRIPTION, self._encoder.description)]
        hub.emit(Packet(self.now, "cuff", DESCRIPTION, self._encoder.description))
        hub.place("cuff", {"segment": None, "channels": {"0": BICEPS, "1": TRICEPS}})

    def push(self, seconds: float, biceps: float = QUIET, triceps: float = QUIET) -> None:
        """Let the muscles give so much [V RMS] for a while."""
        hub = self.gateway.hub
        for _ in range(round(seconds * 50)):
            self.now += SECOND // 50
            ticks = self.now - self._began + 1_000_000 * np.arange(-19, 1)
            emg = self._noise.normal(size=(20, 2)) * (biceps, triceps) * self._scale
            for data in self._encoder.packets(1, ticks, {"emg": emg}):
                hub.emit(Packet(self.now, "cuff", DATA, data))
            hub.step()

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        answer = await self.gateway.commands.answer({"do": do, **more})
        self.gateway.hub.step()
        return answer

    def record(self, session: str, subject: str | None = "S01") -> tuple[Recorder, asyncio.Task[None]]:
        info = SessionInfo(session, "", subject, "live", "recording", self.now, None, "local", "test")
        recorder = Recorder(session, self.gateway.home.create(info, {"emg_envelope_hz": 6.0}), 0.5)
        self.gateway.hub.begin_recording(recorder)
        return recorder, asyncio.create_task(recorder.run())

    async def stop(self, writing: asyncio.Task[None]) -> None:
        self.gateway.hub.end_recording("asked")
        await writing


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Visit]:
    visit = Visit(tmp_path)
    visit.push(2.0)
    yield visit
    visit.gateway.home.close()


def stored(visit: Visit, session: str) -> list[Event]:
    return [e for e in visit.gateway.home.events(session) if e.name in ("rest", "mvc", "normalised", "zone")]


async def test_a_visit_with_trials_is_recorded_computed_again_and_kept_in_the_catalogue(here: Visit) -> None:
    await here.ask("calibrate", what="mvc", muscles=[BICEPS], seconds=3)
    here.push(3.5, biceps=100e-6)
    here.push(1.0)
    await here.ask("calibrate", what="mvc", muscles=[BICEPS], seconds=3)
    here.push(1.5, biceps=150e-6)
    _, writing = here.record("one")  # in the midst of a trial
    here.push(2.0, biceps=150e-6)
    here.push(1.0)
    assert (await here.ask("calibrate", what="rest"))["muscles"] == [BICEPS, TRICEPS]
    here.push(5.5)
    await here.ask("calibrate", what="mvc", muscles=[BICEPS])
    here.push(2.0, biceps=90e-6)
    await here.ask("calibrate", what="mvc_stop")
    here.push(1.0)
    here.push(1.0, triceps=60e-6)
    here.push(1.0)
    await here.stop(writing)

    events = stored(here, "one")
    trials = [e.data for e in events if e.name == "mvc"]
    assert [(d["trial"], d["again"]) for d in trials] == [(2, True), (3, False)]
    assert trials[0]["value"] == pytest.approx(150e-6 * np.sqrt(2 / np.pi), rel=0.2)
    assert trials[1]["best"] == trials[0]["value"]
    assert [e.data["grade"] for e in events if e.name == "rest"] == ["good", "good"]
    biceps, triceps = here.gateway.home.normalisers("one")
    assert (biceps.muscle, biceps.by, biceps.unit, len(biceps.trials)) == (BICEPS, "mvc", "V", 3)
    assert biceps.value == trials[0]["value"]
    assert (triceps.muscle, triceps.by) == (TRICEPS, "peak")

    again = [e for e in analyse(here.gateway.home, "one")["events"] if e["name"] in ("rest", "mvc", "normalised")]  # type: ignore[union-attr,index,call-overload]
    assert [e["data"] for e in again] == [dict(e.data) for e in events]  # type: ignore[index,call-overload]
    with here.gateway.home.open("one") as reader:
        engine = Engine()
        for record in reader.records():  # played a week later, and that played again
            engine.feed(shifted(shifted(record, 7 * 86_400 * SECOND), SECOND))
        engine.finish()
        played = [e for e in engine.take()[1] if e.name in ("rest", "mvc", "normalised")]
        played.sort(key=lambda e: e.t)
    assert [(e.data, e.t - e2.t) for e, e2 in zip(played, events, strict=True)] == [
        (e.data, (7 * 86_400 + 1) * SECOND) for e in events
    ]
    derive(here.gateway.home, "one", "again")
    assert here.gateway.home.normalisers("one") == [biceps, triceps]
    here.gateway.home.discard("one")
    assert here.gateway.home.catalogue.normalisers("one") == []


async def test_the_maximum_of_another_visit_is_used_only_when_asked(here: Visit) -> None:
    _, writing = here.record("one")
    here.push(0.1)
    await here.ask("calibrate", what="mvc", muscles=[BICEPS])
    here.push(5.5, biceps=100e-6)
    await here.stop(writing)
    value = here.gateway.home.normalisers("one")[0].value

    later = Visit(here.gateway.home.root, START + 7 * 86_400 * SECOND)
    later.push(2.0)
    assert later.gateway.status()["muscles"][BICEPS]["by"] == "peak"  # type: ignore[index,call-overload]
    assert await later.ask("calibrate", what="mvc_given", from_session="one") == {
        "id": None, "ok": True, "muscles": [BICEPS]
    }  # fmt: skip
    told = later.gateway.status()["muscles"][BICEPS]  # type: ignore[index,call-overload]
    assert told == {
        "by": "given", "value": value, "unit": "V", "trials": [], "from": "one", "under_way": None
    }  # fmt: skip
    _, writing = later.record("two")
    later.push(1.0, biceps=50e-6)
    await later.stop(writing)
    again = later.gateway.home.normalisers("two")[0]
    assert (again.by, again.value, again.origin) == ("given", value, "one")
    later.push(0.1)
    await later.ask("calibrate", what="mvc_forget", muscles=[BICEPS])
    assert later.gateway.status()["muscles"][BICEPS]["by"] == "peak"  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("settings", "unit", "more", "said"),
    [
        ({"pipeline": {"emg_envelope_hz": 3.0}}, "V", {}, "emg_envelope_hz = 6.0, now it is 3.0"),
        ({}, "counts", {}, "was measured in V and comes in counts now"),
        ({}, "V", {"muscles": [TRICEPS]}, f"has no MVC of these muscles: it has {BICEPS}"),
        ({}, "V", {"from_session": "two"}, "there is no session two"),
        ({}, "V", {"from_session": None}, "needs from_session"),
    ],
)
async def test_a_maximum_that_does_not_fit_is_refused_in_one_sentence(tmp_path, settings, unit, more, said) -> None:
    first = Visit(tmp_path)
    first.push(2.0)
    _, writing = first.record("one")
    first.push(0.1)
    await first.ask("calibrate", what="mvc", muscles=[BICEPS])
    first.push(5.5, biceps=100e-6)
    await first.stop(writing)
    later = Visit(tmp_path, START + 86_400 * SECOND, unit, **settings)
    later.push(1.0)
    answer = await later.ask("calibrate", **{"what": "mvc_given", "from_session": "one", **more})
    assert answer["ok"] is False
    assert said in answer["error"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ({"do": "calibrate", "what": "mvc"}, "mvc needs a list of muscles"),
        ({"do": "calibrate", "what": "mvc", "muscles": ["x"]}, f"no sensor gives EMG of x: there are {BICEPS}"),
        ({"do": "calibrate", "what": "mvc", "muscles": "x"}, "list of names"),
        ({"do": "calibrate", "what": "mvc", "muscles": [BICEPS], "seconds": 90}, "lasts 1 to 30 s, not 90"),
        ({"do": "calibrate", "what": "mvc_forget"}, "mvc_forget needs a list"),
        ({"do": "calibrate", "what": "everything"}, "mvc_given"),
        ({"do": "zones"}, "needs a list of at most 64"),
        ({"do": "zones", "zones": [{"muscle": BICEPS, "low": 2, "high": 1}]}, "ends above where it begins"),
        ({"do": "zones", "zones": [{"muscle": BICEPS}] * 2}, f"two zones are for {BICEPS}"),
        ({"do": "zones", "zones": [{"muscle": "Biceps!"}]}, "a muscle is named by"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_remedy(here: Visit, command: dict[str, Any], said: str) -> None:
    answer = await here.ask(**command)
    assert (answer["ok"], said in answer["error"]) == (False, True), answer


async def test_zones_come_from_the_settings_change_live_and_are_computed_again(tmp_path: Path) -> None:
    zone = {"muscle": BICEPS, "low": 0.5, "hold_s": 1.0}
    here = Visit(tmp_path, zone=[zone])
    here.push(2.0)
    await here.ask("calibrate", what="mvc", muscles=[BICEPS], seconds=2)
    here.push(2.5, biceps=100e-6)
    here.push(1.0)
    _, writing = here.record("one")
    here.push(2.0, biceps=70e-6)
    here.push(1.0)
    (told,) = here.gateway.status()["zones"]  # type: ignore[misc]
    assert told == {  # type: ignore[comparison-overlap]
        "muscle": BICEPS, "low": 0.5, "high": None, "hold_s": 1.0, "buzz": False, "state": "out", "entries": 1,
        "holds": 1, "time_s": pytest.approx(2.0, abs=0.2),
    }  # fmt: skip
    answer = await here.ask("zones", zones=[{"muscle": BICEPS, "low": 0.1, "high": 0.4}])
    assert answer["zones"] == [{"muscle": BICEPS, "low": 0.1, "high": 0.4, "hold_s": 3.0, "buzz": False}]
    here.push(1.0, biceps=25e-6)
    await here.stop(writing)
    found = [dict(e.data) for e in stored(here, "one") if e.name == "zone"]
    assert {"in", "held", "out"} == {d["state"] for d in found}
    assert found[-1]["low"] == 0.1
    result = analyse(here.gateway.home, "one")
    again = [e["data"] for e in result["events"] if e["name"] == "zone"]  # type: ignore[union-attr,index,call-overload]
    assert sorted(map(str, again)) == sorted(map(str, found))
    assert result["metrics"][f"zone_holds_{BICEPS}"]["value"] == 1  # type: ignore[index,call-overload]
    seconds = result["metrics"][f"zone_time_{BICEPS}"]  # type: ignore[index,call-overload]
    assert (seconds["unit"], seconds["value"]) == ("s", pytest.approx(2.9, abs=0.4))  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        ([{"muscle": BICEPS, "low": 0.5, "high": 0.4}], "ends above where it begins"),
        ([{"muscle": BICEPS, "hold_s": 1000}], "hold_s"),
        ([{"muscle": BICEPS}, {"muscle": BICEPS}], f"two zones are for {BICEPS}"),
        ([{"muscle": BICEPS, "hi": 1}], "there is no setting zone.0.hi"),
    ],
)
def test_zones_of_the_settings_that_cannot_be_are_refused(zones: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(SettingsProblem, match=said):
        load(None, {"zone": zones})
