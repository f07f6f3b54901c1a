"""What the spectrum of a second says: how much is slow, and how much is mains.

A Hann window over a second gives lines of 1 Hz. Muscle has power at 50 Hz too, so mains counts as what stands out:
the three lines about it, less what the median of the twelve lines beside them leads one to expect.
"""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAINS_HZ = (50, 60)
SLOW_HZ, BAND_HZ = 20, 450
"""Below is motion, from here on muscle, up to the second number [Hz]. [V] for the band."""
DRIFT_HZ = 2
"""What is slower is drift of the electrode, which the high-pass removes; it is no motion [Hz]. [P]"""
BESIDE = np.array([-8, -7, -6, -5, -4, -3, 3, 4, 5, 6, 7, 8])
"""Lines that tell what to expect of the three in the middle; a Hann window reaches two lines. [P]"""
OF_MEDIAN = 3.0 / log(2.0)
"""Three lines of noise hold this many medians of one: its power is exponentially distributed."""
LEADING = 3
"""One of the first orders must stand out itself, not only the sum of all. [P]"""


@dataclass(frozen=True, slots=True)
class Powers:
    """Powers of one second by channel, in the square of the signal's unit."""

    slow: Floats
    """From 2 to 20 Hz, shape (channels,)."""
    band: Floats
    """From 20 to 450 Hz, shape (channels,)."""
    hum: Floats
    """What stands out at each mains and its harmonics together, shape (channels, 2); below 0 if less than expected."""
    contrast: Floats
    """How many times as much as expected is at the most outstanding of the first orders, shape (channels, 2)."""


class Spectrum:
    """The spectra of a second, for one sampling rate."""

    def __init__(self, rate_hz: float) -> None:
        """Lay out windows and lines; the rate is at least some 50 Hz."""
        self.samples = round(rate_hz)
        n = self.samples
        self._window = np.hanning(n + 1)[:-1]
        self._ramp = np.arange(n) - 0.5 * (n - 1)
        self._scale = 2.0 / (n * float((self._window**2).sum()))
        last = min(BAND_HZ, n // 2 - 1)
        self._last = last
        self._orders = [np.arange(f, last - BESIDE[-1] + 1, f) for f in MAINS_HZ]

    def powers(self, x: Floats) -> Powers:
        """Return the powers of the last second of x, shape (channels, N) with N not far from `samples`."""
        n = self.samples
        y = x[:, -n:]
        if y.shape[1] < n:
            y = np.concatenate([np.repeat(y[:, :1], n - y.shape[1], axis=1), y], axis=1)
        y = y - y.mean(axis=1, keepdims=True)
        y = y - (y @ self._ramp / (self._ramp @ self._ramp))[:, None] * self._ramp
        p = np.abs(np.fft.rfft(y * self._window, axis=1)) ** 2 * self._scale
        slow, band = p[:, DRIFT_HZ:SLOW_HZ].sum(axis=1), p[:, SLOW_HZ : self._last + 1].sum(axis=1)
        hum, contrast = zip(*(self._hum(p, orders) for orders in self._orders), strict=True)
        return Powers(slow, band, np.stack(hum, axis=1), np.stack(contrast, axis=1))

    def _hum(self, p: Floats, orders: NDArray[np.int64]) -> tuple[Floats, Floats]:
        if not orders.size:
            return np.zeros(len(p)), np.zeros(len(p))
        found = p[:, orders - 1] + p[:, orders] + p[:, orders + 1]
        expected = OF_MEDIAN * np.median(p[:, orders[:, None] + BESIDE], axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            contrast = np.where(found > 0.0, found / expected, 0.0)
        return (found - expected).sum(axis=1), contrast[:, :LEADING].max(axis=1)
