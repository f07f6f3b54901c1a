"""One number per sensor and second: how much of what it should have sent was there."""

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Batch

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

SECOND = 1_000_000_000
LATE = 1
"""A second waits at most so many more for a slower kind of sensor [s]."""


class Quality:
    """Sums of row qualities (1 measured, 0.5 repaired, 0 missing) by sensor and second."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[int, tuple[float, int]]] = {}
        self._next: int | None = None

    def add(self, sensor: str, t: Times, quality: Floats) -> None:
        """Take rows of one sensor."""
        sums = self._sums.setdefault(sensor, {})
        seconds = t // SECOND
        for second in range(int(seconds[0]), int(seconds[-1]) + 1):
            inside = quality[seconds == second] if seconds[0] != seconds[-1] else quality
            if inside.size:
                total, count = sums.get(second, (0.0, 0))
                sums[second] = total + float(inside.sum()), count + int(inside.size)
        if self._next is None:
            self._next = int(seconds[0])

    def due(self, done: int, newest: int, rate_hz: float) -> list[Batch]:
        """Return the seconds that rows up to `done` [ns] fill, or that are long over; stamped with their end."""
        batches: list[Batch] = []
        if self._next is None:
            return batches
        until = max(done // SECOND, newest // SECOND - LATE)
        for second in range(self._next, until):
            rows = {name: sums.pop(second, None) for name, sums in self._sums.items()}
            if any(row is not None for row in rows.values()):
                values = [row[0] / row[1] if row else 0.0 for row in rows.values()]
                t = np.array([(second + 1) * SECOND], dtype=np.int64)
                names = tuple(f"quality_{name}" for name in rows)
                batches.append(Batch("quality", t, SECOND, names, ("1",) * len(names), np.array([values])))
        self._next = max(self._next, until)
        return batches
