"""Fatigue: spectra with a known median, contractions with a known decline, and a recording of thirty contractions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt, welch

from fusion.emg import BurstDetector, EmgChain
from fusion.emg.metrics.fatigue import BAND_HZ, Trend, Windows, reading, similar, spectrum, trend, windows
from fusion.emg.metrics.intervals import Estimate
from tests.fusion.emg.test_bursts import opensignals

Floats = np.ndarray
RATE_HZ = 1000.0


def times(n: int, rate_hz: float = RATE_HZ) -> np.ndarray:
    return np.round(np.arange(n) * 1e9 / rate_hz).astype(np.int64)


def noise(seconds: float, low_hz: float, high_hz: float, seed: int = 0) -> Floats:
    """Return unit noise of a band."""
    sos = butter(4, [low_hz, high_hz], "bandpass", fs=RATE_HZ, output="sos")
    x = sosfilt(sos, np.random.default_rng(seed).normal(size=round(seconds * RATE_HZ)))
    return x / x.std()


def tiring(seconds: float, slope_hz_s: float, growth: float, snr: float = 30.0, seed: int = 0) -> tuple[Floats, list]:
    """Return contractions of 2 s every 4 s whose band slides and whose amplitude grows, and when they are."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=round(seconds * RATE_HZ)) / snr
    bursts = []
    for start in np.arange(1.0, seconds - 3.0, 4.0):
        centre = 100.0 + slope_hz_s * start
        part = noise(2.0, centre - 60.0, centre + 60.0, seed=int(rng.integers(1 << 30)))
        x[round(start * RATE_HZ) : round((start + 2.0) * RATE_HZ)] += part * (1.0 + growth * start)
        bursts.append((round(start * 1e9), round((start + 2.0) * 1e9)))
    return 1e-4 * x, bursts


@pytest.mark.parametrize(("low_hz", "high_hz"), [(50.0, 150.0), (30.0, 400.0), (80.0, 120.0)])
def test_the_median_of_white_noise_in_a_band_is_its_middle(low_hz: float, high_hz: float) -> None:
    found = windows(times(60_000), noise(60.0, low_hz, high_hz), RATE_HZ)
    assert np.mean(found.median_hz) == pytest.approx(0.5 * (low_hz + high_hz), rel=0.03)
    assert np.sqrt(np.mean(found.rms**2)) == pytest.approx(1.0, rel=0.03)


@pytest.mark.needs("data")
def test_the_median_frequency_of_real_windows_is_that_of_scipy(recordings: Path) -> None:
    x = opensignals(recordings / "emg_opensignals/emg_fatigue.h5", 12)[6500:8500].reshape(4, 500)
    median_hz, rms = spectrum(x, RATE_HZ)
    for row, found, amplitude in zip(x, median_hz, rms, strict=True):
        hz, density = welch(row, RATE_HZ, "hann", 500, noverlap=0, detrend="constant")
        inside = (hz >= BAND_HZ[0]) & (hz <= 450.0)
        power = np.cumsum(density[inside])
        expected = np.interp(0.5 * power[-1], power, hz[inside] + 1.0)  # power up to the upper edge of each bin
        assert found == pytest.approx(expected, abs=0.01)
        assert amplitude == pytest.approx(np.sqrt(density[inside].sum() * hz[1]), rel=1e-9)


def test_a_decline_is_found_where_it_is() -> None:
    x, bursts = tiring(120.0, -0.3, 0.01)
    found = trend(windows(times(x.size), x, RATE_HZ), bursts)
    assert isinstance(found, Trend)
    slope = found.median_hz.slope
    assert slope.low < -0.3 < slope.high
    assert slope.high < -0.2
    assert (found.contractions, found.held, found.left_out) == (len(bursts), False, 0)
    assert found.amplitude.percent_per_min.value == pytest.approx(60.0, abs=15.0)
    assert found.reading == "amplitude up and median frequency down: consistent with fatigue"


def test_a_muscle_that_does_not_tire_has_no_slope_nineteen_times_in_twenty() -> None:
    quiet = 0
    for seed in range(40):
        x, bursts = tiring(60.0, 0.0, 0.0, seed=seed)
        found = trend(windows(times(x.size), x, RATE_HZ), bursts)
        assert isinstance(found, Trend)
        quiet += found.median_hz.slope.low <= 0.0 <= found.median_hz.slope.high
    assert quiet >= 34


def test_a_held_contraction_is_a_series_of_windows() -> None:
    x = np.concatenate([0.03 * np.random.default_rng(1).normal(size=5000), noise(30.0, 50.0, 150.0)])
    t = times(x.size)
    held = [(5_000_000_000, 35_000_000_000)]
    found = trend(windows(t, x, RATE_HZ), held)
    assert isinstance(found, Trend)
    assert found.held
    assert found.contractions == pytest.approx(60, abs=2), "half a second each, without overlap"
    assert trend(windows(t, x, RATE_HZ), [(5_000_000_000, 12_000_000_000)]) == (
        "a trend needs 5 similar contractions or one held for 10 s"
    )


def test_below_ten_decibels_there_is_no_spectrum() -> None:
    x, bursts = tiring(60.0, -0.3, 0.0, snr=2.0)
    told = trend(windows(times(x.size), x, RATE_HZ), bursts)
    assert isinstance(told, str)
    assert "below 10 dB" in told
    x, bursts = tiring(60.0, -0.3, 0.0, snr=5.0)
    assert isinstance(trend(windows(times(x.size), x, RATE_HZ), bursts), Trend)


def test_only_the_middle_of_like_bursts_counts() -> None:
    """What happens in the outer quarters, and in bursts of another length, changes nothing."""
    x, bursts = tiring(60.0, -0.3, 0.0)
    other = x.copy()
    for on, off in bursts:
        a, b = on // 10**6, off // 10**6
        other[a : a + 200] += 1e-3 * np.sin(2 * np.pi * 300.0 * np.arange(200) / RATE_HZ)
        other[b - 200 : b] += 1e-3 * np.sin(2 * np.pi * 300.0 * np.arange(200) / RATE_HZ)
    t = times(x.size)
    short = [*bursts, (3_300_000_000, 3_700_000_000)]
    a, b = (trend(windows(t, y, RATE_HZ), spans) for y, spans in ((x, bursts), (other, short)))
    assert isinstance(a, Trend)
    assert isinstance(b, Trend)
    assert a.median_hz == b.median_hz
    assert similar(short) == bursts


def test_clipped_windows_are_left_out() -> None:
    x, bursts = tiring(60.0, 0.0, 0.0)
    a = bursts[3][0] // 10**6 + 600
    x[a : a + 800] = np.clip(4.0 * x[a : a + 800], -4e-4, 4e-4)
    x = np.clip(x, -4e-4, 4e-4)
    found = trend(windows(times(x.size), x, RATE_HZ), bursts)
    assert isinstance(found, Trend)
    assert found.left_out > 0
    assert found.contractions == len(bursts) - 1


def test_windows_do_not_reach_over_unusable_samples() -> None:
    x = noise(4.0, 50.0, 150.0)
    x[1700] = np.nan
    found = windows(times(x.size), x, RATE_HZ)
    assert np.isfinite(found.median_hz).all()
    assert not (np.abs(found.t - 1_700_000_000) < 250_000_000).any()
    assert windows(times(100), x[:100], RATE_HZ).t.size == 0


@pytest.mark.parametrize(
    ("frequency", "amplitude", "words"),
    [
        (-1.0, 1.0, "amplitude up and median frequency down: consistent with fatigue"),
        (1.0, 1.0, "amplitude and median frequency up: consistent with more force"),
        (-1.0, -1.0, "amplitude and median frequency down: consistent with less force"),
        (1.0, -1.0, "amplitude down and median frequency up: consistent with recovery"),
        (-1.0, 0.0, "median frequency down with no clear change of amplitude"),
        (0.0, 1.0, "no clear change of median frequency"),
    ],
)
def test_both_slopes_are_read_together(frequency: float, amplitude: float, words: str) -> None:
    f, a = (Estimate(x, x - 0.5, x + 0.5, 9) for x in (frequency, amplitude))
    assert reading(f, a) == words


@pytest.mark.needs("data")
def test_thirty_contractions_of_a_biceps_tire(recordings: Path) -> None:
    """Median frequency falls and amplitude rises, well beyond their errors, in either half of the recording alike."""
    emg = opensignals(recordings / "emg_opensignals/emg_fatigue.h5", 12)
    t = times(emg.size)
    chain = EmgChain(1, RATE_HZ)
    detector = BurstDetector(1, RATE_HZ, chain.delay)
    bursts, _ = detector.update(t, chain.update(emg[:, None]))
    spans = [(b.onset, b.offset) for b in [*bursts, *detector.interrupt()]]
    found = windows(t, emg, RATE_HZ)
    whole = trend(found, spans)
    assert isinstance(whole, Trend)
    assert (whole.contractions, whole.held) == (30, False)
    assert whole.median_hz.slope.high < 0.0 < whole.amplitude.slope.low
    assert whole.reading.endswith("consistent with fatigue")
    assert whole.snr_db > 30.0
    for half in (spans[:15], spans[15:]):
        part = trend(found, half)
        assert isinstance(part, Trend)
        assert part.median_hz.slope.value < 0.0
    # its rails are touched by few samples of a fifth of the windows: without these the slope is within its interval
    touched = found.at_low + found.at_high > 0.0
    assert 0 < touched.sum() < 0.25 * touched.size
    assert not found.clipped.any()
    strict = trend(chosen(found, ~touched), spans)
    assert isinstance(strict, Trend)
    assert whole.median_hz.slope.low < strict.median_hz.slope.value < whole.median_hz.slope.high


def chosen(found: Windows, rows: np.ndarray) -> Windows:
    """Return some of the windows."""
    names = ("t", "median_hz", "rms", "low", "high", "at_low", "at_high")
    return replace(found, **{name: getattr(found, name)[rows] for name in names})
