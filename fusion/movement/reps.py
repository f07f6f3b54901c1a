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

from fusion.estimates import Event, Json


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
        self._last = 0
        self._restart()

    def _restart(self) -> None:
        self._rising = False
        self._low: tuple[float, int] | None = None
        self._high: tuple[float, int] | None = None

    @property
    def prominence_deg(self) -> float:
        """How far a movement must go at present [deg]."""
        typical = median(self._ranges) if self._ranges else 0.0
        return max(self.params.prominence_deg, self.params.fraction * typical)

    def step(self, t: int, angle_deg: float) -> Event | None:
        """Take the angle at `t` [ns] and return the repetition that has become certain."""
        if isnan(angle_deg):
            return None
        if t - self._last > self.params.forget_s * 1e9:
            self._restart()
        self._last = t
        here = (angle_deg, t)
        if self._low is None or self._high is None:
            self._low = self._high = here
        if not self._rising:
            if angle_deg < self._low[0]:
                self._low = here
            elif angle_deg - self._low[0] >= self.prominence_deg:
                self._rising, self._high = True, here
            return None
        if angle_deg > self._high[0]:
            self._high = here
            return None
        if self._high[0] - angle_deg < self.prominence_deg:
            return None
        return self._complete(here)

    def _complete(self, here: tuple[float, int]) -> Event:
        assert self._low is not None
        assert self._high is not None
        start, top = self._low, self._high
        extent = top[0] - start[0]
        self._ranges.append(extent)
        self.count += 1
        self._rising, self._low = False, here
        data: dict[str, Json] = {
            "series": self.series,
            "number": self.count,
            "range_deg": round(extent, 2),
            "top_deg": round(top[0], 2),
            "rise_s": round((top[1] - start[1]) * 1e-9, 3),
        }
        return Event(start[1], "rep", here[1], data)


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
