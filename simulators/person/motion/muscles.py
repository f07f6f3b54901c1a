"""Activation of muscles over time: bursts with known onsets and offsets, exact at any time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from simulators.person.rotation import Floats

MUSCLES = (
    "vastus_lateralis",
    "vastus_medialis",
    "rectus_femoris",
    "biceps_femoris",
    "semitendinosus",
    "gluteus_maximus",
    "gluteus_medius",
    "tibialis_anterior",
    "gastrocnemius_lateralis",
    "gastrocnemius_medialis",
    "soleus",
    "erector_spinae",
    "trapezius_upper",
    "deltoideus_medius",
    "biceps_brachii",
)
"""Muscles with a known activation; with `_left` or `_right` behind them they name a channel."""
NAMES = tuple(f"{muscle}_{side}" for muscle in MUSCLES for side in ("left", "right"))

RISE, FALL = 0.08, 0.10
"""Time from onset to the first level and from the last level to the offset [s]."""


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst: from zero at the first knot to zero at the last, smooth steps between."""

    muscle: str
    times: tuple[float, ...]
    levels: tuple[float, ...]

    def on(self, side: str) -> "Burst":
        """Return the burst of one side's muscle."""
        return replace(self, muscle=f"{self.muscle}_{side}")

    def later(self, by: float) -> "Burst":
        """Return the burst shifted in time."""
        return replace(self, times=tuple(t + by for t in self.times))


def burst(muscle: str, onset: float, offset: float, *levels: float) -> Burst:
    """Return a burst that passes through levels spread evenly between its rise and its fall."""
    inner = np.linspace(onset + RISE, offset - FALL, len(levels)) if len(levels) > 1 else [onset + RISE]
    return Burst(muscle, (onset, *(float(t) for t in inner), offset), (0.0, *levels, 0.0))


class Activation:
    """Activation of one muscle over one loop of a script."""

    def __init__(self, muscle: str, bursts: Iterable[Burst], period: float) -> None:
        """Line up bursts, which must not overlap."""
        ordered = sorted(bursts, key=lambda b: b.times[0])
        times, levels = [0.0], [0.0]
        for one in ordered:
            if one.times[0] < times[-1] or one.times[-1] > period:
                raise ValueError(f"the script's bursts of {muscle} overlap or leave the loop at {one.times[0]:.2f} s")
            times += one.times
            levels += one.levels
        self._period = period
        self._intervals = [(one.times[0], one.times[-1]) for one in ordered]
        self._times = np.array([*times, period])
        self._levels = np.array([*levels, 0.0])

    def at(self, t: Floats) -> Floats:
        """Return the activation at times t, fraction of MVC, shape (N,)."""
        u = np.mod(t, self._period)
        index = np.clip(np.searchsorted(self._times, u, side="right") - 1, 0, len(self._times) - 2)
        start, end = self._times[index], self._times[index + 1]
        share = (u - start) / np.where(end > start, end - start, 1.0)
        before, after = self._levels[index], self._levels[index + 1]
        return np.asarray(before + share * share * (3.0 - 2.0 * share) * (after - before))

    def bursts(self, t0: float, t1: float) -> list[tuple[float, float]]:
        """Return (onset, offset) of every burst that touches the time from t0 to t1 [s]."""
        first, last = int(t0 // self._period), int(t1 // self._period)
        everything = [
            (onset + loop * self._period, offset + loop * self._period)
            for loop in range(first, last + 1)
            for onset, offset in self._intervals
        ]
        return [(onset, offset) for onset, offset in everything if offset >= t0 and onset <= t1]
