"""What is kept of a sensor's errors, and how it is taken out."""

import json

import numpy as np
import pytest

from fusion.calibration import SensorCalibration
from tests.fusion.calibration.faulty import TRUTH, measured

NAMES = ("acc_bias", "acc_matrix", "gyr_bias", "gyr_matrix", "mag_offset", "mag_matrix")


def test_applying_undoes_the_errors() -> None:
    gyr, acc, mag = np.random.default_rng(1).normal(size=(3, 50, 3))
    shown = (
        measured(gyr, TRUTH.gyr_bias, TRUTH.gyr_matrix),
        measured(acc, TRUTH.acc_bias, TRUTH.acc_matrix),
        measured(mag, TRUTH.mag_offset, TRUTH.mag_matrix),
    )
    for got, want in zip(TRUTH.apply(*shown), (gyr, acc, mag), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-13)


def test_chunks_give_the_same_as_the_whole_bit_for_bit() -> None:
    gyr, acc, mag = np.random.default_rng(2).normal(size=(3, 50, 3))
    whole = TRUTH.apply(gyr, acc, mag)
    for cut in (slice(0, 1), slice(1, 7), slice(7, 50)):
        for a, b in zip(TRUTH.apply(gyr[cut], acc[cut], mag[cut]), whole, strict=True):
            assert a is not None
            assert b is not None
            np.testing.assert_array_equal(a, b[cut])


def test_nothing_known_changes_nothing_and_leaves_the_input_alone() -> None:
    gyr, acc = np.ones((2, 3)), np.full((2, 3), np.nan)
    got, force, mag = SensorCalibration().apply(gyr, acc)
    np.testing.assert_array_equal(got, gyr)
    assert got is not gyr
    assert np.isnan(force).all()
    assert mag is None


def test_a_missing_sample_stays_missing_alone() -> None:
    acc = np.array([[1.0, 2.0, 3.0], [np.nan, np.nan, np.nan], [4.0, 5.0, 6.0]])
    _, force, _ = TRUTH.apply(acc, acc)
    assert np.isnan(force).all(axis=1).tolist() == [False, True, False]


def test_a_new_bias_goes_over_an_old_matrix() -> None:
    new = SensorCalibration(gyr_bias=np.array([0.1, 0.2, 0.3])).over(TRUTH)
    np.testing.assert_array_equal(new.gyr_bias, [0.1, 0.2, 0.3])
    for name in set(NAMES) - {"gyr_bias"}:
        assert getattr(new, name) is getattr(TRUTH, name)


@pytest.mark.parametrize(
    "known", [TRUTH, SensorCalibration(), SensorCalibration(gyr_bias=np.array([1e-3, 0.1, -1 / 3]))]
)
def test_json_keeps_every_bit(known: SensorCalibration) -> None:
    back = SensorCalibration.from_json(json.loads(json.dumps(known.to_json())))
    assert back is not None
    for name in NAMES:
        assert (getattr(back, name) is None) == (getattr(known, name) is None)
        if getattr(known, name) is not None:
            np.testing.assert_array_equal(getattr(back, name), getattr(known, name))


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_what_is_no_object_is_no_calibration(value: object) -> None:
    assert SensorCalibration.from_json(value) is None


EYE = np.eye(3).tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acc_bias", [0.0, 0.0]),
        ("acc_bias", [0.0, 0.0, "0"]),
        ("acc_bias", [0.0, 0.0, float("nan")]),
        ("acc_bias", [[0.0, 0.0, 0.0]]),
        ("acc_bias", [50.0, 0.0, 0.0]),
        ("acc_bias", {}),
        ("gyr_bias", [5.0, 0.0, 0.0]),
        ("gyr_bias", [True, 0.0, 0.0]),
        ("gyr_matrix", [0.0, 0.0, 0.0]),
        ("gyr_matrix", np.zeros((3, 3)).tolist()),
        ("gyr_matrix", (57.3 * np.eye(3)).tolist()),
        ("gyr_matrix", (-np.eye(3)).tolist()),
        ("acc_matrix", np.diag([1.0, 1.0, 0.2]).tolist()),
        ("acc_matrix", [[1e300, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        ("mag_offset", [float("inf"), 0.0, 0.0]),
        ("mag_matrix", np.diag([1.0, 1.0, 0.05]).tolist()),
        ("mag_matrix", (1e-9 * np.eye(3)).tolist()),
    ],
)
def test_one_damaged_value_refuses_the_whole(name: str, value: object) -> None:
    assert SensorCalibration.from_json({**TRUTH.to_json(), name: value}) is None


def test_the_constructor_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="gyr_bias must be three numbers up to 2 in SI units"):
        SensorCalibration(gyr_bias=np.array([10.0, 0.0, 0.0]))
    with pytest.raises(ValueError, match="acc_matrix mirrors"):
        SensorCalibration(acc_matrix=np.diag([1.0, 1.0, -1.0]))
    with pytest.raises(ValueError, match="mag_matrix must be three rows"):
        SensorCalibration(mag_matrix=np.full((3, 3), np.nan))
