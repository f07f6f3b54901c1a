"""The frame against which the pelvis is measured: level, and facing where the wearer is taken to face.

Baker 2001 measures against the laboratory; a body whose headings are free has no laboratory, so the heading is given.
"""

import numpy as np
from numpy.typing import NDArray

from fusion.body.angles.sequences import yxz
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]

LEVEL = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])
"""Segment axes to earth of an upright segment that faces east: x east, y up, z south."""


def reference(heading: Floats) -> Floats:
    """Return the upright frame that faces `heading` [rad, from east to north], to earth, shape (..., 4)."""
    return qt.multiply(qt.about_z(heading), LEVEL)


def facing(pelvis: Floats) -> Floats:
    """Return the heading [rad] at which this pelvis (to earth, shape (..., 4)) has rotation 0, shape (...)."""
    return yxz(qt.multiply(qt.conjugate(LEVEL), pelvis))[..., 0]
