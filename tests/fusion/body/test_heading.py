"""The heading tie of a joint."""

import numpy as np
import pytest

from fusion.body.heading import LEAST_WEIGHT, Tie, difference, horizontal
from fusion.orientation import quaternion as qt


def test_the_difference_is_what_brings_the_axes_together() -> None:
    rng = np.random.default_rng(0)
    axis = np.array([1.0, 0.0, 0.0])
    proximal = qt.about_z(rng.uniform(-3, 3, 20))
    turned = rng.uniform(-3, 3, 20)
    distal = qt.multiply(qt.about_z(turned), proximal)
    got = np.angle(difference(horizontal(proximal, axis), horizontal(distal, axis)))
    np.testing.assert_allclose(np.exp(1j * got), np.exp(-1j * turned), atol=1e-12)


def test_a_steep_axis_says_nothing() -> None:
    steep = np.array([LEAST_WEIGHT * 0.9 + 0j])
    assert difference(steep, np.array([1.0 + 0j]))[0] == 0.0
    assert difference(np.array([np.nan + 0j]), np.array([1.0 + 0j]))[0] == 0.0


def test_the_first_values_count_at_once_and_later_ones_with_the_time_constant() -> None:
    tie = Tie(5.0)
    assert not tie.known
    tie.update(np.exp(0.5j), 0.1)
    assert tie.angle == pytest.approx(0.5)
    for _ in range(2000):
        tie.update(1.0 + 0j, 0.1)
    for _ in range(50):
        tie.update(np.exp(0.1j), 0.1)
    assert tie.angle == pytest.approx(0.1 * (1 - np.exp(-1)), abs=2e-3)


def test_a_past_is_the_same_as_its_values_one_by_one() -> None:
    values = np.exp(1j * np.linspace(0, 1, 30))
    one, other = Tie(5.0), Tie(5.0)
    other.update(5.0 + 1j, 0.1)
    other.begin(values, 0.1)
    for value in values.tolist():
        one.update(value, 0.1)
    assert one.sum == other.sum
