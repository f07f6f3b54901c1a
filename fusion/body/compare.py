"""What a joint angle is off by against a reference of the same angle on the same time line.

The error is ours minus the truth. Only rows count in which both have a value, and rows may be missing altogether; no
offset is taken away unless a figure says so. A lag is looked for where the joint moved, and where a shape can be told.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

PERCENTILES = (2.0, 98.0)
"""Between these a range of movement lies, so that single outliers do not make it: linear between the sorted values."""
MAX_LAG_NS = 500_000_000
"""A lag is looked for up to this [ns]; longer is another repetition, or another recording."""
MOVED_DEG = 5.0
"""A range below this has no lag: noise and drift would decide [deg]. A proposal of this project."""
ALIKE = 0.5
"""Shapes that correlate less than this, however they are shifted, have no lag. A proposal of this project."""


@dataclass(frozen=True, slots=True)
class JointErrors:
    """Errors of one joint angle over one recording; NaN where a figure cannot be told."""

    rmse_deg: float
    """Root mean square of the error [deg]."""
    rmse_without_offset_deg: float
    """The same after the offset was taken off every row: the standard deviation of the error [deg]."""
    offset_deg: float
    """Mean of the error [deg]; positive: ours is larger."""
    rom_error_deg: float
    """Range of ours minus that of the truth, each from the 2nd to the 98th percentile of the compared rows [deg]."""
    drift_deg_min: float
    """Slope of the least-squares line through the error over time [deg/min]; positive: ours climbs away."""
    lag_ms: float
    """How much later ours is [ms]: the shift within +-500 ms at which the two correlate best; see `compare`."""
    correlation: float
    """Pearson's, without any shift; NaN if one of the two is constant."""
    compared: float
    """Share of the rows with a truth in which ours has a value too [fraction]."""
    duration_s: float
    """Time from the first compared row to the last [s]."""


def compare(t: Times, ours: Floats, truth: Floats, period_ns: int) -> JointErrors:
    """Compare a computed angle with its truth.

    The lag is the vertex of the parabola through the best of the correlations at whole rows and its two neighbours. A
    shift counts if it leaves at least half of the compared rows. There is no lag if one of the two ranges is below
    `MOVED_DEG`, if the best correlation is below `ALIKE`, or if it lies at the end of the shifts.

    Args:
        t: Time of each row [ns], increasing by whole periods, shape (n,).
        ours: Computed angle [deg]; NaN where there is none, shape (n,).
        truth: Reference of the same angle [deg]; NaN where there is none, shape (n,).
        period_ns: Distance of two neighbouring rows [ns].

    Raises:
        ValueError: The shapes differ, or fewer than two rows have both.
    """
    if not (t.shape == ours.shape == truth.shape == (t.size,)):
        raise ValueError(f"t has shape {t.shape}, ours {ours.shape}, truth {truth.shape}")
    known = np.isfinite(truth)
    both = known & np.isfinite(ours)
    if both.sum() < 2:
        raise ValueError(f"{both.sum()} of the {known.sum()} rows with a truth have a computed value: two are needed")
    time, a, b = (t[both] - t[both][0]) / 1e9, ours[both], truth[both]
    error = a - b
    offset, ranges = error.mean(), (_range(a), _range(b))
    return JointErrors(
        rmse_deg=_rms(error),
        rmse_without_offset_deg=_rms(error - offset),
        offset_deg=float(offset),
        rom_error_deg=ranges[0] - ranges[1],
        drift_deg_min=60.0 * _slope(time, error),
        lag_ms=_lag_ms(t, ours, truth, period_ns) if min(ranges) >= MOVED_DEG else np.nan,
        correlation=_correlation(a, b),
        compared=float(both.sum() / known.sum()),
        duration_s=float(time[-1]),
    )


def _rms(x: Floats) -> float:
    return float(np.sqrt(np.mean(x * x)))


def _range(x: Floats) -> float:
    low, high = np.percentile(x, PERCENTILES)
    return float(high - low)


def _slope(t: Floats, value: Floats) -> float:
    """Return the slope of the least-squares line."""
    centred = t - t.mean()
    return float((centred * value).sum() / (centred * centred).sum())


def _correlation(a: Floats, b: Floats) -> float:
    """Return Pearson's correlation of two arrays without NaN; NaN if one is constant."""
    if a.size < 2 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return np.nan
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip((a @ b) / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def _lag_ms(t: Times, ours: Floats, truth: Floats, period_ns: int) -> float:
    """Return how much later ours is than the truth [ms]; NaN if that cannot be told."""
    reach = MAX_LAG_NS // period_ns
    place = _places(t, period_ns, reach)
    a, b = np.full((2, place[-1] + 1), np.nan)
    a[place], b[place] = ours, truth
    fewest = np.isfinite(a + b).sum() / 2
    alike = np.array([_shifted_correlation(a, b, shift, fewest) for shift in range(-reach, reach + 1)])
    best = int(np.argmax(np.nan_to_num(alike, nan=-1.0)))
    before, top, after = alike[best - 1 : best + 2] if 0 < best < 2 * reach else (np.nan, np.nan, np.nan)
    bend = before - 2.0 * top + after
    if not (top >= ALIKE and bend < 0.0):
        return np.nan
    return float((best - reach + 0.5 * (before - after) / bend) * period_ns / 1e6)


def _places(t: Times, period_ns: int, reach: int) -> Times:
    """Return the row of each time on a line without holes; a hole is kept only as far as shifts reach, shape (n,)."""
    steps = np.clip(np.rint(np.diff(t) / period_ns), 1, reach + 1).astype(np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])


def _shifted_correlation(ours: Floats, truth: Floats, shift: int, fewest: float) -> float:
    """Correlate row `i + shift` of ours with row `i` of the truth; NaN if fewer rows than `fewest` have both."""
    n = truth.size
    if abs(shift) >= n:
        return np.nan
    a, b = ours[max(shift, 0) : n + min(shift, 0)], truth[max(-shift, 0) : n - max(shift, 0)]
    both = np.isfinite(a) & np.isfinite(b)
    return _correlation(a[both], b[both]) if both.sum() >= fewest else np.nan
