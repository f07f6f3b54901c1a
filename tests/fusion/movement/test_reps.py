"""The repetition counter."""

from dataclasses import replace

import numpy as np
import pytest

from fusion.estimates import Event
from fusion.movement.reps import RepCounter, RepParams, dominant

HZ = 100


def count(angle: np.ndarray, params: RepParams | None = None, name: str = "knee_flexion_left") -> list[Event]:
    counter = RepCounter(name, params)
    t = np.round(np.arange(angle.size) * 1e9 / HZ).astype(np.int64)
    return counter.take(t, angle)


def squats(ranges: list[float], seconds: float = 2.0, rest: float = 1.0, noise: float = 0.5) -> np.ndarray:
    one = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(round(seconds * HZ)) / (seconds * HZ))
    still = np.zeros(round(rest * HZ))
    angle = np.concatenate([np.concatenate([still, r * one]) for r in ranges] + [still])
    return angle + noise * np.random.default_rng(0).normal(size=angle.size)


def test_every_squat_is_counted_once_with_its_range() -> None:
    events = count(squats([90, 100, 80, 95]))
    assert [e.data["number"] for e in events] == [1, 2, 3, 4]
    np.testing.assert_allclose([e.data["range_deg"] for e in events], [91, 101, 81, 96], atol=2.0)
    assert all(e.end is not None and e.end > e.t for e in events)


def test_a_repetition_is_told_while_it_still_ends() -> None:
    angle = squats([90])
    event = count(angle)[0]
    assert event.end is not None
    assert event.end * 1e-9 < 3.0


def test_rest_and_sway_are_no_repetitions() -> None:
    assert count(5.0 * np.sin(np.arange(3000) * 0.02) + np.random.default_rng(1).normal(size=3000)) == []


def test_half_movements_between_whole_ones_do_not_count() -> None:
    assert len(count(squats([90, 100, 30, 95, 35, 90]))) == 4


def test_missing_values_are_bridged_and_a_long_gap_ends_a_movement() -> None:
    angle = squats([90, 90])
    angle[150:170] = np.nan
    assert len(count(angle)) == 2
    angle[195:460] = np.nan  # from the deepest point of the first to the second
    assert len(count(angle)) == 1


@pytest.mark.parametrize("change", [{"prominence_deg": 95.0}, {"fraction": 0.1}, {"recall": 1}, {"forget_s": 0.1}])
def test_every_parameter_is_felt(change: dict[str, float]) -> None:
    angle = squats([90, 95, 52, 30, 90, 50, 40])
    angle[1450:1480] = np.nan
    assert count(angle, replace(RepParams(), **change)) != count(angle)


def test_the_dominant_series_moves_most() -> None:
    knee, hip = count(squats([90, 90, 90])), count(squats([60, 60, 60, 60]), name="hip_flexion_left")
    assert dominant(knee + hip) == ("knee_flexion_left", 3)
    assert dominant([]) == (None, 0)
