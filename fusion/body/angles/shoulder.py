"""The shoulder, upper arm against trunk: Y-X'-Y'' of Wu et al. 2005, and X-Z'-Y'' of Phadke et al. 2011 beside it.

Y-X-Y says in which plane the arm is raised, how far, and how it is turned about itself. With the arm down or straight
overhead there is no such plane: an error of the orientation comes back 1 / sin(elevation) times in plane and rotation.
X-Z-Y has its own blind spot, the arm at the horizontal straight to the front or to the back, and errors grow there by
1 / cos(flexion). Phadke et al. (J Biomech 44:700, doi 10.1016/j.jbiomech.2010.10.042, for the glenohumeral joint)
advise X-Z-Y, as Y-X-Y misleads where the arm is low. The border is ours: the same gain for both sequences, and
then no position is without one to trust, as within 20 degrees of 0 or 180 the flexion of X-Z-Y is below 20.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.body.angles.sequences import wrapped, xzy, yxy

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

NEAR_DEG = 20.0
"""Closer than this to its singular positions a sequence is not to be trusted: errors come back over 2.9 times. [P]"""
POLE_DEG = 5.0
"""Closer than this to 0 or 180 the plane and the rotation are noise (over 11 times) and are not given. [P]"""


@dataclass(frozen=True, slots=True)
class Shoulder:
    """One shoulder in both sequences [deg]; the last axis is three angles, positive as named on either side."""

    angles: Floats
    """plane (0 abduction, 90 forward flexion), elevation (0..180), internal rotation; plane and rotation lie within
    +-180 and are NaN within POLE_DEG of elevation 0 and 180."""
    cardan: Floats
    """abduction (-90..270), flexion (+-90), internal rotation (+-180); never NaN."""
    torsion: Floats
    """Plane plus rotation within +-180, what the upper arm has turned about itself beside being raised in one go:
    defined with the arm down, NaN within POLE_DEG of overhead. Shape (...)."""
    angles_trusted: Booleans
    """Where plane and rotation of `angles` are to be used; elevation always is. Shape (...)."""
    cardan_trusted: Booleans
    """Where `cardan` is to be used; at every position it or `angles` is. Shape (...)."""


def shoulder_deg(quat: Floats) -> Shoulder:
    """Return the angles of a right shoulder, or of a left one that was `mirrored`.

    quat: Upper arm to trunk, unit, shape (..., 4).
    """
    plane, elevation, rotation = np.moveaxis(np.degrees(yxy(quat)) * (1.0, -1.0, 1.0), -1, 0)
    cardan = _cardan_deg(quat)
    pole = np.minimum(elevation, 180.0 - elevation)
    given = pole >= POLE_DEG
    torsion = np.degrees(wrapped(2.0 * np.arctan2(quat[..., 2], quat[..., 0])))
    return Shoulder(
        angles=np.stack([np.where(given, plane, np.nan), elevation, np.where(given, rotation, np.nan)], axis=-1),
        cardan=cardan,
        torsion=np.where(elevation <= 180.0 - POLE_DEG, torsion, np.nan),
        angles_trusted=pole >= NEAR_DEG,
        cardan_trusted=np.abs(cardan[..., 1]) <= 90.0 - NEAR_DEG,
    )


def _cardan_deg(quat: Floats) -> Floats:
    """Return abduction, flexion, rotation; abduction goes on past the vertical and is cut at -90."""
    a, b, c = np.moveaxis(np.degrees(xzy(quat)), -1, 0)
    abduction = np.where(a > 90.0, 360.0 - a, -a)
    return np.stack([abduction, b, c], axis=-1)
