"""Quaternion algebra against scipy's rotations."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from fusion.orientation import quaternion as qt


def random(seed: int, n: int = 50) -> np.ndarray:
    return qt.normalize(np.random.default_rng(seed).normal(size=(n, 4)))


def as_scipy(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(q[..., [1, 2, 3, 0]])


def test_products_rotations_and_matrices_agree_with_scipy() -> None:
    p, q, v = random(0), random(1), np.random.default_rng(2).normal(size=(50, 3))
    expected = as_scipy(p) * as_scipy(q)
    np.testing.assert_allclose(qt.to_matrix(qt.multiply(p, q)), expected.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(qt.rotate(p, v), as_scipy(p).apply(v), atol=1e-12)
    np.testing.assert_allclose(qt.rotate(qt.conjugate(p), v), as_scipy(p).inv().apply(v), atol=1e-12)
    np.testing.assert_allclose(qt.angle(p, q), (as_scipy(p).inv() * as_scipy(q)).magnitude(), atol=1e-7)


def test_the_up_direction_is_the_inverse_rotation_of_z() -> None:
    q = random(3)
    np.testing.assert_allclose(qt.up_in_sensor(q), as_scipy(q).inv().apply([0, 0, 1]), atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_axes_of_any_orientation_give_their_quaternion(seed: int) -> None:
    matrix = as_scipy(random(seed, 1)[0]).as_matrix()
    np.testing.assert_allclose(qt.to_matrix(qt.from_axes(*matrix.T)), matrix, atol=1e-12)


def test_half_turns_have_a_quaternion_too() -> None:
    for axes in ([1, -1, -1], [-1, 1, -1], [-1, -1, 1]):
        matrix = np.diag(np.array(axes, dtype=float))
        np.testing.assert_allclose(qt.to_matrix(qt.from_axes(*matrix.T)), matrix, atol=1e-12)


def test_rotations_by_axis_and_angle_agree_with_scipy() -> None:
    axes, angles = np.random.default_rng(4).normal(size=(9, 3)), np.linspace(-3, 3, 9)
    unit = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    expected = Rotation.from_rotvec(unit * angles[:, None])
    np.testing.assert_allclose(qt.to_matrix(qt.from_axis_angle(axes, angles)), expected.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(qt.about_z(angles), qt.from_axis_angle(np.array([[0, 0, 1.0]]), angles), atol=1e-12)


@pytest.mark.parametrize("turn", [1e-9, 1e-3, 3.9e-3, 8.1e-3, 0.5, 3.0])
def test_slerp_agrees_with_scipy_at_every_size_of_turn(turn: float) -> None:
    p = random(5, 1)[0]
    q = -qt.multiply(p, qt.from_axis_angle(np.array([0.3, -0.5, 0.8]), turn))  # the other sign of the same orientation
    expected = Slerp([0, 1], as_scipy(np.stack([p, q])))(0.3)
    got = qt.slerp(p[None], q[None], np.array([0.3]))[0]
    assert (as_scipy(got).inv() * expected).magnitude() < 1e-7
    assert abs(np.linalg.norm(got) - 1.0) < 1e-12
