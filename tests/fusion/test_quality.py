"""One number per sensor and second, also where time jumps."""

import numpy as np

from fusion.quality import SECOND, Quality


def test_a_second_holds_the_mean_of_its_rows_and_is_stamped_with_its_end() -> None:
    quality = Quality()
    t = np.arange(0, 2 * SECOND, SECOND // 4, dtype=np.int64)
    quality.add(("a", "b"), t, np.stack([np.repeat([1.0, 0.5], 4), np.zeros(8)], axis=1))
    batches = quality.due(2 * SECOND, 2 * SECOND)
    assert [batch.t.tolist() for batch in batches] == [[SECOND], [2 * SECOND]]
    assert [batch.values.tolist() for batch in batches] == [[[1.0, 0.0]], [[0.5, 0.0]]]


def test_rows_decades_apart_cost_no_more_than_others() -> None:
    quality = Quality()
    t = np.array([0, 10**18], dtype=np.int64)  # 32 years: a loop over their seconds would take minutes and gigabytes
    quality.add(("a",), t, np.ones((2, 1)))
    assert [batch.t.tolist() for batch in quality.due(2 * 10**18, 2 * 10**18)] == [[SECOND], [10**18 + SECOND]]


def test_rows_of_seconds_that_are_over_are_left_out() -> None:
    quality = Quality()
    quality.add(("a",), np.array([5 * SECOND]), np.ones((1, 1)))
    quality.due(10 * SECOND, 10 * SECOND)
    quality.add(("a",), np.array([5 * SECOND, 11 * SECOND]), np.ones((2, 1)))
    assert [batch.t.tolist() for batch in quality.due(20 * SECOND, 20 * SECOND)] == [[12 * SECOND]]


def test_notes_of_one_second_stand_side_by_side_behind_its_sensors() -> None:
    quality = Quality()
    quality.add(("a",), np.array([0, SECOND // 2]), np.ones((2, 1)))
    quality.note(SECOND, ("light_knee",), ("1",), [2.0])
    quality.note(SECOND, ("light_emg_biceps",), ("1",), [0.0])
    (batch,) = quality.due(SECOND, SECOND)
    assert batch.names == ("quality_a", "light_knee", "light_emg_biceps")
    assert batch.values.tolist() == [[1.0, 2.0, 0.0]]
