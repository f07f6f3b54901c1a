"""The gyroscope's bias at rest, and what counts as rest."""

import numpy as np
import pytest

from fusion.calibration import rest_bias, still_forces
from tests.fusion.calibration.faulty import GRAVITY, directions

BIAS = np.array([0.01, -0.02, 0.005])
UP = np.array([0.0, 0.0, GRAVITY])


def rest(seconds: float = 3.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = int(100 * seconds)
    return BIAS + 0.002 * rng.normal(size=(n, 3)), UP + 0.02 * rng.normal(size=(n, 3))


def test_the_bias_is_the_mean_rate() -> None:
    gyr, acc = rest(10.0)
    found = rest_bias(gyr, 100.0, acc)
    np.testing.assert_allclose(found.calibration.gyr_bias, BIAS, atol=4 * 0.002 / np.sqrt(1000))
    assert found.residuals["gyr"] == pytest.approx(0.002 * np.sqrt(3), rel=0.05)
    assert found.coverage == pytest.approx(1 / 26)
    assert found.warnings == ()
    assert found.calibration.acc_bias is None


def test_missing_rows_are_left_out() -> None:
    gyr, _ = rest()
    gyr[::7] = np.nan
    gyr[3] = [0.0, np.inf, 0.0]
    gyr[5] = 1e300
    good = (np.abs(gyr) < 1.0).all(axis=1)
    np.testing.assert_allclose(rest_bias(gyr, 100.0).calibration.gyr_bias, gyr[good].mean(axis=0))


def test_a_slight_movement_is_a_warning_and_a_plain_one_an_error() -> None:
    gyr, acc = rest()
    swing = np.sin(np.arange(300) / 10.0)[:, None] * np.array([1.0, 0.0, 0.0])
    assert rest_bias(gyr + 0.05 * swing, 100.0).warnings == ("The sensor moved during the rest.",)
    assert rest_bias(gyr, 100.0, acc + 0.5 * swing).warnings == ("The sensor moved during the rest.",)
    with pytest.raises(ValueError, match=r"not still: its values spread by 0\.7"):
        rest_bias(gyr + swing, 100.0)


def test_a_slow_tilt_shows_in_the_force() -> None:
    gyr, acc = rest()
    tilted = acc + np.linspace(0.0, 0.2, 300)[:, None] * np.array([1.0, 0.0, 0.0])
    assert rest_bias(gyr, 100.0, tilted).warnings == ("The sensor tilted slowly during the rest.",)


def test_short_stuck_and_large_are_warned_of() -> None:
    gyr, _ = rest(0.5)
    assert "lasts only 0.5 s" in rest_bias(gyr, 100.0).warnings[0]
    assert "may be stuck" in rest_bias(np.zeros((300, 3)), 100.0).warnings[0]
    assert "did the sensor turn" in rest_bias(rest()[0] + 0.5, 100.0).warnings[0]


@pytest.mark.parametrize(
    ("gyr", "rate_hz", "says"),
    [
        (np.zeros((10, 3)), 100.0, "10 usable samples, 20 are needed"),
        (np.full((100, 3), np.nan), 100.0, "0 usable samples"),
        (np.zeros(300), 100.0, "must have shape"),
        (np.zeros((300, 3)), 0.0, "rate_hz must be positive"),
        (np.zeros((300, 3)), np.nan, "rate_hz must be positive"),
    ],
)
def test_what_cannot_be_used_is_refused(gyr: np.ndarray, rate_hz: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rest_bias(gyr, rate_hz)


def test_force_and_rate_must_belong_together() -> None:
    with pytest.raises(ValueError, match="acc has shape"):
        rest_bias(rest()[0], 100.0, rest(2.0)[1])


def test_rests_are_found_between_movements() -> None:
    rng = np.random.default_rng(3)
    ups = directions(5)
    gyr, acc = [], []
    for up in ups:
        gyr += [np.tile(BIAS, (200, 1)), rng.normal(size=(130, 3))]
        acc += [np.tile(GRAVITY * up, (200, 1)), GRAVITY * rng.normal(size=(130, 3))]
    noisy = np.concatenate(acc) + 0.01 * rng.normal(size=(5 * 330, 3))
    noisy[50] = np.nan
    found = still_forces(np.concatenate(gyr), noisy, 100.0)
    assert len(found) in (4, 5)
    for force in found:
        assert np.linalg.norm(GRAVITY * ups - force, axis=1).min() < 0.01


def test_no_rest_is_an_empty_answer() -> None:
    assert still_forces(np.ones((10, 3)), np.ones((10, 3)), 100.0).shape == (0, 3)
    assert still_forces(np.full((500, 3), np.nan), np.full((500, 3), np.nan), 100.0).shape == (0, 3)
    with pytest.raises(ValueError, match="acc has shape"):
        still_forces(np.ones((10, 3)), np.ones((11, 3)), 100.0)
