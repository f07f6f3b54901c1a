"""Playing a session as if it were live: the same records through an engine of its own, at a chosen pace.

Times are shifted by whole seconds, so that they lie now and every sample keeps its place on the output grid. A replay
publishes under an id of its own and leaves nothing behind unless it is recorded.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from fusion.estimates import Batch, Event, Json
from gateway.engine import Engine
from gateway.hosttime import HostClock
from gateway.records import Packet, Record
from gateway.store.home import SqliteHome
from gateway.store.reader import SessionReader
from gateway.tasks import in_thread

BLOCK = 256
"""Records fetched at once, in a thread."""
SECOND = 1_000_000_000
UNPLAYABLE = (LookupError, ValueError, OSError, sqlite3.Error)
"""What opening or playing a session raises that is broken, or that a newer version recorded."""


@dataclass
class Replay:
    """One playing session."""

    id: str
    origin: str
    speed: float
    """1: as it was; `inf`: as fast as it goes."""
    first: int
    """Time of the first record [ns UTC]."""
    last: int
    """Time of the last record or row [ns UTC]."""
    shift: int
    """Added to every time [ns], whole seconds."""
    position: int = 0
    """How far it has played [ns from the start]."""

    @property
    def duration_s(self) -> float:
        """Length of the session [s]."""
        return (self.last - self.first) / 1e9

    def describe(self) -> dict[str, Json]:
        """Return its state for the bus."""
        return {
            "id": self.id,
            "of": self.origin,
            "speed": self.speed if self.speed != float("inf") else None,
            "position_s": round(self.position / 1e9, 2),
            "duration_s": round(self.duration_s, 2),
        }


def open_replay(home: SqliteHome, session: str, speed: float, clock: HostClock) -> tuple[Replay, SessionReader]:
    """Prepare a replay.

    Raises:
        LookupError: There is no such session.
        ValueError: It holds nothing to play, or the speed is not positive.
    """
    if not speed > 0:
        raise ValueError(f"the speed of a replay must be above zero, not {speed:g}")
    reader = home.open(session)
    record = next(reader.records(), None)
    if record is None:
        reader.close()
        raise ValueError(f"session {session} holds no records to replay")
    first = time_of(record)
    last = max(first, reader.last_time() or first)
    shift = (clock.now() - first + SECOND - 1) // SECOND * SECOND
    return Replay(home.new_id(), session, speed, first, last, shift), reader


def time_of(record: Record) -> int:
    """Return when a record took effect [ns UTC]."""
    return record.arrival if isinstance(record, Packet) else record.t


def shifted(record: Record, shift: int) -> Record:
    """Move a record in time; a file's clock is told so, and what was carried, whose times are of the past."""
    if isinstance(record, Packet):
        return replace(record, arrival=record.arrival + shift)
    if record.kind == "restore" or (record.kind == "clock" and record.data.get("source") == "file"):
        before = record.data.get("shift_ns", 0)
        data: Mapping[str, Json] = {**record.data, "shift_ns": (before if isinstance(before, int) else 0) + shift}
        return replace(record, t=record.t + shift, data=data)
    return replace(record, t=record.t + shift)


Sink = Callable[[list[Record], list[Batch], list[Event]], None]


async def play(replay: Replay, records: Iterator[Record], clock: HostClock, sink: Sink) -> None:
    """Play the records into the sink at the replay's pace, until they end or the task is cancelled.

    Once it has ended, no thread reads the records any more.
    """
    engine = Engine()
    began = clock.now()
    while block := await in_thread(lambda: list(itertools.islice(records, BLOCK))):
        for _, group in itertools.groupby(block, lambda record: time_of(record) // engine.batch_ns):
            moved = [shifted(record, replay.shift) for record in group]
            replay.position = time_of(moved[0]) - replay.shift - replay.first
            await _pace(replay, clock, began)
            for record in moved:
                engine.feed(record)
            sink(moved, *engine.take())
    engine.finish()
    replay.position = replay.last - replay.first
    sink([], *engine.take())


async def _pace(replay: Replay, clock: HostClock, began: int) -> None:
    """Wait until a record's time has come; always let others run."""
    if replay.speed == float("inf"):
        await asyncio.sleep(0)
    else:
        due = began + replay.position / replay.speed
        await asyncio.sleep(max(0.0, (due - clock.now()) / 1e9))
