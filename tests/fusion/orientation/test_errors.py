"""Errors against the truth: closed form, what counts, and scipy on a real recording."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.orientation import estimate
from fusion.orientation import quaternion as qt
from fusion.orientation.errors import orientation_errors

Floats = np.ndarray
RATE_HZ = 50.0


def tumbling(n: int = 3000, seed: int = 0) -> Floats:
    return qt.normalize(np.cumsum(np.random.default_rng(seed).normal(size=(n, 4)), axis=0))


def off(truth: Floats, heading_deg: Floats | float, tilt_deg: float) -> Floats:
    """Return an estimate that is tilted about horizontal axes of all directions, then turned about the vertical."""
    direction = np.linspace(0.0, 40.0, len(truth))
    axis = np.stack([np.cos(direction), np.sin(direction), 0.0 * direction], axis=1)
    tilted = qt.multiply(qt.from_axis_angle(axis, np.full(len(truth), np.radians(tilt_deg))), truth)
    return qt.multiply(qt.about_z(np.broadcast_to(np.radians(heading_deg), len(truth))), tilted)


@pytest.mark.parametrize(("heading", "tilt"), [(0, 0), (5, 0), (0, 3), (-20, 8), (150, 60), (180, 1), (1e-5, 1e-6)])
def test_a_known_turn_and_tilt_are_found_apart(heading: float, tilt: float) -> None:
    truth = tumbling()
    errors = orientation_errors(off(truth, heading, tilt), truth, np.ones(len(truth), bool), RATE_HZ)
    both = np.degrees(2 * np.arccos(np.cos(np.radians(heading) / 2) * np.cos(np.radians(tilt) / 2)))
    assert errors.heading_deg == pytest.approx(abs(heading), abs=1e-9)
    assert errors.inclination_deg == pytest.approx(tilt, abs=1e-9)
    assert errors.total_deg == pytest.approx(both, abs=2e-6)
    assert errors.drift_deg_min == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("rate_deg_min", [-700.0, -3.0, 0.5, 2000.0])
def test_the_drift_is_the_slope_of_the_heading_over_any_number_of_turns(rate_deg_min: float) -> None:
    truth = tumbling()
    t = np.arange(len(truth)) / RATE_HZ
    estimate_ = off(truth, 170.0 + rate_deg_min * t / 60.0, 2.0)
    estimate_[::3] *= -1.0  # the same orientations
    errors = orientation_errors(estimate_, truth, np.ones(len(truth), bool), RATE_HZ)
    assert errors.drift_deg_min == pytest.approx(abs(rate_deg_min), rel=1e-9)


def test_a_pause_in_the_movement_is_time_like_any_other() -> None:
    truth = tumbling()
    moving = np.ones(len(truth), bool)
    moving[500:1500] = False
    t = np.arange(len(truth)) / RATE_HZ
    errors = orientation_errors(off(truth, 6.0 * t / 60.0, 0.0), truth, moving, RATE_HZ)
    assert errors.drift_deg_min == pytest.approx(6.0)


def test_errors_that_vary_are_averaged_as_squares() -> None:
    truth = tumbling(2)
    errors = orientation_errors(off(truth, np.array([3.0, -4.0]), 0.0), truth, np.ones(2, bool), RATE_HZ)
    assert errors.heading_deg == pytest.approx(np.sqrt(12.5))


def test_only_movement_with_a_known_truth_counts_and_lengths_do_not() -> None:
    truth = tumbling()
    estimate_ = off(truth, 4.0, 1.0)
    estimate_[:100] = [1.0, 0.0, 0.0, 0.0]
    moving = np.arange(len(truth)) >= 100
    usual = orientation_errors(estimate_, truth, moving, RATE_HZ)
    truth[200:300] = np.nan
    estimate_[200:300] = np.nan
    partly = orientation_errors(2.0 * estimate_, 0.5 * truth, moving, RATE_HZ)
    assert usual.heading_deg == pytest.approx(4.0)
    assert partly.heading_deg == pytest.approx(4.0)
    assert partly.inclination_deg == pytest.approx(1.0)


def test_an_estimate_without_a_number_gives_no_number() -> None:
    truth = tumbling(10)
    estimate_ = truth.copy()
    estimate_[5] = np.nan
    assert np.isnan(orientation_errors(estimate_, truth, np.ones(10, bool), RATE_HZ).total_deg)


def test_what_cannot_be_compared_is_refused() -> None:
    truth = tumbling(10)
    with pytest.raises(ValueError, match="fewer than two"):
        orientation_errors(truth, truth, np.zeros(10, bool), RATE_HZ)
    with pytest.raises(ValueError, match="shape"):
        orientation_errors(truth[:9], truth, np.ones(10, bool), RATE_HZ)


@pytest.mark.needs("data")
def test_rotation_matrices_give_the_same_on_a_real_recording(recordings: Path) -> None:
    with h5py.File(recordings / "broad/07_undisturbed_fast_rotation_B.hdf5") as file:
        gyr, acc, mag, truth = (file[name][:] for name in ("imu_gyr", "imu_acc", "imu_mag", "opt_quat"))
        moving, rate_hz = file["movement"][:], float(file.attrs["sampling_rate"])
    quat = estimate(gyr, acc, mag, rate_hz)
    errors = orientation_errors(quat, truth, moving, rate_hz)
    rows = moving & np.isfinite(truth[:, 0])
    rotation = (
        Rotation.from_quat(quat[rows], scalar_first=True) * Rotation.from_quat(truth[rows], scalar_first=True).inv()
    )
    matrix = rotation.as_matrix()
    heading = np.arctan2(matrix[:, 1, 0] - matrix[:, 0, 1], matrix[:, 0, 0] + matrix[:, 1, 1])
    tilt = np.arccos(np.clip(matrix[:, 2, 2], -1, 1))
    slope = np.polyfit(np.flatnonzero(rows) / rate_hz, np.unwrap(heading), 1)[0]
    for got, angle in (
        (errors.total_deg, rotation.magnitude()),
        (errors.heading_deg, heading),
        (errors.inclination_deg, tilt),
    ):
        assert got == pytest.approx(np.degrees(np.sqrt(np.mean(angle**2))), abs=1e-7)
    assert errors.drift_deg_min == pytest.approx(abs(np.degrees(slope)) * 60.0, abs=1e-7)
