"""The gateway process: one task tree that owns the radio, the hub, the bus connection and the recording."""

import asyncio
import importlib.metadata
import logging
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress

from devices import registry
from devices.profile import StreamOptions
from fusion import orientation
from fusion.estimates import Batch, Event, Json
from gateway.bus.broker import embedded_broker
from gateway.bus.client import BusClient
from gateway.bus.messages import (
    Message,
    batch_message,
    decode,
    event_message,
    gateway_topic,
    last_will,
    reply_message,
    status_message,
)
from gateway.commands import Commands, Refused
from gateway.haptics import Haptics
from gateway.hosttime import HostClock
from gateway.hub import Hub
from gateway.links.finder import Finder, Sighting
from gateway.links.link import Link, Plan
from gateway.queues import DropOldest
from gateway.radio import Radio, RadioLost, RadioUnavailable, open_radio, watch
from gateway.recorder import Recorder
from gateway.records import Packet, Record
from gateway.replay import Replay, open_replay, play
from gateway.settings import SensorSettings, Settings
from gateway.status import calibration_status, problems, sensors_status
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo

log = logging.getLogger(__name__)

STATUS_S = 1.0
RADIO_RETRY_S = 2.0
MAX_REPLAYS = 4
COMMANDS_LIMIT = 50


def version() -> str:
    """Return the installed version of Kinestream."""
    return importlib.metadata.version("kinestream")


class Gateway:
    """Everything that one gateway process does."""

    def __init__(self, settings: Settings, clock: HostClock | None = None) -> None:
        self.settings = settings
        self.clock = clock or HostClock()
        self.home = SqliteHome(settings.data_dir)
        self.links: dict[str, Link] = {}
        name = settings.gateway.id
        self._inbox: DropOldest[Message] = DropOldest(COMMANDS_LIMIT)
        self.bus = BusClient(
            settings.bus,
            f"kinestream-gateway-{name}",
            ((gateway_topic(name, "command"), 1),),
            self._on_message,
            self._status_now,
            (gateway_topic(name, "status"), last_will(name)),
        )
        self.haptics = Haptics(settings.posture, self.clock, lambda: self.links.values(), self._emit)
        self.hub = Hub(
            name, settings.pipeline, settings.gateway.batch_s, self.clock, self.bus.publish, self.haptics.notice
        )
        self.commands = Commands(
            self.hub,
            self.links,
            self.haptics,
            self.start_recording,
            self.stop_recording,
            self.start_replay,
            self.stop_replay,
        )
        self._replays: dict[str, tuple[Replay, asyncio.Task[None]]] = {}
        self._recording: asyncio.Task[None] | None = None
        self._title = ""
        self._radio_problem: str | None = None
        self._record_problem: str | None = None
        self._finder: Finder | None = None

    # Life

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then end everything in order.

        Raises:
            OSError: The embedded broker's port is taken.
        """
        orientation.warm()
        for info in self.home.interrupted():
            self.home.recover(info.id)
            log.warning("session %s was interrupted; what it holds is kept: kinestream sessions", info.id)
        async with AsyncExitStack() as stack:
            if self.settings.bus.embedded:
                await stack.enter_async_context(embedded_broker(self.settings.bus.port))
            async with asyncio.TaskGroup() as group:
                self._group = group
                tasks = [
                    group.create_task(work, name=name)
                    for name, work in (
                        ("bus", self.bus.run()),
                        ("hub", self.hub.run()),
                        ("haptics", self.haptics.run()),
                        ("status", self._report()),
                        ("commands", self._obey()),
                        ("radio", self._on_air()),
                    )
                ]
                if self.settings.gateway.record:
                    await self.start_recording(self.settings.gateway.title, None)
                await stop.wait()
                await self._end(tasks)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        log.info("stopping")
        for replay in list(self._replays):
            self.stop_replay(replay)
        radio = tasks[-1]
        radio.cancel()
        await asyncio.wait([radio])
        if self.hub.recorder:
            with suppress(Refused):
                await self.stop_recording()
        self.bus.publish(status_message(self.settings.gateway.id, {"gateway": self.settings.gateway.id, "online": False}))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while self.bus.connected and len(self.bus.outbox):
                    await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()

    # Radio

    async def _on_air(self) -> None:
        """Keep a radio open and the links on it; a lost radio is opened again."""
        radio = self.settings.radio
        while True:
            try:
                async with open_radio(radio.backend, radio.transport) as opened:
                    self._radio_problem = None
                    await self._run_links(opened)
            except RadioUnavailable as error:
                self._radio_trouble(str(error))
            except* RadioLost as errors:
                self._radio_trouble(str(errors.exceptions[0]))
            await asyncio.sleep(RADIO_RETRY_S)

    def _radio_trouble(self, problem: str) -> None:
        if problem != self._radio_problem:
            log.warning("%s; trying again", problem)
        self._radio_problem = problem

    async def _run_links(self, radio: Radio) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(watch(radio))

            def welcome(sighting: Sighting) -> None:
                plan = self._stranger(sighting)
                if plan:
                    self._start_link(group, plan, radio, finder)

            strangers = None if self.settings.sensor else welcome
            finder = self._finder = Finder(radio, self.settings.radio.scan_s, strangers)
            group.create_task(finder.run())
            known = [plan_for(sensor) for sensor in self.settings.sensor]
            known += [link.plan for link in self.links.values() if not self.settings.sensor]
            for plan in known:
                self._start_link(group, plan, radio, finder)

    def _start_link(self, group: asyncio.TaskGroup, plan: Plan, radio: Radio, finder: Finder) -> None:
        if plan.id not in self.links:
            data: dict[str, Json] = {
                "model": plan.driver.model,
                "address": plan.address,
                "options": plan.options_data(),
            }
            self.hub.introduce(plan.id, data)
            if plan.segment or plan.channels:
                channels: dict[str, Json] = {str(k): v for k, v in plan.channels.items()}
                self.hub.place(plan.id, {"segment": plan.segment, "channels": channels})
        link = Link(plan, radio, finder, self.settings.radio, self.clock, self._emit)
        self.links[plan.id] = link
        group.create_task(link.run(), name=plan.id)

    def _stranger(self, sighting: Sighting) -> Plan | None:
        """Plan a link for a recognised device that nobody named."""
        address = sighting.device.address
        if sighting.driver is None or any(link.plan.address == address for link in self.links.values()):
            return None
        tail = "".join(c for c in address if c.isalnum())[-4:].lower()
        return Plan(
            f"{sighting.driver.model.replace('_', '-')}-{tail}",
            sighting.driver,
            address,
            channels=_own_channels(sighting.driver.capabilities),
        )

    def _emit(self, record: Record) -> None:
        self.hub.emit(record)

    # Recording and replay

    async def start_recording(self, title: str, subject: str | None) -> str:
        """Begin a session and return its id.

        Raises:
            Refused: One is being recorded already.
            OSError: The data folder cannot be written.
        """
        if self.hub.recorder:
            raise Refused(f"session {self.hub.recorder.session} is being recorded already: stop it first")
        now = self.clock.now()
        info = SessionInfo(
            self.home.new_id(), title, subject, "live", "recording", now, None, self.settings.gateway.id, version()
        )
        writer = await asyncio.to_thread(self.home.create, info)
        for link in self.links.values():
            for uuid, data in link.reads.items():
                self.hub.keep_read(Packet(now, link.plan.id, uuid, data))
        recorder = Recorder(info.id, writer, self.settings.store.flush_s)
        self._title, self._record_problem = title, None
        self.hub.begin_recording(recorder)
        self._recording = self._group.create_task(recorder.run(), name="recorder")
        self._status_now()
        log.info("recording session %s", info.id)
        return info.id

    async def stop_recording(self) -> str:
        """End the session that is being recorded, written to the last record, and return its id.

        Raises:
            Refused: Nothing is being recorded.
        """
        recorder = self.hub.end_recording("asked")
        if recorder is None or self._recording is None:
            raise Refused("nothing is being recorded: start a recording first")
        await self._recording
        self._recording = None
        self._status_now()
        log.info("recorded session %s", recorder.session)
        return recorder.session

    async def start_replay(self, session: str, speed: float) -> str:
        """Play a session onto the bus and return the replay's id.

        Raises:
            LookupError: There is no such session.
            Refused: Too many replays play.
        """
        if len(self._replays) >= MAX_REPLAYS:
            raise Refused(f"{MAX_REPLAYS} replays play already: stop one first")
        replay, reader = await asyncio.to_thread(open_replay, self.home, session, speed, self.clock)

        def sink(_: list[Record], batches: list[Batch], events: list[Event]) -> None:
            self._publish_replay(replay.id, batches, events)

        async def run() -> None:
            try:
                await play(replay, reader.records(), self.clock, sink)
            finally:
                del self._replays[replay.id]
                reader.close()
                self._status_now()

        self._replays[replay.id] = replay, self._group.create_task(run(), name=f"replay {session}")
        self._status_now()
        return replay.id

    def _publish_replay(self, session: str, batches: Iterable[Batch], events: Iterable[Event]) -> None:
        for batch in batches:
            self.bus.publish(batch_message(self.settings.gateway.id, session, batch))
        for event in events:
            self.bus.publish(event_message(self.settings.gateway.id, session, event))

    def stop_replay(self, session: str) -> None:
        """End a replay.

        Raises:
            LookupError: It does not play.
        """
        if session not in self._replays:
            raise LookupError(f"no replay {session} is playing")
        self._replays[session][1].cancel()

    # Bus

    def _on_message(self, _: str, payload: bytes) -> None:
        message = decode(payload)
        if message is not None:
            self._inbox.put(message)

    async def _obey(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                message = await self._inbox.get()
                group.create_task(self._answer(message))

    async def _answer(self, message: Message) -> None:
        self.bus.publish(reply_message(self.settings.gateway.id, await self.commands.answer(message)))
        self._status_now()

    async def _report(self) -> None:
        while True:
            recorder = self.hub.recorder
            if recorder and recorder.problem:
                self._record_problem = recorder.problem
                self.hub.end_recording("disk")
                self._recording = None
            self._status_now()
            await asyncio.sleep(STATUS_S)

    def _status_now(self) -> None:
        self.bus.publish(status_message(self.settings.gateway.id, self.status()))

    def status(self) -> dict[str, Json]:
        """Describe the gateway and its sensors as the bus tells it."""
        now = self.clock.now()
        finder, stale = self._finder, self.settings.gateway.stale_s
        return {
            "gateway": self.settings.gateway.id,
            "online": True,
            "version": version(),
            "t": now,
            "session": self.hub.session,
            "recording": self.hub.recorder is not None,
            "title": self._title if self.hub.recorder else None,
            "replays": [replay.describe() for replay, _ in self._replays.values()],
            "calibration": calibration_status(self.hub.engine),
            "problems": problems(self._radio_problem, finder.problem if finder else None, self._record_problem),
            "sensors": sensors_status(self.links.values(), self.hub.engine, finder, now, stale) if finder else [],
        }


def plan_for(sensor: SensorSettings) -> Plan:
    """Turn a `[[sensor]]` entry into a plan.

    Raises:
        LookupError: Its model is not known.
        ValueError: Neither address nor model is given.
    """
    if sensor.model is None:
        raise ValueError(
            f"sensor {sensor.name} needs a model: run `kinestream scan` and write the model it prints into kinestream.toml"
        )
    driver = registry.driver(sensor.model)
    channels = dict(sensor.channels) or _own_channels(driver.capabilities)
    options = StreamOptions(sensor.rate_hz, sensor.mode)
    return Plan(sensor.name, driver, sensor.address, options, sensor.segment, channels)


def _own_channels(capabilities: frozenset[str]) -> dict[int, str]:
    """A posture wearable's own angle needs no placement by the user."""
    return {0: "posture_angle"} if "posture" in capabilities else {}
