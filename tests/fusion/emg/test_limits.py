"""Clipped samples of a whole recording are counted exactly, and none are made up."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from fusion.emg.quality.limits import Limits


def clipped(x: np.ndarray, parts: int = 1) -> int:
    limits = Limits()
    for part in np.array_split(x.astype(np.float64), parts):
        limits.add(part)
    return limits.clipped


def recorded(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        raw = file[next(iter(file))]["raw"]
        return np.asarray(raw[next(name for name in raw if name.startswith("channel"))][:, 0])


@pytest.mark.needs("data")
@pytest.mark.parametrize("parts", [1, 7, 200])
def test_real_clipped_samples_are_counted_exactly(recordings: Path, parts: int) -> None:
    counts = recorded(recordings / "emg_opensignals/emg_fatigue.h5")
    truth = int(((counts <= 1) | (counts >= 4095)).sum())
    assert clipped(counts, parts) == truth == 195
    assert clipped(recorded(recordings / "emg_opensignals/emg_bursts.h5"), parts) == 0


def test_a_signal_that_keeps_clear_of_its_limits_has_none() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert clipped(np.round(rng.normal(2048.0, 150.0, 60_000)), 11) == 0


def test_a_quiet_signal_of_few_levels_is_not_clipped() -> None:
    assert clipped(np.round(np.random.default_rng(1).normal(0.0, 1.0, 10_000))) == 0


@pytest.mark.parametrize(("low", "high"), [(-400, 10_000), (-10_000, 400), (-400, 400)])
def test_what_is_cut_off_is_counted_at_either_side(low: int, high: int) -> None:
    x = np.round(np.random.default_rng(2).normal(0.0, 300.0, 20_000))
    cut = np.clip(x, low, high)
    assert clipped(cut, 3) == int((x <= low).sum() + (x >= high).sum())


def test_nothing_and_no_numbers_are_taken() -> None:
    assert clipped(np.empty(0)) == 0
    assert clipped(np.full(100, np.nan)) == 0
    assert clipped(np.full(100, 7.0)) == 0
