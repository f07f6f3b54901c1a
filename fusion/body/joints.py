"""Joint angles after Grood and Suntay 1983 and ISB (Wu 2002): Z-X'-Y'' of the distal segment in the proximal one.

With R = R_proximal^T R_distal = Rz(a) Rx(b) Ry(c), segment axes x anterior, y proximal, z right on both sides:

| joint | a | b | c (right side; b and c change sign on the left, except for the trunk) |
|---|---|---|---|
| hip | flexion + | adduction + | internal rotation + |
| knee | flexion - | adduction (varus) + | internal rotation + |
| ankle | dorsiflexion + | inversion + | internal rotation + |
| trunk against pelvis | flexion - | bending to the right + | rotation to the left + |

Singular at b = +-90 degrees only, which these joints do not reach. The rotation c of a joint whose headings are tied by
that joint itself is zero in the mean by construction; it is computed, and not published.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from fusion.body.segments import Joint, Kind, Side
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]

SIGNS: dict[Kind, tuple[float, float, float]] = {
    "hip": (1.0, 1.0, 1.0),
    "knee": (-1.0, -1.0, 1.0),
    "ankle": (1.0, 1.0, 1.0),
    "trunk": (-1.0, 1.0, 1.0),
}
"""Signs of a, b, c on the right side that give the published angles, positive as named."""
NAMES: dict[Kind, tuple[str, str, str]] = {
    "hip": ("hip_flexion", "hip_adduction", "hip_rotation"),
    "knee": ("knee_flexion", "knee_valgus", "knee_rotation"),
    "ankle": ("ankle_dorsiflexion", "ankle_inversion", "ankle_rotation"),
    "trunk": ("trunk_flexion", "trunk_lateral_bend", "trunk_rotation"),
}
PUBLISHED = 2
"""Of the three angles the first so many are published."""


def signs(kind: Kind, side: Side) -> Floats:
    """Return the factors from (a, b, c) to the angles positive as named, shape (3,)."""
    mirror = -1.0 if side == "left" else 1.0
    return np.array(SIGNS[kind]) * (1.0, mirror, mirror)


def series(joint: Joint) -> tuple[str, ...]:
    """Return the names of the published angles of a joint."""
    suffix = f"_{joint.side}" if joint.side else ""
    return tuple(f"{name}{suffix}" for name in NAMES[joint.kind][:PUBLISHED])


def zxy(quat: Floats) -> Floats:
    """Return a, b, c [rad] of Rz(a) Rx(b) Ry(c), shape (..., 3), for quaternions (..., 4)."""
    w, x, y, z = (quat[..., i] for i in range(4))
    r12, r22 = 2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z)
    r32 = np.clip(2.0 * (y * z + w * x), -1.0, 1.0)
    r31, r33 = 2.0 * (x * z - w * y), 1.0 - 2.0 * (x * x + y * y)
    return cast(Floats, np.stack([np.arctan2(-r12, r22), np.arcsin(r32), np.arctan2(-r31, r33)], axis=-1))


def angles_deg(proximal: Floats, distal: Floats, factors: Floats) -> Floats:
    """Return the three angles positive as named [deg], shape (..., 3), from segment orientations in one earth frame.

    factors: What `signs` gives for the joint, shape (3,); or for several joints on the axis before the last.
    """
    relative = qt.multiply(qt.conjugate(proximal), distal)
    return cast(Floats, np.degrees(zxy(relative)) * factors)
