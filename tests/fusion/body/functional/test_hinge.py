"""The hinge axis of two sensors: exact, noisy, on soft tissue, and on real legs."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.body.seats.functional.hinge import HingeAxis, HingeEvidence, hinge_axis

Floats = np.ndarray


def same_way(found: HingeAxis, axes: tuple[Floats, Floats]) -> bool:
    return float((found.j1 @ axes[0]) * (found.j2 @ axes[1])) > 0.0


@pytest.mark.parametrize("seed", range(4))
def test_a_hinge_without_noise_is_found_to_less_than_a_degree(joint: Callable, off: Callable, seed: int) -> None:
    made = joint(seed, noise=0.0)
    found = hinge_axis(*made.signals, 100.0)
    assert off(found.j1, made.axes[0]) < 0.7
    assert off(found.j2, made.axes[1]) < 0.7
    assert same_way(found, made.axes)
    assert found.sign_sure > 0.99
    assert found.warnings == ()


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 120.0])
@pytest.mark.parametrize("seed", range(10, 13))
def test_noise_and_a_bias_of_a_degree_per_second_cost_little(
    joint: Callable, off: Callable, seed: int, rate_hz: float
) -> None:
    made = joint(seed, seconds=20.0, rate_hz=rate_hz, bias_deg_s=1.0)
    found = hinge_axis(*made.signals, rate_hz)
    assert max(off(found.j1, made.axes[0]), off(found.j2, made.axes[1])) < 0.9
    assert same_way(found, made.axes)


@pytest.mark.parametrize("motion", ["walk", "squat", "sit_to_stand"])
@pytest.mark.parametrize("wobble_deg", [0.5, 1.0, 1.5])
def test_a_leg_with_soft_tissue_shows_its_knee_axis_within_two_degrees(
    leg: Callable, off: Callable, motion: str, wobble_deg: float
) -> None:
    errors, parts = [], []
    for seed in range(3):
        worn = leg(motion, seed, wobble_deg)
        found = hinge_axis(*worn.signals, 60.0)
        errors += [off(found.j1, worn.axes[0]), off(found.j2, worn.axes[1])]
        parts += [np.radians(errors[-2]) / found.sd1, np.radians(errors[-1]) / found.sd2]
        assert max(found.sd1, found.sd2) < np.radians(3.0)
        assert same_way(found, worn.axes)
        assert found.sign_sure > 0.95
    print(f"{motion} {wobble_deg}: mean {np.mean(errors):.2f}, most {max(errors):.2f} deg")
    assert max(errors) < 2.0
    assert max(parts) < 2.5


def test_ten_seconds_of_walking_are_enough(leg: Callable, off: Callable) -> None:
    worn = leg("walk", 1, 1.0)
    found = hinge_axis(*(x[300:900] for x in worn.signals), 60.0)
    assert max(off(found.j1, worn.axes[0]), off(found.j2, worn.axes[1])) < 2.0


def test_in_one_plane_about_a_resting_joint_the_relative_sign_is_open() -> None:
    t = np.arange(0.0, 30.0, 0.01)
    rng = np.random.default_rng(2)
    signals = []
    for size, hz in ((0.5, 0.4), (0.8, 0.55)):
        tilt, rate = size * np.sin(2.0 * np.pi * hz * t), 2.0 * np.pi * hz * size * np.cos(2.0 * np.pi * hz * t)
        signals.append(np.stack([0.0 * t, 0.0 * t, rate], axis=1) + 0.01 * rng.normal(size=(len(t), 3)))
        force = 9.80665 * np.stack([np.sin(tilt), np.cos(tilt), 0.0 * t], axis=1)
        signals.append(force + 0.1 * rng.normal(size=(len(t), 3)))
    found = hinge_axis(*signals, 100.0)
    assert found.sign_sure < 0.6
    assert any("same way" in sentence for sentence in found.warnings)


@pytest.mark.parametrize("seed", range(3))
def test_a_ball_joint_is_called_no_hinge(joint: Callable, seed: int) -> None:
    found = hinge_axis(*joint(seed, (40.0, 40.0, 40.0)).signals, 100.0)
    assert any(sentence.startswith("This is no hinge") for sentence in found.warnings)


def test_swapping_the_sensors_swaps_the_result(leg: Callable, off: Callable) -> None:
    gyr1, acc1, gyr2, acc2 = leg("walk", 2, 1.0).signals
    one, other = hinge_axis(gyr1, acc1, gyr2, acc2, 60.0), hinge_axis(gyr2, acc2, gyr1, acc1, 60.0)
    assert max(off(one.j1, other.j2), off(one.j2, other.j1)) < 0.05
    assert (one.j1 @ other.j2) * (one.j2 @ other.j1) > 0.0
    assert one.sd1 == pytest.approx(other.sd2, rel=0.01)
    assert np.linalg.eigvalsh(one.swapped().cov) == pytest.approx(np.linalg.eigvalsh(other.cov), rel=0.02)


def test_turning_a_sensor_on_its_segment_turns_its_axis_along(leg: Callable, off: Callable) -> None:
    gyr1, acc1, gyr2, acc2 = leg("walk", 2, 1.0).signals
    turn = Rotation.from_rotvec([0.7, -2.0, 1.1])
    before = hinge_axis(gyr1, acc1, gyr2, acc2, 60.0)
    after = hinge_axis(turn.apply(gyr1), turn.apply(acc1), gyr2, acc2, 60.0)
    assert off(turn.apply(before.j1), after.j1) < 0.05
    assert off(before.j2, after.j2) < 0.05


def test_rows_that_are_no_numbers_are_left_out(leg: Callable, off: Callable) -> None:
    worn = leg("walk", 1, 1.0)
    signals = [x.copy() for x in worn.signals]
    rng = np.random.default_rng(0)
    for x in signals:
        x[rng.integers(0, len(x), 60)] = np.nan
    signals[2][500:620] = np.inf
    found = hinge_axis(*signals, 60.0)
    assert np.isfinite(found.cov).all()
    assert max(off(found.j1, worn.axes[0]), off(found.j2, worn.axes[1])) < 2.0


def test_outliers_do_not_turn_the_axis(joint: Callable, off: Callable) -> None:
    made = joint(3)
    signals = [x.copy() for x in made.signals]
    for begin in range(100, 3000, 250):
        signals[2][begin : begin + 20] += [3.0, -2.0, 4.0]
    found = hinge_axis(*signals, 100.0)
    assert max(off(found.j1, made.axes[0]), off(found.j2, made.axes[1])) < 1.0


def test_too_little_movement_is_refused(joint: Callable) -> None:
    rng = np.random.default_rng(1)
    still = rng.normal(size=(4, 2000, 3)) * 0.01 + np.array([0.0, 0.0, 9.8]) * np.array([0, 1, 0, 1])[:, None, None]
    with pytest.raises(ValueError, match="too little movement"):
        hinge_axis(*still, 100.0)
    with pytest.raises(ValueError, match="joint hardly moved"):
        hinge_axis(*joint(0, (0.001, 0.0, 0.0)).signals, 100.0)
    evidence = HingeEvidence(100.0)
    assert evidence.solve() is None
    evidence.add(*still)
    assert evidence.solve() is None


def test_wrong_shapes_are_refused() -> None:
    x = np.zeros((10, 3))
    with pytest.raises(ValueError, match="differ in length: gyr1 10, acc1 9"):
        hinge_axis(x, x[1:], x, x, 100.0)
    with pytest.raises(ValueError, match=r"shape \(n, 3\)"):
        hinge_axis(x, x, x[:, :2], x, 100.0)
    with pytest.raises(ValueError, match="rate_hz"):
        HingeEvidence(0.0)


def test_evidence_in_any_cuts_is_that_of_the_whole(leg: Callable) -> None:
    signals = leg("walk", 1, 1.0).signals
    whole = hinge_axis(*signals, 60.0)
    rng = np.random.default_rng(5)
    for cuts in (np.arange(0, 1441, 7), np.sort(rng.integers(0, 1440, 40))):
        evidence = HingeEvidence(60.0)
        for begin, end in pairwise([0, *cuts.tolist(), len(signals[0])]):
            evidence.add(*(x[begin:end] for x in signals))
        found = evidence.solve()
        assert found is not None
        assert np.array_equal(found.j1, whole.j1)
        assert np.array_equal(found.cov, whole.cov)


def test_an_hour_of_evidence_stays_bounded_and_keeps_what_was_lively(joint: Callable, off: Callable) -> None:
    made = joint(4, seconds=60.0, rate_hz=50.0)
    quiet = [x * (0.2 if i % 2 == 0 else 1.0) for i, x in enumerate(made.signals)]
    evidence = HingeEvidence(50.0)
    evidence.add(*made.signals)
    for _ in range(5):
        evidence.add(*quiet)
    kept = evidence.pairs()
    assert kept.blocks <= 49
    assert len(kept) <= 49 * 25
    assert (kept.gyr[0] ** 2).sum(axis=1).mean() > 0.5 * (made.signals[0] ** 2).sum(axis=1).mean()


@pytest.mark.needs("data")
@pytest.mark.parametrize(("name", "within_deg"), [("xsens", 3.0), ("movella", 6.0)])
def test_both_halves_of_a_real_recording_agree(real: dict, off: Callable, name: str, within_deg: float) -> None:
    signals, rate_hz = real[name]()
    half = len(signals[0]) // 2
    first, second = (hinge_axis(*(x[s] for x in signals), rate_hz) for s in (slice(None, half), slice(half, None)))
    apart = [off(first.j1, second.j1), off(first.j2, second.j2)]
    print(f"{name}: halves differ by {apart[0]:.1f} and {apart[1]:.1f} deg")
    assert max(apart) < within_deg
    assert np.radians(apart[0]) < 2.0 * np.hypot(first.sd1, second.sd1)
    assert np.radians(apart[1]) < 2.0 * np.hypot(first.sd2, second.sd2)
    assert (first.j1 @ second.j1) * (first.j2 @ second.j2) > 0.0
    assert min(first.sign_sure, second.sign_sure) > 0.99
