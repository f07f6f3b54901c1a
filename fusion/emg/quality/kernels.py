"""The compiled loops of the EMG quality: samples of a second, channel by channel."""

from math import isfinite, nan, sqrt

import numpy as np
from numba import boolean, float64, njit, void
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BOTTOM, TOP, BOTTOM_VISITS, TOP_VISITS, STEP = 0, 1, 2, 3, 4
"""What is known of a converter's limits: the extremes so far, how often each was reached, the smallest step seen."""
USABLE, RMS, REPEATED, CLIPPED, RESTING, REST = 0, 1, 2, 3, 4, 5
"""What the samples of a second say: parts of the samples, except the two levels."""


@njit(void(float64[:, ::1], float64[:, ::1]), cache=True, error_model="numpy", nogil=True)
def extremes(x: Floats, rails: Floats) -> None:
    """Advance `rails` (channels, 5) by the samples x (channels, N); see `fusion.emg.quality.watch`."""
    for c in range(x.shape[0]):
        r = rails[c]
        before = nan
        for i in range(x.shape[1]):
            v = x[c, i]
            if not isfinite(v):
                continue
            change = abs(v - before)
            if 0.0 < change < r[STEP]:
                r[STEP] = change
            for side in range(2):
                sign = -1.0 if side == BOTTOM else 1.0
                beyond = sign * (v - r[side])
                if not isfinite(r[side]) or beyond > 0.5 * r[STEP]:
                    r[2 + side] = r[2 + side] + 1.0 if beyond < 1.5 * r[STEP] else 1.0
                    r[side] = v
                elif beyond > -0.5 * r[STEP] and abs(before - v) > 0.5 * r[STEP]:
                    r[2 + side] += 1.0
            before = v


SAMPLES = void(
    float64[:, ::1], float64[:, ::1], boolean[:, ::1], float64[:, ::1], float64, float64, float64, float64[:, ::1]
)


@njit(SAMPLES, cache=True, error_model="numpy", nogil=True)
def samples(
    x: Floats, amplitude: Floats, resting: Bools, rails: Floats, visits: float, span: float, least: float, out: Floats
) -> None:
    """Fill `out` (channels, 6) from a second's samples and fill holes in x (channels, N) by lines, in place.

    least: Resting samples without which a second says nothing of the rest.
    """
    n = x.shape[1]
    quiet = np.empty(n)
    for c in range(x.shape[0]):
        r = rails[c]
        far = r[TOP] - r[BOTTOM] >= span * r[STEP]
        low = r[BOTTOM] + 1.5 * r[STEP] if far and r[BOTTOM_VISITS] >= visits else -np.inf
        high = r[TOP] - 1.5 * r[STEP] if far and r[TOP_VISITS] >= visits else np.inf
        usable = repeated = clipped = rests = known = 0
        total, last = 0.0, -1
        for i in range(n):
            v = x[c, i]
            if resting[c, i]:
                rests += 1
                if isfinite(amplitude[c, i]):
                    quiet[known] = amplitude[c, i]
                    known += 1
            if not isfinite(v):
                continue
            usable += 1
            total += v
            clipped += v < low or v > high
            if last >= 0:
                repeated += v == x[c, last]
            first = last + 1
            for j in range(first, i):
                x[c, j] = v if last < 0 else x[c, last] + (v - x[c, last]) * (j - last) / (i - last)
            last = i
        for j in range(last + 1, n):
            x[c, j] = x[c, last] if last >= 0 else 0.0
        square = 0.0
        mean = total / usable if usable else 0.0
        for i in range(n):
            square += (x[c, i] - mean) ** 2
        out[c, USABLE] = usable
        out[c, RMS] = sqrt(square / n) if usable else nan
        out[c, REPEATED] = repeated / max(usable - 1, 1)
        out[c, CLIPPED] = clipped / max(usable, 1)
        out[c, RESTING] = rests / n
        out[c, REST] = np.median(quiet[:known]) if known >= least else nan


@njit(void(float64[:, ::1], boolean[::1], float64, float64[:, ::1]), cache=True, error_model="numpy", nogil=True)
def beats(levels: Floats, wanted: Bools, bound: float, out: Floats) -> None:
    """Fill `out` (channels, 2) with what repeats at the pace of a heart in levels (channels, N).

    Of the sizes of the steps between levels: the share of those above two thirds of `bound` medians, and the largest
    autocorrelation at lags from 25 to 62 (0.5 to 1.24 s in steps of 20 ms) once none is above `bound` medians and all
    are smoothed over five, because no heart is a clock.
    """
    n = levels.shape[1] - 1
    sizes, smooth = np.empty(n), np.empty(n - 4)
    for c in range(levels.shape[0]):
        out[c, 0], out[c, 1] = 0.0, 0.0
        if not wanted[c]:
            continue
        for i in range(n):
            sizes[i] = abs(levels[c, i + 1] - levels[c, i])
        middle = np.median(sizes)
        if not middle > 0.0:
            continue
        peaks = 0
        for i in range(n):
            peaks += sizes[i] > bound * middle / 1.5
            sizes[i] = min(sizes[i], bound * middle)
        for i in range(n - 4):
            smooth[i] = sizes[i] + sizes[i + 1] + sizes[i + 2] + sizes[i + 3] + sizes[i + 4]
        smooth -= smooth.mean()
        square, best = (smooth**2).sum(), 0.0
        for lag in range(25, 63):
            product = 0.0
            for i in range(n - 4 - lag):
                product += smooth[i] * smooth[i + lag]
            best = max(best, product / square * (n - 4) / (n - 4 - lag))
        out[c, 0], out[c, 1] = peaks / n, best
