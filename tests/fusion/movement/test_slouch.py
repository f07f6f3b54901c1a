"""The slouch detector."""

import json
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from fusion.estimates import Event
from fusion.movement.slouch import SlouchDetector, SlouchParams

HZ = 10
PARAMS = SlouchParams(delay_s=5.0)


def play(detector: SlouchDetector, angles: Iterable[tuple[float, float]], start: float = 0.0) -> list[Event]:
    """Hold each angle for so many seconds."""
    events, t = [], start
    for angle, seconds in angles:
        for _ in range(round(seconds * HZ)):
            t += 1 / HZ
            event = detector.step(round(t * 1e9), angle)
            if event is not None:
                events.append(event)
    return events


def test_leaning_for_long_is_a_slouch_and_coming_back_ends_it() -> None:
    events = play(SlouchDetector(PARAMS), [(0, 3), (25, 8), (0, 2)])
    assert [e.name for e in events] == ["slouch", "upright"]
    assert events[0].t == pytest.approx(8.1e9, abs=0.2e9)
    assert events[0].data == {"angle_deg": 25.0, "threshold_deg": 15.0, "duration_s": pytest.approx(5.0, abs=0.11)}


def test_a_short_lean_and_a_lean_to_the_back_are_none() -> None:
    assert play(SlouchDetector(PARAMS), [(25, 4), (0, 1), (25, 4), (0, 1), (-40, 60)]) == []


def test_within_the_hysteresis_nothing_changes() -> None:
    events = play(SlouchDetector(PARAMS), [(25, 8), (12, 20), (25, 8), (9, 1)])
    assert [e.name for e in events] == ["slouch", "upright"]


def test_ones_own_upright_is_averaged_when_it_is_set() -> None:
    detector = SlouchDetector(PARAMS)
    detector.set_upright(0)
    events = play(detector, [(19, 0.3), (21, 0.3), (20, 3)])
    assert events[0].name == "calibrated"
    assert detector.upright_deg == pytest.approx(20.0, abs=1.0)
    assert play(detector, [(32, 20)], 10.0) == []
    assert [e.name for e in play(detector, [(37, 20)], 40.0)] == ["slouch"]


def test_a_time_without_values_does_not_count() -> None:
    detector = SlouchDetector(PARAMS)
    assert play(detector, [(25, 3), (np.nan, 60), (25, 3)]) == []
    assert [e.name for e in play(detector, [(25, 3)], 66.0)] == ["slouch"]


def test_a_slouch_that_is_carried_over_ends_on_the_other_side() -> None:
    one, other = SlouchDetector(PARAMS), SlouchDetector(PARAMS)
    play(one, [(0, 1), (25, 8)])
    other.restore(json.loads(json.dumps(one.carry())))
    assert [e.name for e in play(other, [(0, 1)], 9.0)] == ["upright"]


@pytest.mark.parametrize(
    "change",
    [{"threshold_deg": 30.0}, {"hysteresis_deg": 12.0}, {"delay_s": 20.0}, {"upright_s": 4.0}, {"forget_s": 100.0}],
)
def test_every_parameter_is_felt(change: dict[str, float]) -> None:
    def story(params: SlouchParams) -> list[Event]:
        detector = SlouchDetector(params)
        detector.set_upright(0)
        return play(detector, [(0, 3), (10, 3), (25, 8), (8, 5), (25, 3), (np.nan, 20), (25, 4)])

    assert story(replace(PARAMS, **change)) != story(PARAMS)
