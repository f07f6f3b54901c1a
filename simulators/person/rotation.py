"""Quaternions of the simulated body, w x y z, Hamilton, unit, arrays of shape (..., 4).

They are written out element by element on purpose: a sample then never depends on how many others share the call
(matrix products may sum in another order), and nothing here is shared with `fusion`, whose results they judge.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

X, Y, Z = 0, 1, 2


def about(axis: int, angle_deg: Floats) -> Floats:
    """Return the rotation by an angle [deg] about one coordinate axis (X, Y or Z)."""
    half = np.radians(angle_deg) / 2.0
    quat = np.zeros((*half.shape, 4))
    quat[..., 0] = np.cos(half)
    quat[..., 1 + axis] = np.sin(half)
    return quat


def multiply(p: Floats, q: Floats) -> Floats:
    """Return the product p q: first q, then p, for rotations that act from the left."""
    pw, px, py, pz = p[..., 0], p[..., 1], p[..., 2], p[..., 3]
    qw, qx, qy, qz = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    return np.stack(
        (
            pw * qw - px * qx - py * qy - pz * qz,
            pw * qx + px * qw + py * qz - pz * qy,
            pw * qy - px * qz + py * qw + pz * qx,
            pw * qz + px * qy - py * qx + pz * qw,
        ),
        axis=-1,
    )


def conjugate(q: Floats) -> Floats:
    """Return the inverse rotation of a unit quaternion."""
    return np.stack((q[..., 0], -q[..., 1], -q[..., 2], -q[..., 3]), axis=-1)


def rotate(q: Floats, v: Floats) -> Floats:
    """Rotate vectors: `v_earth = rotate(quat_segment_to_earth, v_segment)`; v has shape (3,) or (..., 3)."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    vx, vy, vz = v[..., 0], v[..., 1], v[..., 2]
    tx = 2.0 * (y * vz - z * vy)
    ty = 2.0 * (z * vx - x * vz)
    tz = 2.0 * (x * vy - y * vx)
    return np.stack(
        (
            vx + w * tx + y * tz - z * ty,
            vy + w * ty + z * tx - x * tz,
            vz + w * tz + x * ty - y * tx,
        ),
        axis=-1,
    )


def from_vector(rotvec: Floats) -> Floats:
    """Return the quaternions of rotation vectors [rad], shape (..., 3)."""
    angle = np.sqrt(rotvec[..., 0] ** 2 + rotvec[..., 1] ** 2 + rotvec[..., 2] ** 2)
    quat = np.empty((*angle.shape, 4))
    quat[..., 0] = np.cos(angle / 2.0)
    quat[..., 1:] = rotvec * (0.5 * np.sinc(angle / (2.0 * np.pi)))[..., None]
    return quat


def draw(rng: np.random.Generator) -> Floats:
    """Return one rotation, uniform over all rotations (a normalised Gaussian 4-vector)."""
    quat = rng.standard_normal(4)
    return np.asarray(quat / np.linalg.norm(quat))
