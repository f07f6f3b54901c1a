"""The shoulder near and far from the positions where it has no plane of elevation."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.body.angles.joints import joint_angles_deg
from fusion.body.angles.shoulder import NEAR_DEG, POLE_DEG, shoulder_deg

Floats = np.ndarray
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def quat(rotation: Rotation) -> Floats:
    return rotation.as_quat()[..., [3, 0, 1, 2]]


def arm(plane: Floats, elevation: Floats, rotation: Floats) -> Rotation:
    """Return the right upper arm against the trunk."""
    angles = np.stack(np.broadcast_arrays(plane, -np.asarray(elevation), rotation), axis=-1)
    return Rotation.from_euler("YXY", angles, degrees=True)


def about(axis: str, degrees: Floats | float) -> Rotation:
    return Rotation.from_rotvec(np.multiply.outer(np.radians(degrees), np.eye(3)["XYZ".index(axis)]))


def abducted(degrees: Floats | float) -> Rotation:
    return about("X", -np.asarray(degrees))


def flexed(degrees: Floats | float) -> Rotation:
    return about("Z", degrees)


def test_a_hanging_arm_has_no_plane_and_no_rotation_but_a_torsion() -> None:
    turned_in = shoulder_deg(quat(about("Y", 35.0)))
    np.testing.assert_array_equal(np.isnan(turned_in.angles), [True, False, True])
    assert turned_in.angles[1] == pytest.approx(0.0, abs=1e-9)
    assert turned_in.torsion == pytest.approx(35.0)
    np.testing.assert_allclose(turned_in.cardan, [0.0, 0.0, 35.0], atol=1e-9)
    assert (bool(turned_in.angles_trusted), bool(turned_in.cardan_trusted)) == (False, True)


def test_an_arm_straight_overhead_has_elevation_and_x_z_y_only() -> None:
    up = shoulder_deg(quat(abducted(180.0)))
    np.testing.assert_allclose(up.angles, [np.nan, 180.0, np.nan], atol=1e-9)
    assert np.isnan(up.torsion)
    np.testing.assert_allclose(up.cardan, [180.0, 0.0, 0.0], atol=1e-9)
    assert (bool(up.angles_trusted), bool(up.cardan_trusted)) == (False, True)


@pytest.mark.parametrize("plane", [-150.0, -60.0, 0.0, 45.0, 90.0, 170.0])
def test_values_begin_at_the_pole_border_and_trust_at_the_near_border(plane: float) -> None:
    elevation = np.array([POLE_DEG - 0.1, POLE_DEG + 0.1, NEAR_DEG - 0.1, NEAR_DEG + 0.1])
    for e in (elevation, 180.0 - elevation):
        got = shoulder_deg(quat(arm(plane, e, 20.0)))
        np.testing.assert_array_equal(np.isfinite(got.angles[:, [0, 2]]).all(axis=1), [False, True, True, True])
        np.testing.assert_array_equal(got.angles_trusted, [False, False, False, True])
        assert got.cardan_trusted[:3].all()
        np.testing.assert_allclose(got.angles[:, 1], e, atol=1e-6)


def test_pointing_forward_at_the_horizontal_only_y_x_y_is_to_be_trusted() -> None:
    got = shoulder_deg(quat(flexed(np.array([69.0, 71.0, 90.0, 109.0, 111.0]))))
    np.testing.assert_array_equal(got.cardan_trusted, [True, False, False, False, True])
    assert got.angles_trusted.all()
    assert np.isfinite(got.cardan).all()


def test_every_position_has_a_sequence_to_trust() -> None:
    got = shoulder_deg(quat(Rotation.random(20_000, random_state=4)))
    assert (got.angles_trusted | got.cardan_trusted).all()
    assert not (got.angles_trusted & got.cardan_trusted).all()


def test_where_a_sequence_is_trusted_an_error_of_one_degree_stays_below_three() -> None:
    rng = np.random.default_rng(5)
    true = Rotation.random(20_000, random_state=5)
    axes = rng.normal(size=(20_000, 3))
    error = Rotation.from_rotvec(np.radians(1.0) * axes / np.linalg.norm(axes, axis=1, keepdims=True))
    a, b = shoulder_deg(quat(true)), shoulder_deg(quat(true * error))

    def worst(x: Floats, y: Floats) -> float:
        return float(np.abs((y - x + 180.0) % 360.0 - 180.0).max())

    assert worst(a.angles[a.angles_trusted], b.angles[a.angles_trusted]) < 3.2
    assert worst(a.cardan[a.cardan_trusted], b.cardan[a.cardan_trusted]) < 3.2
    doubtful = ~a.angles_trusted & np.isfinite(a.angles[:, 0]) & np.isfinite(b.angles[:, 0])
    assert worst(a.angles[doubtful], b.angles[doubtful]) > 6.0


def test_abduction_goes_on_past_the_vertical_without_a_jump() -> None:
    degrees = np.arange(-30.0, 215.0)
    np.testing.assert_allclose(shoulder_deg(quat(abducted(degrees))).cardan[:, 0], degrees, atol=1e-9)


def test_elevation_has_no_jump_through_the_hanging_arm_and_x_z_y_none_at_all() -> None:
    swing = np.arange(-50.0, 60.0, 0.5)
    got = shoulder_deg(quat(flexed(swing)))
    np.testing.assert_allclose(got.angles[:, 1], np.abs(swing), atol=1e-6)
    np.testing.assert_allclose(got.cardan[:, 1], swing, atol=1e-9)
    np.testing.assert_allclose(got.torsion, 0.0, atol=1e-9)


def test_x_z_y_turns_a_raised_arm_the_way_y_x_y_does() -> None:
    turned = np.array([-40.0, 0.0, 40.0])
    got = shoulder_deg(quat(abducted(60.0) * about("Y", turned)))
    np.testing.assert_allclose(got.cardan, np.stack([np.full(3, 60.0), np.zeros(3), turned], axis=1), atol=1e-9)
    np.testing.assert_allclose(got.angles[:, 2], turned, atol=1e-6)


def test_an_unknown_arm_is_unknown_and_not_trusted() -> None:
    got = shoulder_deg(np.full((3, 4), np.nan))
    assert np.isnan(got.angles).all()
    assert np.isnan(got.cardan).all()
    assert np.isnan(got.torsion).all()
    assert not (got.angles_trusted | got.cardan_trusted).any()


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_joint_near_its_pole_gives_its_elevation_and_no_noise(side: str) -> None:
    got = joint_angles_deg("shoulder", side, IDENTITY, quat(about("X", 1.0)))
    np.testing.assert_allclose(got, [np.nan, 1.0, np.nan], atol=1e-9)
