"""What enters the pipeline: samples on the host's time line, and where on the body their sensors sit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TimedImu:
    """Consecutive inertial samples of one sensor, in its own frame; NaN rows stand for unusable samples."""

    sensor: str
    t: Times
    """Host time [ns UTC], shape (N,), strictly increasing within and across chunks of a sensor."""
    dt: Floats
    """Interval since the sample before by the sensor's own clock [s], shape (N,); NaN where unknown: for the first
    ever, and after its clock began anew."""
    acc: Floats
    """Specific force [m/s2], shape (N, 3)."""
    gyr: Floats
    """Angular rate [rad/s], shape (N, 3)."""
    mag: Floats | None = None
    """Magnetic field, any unit, shape (N, 3)."""
    quat: Floats | None = None
    """The device's own sensor-to-earth orientation, w x y z, shape (N, 4). With it, acc and gyr may be NaN."""


@dataclass(frozen=True, slots=True)
class TimedEmg:
    """Consecutive EMG samples of all channels of one sensor, at an even rate unless `gap`."""

    sensor: str
    t: Times
    emg: Floats
    """Shape (N, channels), in `unit`."""
    rate_hz: float
    unit: Literal["V", "counts"]
    gap: bool = False
    """Samples are missing just before this chunk: filters start anew."""


@dataclass(frozen=True, slots=True)
class TimedAngle:
    """Angles that a device measured itself."""

    sensor: str
    t: Times
    angle_deg: Floats
    """Shape (N, channels) [deg]."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one sensor sits on the body, and what its channels are."""

    sensor: str
    segment: str | None = None
    """For inertial samples: pelvis, trunk, head, thigh_left, ... (see `fusion.body.segments`)."""
    channels: Mapping[int, str] = field(default_factory=dict)
    """EMG channel number to muscle and side ("rectus_femoris_left"); angle channel to a series name."""
    truth: bool = False
    """A reference that is kept as `truth_<name>` and never used by the pipeline."""
