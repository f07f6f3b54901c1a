"""What a step of a tenth of a second needs of all its rows, each in one loop.

Of segment orientations and joint angles they say the same as `fusion.body.angles.joints.joint_angles_deg` and
`fusion.body.angles.inclination` in arrays, which on a few rows spend their time on making arrays; a test holds them
equal.
"""

from collections.abc import Sequence
from math import asin, atan2, cos, degrees, hypot, pi, sin, sqrt

import numpy as np
from numba import boolean, float64, int64, njit, void
from numpy.typing import NDArray

from fusion.body import fresh as fresh
from fusion.body.angles.joints import ANGLES, PUBLISHED
from fusion.body.angles.pelvis import LEVEL
from fusion.body.angles.shoulder import POLE_DEG
from fusion.body.segments import Joint
from fusion.orientation.kernels.rotation import Quat, multiply

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SEQUENCES = {"zxy": 0, "yxz": 1, "yxy": 2}
PROXIMAL, DISTAL, SEQUENCE, LEFT, FIRST, SECOND = range(6)
"""Columns of what the kernel knows of a joint: its seats, how it is decomposed, whether it is mirrored, and which two
of the three angles are published. The pelvis has no proximal seat: -1."""
LEVEL_W, LEVEL_X, LEVEL_Y, LEVEL_Z = (float(part) for part in LEVEL)


def table(joints: Sequence[tuple[Joint, int, int]]) -> tuple[Ints, Floats]:
    """Return what `pose` must know of joints and the seats of their segments: columns, and signs of the two angles."""
    columns = [
        (
            a if joint.kind != "pelvis" else -1,
            b,
            SEQUENCES[ANGLES[joint.kind].sequence],
            int(joint.side == "left"),
            *PUBLISHED[joint.kind],
        )
        for joint, a, b in joints
    ]
    signs = [[ANGLES[joint.kind].signs[c] for c in PUBLISHED[joint.kind]] for joint, _, _ in joints]
    return np.array(columns, dtype=np.int64).reshape(-1, 6), np.array(signs).reshape(-1, 2)


@njit(cache=True, error_model="numpy")
def _clip(x: float) -> float:
    return min(max(x, -1.0), 1.0)


@njit(cache=True, error_model="numpy")
def _wrapped(angle: float) -> float:
    return float(angle - 2.0 * pi * np.round(angle / (2.0 * pi)))


@njit(cache=True, error_model="numpy")
def _decomposed(sequence: int, q: Quat) -> tuple[float, float, float]:
    """Return the three angles [rad]; see `fusion.body.angles`, and its `shoulder` for the pole."""
    w, x, y, z = q
    if sequence == 0:
        return (
            atan2(-(2.0 * (x * y - w * z)), 1.0 - 2.0 * (x * x + z * z)),
            asin(_clip(2.0 * (y * z + w * x))),
            atan2(-(2.0 * (x * z - w * y)), 1.0 - 2.0 * (x * x + y * y)),
        )
    if sequence == 1:
        return (
            atan2(2.0 * (x * z + w * y), 1.0 - 2.0 * (x * x + y * y)),
            asin(-_clip(2.0 * (y * z - w * x))),
            atan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z)),
        )
    half_sum, half_difference = atan2(y, w), atan2(z, -x)
    b = -2.0 * atan2(hypot(x, z), hypot(w, y))
    raised = degrees(-b)
    if min(raised, 180.0 - raised) < POLE_DEG:
        return np.nan, b, np.nan
    return _wrapped(half_sum + half_difference), b, _wrapped(half_sum - half_difference)


POSE = void(
    float64[:, :, :], float64[:, ::1], float64[::1], int64[:, ::1], float64[:, ::1], int64, float64[:, ::1],
    float64[:, ::1],
)  # fmt: skip


@njit(POSE, cache=True, error_model="numpy", nogil=True)
def pose(
    x: Floats, align: Floats, heading: Floats, joints: Ints, signs: Floats, trunk: int, quats: Floats, angles: Floats
) -> None:
    """Fill `quats`, four columns a seat, and `angles` [deg], two columns a joint and two for the trunk.

    x: Rows of all seats, sensor-to-earth first, shape (rows, seats, columns).
    align: Segment-to-sensor, shape (seats, 4). heading: Turn to the common earth [rad], shape (seats,).
    joints, signs: As from `table`. trunk: Its seat; -1 where it is not worn.
    """
    for s in range(align.shape[0]):
        c, d = cos(0.5 * heading[s]), sin(0.5 * heading[s])
        a = (align[s, 0], align[s, 1], align[s, 2], align[s, 3])
        for i in range(x.shape[0]):
            p = multiply((x[i, s, 0], x[i, s, 1], x[i, s, 2], x[i, s, 3]), a)
            quats[i, 4 * s] = c * p[0] - d * p[3]
            quats[i, 4 * s + 1] = c * p[1] - d * p[2]
            quats[i, 4 * s + 2] = c * p[2] + d * p[1]
            quats[i, 4 * s + 3] = c * p[3] + d * p[0]
    for i in range(x.shape[0]):
        q = quats[i]
        for j in range(joints.shape[0]):
            a, b = 4 * joints[j, PROXIMAL], 4 * joints[j, DISTAL]
            distal = (q[b], q[b + 1], q[b + 2], q[b + 3])
            if a < 0:
                r = multiply((LEVEL_W, -LEVEL_X, -LEVEL_Y, -LEVEL_Z), distal)
            else:
                r = multiply((q[a], -q[a + 1], -q[a + 2], -q[a + 3]), distal)
                if joints[j, LEFT]:
                    r = (r[0], -r[1], -r[2], r[3])
            three = _decomposed(joints[j, SEQUENCE], r)
            angles[i, 2 * j] = degrees(three[joints[j, FIRST]]) * signs[j, 0]
            angles[i, 2 * j + 1] = degrees(three[joints[j, SECOND]]) * signs[j, 1]
        if trunk >= 0:
            k = 4 * trunk
            w, ux, uy, uz = q[k], q[k + 1], q[k + 2], q[k + 3]
            up = (2.0 * (ux * uz - w * uy), 2.0 * (uy * uz + w * ux), 1.0 - 2.0 * (ux * ux + uy * uy))
            k = 2 * joints.shape[0]
            angles[i, k] = degrees(-atan2(up[0], up[1]))
            angles[i, k + 1] = degrees(asin(_clip(-up[2])))


GATHER = void(
    float64[:, :, ::1], float64[:, ::1], int64[::1], float64[:, :, ::1], float64[:, ::1]
)  # fmt: skip


@njit(GATHER, cache=True, error_model="numpy", nogil=True)
def gather(x: Floats, quality: Floats, lanes: Ints, out: Floats, out_quality: Floats) -> None:
    """Put the lanes' rows in the order of the seats; -1 and lanes that are not there yet have none."""
    for s in range(lanes.size):
        lane = lanes[s]
        known = 0 <= lane < x.shape[1]
        for i in range(x.shape[0]):
            out_quality[i, s] = quality[i, lane] if known else 0.0
            for c in range(x.shape[2]):
                out[i, s, c] = x[i, lane, c] if known else np.nan


REMEMBER = void(
    float64[:, :, :], float64[:, :, :], float64[:, :, :], float64[:, :, :], float64, float64, float64[:, ::1],
    boolean[::1],
)  # fmt: skip


@njit(REMEMBER, cache=True, error_model="numpy", nogil=True)
def remember(
    quat: Floats, gyr: Floats, acc: Floats, mag: Floats, rate: float, force: float, last: Floats, still: Bools
) -> None:
    """Fill `last` with the last row of every seat (quaternion, field, rate, was it still), and `still` with the latter.

    quat, gyr, acc, mag: Rows of a step, shape (rows, seats, 4) or (rows, seats, 3).
    rate: Mean angular rate below which a seat is still [rad/s]. force: ... and range of the force's size [m/s2].
    last: Shape (seats, 11). still: Shape (seats,).
    """
    rows = quat.shape[0]
    for s in range(quat.shape[1]):
        turned, least, most = 0.0, np.inf, -np.inf
        for i in range(rows):
            g, a = gyr[i, s], acc[i, s]
            turned += sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2])
            size = sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])
            if not size < np.inf:
                turned = np.nan  # a step with a missing row is never still
            least, most = min(least, size), max(most, size)
        still[s] = turned < rate * rows and most - least < force
        for c in range(4):
            last[s, c] = quat[rows - 1, s, c]
        for c in range(3):
            last[s, 4 + c], last[s, 7 + c] = mag[rows - 1, s, c], gyr[rows - 1, s, c]
        last[s, 10] = still[s]


def about_vertical(quat: Floats, rate: Floats) -> float:
    """Return the part of a rate, shape (3,), about the vertical, sensor-to-earth given, shape (4,)."""
    (w, x, y, z), (a, b, c) = quat.tolist(), rate.tolist()
    return float(2.0 * (a * (x * z - w * y) + b * (y * z + w * x)) + c * (1.0 - 2.0 * (x * x + y * y)))
