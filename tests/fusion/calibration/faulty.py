"""A sensor whose errors are known, and what it would record."""

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from devices.chunks import GRAVITY
from fusion.calibration import Part, SensorCalibration

Floats = np.ndarray
RATE_HZ = 100.0
TURN = 2.0 * np.pi

TRUTH = SensorCalibration(
    acc_bias=np.array([0.5, -0.6, 0.4]),
    acc_matrix=np.array([[1.003, 0.015, 0.007], [-0.009, 0.997, -0.002], [-0.013, -0.002, 0.977]]),
    gyr_bias=np.array([-0.0105, -0.0064, 0.001]),
    gyr_matrix=np.array([[0.973, 0.001, 0.006], [0.0, 1.018, 0.003], [-0.009, -0.008, 1.002]]),
    mag_offset=np.array([30.0, -12.0, 55.0]),
    mag_matrix=np.array([[1.1, 0.05, -0.02], [0.05, 0.9, 0.03], [-0.02, 0.03, 1.02]]),
)


def measured(x: Floats, bias: Floats | None, matrix: Floats | None) -> Floats:
    """Return what a sensor with these errors shows: the inverse of the correction."""
    assert bias is not None
    assert matrix is not None
    return x @ np.linalg.inv(matrix).T + bias


def directions(n: int, seed: int = 0) -> Floats:
    """Return unit vectors anywhere, shape (n, 3)."""
    v = np.random.default_rng(seed).normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def make_parts(noise: float = 0.0, crooked: float = 0.0, angle: float = TURN, seed: int = 0) -> dict[str, Part]:
    """Return the nine parts of four seconds each; positions tilted by about `crooked` [rad]."""
    rng = np.random.default_rng(seed)
    n = int(4 * RATE_HZ)
    profile = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    parts = {}

    def part(gyr: Floats, acc: Floats) -> Part:
        gyr = measured(gyr, TRUTH.gyr_bias, TRUTH.gyr_matrix) + noise * 0.002 * rng.normal(size=(n, 3))
        acc = measured(acc, TRUTH.acc_bias, TRUTH.acc_matrix) + noise * 0.02 * rng.normal(size=(n, 3))
        return Part(gyr, acc)

    for i, name in enumerate("xyz"):
        axis = np.eye(3)[i]
        for sign, end in ((1.0, "p"), (-1.0, "a")):
            up = sign * axis + crooked * rng.normal(size=3)
            still = np.zeros((n, 3))
            parts[f"{name}_{end}"] = part(still, still + GRAVITY * up / np.linalg.norm(up))
        rate = profile[:, None] * axis * angle * RATE_HZ / profile.sum()
        parts[f"{name}_rot"] = part(rate, np.tile(GRAVITY * axis, (n, 1)))
    return parts


NORTH = np.array([0.0, 20.0, -43.6])
"""The field in the earth frame [uT]."""


def put_down(
    places: int, noise: float = 1.0, lying_s: float = 2.0, turning_s: float = 3.0, seed: int = 0
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return t, gyr, acc and mag of the sensor, put down anywhere and turned slowly to the next place."""
    rng = np.random.default_rng(seed)
    poses = Rotation.random(places, random_state=rng)
    edges = np.cumsum([0.0, *([lying_s, turning_s] * places)[:-1]])
    t = np.arange(0.0, edges[-1], 1 / RATE_HZ)
    sensor = Slerp(edges, Rotation.concatenate([poses[i // 2] for i in range(2 * places)]))(t)
    gyr = (sensor[:-1].inv() * sensor[1:]).as_rotvec() * RATE_HZ
    gyr = np.vstack([gyr, gyr[-1:]])
    n = (len(t), 3)
    force, field = sensor.inv().apply([0.0, 0.0, GRAVITY]), sensor.inv().apply(NORTH)
    return (
        t,
        measured(gyr, TRUTH.gyr_bias, TRUTH.gyr_matrix) + noise * 0.002 * rng.normal(size=n),
        measured(force, TRUTH.acc_bias, TRUTH.acc_matrix) + noise * 0.02 * rng.normal(size=n),
        measured(field, TRUTH.mag_offset, TRUTH.mag_matrix) + noise * 0.3 * rng.normal(size=n),
    )
