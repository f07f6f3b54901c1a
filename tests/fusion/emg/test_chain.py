"""The EMG filters: against scipy and theory, any chunking, bad samples."""

import numpy as np
import pytest
from scipy.signal import butter, group_delay, iirnotch, sosfilt, sosfilt_zi, sosfiltfilt, sosfreqz, tf2sos

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


def gain(frequency: float, rate_hz: float, params: EmgParams | None = None, notch_hz: float = 0.0) -> complex:
    """Return the gain and phase of the band-passed signal for a tone, once it stands."""
    chain, t = EmgChain(1, rate_hz, params), np.arange(int(6 * rate_hz)) / rate_hz
    chain.set_notch(notch_hz)
    band = np.empty((t.size, 1))
    chain.update(np.sin(2 * np.pi * frequency * t)[:, None], band)
    half = t.size // 3
    turn = np.exp(-2j * np.pi * frequency * t[half:])
    return complex(2j * (band[half:, 0] * turn).mean())


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0, 2000.0, 4000.0])
@pytest.mark.parametrize("frequency", [10.0, 20.0, 50.0, 100.0, 450.0])
def test_gain_and_phase_are_those_of_scipys_filters(rate_hz: float, frequency: float) -> None:
    if frequency >= 0.5 * rate_hz:
        return
    _, (expected,) = sosfreqz(design(EmgParams(), rate_hz).band.sos, [frequency], fs=rate_hz)
    assert gain(frequency, rate_hz) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("frequency", [10.0, 20.0, 50.0, 100.0, 450.0])
def test_gain_is_that_of_butterworths_formula(frequency: float) -> None:
    """Bilinear filters of 4000 Hz, with the tangent in place of the frequency."""
    warp = np.tan(np.pi * np.array([frequency, 20.0, 450.0]) / 4000.0)
    expected = 1 / np.sqrt((1 + (warp[1] / warp[0]) ** 4) * (1 + (warp[0] / warp[2]) ** 8))
    assert abs(gain(frequency, 4000.0)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_the_notch_is_deep_and_three_hertz_wide(mains: float) -> None:
    without = [abs(gain(mains + d, 2000.0)) for d in (-1.5, 0.0, 1.5, 10.0)]
    left = np.array([abs(gain(mains + d, 2000.0, notch_hz=mains)) for d in (-1.5, 0.0, 1.5, 10.0)]) / without
    assert 20 * np.log10(left[1]) < -60.0
    assert left[[0, 2]] == pytest.approx(np.sqrt(0.5), abs=0.02)
    assert left[3] > 0.98


def test_the_band_delays_what_lies_within_it_by_few_milliseconds() -> None:
    sos = design(EmgParams(), 2000.0).band.sos
    delay = sum(group_delay((s[:3], s[3:]), [60.0, 100.0, 200.0], fs=2000.0)[1] for s in sos) / 2000.0
    step = 0.5
    for f, expected in zip((60.0, 100.0, 200.0), delay, strict=True):
        turned = np.angle(gain(f + step, 2000.0) / gain(f - step, 2000.0))
        assert -turned / (2 * np.pi * 2 * step) == pytest.approx(expected, abs=1e-4)
        assert abs(expected) < 0.005


def test_a_notch_that_is_switched_on_leaves_all_else_as_it_was() -> None:
    emg, chain = noise(4000), EmgChain(2, 1000.0)
    plain, band = np.empty(emg.shape), np.empty(emg.shape)
    EmgChain(2, 1000.0).update(emg, plain)
    chain.update(emg[:2000], band[:2000])
    chain.set_notch(50.0)
    chain.update(emg[2000:], rest := np.empty((2000, 2)))
    np.testing.assert_array_equal(band[:2000], plain[:2000])
    sos = tf2sos(*iirnotch(50.0, 50.0 / 3.0, fs=1000.0))
    expected, _ = sosfilt(sos, plain[2000:, 0], zi=sosfilt_zi(sos) * plain[2000, 0])
    np.testing.assert_allclose(rest[:, 0], expected, rtol=1e-9, atol=1e-15)
    chain.set_notch(0.0)
    chain.update(emg[:500], after := np.empty((500, 2)))
    straight = EmgChain(2, 1000.0)
    straight.update(emg)
    straight.update(emg[:500], unbroken := np.empty((500, 2)))
    np.testing.assert_array_equal(after, unbroken)


def test_mains_dies_out_without_ringing_once_the_notch_is_on() -> None:
    hum, chain = tone(50.0, 1000.0), EmgChain(1, 1000.0)
    before = chain.update(hum)[-1, 0]
    chain.set_notch(50.0)
    after = chain.update(hum)[:, 0]
    assert after.max() < 1.05 * before
    assert after[600:].max() < 0.02 * before


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0, 4000.0])
@pytest.mark.parametrize("rms_s", [0.05, 0.1, 0.25])
def test_the_moving_rms_is_that_of_the_window(rate_hz: float, rms_s: float) -> None:
    emg, band = noise(5000), np.empty((5000, 2))
    emg[:2500] *= 1e4  # what a running sum that subtracts would remember
    chain = EmgChain(2, rate_hz, EmgParams(amplitude="rms", rms_s=rms_s))
    rms, window = chain.update(emg, band), round(rms_s * rate_hz)
    view = np.lib.stride_tricks.sliding_window_view(band, window, axis=0)
    np.testing.assert_allclose(rms[window - 1 :], np.sqrt((view**2).mean(axis=-1)), rtol=1e-12)
    assert chain.delay == pytest.approx(0.5 * (window - 1) / rate_hz)


@pytest.mark.parametrize("amplitude", ["envelope", "rms"])
def test_any_chunking_with_a_notch_gives_the_same_bits(amplitude: str) -> None:
    emg = noise(channels=2)
    emg[700:705, 1] = np.nan
    params = EmgParams(amplitude=amplitude, notch_hz=50.0)
    whole_band, band = np.empty(emg.shape), np.empty(emg.shape)
    whole = EmgChain(2, 1000.0, params).update(emg, whole_band)
    chain, got = EmgChain(2, 1000.0, params), np.empty(emg.shape)
    for part in np.split(np.arange(len(emg)), np.sort(np.random.default_rng(2).integers(0, len(emg), 300))):
        piece = np.empty((len(part), 2))
        got[part] = chain.update(emg[part], piece)
        band[part] = piece
    np.testing.assert_array_equal(got, whole)
    np.testing.assert_array_equal(band, whole_band)


@pytest.mark.parametrize("n", [3, 30, 3000])
@pytest.mark.parametrize("rate_hz", [200.0, 1000.0, 2000.0])
@pytest.mark.parametrize("notch_hz", [0.0, 50.0])
def test_the_offline_envelope_is_scipys_forwards_and_backwards(n: int, rate_hz: float, notch_hz: float) -> None:
    emg = noise(n)
    params = EmgParams(notch_hz=notch_hz)
    sos = design(params, rate_hz).band.sos
    if notch_hz:
        sos = np.concatenate([sos, tf2sos(*iirnotch(notch_hz, notch_hz / 3.0, fs=rate_hz))])
    pad = min(n - 1, 3 * (2 * len(sos) + 1))
    banded = sosfiltfilt(sos, emg, axis=0, **({} if n > 100 else {"padlen": pad}))
    low = design(params, rate_hz).envelope.sos
    expected = sosfiltfilt(low, np.abs(banded), axis=0, **({} if n > 100 else {"padlen": min(n - 1, 9)}))
    np.testing.assert_allclose(
        offline_amplitude(emg, rate_hz, params), np.maximum(expected, 0.0), rtol=1e-9, atol=1e-9 * expected.max()
    )


def test_the_offline_rms_is_that_of_the_centred_window() -> None:
    emg = noise()
    emg[:1000] *= 1e4
    got = offline_amplitude(emg, 1000.0, EmgParams(amplitude="rms"))[:, 0]
    banded = sosfiltfilt(design(EmgParams(), 1000.0).band.sos, emg[:, 0])
    expected = [np.sqrt((banded[max(i - 50, 0) : i + 51] ** 2).mean()) for i in range(len(emg))]
    np.testing.assert_allclose(got, expected, rtol=1e-7)


def test_the_length_of_the_window_is_felt() -> None:
    emg = noise()
    short, long = (
        EmgChain(2, 1000.0, EmgParams(amplitude="rms", rms_s=s)).update(emg)[1000:].std() for s in (0.05, 0.25)
    )
    assert long < 0.7 * short
