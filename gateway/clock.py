"""Device time to host time: the one place where a sample gets its moment.

Three kinds of clock, one per stream of a sensor, all driven by arrivals only, so that a recording repeats them exactly:

- `TickClock` for devices that send a counter. A packet can be late but never early, so the smallest difference of
  arrival and counter seen is the best guess of the offset (lower envelope); it may creep up by `MAX_SKEW`, because
  the device's crystal may be slower than ours.
- `CountClock` for devices that send no time. Samples are spread evenly; phase and period follow the arrivals slowly,
  which takes the radio's jitter out.
- `FileClock` for imports: the file's own time is the host time. A packet arrives with its last sample, so a sample
  that lies beyond is nonsense and dropped.

Counters wrap, restart and repeat themselves; samples that do not move forward are dropped and counted. A clock that
restarts, or takes over from one of another kind, knows the time before: what lies between is a hole like any other,
but its length by the device's own clock is unknown, so the first interval is NaN and filters start anew.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numba import float64, int64, njit, types
from numpy.typing import NDArray

from devices.chunks import Timing

MAX_SKEW = 200e-6
"""A device's crystal is not further off than this [s/s]; a proposal, see docs/conventions.md."""
RESTART_NS = 5_000_000_000
"""Counter and arrival disagree by more than this: the device restarted [ns]."""
TIME_CONSTANT_S = 2.0
"""How slowly a `CountClock` follows the arrivals [s]."""
MAX_PERIOD_ERROR = 0.02
"""A nominal rate is not further off than this fraction."""
HOLE = 1.5
"""An interval of more periods than this has lost samples in it."""
LONGEST_OUTAGE_S = 86_400.0
"""A hole counts for no more lost samples than this one would [s]: beyond a day somebody has set a clock, and numbers of
samples that nobody can have missed would drown the rest."""
MIN_STEP_NS = 1_000
"""Samples are at least this far apart on the host's time line [ns]."""

Times = NDArray[np.int64]
Floats = NDArray[np.float64]


class Stamped(NamedTuple):
    """When the samples of one chunk were taken; a tuple, as there is one for every packet."""

    t: Times
    """Host time [ns UTC], strictly increasing across chunks."""
    dt: Floats
    """Interval since the sample before [s]; NaN where the clock (re)started."""
    keep: NDArray[np.bool_] | None
    """Which samples of the chunk these are, shape: all of them; the others repeated an earlier time. None: all."""
    lost: int
    """Samples missing before this chunk or inside it."""
    gap: tuple[int, int] | None
    """The longest interval without samples that ends in this chunk [ns UTC], if any are missing."""


class Clock(Protocol):
    """Gives the samples of one stream their host time."""

    last: int
    """Time of the newest sample [ns UTC]; 0 before the first."""

    def stamp(self, timing: Timing, count: int, arrival: int) -> Stamped:
        """Return the times of `count` samples that arrived at `arrival` [ns UTC]."""
        ...


def clock_for(timing: Timing, file_shift: int | None, before: Clock | None = None) -> Clock:
    """Return the clock of a stream as it is now: the one it has if that fits, else a fresh one that goes on after it.

    file_shift: What a replay adds to the times of a file [ns]; None where the times come from a device.
    """
    last = 0 if before is None else before.last
    if timing.ticks is None:
        return before if isinstance(before, CountClock) else CountClock(last)
    if file_shift is None:
        return before if isinstance(before, TickClock) else TickClock(last)
    return before if isinstance(before, FileClock) and before.shift == file_shift else FileClock(file_shift, last)


@dataclass(slots=True)
class TickClock:
    """Host time of a device with a counter, by the lower envelope of arrival minus counter."""

    last: int = 0
    """See `Clock.last`."""
    _wraps: int = 0
    _tick: int | None = None
    _anchor: int = 0
    """Arrival minus counter of the first packet [ns]."""
    _offset: float = 0.0
    """What the offset is more than that [ns]: kept apart, as 64-bit floats cannot hold a UTC time to the nanosecond."""

    def stamp(self, timing: Timing, count: int, arrival: int) -> Stamped:
        """See `Clock.stamp`."""
        assert timing.ticks is not None
        if count == 1:
            return self._stamp_one(int(timing.ticks[0]), timing, arrival)
        previous = self._tick
        if previous is not None and not timing.wrap_ns:
            stamped = self._stamp_regular(timing.ticks, previous, timing.rate_hz, arrival)
            if stamped is not None:
                return stamped
        ticks = self._unwrap(timing.ticks, timing.wrap_ns)
        if previous is None or self._disagrees(int(ticks[-1]), arrival):
            ticks, previous = timing.ticks.astype(np.int64), None
            self._restart(int(ticks[-1]), arrival)
        keep = _forward(ticks, previous)
        ticks = ticks[keep]
        if not ticks.size:
            return _nothing(keep)
        if previous is not None:
            self._follow(int(ticks[-1]), previous, arrival)
        self._tick = int(ticks[-1])
        t = _increasing(ticks + (self._anchor + round(self._offset)), self.last)
        dt = np.diff(ticks, prepend=ticks[0] if previous is None else previous) / 1e9
        if previous is None:
            dt[0] = np.nan
        lost, gap = _missing(t, dt, self.last, timing.rate_hz)
        self.last = int(t[-1])
        return Stamped(t, dt, keep, lost, gap)

    def _stamp_regular(self, ticks: Times, previous: int, rate_hz: float, arrival: int) -> Stamped | None:
        """Do the same for samples that go forward, as nearly all do, in one loop; None where they do not."""
        tick = ticks.item(-1)
        if self._disagrees(tick, arrival):
            return None
        offset = self._followed(tick, previous, arrival)
        stamped = _regular(ticks, previous, self._anchor + round(offset), self.last, MIN_STEP_NS, rate_hz)
        if stamped is not None:
            self._offset, self._tick, self.last = offset, tick, stamped.t.item(-1)
        return stamped

    def _stamp_one(self, raw: int, timing: Timing, arrival: int) -> Stamped:
        """Do the same for a single sample, which most packets hold, without the cost of small arrays."""
        previous = self._tick
        tick = self._unwrap_one(raw, timing.wrap_ns, previous)
        if previous is None or self._disagrees(tick, arrival):
            tick, previous = raw, None
            self._restart(tick, arrival)
        elif tick <= previous:
            return _nothing(np.zeros(1, np.bool_))
        else:
            self._follow(tick, previous, arrival)
        self._tick = tick
        before, t = self.last, max(tick + self._anchor + round(self._offset), self.last + MIN_STEP_NS)
        self.last = t
        dt = math.nan if previous is None else (tick - previous) / 1e9
        if previous is None:
            lost = _lost_since(before, t, timing.rate_hz)
            gap = (before, t) if lost else None
        else:
            lost = _lost(dt, timing.rate_hz)
            gap = (int(t - dt * 1e9), t) if lost else None
        return Stamped(np.array((t,), np.int64), np.array((dt,)), None, lost, gap)

    def _restart(self, tick: int, arrival: int) -> None:
        self._wraps = 0
        self._anchor, self._offset = arrival - tick, 0.0

    def _unwrap_one(self, raw: int, wrap: int, last: int | None) -> int:
        if not wrap:
            return raw
        tick = raw + self._wraps * wrap
        if last is not None and last - tick > wrap // 2:
            self._wraps += 1
            tick += wrap
        elif last is not None and tick - last > wrap // 2 and self._wraps:
            tick -= wrap  # a late packet from before the wrap
        return tick

    def _unwrap(self, raw: Times, wrap: int) -> Times:
        if not wrap:
            return raw.astype(np.int64)
        ticks = np.empty(raw.size, np.int64)
        last = self._tick
        for i, value in enumerate(raw.tolist()):
            ticks[i] = tick = self._unwrap_one(value, wrap, last)
            last = tick if last is None else max(last, tick)
        return ticks

    def _disagrees(self, tick: int, arrival: int) -> bool:
        return abs(arrival - tick - self._anchor - self._offset) > RESTART_NS

    def _follow(self, tick: int, previous: int, arrival: int) -> None:
        self._offset = self._followed(tick, previous, arrival)

    def _followed(self, tick: int, previous: int, arrival: int) -> float:
        error = arrival - tick - self._anchor - self._offset
        return self._offset + min(error, MAX_SKEW * (tick - previous))


@dataclass(slots=True)
class CountClock:
    """Host time of a device without one: even samples whose phase and period follow the arrivals slowly."""

    last: int = 0
    """See `Clock.last`."""
    _anchor: int | None = None
    """Arrival of the first packet [ns UTC]; the times below count from it."""
    _t: float = 0.0
    _period: float = 0.0
    _nominal: float = 0.0

    def stamp(self, timing: Timing, count: int, arrival: int) -> Stamped:
        """See `Clock.stamp`."""
        nominal = 1e9 / timing.rate_hz
        if self._anchor is None or nominal != self._nominal:
            return self._begin(nominal, count, arrival)
        lost, steps = timing.lost, count + timing.lost
        error = arrival - self._anchor - (self._t + steps * self._period)
        if abs(error) > RESTART_NS:
            return self._begin(nominal, count, arrival)
        if error > max(1e8, 3 * count * self._period):  # more time passed than the samples account for
            unseen = round(error / self._period)
            lost, steps = lost + unseen, steps + unseen
            error -= unseen * self._period
        before = self._t
        self._follow(error, steps, nominal)
        step = (self._t - before) / steps
        exact = self._t - step * np.arange(count - 1, -1, -1)
        t = _increasing(self._anchor + exact.round().astype(np.int64), self.last)
        gap = (self.last, int(t[0])) if lost else None
        self.last = int(t[-1])
        dt = np.full(count, step / 1e9)
        dt[0] = step * (1 + lost) / 1e9
        return Stamped(t, dt, None, lost, gap)

    def _follow(self, error: float, steps: int, nominal: float) -> None:
        """Move phase and period towards the arrivals: a second-order loop with damping 1.4."""
        elapsed = steps * self._period / 1e9
        self._t += steps * self._period + error * -np.expm1(-elapsed / TIME_CONSTANT_S)
        pull = error / 1e9 * elapsed / TIME_CONSTANT_S**2 / 8
        low, high = nominal * (1 - MAX_PERIOD_ERROR), nominal * (1 + MAX_PERIOD_ERROR)
        self._period = min(max(self._period * (1 + pull), low), high)

    def _begin(self, period: float, count: int, arrival: int) -> Stamped:
        self._anchor, self._t, self._period = arrival, 0.0, period
        self._nominal = period
        exact = arrival - (period * np.arange(count - 1, -1, -1)).round().astype(np.int64)
        before, t = self.last, _increasing(exact, self.last)
        self.last = int(t[-1])
        dt = np.full(count, period / 1e9)
        dt[0] = np.nan
        lost = _lost_since(before, int(t[0]), 1e9 / period)
        return Stamped(t, dt, None, lost, (before, int(t[0])) if lost else None)


@dataclass(slots=True)
class FileClock:
    """The counter is the host time already, but for the shift of a replay."""

    shift: int = 0
    """Added to the file's time [ns]."""
    last: int = 0
    """See `Clock.last`."""
    _has_begun: bool = False

    def stamp(self, timing: Timing, count: int, arrival: int) -> Stamped:
        """See `Clock.stamp`."""
        assert timing.ticks is not None
        if self._has_begun and timing.ticks.item(-1) + self.shift <= arrival + RESTART_NS:
            stamped = _regular(timing.ticks, self.last - self.shift, self.shift, self.last, 0, timing.rate_hz)
            if stamped is not None:
                self.last = stamped.t.item(-1)
                return stamped
        ticks = timing.ticks.astype(np.int64) + self.shift
        keep = _forward(ticks, self.last) & (ticks <= arrival + RESTART_NS)
        t = ticks[keep]
        if not t.size:
            return _nothing(keep)
        dt = np.diff(t, prepend=self.last if self._has_begun else t[0]) / 1e9
        if not self._has_begun:
            dt[0] = np.nan
        lost, gap = _missing(t, dt, self.last, timing.rate_hz)
        self.last, self._has_begun = int(t[-1]), True
        return Stamped(t, dt, keep, lost, gap)


SPREAD = types.UniTuple(int64, 2)(int64[:], int64, int64, int64, int64, float64, int64[::1], float64[::1])


def _regular(ticks: Times, previous: int, offset: int, last: int, step: int, rate_hz: float) -> Stamped | None:
    """Return the stamps of samples that all go forward, in one loop; None where they do not."""
    t, dt = np.empty(ticks.size, np.int64), np.empty(ticks.size)
    lost, worst = spread(ticks, previous, offset, last, step, rate_hz, t, dt)
    if worst < 0:
        return None
    gap = (int(t[worst] - dt[worst] * 1e9), int(t[worst])) if lost else None
    return Stamped(t, dt, None, lost, gap)


@njit(SPREAD, cache=True)  # type: ignore[untyped-decorator]  # numba carries no types
def spread(
    ticks: Times, previous: int, offset: int, last: int, step: int, rate_hz: float, t: Times, dt: Floats
) -> tuple[int, int]:
    """Fill host times at least `step` apart and intervals; return how many samples are missing, and where most are.

    The latter is -1 if a sample is not later than the one before; see `_increasing` and `_missing` for the rest.
    """
    lost, most, worst = 0, 0.0, 0
    least = max(ticks[0] + offset, last + step)
    for i in range(ticks.size):
        if ticks[i] <= previous:
            return 0, -1
        least = max(least, ticks[i] + offset)
        t[i] = least
        least += step
        dt[i] = (ticks[i] - previous) / 1e9
        previous = ticks[i]
        periods = min(dt[i], LONGEST_OUTAGE_S) * rate_hz
        if periods > HOLE:
            missing = np.round(periods) - 1.0
            lost += int(missing)
            if missing > most:
                most, worst = missing, i
    return lost, worst


def _forward(ticks: Times, previous: int | None) -> NDArray[np.bool_]:
    """Mark the samples that are later than all before them."""
    floor = np.iinfo(np.int64).min if previous is None else previous
    best = np.maximum.accumulate(np.concatenate(([floor], ticks[:-1])))
    return np.asarray(ticks > best, np.bool_)


def _increasing(t: Times, last: int) -> Times:
    """Push samples forward where a corrected offset would let time run backwards."""
    steps = np.arange(t.size, dtype=np.int64) * MIN_STEP_NS
    floor = max(int(t[0]), last + MIN_STEP_NS)
    lifted = np.maximum.accumulate(np.maximum(t - steps, floor)) + steps
    return np.asarray(lifted, np.int64)


def _missing(t: Times, dt: Floats, before: int, rate_hz: float) -> tuple[int, tuple[int, int] | None]:
    """Count the samples that the intervals leave out, and name the longest hole.

    before: Time of the sample before these [ns], which tells the length of a first interval that is NaN.
    """
    first = float(dt[0])
    if math.isnan(first):
        first = (int(t[0]) - before) / 1e9 if before else 0.0
    periods = np.minimum(np.concatenate(((first,), dt[1:])), LONGEST_OUTAGE_S) * rate_hz
    holes = np.where(periods > HOLE, np.round(periods) - 1, 0)
    lost = int(holes.sum())
    if not lost:
        return 0, None
    worst = int(np.argmax(holes))
    if not worst and math.isnan(dt[0]):
        return lost, (before, int(t[0]))
    return lost, (int(t[worst] - dt[worst] * 1e9), int(t[worst]))


def _lost(interval_s: float, rate_hz: float) -> int:
    """Return how many samples an interval leaves out."""
    periods = min(interval_s, LONGEST_OUTAGE_S) * rate_hz
    return round(periods) - 1 if periods > HOLE else 0


def _lost_since(before: int, t: int, rate_hz: float) -> int:
    """Return how many samples are missing at a restart at `t`; none where there was no sample before."""
    return _lost((t - before) / 1e9, rate_hz) if before else 0


def _nothing(keep: NDArray[np.bool_]) -> Stamped:
    return Stamped(np.empty(0, np.int64), np.empty(0), keep, 0, None)
