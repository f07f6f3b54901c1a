"""Six rests and three turns: simulated errors are found again, and what is no calibration is refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.calibration import Part, ferraris
from fusion.calibration.ferraris import PARTS, rotation
from tests.fusion.calibration.faulty import GRAVITY, RATE_HZ, TRUTH, TURN, Floats, directions, make_parts, measured


@pytest.mark.parametrize("angle", [TURN, -TURN, np.pi / 2])
def test_exact_parts_give_the_exact_errors(angle: float) -> None:
    found = ferraris(make_parts(angle=angle), RATE_HZ, angle)
    for name in ("acc_bias", "acc_matrix", "gyr_bias", "gyr_matrix"):
        np.testing.assert_allclose(getattr(found.calibration, name), getattr(TRUTH, name), atol=1e-12)
    assert found.calibration.mag_matrix is None
    assert max(found.residuals.values()) < 1e-7
    assert set(found.residuals) == {"acc", "norm", "gyr", "turn"}
    assert found.coverage == pytest.approx(6 / 26)


def test_noise_moves_the_answer_by_what_a_mean_leaves_of_it() -> None:
    found = ferraris(make_parts(noise=1.0), RATE_HZ, TURN)
    np.testing.assert_allclose(found.calibration.acc_bias, TRUTH.acc_bias, atol=4 * 0.02 / np.sqrt(800))
    np.testing.assert_allclose(found.calibration.acc_matrix, TRUTH.acc_matrix, atol=4e-4)
    np.testing.assert_allclose(found.calibration.gyr_bias, TRUTH.gyr_bias, atol=4 * 0.002 / np.sqrt(2400))
    np.testing.assert_allclose(found.calibration.gyr_matrix, TRUTH.gyr_matrix, atol=4e-4)
    assert found.warnings == ()


def test_crooked_positions_hardly_touch_the_bias_and_show_in_the_residual() -> None:
    crooked = 0.01
    found = ferraris(make_parts(crooked=crooked, seed=1), RATE_HZ, TURN)
    assert found.calibration.acc_bias is not None
    assert np.abs(found.calibration.acc_bias - np.asarray(TRUTH.acc_bias)).max() < 5 * GRAVITY * crooked**2
    assert 0.2 * GRAVITY * crooked < found.residuals["acc"] < 2 * GRAVITY * crooked
    assert found.residuals["norm"] < 0.1 * found.residuals["acc"]


def test_very_crooked_positions_are_warned_of() -> None:
    assert "crooked" in ferraris(make_parts(crooked=0.08), RATE_HZ, TURN).warnings[0]


def test_three_angles_may_differ() -> None:
    parts = make_parts()
    parts["z_rot"] = make_parts(angle=-2 * TURN)["z_rot"]
    found = ferraris(parts, RATE_HZ, (TURN, TURN, -2 * TURN))
    np.testing.assert_allclose(found.calibration.gyr_matrix, TRUTH.gyr_matrix, atol=1e-12)


def test_local_gravity_scales_the_accelerometer() -> None:
    a, b = (ferraris(make_parts(), RATE_HZ, TURN, g).calibration.acc_matrix for g in (9.80665, 9.780))
    np.testing.assert_allclose(np.asarray(b) / np.asarray(a), 9.780 / 9.80665, rtol=1e-9)


def test_rates_add_up_to_the_rotation_that_scipy_finds() -> None:
    gyr = 3.0 * directions(101)
    want = Rotation.identity()
    for w in gyr:
        want = want * Rotation.from_rotvec(w / RATE_HZ)
    got = rotation(gyr, RATE_HZ)
    np.testing.assert_allclose(got * np.sign(got[0]), np.roll(want.as_quat(canonical=True), 1), atol=1e-12)


def changed(name: str, gyr: Floats | float = 0.0, acc: Floats | float = 0.0) -> dict[str, Part]:
    parts = make_parts(noise=1.0)
    return {**parts, name: replace(parts[name], gyr=parts[name].gyr + gyr, acc=parts[name].acc + acc)}


SWING = np.sin(np.arange(400) / 10.0)[:, None] * np.array([1.0, 0.0, 0.0])


def test_a_moved_part_is_warned_of_by_name() -> None:
    assert ferraris(changed("y_a", gyr=0.05 * SWING), RATE_HZ, TURN).warnings == ("The sensor moved during y_a.",)
    with pytest.raises(ValueError, match="y_a is not still"):
        ferraris(changed("y_a", gyr=SWING), RATE_HZ, TURN)


def test_a_turn_that_falls_short_is_warned_of() -> None:
    parts = make_parts(noise=1.0)
    parts["x_rot"] = make_parts(noise=1.0, angle=0.8 * TURN)["x_rot"]
    found = ferraris(parts, RATE_HZ, TURN)
    assert found.warnings[0].startswith("x_rot adds up to 29")
    assert "instead of 360: was the turn complete?" in found.warnings[0]


def test_a_cut_turn_and_a_wobbling_one_are_warned_of() -> None:
    parts = make_parts(noise=1.0)
    cut = {**parts, "x_rot": Part(parts["x_rot"].gyr[100:-100], parts["x_rot"].acc)}
    assert any("was it cut off" in w for w in ferraris(cut, RATE_HZ, TURN).warnings)
    wobble = 2.0 * np.stack([0 * SWING[:, 0], SWING[:, 0], np.cos(np.arange(400) / 10.0)], axis=1)
    wobble[[0, -1]] = 0.0
    assert any("one steady axis" in w for w in ferraris(changed("x_rot", gyr=wobble), RATE_HZ, TURN).warnings)


def test_a_bias_that_depends_on_the_position_is_warned_of() -> None:
    found = ferraris(changed("z_p", gyr=0.05), RATE_HZ, TURN)
    assert "bias differs between positions" in found.warnings[-1]


def test_missing_samples_are_left_out_of_rests() -> None:
    parts = make_parts()
    parts["x_p"].acc[10] = np.nan
    parts["z_a"].gyr[:20] = np.inf
    found = ferraris(parts, RATE_HZ, TURN)
    np.testing.assert_allclose(found.calibration.acc_matrix, TRUTH.acc_matrix, atol=1e-12)


def exchanged(a: str, b: str) -> dict[str, Part]:
    parts = make_parts()
    return {**parts, a: parts[b], b: parts[a]}


def with_gyr(name: str, gyr: Floats) -> dict[str, Part]:
    parts = make_parts()
    return {**parts, name: Part(gyr, parts[name].acc)}


def scaled(gyr: float = 1.0, acc: float = 1.0) -> dict[str, Part]:
    return {name: Part(gyr * p.gyr, acc * p.acc) for name, p in make_parts().items()}


@pytest.mark.parametrize(
    ("parts", "angle", "says"),
    [
        ({}, TURN, "parts are missing: x_p, x_a"),
        ({k: v for k, v in make_parts().items() if k != "y_rot"}, TURN, "parts are missing: y_rot$"),
        (exchanged("x_p", "x_a"), TURN, "x_p does not have gravity on its axis"),
        (exchanged("x_p", "z_a"), TURN, "does not have gravity on its axis"),
        (exchanged("x_rot", "y_rot"), TURN, "x_rot turned about another axis"),
        (make_parts(), -TURN, "x_rot turned the other way round"),
        (make_parts(), 2 * TURN, "x_rot adds up to 3.. deg instead of 720"),
        (make_parts(), 0.0, "angle must be that of a turn"),
        (make_parts(), float("nan"), "angle must be that of a turn"),
        (with_gyr("z_rot", np.zeros((400, 3))), TURN, "z_rot turned"),
        (with_gyr("z_rot", np.full((400, 3), np.nan)), TURN, "z_rot must be 20 samples or more without a gap"),
        (with_gyr("z_rot", np.ones((5, 3))), TURN, "z_rot must be 20 samples"),
        (with_gyr("x_p", np.zeros((5, 3))), TURN, "gyr of x_p has 5 usable samples"),
        (with_gyr("x_p", np.zeros((400, 2))), TURN, "gyr of x_p must have shape"),
        (scaled(gyr=57.3), TURN, "not in rad/s"),
        (scaled(acc=1 / 9.80665), TURN, "acc_matrix stretches by .* in SI units"),
        (scaled(acc=0.0), TURN, "does not have gravity"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(parts: dict[str, Part], angle: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ferraris(parts, RATE_HZ, angle)


def test_gravity_is_in_si_units() -> None:
    with pytest.raises(ValueError, match="gravity must be in m/s2, not 1"):
        ferraris(make_parts(), RATE_HZ, TURN, 1.0)


def test_any_orientation_is_right_afterwards() -> None:
    found = ferraris(make_parts(noise=1.0, seed=2), RATE_HZ, TURN).calibration
    force = GRAVITY * directions(200)
    _, acc, _ = found.apply(force, measured(force, TRUTH.acc_bias, TRUTH.acc_matrix))
    assert np.abs(np.linalg.norm(acc, axis=1) - GRAVITY).max() < 0.01
    assert set(PARTS) == set(make_parts())
