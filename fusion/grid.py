"""The common time line: samples of many sensors wait here until the output rows they belong to can be computed.

Rows lie on whole multiples of the period on the absolute time line. A row is due when every live sensor has a sample at
or after it; a sensor whose newest sample is older than `max_wait` is not waited for. Nothing grows with time: samples
before the next row are let go, and a time with no samples at all gives a second of empty rows and then none.
"""

from collections.abc import Sequence
from math import acos, sin, sqrt
from typing import Protocol

import numpy as np
from numba import boolean, float64, int64, njit, void
from numpy.typing import NDArray

from fusion import machine_code as machine_code

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

EMPTY_NS = 1_000_000_000
"""So long rows without any sample are still given [ns]."""
ROOM = 64
"""Samples that a track has room for at first."""


@njit(void(float64[::1], float64[::1], float64, float64[::1]), cache=True, error_model="numpy")
def turned(p: Floats, q: Floats, part: float, out: Floats) -> None:
    """Write the orientation `part` of the way from p to q into the first four places of `out`."""
    dot = p[0] * q[0] + p[1] * q[1] + p[2] * q[2] + p[3] * q[3]
    sign = -1.0 if dot < 0.0 else 1.0
    theta = acos(min(abs(dot), 1.0))
    a, b = 1.0 - part, sign * part
    if theta > 4e-3:  # below, the chord differs from the arc by less than 1e-8 rad
        a, b = sin(a * theta) / sin(theta), sign * sin(part * theta) / sin(theta)
    n = 0.0
    for c in range(4):
        out[c] = a * p[c] + b * q[c]
        n += out[c] * out[c]
    for c in range(4):
        out[c] /= sqrt(n)


INTERPOLATE = void(int64[::1], float64[:, ::1], int64[::1], int64, boolean, float64[:, ::1], int64[::1])


@njit(INTERPOLATE, cache=True, error_model="numpy", nogil=True)
def interpolate(t: Times, x: Floats, rows: Times, max_gap: int, quat: bool, out: Floats, gap: Times) -> None:
    """Fill `out` and `gap`; see `Track.sample`."""
    columns = x.shape[1]
    i = 0  # samples before i lie at or before the row
    for r in range(rows.size):
        while i < t.size and t[i] <= rows[r]:
            i += 1
        gap[r] = -1
        if i > 0 and t[i - 1] == rows[r]:
            gap[r] = 0
            out[r] = x[i - 1]
            continue
        if i == 0 or i == t.size or t[i] - t[i - 1] > max_gap:
            out[r] = np.nan
            continue
        gap[r] = t[i] - t[i - 1]
        part = (rows[r] - t[i - 1]) / gap[r]
        for c in range(columns):
            out[r, c] = (1.0 - part) * x[i - 1, c] + part * x[i, c]
        if quat:
            turned(x[i - 1], x[i], part, out[r])


class Track:
    """The samples of one sensor from just before the next row on."""

    def __init__(self, columns: int) -> None:
        self._t: Times = np.empty(0, dtype=np.int64)
        self._x: Floats = np.empty((0, columns))
        self._start = self._stop = 0
        self.first = 0
        self.newest = -1
        """Time of the newest sample [ns]; -1 before the first."""
        self.slow = False
        """Its samples are farther apart than a gap: rows do not wait for it."""

    @property
    def t(self) -> Times:
        """Times of the samples that are kept [ns], shape (n,)."""
        return self._t[self._start : self._stop]

    @property
    def x(self) -> Floats:
        """Their values, shape (n, columns)."""
        return self._x[self._start : self._stop]

    def append(self, t: Times, x: Floats) -> None:
        """Add samples; those not newer than the newest are dropped."""
        if t.size and t[0] <= self.newest:
            later = t > self.newest
            t, x = t[later], x[later]
        if not t.size:
            return
        if self.newest < 0:
            self.first = int(t[0])
        if self._stop + t.size > self._t.size:
            self._make_room(t.size)
        stop = self._stop + t.size
        self._t[self._stop : stop], self._x[self._stop : stop] = t, x
        self._stop = stop
        self.newest = int(t[-1])

    def _make_room(self, more: int) -> None:
        """Move the samples to the front, into larger arrays if need be."""
        t, x = self.t, self.x
        room = max(self._t.size, ROOM)
        while room < 2 * (t.size + more):
            room *= 2
        self._t, self._x = np.empty(room, dtype=np.int64), np.empty((room, x.shape[1]))
        self._start, self._stop = 0, t.size
        self._t[: t.size], self._x[: t.size] = t, x

    def trim(self, row: int) -> None:
        """Let go what lies before the last sample at or before `row`."""
        self._start += max(int(self.t.searchsorted(row, side="right")) - 1, 0)

    def sample(self, rows: Times, max_gap: int, *, quat: bool = False) -> tuple[Floats, Times]:
        """Return the columns at the rows, shape (rows, columns), and how far apart the samples around each row are.

        Rows without a sample at them, or two around them at most `max_gap` apart, are NaN, with a distance of -1.
        quat: The first four columns are a unit quaternion and turn along the shortest arc; the rest is linear.
        """
        out, gap = np.empty((rows.size, self.x.shape[1])), np.empty(rows.size, dtype=np.int64)
        interpolate(self.t, self.x, rows, max_gap, quat, out, gap)
        return out, gap

    def latest(self, rows: Times, hold: int) -> Floats:
        """Return the last sample at or before each row, if not older than `hold`, shape (rows, columns)."""
        if not self.t.size:
            return np.full((rows.size, self.x.shape[1]), np.nan)
        before = np.searchsorted(self.t, rows, side="right") - 1
        age = rows - self.t[np.maximum(before, 0)]
        usable = (before >= 0) & (age <= hold)
        return np.where(usable[:, None], self.x[np.maximum(before, 0)], np.nan)


class Source(Protocol):
    """Where samples wait for rows: a `Track`, or a lane of the inertial sensors."""

    @property
    def newest(self) -> int:
        """Time of the newest sample [ns]; -1 before the first."""
        ...

    @property
    def first(self) -> int:
        """Time of the first sample [ns]."""
        ...

    @property
    def slow(self) -> bool:
        """Rows do not wait for it."""
        ...

    @property
    def t(self) -> Times:
        """Times of the samples that are kept [ns]."""
        ...


class Grid:
    """Which rows are due."""

    def __init__(self, period: int, max_wait: int) -> None:
        self.period, self.max_wait = period, max_wait
        self.next = -1
        """The next row [ns]; -1 before the first sample."""
        self._silent: list[bool] = []
        """Which sources were no longer waited for when rows were last due."""
        self._promised: tuple[Sequence[int], int] | None = None
        """Newest samples and time of the last call at which rows were due and put off [ns]."""

    def due(self, sources: Sequence[Source], now: int, *, final: bool = False) -> Times:
        """Return the rows that are due and step over them."""
        self._promised = None
        self._silent = [source.newest < now - self.max_wait for source in sources]
        live = _live(sources)
        if not live:
            return np.empty(0, dtype=np.int64)
        newest = [source.newest for source in live]
        if self.next < 0:
            self.next = self._ceil(min(source.first for source in live))
        return self._through(live, max(newest) if final else self._reach(newest, now))

    def can_wait(self, newest: Sequence[int], now: int) -> bool:
        """Say whether a later call would return the same rows as one of `due` now.

        It will as long as no source falls silent or is heard again (those who silence it or let it be heard call
        `promised` before), none is new, and times do not leap: then the rows of a call all lie before the newest
        samples of those that are heard, and those that are silent have nothing to say to them, now or later.
        newest: Of all sources in the order of `due`, none of which is slow [ns].
        """
        if not newest:
            return True
        least = now - self.max_wait
        if self.next < 0 or self.max_wait >= EMPTY_NS or max(newest) > least + EMPTY_NS:
            return False
        if min(newest) >= least:
            return len(newest) == len(self._silent) and True not in self._silent
        return [t < least for t in newest] == self._silent

    def put_off(self, newest: Sequence[int], now: int) -> None:
        """Leave the rows that are due to the next call, of whichever kind."""
        self._promised = (newest, now) if newest else None

    def promised(self, sources: Sequence[Source]) -> Times:
        """Return the rows that were put off."""
        promised, self._promised = self._promised, None
        return (
            np.empty(0, dtype=np.int64) if promised is None else self._through(_live(sources), self._reach(*promised))
        )

    def _reach(self, newest: Sequence[int], now: int) -> int:
        """Return up to where rows are due."""
        return min(max(min(newest), now - self.max_wait), max(newest))

    def _through(self, live: list[Source], end: int) -> Times:
        """Step over all rows up to `end`, and return those that are not in a hole."""
        if end - self.next <= 2 * EMPTY_NS:
            self._skip(live)
            return self._until(end)
        rows = []
        for stop in (*self._before_holes(live, end), end):
            self._skip(live)
            rows.append(self._until(stop))
        return np.concatenate(rows)

    def _until(self, end: int) -> Times:
        count = max((end - self.next) // self.period + 1, 0)
        rows = self.next + self.period * np.arange(count, dtype=np.int64)
        self.next += self.period * count
        return rows

    def _before_holes(self, live: list[Source], end: int) -> list[int]:
        """Return the last samples before the times in which no sensor has one, however far apart samples are."""
        t = np.sort(np.concatenate([x.t[x.t.searchsorted(self.next) :] for x in live]))
        ends: list[int] = t[:-1][np.diff(t) > 2 * EMPTY_NS].tolist()
        return [before for before in ends if before <= end]

    def _skip(self, live: list[Source]) -> None:
        """Step over a time in which no sensor has a sample."""
        ahead: list[int] = []
        for source in live:
            if source.newest >= self.next:
                t = source.t
                ahead.append(t.item(t.searchsorted(self.next)))
                if ahead[-1] <= self.next + 2 * EMPTY_NS:
                    return
        if ahead:
            self.next = self._ceil(min(ahead))

    def _ceil(self, t: int) -> int:
        return -(-t // self.period) * self.period


def _live(sources: Sequence[Source]) -> list[Source]:
    """Return those that have samples; the slow ones only if there are no others."""
    known = [source for source in sources if source.newest >= 0]
    return [source for source in known if not source.slow] or known
