"""What every driver turns packets into: runs of consecutive samples of one stream of one device, in SI units.

A *packet* is the bytes of one notification, a *chunk* the samples they hold. Chunks know nothing of the host: their
time is the device's own, or absent where the device has no clock; `gateway.clock` turns it into host time.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
Ticks = NDArray[np.int64]

GRAVITY = 9.80665
"""Standard gravity [m/s2], by which drivers convert accelerations given in g."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When the samples of a chunk were taken, as far as the device says."""

    rate_hz: float
    """Nominal sampling rate of the stream [Hz]."""
    ticks: Ticks | None = None
    """Device time of each sample [ns], shape (N,), still wrapped; None where the device sends no time."""
    wrap_ns: int = 0
    """The device's counter restarts after this long [ns]; 0: never in practice."""
    lost: int = 0
    """Samples the driver knows were lost just before this chunk (sequence numbers, missing rotation)."""


@dataclass(frozen=True, slots=True)
class ImuChunk:
    """Inertial samples in the sensor's own right-handed frame; a quantity that is not sent is None."""

    timing: Timing
    acc: Samples | None = None
    """Specific force [m/s2], shape (N, 3): +9.81 on the axis that points up at rest."""
    gyr: Samples | None = None
    """Angular rate [rad/s], shape (N, 3)."""
    mag: Samples | None = None
    """Magnetic field in any constant unit, shape (N, 3); only direction and constancy are used."""
    quat: Samples | None = None
    """The device's own sensor-to-earth (ENU) orientation, w x y z, shape (N, 4)."""


@dataclass(frozen=True, slots=True)
class EmgChunk:
    """Surface-EMG samples of all channels of one device."""

    timing: Timing
    emg: Samples
    """Shape (N, channels), in `unit`."""
    unit: Literal["V", "counts"]
    """Volts, or raw counts where the maker published no scale."""


@dataclass(frozen=True, slots=True)
class AngleChunk:
    """Angles a device measures itself: a posture wearable's inclination, an electrogoniometer."""

    timing: Timing
    angle_deg: Samples
    """Shape (N, channels) [deg]."""


@dataclass(frozen=True, slots=True)
class PostureChunk:
    """A posture wearable's own verdict."""

    slouching: bool
    vibrating: bool


@dataclass(frozen=True, slots=True)
class BatteryChunk:
    """State of charge."""

    percent: int | None
    """0 to 100, or None while the device does not know."""
    charging: bool | None = None


@dataclass(frozen=True, slots=True)
class ButtonChunk:
    """The wearer pressed or tapped the sensor, or the sensor announced that it goes."""

    action: Literal["tap", "press", "power_off", "sleep"]
    count: int = 1


Chunk = ImuChunk | EmgChunk | AngleChunk | PostureChunk | BatteryChunk | ButtonChunk
