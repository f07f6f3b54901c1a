"""Band-pass, notch, full-wave rectification and amplitude: causal and chunk-invariant live, zero-phase offline.

The live amplitude is late by `EmgChain.delay` (37.5 ms for the envelope at 6 Hz, 49.5 ms for an RMS of 100 ms at
1 kHz); time stamps are not shifted. The offline form is not late, needs the whole recording and is therefore another
number: it says so by its name. Values pass through in the signal's unit, V or counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.emg import kernels
from fusion.emg.bursts import BurstDetector
from fusion.emg.filters import EmgCoefficients, EmgParams, Sections, design, design_notch, sections

Floats = NDArray[np.float64]


@dataclass(slots=True)
class EmgState:
    """The filters' memory; copy it to go back there, to a chain with the same notch."""

    band: Floats
    """Shape (channels, sections, 2)."""
    notch: Floats
    low: Floats
    squares: Floats
    """Moving RMS: the squares of the block at hand, then sums of the block before; shape (channels, window)."""
    total: Floats
    """Sum of the squares of the block at hand, shape (channels,)."""
    place: NDArray[np.int64]
    """Number of squares in that block, shape (channels,)."""
    last: Floats
    """Last usable sample, shape (channels,)."""
    started: NDArray[np.bool_]
    """Whether the channel and its notch have had a first sample, shape (channels, 2)."""

    def copy(self) -> "EmgState":
        """Return an independent copy."""
        return EmgState(
            self.band.copy(), self.notch.copy(), self.low.copy(), self.squares.copy(), self.total.copy(),
            self.place.copy(), self.last.copy(), self.started.copy(),
        )  # fmt: skip


class EmgChain:
    """The live chain of one sensor's channels."""

    def __init__(self, channels: int, rate_hz: float, params: EmgParams | None = None) -> None:
        params = params or EmgParams()
        self.coefficients: EmgCoefficients = design(params, rate_hz)
        self.channels, self.rate_hz = channels, rate_hz
        self.notch_hz = params.notch_hz
        self._notch: Sections = design_notch(params.notch_hz, rate_hz)
        self.restart()

    @property
    def delay(self) -> float:
        """By how much the amplitude is late [s]."""
        return self.coefficients.delay

    def restart(self) -> None:
        """Begin anew, as after a gap."""
        c, n = self.coefficients, self.channels
        self.state = EmgState(
            np.zeros((n, len(c.band.sos), 2)), np.zeros((n, len(self._notch.sos), 2)),
            np.zeros((n, len(c.envelope.sos), 2)), np.zeros((n, c.window)), np.zeros(n), np.zeros(n, dtype=np.int64),
            np.zeros(n), np.zeros((n, 2), dtype=np.bool_),
        )  # fmt: skip

    def set_notch(self, notch_hz: float) -> None:
        """Remove another mains frequency from the next sample on, 0 for none; all other filters continue.

        The notch starts as if the first sample had stood for long; what mains it lets pass halves every 0.07 s.
        """
        if notch_hz == self.notch_hz:
            return
        self.notch_hz, self._notch = notch_hz, design_notch(notch_hz, self.rate_hz)
        self.state.notch = np.zeros((self.channels, len(self._notch.sos), 2))
        self.state.started[:, 1] = False

    def update(self, emg: Floats, band: Floats | None = None) -> Floats:
        """Return the amplitude of the next samples, shape (N, channels), in the signal's unit; NaN where unusable.

        band: Is filled with the filtered signal before rectification, C-contiguous, of the same shape.
        """
        c, s, n = self.coefficients, self.state, self._notch
        out = np.empty(emg.shape)
        kernels.chain_update(
            np.ascontiguousarray(emg), c.band.sos, c.band.step, n.sos, n.step, c.envelope.sos, s.band, s.notch, s.low,
            s.squares, s.total, s.place, s.last, s.started, np.empty(emg.shape) if band is None else band, out,
        )  # fmt: skip
        return out


def offline_amplitude(emg: Floats, rate_hz: float, params: EmgParams | None = None) -> Floats:
    """Return the zero-phase amplitude of a whole recording, shape (N, channels): nothing is late.

    Filters run forwards and backwards, with the signal mirrored about its ends, and so have twice the live order; the
    window of the RMS is centred. Unusable samples take part as interpolated ones and are NaN in the result. Besides the
    result it needs the memory of two channels.
    """
    params = params or EmgParams()
    c, notch = design(params, rate_hz), design_notch(params.notch_hz, rate_hz)
    band = sections(np.concatenate([c.band.sos, notch.sos]))
    out = np.full(emg.shape[::-1], np.nan)
    for channel, amplitude in enumerate(out):
        raw = np.ascontiguousarray(emg[:, channel], dtype=np.float64)
        usable = np.isfinite(raw)
        if not usable.any():
            continue
        if not usable.all():
            index = np.arange(raw.size)
            raw = np.interp(index, index[usable], raw[usable])
        kernels.offline(raw, band.sos, band.step, c.envelope.sos, c.envelope.step, c.window, amplitude)
        amplitude[~usable] = np.nan
    return out.T


def warm() -> None:
    """Compile or load the live kernels."""
    chain, band = EmgChain(1, 1000.0), np.empty((2, 1))
    BurstDetector(1, 1000.0).update(np.arange(2), chain.update(np.zeros((2, 1)), band), band)
