"""Reads the series and events of one session, in points, in buckets or in rows.

An overview comes from the bounds of whole seconds; only a second that the asked range cuts is read itself.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from fusion.estimates import Batch, Event, Topic
from gateway.store import codec
from gateway.store.damage import Damage
from gateway.store.interface import SeriesData, SeriesInfo
from gateway.store.reduction import bucketed
from gateway.store.schema import MAX_NS, MIN_NS, SECOND
from gateway.store.session_file import row_times

PAGE = 32
"""Seconds fetched at once."""

Times = NDArray[np.int64]
Values = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class _Stream:
    id: int
    topic: Topic
    period_ns: int
    names: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Second:
    """One second of one series, by its bounds."""

    stream: _Stream
    column: int
    second: int
    first: int
    last: int
    rows: int
    bounds: bytes
    """Minimum and maximum, float32."""


class SeriesReader:
    """What a session file holds of the pipeline's results."""

    def __init__(self, db: sqlite3.Connection, damaged: list[Damage]) -> None:
        self._db = db
        self._damaged = damaged

    def series(self) -> list[SeriesInfo]:
        """List the stored series in order of topic and name."""
        found: dict[str, SeriesInfo] = {}
        for stream in self._streams():
            for info in self._described(stream):
                found[info.name] = _joined(found[info.name], info) if info.name in found else info
        return sorted(found.values(), key=lambda info: (info.topic, info.name))

    def read(
        self, name: str, start: int | None = None, stop: int | None = None, max_points: int | None = None
    ) -> SeriesData | None:
        """Return a series from start (inclusive) to stop (exclusive), or None if there is none of this name."""
        streams = [stream for stream in self._streams() if name in stream.names]
        if not streams:
            return None
        begin, end = MIN_NS if start is None else start, MAX_NS if stop is None else stop
        unit = streams[-1].units[streams[-1].names.index(name)]
        seconds = [second for stream in streams for second in self._seconds(stream, name, begin, end)]
        if max_points is not None and sum(second.rows for second in seconds) > max_points <= 2 * len(seconds):
            t, low, high = self._bounds(seconds, begin, end)
            return _few(name, unit, t, low, high, max_points)
        t, value = self._values(seconds, begin, end)
        if max_points is None or t.size <= max_points:
            return SeriesData(name, unit, t, value=value.astype(np.float64))
        return _few(name, unit, t, value, value, max_points)

    def columns(self, topic: Topic) -> list[tuple[str, str]]:
        """List name and unit of the series of a topic, in the order in which they first came."""
        found: dict[str, str] = {}
        for stream in self._streams():
            if stream.topic == topic:
                found |= dict(zip(stream.names, stream.units, strict=True))
        return list(found.items())

    def batches(self, topic: Topic) -> Iterator[Batch]:
        """Yield the stored rows of a topic in order of time, one second at most at a time."""
        streams = {stream.id: stream for stream in self._streams() if stream.topic == topic}
        query = (
            f"SELECT second, stream FROM overview WHERE stream IN ({','.join(map(str, streams))})"
            f" AND (second, stream) > (?, ?) ORDER BY second, stream LIMIT {PAGE}"
        )
        after = (MIN_NS, 0)
        while rows := self._db.execute(query, after).fetchall():
            for second, stream_id in rows:
                stream = streams[stream_id]
                t, blob = self._samples(stream, second)
                if t.size:
                    values = codec.unpack_floats(blob, t.size, len(stream.names)).astype(np.float64)
                    yield Batch(topic, t, stream.period_ns, stream.names, stream.units, values)
            after = rows[-1]

    def events(self, start: int | None = None, stop: int | None = None) -> Iterator[Event]:
        """Yield the events that begin in the interval, in order of time."""
        begin, end = MIN_NS if start is None else start, MAX_NS if stop is None else stop
        query = (
            'SELECT t, id, "end", name, data FROM event'
            " WHERE t >= ? AND t < ? AND (t, id) > (?, ?) ORDER BY t, id LIMIT 1000"
        )
        after = (MIN_NS, -1)
        while rows := self._db.execute(query, (begin, end, *after)).fetchall():
            for t, _, until, name, data in rows:
                yield Event(t, name, until, orjson.loads(data))
            after = rows[-1][:2]

    def _streams(self) -> list[_Stream]:
        rows = self._db.execute("SELECT id, topic, period_ns, names, units FROM stream ORDER BY id").fetchall()
        return [
            _Stream(number, topic, period, tuple(orjson.loads(names)), tuple(orjson.loads(units)))
            for number, topic, period, names, units in rows
        ]

    def _described(self, stream: _Stream) -> list[SeriesInfo]:
        query = "SELECT first, last, rows, bounds FROM overview WHERE stream = ? ORDER BY second"
        rows = self._db.execute(query, (stream.id,)).fetchall()
        if not rows:
            return []
        bounds = np.frombuffer(b"".join(row[3] for row in rows), np.float32).reshape(len(rows), -1, 2)
        low, high = np.fmin.reduce(bounds[:, :, 0]), np.fmax.reduce(bounds[:, :, 1])
        count, rate_hz = sum(row[2] for row in rows), 1e9 / stream.period_ns
        return [
            SeriesInfo(name, stream.topic, unit, rate_hz, count, rows[0][0], rows[-1][1], float(low[i]), float(high[i]))
            for i, (name, unit) in enumerate(zip(stream.names, stream.units, strict=True))
        ]

    def _seconds(self, stream: _Stream, name: str, begin: int, end: int) -> list[_Second]:
        """Return the seconds of a series that the range touches."""
        column = stream.names.index(name)
        rows = self._db.execute(
            "SELECT second, first, last, rows, substr(bounds, ?, 8) FROM overview"
            " WHERE stream = ? AND second BETWEEN ? AND ? AND last >= ? AND first < ? ORDER BY second",
            (1 + 8 * column, stream.id, begin // SECOND, end // SECOND, begin, end),
        )
        return [_Second(stream, column, *row) for row in rows.fetchall()]

    def _bounds(self, seconds: list[_Second], begin: int, end: int) -> tuple[Times, Values, Values]:
        """Return time, minimum and maximum of each second; those that the range cuts by their samples."""
        times: list[int] = []
        parts: list[bytes] = []
        for second in seconds:
            first, bounds = second.first, second.bounds
            if first < begin or second.last >= end:
                t, value = self._points(second, begin, end)
                if not t.size:
                    continue
                first = int(t[0])
                bounds = np.array([np.fmin.reduce(value), np.fmax.reduce(value)], np.float32).tobytes()
            times.append(first)
            parts.append(bounds)
        order = np.argsort(times, kind="stable")
        low_high = np.frombuffer(b"".join(parts), np.float32).reshape(-1, 2)[order]
        return np.array(times, np.int64)[order], low_high[:, 0], low_high[:, 1]

    def _values(self, seconds: list[_Second], begin: int, end: int) -> tuple[Times, Values]:
        """Return the points of a series in order of time; where two sets of series hold one moment, the first one's."""
        parts = [self._points(second, begin, end) for second in seconds]
        t = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
        value = np.concatenate([np.empty(0, np.float32), *(part[1] for part in parts)])
        if (np.diff(t) > 0).all():
            return t, value
        t, index = np.unique(t, return_index=True)
        return t, value[index]

    def _points(self, second: _Second, begin: int, end: int) -> tuple[Times, Values]:
        """Return the points of one second that lie in the range."""
        t, blob = self._samples(second.stream, second.second)
        if not t.size:
            return t, np.empty(0, np.float32)
        value = codec.unpack_column(blob, t.size, len(second.stream.names), second.column)
        inside = slice(*np.searchsorted(t, [begin, end]))
        return t[inside], value[inside]

    def _samples(self, stream: _Stream, second: int) -> tuple[Times, bytes]:
        """Return times and blob of one second; no times after noting that it is damaged.

        What the overview said may have grown meanwhile: both come from one snapshot here.
        """
        query = (
            "SELECT first, rows, crc, times, data FROM overview JOIN samples USING (stream, second)"
            " WHERE stream = ? AND second = ?"
        )
        try:
            row = self._db.execute(query, (stream.id, second)).fetchone()
        except sqlite3.DatabaseError as error:
            return self._lost(stream, second, str(error))
        if row is None:
            return self._lost(stream, second, "its samples are missing")
        first, rows, crc, times, data = row
        if codec.checksum(times, data) != crc:
            return self._lost(stream, second, "its checksum does not fit")
        return row_times(first, rows, times, stream.period_ns), data

    def _lost(self, stream: _Stream, second: int, reason: str) -> tuple[Times, bytes]:
        self._damaged.append(Damage(f"second {second} of {stream.topic}", reason))
        return np.empty(0, np.int64), b""


def _few(name: str, unit: str, t: Times, low: Values, high: Values, max_points: int) -> SeriesData:
    if not t.size:
        return SeriesData(name, unit, t, value=np.empty(0))
    t, low, high = bucketed(t, low, high, max_points)
    return SeriesData(name, unit, t, minimum=low.astype(np.float64), maximum=high.astype(np.float64))


def _joined(a: SeriesInfo, b: SeriesInfo) -> SeriesInfo:
    """Return one description of a series that lies in two streams."""
    return SeriesInfo(
        b.name,
        b.topic,
        b.unit,
        b.rate_hz,
        a.count + b.count,
        min(a.first, b.first),
        max(a.last, b.last),
        float(np.fmin(a.minimum, b.minimum)),
        float(np.fmax(a.maximum, b.maximum)),
    )
