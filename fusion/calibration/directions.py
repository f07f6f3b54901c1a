"""How much of the sphere a set of vectors has seen."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR_COS = float(np.cos(np.radians(30.0)))
"""A direction counts as seen when a vector came within 30 deg of it; neighbours are 35 to 55 deg apart. [P]"""
_CUBE = np.array([d for d in product((-1.0, 0.0, 1.0), repeat=3) if any(d)])
COMPASS = _CUBE / np.sqrt((_CUBE * _CUBE).sum(axis=1, keepdims=True))
"""Unit vectors to the 6 faces, 12 edges and 8 corners of a cube, shape (26, 3)."""


def coverage(vectors: Floats) -> float:
    """Return the part of `COMPASS` that vectors of any length, shape (n, 3), have seen; 0 to 1."""
    length = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    units = vectors[length[:, 0] > 0.0] / length[length[:, 0] > 0.0]
    seen = [bool((units @ direction > NEAR_COS).any()) for direction in COMPASS]
    return sum(seen) / len(seen)
