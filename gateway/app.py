"""The gateway process: one task tree that owns the radio, the hub, the bus connection and the recording."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict

from fusion import pipeline
from fusion.estimates import Json
from gateway.bus.broker import embedded_broker
from gateway.bus.client import BusClient
from gateway.bus.messages import Message, decode, gateway_topic, last_will, reply_message, status_message
from gateway.commands import Commands, Refused
from gateway.feeder import COLLECT_S, Feeder
from gateway.haptics import Haptics
from gateway.hosttime import HostClock
from gateway.hub import Hub
from gateway.playback import Playback
from gateway.queues import DropOldest
from gateway.recorder import Recorder
from gateway.records import Record
from gateway.roster import Roster
from gateway.settings import Settings
from gateway.status import calibration_status, posture_status, problems, sensors_status
from gateway.store.home import SqliteHome
from gateway.store.influx import InfluxAddress, InfluxHome
from gateway.store.interface import SessionInfo
from gateway.tasks import end
from gateway.version import version

log = logging.getLogger(__name__)

STATUS_S = 1.0
COMMANDS_LIMIT = 50
GOODBYE_S = 0.5
"""The last messages get so long to reach the broker [s]."""


class Gateway:
    """Everything that one gateway process does."""

    def __init__(self, settings: Settings, clock: HostClock | None = None) -> None:
        self.settings = settings
        self.name = name = settings.gateway.id
        self.clock = clock or HostClock()
        self.home = SqliteHome(settings.data_dir)
        self._inbox: DropOldest[Message] = DropOldest(COMMANDS_LIMIT)
        self.bus = BusClient(
            settings.bus,
            f"kinestream-gateway-{name}",
            ((gateway_topic(name, "command"), 1),),
            self._on_message,
            self.report,
            (gateway_topic(name, "status"), last_will(name)),
        )
        self.haptics = Haptics(settings.posture, self.clock, lambda: self.roster.links.values(), self._emit)
        self.hub = Hub(
            name, settings.pipeline, settings.gateway.batch_s, self.clock, self.bus.publish, self.haptics.notice
        )
        self.roster = Roster(settings, self.hub)
        self.playback = Playback(name, self.home, self.clock, self.bus.publish, self.report, self._spawn)
        self.commands = Commands(
            self.hub,
            self.roster.links,
            self.haptics,
            self.start_recording,
            self.stop_recording,
            self.playback.start,
            self.playback.stop,
        )
        self._group: asyncio.TaskGroup | None = None
        self._recording: asyncio.Task[None] | None = None
        self._feeder: Feeder | None = None
        self._feeding: asyncio.Task[None] | None = None
        self._title = ""
        self._record_problem: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then end everything in order.

        Raises:
            OSError: The embedded broker's port is taken, or the data folder cannot be written.
        """
        pipeline.warm()
        for info in self.home.interrupted():
            self.home.recover(info.id)
            log.warning("session %s was interrupted; what it holds is kept: kinestream sessions", info.id)
        async with AsyncExitStack() as stack:
            if self.settings.bus.embedded:
                await stack.enter_async_context(embedded_broker(self.settings.bus.port))
            async with asyncio.TaskGroup() as self._group:
                radio = self._spawn(self.roster.run())
                works = (self.bus.run(), self.hub.run(), self.haptics.run(), self._report_often(), self._obey())
                tasks = [self._spawn(work) for work in works]
                if self.settings.gateway.record:
                    await self.start_recording(self.settings.gateway.title, None)
                await stop.wait()
                await self._end(radio, tasks)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        assert self._group is not None, "the gateway runs"
        return self._group.create_task(work)

    async def _end(self, radio: asyncio.Task[None], tasks: list[asyncio.Task[None]]) -> None:
        """Stop the sensors first, then close the session, then say goodbye on the bus."""
        log.info("stopping")
        self.playback.stop_all()
        await end([radio])
        if self.hub.recorder:
            await self.stop_recording()
        self.bus.publish(status_message(self.name, {"gateway": self.name, "online": False}))
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self.bus.flushed()
        await end(tasks)

    # Recording

    async def start_recording(self, title: str, subject: str | None) -> str:
        """Begin a session and return its id.

        Raises:
            Refused: One is being recorded already.
            OSError: The data folder cannot be written.
        """
        if self.hub.recorder:
            raise Refused(f"session {self.hub.recorder.session} is being recorded already: stop it first")
        now = self.clock.now()
        info = SessionInfo(self.home.new_id(), title, subject, "live", "recording", now, None, self.name, version())
        writer = await asyncio.to_thread(self.home.create, info, asdict(self.settings.pipeline))
        self._feeder = self._new_feeder(info.id, subject)
        recorder = Recorder(info.id, writer, self.settings.store.flush_s, self._feeder)
        self._title, self._record_problem = title, None
        self.hub.begin_recording(recorder)
        self._recording = self._spawn(recorder.run())
        self.report()
        log.info("recording session %s", info.id)
        return info.id

    async def stop_recording(self, session: str | None = None) -> str:
        """End the session that is being recorded, written to the last record, and return its id.

        Raises:
            Refused: Nothing is being recorded, or another session than the one that was meant.
        """
        current = self.hub.recorder
        if session and current and current.session != session:
            raise Refused(f"session {session} is not being recorded: {current.session} is")
        recorder = self.hub.end_recording("asked")
        if recorder is None or self._recording is None:
            raise Refused("nothing is being recorded: start a recording first")
        await self._recording
        self._recording = None
        if self._feeding:
            await asyncio.sleep(2 * COLLECT_S)
            await end([self._feeding])
            self._feeding = None
        self.report()
        log.info("recorded session %s", recorder.session)
        return recorder.session

    def _new_feeder(self, session: str, subject: str | None) -> Feeder | None:
        """Begin to feed the database that the settings name, if they do."""
        store = self.settings.store
        if store.kind == "sqlite":
            return None
        server = InfluxAddress(store.url, store.token, store.org, store.bucket)
        feeder = Feeder(session, InfluxHome(server, self.name, lambda _: subject))
        self._feeding = self._spawn(feeder.run())
        return feeder

    # Bus

    def _emit(self, record: Record) -> None:
        self.hub.emit(record)

    def _on_message(self, topic: str, payload: bytes) -> None:
        """Take a command; amqtt also hands in retained messages that nobody subscribed to."""
        message = decode(payload) if topic == gateway_topic(self.name, "command") else None
        if message is not None:
            self._inbox.put(message)

    async def _obey(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._answer(await self._inbox.get()))

    async def _answer(self, message: Message) -> None:
        self.bus.publish(reply_message(self.name, await self.commands.answer(message)))
        self.report()

    async def _report_often(self) -> None:
        while True:
            recorder = self.hub.recorder
            if recorder and recorder.problem:
                self._record_problem = recorder.problem
                self.hub.end_recording("disk")
            self.report()
            await asyncio.sleep(STATUS_S)

    def report(self) -> None:
        """Publish the status now."""
        self.bus.publish(status_message(self.name, self.status()))

    def status(self) -> dict[str, Json]:
        """Describe the gateway and its sensors as the bus tells it."""
        now = self.clock.now()
        links, finder = self.roster.links.values(), self.roster.finder
        return {
            "gateway": self.name,
            "online": True,
            "version": version(),
            "t": now,
            "session": self.hub.session,
            "recording": self.hub.recorder is not None,
            "title": self._title if self.hub.recorder else None,
            "replays": self.playback.describe(),
            "calibration": calibration_status(self.hub.engine),
            "posture": posture_status(self.hub.engine),
            "problems": problems(
                self.roster.problem, self._record_problem, self._feeder.problem if self._feeder else None
            ),
            "sensors": sensors_status(links, self.hub.engine, finder, now, self.settings.gateway.stale_s),
        }
