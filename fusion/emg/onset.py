"""When exactly a burst began and ended: the Teager-Kaiser energy of the band-passed signal, looked back at.

The energy x[n]^2 - x[n-k] x[n+k] weighs amplitude and frequency (TKEO, Solnik 2010 [V], there with k = 1); the lag k is
a fixed time, so that it favours the muscle's frequencies at any sampling rate. With k = 1 at 1 and 2 kHz it favours the
flat noise above them: of 96 synthetic bursts at 6 dB and 1 kHz it lost 68 where 2 ms lost 2, and at 10 dB and 2 kHz its
offsets were 190 ms off where 2 ms gave 9. It is rectified and low-passed at 50 Hz (Hodges and Bui 1996 [V]) and called
active above the mean and `threshold_sd` standard deviations of its rest.

The envelope decides that there is a burst; the look back, at that moment, from there, decides when: the onset is where
the score of what follows is largest, the offset where that of the rest is, each sample scoring with its distance from
the threshold, at most with the threshold itself (a sum as in Page's test of 1954 [M]). This needs no hold time, and
neither a dip inside the burst nor a spike before it decides alone. A beat of the heart scores too little to be a burst.

Rest is learnt `rest_lag_s` late, and only where no burst was in sight since, so that no onset is learnt as rest.

The constants were chosen on synthetic bursts; see tests/fusion/emg/test_onset.py.
"""

from dataclasses import dataclass
from math import exp, pi, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.signal import butter

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LOW_0, LOW_1, MEAN, SQUARE = range(4)
"""Columns of `OnsetState.level`: the low-pass, mean and mean square of the energy at rest."""
COUNT, QUIET, LEARNT, BARRED, BEGUN = range(5)
"""Columns of `OnsetState.number`: samples seen, samples without a burst in sight, samples of rest, sample at which the
burst before ended, sample at which the burst at hand was seen."""


@dataclass(frozen=True, slots=True)
class OnsetParams:
    """How the energy tells active from rest."""

    lag_s: float = 0.0025
    """Lag of the energy [s]. Higher: favours lower frequencies. [P]"""
    low_pass_hz: float = 50.0
    """Low-pass of the rectified energy [Hz]. Higher: earlier, noisier. (Hodges and Bui 1996.) [V]"""
    threshold_sd: float = 3.0
    """Standard deviations above the mean of rest. Higher: later onsets, earlier offsets. [P]"""
    look_back_s: float = 1.0
    """No onset or offset farther back from the moment of decision [s]. [P]"""
    rest_s: float = 5.0
    """Memory of the rest [s]. [P]"""
    rest_lag_s: float = 0.3
    """So late is rest learnt [s]: longer than an onset takes to be seen. [P]"""


@dataclass(slots=True)
class OnsetState:
    """The energy of the last second and its rest; copy it to go back there."""

    level: Floats
    """Shape (channels, 4)."""
    number: Integers
    """Shape (channels, 5)."""
    signal: Floats
    """Band-passed signal by sample number, shape (channels, 2 lag + 1)."""
    ring: Floats
    """Energy by sample number, shape (channels, samples)."""

    def copy(self) -> "OnsetState":
        """Return an independent copy."""
        return OnsetState(self.level.copy(), self.number.copy(), self.signal.copy(), self.ring.copy())


def fresh(channels: int, rate_hz: float, params: OnsetParams) -> OnsetState:
    """Return the state before the first sample."""
    room = round(params.look_back_s * rate_hz) + 1
    signal = np.zeros((channels, 2 * lag(rate_hz, params) + 1))
    return OnsetState(np.zeros((channels, 4)), np.zeros((channels, 5), np.int64), signal, np.zeros((channels, room)))


def lag(rate_hz: float, params: OnsetParams) -> int:
    """Return the lag of the energy [samples]."""
    return max(round(params.lag_s * rate_hz), 1)


def interrupt(state: OnsetState) -> None:
    """Begin anew, as after a gap; the rest stays known."""
    state.level[:, : LOW_1 + 1] = 0.0
    state.signal[:] = 0.0
    state.number[:, QUIET] = 0
    state.number[:, BARRED] = state.number[:, COUNT]


def coefficients(rate_hz: float, params: OnsetParams) -> tuple[Floats, float]:
    """Return the numbers for `follow`, and by how much the energy is late [s]: at 50 Hz 4.5 ms and one sample."""
    corner = min(params.low_pass_hz, 0.25 * rate_hz)
    b0, b1, b2, _, a1, a2 = butter(2, corner, fs=rate_hz, output="sos")[0]
    rest, memory = round(params.rest_lag_s * rate_hz), 1.0 - exp(-1.0 / (params.rest_s * rate_hz))
    late = sqrt(2.0) / (2 * pi * corner) + lag(rate_hz, params) / rate_hz
    return np.array([b0, b1, b2, a1, a2, params.threshold_sd, rest, memory]), late


@njit(cache=True, error_model="numpy", nogil=True)
def follow(x: float, quiet: bool, p: Floats, level: Floats, number: Integers, signal: Floats, ring: Floats) -> None:
    """Take the next band-passed sample of a channel; quiet: no burst is in sight."""
    n, lag = number[COUNT], signal.size // 2
    signal[n % signal.size] = x
    middle = signal[(n - lag) % signal.size]
    energy = abs(middle * middle - x * signal[(n + 1) % signal.size])
    y = p[0] * energy + level[LOW_0]
    level[LOW_0] = p[1] * energy - p[3] * y + level[LOW_1]
    level[LOW_1] = p[2] * energy - p[4] * y
    ring[n % ring.size] = y
    number[COUNT] = n + 1
    number[QUIET] = number[QUIET] + 1 if quiet else 0
    rest = int(p[6])
    if number[QUIET] > rest:
        past = ring[(n - rest) % ring.size]
        number[LEARNT] += 1
        gain = max(p[7], 1.0 / number[LEARNT])
        level[MEAN] += gain * (past - level[MEAN])
        level[SQUARE] += gain * (past * past - level[SQUARE])


@njit(cache=True, error_model="numpy", nogil=True)
def threshold(p: Floats, level: Floats) -> float:
    """Return above which energy a channel is active."""
    return float(level[MEAN] + p[5] * np.sqrt(max(level[SQUARE] - level[MEAN] * level[MEAN], 0.0)))


@njit(cache=True, error_model="numpy", nogil=True)
def look_back(limit: float, sign: float, first: int, number: Integers, ring: Floats) -> tuple[int, float]:
    """Return how many of the latest samples are active (sign 1) or at rest (-1), and their score [samples].

    first: The sample number before which not to look.
    """
    most, score, length = 0.0, 0.0, 0
    n = number[COUNT]
    for back in range(1, min(n - first, ring.size) + 1):
        score += sign * (min(ring[(n - back) % ring.size], 2.0 * limit) / limit - 1.0)
        if score > most:
            most, length = score, back
    return length, most
