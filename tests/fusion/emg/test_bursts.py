"""Bursts: real recordings with known counts, synthetic bursts with known times, noise with none."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from fusion.emg import Burst, BurstDetector, BurstParams, EmgChain

Floats = np.ndarray


def opensignals(path: Path, bits: int) -> Floats:
    """Return the EMG channel [V]."""
    with h5py.File(path) as file:
        raw = file[next(iter(file))]["raw"]
        adc = raw[next(name for name in raw if name.startswith("channel"))][:, 0].astype(float)
    return (adc / 2**bits - 0.5) * 3e-3


def detect(
    emg: Floats, rate_hz: float, params: BurstParams | None = None, chunk: int = 10**9
) -> tuple[list[Burst], Floats]:
    if emg.ndim == 1:
        emg = emg[:, None]
    chain = EmgChain(emg.shape[1], rate_hz)
    detector = BurstDetector(emg.shape[1], rate_hz, chain.delay, params)
    t = np.round(np.arange(len(emg)) * 1e9 / rate_hz).astype(np.int64)
    bursts, activation = [], []
    for i in range(0, len(emg), chunk):
        band = np.empty(emg[i : i + chunk].shape)
        found, active = detector.update(t[i : i + chunk], chain.update(emg[i : i + chunk], band), band)
        bursts += found
        activation.append(active)
    return bursts + detector.interrupt(), np.concatenate(activation)


def synthetic(
    times: list[tuple[float, float]], seconds: float, snr: float = 3.16, rate_hz: float = 1000.0, seed: int = 0
) -> Floats:
    t = np.arange(0, seconds, 1 / rate_hz)
    gain = np.ones_like(t)
    for onset, offset in times:
        gain[(t >= onset) & (t < offset)] = np.hypot(1.0, snr)
    return 5e-6 * gain * np.random.default_rng(seed).normal(size=t.size)


@pytest.mark.needs("data")
@pytest.mark.parametrize("fraction", [0.08, 0.2, 0.3, 0.5])
def test_the_biceps_recording_has_nine_bursts(recordings: Path, fraction: float) -> None:
    emg = opensignals(recordings / "emg_opensignals/emg_bursts.h5", 16)
    bursts, activation = detect(emg, 1000.0, BurstParams(fraction=fraction))
    assert len(bursts) == 9
    assert np.nanmax(activation) == 1.0
    assert np.isnan(activation[:900]).all()


@pytest.mark.needs("data")
def test_the_fatigue_recording_has_thirty_contractions(recordings: Path) -> None:
    assert len(detect(opensignals(recordings / "emg_opensignals/emg_fatigue.h5", 12), 1000.0)[0]) == 30


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0, 2000.0])
def test_noise_has_no_bursts(rate_hz: float) -> None:
    emg = np.random.default_rng(3).normal(size=(int(rate_hz * 120), 4)) * 1e-5
    bursts, activation = detect(emg, rate_hz)
    assert bursts == []
    assert np.isnan(activation).all(), "a fraction of noise is no activation"


def test_any_chunking_gives_the_same_bursts_and_activation() -> None:
    emg = synthetic([(2, 3), (5, 6)], 8.0, snr=8)
    whole, parts = detect(emg, 1000.0), detect(emg, 1000.0, chunk=7)
    assert whole[0] == parts[0]
    np.testing.assert_array_equal(whole[1], parts[1])


def test_a_saved_state_continues_equal() -> None:
    emg = synthetic([(2, 3)], 5.0, snr=8)[:, None]
    chain = EmgChain(1, 1000.0)
    envelope, t = chain.update(emg), np.arange(5000) * 10**6
    detector = BurstDetector(1, 1000.0)
    detector.update(t[:2500], envelope[:2500])
    saved = detector.state.copy()
    once = detector.update(t[2500:], envelope[2500:])
    detector.state = saved
    again = detector.update(t[2500:], envelope[2500:])
    assert once[0] == again[0] != []
    np.testing.assert_array_equal(once[1], again[1])


@pytest.mark.parametrize("seed", range(3))
def test_a_contraction_of_a_minute_is_one_burst(seed: int) -> None:
    emg = synthetic([(3, 63)], 68.0, snr=10, seed=seed)
    (burst,) = detect(emg, 1000.0)[0]
    assert (burst.offset - burst.onset) * 1e-9 == pytest.approx(60.0, abs=0.1)


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0])
@pytest.mark.parametrize("floor", [5e-6, 20e-6])
def test_graded_contractions_with_ramps_are_each_counted_once(rate_hz: float, floor: float) -> None:
    """From a fifth of the maximum on, after the maximum; 20 uV of noise below 300 uV."""
    t, rng = np.arange(0, 52, 1 / rate_hz), np.random.default_rng(4)
    gain = np.zeros_like(t)
    for i, part in enumerate((0.2, 1.0, 0.2, 0.4, 0.6, 0.2, 0.8, 0.4)):
        gain += part * np.clip(np.minimum(t - 3 - 6 * i, 6 + 6 * i - t) / 0.3, 0, 1)
    emg = floor * rng.normal(size=t.size) + 300e-6 * gain * rng.normal(size=t.size)
    assert len(detect(emg, rate_hz)[0]) == 8


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0])
def test_a_heart_in_the_signal_is_no_burst(rate_hz: float) -> None:
    t = np.arange(0, 60, 1 / rate_hz)
    emg = 5e-6 * np.random.default_rng(6).normal(size=t.size)
    for beat in np.arange(0.3, 60, 0.85):
        for late, height, width in (
            (-0.025, -0.15, 0.01),
            (0.0, 1.0, 0.012),
            (0.028, -0.25, 0.012),
            (0.25, 0.15, 0.05),
        ):
            emg += 120e-6 * height * np.exp(-0.5 * ((t - beat - late) / width) ** 2)
    assert detect(emg, rate_hz)[0] == []
    emg += 100e-6 * ((t > 20) & (t < 24)) * np.random.default_rng(7).normal(size=t.size)
    assert len(detect(emg, rate_hz)[0]) == 1


def test_a_contraction_soon_after_the_start_is_found() -> None:
    assert len(detect(synthetic([(0.8, 3)], 5.0, snr=8), 1000.0)[0]) == 1


def test_a_burst_that_is_open_at_the_end_ends_there() -> None:
    bursts, _ = detect(synthetic([(2, 9)], 4.0, snr=8), 1000.0)
    assert len(bursts) == 1
    assert bursts[0].offset * 1e-9 == pytest.approx(4.0, abs=0.06)


def test_missing_samples_neither_make_nor_break_a_burst() -> None:
    emg = synthetic([(2, 3)], 5.0, snr=8)
    emg[2400:2420] = np.nan
    emg[4000:4020] = np.nan
    assert len(detect(emg, 1000.0)[0]) == 1


def test_a_clipped_signal_still_has_its_bursts() -> None:
    assert len(detect(np.clip(synthetic([(2, 3), (4, 5)], 7.0, snr=20), -4e-5, 4e-5), 1000.0)[0]) == 2


def test_a_weak_burst_counts_again_once_the_strong_one_is_forgotten() -> None:
    emg = synthetic([(2, 3)], 9.0, snr=30) + synthetic([(6, 7)], 9.0, snr=8, seed=1)
    lasting, short = (detect(emg, 1000.0, BurstParams(fraction=0.4, peak_s=s))[0] for s in (60.0, 0.5))
    assert (len(lasting), len(short)) == (1, 2)


def test_with_an_mvc_activation_is_a_fraction_of_it_from_the_first_sample() -> None:
    detector = BurstDetector(1, 1000.0)
    detector.mvc[0] = 2.0
    _, activation = detector.update(np.arange(3) * 10**6, np.array([[1.0], [0.5], [4.0]]))
    np.testing.assert_allclose(activation[:, 0], [0.5, 0.25, 2.0])


@pytest.mark.parametrize(
    "change",
    [
        {"ratio": 12.0},
        {"release_ratio": 0.5, "fraction": 0.0},
        {"fraction": 0.95},
        {"min_s": 1.5},
        {"pause_s": 3.0},
        {"warm_s": 4.0},
        {"floor_down_s": 100.0},
        {"floor_up_s": 0.1},
        {"floor_active_s": 0.1},
    ],
)
def test_every_parameter_is_felt(change: dict[str, float]) -> None:
    emg = synthetic([(2, 3), (4, 5)], 9.0, snr=8)
    emg[:480] *= 20  # a noisy start
    assert detect(emg, 1000.0, replace(BurstParams(), **change))[0] != detect(emg, 1000.0)[0]
