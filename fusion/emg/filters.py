"""The EMG filters' parameters and coefficients.

Authorities as in the field guide's table of recommended defaults: high-pass 20 Hz of second order (De Luca 2010 [V]);
low-pass 450 Hz of fourth order, left out below 1000 Hz sampling (libemg, Delsys [V]); notch off unless mains is
measured, quality factor f / 3 Hz (libemg [V]); envelope by a low-pass of 6 Hz on the rectified signal ([V] for 6 Hz),
or the RMS of a window of 100 to 250 ms, 50 ms for jumps ([M]).
"""

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, iirnotch, sosfilt_zi, tf2sos

Floats = NDArray[np.float64]

LOW_PASS_FROM_HZ = 1000.0
"""Below this sampling rate there is nothing above the band worth removing. [V]"""
NOTCH_HZ = 3.0
"""Width of the notch at half power [Hz] (libemg: quality factor f / 3 Hz). [V]"""


@dataclass(frozen=True, slots=True)
class EmgParams:
    """What is kept of the signal."""

    high_pass_hz: float = 20.0
    """Removes offset and motion artefact [Hz]. [V]"""
    low_pass_hz: float = 450.0
    """Removes noise above the signal [Hz]; at most 0.45 of the rate. [V]"""
    notch_hz: float = 0.0
    """Mains frequency to remove [Hz]; 0 for none. [V]"""
    envelope_hz: float = 6.0
    """Low-pass of the rectified signal [Hz]: gait 4 to 6, slow movement 3, fast sport 10 to 20. [V]"""
    amplitude: Literal["envelope", "rms"] = "envelope"
    """What measures the size of the signal: the low-passed rectified signal, or the moving RMS."""
    rms_s: float = 0.1
    """Window of the moving RMS [s]: 0.1 to 0.25, for jumps 0.05. [M]"""


@dataclass(frozen=True, slots=True)
class Sections:
    """A filter as second-order sections."""

    sos: Floats
    """b0 b1 b2 a0 a1 a2 with a0 = 1, shape (sections, 6)."""
    step: Floats
    """State after a long input of ones, shape (sections, 2)."""


@dataclass(frozen=True, slots=True)
class EmgCoefficients:
    """The filters of one sampling rate."""

    band: Sections
    envelope: Sections
    window: int
    """Samples of the moving RMS; 0 for the envelope."""
    delay: float
    """Delay of the amplitude at low frequency [s]: 37.5 ms for 6 Hz, half the window for RMS. The band-pass delays
    amplitude changes far less."""


def holds_emg(params: EmgParams, rate_hz: float) -> bool:
    """Return whether there is anything between the high-pass and half the sampling rate."""
    return rate_hz > 2.5 * params.high_pass_hz


def design(params: EmgParams, rate_hz: float) -> EmgCoefficients:
    """Return the filters for a sampling rate.

    Raises:
        ValueError: The rate is too low to hold any EMG band.
    """
    if not holds_emg(params, rate_hz):
        raise ValueError(f"EMG at {rate_hz} Hz holds nothing above the high-pass of {params.high_pass_hz} Hz")
    band = [butter(2, params.high_pass_hz, "highpass", fs=rate_hz, output="sos")]
    if rate_hz >= LOW_PASS_FROM_HZ:
        band.append(butter(4, min(params.low_pass_hz, 0.45 * rate_hz), "lowpass", fs=rate_hz, output="sos"))
    window = max(round(params.rms_s * rate_hz), 1) if params.amplitude == "rms" else 0
    delay = 0.5 * (window - 1) / rate_hz if window else np.sqrt(2.0) / (2.0 * np.pi * params.envelope_hz)
    envelope = butter(2, params.envelope_hz, "lowpass", fs=rate_hz, output="sos")
    return EmgCoefficients(sections(np.concatenate(band)), sections(envelope), window, float(delay))


def design_notch(notch_hz: float, rate_hz: float) -> Sections:
    """Return a notch 3 Hz wide; no section where there is nothing to remove."""
    if not 0.0 < notch_hz < 0.5 * rate_hz:
        return Sections(np.empty((0, 6)), np.empty((0, 2)))
    return sections(tf2sos(*iirnotch(notch_hz, notch_hz / NOTCH_HZ, fs=rate_hz)))


def sections(sos: Floats) -> Sections:
    """Return sections with their state for a unit step."""
    return Sections(np.ascontiguousarray(sos), np.ascontiguousarray(cast(Floats, sosfilt_zi(sos))))
