"""One number per sensor and second: how much of what it should have sent was there."""

import numpy as np
from numba import float64, njit, void
from numpy.typing import NDArray

from fusion.estimates import Batch

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

SECOND = 1_000_000_000
LATE = 1
"""A second waits at most so many more for a slower kind of sensor [s]."""


@njit(void(float64[:, :], float64[::1]), cache=True, error_model="numpy")
def add_up(quality: Floats, sums: Floats) -> None:
    """Add rows to sums one after the other, so that these do not depend on how rows come together."""
    for i in range(quality.shape[0]):
        for j in range(quality.shape[1]):
            sums[j] += quality[i, j]


class Quality:
    """Sums of row qualities (1 measured, 0.5 repaired, 0 missing) by second and sensor."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        """Sensors, and the second in which each had its first row."""
        self._seconds: dict[int, dict[tuple[str, ...], tuple[Floats, int]]] = {}
        """Sums and numbers of rows by second and sensors."""
        self._notes: dict[int, tuple[tuple[str, ...], tuple[str, ...], list[float]]] = {}
        self._next: int | None = None

    def add(self, names: tuple[str, ...], t: Times, quality: Floats) -> None:
        """Take rows of several sensors, shape (rows, sensors)."""
        if not names:
            return
        first, last = int(t[0]) // SECOND, int(t[-1]) // SECOND
        for name in names:
            self._names.setdefault(name, first)
        if self._next is None:
            self._next = first
        for second in [first] if first == last else np.unique(t // SECOND).tolist():
            if second < self._next:
                continue
            inside = quality if first == last else quality[t // SECOND == second]
            groups = self._seconds.setdefault(second, {})
            sums, rows = groups.get(names) or (np.zeros(len(names)), 0)
            add_up(inside, sums)
            groups[names] = sums, rows + len(inside)

    def note(self, t: int, names: tuple[str, ...], units: tuple[str, ...], values: list[float]) -> None:
        """Add more about the second that ends at t [ns]; left out if it was given already."""
        second = t // SECOND - 1
        if self._next is not None and second >= self._next:
            before = self._notes.get(second, ((), (), []))
            self._notes[second] = before[0] + names, before[1] + units, before[2] + values

    def due(self, done: int, newest: int) -> list[Batch]:
        """Return the seconds that rows up to `done` [ns] fill, or that are long over; stamped with their end."""
        if self._next is None:
            return []
        until = max(self._next, done // SECOND, newest // SECOND - LATE)
        batches = [self._batch(second) for second in sorted(self._seconds) if second < until]
        self._next = until
        return batches

    def _batch(self, second: int) -> Batch:
        known = [name for name, first in self._names.items() if first <= second]
        totals, counts = dict.fromkeys(known, 0.0), dict.fromkeys(known, 0)
        for names, (sums, rows) in self._seconds.pop(second).items():
            for name, total in zip(names, sums.tolist(), strict=True):
                totals[name] += total
                counts[name] += rows
        values = [totals[name] / max(counts[name], 1) for name in totals]
        names = tuple(f"quality_{name}" for name in totals)
        t = np.array([(second + 1) * SECOND], dtype=np.int64)
        more, units, found = self._notes.pop(second, ((), (), []))
        units = ("1",) * len(names) + units
        return Batch("quality", t, SECOND, names + more, units, np.array([[*values, *found]]))
