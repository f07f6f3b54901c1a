"""Beginning and ending sessions, one at a time: the only place where a recording starts or stops."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass

from gateway.hosttime import HostClock
from gateway.hub import Hub
from gateway.settings import Settings
from gateway.store.home import SqliteHome
from gateway.store.influx import InfluxAddress, InfluxHome
from gateway.store.interface import SessionInfo
from gateway.tasks import end
from gateway.version import version
from gateway.visits.feeder import COLLECT_S, Feeder
from gateway.visits.recorder import Recorder

log = logging.getLogger(__name__)


class Refused(ValueError):
    """What was asked cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Take:
    """What one running recording consists of."""

    title: str
    recorder: Recorder
    writing: asyncio.Task[None]
    feeder: Feeder | None
    feeding: asyncio.Task[None] | None


class Recordings:
    """Starts and stops recordings; callers at once take turns."""

    def __init__(
        self,
        settings: Settings,
        home: SqliteHome,
        hub: Hub,
        clock: HostClock,
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
        changed: Callable[[], None],
    ) -> None:
        self._settings, self._home, self._hub, self._clock = settings, home, hub, clock
        self._spawn, self._changed = spawn, changed
        self._turn = asyncio.Lock()
        self._take: Take | None = None
        self._problem: str | None = None

    @property
    def title(self) -> str | None:
        """Title of the session that is being recorded."""
        return self._take.title if self._take else None

    @property
    def problems(self) -> tuple[str | None, ...]:
        """Why a recording ended by itself, and why the database takes nothing."""
        return self._problem, self._take.feeder.problem if self._take and self._take.feeder else None

    async def start(self, title: str, subject: str | None) -> str:
        """Begin a session and return its id.

        Raises:
            Refused: One is being recorded already.
            OSError: The data folder cannot be written.
        """
        async with self._turn:
            if self._take:
                raise Refused(f"session {self._take.recorder.session} is being recorded already: stop it first")
            if not self._hub.engine.sensors:
                self._clock.set()
            now, gateway = self._clock.now(), self._settings.gateway.id
            info = SessionInfo(
                self._home.new_id(now), title, subject, "live", "recording", now, None, gateway, version()
            )
            try:
                writer = await asyncio.to_thread(self._home.create, info, asdict(self._settings.pipeline))
            except OSError as error:
                self._problem = f"Nothing is recorded, the data folder cannot be written: {error}"
                log.error("%s", self._problem)
                raise
            feeder = self._new_feeder(info.id, subject)
            recorder = Recorder(info.id, writer, self._settings.store.flush_s, feeder)
            self._problem = None
            self._hub.begin_recording(recorder)
            feeding = self._spawn(feeder.run()) if feeder else None
            self._take = Take(title, recorder, self._spawn(recorder.run()), feeder, feeding)
        self._changed()
        log.info("recording session %s", info.id)
        return info.id

    async def stop(self, session: str | None = None) -> str:
        """End the session that is being recorded, written to the last record, and return its id.

        Raises:
            Refused: Nothing is being recorded, or another session than the one that was meant.
        """
        async with self._turn:
            take = self._take
            if take is None:
                raise Refused("nothing is being recorded: start a recording first")
            if session and take.recorder.session != session:
                raise Refused(f"session {session} is not being recorded: {take.recorder.session} is")
            await self._finish(take, "asked")
        return take.recorder.session

    async def tend(self) -> None:
        """End a recording that cannot go on, and keep its reason."""
        take = self._take
        if take and take.recorder.problem:
            async with self._turn:
                if self._take is take:
                    await self._finish(take, "disk")
                    self._problem = take.recorder.problem

    async def _finish(self, take: Take, reason: str) -> None:
        self._hub.end_recording(reason)
        await asyncio.wait([take.writing])
        if take.feeding:
            await asyncio.sleep(2 * COLLECT_S)
            await end([take.feeding])
        self._take = None
        self._changed()
        log.info("recorded session %s", take.recorder.session)

    def _new_feeder(self, session: str, subject: str | None) -> Feeder | None:
        """Prepare to feed the database that the settings name, if they do."""
        store = self._settings.store
        if store.kind == "sqlite":
            return None
        server = InfluxAddress(store.url, store.token, store.org, store.bucket)
        return Feeder(session, InfluxHome(server, self._settings.gateway.id, lambda _: subject))
