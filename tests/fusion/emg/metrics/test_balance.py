"""Balance of left and right."""

import numpy as np
import pytest

from fusion.emg.metrics.balance import balance


def test_balance_by_hand() -> None:
    found = balance([0.3, 0.3, 0.3], [0.1, 0.1, 0.1])
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(0.5))


def test_sides_that_work_in_turn_are_balanced() -> None:
    found = balance([0.4, 0.0, 0.4, 0.0, 0.4, 0.0], [0.0, 0.4, 0.0, 0.4, 0.0, 0.4])
    assert found is not None
    assert found.value == pytest.approx(0.0)
    assert found.low < -0.3 < 0.3 < found.high, "cycles that differ so much make it unsure"


def test_exchanged_sides_change_the_sign_and_unknown_cycles_do_not_count() -> None:
    left, right = np.array([0.3, 0.5, np.nan, 0.4, 0.35]), np.array([0.2, 0.3, 0.9, 0.3, 0.2])
    a, b = balance(left, right), balance(right, left)
    assert a is not None
    assert b is not None
    assert a.n == 4
    assert (a.value, a.low, a.high) == (pytest.approx(-b.value), pytest.approx(-b.high), pytest.approx(-b.low))
    assert balance(left[:2], right[:2]) is None
