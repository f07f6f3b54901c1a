"""Repetitions in an angle, live: turning points with a prominence, no filter and so no phase.

The angle is followed to its extremes. A turn is certain once the angle has come back from the extreme by the
prominence: `prominence_deg`, or `fraction` of the median range of the last repetitions where that is more, so that
small movements between large ones do not count. A repetition is a rise and the fall after it; it is counted when the
fall is certain. Rest and sway stay below the prominence. All values [P].
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from statistics import median

import numpy as np
from numba import boolean, float64, int64, njit
from numpy.typing import NDArray

from fusion.estimates import Event, Json

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

LOW, HIGH, LAST = 0, 1, 2
"""Places of the extremes and of the last row in a counter's state."""


@njit(
    int64(int64[::1], float64[:], int64, float64, float64, boolean[::1], float64[::1], int64[::1]),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def follow(
    t: Times, angle_deg: Floats, start: int, prominence_deg: float, forget_ns: float, flags: NDArray[np.bool_],
    angles: Floats, times: Times,
) -> int:  # fmt: skip
    """Follow rows from `start` to the one that makes a repetition certain; return its number, or -1.

    flags: The movement is known to have begun, and rises. angles, times: By `LOW`, `HIGH` and `LAST`.
    """
    for i in range(start, t.size):
        angle = angle_deg[i]
        if isnan(angle):
            continue
        if t[i] - times[LAST] > forget_ns:
            flags[0] = flags[1] = False
        times[LAST] = t[i]
        if not flags[0]:
            flags[0] = True
            angles[LOW] = angles[HIGH] = angle
            times[LOW] = times[HIGH] = t[i]
        if not flags[1]:
            if angle < angles[LOW]:
                angles[LOW], times[LOW] = angle, t[i]
            elif angle - angles[LOW] >= prominence_deg:
                flags[1] = True
                angles[HIGH], times[HIGH] = angle, t[i]
        elif angle > angles[HIGH]:
            angles[HIGH], times[HIGH] = angle, t[i]
        elif angles[HIGH] - angle >= prominence_deg:
            return i
    return -1


@dataclass(frozen=True, slots=True)
class RepParams:
    """When a movement counts."""

    prominence_deg: float = 20.0
    """Least range [deg]. Higher: ignores small movements."""
    fraction: float = 0.5
    """Least part of the median range of the last repetitions. Higher: ignores half ones."""
    recall: int = 5
    """So many repetitions make the median."""
    forget_s: float = 2.0
    """A longer time without values ends the movement under way [s]."""


class RepCounter:
    """The repetitions of one series."""

    def __init__(self, series: str, params: RepParams | None = None) -> None:
        self.series, self.params = series, params or RepParams()
        self.count = 0
        self._ranges: deque[float] = deque(maxlen=self.params.recall)
        self._flags = np.zeros(2, dtype=np.bool_)
        self._angles, self._times = np.zeros(3), np.zeros(3, dtype=np.int64)
        self.prominence_deg = self.params.prominence_deg
        """How far a movement must go at present [deg]."""

    def take(self, t: Times, angle_deg: Floats) -> list[Event]:
        """Take the angles at `t` [ns] and return the repetitions that have become certain."""
        events: list[Event] = []
        forget, i = self.params.forget_s * 1e9, 0
        while (i := follow(t, angle_deg, i, self.prominence_deg, forget, self._flags, self._angles, self._times)) >= 0:
            events.append(self._complete(int(t[i]), float(angle_deg[i])))
            i += 1
        return events

    def _complete(self, t: int, angle_deg: float) -> Event:
        (low, high, _), (start, top, _) = self._angles.tolist(), self._times.tolist()
        extent = high - low
        self._ranges.append(extent)
        self.prominence_deg = max(self.params.prominence_deg, self.params.fraction * median(self._ranges))
        self.count += 1
        self._flags[1] = False
        self._angles[LOW], self._times[LOW] = angle_deg, t
        data: dict[str, Json] = {
            "series": self.series,
            "number": self.count,
            "range_deg": round(extent, 2),
            "top_deg": round(high, 2),
            "rise_s": round((top - start) * 1e-9, 3),
        }
        return Event(start, "rep", t, data)


def dominant(events: Iterable[Event]) -> tuple[str | None, int]:
    """Return the series that moved most in all its repetitions together, and how many there were."""
    total: dict[str, float] = {}
    count: dict[str, int] = {}
    for event in events:
        series, extent = event.data.get("series"), event.data.get("range_deg")
        if event.name == "rep" and isinstance(series, str) and isinstance(extent, float):
            total[series] = total.get(series, 0.0) + extent
            count[series] = count.get(series, 0) + 1
    if not total:
        return None, 0
    best = max(sorted(total), key=lambda name: total[name])
    return best, count[best]
