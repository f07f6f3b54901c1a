"""The whole gateway process but the radio: commands over a real broker, recordings that begin and end in any order."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import orjson
import pytest
from bleak.backends.device import BLEDevice

from devices import registry
from devices.profile import Advertisement, Buzz, Unsupported
from gateway.app import Gateway
from gateway.hosttime import HostClock
from gateway.hub import Hub
from gateway.links.finder import Sighting
from gateway.links.roster import MAX_STRANGERS, Roster
from gateway.settings import SettingsProblem, load
from tests.gateway.test_visit import POSTURE, Visit, visit

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Caller:
    """Asks the gateway over the bus."""

    def __init__(self, client: aiomqtt.Client, gateway: Gateway) -> None:
        self.client, self.gateway = client, gateway
        self.answers: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        identity = uuid.uuid4().hex
        self.answers[identity] = asyncio.get_running_loop().create_future()
        await self.client.publish(
            "kinestream/v1/local/command", orjson.dumps({"id": identity, "do": do, **more}), qos=1
        )
        return await asyncio.wait_for(self.answers[identity], 8)

    async def listen(self) -> None:
        async for message in self.client.messages:
            reply = orjson.loads(message.payload)
            self.answers[reply["id"]].set_result(reply)


@asynccontextmanager
async def running(root: Path) -> AsyncIterator[Caller]:
    """Run a gateway whose radio is not there, and give somebody who can ask it."""
    bus = {"port": free_port()}
    radio = {"backend": "virtual", "transport": f"tcp-client:{HOST}:{free_port()}"}
    gateway = Gateway(load(None, {"data_dir": root, "bus": bus, "radio": radio}))
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        life = group.create_task(gateway.run(stop))
        while not gateway.bus.connected:  # noqa: ASYNC110 - another task
            await asyncio.sleep(0.02)
        async with aiomqtt.Client(HOST, bus["port"]) as client:
            await client.subscribe("kinestream/v1/local/reply", qos=1)
            caller = Caller(client, gateway)
            listening = group.create_task(caller.listen())
            yield caller
            listening.cancel()
            await asyncio.wait([listening])
        stop.set()
        async with asyncio.timeout(3):
            await asyncio.wait([life])


async def test_of_two_starts_at_once_one_is_refused_and_the_gateway_still_ends(tmp_path):
    async with running(tmp_path) as caller:
        answers = await asyncio.gather(*(caller.ask("record", title=f"{i}") for i in range(4)))
        assert sorted(answer["ok"] for answer in answers) == [False, False, False, True]
        assert {answer["kind"] for answer in answers if not answer["ok"]} == {"refused"}
        session = next(answer["session"] for answer in answers if answer["ok"])
    assert caller.gateway.home.sessions()[0][0].id == session
    assert caller.gateway.home.sessions()[0][0].state == "complete"


async def test_stop_and_start_at_once_leave_a_session_that_can_be_stopped(tmp_path):
    async with running(tmp_path) as caller:
        first = (await caller.ask("record"))["session"]
        stopped, started = await asyncio.gather(caller.ask("stop", session=first), caller.ask("record"))
        assert stopped["ok"]
        if not started["ok"]:
            started = await caller.ask("record")
        assert started["session"] != first
        wrong = await caller.ask("stop", session=first)
        assert (wrong["ok"], wrong["kind"]) == (False, "refused")
        assert (await caller.ask("stop", session=started["session"]))["ok"]
        assert not (await caller.ask("stop"))["ok"]
    assert {info.state for info in caller.gateway.home.sessions()[0]} == {"complete"}


@pytest.mark.parametrize(
    "command",
    [
        {"do": "nothing"},
        {"do": "buzz", "sensor": "nobody"},
        {"do": "buzz"},
        {"do": "place", "placements": [{"sensor": "x", "channels": {"²": "a"}}]},
        {"do": "place", "placements": "all"},
        {"do": "calibrate", "what": "everything"},
        {"do": "replay", "session": "../../etc/passwd"},
        {"do": "replay", "session": "20260101-0000-aaaa", "speed": float("inf")},
        {"do": "stop_replay", "session": 5},
        {"do": "reset", "what": ["x"]},
        {"do": ["x"]},
    ],
)
async def test_nonsense_is_answered_with_a_sentence_and_harms_nobody(tmp_path, command):
    async with running(tmp_path) as caller:
        answer = await caller.ask(**command)
        assert answer["ok"] is False
        assert len(answer["error"]) > 10
        assert (await caller.ask("mark", text="still here"))["ok"]


def test_a_wearable_with_settings_of_an_unknown_form_refuses_the_buzz_and_stays_connected(tmp_path):
    refused: list[BaseException] = []

    async def story(here: Visit) -> None:
        await here.until(here.streaming)
        wearable = next(sensor for sensor in here.sensors if sensor.name == "posture")
        wearable.habits.read = lambda uuid, now: b"\1\2"
        link = here.roster.links["posture"]
        try:
            await here.haptics.buzz(link, Buzz(), "asked")
        except Unsupported as error:
            refused.append(error)
        await asyncio.sleep(2)
        assert link.state == "streaming"

    visit(tmp_path, POSTURE, story)
    assert len(refused) == 1


def sightings(count: int, tail: str = "") -> list[Any]:
    driver = registry.driver("movella_dot")
    found = []
    for number in range(count):
        address = f"D4:22:{number >> 8:02X}:{number & 255:02X}:{tail or 'AA:BB'}"
        found.append(Sighting(BLEDevice(address, "Movella DOT", None), Advertisement(address, "Movella DOT"), driver))
    return found


def lonely_roster(root: Path) -> Roster:
    settings = load(None, {"data_dir": root})
    hub = Hub("local", settings.pipeline, 0.02, HostClock(), lambda _: None, lambda _: None)
    return Roster(settings, hub)


def test_strangers_of_like_addresses_get_names_of_their_own_and_a_crowd_is_limited(tmp_path):
    roster = lonely_roster(tmp_path)
    plans = []
    for sighting in sightings(200) + sightings(200):
        plan = roster._stranger(sighting)
        if plan:
            plans.append(plan)
            roster.links[plan.id] = None  # type: ignore[assignment]  # only the name counts here
    assert len(plans) == MAX_STRANGERS
    assert len({plan.id for plan in plans}) == MAX_STRANGERS
    assert any("kinestream.toml" in str(problem) for problem in roster.problems)


@pytest.mark.parametrize(
    ("sensors", "wanted"),
    [
        ([{"name": "a", "model": "myo"}, {"name": "a", "model": "myo"}], "name a"),
        ([{"name": "a", "segment": "trunk"}, {"name": "b", "segment": "trunk"}], "segment trunk"),
        ([{"name": "a", "channels": {-1: "x"}}], "channels"),
        ([{"name": "a", "channels": {0: "Rectus Femoris"}}], "channels"),
    ],
)
def test_sensors_that_contradict_each_other_are_refused(tmp_path, sensors, wanted):
    with pytest.raises(SettingsProblem, match=wanted):
        load(None, {"sensor": sensors})


def test_a_secret_is_never_shown():
    with pytest.raises(SettingsProblem) as told:
        load(None, {"api": {"token": "too short"}})
    assert "too short" not in str(told.value)
    assert "token" in str(told.value)


def test_nothing_to_calibrate_is_not_called_calibrated(tmp_path):
    gateway = Gateway(load(None, {"data_dir": tmp_path}))
    calibration = gateway.status()["calibration"]
    assert calibration["state"] == "none"
    assert "no motion sensor" in calibration["message"]
    gateway.hub.introduce("a", {"model": "movella_dot"})
    gateway.hub.place("a", {"segment": "trunk", "channels": {}})
    gateway.hub.step()
    assert gateway.status()["calibration"]["state"] == "waiting"
