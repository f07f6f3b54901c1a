"""Rotations as three turns about the axes of a segment, each carried along by those before it.

R turns the distal segment's axes into the proximal one's, x anterior, y proximal, z to the right. All functions take
unit quaternions of shape (..., 4), of either sign, and return angles [rad] of shape (..., 3). The middle angle is
singular at +-90 degrees (Y-X-Y: at 0 and 180): the result is then finite, and only the sum or the difference of the
other two means anything.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def zxy(quat: Floats) -> Floats:
    """Return a, b, c of Rz(a) Rx(b) Ry(c), b within +-90 degrees (Grood and Suntay 1983)."""
    w, x, y, z = (quat[..., i] for i in range(4))
    r12, r22 = 2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z)
    r32 = np.clip(2.0 * (y * z + w * x), -1.0, 1.0)
    r31, r33 = 2.0 * (x * z - w * y), 1.0 - 2.0 * (x * x + y * y)
    return cast(Floats, np.stack([np.arctan2(-r12, r22), np.arcsin(r32), np.arctan2(-r31, r33)], axis=-1))


def yxz(quat: Floats) -> Floats:
    """Return a, b, c of Ry(a) Rx(b) Rz(c), b within +-90 degrees (Baker 2001)."""
    w, x, y, z = (quat[..., i] for i in range(4))
    r13, r33 = 2.0 * (x * z + w * y), 1.0 - 2.0 * (x * x + y * y)
    r23 = np.clip(2.0 * (y * z - w * x), -1.0, 1.0)
    r21, r22 = 2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z)
    return cast(Floats, np.stack([np.arctan2(r13, r33), np.arcsin(-r23), np.arctan2(r21, r22)], axis=-1))


def xzy(quat: Floats) -> Floats:
    """Return a, b, c of Rx(a) Rz(b) Ry(c), b within +-90 degrees (Phadke et al. 2011)."""
    w, x, y, z = (quat[..., i] for i in range(4))
    r32, r22 = 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + z * z)
    r12 = np.clip(2.0 * (x * y - w * z), -1.0, 1.0)
    r13, r11 = 2.0 * (x * z + w * y), 1.0 - 2.0 * (y * y + z * z)
    return cast(Floats, np.stack([np.arctan2(r32, r22), np.arcsin(-r12), np.arctan2(r13, r11)], axis=-1))


def yxy(quat: Floats) -> Floats:
    """Return a, b, c of Ry(a) Rx(b) Ry(c), b within -180..0 degrees (Wu et al. 2005).

    By half angles, which keep b exact near 0 and 180 degrees, where an arc cosine would not: with s = a + c, d = a - c
    the quaternion is (cos b/2 cos s/2, sin b/2 cos d/2, cos b/2 sin s/2, -sin b/2 sin d/2).
    """
    w, x, y, z = (quat[..., i] for i in range(4))
    half_sum, half_difference = np.arctan2(y, w), np.arctan2(z, -x)
    b = -2.0 * np.arctan2(np.hypot(x, z), np.hypot(w, y))
    return np.stack([wrapped(half_sum + half_difference), b, wrapped(half_sum - half_difference)], axis=-1)


def mirrored(quat: Floats) -> Floats:
    """Return the same rotation seen in the sagittal plane's mirror: turns about x and y are reversed, about z kept."""
    return cast(Floats, quat * np.array([1.0, -1.0, -1.0, 1.0]))


def wrapped(angle: Floats) -> Floats:
    """Return angles [rad] within -pi..pi."""
    return angle - 2.0 * np.pi * np.round(angle / (2.0 * np.pi))
