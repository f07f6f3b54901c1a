"""Joint angles after ISB, Grood and Suntay 1983 and Baker 2001: sequence, names and signs of every joint.

R = R_proximal^T R_distal, segment axes x anterior, y proximal, z right on both sides, is decomposed by the sequence
of the joint into a, b, c. On the left side R is first mirrored in the sagittal plane, so that one table serves both.
The whole table of movements and signs is in docs/conventions.md. Z-X-Y and Y-X-Z are singular at b = +-90 degrees,
which these joints do not reach; for the shoulder see `fusion.body.angles.shoulder`.

The live skeleton publishes two angles of each joint, `PUBLISHED`; `fusion.body.kernels` computes them in one loop.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusion.body.angles.sequences import mirrored, yxz, zxy
from fusion.body.angles.shoulder import shoulder_deg
from fusion.body.segments import Joint, Kind, Side
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]
Order = Literal["zxy", "yxz", "yxy"]


@dataclass(frozen=True, slots=True)
class Angles:
    """How one kind of joint is described."""

    sequence: Order
    names: tuple[str, str, str]
    """In the order of the sequence."""
    signs: tuple[float, float, float]
    """Factors from a, b, c of the right side to the angles positive as named."""
    series: tuple[int, ...] = (0, 1, 2)
    """Which of the three are series of their own, the main angle first."""


ANGLES: dict[Kind, Angles] = {
    "hip": Angles("zxy", ("hip_flexion", "hip_adduction", "hip_rotation"), (1.0, 1.0, 1.0)),
    "knee": Angles("zxy", ("knee_flexion", "knee_valgus", "knee_rotation"), (-1.0, -1.0, 1.0)),
    "ankle": Angles("zxy", ("ankle_dorsiflexion", "ankle_inversion", "ankle_rotation"), (1.0, 1.0, 1.0)),
    "trunk": Angles("zxy", ("trunk_flexion", "trunk_lateral_bend", "trunk_rotation"), (-1.0, 1.0, 1.0)),
    "pelvis": Angles("yxz", ("pelvis_rotation", "pelvis_obliquity", "pelvis_tilt"), (1.0, -1.0, -1.0), (2, 1, 0)),
    "neck": Angles("zxy", ("neck_flexion", "neck_lateral_bend", "neck_rotation"), (-1.0, 1.0, 1.0)),
    "shoulder": Angles(
        "yxy", ("shoulder_plane", "shoulder_elevation", "shoulder_rotation"), (1.0, -1.0, 1.0), (1, 0, 2)
    ),
    "elbow": Angles("zxy", ("elbow_flexion", "elbow_carrying_angle", "elbow_pronation"), (1.0, -1.0, 1.0), (0, 2)),
    "wrist": Angles("zxy", ("wrist_flexion", "wrist_ulnar_deviation", "wrist_pronation"), (1.0, 1.0, 1.0), (0, 1)),
}
PUBLISHED: dict[Kind, tuple[int, int]] = {
    "pelvis": (2, 1), "hip": (0, 1), "knee": (0, 1), "ankle": (0, 1), "trunk": (0, 1), "neck": (0, 1),
    "shoulder": (1, 0), "elbow": (0, 2), "wrist": (0, 1),
}  # fmt: skip
"""Which of the three angles are published live, the main one first: not what is zero in the mean by construction, as
the headings are tied by the joint itself, nor what rests on an unknown heading."""
MAIN = tuple(ANGLES[kind].names[columns[0]] for kind, columns in PUBLISHED.items())
"""The main angle of each kind of joint."""


def joint_angles_deg(kind: Kind, side: Side, proximal: Floats, distal: Floats) -> Floats:
    """Return the angles of one joint positive as named [deg], in the order of its names, shape (..., 3).

    proximal, distal: Segment orientations in one earth frame, shape (..., 4); of the pelvis the proximal one is
        `fusion.body.angles.pelvis.reference`. Of the shoulder, plane and rotation are NaN where they mean nothing.
    """
    relative = qt.multiply(qt.conjugate(proximal), distal)
    if side == "left":
        relative = mirrored(relative)
    angles = ANGLES[kind]
    if angles.sequence == "yxy":
        return shoulder_deg(relative).angles
    decomposed = zxy(relative) if angles.sequence == "zxy" else yxz(relative)
    return np.degrees(decomposed) * angles.signs


def joint_series(joint: Joint) -> tuple[str, ...]:
    """Return the names of all series of a joint, the main angle first."""
    angles = ANGLES[joint.kind]
    return tuple(_of_side(angles.names[i], joint.side) for i in angles.series)


def series(joint: Joint) -> tuple[str, str]:
    """Return the names of the angles of a joint that are published live."""
    first, second = PUBLISHED[joint.kind]
    names = ANGLES[joint.kind].names
    return _of_side(names[first], joint.side), _of_side(names[second], joint.side)


def _of_side(name: str, side: Side) -> str:
    return f"{name}_{side}" if side else name
