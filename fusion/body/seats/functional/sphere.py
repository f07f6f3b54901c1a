"""Unit vectors as unknowns: a tangent plane at each, so that no direction is a pole."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPREAD = 20
"""Directions on half a sphere from which a search starts: each axis is then within about 20 deg of one. [P]"""
GOLDEN = np.pi * (3.0 - np.sqrt(5.0))
"""Turn between neighbours of a Fibonacci spiral [rad]."""


def unit(v: Floats) -> Floats:
    """Return vectors along the last axis at unit length."""
    return np.asarray(v / np.sqrt((v * v).sum(axis=-1, keepdims=True)))


def tangents(j: Floats) -> Floats:
    """Return two unit vectors perpendicular to j and to each other, shape (2, 3).

    Duff et al. 2017, "Building an orthonormal basis, revisited" (JCGT 6:1): without a direction where it fails.
    """
    x, y, z = j.tolist()
    s = 1.0 if z >= 0.0 else -1.0
    a = -1.0 / (s + z)
    b = x * y * a
    return np.array([[1.0 + s * x * x * a, s * b, -s * x], [b, s + y * y * a, -y]])


def moved(j: Floats, step: Floats) -> Floats:
    """Return j after a step [rad], shape (2,), in the plane of `tangents`."""
    return unit(j + step @ tangents(j))


def half_sphere(n: int = SPREAD) -> Floats:
    """Return directions spread evenly over half a sphere, shape (n, 3)."""
    z = 1.0 - (np.arange(n) + 0.5) / n
    r, turn = np.sqrt(1.0 - z * z), GOLDEN * np.arange(n)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)


def deviation(cov: Floats) -> float:
    """Return the RMS angle [rad] by which an axis is off, from the covariance in its tangent plane, shape (2, 2)."""
    return float(np.sqrt(max(float(np.trace(cov)), 0.0)))
