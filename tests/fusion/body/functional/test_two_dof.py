"""Two axes and the heading between two sensors that know no north."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.body.seats.functional.two_dof import TwoAxes, heading_between, two_axes
from fusion.orientation import quaternion as qt

Floats = np.ndarray
DRIFT = float(np.radians(0.1))
"""Of the heading between the sensors [rad/s]: six degrees in a minute."""


@dataclass(frozen=True)
class Recording:
    """What `two_axes` is given, and the heading it should find."""

    signals: tuple[Floats, Floats, Floats, Floats]
    heading: float


def parted(joint, seed: int, rate_hz: float = 100.0, tremble_deg: float = 0.0) -> Recording:
    """Return orientations whose headings have nothing in common; trembling as of soft tissue, 0.3 to 3 Hz."""
    rng = np.random.default_rng(seed)
    n = len(joint.quats[0])
    t = (np.arange(n) - 0.5 * (n - 1)) / rate_hz
    heading = float(rng.uniform(-np.pi, np.pi))
    quats, rates = [], []
    for quat, gyr in zip(joint.quats, (joint.signals[0], joint.signals[2]), strict=True):
        hz, phase = rng.uniform(0.3, 3.0, (3, 3)), rng.uniform(0.0, 2.0 * np.pi, (3, 3))
        tilt = (
            np.radians(tremble_deg)
            * np.sqrt(2.0 / 3.0)
            * np.sin(2.0 * np.pi * hz * t[:, None, None] + phase).sum(axis=1)
        )
        wobble = Rotation.from_rotvec(tilt / np.sqrt(3.0))
        quats.append(qt.multiply(quat, wobble.as_quat()[:, [3, 0, 1, 2]]))
        rates.append(wobble.inv().apply(gyr) + np.gradient(tilt / np.sqrt(3.0), 1.0 / rate_hz, axis=0))
    quats[1] = qt.multiply(qt.about_z(-(heading + DRIFT * t)), quats[1])
    return Recording((quats[0], rates[0], quats[1], rates[1]), heading)


def heading_error(found: TwoAxes, made: Recording) -> float:
    d = found.heading - made.heading
    return float(np.degrees(abs(np.arctan2(np.sin(d), np.cos(d)))))


@pytest.mark.parametrize("seed", range(4))
def test_a_gimbal_is_found_with_heading_and_drift(joint: Callable, off: Callable, seed: int) -> None:
    made = joint(seed, (40.0, 0.0, 40.0), bias_deg_s=0.5)
    recording = parted(made, seed)
    found = two_axes(*recording.signals, 100.0)
    assert max(off(found.j1, made.axes[0]), off(found.j2, made.axes[1])) < 0.2
    assert heading_error(found, recording) < 0.2
    assert found.drift == pytest.approx(DRIFT, abs=np.radians(0.01))
    assert found.angle == pytest.approx(0.5 * np.pi, abs=0.01)
    assert found.warnings == ()


def test_ten_seconds_are_enough_also_while_the_upper_arm_hardly_turns(joint: Callable, off: Callable) -> None:
    for seed in range(3):
        made = joint(seed, (40.0, 0.0, 40.0), seconds=10.0, common_deg=5.0, rate_hz=50.0)
        recording = parted(made, seed, rate_hz=50.0)
        found = two_axes(*recording.signals, 50.0)
        assert max(off(found.j1, made.axes[0]), off(found.j2, made.axes[1])) < 1.0
        assert heading_error(found, recording) < 1.0


@pytest.mark.parametrize("seed", range(4))
def test_soft_tissue_and_a_third_axis_cost_degrees_that_the_deviation_owns(
    joint: Callable, off: Callable, seed: int
) -> None:
    made = joint(seed, (40.0, 3.0, 40.0), bias_deg_s=0.5)
    recording = parted(made, seed, tremble_deg=1.5)
    found = two_axes(*recording.signals, 100.0)
    errors = [off(found.j1, made.axes[0]), off(found.j2, made.axes[1]), heading_error(found, recording)]
    print(
        f"errors {np.round(errors, 1)} deg, deviations {np.degrees([found.sd1, found.sd2, found.heading_sd]).round(1)}"
    )
    assert max(errors) < 6.0
    for error, sd in zip(errors, (found.sd1, found.sd2, found.heading_sd), strict=True):
        assert np.radians(error) < 2.5 * sd
        assert sd < np.radians(8.0)


@pytest.mark.parametrize("angles_deg", [(40.0, 0.0, 0.001), (0.001, 0.0, 40.0)])
def test_one_axis_alone_says_so(joint: Callable, angles_deg: tuple[float, float, float]) -> None:
    found = two_axes(*parted(joint(0, angles_deg), 0).signals, 100.0)
    assert any(sentence.startswith("Only one of the two axes moved") for sentence in found.warnings)
    assert max(found.sd1, found.sd2) > np.radians(20.0)


@pytest.mark.parametrize("seed", range(3))
def test_a_ball_joint_has_more_than_two_axes(joint: Callable, seed: int) -> None:
    found = two_axes(*parted(joint(seed, (40.0, 40.0, 40.0)), seed).signals, 100.0)
    assert "The joint turned about more than two axes." in found.warnings


@pytest.mark.parametrize("angles_deg", [(40.0, 0.0, 40.0), (40.0, 0.0, 0.001)])
def test_known_axes_give_the_heading_also_from_one_of_them(
    joint: Callable, angles_deg: tuple[float, float, float]
) -> None:
    made = joint(1, angles_deg)
    recording = parted(made, 1)
    found = heading_between(*recording.signals, 100.0, *made.axes)
    assert heading_error(found, recording) < 0.5
    assert (found.sd1, found.sd2) == (0.0, 0.0)
    assert 0.0 < found.heading_sd < np.radians(5.0)
    assert found.warnings == ()


def test_an_upright_axis_alone_says_nothing_about_heading() -> None:
    t = np.arange(0.0, 30.0, 0.01)
    turn = np.sin(2.0 * t)
    upright = np.tile(qt.IDENTITY, (len(t), 1))
    gyr = np.stack([0.0 * t, 0.0 * t, 2.0 * np.cos(2.0 * t)], axis=1)
    up, level = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    found = heading_between(upright, 0.0 * gyr, qt.about_z(turn), gyr, 100.0, up, level)
    assert any(sentence.startswith("The heading is unsure") for sentence in found.warnings)


def test_swapping_the_sensors_swaps_axes_and_turns_the_heading_round(joint: Callable, off: Callable) -> None:
    quat1, gyr1, quat2, gyr2 = parted(joint(2, (40.0, 0.0, 40.0)), 2).signals
    one, other = two_axes(quat1, gyr1, quat2, gyr2, 100.0), two_axes(quat2, gyr2, quat1, gyr1, 100.0)
    assert max(off(one.j1, other.j2), off(one.j2, other.j1)) < 0.05
    assert np.cos(one.heading + other.heading) > np.cos(np.radians(0.05))
    assert one.sd1 == pytest.approx(other.sd2, rel=0.02)


def test_gaps_are_left_out_of_the_two_axes(joint: Callable, off: Callable) -> None:
    made = joint(1, (40.0, 0.0, 40.0))
    signals = [x.copy() for x in parted(made, 1).signals]
    signals[0][700:900] = np.nan
    signals[3][::29] = np.inf
    found = two_axes(*signals, 100.0)
    assert np.isfinite(found.cov).all()
    assert max(off(found.j1, made.axes[0]), off(found.j2, made.axes[1])) < 0.5


def test_rest_and_wrong_shapes_are_refused_by_the_two_axes() -> None:
    quat, gyr = np.tile(qt.IDENTITY, (1000, 1)), np.full((1000, 3), 0.01)
    with pytest.raises(ValueError, match="too little movement"):
        two_axes(quat, gyr, quat, gyr, 100.0)
    with pytest.raises(ValueError, match="too little movement"):
        two_axes(np.full((0, 4), np.nan), gyr[:0], np.full((0, 4), np.nan), gyr[:0], 100.0)
    with pytest.raises(ValueError, match="differ in shape"):
        two_axes(quat[1:], gyr, quat, gyr, 100.0)
