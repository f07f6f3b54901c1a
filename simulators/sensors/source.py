"""What a virtual sensor is strapped to."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class SampleSource(Protocol):
    """What there is to measure at one place on the body, at any time and in any order.

    `t` is the time since the start of the air [s], shape (N,). Equal times give equal samples.
    """

    def imu(self, t: Floats) -> tuple[Floats, Floats, Floats]:
        """Return acc [m/s2], gyr [rad/s] and mag [T] in the sensor's frame, each of shape (N, 3)."""
        ...

    def emg(self, t: Floats) -> Floats:
        """Return the voltage of each electrode pair [V], shape (N, channels)."""
        ...

    def angle(self, t: Floats) -> Floats:
        """Return the inclination of a posture wearable [deg], forward positive, shape (N,)."""
        ...
