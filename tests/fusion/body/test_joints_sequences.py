"""The decompositions against scipy, there and back, through smooth movements, and at their singular positions."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from fusion.body.angles.sequences import wrapped, xzy, yxy, yxz, zxy

Floats = np.ndarray
CARDAN = {"ZXY": zxy, "YXZ": yxz, "XZY": xzy}
turn = st.floats(-179.0, 179.0)


def quat(rotation: Rotation) -> Floats:
    return rotation.as_quat()[..., [3, 0, 1, 2]]


def elementary(axis: str, degrees: float) -> Floats:
    """Return the matrix of one turn, written out."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        {
            "X": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "Y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "Z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


def composed(order: str, angles: tuple[float, float, float]) -> Floats:
    """Return the quaternion of three turns, each about the axis carried along."""
    first, second, third = (elementary(axis, a) for axis, a in zip(order, angles, strict=True))
    return quat(Rotation.from_matrix(first @ second @ third))


@pytest.mark.parametrize("order", CARDAN)
def test_it_is_scipys_intrinsic_sequence(order: str) -> None:
    rotations = Rotation.random(300, random_state=1)
    for sign in (1, -1):
        np.testing.assert_allclose(CARDAN[order](sign * quat(rotations)), rotations.as_euler(order), atol=1e-9)


def test_y_x_y_is_scipys_sequence_seen_from_the_other_side_of_the_middle_angle() -> None:
    rotations = Rotation.random(300, random_state=2)
    theirs = rotations.as_euler("YXY")
    for sign in (1, -1):
        ours = yxy(sign * quat(rotations))
        np.testing.assert_allclose(ours[:, 1], -theirs[:, 1], atol=1e-9)
        np.testing.assert_allclose(np.cos(ours[:, ::2] - theirs[:, ::2]), -1.0, atol=1e-9)
        back = Rotation.from_euler("YXY", ours)
        assert (back.inv() * rotations).magnitude().max() < 1e-9


@pytest.mark.parametrize("order", CARDAN)
@given(st.tuples(turn, st.floats(-89.0, 89.0), turn))
def test_angles_come_back_from_the_rotation_they_make(order: str, angles: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(np.degrees(CARDAN[order](composed(order, angles))), angles, atol=1e-6)


@given(st.tuples(turn, st.floats(-179.0, -1.0), turn))
def test_y_x_y_angles_come_back_from_the_rotation_they_make(angles: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(np.degrees(yxy(composed("YXY", angles))), angles, atol=1e-6)


@pytest.mark.parametrize("decompose", [zxy, yxz, xzy, yxy])
def test_singular_positions_give_finite_angles_that_make_the_same_rotation(
    decompose: Callable[[Floats], Floats],
) -> None:
    order = decompose.__name__.upper()
    middles = (0.0, -180.0) if order == "YXY" else (90.0, -90.0)
    for middle in middles:
        for first in (0.0, 35.0, -120.0):
            for sign in (1, -1):
                angles = decompose(sign * composed(order, (first, middle, 20.0)))
                assert np.isfinite(angles).all()
                assert np.degrees(angles[1]) == pytest.approx(middle, abs=1e-5)


def test_quaternions_that_rounding_made_longer_than_one_give_no_nan() -> None:
    for order, decompose in CARDAN.items():
        for middle in (90.0, -90.0):
            assert np.isfinite(decompose(composed(order, (10.0, middle, 0.0)) * (1.0 + 1e-12))).all()


@pytest.mark.parametrize("order", CARDAN)
def test_a_smooth_movement_has_smooth_angles(order: str) -> None:
    share = np.linspace(-1.0, 1.0, 401)[:, None]
    path = share * [150.0, 70.0, 120.0]
    rotations = Rotation.from_euler(order, path, degrees=True)
    flips = np.where(np.arange(401) % 2, 1.0, -1.0)[:, None]
    got = np.degrees(CARDAN[order](flips * quat(rotations)))
    np.testing.assert_allclose(got, path, atol=1e-6)


def test_y_x_y_is_smooth_across_zero_plane_and_the_horizontal() -> None:
    share = np.linspace(-1.0, 1.0, 401)[:, None]
    path = [0.0, -90.0, 0.0] + share * [150.0, 80.0, 140.0]
    got = np.degrees(yxy(quat(Rotation.from_euler("YXY", path, degrees=True))))
    np.testing.assert_allclose(got, path, atol=1e-6)


def test_y_x_y_is_exact_close_to_its_singular_positions() -> None:
    for middle in (-1e-6, -180.0 + 1e-6):
        exact = quat(Rotation.from_euler("YXY", [0.0, middle, 0.0], degrees=True))
        assert np.degrees(yxy(exact)[1]) == pytest.approx(middle, abs=1e-10)


def test_unknown_orientations_stay_unknown() -> None:
    for decompose in (zxy, yxz, xzy, yxy):
        assert np.isnan(decompose(np.full((2, 4), np.nan))).all()


@given(st.floats(-100.0, 100.0))
def test_wrapping_keeps_the_direction(angle: float) -> None:
    got = wrapped(np.array(angle))
    assert abs(got) <= np.pi + 1e-9
    np.testing.assert_allclose([np.cos(got), np.sin(got)], [np.cos(angle), np.sin(angle)], atol=1e-9)
