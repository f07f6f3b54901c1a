"""How many samples of a whole recording lie at a limit of the converter.

Where a signal is cut off its values pile up at their extreme. Clipped are the samples at an extreme that at least
`LEAST` samples reached, and those one level further in, if there are more of these: then the limit trembles. The two
extremes must lie at least `RAIL_SPAN` steps apart, a step being the smallest distance of two levels. The live judge
(`fusion.emg.quality.watch`) does not know the whole recording and counts samples within one step of either extreme.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from fusion.emg.quality.watch import RAIL_SPAN, RAIL_VISITS

Floats = NDArray[np.float64]

LEAST = int(RAIL_VISITS)
"""Samples at an extreme that make it a limit. [P]"""


@dataclass(slots=True)
class Limits:
    """The outermost two levels on either side of one channel, with how often they were seen."""

    step: float = inf
    """Smallest distance of two levels."""
    low: dict[float, int] = field(default_factory=dict)
    high: dict[float, int] = field(default_factory=dict)

    def add(self, x: Floats) -> None:
        """Take raw samples, shape (N,); those that are not numbers do not count."""
        levels, counts = np.unique(x[np.isfinite(x)], return_counts=True)
        if not levels.size:
            return
        if levels.size > 1:
            self.step = min(self.step, float(np.diff(levels).min()))
        _merge(self.low, levels[:2], counts[:2], min)
        _merge(self.high, levels[-2:], counts[-2:], max)

    @property
    def clipped(self) -> int:
        """Return how many samples lie at the limits."""
        if not self.low or max(self.high) - min(self.low) < RAIL_SPAN * self.step:
            return 0
        return _at(self.low, min) + _at(self.high, max)


Outer = Callable[[dict[float, int]], float]


def _merge(kept: dict[float, int], levels: Floats, counts: NDArray[np.int64], outer: Outer) -> None:
    """Keep the outermost two levels of both."""
    for level, count in zip(levels.tolist(), counts.tolist(), strict=True):
        kept[level] = kept.get(level, 0) + count
    while len(kept) > 2:
        inner = (max if outer is min else min)(kept)
        del kept[inner]


def _at(kept: dict[float, int], outer: Outer) -> int:
    extreme = outer(kept)
    at = kept[extreme]
    beside = sum(kept.values()) - at
    if beside > at:
        at += beside
    return at if at >= LEAST else 0
