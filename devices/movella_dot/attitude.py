"""Rotations in the forms a DOT sends: quaternions w x y z, Euler angles in ZYX order, increments; shapes (N, ...)."""

import numpy as np

from devices.chunks import Samples

POLE = 1e-9
"""So near to straight up, in the sine of the pitch, roll and yaw are no longer two."""


def quat_from_euler(euler_deg: Samples) -> Samples:
    """Return the quaternions, shape (N, 4), of roll, pitch and yaw [deg], shape (N, 3), turned in the order ZYX."""
    cr, cp, cy = np.cos(np.deg2rad(euler_deg) / 2).T
    sr, sp, sy = np.sin(np.deg2rad(euler_deg) / 2).T
    quat: Samples = np.column_stack(
        (
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        )
    )
    return quat


def euler_from_quat(quat: Samples) -> Samples:
    """Return roll, pitch and yaw [deg], shape (N, 3): the inverse of `quat_from_euler`.

    Straight up or down, where only the sum or difference of roll and yaw is defined, all of it is yaw.
    """
    w, x, y, z = quat.T
    sine = np.clip(2 * (w * y - z * x), -1, 1)
    at_pole = np.abs(sine) > 1 - POLE
    roll = np.where(at_pole, 0, np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)))
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    yaw = np.where(at_pole, -np.sign(sine) * 2 * np.arctan2(x, w), yaw)
    turn = np.remainder(yaw + np.pi, 2 * np.pi) - np.pi
    euler_deg: Samples = np.rad2deg(np.column_stack((roll, np.arcsin(sine), turn)))
    return euler_deg


def quat_from_rotation(rotation: Samples) -> Samples:
    """Return the quaternions, shape (N, 4), of rotation vectors [rad], shape (N, 3)."""
    half = np.linalg.norm(rotation, axis=1, keepdims=True) / 2
    quat: Samples = np.hstack((np.cos(half), rotation / 2 * np.sinc(half / np.pi)))
    return quat


def rotation_from_quat(quat: Samples) -> Samples:
    """Return the rotation vectors [rad] of at most half a turn: the inverse of `quat_from_rotation`."""
    quat = np.where(quat[:, :1] < 0, -quat, quat)
    sine = np.linalg.norm(quat[:, 1:], axis=1, keepdims=True)
    half = np.arctan2(sine, quat[:, :1])
    rotation: Samples = 2 * quat[:, 1:] / np.sinc(half / np.pi)
    return rotation


def rotate(quat: Samples, vector: Samples) -> Samples:
    """Return vectors, shape (N, 3), turned by unit quaternions, shape (N, 4)."""
    axis = quat[:, 1:]
    cross = 2 * np.cross(axis, vector)
    turned: Samples = vector + quat[:, :1] * cross + np.cross(axis, cross)
    return turned
