"""Activation over cycles and angles: closed forms, then a real knee with its goniometer."""

from pathlib import Path

import numpy as np
import pytest

from fusion.emg import offline_amplitude
from fusion.emg.metrics.phases import Rep, by_angle, by_time, normalised, onset_differences, repetitions
from fusion.movement.reps import RepCounter
from tests.fusion.emg.metrics.knee import MUSCLES, knee

Floats = np.ndarray
MS = 1_000_000


def test_cycles_of_any_duration_have_the_same_profile() -> None:
    t = np.arange(10_000) * MS
    cycles = [(500 * MS, 1500 * MS), (2000 * MS, 5000 * MS), (6000 * MS, 6700 * MS)]
    values = np.zeros(t.size)
    for number, (a, b) in enumerate(cycles):
        inside = (t >= a) & (t <= b)
        values[inside] = (number + 1) * np.sin(np.pi * (t[inside] - a) / (b - a))
    found = by_time(t, values, cycles)
    assert found.at.tolist() == list(range(101))
    np.testing.assert_allclose(found.mean, 2.0 * np.sin(np.pi * found.at / 100), atol=1e-3)
    np.testing.assert_allclose(found.sd, 1.0 * np.sin(np.pi * found.at / 100), atol=1e-3)
    assert (found.n == 3).all()


def test_cycles_with_unknown_values_or_beyond_the_data_do_not_count() -> None:
    t, values = np.arange(1000) * MS, np.ones(1000)
    values[450] = np.nan
    cycles = [(0, 300 * MS), (400 * MS, 500 * MS), (900 * MS, 1100 * MS), (500 * MS, 500 * MS)]
    found = by_time(t, values, cycles)
    assert (found.n == 1).all()
    assert np.isnan(found.sd).all()
    nothing = by_time(t, values, cycles[1:])
    assert (nothing.n == 0).all()
    assert np.isnan(nothing.mean).all()


def test_a_cycle_between_samples_is_interpolated() -> None:
    t, values = np.arange(10) * 10 * MS, np.arange(10.0)
    row = normalised(t, values, (15 * MS, 55 * MS), 5)
    assert row is not None
    assert row == pytest.approx([1.5, 2.5, 3.5, 4.5, 5.5])


def test_by_angle_tells_rising_from_falling_and_slow_repetitions_weigh_no_more() -> None:
    up, down = np.linspace(0, 89, 200), np.linspace(89, 0, 50)
    slow_up = np.linspace(0, 89, 2000)
    angle = np.concatenate([up, down, slow_up, down])
    values = np.concatenate([np.full(200, 0.2), np.full(50, 0.6), np.full(2000, 0.4), np.full(50, 0.8)])
    t = np.arange(angle.size) * MS
    edges = np.array([0, 200, 250, 2250, 2300]) * MS
    rises, falls = (
        [(edges[0], edges[1] - 1), (edges[2], edges[3] - 1)],
        [
            (edges[1], edges[2] - 1),
            (edges[3], edges[4] - 1),
        ],
    )
    rising, falling = by_angle(t, angle, values, rises, falls, np.linspace(0, 120, 5))
    assert rising.at.tolist() == [15.0, 45.0, 75.0, 105.0]
    assert rising.mean[:3] == pytest.approx([0.3] * 3)
    assert falling.mean[:3] == pytest.approx([0.7] * 3)
    assert rising.sd[:3] == pytest.approx([np.std([0.2, 0.4], ddof=1)] * 3)
    assert rising.n.tolist() == [2, 2, 2, 0]
    assert np.isnan(rising.mean[3])


def test_onsets_pair_with_the_nearest_only() -> None:
    first = [1000 * MS, 2000 * MS, 3000 * MS, 3200 * MS, 9000 * MS]
    second = [1020 * MS, 1990 * MS, 3190 * MS, 5000 * MS]
    assert onset_differences(first, second) == pytest.approx([0.02, -0.01, -0.01])
    assert onset_differences(second, first) == pytest.approx([-0.02, 0.01, 0.01])
    assert onset_differences(first, []).size == onset_differences([], second).size == 0
    assert onset_differences([0], [10 * MS, 20 * MS]) == pytest.approx([0.01])


def counted(t: Floats, angle: Floats) -> list[Rep]:
    """Return the repetitions of an angle at 1 kHz, counted at the 100 Hz of the pipeline."""
    t, angle = np.ascontiguousarray(t[::10]), np.ascontiguousarray(angle[::10])
    return repetitions(t, angle, RepCounter("excursion").take(t, angle))


def test_repetitions_are_where_the_angle_moves_however_long_the_rest_between() -> None:
    t = np.arange(30_000) * MS
    angle = np.zeros(t.size)
    for start in (2000, 5000, 20_000):
        angle[start : start + 2000] = 40.0 - 40.0 * np.cos(np.pi * np.arange(2000) / 1000)
    share = np.arccos(0.8) / np.pi  # of a half: where a tenth of the range is left behind
    for rep, start in zip(counted(t, angle), (2000, 5000, 20_000), strict=True):
        assert rep.start / MS == pytest.approx(start + 1000 * share, abs=15)
        assert rep.top / MS == pytest.approx(start + 1000, abs=15)
        assert rep.end / MS == pytest.approx(start + 2000 - 1000 * share, abs=15)


def test_a_repetition_that_does_not_come_back_ends_at_its_lowest() -> None:
    t = np.arange(6000) * MS
    angle = np.interp(t / MS, [0, 1000, 2000, 3000, 4000, 5000, 6000], [0, 0, 90, 30, 90, 0, 0])
    first, second = counted(t, angle)
    assert first.end / MS == pytest.approx(3000, abs=15)
    assert second.start / MS == pytest.approx(3100, abs=15)


@pytest.mark.needs("data")
@pytest.mark.parametrize(
    ("name", "working", "resting", "reps"),
    [
        ("1Nsen", ("rectus_femoris", "vastus_medialis"), ("biceps_femoris", "semitendinosus"), 4),
        ("3Nsen", ("rectus_femoris", "vastus_medialis"), ("biceps_femoris", "semitendinosus"), 4),
        ("1Npie", ("biceps_femoris", "semitendinosus"), ("rectus_femoris", "vastus_medialis"), 4),
    ],
)
def test_a_knee_is_moved_by_the_muscles_that_move_it(
    recordings: Path, name: str, working: tuple[str, ...], resting: tuple[str, ...], reps: int
) -> None:
    """Against gravity the muscle shortens while the knee leaves its rest: extensors sitting, flexors standing.

    Criteria: while the excursion rises, the working muscles are at least twice as active as outside the repetitions and
    more so in its outer half than in its inner one; and there they are, in volts, at least twice as active as their
    antagonists.
    """
    emg, excursion = knee(recordings, name)
    t = np.arange(len(emg)) * MS
    found = counted(t, excursion)
    assert len(found) == reps
    rises, falls = [(rep.start, rep.top) for rep in found], [(rep.top, rep.end) for rep in found]
    outside = np.ones(t.size, dtype=bool)
    for rep in found:
        outside &= (t < rep.start) | (t > rep.end)
    edges = np.linspace(0.0, np.percentile(excursion, 99), 3)
    envelopes = dict(zip(MUSCLES, offline_amplitude(emg, 1000.0).T, strict=True))
    rising = {muscle: by_angle(t, excursion, x, rises, falls, edges)[0].mean for muscle, x in envelopes.items()}
    for muscle in working:
        inner, outer = rising[muscle]
        assert outer > inner, muscle
        during = by_time(t, envelopes[muscle], rises).mean.mean()
        assert during > 2.0 * envelopes[muscle][outside].mean(), muscle
        for other in resting:
            assert outer > 2.0 * rising[other][1], f"{muscle} against {other}"


@pytest.mark.needs("data")
def test_a_gait_has_a_profile_of_whole_strides(recordings: Path) -> None:
    emg, excursion = knee(recordings, "1Nmar")
    t = np.arange(len(emg)) * MS
    cycles = [(rep.start, rep.end) for rep in counted(t, excursion)]
    profile = by_time(t, offline_amplitude(emg, 1000.0)[:, 0], cycles)
    assert (profile.n == len(cycles)).all()
    assert len(cycles) >= 2
    assert np.isfinite(profile.mean).all()
