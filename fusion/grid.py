"""The common time line: samples of many sensors wait here until the output rows they belong to can be computed.

Rows lie on whole multiples of the period on the absolute time line. A row is due when every live sensor has a sample at
or after it; a sensor whose newest sample is older than `max_wait` is not waited for. Nothing grows with time: samples
before the next row are let go, and a time with no samples at all gives a second of empty rows and then none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

EMPTY_NS = 1_000_000_000
"""So long rows without any sample are still given [ns]."""


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

    def bracket(self, rows: Times, max_gap: int) -> "Bracket":
        """Find the samples around each row."""
        if not self.t.size:
            none = np.zeros(rows.size, dtype=np.intp)
            return Bracket(none, none, np.zeros(rows.size), np.zeros(rows.size, dtype=np.bool_), rows.copy())
        before = np.searchsorted(self.t, rows, side="right") - 1
        after = np.minimum(before + 1, self.t.size - 1)
        usable = before >= 0
        before = np.maximum(before, 0)
        past, gap = rows - self.t[before], self.t[after] - self.t[before]
        exact = past == 0
        usable &= exact | ((gap > 0) & (gap <= max_gap))
        part = np.where(exact, 0.0, past / np.maximum(gap, 1))
        return Bracket(before, after, part, usable, np.where(exact, 0, gap))


@dataclass(frozen=True, slots=True)
class Bracket:
    """Rows between samples, each array of shape (rows,)."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    part: Floats
    """How far from `before` to `after`, 0 to 1."""
    usable: NDArray[np.bool_]
    """There is a sample at the row, or there are two around it that are close enough."""
    gap: Times
    """Distance of the two samples [ns]; 0 where there is one at the row."""

    def linear(self, x: Floats) -> Floats:
        """Interpolate columns linearly, shape (rows, columns); NaN where not usable."""
        part = self.part[:, None]
        mixed = (1.0 - part) * x[self.before] + part * x[self.after]
        mixed = np.where(part == 0.0, x[self.before], mixed)
        return np.where(self.usable[:, None], mixed, np.nan)


class Grid:
    """Which rows are due."""

    def __init__(self, period: int, max_wait: int) -> None:
        self.period, self.max_wait = period, max_wait
        self.next = -1
        """The next row [ns]; -1 before the first sample."""

    def due(self, tracks: Iterable[Track], now: int, *, final: bool = False) -> Times:
        """Return the rows that are due and step over them."""
        live = [track for track in tracks if track.newest >= 0 and not track.slow]
        if not live:
            return np.empty(0, dtype=np.int64)
        newest = max(track.newest for track in live)
        frontier = min(max(track.newest, now - self.max_wait) for track in live)
        frontier = newest if final else min(frontier, newest)
        if self.next < 0:
            self.next = self._ceil(min(track.first for track in live))
        self._skip(live)
        count = max((frontier - self.next) // self.period + 1, 0)
        rows = self.next + self.period * np.arange(count, dtype=np.int64)
        self.next += self.period * count
        return rows

    def _skip(self, live: list[Track]) -> None:
        """Step over a time in which no sensor has a sample."""
        ahead = [int(x.t[np.searchsorted(x.t, self.next)]) for x in live if x.newest >= self.next]
        if ahead and min(ahead) > self.next + 2 * EMPTY_NS:
            self.next = self._ceil(min(ahead))

    def _ceil(self, t: int) -> int:
        return -(-t // self.period) * self.period
