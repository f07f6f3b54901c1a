"""The common time line: samples of many sensors wait here until the output rows they belong to can be computed.

Rows lie on whole multiples of the period on the absolute time line. A row is due when every live sensor has a sample at
or after it; a sensor whose newest sample is older than `max_wait` is not waited for. Nothing grows with time: samples
before the next row are let go, and a time with no samples at all gives a second of empty rows and then none.
"""

from collections.abc import Iterable
from math import acos, sin, sqrt

import numpy as np
from numba import boolean, float64, int64, njit, void
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

EMPTY_NS = 1_000_000_000
"""So long rows without any sample are still given [ns]."""


@njit(void(float64[::1], float64[::1], float64, float64[::1]), cache=True, error_model="numpy")
def _turn(p: Floats, q: Floats, part: float, out: Floats) -> None:
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
            _turn(x[i - 1], x[i], part, out[r])


class Track:
    """The samples of one sensor from just before the next row on."""

    def __init__(self, columns: int) -> None:
        self.t: Times = np.empty(0, dtype=np.int64)
        self.x: Floats = np.empty((0, columns))
        self.first = 0
        self.newest = -1
        """Time of the newest sample [ns]; -1 before the first."""
        self.slow = False
        """Its samples are farther apart than a gap: rows do not wait for it."""

    def append(self, t: Times, x: Floats) -> None:
        """Add samples; those not newer than the newest are dropped."""
        if t.size and t[0] <= self.newest:
            later = t > self.newest
            t, x = t[later], x[later]
        if not t.size:
            return
        if self.newest < 0:
            self.first = int(t[0])
        self.t = np.concatenate([self.t, t])
        self.x = np.concatenate([self.x, x])
        self.newest = int(t[-1])

    def trim(self, row: int) -> None:
        """Let go what lies before the last sample at or before `row`."""
        start = int(np.searchsorted(self.t, row, side="right")) - 1
        if start > 0:
            self.t, self.x = self.t[start:], self.x[start:]

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


class Grid:
    """Which rows are due."""

    def __init__(self, period: int, max_wait: int) -> None:
        self.period, self.max_wait = period, max_wait
        self.next = -1
        """The next row [ns]; -1 before the first sample."""

    def due(self, tracks: Iterable[Track], now: int, *, final: bool = False) -> Times:
        """Return the rows that are due and step over them."""
        known = [track for track in tracks if track.newest >= 0]
        live = [track for track in known if not track.slow] or known
        if not live:
            return np.empty(0, dtype=np.int64)
        newest = max(track.newest for track in live)
        frontier = min(max(track.newest, now - self.max_wait) for track in live)
        frontier = newest if final else min(frontier, newest)
        if self.next < 0:
            self.next = self._ceil(min(track.first for track in live))
        if frontier - self.next <= 2 * EMPTY_NS:
            self._skip(live)
            return self._until(frontier)
        rows = []
        for end in (*self._before_holes(live, frontier), frontier):
            self._skip(live)
            rows.append(self._until(end))
        return np.concatenate(rows)

    def _until(self, end: int) -> Times:
        count = max((end - self.next) // self.period + 1, 0)
        rows = self.next + self.period * np.arange(count, dtype=np.int64)
        self.next += self.period * count
        return rows

    def _before_holes(self, live: list[Track], frontier: int) -> list[int]:
        """Return the last samples before the times in which no sensor has one, however far apart samples are."""
        t = np.sort(np.concatenate([x.t[np.searchsorted(x.t, self.next) :] for x in live]))
        ends: list[int] = t[:-1][np.diff(t) > 2 * EMPTY_NS].tolist()
        return [end for end in ends if end <= frontier]

    def _skip(self, live: list[Track]) -> None:
        """Step over a time in which no sensor has a sample."""
        ahead = [int(x.t[np.searchsorted(x.t, self.next)]) for x in live if x.newest >= self.next]
        if ahead and min(ahead) > self.next + 2 * EMPTY_NS:
            self.next = self._ceil(min(ahead))

    def _ceil(self, t: int) -> int:
        return -(-t // self.period) * self.period
