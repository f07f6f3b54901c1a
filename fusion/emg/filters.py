"""The EMG filters' parameters and coefficients.

Authorities as in the field guide's table of recommended defaults: high-pass 20 Hz of second order (De Luca 2010 [V]);
low-pass 450 Hz of fourth order, left out below 1000 Hz sampling (libemg, Delsys [V]); notch off unless mains is
measured, quality factor f / 3 Hz (libemg [V]); envelope by a low-pass of 6 Hz on the rectified signal ([V] for 6 Hz).
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, iirnotch, sosfilt_zi, tf2sos

Floats = NDArray[np.float64]

LOW_PASS_FROM_HZ = 1000.0
"""Below this sampling rate there is nothing above the band worth removing. [V]"""


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


@dataclass(frozen=True, slots=True)
class EmgCoefficients:
    """Second-order sections, shape (sections, 6), and their state for a unit step, shape (sections, 2)."""

    band: Floats
    band_step: Floats
    envelope: Floats
    delay: float
    """Delay of the envelope at low frequency [s]: 37.5 ms at 6 Hz. The band-pass delays amplitude changes far less."""


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
    sections = [butter(2, params.high_pass_hz, "highpass", fs=rate_hz, output="sos")]
    if rate_hz >= LOW_PASS_FROM_HZ:
        low = min(params.low_pass_hz, 0.45 * rate_hz)
        sections.append(butter(4, low, "lowpass", fs=rate_hz, output="sos"))
    if 0.0 < params.notch_hz < 0.5 * rate_hz:
        sections.append(tf2sos(*iirnotch(params.notch_hz, params.notch_hz / 3.0, fs=rate_hz)))
    band = np.ascontiguousarray(np.concatenate(sections))
    envelope = np.ascontiguousarray(butter(2, params.envelope_hz, "lowpass", fs=rate_hz, output="sos"))
    delay = np.sqrt(2.0) / (2.0 * np.pi * params.envelope_hz)
    return EmgCoefficients(band, cast(Floats, sosfilt_zi(band)), envelope, float(delay))
