"""The heart in a resting channel: narrow peaks that repeat at its pace, from the levels of the last seconds."""

from math import pi

import numpy as np
from numpy.typing import NDArray

from fusion.emg.quality import kernels

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Bools = NDArray[np.bool_]

SECOND = 1_000_000_000

MEMORY_S, LEVELS = 8, 50
"""The heart is looked for in so many seconds of so many levels each. Levels are means of 20 ms, which hold no 50 Hz."""
RESTING, RESTING_SLOW = 0.8, 0.6
"""So much of them must be resting, because walking repeats at the same pace; the second number where slow power is as
large a part as in motion: a strong heart beat opens bursts itself, but unlike a muscle it is slow. [P]"""
BOUND = 6.0
"""Steps of the levels count as at most so many medians. [P]"""
PEAKS = (0.02, 0.25)
"""Peaks (above 4 medians; 0.7 % of noise) take this part of the time: a heart beat is narrow. [P]"""
PERIODIC = 0.4
"""Autocorrelation of a heart beat; that of 8 s of noise is mostly within 0.3. [P]"""


def levels_of(t: Times, x: Floats, rate_hz: float) -> Floats:
    """Return the means of 20 ms each of one second without its hum, shape (channels, LEVELS).

    t: Host time [ns], shape (N,); x: Shape (channels, N). A level without samples repeats a sample beside it.
    """
    place = np.searchsorted(t % SECOND, np.arange(LEVELS) * (SECOND // LEVELS))
    start = np.minimum(place, t.size - 1)
    counts = np.maximum(np.diff(np.append(start, t.size)), 1)
    return np.asarray(np.add.reduceat(_without_hum(x, rate_hz), start, axis=1) / counts)


def found(levels: Floats, resting: Floats, is_slow: Bools, near: Bools) -> Bools:
    """Return which channels hold a heart beat.

    levels: Shape (channels, MEMORY_S * LEVELS); resting: Part of that time; is_slow: Slow power is as much as in
    motion; near: Where to look; each of shape (channels,).
    """
    wanted = near & (resting >= np.where(is_slow, RESTING_SLOW, RESTING))
    out = np.empty((len(levels), 2))
    kernels.beats(levels, wanted, BOUND, out)
    peaks, periodic = out.T
    return np.asarray(wanted & (peaks > PEAKS[0]) & (peaks < PEAKS[1]) & (periodic > PERIODIC))


def _without_hum(x: Floats, rate_hz: float) -> Floats:
    """Return x, about a second long, less what of it swings with 50 and with 60 Hz."""
    turn = 2.0 * pi * np.arange(x.shape[1]) / rate_hz
    waves = np.stack([np.cos(50.0 * turn), np.sin(50.0 * turn), np.cos(60.0 * turn), np.sin(60.0 * turn)])
    return np.asarray(x - (x @ waves.T) @ waves * (2.0 / x.shape[1]))
