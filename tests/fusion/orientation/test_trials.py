"""Adaptive and smoothed orientation on real trials with optical truth, beside the independent VQF."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from vqf import VQF, offlineVQF

from fusion.orientation import Method, estimate
from fusion.orientation import quaternion as qt
from fusion.orientation.errors import OrientationErrors, orientation_errors
from gateway.files.broad import Trial
from tests.fusion.orientation.sensor import (
    Floats,
    Samples,
    follow,
    heading_off_deg,
    of_trial,
    tilt_off_deg,
    trials,
)

pytestmark = pytest.mark.needs("data")
NAMES = ("02_undist", "07_undist", "12_undist", "16_undist", "25_dist", "32_dist")
HERE = {
    "adaptive": (1.284, 1.562, 1.106, 0.696, 1.547, 2.241),
    "smoothed": (0.420, 1.328, 0.443, 0.688, 0.597, 0.865),
}
"""Total errors of the six trials when these methods were made [deg]."""


def trial_of(recordings: Path, name: str) -> Trial:
    return next(trial for trial in trials(recordings) if trial.name.startswith(name))


def errors(trial: Trial, quat: Floats) -> OrientationErrors:
    return orientation_errors(quat, trial.quat, trial.moving, trial.rate_hz)


@cache
def ours(recordings: Path, name: str, method: Method, mag: bool = True) -> Floats:
    trial = trial_of(recordings, name)
    return estimate(trial.gyr, trial.acc, trial.mag if mag else None, trial.rate_hz, method)


@cache
def vqf(recordings: Path, name: str) -> dict[str, Floats]:
    trial = trial_of(recordings, name)
    found: dict[str, Floats] = VQF(1.0 / trial.rate_hz).updateBatch(trial.gyr, trial.acc, trial.mag)
    return found


@pytest.mark.parametrize("method", ["adaptive", "smoothed"])
@pytest.mark.parametrize("at", range(6))
def test_errors_against_optical_truth_stay_where_they_were(recordings: Path, method: Method, at: int) -> None:
    found = errors(trial_of(recordings, NAMES[at]), ours(recordings, NAMES[at], method))
    assert found.total_deg < 1.01 * HERE[method][at]


@pytest.mark.parametrize("name", NAMES)
def test_adaptive_is_nowhere_worse_than_vqf(recordings: Path, name: str) -> None:
    trial = trial_of(recordings, name)
    mine, other = (errors(trial, q) for q in (ours(recordings, name, "adaptive"), vqf(recordings, name)["quat9D"]))
    assert mine.total_deg <= other.total_deg
    assert mine.inclination_deg <= other.inclination_deg


def test_smoothed_is_better_than_offline_vqf_on_average(recordings: Path) -> None:
    mine, other = [], []
    for trial, name in zip(trials(recordings), NAMES, strict=True):
        offline = offlineVQF(trial.gyr, trial.acc, trial.mag, 1.0 / trial.rate_hz, {})["quat9D"]
        mine.append(errors(trial, ours(recordings, name, "smoothed")))
        other.append(errors(trial, offline))
    assert np.mean([e.total_deg for e in mine]) < 0.8 * np.mean([e.total_deg for e in other])
    assert np.mean([e.inclination_deg for e in mine]) < 1.01 * np.mean([e.inclination_deg for e in other])


@pytest.mark.parametrize("name", NAMES)
def test_without_field_the_tilt_is_that_of_vqf(recordings: Path, name: str) -> None:
    """The same equations with the same constants, but a step every 10 ms and tau_acc 3.1 s instead of 3."""
    between = tilt_off_deg(ours(recordings, name, "adaptive", mag=False), vqf(recordings, name)["quat6D"])
    moving = trial_of(recordings, name).moving
    assert np.sqrt(np.mean(between[moving] ** 2)) < 0.04
    assert between[moving].max() < 0.2


def test_without_field_the_heading_drifts_as_slowly_as_it_did(recordings: Path) -> None:
    drift = [
        errors(trial, ours(recordings, name, "adaptive", mag=False)).drift_deg_min
        for trial, name in zip(trials(recordings), NAMES, strict=True)
    ]
    assert np.mean(drift) < 1.01 * 2.10


@pytest.mark.parametrize("name", NAMES)
def test_slower_sensors_do_about_as_well(recordings: Path, name: str) -> None:
    """Rates are averaged, as sensors do: point samples of fast movements would say too little to any filter."""
    trial = trial_of(recordings, name)
    whole = errors(trial, ours(recordings, name, "adaptive"))
    for share, total, inclination in ((2, 0.1, 0.05), (3, 0.2, 0.1), (6, 0.35, 0.3)):  # 143, 95 and 48 Hz
        last = slice(share - 1, len(trial.gyr) // share * share, share)
        gyr = trial.gyr[: last.stop].reshape(-1, share, 3).mean(axis=1)
        quat = estimate(gyr, trial.acc[last], trial.mag[last], trial.rate_hz / share)
        found = orientation_errors(quat, trial.quat[last], trial.moving[last], trial.rate_hz / share)
        assert found.total_deg < whole.total_deg + total, share
        assert found.inclination_deg < whole.inclination_deg + inclination, share


def dropped(s: Samples, share: float) -> tuple[Samples, Floats]:
    """Leave out samples and add their intervals to the next; also return which remain."""
    keep = np.random.default_rng(0).random(len(s.dt)) > share
    keep[0] = True
    rows = np.flatnonzero(keep)
    part = s[rows]
    part.dt[1:] = s.dt[0] * np.diff(rows)
    return part, rows


@pytest.mark.parametrize("name", NAMES)
def test_samples_that_are_dropped_cost_little(recordings: Path, name: str) -> None:
    """One of twenty is missing; without the line drawn through the gap, trial 07 would cost 0.65 deg."""
    trial = trial_of(recordings, name)
    part, rows = dropped(of_trial(trial), 0.05)
    found = orientation_errors(follow(part).quat, part.quat, trial.moving[rows], trial.rate_hz)
    whole = errors(trial, ours(recordings, name, "adaptive"))
    assert found.total_deg < whole.total_deg + 0.05
    assert found.inclination_deg < whole.inclination_deg + 0.05


def test_a_sample_whose_rate_is_no_number_is_as_if_dropped(recordings: Path) -> None:
    trial = trial_of(recordings, "07")
    s = of_trial(trial)
    part, rows = dropped(s, 0.05)
    s.gyr[:] = np.nan
    s.gyr[rows] = part.gyr
    assert np.degrees(qt.angle(follow(s).quat[rows], follow(part).quat)).max() < 1e-9


def test_rest_is_seen_where_nothing_moves_and_not_in_motion(recordings: Path) -> None:
    for trial in trials(recordings):
        resting = follow(of_trial(trial)).trace[:, 9] > 0.0
        before = slice(round(2.5 * trial.rate_hz), int(np.argmax(trial.moving)))
        assert resting[before].mean() > 0.9, trial.name
        assert resting[trial.moving].mean() < 0.005, trial.name
        fast = np.convolve((trial.gyr**2).sum(axis=1), np.ones(286) / 286, "same") > 1.0
        assert not (resting & fast).any(), trial.name


def test_twice_the_heading_sigma_holds_nearly_all_heading_errors(recordings: Path) -> None:
    for trial in trials(recordings):
        s = of_trial(trial)
        found = follow(s)
        rows = trial.moving & np.isfinite(s.quat[:, 0])
        off = np.abs(heading_off_deg(found.quat, s.quat))
        assert (off <= 2.0 * found.heading_sigma_deg)[rows].mean() > 0.95, trial.name
        if "magnet" not in trial.name:  # there the field, never verified, contradicts the rates
            assert found.heading_sigma_deg[rows].mean() < 3.0, trial.name
