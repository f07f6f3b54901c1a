"""Surface EMG: band-limited noise whose amplitude follows the activation of a muscle.

The carrier has the spectrum of Shwedyk et al. 1977 as Stulen and De Luca 1981 use it, f^2 / ((f^2 + l^2) (f^2 +
h^2)^2) with l = 60 and h = 120 Hz, inside the band of a surface amplifier. It is made on twice the sampling rate and
read by interpolation, so a device clock that is a little off costs nothing.
"""

from dataclasses import dataclass

import numpy as np

from simulators.person.grid import AFTER, BEFORE, LAGRANGE
from simulators.person.noise import Blocks, generator, key_of
from simulators.person.rotation import Floats

SPECTRUM_LOW_HZ, SPECTRUM_HIGH_HZ = 60.0, 120.0
OVERSAMPLING = 2
FILTER_S = 0.1
"""Length of the shaping filter: 20 Hz resolved to about 10 Hz."""
NYQUIST_SHARE = 0.9
"""No signal above this fraction of half the sampling rate."""


@dataclass(frozen=True, slots=True)
class EmgModel:
    """Amplitude and faults of surface EMG."""

    mvc_v: float = 400e-6
    """RMS at full activation, mean over muscles [V]."""
    mvc_spread: float = 0.25
    """Muscles differ from it by up to this fraction either way, fixed by the seed."""
    baseline_v: float = 3e-6
    """RMS of skin, electrode and amplifier noise in the same band [V]."""
    low_hz: float = 20.0
    """Lower edge of the band."""
    high_hz: float = 450.0
    """Upper edge of the band; lower where the sampling rate demands it."""
    mains_v: float = 0.0
    """Amplitude of mains hum [V]; 0: none."""
    mains_hz: float = 50.0
    """Frequency of the mains."""
    artefact_v: float = 0.0
    """Jolt of the electrodes at each heel strike of the same side [V]; 0: none."""


class Carrier:
    """Coloured noise of unit variance, endless, one stream per muscle."""

    BLOCK = 2048

    def __init__(self, seed: int, name: str, rate_hz: float, model: EmgModel) -> None:
        """Design the shaping filter for a sampling rate."""
        self._rate_hz = OVERSAMPLING * rate_hz
        self._taps = _shape(self._rate_hz, model.low_hz, min(model.high_hz, 0.5 * NYQUIST_SHARE * rate_hz))
        self._key = key_of(seed, f"emg/{name}/{rate_hz}")
        self._blocks = Blocks(self.BLOCK, self._make)

    def at(self, t: Floats) -> Floats:
        """Return the carrier at times t [s], shape (N,)."""
        place = t * self._rate_hz
        cell = np.floor(place).astype(np.int64)
        u = place - cell
        values = self._blocks.at((cell[:, None] + np.arange(-BEFORE, AFTER + 1)).ravel()).reshape(len(t), -1)
        total = np.zeros(len(t))
        for k in range(BEFORE + AFTER + 1):
            weight = np.full(len(t), LAGRANGE[5, k])
            for power in (4, 3, 2, 1, 0):
                weight = weight * u + LAGRANGE[power, k]
            total += weight * values[:, k]
        return total

    def _make(self, block: int) -> Floats:
        """Filter one block of white noise with what it needs of its neighbours."""
        half = len(self._taps) // 2
        before, here, after = (generator(self._key, block + k).standard_normal(self.BLOCK) for k in (-1, 0, 1))
        return np.convolve(np.concatenate((before[-half:], here, after[:half])), self._taps, mode="valid")


def _shape(rate_hz: float, low_hz: float, high_hz: float) -> Floats:
    """Return a linear-phase filter that gives white noise the spectrum of surface EMG, variance one, odd length."""
    if high_hz <= low_hz:
        raise ValueError(f"no EMG band is left between {low_hz} and {high_hz} Hz: choose a higher sampling rate")
    size = 4096
    f = np.fft.rfftfreq(size, 1.0 / rate_hz)
    density = f**2 / ((f**2 + SPECTRUM_LOW_HZ**2) * (f**2 + SPECTRUM_HIGH_HZ**2) ** 2)
    wanted = np.sqrt(density) * ((f >= low_hz) & (f <= high_hz))
    half = int(0.5 * FILTER_S * rate_hz)
    response = np.fft.fftshift(np.fft.irfft(wanted, size))
    taps = response[size // 2 - half : size // 2 + half + 1] * np.hanning(2 * half + 3)[1:-1]
    return np.asarray(taps / np.sqrt(np.sum(taps**2)))


def amplitude_v(muscle: str, model: EmgModel, seed: int) -> float:
    """Return the RMS of one muscle at full activation [V]."""
    return model.mvc_v * (1.0 + model.mvc_spread * generator(key_of(seed, f"mvc/{muscle}")).uniform(-1.0, 1.0))


def mains(t: Floats, model: EmgModel) -> Floats:
    """Return mains hum at times t [V], shape (N,)."""
    return np.asarray(model.mains_v * np.sin(2.0 * np.pi * np.mod(t * model.mains_hz, 1.0)))
