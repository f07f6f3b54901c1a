"""Writes one session: records as they come, estimates by the second.

Synchronous and for one thread at a time. What `append` and `write` complete (a block of half a second, a row of one
second) is committed before they return; `flush` also commits what is not complete yet. So a killed process loses less
than half a second of records and one second of estimates, which can be computed again.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from fusion.estimates import Batch, Event, Json
from gateway.records import Control, Record
from gateway.store import codec, schema
from gateway.store.blocks import encode_block, time_of
from gateway.store.claim import Claim
from gateway.store.interface import SessionInfo, SessionState
from gateway.store.record_reader import RecordReader
from gateway.store.schema import SECOND
from gateway.store.sensor_use import SensorUse, sensors_of

PLACING = ("sensor", "placement")
"""Kinds of controls that say which sensors a session has."""
BLOCK_NS = 500_000_000
"""A block spans at most so long [ns]."""
BLOCK_RECORDS = 4096
"""A block has at most so many records: more than any body sends in half a second."""


@dataclass(slots=True)
class _Second:
    """The rows of one stream within one second, as far as they have come."""

    second: int
    t: NDArray[np.int64]
    values: NDArray[np.float32]
    dirty: bool = False


Closed = Callable[[SessionInfo, Sequence[SensorUse]], None]
"""Is told the final description of a session, and its sensors."""


class SessionWriter:
    """The one writer of a session; `create` and `reopen` make it."""

    def __init__(self, path: Path, db: sqlite3.Connection, claim: Claim, closed: Closed | None) -> None:
        self.path = path
        self.info = schema.session_info(db)
        self._db = db
        self._claim = claim
        self._closed = closed
        self._waiting: list[Record] = []
        self._sensors = [control for control in RecordReader(db, []).controls() if control.kind in PLACING]
        self._last: int | None = schema.last_time(db)
        self._streams: dict[tuple[str, int, tuple[str, ...], tuple[str, ...]], int] = {}
        self._periods: dict[int, int] = {}
        self._seconds: dict[int, _Second] = {}

    @classmethod
    def create(
        cls, path: Path, info: SessionInfo, settings: Mapping[str, Json] | None = None, closed: Closed | None = None
    ) -> "SessionWriter":
        """Make the file of a new session; raises `FileExistsError`.

        Args:
            settings: The parameters of the pipeline that will compute the series, kept as they are.
            closed: Called once the file is closed.
        """
        claim = Claim(lock_path(path))
        try:
            db = schema.create_file(path, info, dict(settings or {}))
        except BaseException:
            claim.release()
            raise
        return cls(path, db, claim, closed)

    @classmethod
    def reopen(cls, path: Path, closed: Closed | None = None) -> "SessionWriter":
        """Go on writing a session; raises `Claimed` while another writer is at work, `UnreadableSession`."""
        claim = Claim(lock_path(path))
        try:
            db = schema.open_file(path, write=True)
        except BaseException:
            claim.release()
            raise
        return cls(path, db, claim, closed)

    def append(self, records: Iterable[Record]) -> None:
        """Add records in the order in which they took effect; whole blocks are committed on return."""
        waiting = self._waiting
        for record in records:
            if waiting and (abs(time_of(record) - time_of(waiting[0])) >= BLOCK_NS or len(waiting) >= BLOCK_RECORDS):
                self._write_block()
            waiting.append(record)
            if isinstance(record, Control) and record.kind in PLACING:
                self._sensors.append(record)
        self._db.commit()

    def write(self, batches: Sequence[Batch], events: Sequence[Event] = ()) -> None:
        """Add rows of series and events; whole seconds and events are committed on return.

        A row whose time is there already in the same set of series takes the place of the earlier one.
        """
        for batch in batches:
            if batch.values.size:
                self._add(batch)
        self._db.executemany(
            'INSERT INTO event (t, "end", name, data) VALUES (?, ?, ?, ?)',
            [(event.t, event.end, event.name, orjson.dumps(dict(event.data))) for event in events],
        )
        self._db.commit()

    def flush(self) -> None:
        """Put on the disk all that was handed over."""
        if self._waiting:
            self._write_block()
        for stream, second in self._seconds.items():
            if second.dirty:
                self._write_second(stream, second)
        self._db.commit()

    def describe(self, info: SessionInfo) -> None:
        """Replace the description that the file holds."""
        self.info = info
        schema.put_meta(self._db, "info", info)
        self._db.commit()

    def clear_estimates(self, version: str, settings: Mapping[str, Json]) -> None:
        """Remove the series and events, which another version or other parameters are about to compute again."""
        self._seconds.clear()
        for table in ("samples", "overview", "event"):
            self._db.execute(f"DELETE FROM {table}")
        schema.put_meta(self._db, "settings", dict(settings))
        self.describe(replace(self.info, version=version))

    def close(self, state: SessionState | None = "complete", ended: int | None = None) -> SessionInfo:
        """Flush, and close the file; where the disk refuses, the session is found as interrupted later.

        Args:
            state: What becomes of the session; None leaves state and end as they are.
            ended: End of the session [ns UTC]; None: the time of the last record or row.
        """
        try:
            self.flush()
            if state is not None:
                self.info = schema.session_info(self._db)  # whose title may have been changed by another process
                end = ended if ended is not None else max(self.info.started, self._last or self.info.started)
                self.describe(replace(self.info, state=state, ended=end))
        finally:
            self.abandon()
        if self._closed is not None:
            self._closed(self.info, self.sensors())
        return self.info

    def sensors(self) -> list[SensorUse]:
        """Return the sensors of the session so far."""
        return sensors_of(self._sensors)

    def abandon(self) -> None:
        """Close the file as it is, without what was not flushed; the session stays in the state it is in."""
        self._db.close()
        self._claim.release()

    def _write_block(self) -> None:
        records = self._waiting
        data = encode_block(records)
        times = [time_of(record) for record in records]
        controls = sum(isinstance(record, Control) for record in records)
        self._db.execute(
            "INSERT INTO block (first, last, records, controls, crc, data) VALUES (?, ?, ?, ?, ?, ?)",
            (min(times), max(times), len(records), controls, codec.checksum(data), data),
        )
        self._seen(max(times))
        records.clear()

    def _add(self, batch: Batch) -> None:
        stream = self._stream(batch)
        seconds = batch.t // SECOND
        cuts = np.flatnonzero(np.diff(seconds)) + 1
        with np.errstate(over="ignore"):  # beyond float32 is infinite, which is what it looks like on any axis
            values = batch.values.astype(np.float32)
        for t, part in zip(np.split(batch.t, cuts), np.split(values, cuts), strict=True):
            pending = self._pending(stream, int(t[0] // SECOND), len(batch.names))
            pending.t, pending.values = _merged(pending, t, part)
            pending.dirty = True
        self._seen(int(batch.t[-1]))

    def _stream(self, batch: Batch) -> int:
        key = (batch.topic, batch.period_ns, batch.names, batch.units)
        stream = self._streams.get(key)
        if stream is None:
            row = (batch.topic, batch.period_ns, orjson.dumps(batch.names), orjson.dumps(batch.units))
            self._db.execute("INSERT OR IGNORE INTO stream (topic, period_ns, names, units) VALUES (?, ?, ?, ?)", row)
            found = self._db.execute(
                "SELECT id FROM stream WHERE topic = ? AND period_ns = ? AND names = ? AND units = ?", row
            ).fetchone()
            stream = self._streams[key] = int(found[0])
            self._periods[stream] = batch.period_ns
        return stream

    def _pending(self, stream: int, second: int, width: int) -> _Second:
        """Return the rows of this second so far; those of the second before go to the file."""
        pending = self._seconds.get(stream)
        if pending is not None and pending.second == second:
            return pending
        if pending is not None and pending.dirty:
            self._write_second(stream, pending)
        stored = stored_second(self._db, stream, second, self._periods[stream], width)
        t, values = stored or (np.empty(0, np.int64), np.empty((0, width), np.float32))
        pending = self._seconds[stream] = _Second(second, t, values)
        return pending

    def _write_second(self, stream: int, pending: _Second) -> None:
        t, values = pending.t, pending.values
        even = bool((np.diff(t) == self._periods[stream]).all())
        times = None if even else codec.compress(codec.pack_ints(t))
        data = codec.pack_floats(values)
        self._db.execute(
            "INSERT OR REPLACE INTO overview VALUES (?, ?, ?, ?, ?, ?)",
            (stream, pending.second, int(t[0]), int(t[-1]), len(t), bounds_of(values).tobytes()),
        )
        self._db.execute(
            "INSERT INTO samples VALUES (?, ?, ?, ?, ?) ON CONFLICT (stream, second) DO UPDATE"
            " SET crc = excluded.crc, times = excluded.times, data = excluded.data",
            (stream, pending.second, codec.checksum(times, data), times, data),
        )
        pending.dirty = False

    def _seen(self, t: int) -> None:
        self._last = t if self._last is None else max(self._last, t)


def lock_path(path: Path) -> Path:
    """Return the lock beside the file of a session."""
    return path.with_name(f".{path.stem}.lock")


def bounds_of(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return minimum and maximum of each series, shape (m, 2); NaN where it has no value."""
    low = np.fmin.reduce(values, axis=0)
    high = np.fmax.reduce(values, axis=0)
    return np.stack([low, high], axis=1).astype(np.float32)


def stored_second(
    db: sqlite3.Connection, stream: int, second: int, period_ns: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """Return times and rows of one second, or None where there are none or they are damaged."""
    row = db.execute(
        "SELECT first, rows, crc, times, data FROM overview JOIN samples USING (stream, second)"
        " WHERE stream = ? AND second = ?",
        (stream, second),
    ).fetchone()
    if row is None or codec.checksum(row[3], row[4]) != row[2]:
        return None
    return row_times(row[0], row[1], row[3], period_ns), codec.unpack_floats(row[4], row[1], width)


def row_times(first: int, rows: int, times: bytes | None, period_ns: int) -> NDArray[np.int64]:
    """Return the times of the rows of one second [ns UTC], shape (rows,)."""
    if times is not None:
        return codec.unpack_ints(codec.decompress(times), rows)
    return first + np.arange(rows, dtype=np.int64) * period_ns


def _merged(
    pending: _Second, t: NDArray[np.int64], values: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the rows with the new ones among them, in order of time; of equal times the newest."""
    all_t, all_values = np.concatenate([pending.t, t]), np.concatenate([pending.values, values])
    if (np.diff(all_t) > 0).all():
        return all_t, all_values
    newest_first = all_t[::-1]
    kept, index = np.unique(newest_first, return_index=True)
    return kept, all_values[::-1][index]
