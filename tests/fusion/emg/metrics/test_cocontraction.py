"""Co-contraction: values by hand, properties, and real muscles of a moving knee."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.emg import offline_amplitude
from fusion.emg.metrics.cocontraction import cocontraction, smoothed
from tests.fusion.emg.metrics.knee import knee

LEVELS = st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=30)


def test_indices_by_hand() -> None:
    first, second = np.array([0.2, 0.4, np.nan]), np.array([0.4, 0.1, 0.3])
    # low / high * (low + high): 0.5 * 0.6 and 0.25 * 0.5
    assert cocontraction(first, second, "rudolph") == pytest.approx((0.3 + 0.125) / 2)
    # common area 0.3 of 1.1 in all
    assert cocontraction(first, second, "falconer_winter") == pytest.approx(2 * 0.3 / 1.1 * 100)


@given(LEVELS)
def test_indices_do_not_care_which_muscle_is_first_and_stay_in_their_range(levels: list[tuple[float, float]]) -> None:
    a, b = np.array(levels).T
    assert cocontraction(a, b, "rudolph") == cocontraction(b, a, "rudolph")
    assert 0.0 <= cocontraction(a, b, "rudolph") <= 2.0 + 1e-12
    area = cocontraction(a, b, "falconer_winter")
    assert np.isnan(area) if not (a + b).any() else 0.0 <= area <= 100.0 + 1e-9


def test_only_one_of_the_two_indices_grows_with_effort() -> None:
    a, b = np.full(10, 0.1), np.full(10, 0.05)
    assert cocontraction(4 * a, 4 * b, "rudolph") == pytest.approx(4 * cocontraction(a, b, "rudolph"))
    assert cocontraction(4 * a, 4 * b, "falconer_winter") == pytest.approx(cocontraction(a, b, "falconer_winter"))


def test_unknown_and_resting_muscles() -> None:
    nothing, rest = np.full(3, np.nan), np.zeros(3)
    assert np.isnan(cocontraction(nothing, rest, "rudolph"))
    assert cocontraction(rest, rest, "rudolph") == 0.0
    assert np.isnan(cocontraction(rest, rest, "falconer_winter")), "the share of nothing"


def test_smoothing_takes_half_a_second_and_leaves_out_what_is_unknown() -> None:
    x = np.zeros(21)
    x[10] = 5.0
    assert np.flatnonzero(smoothed(x, 10.0)).tolist() == [8, 9, 10, 11, 12]
    assert smoothed(x, 10.0)[10] == pytest.approx(1.0)
    x[9] = np.nan
    assert np.isnan(smoothed(x, 10.0)[9])
    assert smoothed(x, 10.0)[10] == pytest.approx(5.0 / 4)
    assert smoothed(np.full(4, 2.0), 100.0).tolist() == [2.0] * 4


@pytest.mark.needs("data")
@pytest.mark.parametrize("name", ["1Nsen", "1Npie"])
def test_antagonists_of_a_knee_that_moves_against_gravity_share_little(recordings: Path, name: str) -> None:
    """While one works, extensors and flexors share less than half of what two muscles of the working group share.

    Every muscle is normalised by its largest amplitude in all recordings of the subject, one value for all. By the
    largest of the same recording, which for the resting muscles is some microvolts, there is no such difference.
    """
    envelopes = {file: offline_amplitude(knee(recordings, file)[0], 1000.0) for file in ("1Nsen", "1Npie", "1Nmar")}
    largest = np.max([envelope.max(axis=0) for envelope in envelopes.values()], axis=0)
    rectus, biceps, vastus, semitendinosus = (smoothed(x, 1000.0) for x in (envelopes[name] / largest).T)
    allies = (vastus, rectus) if name == "1Nsen" else (biceps, semitendinosus)
    works = np.maximum(*allies) > 0.2
    for index in ("rudolph", "falconer_winter"):
        apart = cocontraction(vastus[works], biceps[works], index)
        assert apart < 0.5 * cocontraction(allies[0][works], allies[1][works], index)
