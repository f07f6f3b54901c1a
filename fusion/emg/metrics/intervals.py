"""How sure a number is: confidence intervals of 95 % for means, medians, ratios of sums and slopes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtrit

Floats = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its confidence interval."""

    value: float
    low: float
    high: float
    n: int
    """From so many independent values."""


def mean(values: ArrayLike) -> Estimate | None:
    """Return the mean with the interval of Student's t; None of fewer than two finite values."""
    x = _finite(values)
    if x.size < 2:
        return None
    return _around(float(x.mean()), float(x.std(ddof=1)) / np.sqrt(x.size), x.size - 1, x.size)


def median(values: ArrayLike) -> Estimate | None:
    """Return the median between the order statistics that hold it with 95 %; None of fewer than six finite values."""
    x = np.sort(_finite(values))
    below = np.flatnonzero(bdtr(np.arange(x.size // 2), x.size, 0.5) <= 0.5 * (1.0 - CONFIDENCE))
    if not below.size:
        return None
    rank = int(below[-1])
    return Estimate(float(np.median(x)), float(x[rank]), float(x[-1 - rank]), x.size)


def difference_over_sum(a: ArrayLike, b: ArrayLike) -> Estimate | None:
    """Return (A - B) / (A + B) of the sums over pairs with the jackknife's interval; None of fewer than three pairs."""
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    n = x.size
    if n < 3 or not x.sum() + y.sum() > 0.0:
        return None
    left, right = x.sum() - x, y.sum() - y
    if not (left + right > 0.0).all():
        return None
    without = (left - right) / (left + right)
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    return _around(float((x.sum() - y.sum()) / (x.sum() + y.sum())), float(error), n - 1, n)


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through values over time, by least squares."""

    slope: Estimate
    """[unit/s]"""
    error: float
    """Standard error of the slope [unit/s]."""
    initial: float
    """The line's value at the first time."""

    @property
    def percent_per_min(self) -> Estimate:
        """The slope in percent of the initial value per minute, as if that were known exactly."""
        s, factor = self.slope, 6000.0 / self.initial
        low, high = sorted((s.low * factor, s.high * factor))
        return Estimate(s.value * factor, low, high, s.n)


def line(t: Floats, values: Floats) -> Line | None:
    """Fit a line to values at `t` [s], shape (n,); None of fewer than three finite values or of a single time."""
    known = np.isfinite(values)
    x, y = t[known], values[known]
    if x.size < 3 or not np.ptp(x) > 0.0:
        return None
    x0, span = x - x.mean(), float(((x - x.mean()) ** 2).sum())
    slope = float(x0 @ (y - y.mean())) / span
    rest = y - y.mean() - slope * x0
    error = float(np.sqrt(rest @ rest / (x.size - 2) / span))
    return Line(_around(slope, error, x.size - 2, x.size), error, float(y.mean() + slope * (x.min() - x.mean())))


def _finite(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=float)
    finite: Floats = x[np.isfinite(x)]
    return finite


def _around(value: float, error: float, freedom: int, n: int) -> Estimate:
    reach = float(stdtrit(freedom, 0.5 + 0.5 * CONFIDENCE)) * error
    return Estimate(value, value - reach, value + reach, n)
