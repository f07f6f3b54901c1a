"""Replays inside the gateway: sessions played onto the bus beside the live one, a few at a time."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from fusion.estimates import Batch, Event, Json
from gateway.bus.messages import Outgoing, batch_message, event_message
from gateway.hosttime import HostClock
from gateway.records import Record
from gateway.store.home import SqliteHome
from gateway.visits.recordings import Refused
from gateway.visits.replay import UNPLAYABLE, Replay, open_replay, play

log = logging.getLogger(__name__)

MAX_REPLAYS = 4


class Playback:
    """Plays sessions when asked."""

    def __init__(
        self,
        gateway: str,
        home: SqliteHome,
        clock: HostClock,
        publish: Callable[[Outgoing], None],
        changed: Callable[[], None],
        spawn: Callable[..., asyncio.Task[None]],
    ) -> None:
        self._gateway, self._home, self._clock = gateway, home, clock
        self._publish, self._changed, self._spawn = publish, changed, spawn
        self.problem: str | None = None
        """Why the last replay that failed did so, in words; None once another begins."""
        self._replays: dict[str, tuple[Replay, asyncio.Task[None]]] = {}
        self._opening = 0
        """Replays that are being opened."""

    def describe(self) -> list[Json]:
        """Return the state of every replay."""
        return [replay.describe() for replay, _ in self._replays.values()]

    def stop_all(self) -> None:
        """End every replay."""
        for replay in list(self._replays):
            self.stop(replay)

    async def start(self, session: str, speed: float) -> str:
        """Play a session onto the bus and return the replay's id.

        Raises:
            LookupError: There is no such session.
            ValueError: It holds nothing to play, or the speed is not positive.
            OSError: It cannot be read.
            Refused: Too many replays play.
        """
        if len(self._replays) + self._opening >= MAX_REPLAYS:
            raise Refused(f"{MAX_REPLAYS} replays play already: stop one first")
        self._opening += 1
        try:
            replay, reader = await asyncio.to_thread(open_replay, self._home, session, speed, self._clock)
        finally:
            self._opening -= 1
        self.problem = None

        def sink(_: list[Record], batches: list[Batch], events: list[Event]) -> None:
            self._spread(replay.id, batches, events)

        async def run() -> None:
            try:
                await play(replay, reader.records(), self._clock, sink)
            except UNPLAYABLE as error:
                said = error.args[0] if isinstance(error, LookupError) and error.args else error
                self.problem = f"The replay of {session} ended: {said}"
                log.warning("%s", self.problem)

        def ended(_: asyncio.Task[None]) -> None:
            del self._replays[replay.id]
            reader.close()
            self._changed()

        task = self._spawn(run())
        task.add_done_callback(ended)  # also of a replay that is stopped before it begins
        self._replays[replay.id] = replay, task
        self._changed()
        return replay.id

    def _spread(self, session: str, batches: Iterable[Batch], events: Iterable[Event]) -> None:
        for batch in batches:
            self._publish(batch_message(self._gateway, session, batch))
        for event in events:
            self._publish(event_message(self._gateway, session, event))

    def stop(self, session: str) -> None:
        """End a replay.

        Raises:
            LookupError: It does not play.
        """
        if session not in self._replays:
            raise LookupError(f"no replay {session} is playing")
        self._replays[session][1].cancel()
