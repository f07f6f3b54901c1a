"""The common time line: interpolation against scipy, and which rows are due when."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from fusion.grid import Grid, Track

MS = 1_000_000


def track(times_ms: list[float], columns: int = 1) -> Track:
    made = Track(columns)
    t = np.array([round(x * MS) for x in times_ms], dtype=np.int64)
    made.append(t, np.repeat(t[:, None] * 1e-6, columns, axis=1))
    return made


def rows(*times_ms: float) -> np.ndarray:
    return np.array([round(x * MS) for x in times_ms], dtype=np.int64)


def test_values_between_samples_are_linear_and_at_samples_exact() -> None:
    x, gap = track([0, 10, 30]).sample(rows(0, 5, 10, 25), 50 * MS)
    np.testing.assert_allclose(x[:, 0], [0, 5, 10, 25])
    np.testing.assert_array_equal(gap, rows(0, 10, 0, 20))


def test_nothing_is_known_before_the_first_and_after_the_last_sample_or_in_a_long_gap() -> None:
    x, gap = track([10, 20, 200]).sample(rows(5, 15, 100, 200, 205), 100 * MS)
    np.testing.assert_array_equal(np.isnan(x[:, 0]), [True, False, True, False, True])
    np.testing.assert_array_equal(gap, [-1, 10 * MS, -1, 0, -1])


@pytest.mark.parametrize("turn", [1e-4, 0.02, 0.3, 2.5])
def test_orientations_turn_along_the_shortest_arc(turn: float) -> None:
    rotations = Rotation.from_rotvec([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]]) * Rotation.from_rotvec(
        [[0, 0, 0], [0, turn, 0]]
    )
    quats = rotations.as_quat()[:, [3, 0, 1, 2]]
    quats[1] *= -1.0
    made = Track(4)
    made.append(rows(0, 10), quats)
    got, _ = made.sample(rows(4), 100 * MS, quat=True)
    expected = Slerp([0, 10], rotations)(4)
    assert (Rotation.from_quat(got[0, [1, 2, 3, 0]]).inv() * expected).magnitude() < 1e-7
    assert np.linalg.norm(got) == pytest.approx(1.0, abs=1e-12)


def test_samples_that_are_not_newer_are_dropped() -> None:
    made = track([0, 10])
    made.append(rows(5, 10, 15), np.full((3, 1), 99.0))
    np.testing.assert_array_equal(made.t, rows(0, 10, 15))


def test_trimming_keeps_the_last_sample_before_the_next_row() -> None:
    made = track([0, 10, 20, 30])
    made.trim(25 * MS)
    np.testing.assert_array_equal(made.t, rows(20, 30))


def test_rows_are_multiples_of_the_period_up_to_what_all_sensors_have() -> None:
    grid = Grid(10 * MS, 250 * MS)
    due = grid.due([track([3, 13, 23, 33, 43]), track([5, 15, 25])], 45 * MS)
    np.testing.assert_array_equal(due, rows(10, 20))
    np.testing.assert_array_equal(grid.due([track([3, 53]), track([5, 55])], 55 * MS), rows(30, 40, 50))


def test_a_silent_sensor_is_waited_for_and_then_no_longer() -> None:
    tracks = [track([0, 10, 400]), track([0, 10])]
    grid = Grid(10 * MS, 250 * MS)
    assert grid.due(tracks, 255 * MS).tolist() == rows(0, 10).tolist()
    assert grid.due(tracks, 400 * MS)[-1] == 150 * MS


def test_a_slow_sensor_is_not_waited_for() -> None:
    slow = track([0])
    slow.slow = True
    assert Grid(10 * MS, 250 * MS).due([track([0, 10, 20]), slow], 21 * MS).size == 3


def test_the_end_brings_all_rows_out() -> None:
    assert Grid(10 * MS, 250 * MS).due([track([0, 40]), track([0, 10])], 40 * MS, final=True).size == 5


def test_a_time_without_any_sample_gives_no_rows() -> None:
    grid = Grid(10 * MS, 250 * MS)
    grid.due([track([0, 10])], 10 * MS)
    an_hour_later = track([3_600_000, 3_600_010])
    np.testing.assert_array_equal(grid.due([an_hour_later], 3_600_011 * MS), rows(3_600_000, 3_600_010))


def test_without_samples_there_are_no_rows() -> None:
    assert Grid(10 * MS, 250 * MS).due([], 0).size == 0
    assert Grid(10 * MS, 250 * MS).due([Track(1)], 10**18).size == 0


def test_a_time_without_samples_gives_no_rows_however_the_samples_came():
    """One that begins decades before the others, as a damaged file may, would otherwise fill the memory."""
    early, late = Track(1), Track(1)
    early.append(np.array([0, 10_000_000]), np.zeros((2, 1)))
    late.append(1_700_000_000 * 10**9 + 10_000_000 * np.arange(50), np.zeros((50, 1)))
    grid = Grid(10_000_000, 250_000_000)
    rows = grid.due([early, late], now=1_700_000_001 * 10**9)
    assert rows[:2].tolist() == [0, 10_000_000]
    assert np.array_equal(rows[2:], late.t)
