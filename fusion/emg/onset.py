"""When exactly a burst began and ended: the Teager-Kaiser energy of the band-passed signal, looked back at.

The energy x[n]^2 - x[n-1] x[n+1] (TKEO; Solnik 2010 [V]) weighs amplitude and frequency, and so sets the muscle off
against slow disturbances. It is rectified and low-passed at 50 Hz (Hodges and Bui 1996 [V]) and called active above the
mean and `threshold_sd` standard deviations of its rest. The envelope has decided that there is a burst; the look back,
at that moment, from there, decides when: the onset is where the score of what follows is largest, the offset where that
of the rest is, each sample scoring with its distance from the threshold, at most with the threshold itself (a sum as in
Page's test of 1954 [M]). Compared with "the first sample above for a hold time" this needs no hold time and neither a
dip inside the burst nor a spike before it decides alone.

Rest is learnt `rest_lag_s` late, and only where no burst was in sight since, so that no onset is learnt as rest.
"""

from dataclasses import dataclass
from math import exp, pi, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.signal import butter

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BEFORE, LATEST, LOW_0, LOW_1, MEAN, SQUARE = range(6)
"""Columns of `OnsetState.level`: the two samples before, the low-pass, mean and mean square of the energy at rest."""
COUNT, QUIET, LEARNT, BARRED, BEGUN = range(5)
"""Columns of `OnsetState.number`: samples seen, samples without a burst in sight, samples of rest, sample at which the
burst before ended, sample at which the burst at hand was seen."""


@dataclass(frozen=True, slots=True)
class OnsetParams:
    """How the energy tells active from rest."""

    low_pass_hz: float = 50.0
    """Low-pass of the rectified energy [Hz]. Higher: earlier, noisier. (Hodges and Bui 1996.) [V]"""
    threshold_sd: float = 6.0
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
    """Shape (channels, 6)."""
    number: Integers
    """Shape (channels, 5)."""
    ring: Floats
    """Energy by sample number, shape (channels, samples)."""

    def copy(self) -> "OnsetState":
        """Return an independent copy."""
        return OnsetState(self.level.copy(), self.number.copy(), self.ring.copy())


def fresh(channels: int, rate_hz: float, params: OnsetParams) -> OnsetState:
    """Return the state before the first sample."""
    room = round(params.look_back_s * rate_hz) + 1
    return OnsetState(np.zeros((channels, 6)), np.zeros((channels, 5), np.int64), np.zeros((channels, room)))


def interrupt(state: OnsetState) -> None:
    """Begin anew, as after a gap; the rest stays known."""
    state.level[:, : LOW_1 + 1] = 0.0
    state.number[:, QUIET] = 0
    state.number[:, BARRED] = state.number[:, COUNT]


def coefficients(rate_hz: float, params: OnsetParams) -> tuple[Floats, float]:
    """Return the numbers for `follow`, and by how much the energy is late [s]: at 50 Hz 4.5 ms and one sample."""
    corner = min(params.low_pass_hz, 0.25 * rate_hz)
    b0, b1, b2, _, a1, a2 = butter(2, corner, fs=rate_hz, output="sos")[0]
    lag, memory = round(params.rest_lag_s * rate_hz), 1.0 - exp(-1.0 / (params.rest_s * rate_hz))
    return np.array([b0, b1, b2, a1, a2, params.threshold_sd, lag, memory]), sqrt(2.0) / (2 * pi * corner) + 1 / rate_hz


@njit(cache=True, error_model="numpy", nogil=True)
def follow(x: float, quiet: bool, p: Floats, level: Floats, number: Integers, ring: Floats) -> None:
    """Take the next band-passed sample of a channel; quiet: no burst is in sight."""
    energy = abs(level[LATEST] * level[LATEST] - x * level[BEFORE])
    level[BEFORE], level[LATEST] = level[LATEST], x
    y = p[0] * energy + level[LOW_0]
    level[LOW_0] = p[1] * energy - p[3] * y + level[LOW_1]
    level[LOW_1] = p[2] * energy - p[4] * y
    n = number[COUNT]
    ring[n % ring.size] = y
    number[COUNT] = n + 1
    number[QUIET] = number[QUIET] + 1 if quiet else 0
    lag = int(p[6])
    if number[QUIET] > lag:
        past = ring[(n - lag) % ring.size]
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
