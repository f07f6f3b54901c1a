"""The EMG filters: against scipy and theory, any chunking, bad samples."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt, sosfilt_zi

from fusion.emg import EmgChain, EmgParams, offline_amplitude
from fusion.emg.filters import design

Floats = np.ndarray


def noise(n: int = 3000, channels: int = 2, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, channels)) * 1e-4 + [1e-3, -2e-3]


def tone(frequency: float, rate_hz: float, seconds: float = 4.0) -> Floats:
    return np.sin(2 * np.pi * frequency * np.arange(0, seconds, 1 / rate_hz))[:, None]


def level(emg: Floats, rate_hz: float, params: EmgParams | None = None) -> float:
    """Return the envelope of a tone as a part of what the whole tone would give, 2 / pi of its amplitude."""
    envelope = EmgChain(1, rate_hz, params).update(emg)
    return float(envelope[len(envelope) // 2 :].mean() * np.pi / 2)


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0, 2000.0, 4000.0])
def test_the_chain_is_scipys_filters_one_after_the_other(rate_hz: float) -> None:
    emg = noise()
    sos = butter(2, 20, "highpass", fs=rate_hz, output="sos")
    if rate_hz >= 1000:
        sos = np.concatenate([sos, butter(4, min(450, 0.45 * rate_hz), fs=rate_hz, output="sos")])
    low = butter(2, 6, fs=rate_hz, output="sos")
    for channel in range(2):
        x = emg[:, channel]
        banded, _ = sosfilt(sos, x, zi=sosfilt_zi(sos) * x[0])
        expected = np.maximum(sosfilt(low, np.abs(banded)), 0.0)
        np.testing.assert_allclose(EmgChain(2, rate_hz).update(emg)[:, channel], expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("frequency", "expected"), [(10, 0.243), (20, 0.707), (50, 0.987), (100, 0.999)])
def test_tones_pass_as_a_butterworth_of_second_order_says(frequency: float, expected: float) -> None:
    assert level(tone(frequency, 2000.0), 2000.0) == pytest.approx(expected, abs=0.015)


def test_the_upper_corner_of_the_band_is_half_power() -> None:
    assert level(tone(450.0, 4000.0), 4000.0) == pytest.approx(0.707, abs=0.01)


def test_a_standing_offset_does_not_ring() -> None:
    envelope = EmgChain(1, 1000.0).update(np.full((500, 1), 1.5))
    assert np.abs(envelope).max() < 1e-9


def test_the_documented_delay_is_that_of_a_slow_change() -> None:
    rate_hz = 2000.0
    chain = EmgChain(1, rate_hz)
    t = np.arange(0, 20, 1 / rate_hz)
    turn = np.exp(2j * np.pi * 0.5 * t)
    envelope = chain.update(((1.0 + 0.5 * turn.imag) * np.sin(2 * np.pi * 200.0 * t))[:, None])[:, 0]
    late = np.angle((envelope * turn.conj())[8000:].mean()) + np.pi / 2
    assert -late / (2 * np.pi * 0.5) == pytest.approx(chain.delay, abs=2e-3)
    assert chain.delay == pytest.approx(0.0375, abs=1e-4)


def test_any_chunking_gives_the_same_bits() -> None:
    emg = noise()
    whole = EmgChain(2, 1000.0).update(emg)
    chain, rng, parts, i = EmgChain(2, 1000.0), np.random.default_rng(1), [], 0
    while i < len(emg):
        n = int(rng.integers(1, 40))
        parts.append(chain.update(emg[i : i + n]))
        i += n
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_saved_state_continues_equal() -> None:
    emg, chain = noise(), EmgChain(2, 1000.0)
    chain.update(emg[:1000])
    saved = chain.state.copy()
    once = chain.update(emg[1000:])
    chain.state = saved
    np.testing.assert_array_equal(chain.update(emg[1000:]), once)


def test_a_missing_sample_is_missing_in_the_result_and_nowhere_else() -> None:
    emg = noise()
    whole = EmgChain(2, 1000.0).update(emg)
    emg[1500, 0] = np.nan
    got = EmgChain(2, 1000.0).update(emg)
    assert np.isnan(got).sum() == 1
    np.testing.assert_array_equal(got[:, 1], whole[:, 1])
    np.testing.assert_allclose(got[1501:, 0], whole[1501:, 0], rtol=0.3)


def test_a_recording_of_nothing_usable_gives_nothing() -> None:
    assert np.isnan(EmgChain(1, 1000.0).update(np.full((100, 1), np.nan))).all()
    assert np.isnan(offline_amplitude(np.full((100, 1), np.nan), 1000.0)).all()


def test_after_a_restart_the_past_is_forgotten() -> None:
    emg, chain = noise(), EmgChain(2, 1000.0)
    chain.update(emg[:1000] * 100)
    chain.restart()
    np.testing.assert_array_equal(chain.update(emg[1000:]), EmgChain(2, 1000.0).update(emg[1000:]))


def test_the_offline_amplitude_is_not_late() -> None:
    t = np.arange(0, 6, 1e-3)
    burst = np.exp(-(((t - 3.0) / 0.4) ** 2))
    emg = (burst * np.random.default_rng(2).normal(size=t.size))[:, None]
    live, offline = EmgChain(1, 1000.0).update(emg)[:, 0], offline_amplitude(emg, 1000.0)[:, 0]
    centre = [float((t * x).sum() / x.sum()) for x in (live, offline, burst)]
    assert centre[1] == pytest.approx(centre[2], abs=0.03)
    assert centre[0] - centre[1] == pytest.approx(0.0375, abs=0.005)


def test_a_rate_that_holds_no_emg_is_refused() -> None:
    with pytest.raises(ValueError, match="holds nothing above the high-pass"):
        design(EmgParams(), 50.0)


def test_every_parameter_is_felt() -> None:
    assert level(tone(30.0, 2000.0), 2000.0, EmgParams(high_pass_hz=60.0)) < 0.4
    assert level(tone(300.0, 2000.0), 2000.0, EmgParams(low_pass_hz=150.0)) < 0.2
    assert level(tone(50.0, 2000.0), 2000.0, EmgParams(notch_hz=50.0)) < 0.05
    assert level(tone(50.0, 2000.0), 2000.0) > 0.9
    emg = noise()
    smooth, rough = (EmgChain(2, 1000.0, EmgParams(envelope_hz=f)).update(emg)[1000:].std() for f in (2.0, 20.0))
    assert smooth < 0.5 * rough
