"""The gateway process: one task tree that owns the radio, the hub, the bus connection and the recording."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress

from fusion import pipeline
from fusion.emg.zones import Zone
from fusion.estimates import Json
from gateway.bus.broker import embedded_broker
from gateway.bus.client import BusClient
from gateway.bus.commands import Commands
from gateway.bus.messages import Message, decode, gateway_topic, last_will, reply_message, status_message
from gateway.bus.status import calibration_status, posture_status, problems, sensors_status
from gateway.haptics import Haptics
from gateway.hosttime import HostClock
from gateway.hub import Hub
from gateway.links.roster import Roster
from gateway.queues import DropOldest
from gateway.records import Record
from gateway.settings import Settings
from gateway.store.home import SqliteHome
from gateway.tasks import end
from gateway.version import version
from gateway.visits.playback import Playback
from gateway.visits.recordings import Recordings, Refused

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
        self.recordings = Recordings(settings, self.home, self.hub, self.clock, self._spawn, self.report)
        self.playback = Playback(name, self.home, self.clock, self.bus.publish, self.report, self._spawn)
        self.commands = Commands(
            self.hub,
            self.roster.links,
            self.haptics,
            self.recordings.start,
            self.recordings.stop,
            self.playback.start,
            self.playback.stop,
            self.home.normalisers,
        )
        if settings.zone:
            self.hub.set_zones([Zone.from_json(zone.model_dump()).to_json() for zone in settings.zone])
        self._group: asyncio.TaskGroup | None = None

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` is set, then end everything in order; `ready` is called once the ports are ours.

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
            ready()
            async with asyncio.TaskGroup() as self._group:
                radio = self._spawn(self.roster.run())
                works = (self.bus.run(), self.hub.run(), self.haptics.run(), self._report_often(), self._obey())
                tasks = [self._spawn(work) for work in works]
                if self.settings.gateway.record:
                    with suppress(OSError):  # the status says why; live goes on
                        await self.recordings.start(self.settings.gateway.title, None)
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
        with suppress(Refused):
            await self.recordings.stop()
        self.bus.publish(status_message(self.name, {"gateway": self.name, "online": False}))
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self.bus.flushed()
        await end(tasks)

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
            await self.recordings.tend()
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
            "title": self.recordings.title,
            "replays": self.playback.describe(),
            "calibration": calibration_status(self.hub.engine),
            "posture": posture_status(self.hub.engine),
            "muscles": self.hub.engine.pipeline.muscles.describe(),
            "zones": self.hub.engine.pipeline.muscles.zones.describe(),
            "problems": problems(*self.roster.problems, *self.recordings.problems, self.playback.problem),
            "dropped": {
                "records": self.hub.overrun,
                "messages": self.bus.outbox.dropped,
                "commands": self._inbox.dropped,
                "unknown_packets": self.hub.engine.unknown,
            },
            "sensors": sensors_status(links, self.hub.engine, finder, now, self.settings.gateway.stale_s),
        }
