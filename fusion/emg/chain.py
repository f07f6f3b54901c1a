"""Band-pass, full-wave rectification, envelope: causal and chunk-invariant live, zero-phase offline.

The live envelope is late by `EmgChain.delay` (37.5 ms at 6 Hz); time stamps are not shifted. The offline form is not
late, needs the whole recording and is therefore another number: it says so by its name.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfiltfilt

from fusion.emg import kernels
from fusion.emg.bursts import BurstDetector
from fusion.emg.filters import EmgCoefficients, EmgParams, design

Floats = NDArray[np.float64]


@dataclass(slots=True)
class EmgState:
    """The filters' memory; copy it to go back there."""

    band: Floats
    """Shape (channels, sections, 2)."""
    low: Floats
    last: Floats
    """Last usable sample, shape (channels,)."""
    started: NDArray[np.bool_]

    def copy(self) -> "EmgState":
        """Return an independent copy."""
        return EmgState(self.band.copy(), self.low.copy(), self.last.copy(), self.started.copy())


class EmgChain:
    """The live chain of one sensor's channels."""

    def __init__(self, channels: int, rate_hz: float, params: EmgParams | None = None) -> None:
        self.coefficients: EmgCoefficients = design(params or EmgParams(), rate_hz)
        self.channels, self.rate_hz = channels, rate_hz
        self.restart()

    @property
    def delay(self) -> float:
        """By how much the envelope is late [s]."""
        return self.coefficients.delay

    def restart(self) -> None:
        """Begin anew, as after a gap."""
        c, n = self.coefficients, self.channels
        self.state = EmgState(
            np.zeros((n, len(c.band), 2)), np.zeros((n, len(c.envelope), 2)), np.zeros(n), np.zeros(n, dtype=np.bool_)
        )

    def update(self, emg: Floats) -> Floats:
        """Return the envelope of the next samples, shape (N, channels), in the signal's unit; NaN where unusable."""
        c, s = self.coefficients, self.state
        out = np.empty(emg.shape)
        kernels.envelope_update(
            np.ascontiguousarray(emg), c.band, c.band_step, c.envelope, s.band, s.low, s.last, s.started, out
        )
        return out


def offline_envelope(emg: Floats, rate_hz: float, params: EmgParams | None = None) -> Floats:
    """Return the zero-phase envelope of a whole recording, shape (N, channels); filters of half the live order twice.

    Unusable samples take part as interpolated ones and are NaN in the result.
    """
    c = design(params or EmgParams(), rate_hz)
    out = np.full(emg.shape, np.nan)
    index = np.arange(len(emg))
    for channel in range(emg.shape[1]):
        usable = np.isfinite(emg[:, channel])
        if not usable.any():
            continue
        whole = np.interp(index, index[usable], emg[usable, channel])
        smooth = sosfiltfilt(c.envelope, np.abs(sosfiltfilt(c.band, whole)))
        out[usable, channel] = np.maximum(smooth, 0.0)[usable]
    return out


def warm() -> None:
    """Compile or load the kernel."""
    chain = EmgChain(1, 1000.0)
    BurstDetector(1, 1000.0).update(np.arange(2), chain.update(np.zeros((2, 1))))
