"""The compiled loops of the EMG chain: all channels of a sensor, sample by sample, with explicit state."""

from math import isfinite, sqrt

import numpy as np
from numba import boolean, float64, int64, njit, void
from numpy.typing import NDArray

from fusion.emg.onset import BARRED, BEGUN, COUNT, follow, look_back, threshold

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

CHAIN = void(
    float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1],
    float64[:, :, ::1], float64[:, :, ::1], float64[:, :, ::1], float64[:, ::1], float64[::1], int64[::1],
    float64[::1], boolean[:, ::1], float64[:, ::1], float64[:, ::1],
)  # fmt: skip


@njit(inline="always")
def cascade(x: float, sos: Floats, state: Floats) -> float:
    """Return the next output of second-order sections, in transposed direct form II as scipy's sosfilt."""
    for s in range(sos.shape[0]):
        y = sos[s, 0] * x + state[s, 0]
        state[s, 0] = sos[s, 1] * x - sos[s, 4] * y + state[s, 1]
        state[s, 1] = sos[s, 2] * x - sos[s, 5] * y
        x = y
    return x


@njit(CHAIN, cache=True, error_model="numpy", nogil=True)
def chain_update(
    emg: Floats,
    band: Floats,
    band_step: Floats,
    notch: Floats,
    notch_step: Floats,
    low: Floats,
    band_state: Floats,
    notch_state: Floats,
    low_state: Floats,
    squares: Floats,
    total: Floats,
    place: Integers,
    last: Floats,
    started: Flags,
    banded: Floats,
    out: Floats,
) -> None:
    """Filter `emg` (N, channels) into `banded`, and its amplitude into `out`: RMS if `squares` has room, or envelope.

    A channel that has not started takes its first usable sample as a standing offset, so that no step rings. An
    unusable sample repeats the one before in the filters and is NaN in `banded` and `out`.

    The moving sum of squares has no rounding that grows, and no subtraction: `squares` holds the block at hand up to
    `place`, and behind it, of the block before, the sums from there to its end; when a block is full its squares
    become such sums. Sum of the window: what is left of the block before, and `total` of the block at hand.
    """
    window = squares.shape[1]
    for c in range(emg.shape[1]):
        for i in range(emg.shape[0]):
            x = emg[i, c]
            usable = isfinite(x)
            if not usable:
                if not started[c, 0]:
                    banded[i, c] = out[i, c] = np.nan
                    continue
                x = last[c]
            elif not started[c, 0]:
                started[c, 0] = True
                for s in range(band.shape[0]):
                    band_state[c, s, 0], band_state[c, s, 1] = band_step[s, 0] * x, band_step[s, 1] * x
            last[c] = x
            y = cascade(x, band, band_state[c])
            if notch.shape[0]:
                if not started[c, 1]:
                    started[c, 1] = True
                    for s in range(notch.shape[0]):
                        notch_state[c, s, 0], notch_state[c, s, 1] = notch_step[s, 0] * y, notch_step[s, 1] * y
                y = cascade(y, notch, notch_state[c])
            if window:
                k = place[c]
                squares[c, k] = y * y
                total[c] += y * y
                k += 1
                amplitude = sqrt((total[c] + (squares[c, k] if k < window else 0.0)) / window)
                if k == window:
                    for j in range(window - 2, -1, -1):
                        squares[c, j] += squares[c, j + 1]
                    total[c] = 0.0
                    k = 0
                place[c] = k
            else:
                amplitude = max(cascade(abs(y), low, low_state[c]), 0.0)
            banded[i, c] = y if usable else np.nan
            out[i, c] = amplitude if usable else np.nan


OFFLINE = void(float64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int64, float64[::1])


@njit(cache=True, error_model="numpy", nogil=True)
def pass_over(x: Floats, sos: Floats, step: Floats, state: Floats) -> None:
    """Filter `x` in place, as if its first value had stood before it."""
    for s in range(sos.shape[0]):
        state[s, 0], state[s, 1] = step[s, 0] * x[0], step[s, 1] * x[0]
    for i in range(x.size):
        x[i] = cascade(x[i], sos, state)


@njit(cache=True, error_model="numpy", nogil=True)
def both_ways(x: Floats, sos: Floats, step: Floats, out: Floats) -> None:
    """Filter forwards and backwards into `out`, with ends turned by half a turn: scipy's sosfiltfilt."""
    zeros = 0
    for s in range(sos.shape[0]):
        zeros += sos[s, 2] == 0.0 and sos[s, 5] == 0.0
    n = x.size
    pad = min(3 * (2 * (sos.shape[0] - zeros) + 1), n - 1)
    work, state = np.empty(n + 2 * pad), np.empty((sos.shape[0], 2))
    work[pad : pad + n] = x
    for i in range(1, pad + 1):
        work[pad - i] = 2.0 * x[0] - x[i]
        work[pad + n - 1 + i] = 2.0 * x[n - 1] - x[n - 1 - i]
    pass_over(work, sos, step, state)
    work = work[::-1]
    for s in range(sos.shape[0]):
        state[s, 0], state[s, 1] = step[s, 0] * work[0], step[s, 1] * work[0]
    for i in range(work.size):
        work[i] = cascade(work[i], sos, state)
    work = work[::-1]
    out[:] = work[pad : pad + n]


@njit(OFFLINE, cache=True, error_model="numpy", nogil=True)
def offline(emg: Floats, band: Floats, step: Floats, low: Floats, low_step: Floats, window: int, out: Floats) -> None:
    """Write the zero-phase amplitude of one channel into `out`: RMS of a centred window, or envelope if it is 0.

    At the ends the window holds fewer samples. Its sum is made anew every `window` samples, so that no rounding grows.
    """
    both_ways(emg, band, step, out)
    n, half = emg.size, window // 2
    if window == 0:
        for i in range(n):
            out[i] = abs(out[i])
        both_ways(out, low, low_step, out)
        for i in range(n):
            out[i] = max(out[i], 0.0)
        return
    square = out * out
    total = 0.0
    for i in range(n):
        first, end = max(i - half, 0), min(i + half + 1, n)
        if i % window == 0:
            total = 0.0
            for j in range(first, end):
                total += square[j]
        else:
            if first > 0:
                total -= square[first - 1]
            if i + half < n:
                total += square[i + half]
        out[i] = sqrt(max(total, 0.0) / (end - first))


DETECT = int64(
    int64[::1], float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64[:, ::1], int64[:, ::1],
    float64[:, ::1], float64[:, ::1], float64[:, ::1], int64[:, ::1], float64[::1], int64[:, ::1], float64[::1],
    float64[:, ::1],
    boolean[:, ::1],
)  # fmt: skip

FLOOR, PEAK, MOST, AGE, TOP = 0, 1, 2, 3, 4
ACTIVE, SINCE, ONSET, LAST = 0, 1, 2, 3
LONG = 4.0
"""A burst must score its shortest length, or keep the envelope up for this multiple of it: no spike does. [P]"""


@njit(DETECT, cache=True, error_model="numpy", nogil=True)
def burst_update(
    t: Integers,
    envelope: Floats,
    band: Floats,
    p: Floats,
    q: Floats,
    level: Floats,
    time: Integers,
    energy: Floats,
    signal: Floats,
    ring: Floats,
    number: Integers,
    mvc: Floats,
    found: Integers,
    peaks: Floats,
    activation: Floats,
    resting: Bools,
) -> int:
    """Advance the burst detectors and return how many bursts ended; see `fusion.emg.bursts` and `fusion.emg.onset`.

    p: dt, warm, down, up, up in a burst, decay, ratio, release ratio, fraction, minimum [ns], pause [ns], delays of the
    envelope and of the energy [ns]. q: numbers of the onset. level: per channel floor, recent peak, peak of the
    session, age, top of the burst. time: per channel active, since (-1: no change in sight), onset, last. energy,
    number, signal, ring: state of the onset; unused if `band` has no rows. found: channel, onset,
    offset. resting: no burst is open at a sample.
    """
    n, dt_ns, refined = 0, 1e9 * p[0], band.shape[0] > 0
    for c in range(envelope.shape[1]):
        for i in range(envelope.shape[0]):
            value = envelope[i, c]
            activation[i, c] = value / mvc[c]
            resting[i, c] = time[c, ACTIVE] == 0
            if not isfinite(value):
                continue
            active = time[c, ACTIVE] == 1
            time[c, LAST] = t[i]
            level[c, AGE] += p[0]
            if refined:
                quiet = not active and time[c, SINCE] < 0 and level[c, AGE] >= p[1]
                follow(band[i, c], quiet, q, energy[c], number[c], signal[c], ring[c])
            if level[c, AGE] < p[1]:
                continue
            if level[c, FLOOR] < 0.0:
                level[c, FLOOR] = value
            up = p[4] if active else p[3]
            level[c, FLOOR] += (p[2] if value < level[c, FLOOR] else up) * (value - level[c, FLOOR])
            level[c, PEAK] = max(value, level[c, PEAK] - p[5] * level[c, PEAK])
            floor = level[c, FLOOR]
            above = level[c, PEAK] - floor
            if active:
                level[c, MOST] = max(value, level[c, MOST])
            if not isfinite(mvc[c]) and level[c, MOST] > 0.0:
                activation[i, c] = value / max(value, level[c, MOST])
            if active:
                change = value < max(p[7] * floor, floor + 0.5 * p[8] * above)
            else:
                change = value > max(p[6] * floor, floor + p[8] * above)
            if active or change:
                level[c, TOP] = max(level[c, TOP], value)
            else:
                level[c, TOP] = 0.0
            if not change:
                time[c, SINCE] = -1
                continue
            if time[c, SINCE] < 0:
                time[c, SINCE] = t[i]
            if t[i] - time[c, SINCE] < (p[10] if active else p[9]):
                continue
            moment, length = time[c, SINCE] - int(p[11]), 0
            limit = threshold(q, energy[c]) if refined else 0.0
            if limit > 0.0:
                sign, first = (-1.0, number[c, BEGUN]) if active else (1.0, number[c, BARRED])
                length, score = look_back(limit, sign, first, number[c], ring[c])
                if active or score * dt_ns >= p[9]:
                    moment = t[i] - int(length * dt_ns + p[12])
                elif t[i] - time[c, SINCE] < LONG * p[9]:
                    continue
            if active:
                found[n, 0], found[n, 1], found[n, 2], peaks[n] = c, time[c, ONSET], moment, level[c, TOP]
                n += 1
                level[c, TOP] = 0.0
                time[c, ACTIVE] = 0
                number[c, BARRED] = number[c, COUNT] - length
            else:
                level[c, MOST] = max(level[c, TOP], level[c, MOST])
                time[c, ONSET] = moment
                time[c, ACTIVE] = 1
                number[c, BEGUN] = number[c, COUNT]
            time[c, SINCE] = -1
    return n
