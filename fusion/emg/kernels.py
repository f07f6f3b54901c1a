"""The compiled loops of the EMG chain: all channels of a sensor, sample by sample, with explicit state."""

from math import isfinite

import numpy as np
from numba import boolean, float64, int64, njit, void
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UPDATE = void(
    float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, :, ::1], float64[:, :, ::1],
    float64[::1], boolean[::1], float64[:, ::1],
)  # fmt: skip


@njit(UPDATE, cache=True, error_model="numpy", nogil=True)
def envelope_update(
    emg: Floats,
    band: Floats,
    band_step: Floats,
    low: Floats,
    band_state: Floats,
    low_state: Floats,
    last: Floats,
    started: NDArray[np.bool_],
    out: Floats,
) -> None:
    """Band-pass, rectify and smooth `emg` (N, channels) into `out`, in transposed direct form II as scipy's sosfilt.

    A channel that has not started takes its first usable sample as a standing offset, so that no step rings. An
    unusable sample repeats the one before in the filters and is NaN in `out`.
    """
    for c in range(emg.shape[1]):
        for i in range(emg.shape[0]):
            x = emg[i, c]
            usable = isfinite(x)
            if not usable:
                if not started[c]:
                    out[i, c] = np.nan
                    continue
                x = last[c]
            elif not started[c]:
                started[c] = True
                for s in range(band.shape[0]):
                    band_state[c, s, 0], band_state[c, s, 1] = band_step[s, 0] * x, band_step[s, 1] * x
            last[c] = x
            y = x
            for s in range(band.shape[0]):
                x = y
                y = band[s, 0] * x + band_state[c, s, 0]
                band_state[c, s, 0] = band[s, 1] * x - band[s, 4] * y + band_state[c, s, 1]
                band_state[c, s, 1] = band[s, 2] * x - band[s, 5] * y
            y = abs(y)
            for s in range(low.shape[0]):
                x = y
                y = low[s, 0] * x + low_state[c, s, 0]
                low_state[c, s, 0] = low[s, 1] * x - low[s, 4] * y + low_state[c, s, 1]
                low_state[c, s, 1] = low[s, 2] * x - low[s, 5] * y
            out[i, c] = max(y, 0.0) if usable else np.nan


DETECT = int64(
    int64[::1], float64[:, ::1], float64[::1], float64[::1], float64[:, ::1], int64[:, ::1],
    int64[:, ::1], float64[::1], float64[:, ::1],
)  # fmt: skip

FLOOR, PEAK, MOST, AGE, TOP = 0, 1, 2, 3, 4
ACTIVE, SINCE, ONSET, LAST = 0, 1, 2, 3


@njit(DETECT, cache=True, error_model="numpy", nogil=True)
def burst_update(
    t: NDArray[np.int64],
    envelope: Floats,
    p: Floats,
    mvc: Floats,
    level: Floats,
    time: NDArray[np.int64],
    found: NDArray[np.int64],
    peaks: Floats,
    activation: Floats,
) -> int:
    """Advance the burst detectors and return how many bursts ended; see `fusion.emg.bursts`.

    p: dt, warm, down, up, decay, ratio, release ratio, fraction, minimum [ns], pause [ns]. level: per channel floor,
    recent peak, peak of the session, age, top of the burst. time: per channel active, since (-1: no change in sight),
    onset, last. found: channel, onset, offset.
    """
    n = 0
    for c in range(envelope.shape[1]):
        for i in range(envelope.shape[0]):
            value = envelope[i, c]
            activation[i, c] = value / mvc[c]
            if not isfinite(value):
                continue
            time[c, LAST] = t[i]
            level[c, AGE] += p[0]
            if level[c, AGE] < p[1]:
                continue
            if level[c, FLOOR] < 0.0:
                level[c, FLOOR] = value
            level[c, FLOOR] += (p[2] if value < level[c, FLOOR] else p[3]) * (value - level[c, FLOOR])
            level[c, PEAK] = max(value, level[c, PEAK] - p[4] * level[c, PEAK])
            floor = level[c, FLOOR]
            above = level[c, PEAK] - floor
            active = time[c, ACTIVE] == 1
            if active:
                level[c, MOST] = max(value, level[c, MOST])
            if not isfinite(mvc[c]) and level[c, MOST] > 0.0:
                activation[i, c] = value / max(value, level[c, MOST])
            if active:
                change = value < max(p[6] * floor, floor + 0.5 * p[7] * above)
            else:
                change = value > max(p[5] * floor, floor + p[7] * above)
            if active or change:
                level[c, TOP] = max(level[c, TOP], value)
            else:
                level[c, TOP] = 0.0
            if not change:
                time[c, SINCE] = -1
                continue
            if time[c, SINCE] < 0:
                time[c, SINCE] = t[i]
            if t[i] - time[c, SINCE] < (p[9] if active else p[8]):
                continue
            if active:
                found[n, 0], found[n, 1], found[n, 2], peaks[n] = c, time[c, ONSET], time[c, SINCE], level[c, TOP]
                n += 1
                level[c, TOP] = 0.0
                time[c, ACTIVE] = 0
            else:
                level[c, MOST] = max(level[c, TOP], level[c, MOST])
                time[c, ONSET] = time[c, SINCE]
                time[c, ACTIVE] = 1
            time[c, SINCE] = -1
    return n
