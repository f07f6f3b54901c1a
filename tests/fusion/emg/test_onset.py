"""Onset and offset: synthetic muscle signal with known times, at several rates and signal-to-noise ratios.

The signal is Gaussian noise with the spectrum of a muscle (corners 60 and 120 Hz, Shwedyk 1977 [M]) in flat noise of
10 to 450 Hz. The constants of `OnsetParams` were chosen on such signals with the seeds 100 to 103; here are others.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from fusion.emg import Burst, BurstDetector, EmgChain, OnsetParams

Floats = np.ndarray


def muscle(n: int, rate_hz: float, rng: np.random.Generator) -> Floats:
    f = np.fft.rfftfreq(n, 1 / rate_hz)
    shape = f / ((f**2 + 60.0**2) * np.sqrt(f**2 + 120.0**2)) * ((f > 10) & (f < 450))
    x = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) * shape, n)
    return x / x.std()


def signal(rate_hz: float, gain_db: float, ramp: float, seed: int) -> tuple[Floats, list[tuple[float, float]]]:
    """Return twelve bursts of 0.5 to 1.5 s [V] and their times [s]."""
    rng, times, at = np.random.default_rng(seed), [], 2.0
    for _ in range(12):
        times.append((at, at + rng.uniform(0.5, 1.5)))
        at = times[-1][1] + rng.uniform(0.6, 1.5)
    n = int((at + 1) * rate_hz)
    t, gain = np.arange(n) / rate_hz, np.zeros(n)
    for onset, offset in times:
        gain += np.clip(np.minimum(t - onset, offset - t) / max(ramp, 1e-9), 0.0, 1.0)
    floor = sosfilt(butter(2, [10, min(450, 0.45 * rate_hz)], "band", fs=rate_hz, output="sos"), rng.normal(size=n))
    return 5e-6 * (floor / floor.std() + 10 ** (gain_db / 20) * gain * muscle(n, rate_hz, rng)), times


def detect(emg: Floats, rate_hz: float, params: OnsetParams | None = None, cuts: Floats | None = None) -> list[Burst]:
    chain = EmgChain(1, rate_hz)
    detector = BurstDetector(1, rate_hz, chain.delay, onset=params)
    t = np.round(np.arange(len(emg)) * 1e9 / rate_hz).astype(np.int64)
    bursts: list[Burst] = []
    for part in np.split(np.arange(len(emg)), [] if cuts is None else cuts):
        band = np.empty((len(part), 1))
        bursts += detector.update(t[part], chain.update(emg[part, None], band), band)[0]
    return bursts + detector.interrupt()


def errors(found: list[Burst], times: list[tuple[float, float]]) -> tuple[Floats, int, int]:
    """Return onset and offset errors [s] of bursts within 0.25 s of the truth, how many were missed, and false."""
    pairs = [
        (b.onset * 1e-9 - on, b.offset * 1e-9 - off)
        for on, off in times
        for b in found
        if abs(b.onset * 1e-9 - on) < 0.25
    ]
    return np.array(pairs), len(times) - len(pairs), len(found) - len(pairs)


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0, 2000.0])
@pytest.mark.parametrize("gain_db", [10.0, 20.0])
@pytest.mark.parametrize("ramp", [0.0, 0.05])
def test_onsets_and_offsets_are_within_fifty_milliseconds(rate_hz: float, gain_db: float, ramp: float) -> None:
    pairs, missed, false = zip(
        *(errors(detect(emg, rate_hz), times) for emg, times in (signal(rate_hz, gain_db, ramp, s) for s in range(4))),
        strict=True,
    )
    # Of 48 bursts, at 10 dB and 200 Hz one in eight may be lost: there are too few samples to tell.
    assert sum(missed) + sum(false) <= (6 if (rate_hz, gain_db) == (200.0, 10.0) else 0)
    typical = np.median(np.abs(np.concatenate(pairs)), axis=0)
    assert (typical < 0.05).all()
    if gain_db == 20.0 and ramp == 0.0:
        assert (typical < 0.015).all()


def test_a_look_back_is_better_than_the_envelope_alone() -> None:
    emg, times = signal(1000.0, 10.0, 0.0, 11)
    chain = EmgChain(1, 1000.0)
    envelope = chain.update(emg[:, None])
    alone = BurstDetector(1, 1000.0, chain.delay).update(np.arange(len(emg)) * 10**6, envelope)[0]
    exact, rough = (np.median(np.abs(errors(b, times)[0]), axis=0) for b in (detect(emg, 1000.0), alone))
    assert (exact < rough).all()


@pytest.mark.parametrize("seed", range(5))
def test_any_chunking_gives_the_same_times(seed: int) -> None:
    emg, _ = signal(1000.0, 15.0, 0.05, seed)
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(emg), 400))
    assert detect(emg, 1000.0) == detect(emg, 1000.0, cuts=cuts)


def test_a_saved_state_continues_equal() -> None:
    emg, _ = signal(1000.0, 20.0, 0.0, 3)
    chain, band, t = EmgChain(1, 1000.0), np.empty((len(emg), 1)), np.arange(len(emg)) * 10**6
    envelope = chain.update(emg[:, None], band)
    detector = BurstDetector(1, 1000.0)
    detector.update(t[:5300], envelope[:5300], band[:5300])
    saved = detector.state.copy()
    once = detector.update(t[5300:], envelope[5300:], band[5300:])
    detector.state = saved
    again = detector.update(t[5300:], envelope[5300:], band[5300:])
    assert once[0] == again[0] != []


def test_a_gap_in_a_burst_gives_no_onset_from_before_it() -> None:
    emg, _ = signal(1000.0, 20.0, 0.0, 3)
    chain, band, t = EmgChain(1, 1000.0), np.empty((len(emg), 1)), np.arange(len(emg)) * 10**6
    envelope = chain.update(emg[:, None], band)
    detector = BurstDetector(1, 1000.0)
    detector.update(t[:2300], envelope[:2300], band[:2300])
    detector.interrupt()
    bursts, _ = detector.update(t[2300:], envelope[2300:], band[2300:])
    assert all(b.onset >= t[2300] for b in bursts)


@pytest.mark.parametrize(
    "change",
    [
        {"lag_s": 0.001},
        {"low_pass_hz": 20.0},
        {"threshold_sd": 30.0},
        {"look_back_s": 0.1},
        {"rest_s": 0.05},
        {"rest_lag_s": 0.05},
    ],
)
def test_every_parameter_is_felt(change: dict[str, float]) -> None:
    emg, _ = signal(1000.0, 10.0, 0.1, 5)
    assert detect(emg, 1000.0, replace(OnsetParams(), **change)) != detect(emg, 1000.0)
