"""Confidence intervals: against scipy.stats, and by how often they hold the truth."""

import numpy as np
import pytest
from scipy import stats

from fusion.emg.metrics import intervals


def test_the_mean_is_that_of_student() -> None:
    x = np.random.default_rng(1).normal(3.0, 2.0, 12)
    expected = stats.ttest_1samp(x, 0.0).confidence_interval(0.95)
    found = intervals.mean([*x, np.nan])
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(x.mean()), 12)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_the_median_lies_between_order_statistics_of_the_binomial_table() -> None:
    found = intervals.median(np.arange(1.0, 11.0))  # of ten values: the second and the ninth (97.9 %)
    assert found == intervals.Estimate(5.5, 2.0, 9.0, 10)
    assert intervals.median(np.arange(5.0)) is None, "no two of five values hold the median with 95 %"


def test_the_line_is_that_of_scipy() -> None:
    rng = np.random.default_rng(2)
    t = np.sort(rng.uniform(100.0, 160.0, 30))
    y = 80.0 - 0.2 * t + rng.normal(size=30)
    expected = stats.linregress(t, y)
    found = intervals.line(t, y)
    assert found is not None
    assert found.slope.value == pytest.approx(expected.slope)
    assert found.error == pytest.approx(expected.stderr)
    assert found.initial == pytest.approx(expected.intercept + expected.slope * t[0])
    assert found.percent_per_min.value == pytest.approx(6000.0 * expected.slope / found.initial)
    assert found.percent_per_min.low < found.percent_per_min.value < found.percent_per_min.high


@pytest.mark.parametrize("kind", ["mean", "ratio", "slope"])
def test_an_interval_holds_the_truth_nineteen_times_in_twenty(kind: str) -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(1000):
        if kind == "mean":
            found, truth = intervals.mean(rng.normal(1.0, 1.0, 8)), 1.0
        elif kind == "ratio":
            effort = rng.uniform(0.5, 1.5, 12)  # cycles are not alike, the sides' ratio is
            found = intervals.difference_over_sum(
                3.0 * effort + rng.normal(0, 0.2, 12), 2.0 * effort + rng.normal(0, 0.2, 12)
            )
            truth = 0.2
        else:
            line = intervals.line(np.arange(10.0), 5.0 * np.arange(10.0) + rng.normal(size=10))
            found, truth = (None if line is None else line.slope), 5.0
        assert found is not None
        held += found.low <= truth <= found.high
    assert 920 <= held <= 980


def test_too_little_gives_nothing() -> None:
    assert intervals.mean([1.0, np.nan]) is None
    assert intervals.difference_over_sum([1.0, 2.0], [1.0, 2.0]) is None
    assert intervals.difference_over_sum([0.0] * 4, [0.0] * 4) is None
    assert intervals.line(np.zeros(5), np.arange(5.0)) is None
    assert intervals.line(np.arange(2.0), np.arange(2.0)) is None
