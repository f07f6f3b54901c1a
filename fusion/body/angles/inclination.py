"""How far one segment leans against gravity: forward and to the right, without any heading."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sagittal(up: Floats) -> Floats:
    """Return the backward tilt of a segment [rad], that is its rotation about z, from the up direction in its frame.

    Positive where the proximal end leans backward; a knee's flexion in the plane is that of the thigh less that of the
    shank. Shape (...) for up of shape (..., 3).
    """
    return cast(Floats, np.arctan2(up[..., 0], up[..., 1]))


def inclination_deg(up: Floats) -> Floats:
    """Return forward and rightward inclination [deg], shape (..., 2).

    Forward is the angle in the segment's own sagittal plane, right that of its y axis out of this plane.
    """
    right = np.arcsin(np.clip(-up[..., 2], -1.0, 1.0))
    return cast(Floats, np.degrees(np.stack([-sagittal(up), right], axis=-1)))
