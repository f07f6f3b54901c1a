"""The dashboard in a real browser, on a real API process and a real broker; a person who squats speaks on the bus."""

import asyncio
import contextlib
import itertools
import math
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import numpy as np
import orjson
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright
from scipy.spatial.transform import Rotation

from fusion.estimates import Batch, Event, Topic
from gateway.bus.broker import embedded_broker
from gateway.bus.messages import batch_message, event_message, status_message
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo

BROWSER_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
for_all_tests = pytest_asyncio.fixture(scope="session", loop_scope="session")
for_each_test = pytest_asyncio.fixture(loop_scope="session")
"""One event loop for all page tests, because they share broker, API and browser."""
ROOMS = itertools.count(1)
RATE_HZ = 100
SQUAT_S = 3.0
HEADING = 0.7
"""The person faces so many radians clockwise from north."""


def free_port() -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def knee_flexion(t: np.ndarray) -> np.ndarray:
    """Return the knee angle of the squatting person at UTC seconds [deg]: 5 standing, 95 at the bottom."""
    return 50 - 45 * np.cos(2 * np.pi * t / SQUAT_S)


def motion(t: np.ndarray) -> dict[Topic, tuple[list[str], list[str], np.ndarray]]:
    """Return names, units and values, shape (n, m), of every topic at the times t [s], shape (n,)."""
    knee = knee_flexion(t)
    joints = {
        "knee_flexion_left": knee, "knee_flexion_right": 0.94 * knee, "hip_flexion_left": 0.8 * knee,
        "hip_flexion_right": 0.76 * knee, "trunk_inclination": 4 + 0.3 * knee, "posture_angle": 6 + 5 * np.sin(t / 4),
        "truth_knee_flexion_left": knee + 1,
    }  # fmt: skip
    turns = {"trunk": -(4 + 0.3 * knee)}
    for side, share in (("left", 1.0), ("right", 0.94)):
        turns[f"thigh_{side}"] = 0.55 * share * knee
        turns[f"shank_{side}"] = -0.45 * share * knee
    quats = {
        f"quat_{segment}_{part}": column
        for segment, angle in turns.items()
        for part, column in zip("wxyz", segment_orientation(angle).T, strict=True)
    }
    effort = np.clip(np.sin(2 * np.pi * t / SQUAT_S), 0, 1)
    muscles = {
        "vastus_lateralis_left": 0.82 * effort, "vastus_lateralis_right": 0.61 * effort,
        "biceps_femoris_left": 0.3 * effort + 0.05, "biceps_femoris_right": 0.35 * effort + 0.05,
    }  # fmt: skip
    emg = {f"activation_{name}": value for name, value in muscles.items()}
    emg |= {f"emg_{name}": 2e-4 * value for name, value in muscles.items()}
    return {
        "joints": (list(joints), ["deg"] * len(joints), np.column_stack(list(joints.values()))),
        "orientation": (list(quats), ["1"] * len(quats), np.column_stack(list(quats.values()))),
        "emg": (list(emg), ["1"] * 4 + ["V"] * 4, np.column_stack(list(emg.values()))),
    }


def segment_orientation(flexion_deg: np.ndarray) -> np.ndarray:
    """Return quaternions, shape (n, 4), of a segment (x anterior, y proximal, z right) swung forward by an angle."""
    forward, right = (math.sin(HEADING), math.cos(HEADING), 0), (math.cos(HEADING), -math.sin(HEADING), 0)
    standing = Rotation.from_matrix(np.column_stack([forward, (0, 0, 1), right]))
    return (standing * Rotation.from_euler("z", flexion_deg[:, None], degrees=True)).as_quat(scalar_first=True)


def rows_of(start: float, rows: int, topics: tuple[Topic, ...] = ("joints", "orientation", "emg")) -> list[Batch]:
    """Return `rows` rows of each topic from UTC second `start` on."""
    t = start + np.arange(rows) / RATE_HZ
    stamps = np.round(t * 1e9).astype(np.int64)
    made = motion(t)
    return [
        Batch(topic, stamps, 10_000_000, tuple(made[topic][0]), tuple(made[topic][1]), made[topic][2])
        for topic in topics
    ]


def sensor(name: str, **more: object) -> dict[str, Any]:
    """Return the status of a sensor that is well, changed as told."""
    return {
        "id": name, "model": "movella_dot", "title": "Movella DOT", "address": "D4:22:CD:00:00:01",
        "state": "streaming", "battery": 82, "charging": False, "rssi": -61, "rate_hz": 60.0, "received": 4812,
        "lost": 9, "loss_percent": 0.2, "skipped": 0, "age_s": 0.02, "segment": name, "channels": {},
        "capabilities": ["identify"], "message": None, **more,
    }  # fmt: skip


def worn() -> list[dict[str, Any]]:
    """Return the sensors of the person: five for movement, one for muscles, one for posture."""
    legs = [sensor(f"{segment}_{side}") for side in ("left", "right") for segment in ("thigh", "shank")]
    muscles = {
        "0": "vastus_lateralis_left",
        "1": "vastus_lateralis_right",
        "2": "biceps_femoris_left",
        "3": "biceps_femoris_right",
    }
    return [
        *legs,
        sensor("myo-3fa2", title="Thalmic Myo", segment=None, channels=muscles, capabilities=["haptic"], battery=46),
        sensor("posture", title="Upright GO 2", segment="trunk", capabilities=["haptic"], battery=11, rssi=-78),
    ]


@dataclass
class Room:
    """Speaks on the bus in the place of a gateway, with the gateway's own messages; answers its commands."""

    client: aiomqtt.Client
    home: SqliteHome
    gateway: str = "room"
    session: str = "live"
    sensors: list[dict[str, Any]] = field(default_factory=worn)
    calibration: dict[str, Any] = field(default_factory=lambda: {"state": "ready", "message": "Calibrated."})
    replays: list[dict[str, Any]] = field(default_factory=list)
    title: str | None = None
    commands: list[Mapping[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    reporting: bool = True
    refusal: str | None = None
    """Answer every command with this sentence."""

    async def status(self, **more: object) -> None:
        """Publish the retained status as it is now."""
        recording = self.session != "live"
        told = {
            "gateway": self.gateway, "online": True, "version": "0", "t": time.time_ns(), "session": self.session,
            "recording": recording, "title": self.title, "replays": self.replays, "calibration": self.calibration,
            "sensors": self.sensors, "problems": self.problems, **more,
        }  # fmt: skip
        await self._publish(status_message(self.gateway, told))

    async def rows(self, *given: Batch, session: str | None = None) -> None:
        """Publish batches."""
        for batch in given:
            await self._publish(batch_message(self.gateway, session or self.session, batch))

    async def event(
        self, name: str, session: str | None = None, at: int | None = None, end: int | None = None, **data: Any
    ) -> None:
        """Publish an event of this moment, or of a time [ns UTC]."""
        await self._publish(
            event_message(self.gateway, session or self.session, Event(at or time.time_ns(), name, end, data))
        )

    async def move(self, session: str | None = None) -> None:
        """Squat until cancelled."""
        start, sent = time.time(), 0
        while True:
            due = int((time.time() - start) * RATE_HZ)
            if due > sent:
                await self.rows(*rows_of(start + sent / RATE_HZ, due - sent), session=session)
                sent = due
            await asyncio.sleep(0.04)

    async def report(self) -> None:
        """Publish the status each second until cancelled."""
        while True:
            if self.reporting:
                await self.status()
            await asyncio.sleep(1)

    async def answer(self) -> None:
        """Obey commands until cancelled."""
        await self.client.subscribe(f"kinestream/v1/{self.gateway}/command", qos=1)
        async for message in self.client.messages:
            command = orjson.loads(bytes(message.payload))
            self.commands.append(command)
            reply = (
                {"ok": False, "error": self.refusal, "kind": "refused"}
                if self.refusal
                else {"ok": True, **self._obey(command)}
            )
            await self.client.publish(
                f"kinestream/v1/{self.gateway}/reply", orjson.dumps({"id": command["id"], **reply}), qos=1
            )
            await self.status()

    async def leave(self) -> None:
        """Clear the retained status, so that the gateway is forgotten."""
        await self.client.publish(f"kinestream/v1/{self.gateway}/status", b"", qos=1, retain=True)

    def asked(self, what: str) -> list[Mapping[str, Any]]:
        """Return the commands of that kind so far."""
        return [command for command in self.commands if command["do"] == what]

    def _obey(self, command: Mapping[str, Any]) -> dict[str, Any]:
        match command["do"]:
            case "record":
                now = time.time_ns()
                self.session, self.title = self.home.new_id(now), command.get("title") or ""
                info = SessionInfo(
                    self.session, self.title, command.get("subject"), "live", "recording", now, None, self.gateway, "0"
                )
                self.writer = self.home.create(info)
                return {"session": self.session}
            case "stop":
                self.writer.close("complete")
                ended, self.session, self.title = self.session, "live", None
                return {"session": ended}
            case "replay":
                self.replays = [
                    {
                        "id": "replay1",
                        "of": command["session"],
                        "speed": command["speed"],
                        "position_s": 0.0,
                        "duration_s": 30.0,
                    }
                ]
                return {"session": "replay1"}
            case "stop_replay":
                self.replays = []
        return {}

    @contextlib.asynccontextmanager
    async def doing(self, work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Let something go on while the context lasts."""
        task = asyncio.create_task(work)
        try:
            yield
        finally:
            while not task.done():  # wait_for of Python 3.11, inside aiomqtt, can swallow a cancellation: ask again
                task.cancel()
                await asyncio.wait([task], timeout=0.5)
            if not task.cancelled():
                task.result()

    async def _publish(self, message: Any) -> None:
        await self.client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)


@contextlib.asynccontextmanager
async def serving(folder: Path, bus_port: int, port: int | None = None, **settings: str) -> AsyncIterator[str]:
    """Run `python -m api` while the context lasts; gives its address."""
    port = port or free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KINESTREAM_")} | {
        "KINESTREAM_DATA_DIR": str(folder), "KINESTREAM_BUS__PORT": str(bus_port), "KINESTREAM_BUS__EMBEDDED": "false",
        "KINESTREAM_API__PORT": str(port), **settings,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api", env=environment, cwd=Path(__file__).parents[2]
    )
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
            while not await _ready(http):
                assert process.returncode is None, "the API ended at once"
                await asyncio.sleep(0.05)
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@for_all_tests
async def bus() -> AsyncIterator[int]:
    """An embedded broker; its port."""
    port = free_port()
    async with embedded_broker(port):
        yield port


@for_all_tests
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SqliteHome]:
    """Where sessions are kept."""
    home = SqliteHome(tmp_path_factory.mktemp("home"))
    yield home
    home.close()


@for_all_tests
async def address(bus: int, home: SqliteHome) -> AsyncIterator[str]:
    """The API's address."""
    async with serving(home.root, bus) as served:
        yield served


@for_each_test
async def room(bus: int, home: SqliteHome) -> AsyncIterator[Room]:
    """A gateway's voice on the bus, with its store; it answers commands and reports, but does not move by itself."""
    async with aiomqtt.Client("127.0.0.1", bus, max_queued_outgoing_messages=1000) as client:
        room = Room(client, home, f"room{next(ROOMS)}")
        async with room.doing(room.answer()), room.doing(room.report()):
            yield room
        await room.leave()


@for_each_test
async def moving(room: Room) -> AsyncIterator[Room]:
    """The same with a person who squats."""
    async with room.doing(room.move()):
        yield room


@pytest.fixture
def serve() -> Callable[..., contextlib.AbstractAsyncContextManager[str]]:
    """Run the API with settings of one's own: see `serving`."""
    return serving


@pytest.fixture(scope="session")
def batches() -> Callable[..., list[Batch]]:
    """Make the rows of somebody who squats: see `rows_of`."""
    return rows_of


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@for_all_tests
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium, for all tests."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        yield browser
        await browser.close()


@for_each_test
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of a laptop's size in a context of its own; a script error on it fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert errors == []
