"""Replays inside the gateway: sessions played onto the bus beside the live one, a few at a time."""

import asyncio
from collections.abc import Callable, Iterable

from fusion.estimates import Batch, Event, Json
from gateway.bus.messages import Outgoing, batch_message, event_message
from gateway.hosttime import HostClock
from gateway.recordings import Refused
from gateway.records import Record
from gateway.replay import Replay, open_replay, play
from gateway.store.home import SqliteHome

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
        self._replays: dict[str, tuple[Replay, asyncio.Task[None]]] = {}

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
            Refused: Too many replays play.
        """
        if len(self._replays) >= MAX_REPLAYS:
            raise Refused(f"{MAX_REPLAYS} replays play already: stop one first")
        replay, reader = await asyncio.to_thread(open_replay, self._home, session, speed, self._clock)

        def sink(_: list[Record], batches: list[Batch], events: list[Event]) -> None:
            self._spread(replay.id, batches, events)

        async def run() -> None:
            try:
                await play(replay, reader.records(), self._clock, sink)
            finally:
                del self._replays[replay.id]
                reader.close()
                self._changed()

        self._replays[replay.id] = replay, self._spawn(run())
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
