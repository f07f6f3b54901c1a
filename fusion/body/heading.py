"""Heading without a magnetometer: a joint's own axis ties the headings of its two segments.

After Laidig, Lehmann, Begin and Seel 2017 (ICORR): the axis of a hinge is one and the same line, so the horizontal
directions of the two segments' z axes, each in its own drifting earth frame, must agree. Live form: the directions'
difference is averaged as a complex number whose weight is the square of |z_proximal,xy| |z_distal,xy|, with an
exponential memory `tau`; no value is taken while the weight says that the axis stands nearly vertical. At the beginning
the memory is empty, so the estimate is the plain mean of what there is, and right from the first value on.
"""

from math import exp

import numpy as np
from numpy.typing import NDArray

from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

LEAST_WEIGHT = 0.4
"""A smaller product of the horizontal parts of the axes says nothing about heading (Laidig 2017)."""


def horizontal(quat: Floats, axis: Floats) -> Complex:
    """Return the horizontal part, east + i north, of an axis given in the sensor frame, shape (...)."""
    v = qt.rotate(quat, axis)
    out: Complex = v[..., 0] + 1j * v[..., 1]
    return out


def difference(proximal: Complex, distal: Complex) -> Complex:
    """Return by how much the distal heading must turn, as a weighted complex number; 0 where the axis is too steep."""
    product = proximal * np.conj(distal)
    weight = np.abs(product)
    usable = np.isfinite(weight) & (weight > LEAST_WEIGHT)
    return np.where(usable, product * weight, 0.0)


class Tie:
    """The heading of one joint's distal segment against its proximal one."""

    def __init__(self, tau: float) -> None:
        self.tau = tau
        self.sum: complex = 0.0j

    @property
    def known(self) -> bool:
        """Return whether there is an estimate."""
        return abs(self.sum) > 0.0

    @property
    def angle(self) -> float:
        """Return by how much the distal heading must turn about the vertical [rad]."""
        return float(np.angle(self.sum))

    def update(self, value: complex, dt: float) -> None:
        """Take the difference of the last `dt` seconds."""
        self.sum = self.sum * exp(-dt / self.tau) + value * dt

    def begin(self, values: Complex, dt: float) -> None:
        """Start from a past, oldest first, `dt` apart."""
        self.sum = 0.0j
        for value in values.tolist():
            self.update(value, dt)
