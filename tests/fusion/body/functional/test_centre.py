"""The joint's centre seen from two sensors."""

from collections.abc import Callable

import numpy as np
import pytest

from fusion.body.seats.functional.centre import centre_of, joint_centre
from fusion.body.seats.functional.hinge import HingeEvidence, hinge_axis

Floats = np.ndarray


def length(v: Floats) -> float:
    return float(np.sqrt(v @ v))


@pytest.mark.parametrize("seed", range(4))
def test_the_centre_of_a_ball_joint_is_found_within_two_centimetres(joint: Callable, seed: int) -> None:
    made = joint(seed, (40.0, 40.0, 40.0), bias_deg_s=1.0)
    found = joint_centre(*made.signals, 100.0)
    errors = [length(found.r1 - made.centres[0]), length(found.r2 - made.centres[1])]
    assert max(errors) < 0.02
    assert errors[0] < 2.0 * found.sd1
    assert errors[1] < 2.0 * found.sd2
    assert found.warnings == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_hinge_leaves_open_where_on_its_axis_the_centre_is(joint: Callable, seed: int) -> None:
    made = joint(seed, bias_deg_s=1.0)
    found = joint_centre(*made.signals, 100.0)
    assert any("Along one direction" in sentence for sentence in found.warnings)
    assert min(found.sd1, found.sd2) > 0.05
    true = [r - (r @ j) * j for r, j in zip(made.centres, made.axes, strict=True)]
    for found_foot, true_foot, sd in zip(found.across(*made.axes), true, found.across_sd(*made.axes), strict=True):
        assert length(found_foot - true_foot) < 0.01
        assert sd < 0.03


@pytest.mark.parametrize("seed", range(3))
def test_a_walking_knee_is_placed_within_four_centimetres(leg: Callable, seed: int) -> None:
    worn = leg("walk", seed, 1.0)
    axes = hinge_axis(*worn.signals, 60.0)
    found = joint_centre(*worn.signals, 60.0)
    for foot, centre, j in zip(found.across(axes.j1, axes.j2), worn.centres, (axes.j1, axes.j2), strict=True):
        assert length(foot - (centre - (centre @ j) * j)) < 0.04


def test_slow_movement_says_that_it_tells_little(leg: Callable) -> None:
    found = joint_centre(*leg("squat", 0, 1.0).signals, 60.0)
    assert any("move quicker" in sentence for sentence in found.warnings)


def test_swapping_the_sensors_swaps_the_centre(joint: Callable) -> None:
    gyr1, acc1, gyr2, acc2 = joint(1, (40.0, 40.0, 40.0), bias_deg_s=1.0).signals
    one, other = joint_centre(gyr1, acc1, gyr2, acc2, 100.0), joint_centre(gyr2, acc2, gyr1, acc1, 100.0)
    np.testing.assert_allclose(one.r1, other.r2, atol=1e-4)
    np.testing.assert_allclose(one.r2, other.r1, atol=1e-4)
    assert one.sd1 == pytest.approx(other.sd2, rel=1e-3)


def test_evidence_of_a_hinge_serves_the_centre(leg: Callable) -> None:
    signals = leg("walk", 1, 1.0).signals
    evidence = HingeEvidence(60.0)
    evidence.add(*signals)
    assert np.array_equal(centre_of(evidence.pairs()).r1, joint_centre(*signals, 60.0).r1)


def test_rows_that_are_no_numbers_are_left_out_of_the_centre(joint: Callable) -> None:
    made = joint(1, (40.0, 40.0, 40.0), bias_deg_s=1.0)
    signals = [x.copy() for x in made.signals]
    signals[1][::37] = np.nan
    signals[2][1000:1200] = np.inf
    found = joint_centre(*signals, 100.0)
    assert max(length(found.r1 - made.centres[0]), length(found.r2 - made.centres[1])) < 0.03


def test_rest_shows_no_centre() -> None:
    still = np.ones((4, 1000, 3)) * np.array([0.01, 5.0, 0.01, 5.0])[:, None, None]
    with pytest.raises(ValueError, match="too little movement"):
        joint_centre(*still, 100.0)


@pytest.mark.needs("data")
def test_both_halves_of_a_real_walk_place_the_knee_alike(real: dict) -> None:
    signals, rate_hz = real["xsens"]()
    axes = hinge_axis(*signals, rate_hz)
    half = len(signals[0]) // 2
    first, second = (joint_centre(*(x[s] for x in signals), rate_hz) for s in (slice(None, half), slice(half, None)))
    feet = zip(first.across(axes.j1, axes.j2), second.across(axes.j1, axes.j2), strict=True)
    apart = [100.0 * length(a - b) for a, b in feet]
    print(f"feet differ by {apart[0]:.1f} and {apart[1]:.1f} cm, at {100.0 * first.across(axes.j1, axes.j2)[0]} cm")
    assert max(apart) < 6.0
