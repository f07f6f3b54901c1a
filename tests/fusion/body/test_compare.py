"""Errors of a joint angle in closed form: offset, slope, range, shift, gaps, and what cannot be told."""

from dataclasses import astuple

import numpy as np
import pytest

from fusion.body.compare import JointErrors, compare

PERIOD = 10_000_000
START = 1_700_000_000_000_000_000
SECONDS = np.arange(3000) / 100
TIMES = START + PERIOD * np.arange(3000)
NO = pytest.approx(np.nan, nan_ok=True)


def bend(t: np.ndarray) -> np.ndarray:
    """Return a knee [deg] that bends once a second, deeper every other time."""
    return 30.0 + 25.0 * np.sin(2 * np.pi * t) + 8.0 * np.cos(np.pi * t)


TRUTH = bend(SECONDS)


def against_truth(ours: np.ndarray, truth: np.ndarray = TRUTH) -> JointErrors:
    return compare(TIMES, ours, truth, PERIOD)


def test_the_truth_itself_has_no_error() -> None:
    assert astuple(against_truth(TRUTH.copy())) == pytest.approx((0, 0, 0, 0, 0, 0, 1, 1, 29.99), abs=1e-6)


def test_an_offset_is_all_of_the_error_and_none_without_it() -> None:
    errors = against_truth(TRUTH - 4.0)
    assert (errors.rmse_deg, errors.offset_deg) == pytest.approx((4.0, -4.0))
    assert errors.rmse_without_offset_deg == pytest.approx(0.0, abs=1e-9)
    assert (errors.rom_error_deg, errors.drift_deg_min, errors.lag_ms) == pytest.approx((0, 0, 0), abs=1e-6)
    assert errors.correlation == pytest.approx(1.0)


def test_a_slope_is_the_drift_with_its_sign() -> None:
    errors = against_truth(TRUTH + 6.0 * SECONDS / 60)  # 3 deg in half a minute
    assert errors.drift_deg_min == pytest.approx(6.0)
    assert errors.offset_deg == pytest.approx(1.5, abs=1e-3)
    assert errors.rmse_without_offset_deg == pytest.approx(3.0 / np.sqrt(12), rel=1e-3)
    assert against_truth(TRUTH, TRUTH + 6.0 * SECONDS / 60).drift_deg_min == pytest.approx(-6.0)


def test_a_scaled_range_is_the_error_of_the_range() -> None:
    truth = np.linspace(0.0, 100.0, 3000)
    errors = against_truth(1.1 * truth, truth)
    assert errors.rom_error_deg == pytest.approx(9.6)  # a tenth of the 96 deg from the 2nd to the 98th percentile
    assert against_truth(truth, 1.1 * truth).rom_error_deg == pytest.approx(-9.6)
    assert errors.correlation == pytest.approx(1.0)


def test_single_outliers_do_not_make_the_range() -> None:
    ours = TRUTH.copy()
    ours[::100] += 500.0
    assert abs(against_truth(ours).rom_error_deg) < 2.0


@pytest.mark.parametrize("lag_ms", [-333.0, -40.0, -3.7, 0.0, 2.5, 13.7, 40.0, 256.1, 480.0])
def test_a_shift_is_found_between_the_rows_and_is_positive_where_ours_is_later(lag_ms: float) -> None:
    errors = against_truth(5.0 + 0.8 * bend(SECONDS - lag_ms / 1000))
    assert errors.lag_ms == pytest.approx(lag_ms, abs=0.5)


def test_a_sine_shifted_by_a_quarter_correlates_with_nothing_until_it_is_shifted_back() -> None:
    truth = 20.0 * np.sin(2 * np.pi * SECONDS)
    errors = against_truth(20.0 * np.sin(2 * np.pi * (SECONDS - 0.25)), truth)
    assert errors.correlation == pytest.approx(0.0, abs=1e-9)
    assert errors.lag_ms == pytest.approx(250.0, abs=0.5)
    assert errors.rmse_deg == pytest.approx(20.0)  # the difference is a sine of sqrt(2) times the amplitude


def test_rows_without_either_do_not_count() -> None:
    ours, truth = bend(SECONDS - 0.04) + 2.0, TRUTH.copy()
    known = np.ones(3000, bool)
    known[:500] = known[1000:1030] = known[2990:] = False
    ours[~known] = np.nan
    truth[2000:2100] = np.nan
    errors = against_truth(ours, truth)
    both = known & np.isfinite(truth)
    error = (ours - truth)[both]
    assert errors.compared == pytest.approx(both.sum() / 2900)
    assert errors.duration_s == pytest.approx(24.89)
    assert errors.offset_deg == pytest.approx(error.mean())
    assert errors.rmse_deg == pytest.approx(np.sqrt(np.mean(error**2)))
    assert errors.rmse_without_offset_deg == pytest.approx(np.std(error))
    assert errors.drift_deg_min == pytest.approx(60 * np.polyfit(SECONDS[both], error, 1)[0])
    assert errors.correlation == pytest.approx(np.corrcoef(ours[both], truth[both])[0, 1])
    assert errors.lag_ms == pytest.approx(40.0, abs=0.5)


def test_gaps_all_over_leave_the_lag_where_it_is() -> None:
    ours = bend(SECONDS - 0.04)
    ours[np.random.default_rng(1).random(3000) < 0.4] = np.nan
    assert against_truth(ours).lag_ms == pytest.approx(40.0, abs=1.0)


@pytest.mark.parametrize("hole", [7, 40, 60, 10**9])
def test_missing_rows_are_no_time_that_passed_unseen(hole: int) -> None:
    rows = np.arange(3000) + np.where(np.arange(3000) >= 1500, hole, 0)
    seconds = (rows % 10**6) / 100.0
    errors = compare(START + PERIOD * rows, bend(seconds - 0.04), bend(seconds), PERIOD)
    assert errors.lag_ms == pytest.approx(40.0, abs=0.5)
    assert errors.compared == 1.0
    assert errors.duration_s == pytest.approx((2999 + hole) / 100)


@pytest.mark.parametrize(("lag_s", "rows"), [(0.7, 3000), (0.0, 2), (0.0, 3), (0.0, 40)])
def test_a_shift_out_of_reach_or_a_short_piece_never_gives_a_lag_that_is_wrong(lag_s: float, rows: int) -> None:
    """A movement that is repeated within reach would be mistaken; this one is not."""
    slow = 30.0 * np.sin(2 * np.pi * SECONDS / 7) + 10.0 * np.sin(2 * np.pi * SECONDS / 3.1)
    ours = np.interp(SECONDS - lag_s, SECONDS, slow)
    lag = compare(TIMES[:rows], ours[:rows], slow[:rows], PERIOD).lag_ms
    assert np.isnan(lag) or lag == pytest.approx(1000 * lag_s, abs=0.5)


def test_what_is_constant_has_no_correlation_and_no_lag() -> None:
    for ours, truth in ((np.full(3000, 0.1), TRUTH), (TRUTH, np.full(3000, 0.1))):
        errors = against_truth(ours, truth)
        assert (errors.correlation, errors.lag_ms) == (NO, NO)
        assert np.isfinite([errors.rmse_deg, errors.rom_error_deg, errors.drift_deg_min]).all()


def test_a_range_that_is_small_has_no_lag() -> None:
    small = 2.4 * np.sin(2 * np.pi * SECONDS)
    assert against_truth(small, small).lag_ms == NO
    assert against_truth(TRUTH, small).lag_ms == NO
    assert against_truth(1.1 * small, 1.1 * small).lag_ms == pytest.approx(0.0, abs=1e-6)


def test_noise_has_no_lag() -> None:
    noise = np.random.default_rng(0).normal(scale=20.0, size=(2, 3000))
    assert against_truth(*noise).lag_ms == NO


@pytest.mark.parametrize("common", [0, 1])
def test_too_few_rows_are_refused_with_their_number(common: int) -> None:
    ours = np.full(3000, np.nan)
    ours[:common] = 1.0
    with pytest.raises(ValueError, match=rf"{common} of the 3000 rows with a truth have a computed value"):
        against_truth(ours)
    with pytest.raises(ValueError, match="0 of the 0 rows"):
        compare(TIMES[:0], ours[:0], TRUTH[:0], PERIOD)


def test_two_rows_are_enough_for_all_but_the_lag() -> None:
    errors = compare(TIMES[:2], np.array([1.0, 20.0]), np.array([0.0, 18.0]), PERIOD)
    assert (errors.offset_deg, errors.correlation, errors.duration_s) == pytest.approx((1.5, 1.0, 0.01))
    assert errors.drift_deg_min == pytest.approx(6000.0)
    assert errors.lag_ms == NO


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"ours \(2999,\)"):
        against_truth(TRUTH[1:])
