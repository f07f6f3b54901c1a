"""Vectors of one length in all directions: the ellipsoid that a faulty sensor makes of the sphere."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from fusion.calibration import ellipsoid_acc, ellipsoid_mag
from fusion.calibration.directions import COMPASS, coverage
from fusion.calibration.ellipsoid import fit, seen
from tests.fusion.calibration.faulty import GRAVITY, TRUTH, Floats, directions, measured

SYMMETRIC = np.array([[1.003, 0.012, -0.004], [0.012, 0.997, 0.006], [-0.004, 0.006, 0.977]])
FIELD = 48.0
UNIT_DET = np.asarray(TRUTH.mag_matrix) / np.linalg.det(np.asarray(TRUTH.mag_matrix)) ** (1 / 3)


def forces(n: int = 24, noise: float = 0.0, seed: int = 0) -> Floats:
    shown = measured(GRAVITY * directions(n, seed), TRUTH.acc_bias, SYMMETRIC)
    return shown + noise * np.random.default_rng(seed + 1000).normal(size=(n, 3))


def fields(n: int = 2000, noise: float = 0.0, seed: int = 0) -> Floats:
    shown = measured(FIELD * directions(n, seed), TRUTH.mag_offset, UNIT_DET)
    return shown + noise * np.random.default_rng(seed + 1000).normal(size=(n, 3))


@pytest.mark.parametrize("n", [16, 24, 300])
def test_exact_forces_give_the_exact_errors(n: int) -> None:
    found = ellipsoid_acc(forces(n))
    np.testing.assert_allclose(found.calibration.acc_bias, TRUTH.acc_bias, atol=1e-9)
    np.testing.assert_allclose(found.calibration.acc_matrix, SYMMETRIC, atol=1e-10)
    assert found.residuals["acc"] < 1e-9


def test_exact_fields_keep_their_mean_scale_or_take_a_radius() -> None:
    found = ellipsoid_mag(fields())
    np.testing.assert_allclose(found.calibration.mag_offset, TRUTH.mag_offset, atol=1e-8)
    np.testing.assert_allclose(found.calibration.mag_matrix, UNIT_DET, atol=1e-9)
    assert found.coverage == 1.0
    assert found.warnings == ()
    one = ellipsoid_mag(fields(), radius=1.0)
    np.testing.assert_allclose(np.asarray(one.calibration.mag_matrix) * FIELD, UNIT_DET, atol=1e-9)


def test_noise_shows_in_the_residual_and_hardly_in_the_errors() -> None:
    found = ellipsoid_mag(fields(noise=0.6))
    np.testing.assert_allclose(found.calibration.mag_offset, TRUTH.mag_offset, atol=0.1)
    np.testing.assert_allclose(found.calibration.mag_matrix, UNIT_DET, atol=0.003)
    assert found.residuals["mag"] == pytest.approx(0.6, rel=0.1)
    assert found.residuals["relative"] == pytest.approx(found.residuals["mag"] / FIELD, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_scipy_finds_the_same_ellipsoid(seed: int) -> None:
    points = fields(200, noise=1.0, seed=seed)

    def distances(p: Floats) -> Floats:
        lower = np.array([[p[3], 0, 0], [p[4], p[5], 0], [p[6], p[7], p[8]]])
        return np.linalg.norm((points - p[:3]) @ lower, axis=1) - 1.0

    start = [*points.mean(axis=0), 1 / FIELD, 0, 1 / FIELD, 0, 0, 1 / FIELD]
    best = least_squares(distances, start, x_scale=np.abs(start) + 0.001, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    lower = np.array([[best.x[3], 0, 0], [best.x[4], best.x[5], 0], [best.x[6], best.x[7], best.x[8]]])
    found = fit(points)
    np.testing.assert_allclose(found.centre, best.x[:3], atol=1e-4)
    np.testing.assert_allclose(found.shape @ found.shape, lower @ lower.T, rtol=1e-4, atol=1e-9)
    rms = float(np.sqrt((distances(best.x) ** 2).mean()))
    assert ellipsoid_mag(points).residuals["relative"] == pytest.approx(rms, rel=1e-7)


def test_a_far_centre_costs_no_digits() -> None:
    found = ellipsoid_mag(fields() + 5000.0)
    np.testing.assert_allclose(np.asarray(found.calibration.mag_offset) - 5000.0, TRUTH.mag_offset, atol=1e-6)


def test_nine_orientations_in_good_places_are_enough_but_warned_of() -> None:
    good = COMPASS[[0, 2, 4, 6, 9, 11, 15, 20, 22, 25]]
    found = ellipsoid_acc(measured(GRAVITY * good, TRUTH.acc_bias, SYMMETRIC))
    np.testing.assert_allclose(found.calibration.acc_matrix, SYMMETRIC, atol=1e-9)
    assert found.warnings[0].startswith("Only 10 orientations: take 15")


def cap(least_z: float, n: int = 4000) -> Floats:
    u = directions(n)
    return measured(FIELD * u[u[:, 2] > least_z], TRUTH.mag_offset, UNIT_DET)


def test_half_a_sphere_is_warned_of_and_less_is_refused() -> None:
    assert ellipsoid_mag(cap(-0.6)).warnings == ()
    assert ellipsoid_mag(cap(0.0)).warnings == (
        "Too few directions were seen: turn the sensor upside down and onto its edges, too.",
    )
    with pytest.raises(ValueError, match="leave the ellipsoid open"):
        ellipsoid_mag(cap(0.4))


def test_the_conditioning_is_that_of_the_document() -> None:
    points = directions(20000)
    assert seen(fit(points), points) == pytest.approx(0.36, abs=0.01)
    half = points[points[:, 2] > 0]
    assert seen(fit(half), half) == pytest.approx(0.047, abs=0.003)


def test_six_positions_circles_and_a_single_spot_leave_it_open() -> None:
    t = np.linspace(0, 6, 100)
    circle = np.stack([np.cos(t), np.sin(t), 0 * t], axis=1)
    rng = np.random.default_rng(0)
    for name, points in {
        "six": np.tile(np.vstack([np.eye(3), -np.eye(3)]), (3, 1)),
        "circle": circle,
        "two circles": np.vstack([circle, circle[:, [1, 2, 0]]]),
        "noisy circle": circle + 0.001 * rng.normal(size=circle.shape),
        "line": t[:, None] * np.ones(3),
    }.items():
        with pytest.raises(ValueError, match=r"open|too few directions") as raised:
            ellipsoid_mag(FIELD * points)
        assert "\n" not in str(raised.value), name
    with pytest.raises(ValueError, match="all vectors are the same"):
        ellipsoid_mag(np.full((100, 3), 20.0))
    with pytest.raises(ValueError, match="all vectors are the same"):
        ellipsoid_mag(np.zeros((100, 3)))


def test_a_moved_rest_and_iron_nearby_are_warned_of() -> None:
    moved = forces()
    moved[3] *= 1.05
    assert any("did the sensor move" in w for w in ellipsoid_acc(moved).warnings)
    assert any("is iron near" in w for w in ellipsoid_mag(fields(noise=4.0)).warnings)
    stretched = fields() * np.array([1.0, 1.0, 2.0])
    assert any("is iron fixed" in w for w in ellipsoid_mag(stretched).warnings)


def test_missing_rows_are_left_out() -> None:
    points = fields()
    points[::5] = np.nan
    points[1] = [1.0, np.inf, 1.0]
    np.testing.assert_allclose(ellipsoid_mag(points).calibration.mag_offset, TRUTH.mag_offset, atol=1e-8)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        (np.full((50, 3), np.nan), "0 usable samples, 9 are needed"),
        (forces(8), "8 usable samples, 9 are needed"),
        (forces(20).T, "must have shape"),
        (forces(20) / 9.80665, "acc_matrix stretches"),
    ],
)
def test_what_cannot_be_used_is_refused(points: Floats, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ellipsoid_acc(points)


def test_any_numbers_are_answered_or_refused_without_a_warning_of_numpy() -> None:
    rng = np.random.default_rng(0)
    for scale in (1e-300, 1e-12, 1.0, 1e11, 1e200):
        for _ in range(20):
            points = scale * rng.normal(size=(30, 3)) * rng.normal(size=3)
            try:
                found = ellipsoid_mag(points)
            except ValueError:
                continue
            assert np.isfinite(np.asarray(found.calibration.mag_matrix)).all()


def test_a_radius_must_be_a_length() -> None:
    with pytest.raises(ValueError, match="radius must be positive, not 0"):
        ellipsoid_mag(fields(), radius=0.0)


def test_coverage_counts_directions() -> None:
    assert coverage(COMPASS) == 1.0
    assert coverage(5.0 * COMPASS[:1]) == pytest.approx(1 / 26)
    assert coverage(np.zeros((3, 3))) == 0.0
