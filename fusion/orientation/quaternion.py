"""Quaternions as arrays: w x y z, Hamilton, last axis of length 4; every function broadcasts over the leading axes.

A rotation is named by what it does: `v_earth = rotate(quat_sensor_to_earth, v_sensor)`. Only elementwise arithmetic is
used, so that a result never depends on how many rows are computed together.
"""

from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def multiply(p: Floats, q: Floats) -> Floats:
    """Return p q: first q, then p."""
    pw, px, py, pz = (p[..., i] for i in range(4))
    qw, qx, qy, qz = (q[..., i] for i in range(4))
    return np.stack(
        [
            pw * qw - px * qx - py * qy - pz * qz,
            pw * qx + px * qw + py * qz - pz * qy,
            pw * qy - px * qz + py * qw + pz * qx,
            pw * qz + px * qy - py * qx + pz * qw,
        ],
        axis=-1,
    )


def conjugate(q: Floats) -> Floats:
    """Return the inverse of unit quaternions."""
    return cast(Floats, q * np.array([1.0, -1.0, -1.0, -1.0]))


def normalize(q: Floats) -> Floats:
    """Return unit quaternions."""
    return cast(Floats, q / np.sqrt((q * q).sum(axis=-1, keepdims=True)))


def rotate(q: Floats, v: Floats) -> Floats:
    """Rotate vectors, shape (..., 3)."""
    w, u = q[..., :1], q[..., 1:]
    t = 2.0 * cross(u, v)
    return v + w * t + cross(u, t)


def cross(a: Floats, b: Floats) -> Floats:
    """Return a x b along the last axis; several times faster than numpy's on few rows."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def up_in_sensor(q: Floats) -> Floats:
    """Return the earth's up in the sensor frame for sensor-to-earth quaternions, shape (..., 3)."""
    w, x, y, z = (q[..., i] for i in range(4))
    return np.stack([2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)], axis=-1)


def about_z(angle: ArrayLike) -> Floats:
    """Return the rotations about z by angles [rad]."""
    half = 0.5 * np.asarray(angle, dtype=np.float64)
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, zero, np.sin(half)], axis=-1)


def from_axis_angle(axis: ArrayLike, angle: ArrayLike) -> Floats:
    """Return the rotations about axes (of any length) by angles [rad]."""
    unit = np.asarray(axis, dtype=np.float64)
    unit = unit / np.sqrt((unit * unit).sum(axis=-1, keepdims=True))
    half = 0.5 * np.asarray(angle, dtype=np.float64)[..., None]
    return np.concatenate([np.cos(half) + 0.0 * unit[..., :1], np.sin(half) * unit], axis=-1)


def from_axes(x: Floats, y: Floats, z: Floats) -> Floats:
    """Return the rotation from the frame whose unit axes are given to the frame they are given in, shape (4,)."""
    m = np.stack([x, y, z], axis=-1)
    q = np.array(
        [
            1.0 + m[0, 0] + m[1, 1] + m[2, 2],
            1.0 + m[0, 0] - m[1, 1] - m[2, 2],
            1.0 - m[0, 0] + m[1, 1] - m[2, 2],
            1.0 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    big = int(np.argmax(q))
    w, xx, yy, zz = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], q[big]
    xy, xz, yz = m[1, 0] + m[0, 1], m[0, 2] + m[2, 0], m[2, 1] + m[1, 2]
    rows = ([zz, w, xx, yy], [w, zz, xy, xz], [xx, xy, zz, yz], [yy, xz, yz, zz])
    return normalize(np.array(rows[big]))


def to_matrix(q: Floats) -> Floats:
    """Return rotation matrices, shape (..., 3, 3)."""
    eye = np.eye(3)
    return np.stack([rotate(q, np.broadcast_to(eye[i], (*q.shape[:-1], 3))) for i in range(3)], axis=-1)


def angle(p: Floats, q: Floats) -> Floats:
    """Return the angle between orientations [rad], 0 to pi."""
    d = multiply(conjugate(p), q)
    return cast(Floats, 2.0 * np.arctan2(np.sqrt((d[..., 1:] ** 2).sum(axis=-1)), np.abs(d[..., 0])))


def slerp(p: Floats, q: Floats, part: Floats) -> Floats:
    """Return the orientation `part` (0 to 1) of the way from p to q on the shorter arc, shape (..., 4).

    For rotations below about 0.5 deg the chord stands for the arc; its direction then differs by less than 1e-8 rad.
    """
    dot = (p * q).sum(axis=-1)
    q = np.where(dot[..., None] < 0.0, -q, q)
    theta = np.arccos(np.minimum(np.abs(dot), 1.0))
    near = theta < 4e-3
    sine = np.where(near, 1.0, np.sin(theta))
    a = np.where(near, 1.0 - part, np.sin((1.0 - part) * theta) / sine)
    b = np.where(near, part, np.sin(part * theta) / sine)
    return normalize(a[..., None] * p + b[..., None] * q)
