"""The judge of EMG channels on signals whose faults are known: every flag found, none of them without its fault."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from fusion.body.trust import GREEN, RED, YELLOW
from fusion.emg import BurstDetector, EmgChain
from fusion.emg.quality import EmgWatch, Flag, Second, SidesWatch, Verdict, near_heart, sentence
from fusion.emg.quality.sides import STRIDE_SIGN
from fusion.emg.quality.spectrum import Spectrum
from simulators.person import EmgModel, Person, Script
from simulators.person.motion.activities import Activity, squat, stand, walk
from simulators.person.motion.muscles import burst

Floats = np.ndarray

SECOND = 1_000_000_000
BEGIN = 1_790_000_000 * SECOND


def times(n: int, rate_hz: float, begin: int = BEGIN) -> np.ndarray:
    return begin + np.round(np.arange(n) * 1e9 / rate_hz).astype(np.int64)


def muscle(seconds: float, rms: float, rate_hz: float = 1000.0, seed: int = 0, channels: int = 1) -> Floats:
    """Return noise in the band of surface EMG, with a spectrum that falls off as Shwedyk's does."""
    rng = np.random.default_rng(seed)
    band = butter(2, [40.0, min(160.0, 0.4 * rate_hz)], "bandpass", fs=rate_hz, output="sos")
    x = sosfilt(band, rng.normal(size=(round(seconds * rate_hz) + 200, channels)), axis=0)[200:]
    return rms * x / x.std(axis=0)


def hum(seconds: float, rms: float, hz: float, rate_hz: float = 1000.0) -> Floats:
    """Return mains with a third and a fifth harmonic."""
    turn = 2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz
    wave = np.sin(turn) + 0.4 * np.sin(3 * turn + 1.0) + 0.2 * np.sin(5 * turn + 2.0)
    return (rms * wave / wave.std())[:, None]


def heart(seconds: float, peak: float, per_minute: float, rate_hz: float = 1000.0) -> Floats:
    """Return R waves as narrow bumps, of a pace that varies by 3 %."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    beats = np.cumsum(60.0 / per_minute * (1 + 0.03 * np.random.default_rng(5).normal(size=int(3 * seconds))))
    return sum(peak * np.exp(-(((t - b) / 0.012) ** 2)) for b in beats)[:, None]  # type: ignore[index]


def judged(
    emg: Floats,
    rate_hz: float = 1000.0,
    unit: Literal["V", "counts"] = "V",
    resting: bool | Floats = True,
    amplitude: Floats | None = None,
) -> list[Second]:
    watch = EmgWatch(emg.shape[1], rate_hz, unit, amplitude_to_rms=1.0)
    level = np.zeros(emg.shape) if amplitude is None else amplitude
    return watch.update(times(len(emg), rate_hz), emg, level, np.broadcast_to(resting, emg.shape))


def share(seconds: list[Second], flag: Flag, after: int = 0, channel: int = 0) -> float:
    return float(np.mean([flag in s.verdicts[channel].flags for s in seconds[after:]]))


@pytest.mark.parametrize("rate_hz", [200.0, 500.0, 1000.0, 2000.0, 2148.0])
@pytest.mark.parametrize("resting", [True, False])
def test_a_thousand_seconds_of_clean_muscle_are_green(rate_hz: float, resting: bool) -> None:
    emg = muscle(1001, 100e-6, rate_hz)
    seconds = judged(emg, rate_hz, resting=resting, amplitude=np.full(emg.shape, 3e-6))
    assert len(seconds) == 1000
    assert {s.verdicts[0].flags for s in seconds[60:]} == {()}
    assert {s.verdicts[0].light for s in seconds} == {GREEN}
    assert seconds[500].verdicts[0].rms == pytest.approx(100e-6, rel=0.2)


def test_the_muscles_of_a_walking_person_are_green() -> None:
    t, names = np.arange(0.0, 120.0, 1e-3), ["soleus_left", "vastus_lateralis_left", "tibialis_anterior_left"]
    person = Person(Script((walk(132.0),)), seed=4)
    emg, rests = person.emg(t, names, 1000.0), np.stack([person.activation(t, name) == 0.0 for name in names], axis=1)
    for resting in (False, rests):
        assert {v.light for s in judged(emg, resting=resting) for v in s.verdicts} == {GREEN}


def test_the_powers_are_those_of_the_signal() -> None:
    x = np.random.default_rng(0).normal(size=(50, 1000)) + 3.0 + np.linspace(0, 40, 1000)
    powers = Spectrum(1000.0).powers(x)
    assert powers.band.mean() == pytest.approx(431 / 500, rel=0.03)
    assert powers.slow.mean() == pytest.approx(18 / 500, rel=0.1)


# Off


@pytest.mark.parametrize("unit", ["V", "counts"])
@pytest.mark.parametrize("level", [0.0, 1.3e-3])
def test_a_signal_that_stands_still_is_an_electrode_that_is_off(unit: Literal["V", "counts"], level: float) -> None:
    emg = np.full((5001, 1), level)
    emg[::300] += 1e-4  # a bit that toggles now and then
    seconds = judged(emg, unit=unit)
    assert share(seconds, Flag.OFF) == 1.0
    assert {s.verdicts[0].light for s in seconds} == {RED}


def test_a_whisper_is_off_in_volts_only() -> None:
    whisper = muscle(5.01, 0.4e-6)
    assert share(judged(whisper), Flag.OFF) == 1.0
    assert share(judged(whisper, unit="counts"), Flag.OFF) == 0.0
    assert share(judged(2 * whisper), Flag.OFF) == 0.0


def test_nothing_but_strong_hum_is_an_open_input() -> None:
    assert share(judged(hum(8.01, 500e-6, 50.0) + muscle(8.01, 20e-6)), Flag.OFF) == 1.0
    assert share(judged(hum(8.01, 50e-6, 50.0) + muscle(8.01, 2e-6)), Flag.OFF) == 0.0


def test_an_electrode_that_comes_back_is_green_within_a_second() -> None:
    emg = np.concatenate([muscle(5, 50e-6), np.zeros((5000, 1)), muscle(5.01, 50e-6, seed=1)])
    lights = [s.verdicts[0].light for s in judged(emg)]
    assert lights == [GREEN] * 5 + [RED] * 5 + [GREEN] * 5


# Limits of the converter


def converted(emg: Floats, bits: int, scale: float = 1.5e-3) -> Floats:
    counts = np.clip(np.rint(emg / scale * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return counts * scale / 2 ** (bits - 1)


@pytest.mark.parametrize("bits", [8, 12, 16, 24])
def test_clipped_samples_are_counted_once_the_limit_is_known(bits: int) -> None:
    emg = converted(muscle(20.01, 600e-6), bits)
    top, step = emg.max(), 1.5e-3 / 2 ** (bits - 1)
    seconds = judged(emg)
    expected = [float(np.mean(np.abs(emg[i : i + 1000]) > top - 0.6 * step)) for i in range(0, 20_000, 1000)]
    got = [s.verdicts[0].clipped for s in seconds]
    np.testing.assert_allclose(got[1:], expected[1:], atol=0.003 if bits == 8 else 0.0011)
    assert share(seconds, Flag.RAIL, after=1) > 0.9
    assert seconds[10].verdicts[0].light == (RED if expected[10] > 0.01 else YELLOW)


@pytest.mark.parametrize("bits", [12, 16, 24])
def test_a_signal_within_the_limits_is_not_clipped(bits: int) -> None:
    for seed in range(5):
        assert share(judged(converted(muscle(120.01, 200e-6, seed=seed), bits)), Flag.RAIL) == 0.0


def test_a_quiet_signal_of_a_few_steps_is_not_clipped() -> None:
    emg = np.rint(muscle(60.01, 1.5))
    emg = np.clip(emg, -4, 4)
    assert np.sum(emg == emg.max()) > 100
    assert share(judged(emg, unit="counts"), Flag.RAIL) == 0.0


def test_a_signal_that_sticks_at_a_known_limit_is_off() -> None:
    emg = np.concatenate([converted(muscle(5, 600e-6), 12), np.full((5000, 1), -1.5e-3)])
    emg[5000::90] += 1e-5
    assert share(judged(np.concatenate([emg, emg[:10]])), Flag.OFF, after=5) == 1.0


# Mains


@pytest.mark.parametrize("hz", [50.0, 60.0, 49.8, 60.15])
@pytest.mark.parametrize("rate_hz", [500.0, 1000.0, 2000.0])
def test_hum_within_nine_decibels_of_a_working_muscle_is_found(hz: float, rate_hz: float) -> None:
    n = 60.01
    emg = muscle(n, 100e-6, rate_hz)
    strong, weak = (judged(emg + hum(n, x, hz, rate_hz), rate_hz, resting=False) for x in (45e-6, 10e-6))
    assert share(strong, Flag.MAINS, after=6) > 0.9
    assert {s.verdicts[0].mains_hz for s in strong[4:]} - {0} == {round(hz, -1)}
    assert strong[30].verdicts[0].hum == pytest.approx(45e-6, rel=0.4)
    assert share(weak, Flag.MAINS) == 0.0
    assert {s.verdicts[0].mains_hz for s in weak} == {0}


def test_hum_at_rest_matters_where_it_is_louder_than_good_noise() -> None:
    emg = muscle(30.01, 2e-6)
    loud, faint = (judged(emg + hum(30.01, x, 60.0)) for x in (8e-6, 3e-6))
    assert share(loud, Flag.MAINS, after=4) == 1.0
    assert share(faint, Flag.MAINS) == 0.0
    assert faint[20].verdicts[0].hum_share > 0.5


def test_counts_of_an_armband_have_mains_too() -> None:
    emg = np.rint(muscle(20.01, 20.0, 200.0) + hum(20.01, 15.0, 50.0, 200.0))
    seconds = judged(emg, 200.0, "counts")
    assert share(seconds, Flag.MAINS, after=5) > 0.9


def test_hum_stronger_than_a_working_muscle_is_red() -> None:
    emg = muscle(10.01, 40e-6) + hum(10.01, 60e-6, 50.0)
    assert judged(emg, resting=False)[8].verdicts[0].light == RED
    assert judged(emg, resting=True)[8].verdicts[0].light == YELLOW


# Motion


def test_a_shaken_cable_is_motion_and_a_drift_is_not() -> None:
    emg = muscle(20.01, 50e-6)
    t = np.arange(len(emg))[:, None] / 1000.0
    shaken = emg + 60e-6 * np.sin(2 * np.pi * 7.0 * t)
    assert share(judged(shaken), Flag.MOTION, after=1) == 1.0
    assert share(judged(emg + 1e-3 * np.sin(2 * np.pi * 0.3 * t)), Flag.MOTION) == 0.0
    quiet = 0.05 * shaken
    assert share(judged(quiet), Flag.MOTION) == 0.0, "what is below good noise is not worth a word"


def test_a_shaken_armband_is_motion_and_a_quiet_one_is_not() -> None:
    t = np.arange(4002)[:, None] / 200.0
    shaken = muscle(20.01, 8.0, 200.0) + 15.0 * np.sin(2 * np.pi * 7.0 * t)
    assert share(judged(np.rint(shaken), 200.0, "counts"), Flag.MOTION, after=1) == 1.0
    assert share(judged(np.rint(0.2 * shaken), 200.0, "counts"), Flag.MOTION) == 0.0


def test_held_values_tell_nothing_of_spectra() -> None:
    emg = muscle(20.01, 50e-6) + 100e-6 * np.sin(2 * np.pi * 7.0 * np.arange(20_010) / 1000.0)[:, None]
    held = np.repeat(emg[::4], 4, axis=0)
    seconds = judged(held)
    assert share(seconds, Flag.MOTION) == 0.0
    assert np.isnan(seconds[5].verdicts[0].slow_share)


def test_a_few_missing_samples_leave_the_spectrum_and_many_do_not() -> None:
    emg = muscle(20.01, 2e-6) + hum(20.01, 10e-6, 50.0)
    few, many = emg.copy(), emg.copy()
    few[::25], many[::7] = np.nan, np.nan
    assert share(judged(few), Flag.MAINS, after=4) == 1.0
    assert share(judged(few), Flag.LOST) == 0.0
    assert share(judged(many), Flag.MAINS) == 0.0
    assert share(judged(many), Flag.LOST) == 1.0


# The heart


@pytest.mark.parametrize("per_minute", [52, 70, 110])
@pytest.mark.parametrize("rate_hz", [500.0, 1000.0, 2000.0])
def test_the_heart_is_found_in_a_resting_channel(per_minute: int, rate_hz: float) -> None:
    emg = muscle(60.01, 4e-6, rate_hz) + heart(60.01, 60e-6, per_minute, rate_hz)
    assert share(judged(emg, rate_hz), Flag.ECG, after=10) > 0.9
    assert share(judged(emg, rate_hz, resting=False), Flag.ECG) == 0.0


def open_bursts(emg: Floats) -> tuple[Floats, Floats]:
    """Return the envelope, and where no burst is open, as the pipeline knows them at 1000 Hz."""
    chain, detector = EmgChain(emg.shape[1], 1000.0), BurstDetector(emg.shape[1], 1000.0)
    band, resting = np.empty(emg.shape), np.empty(emg.shape, dtype=bool)
    envelope = chain.update(emg, band)
    detector.update(times(len(emg), 1000.0), envelope, band, resting)
    return envelope, resting


@pytest.mark.parametrize("peak", [150e-6, 400e-6])
@pytest.mark.parametrize("per_minute", [55, 100])
def test_a_heart_far_above_the_noise_is_found_whether_or_not_it_opens_bursts(peak: float, per_minute: int) -> None:
    emg = muscle(40.01, 4e-6) + heart(40.01, peak, per_minute)
    envelope, resting = open_bursts(emg)
    assert share(judged(emg, resting=resting, amplitude=envelope), Flag.ECG, after=10) == 1.0


def test_trunk_muscles_that_work_at_the_pace_of_steps_are_no_heart() -> None:
    t, names = np.arange(0.0, 60.0, 1e-3), ["erector_spinae_left", "gluteus_maximus_left"]
    emg = Person(Script((walk(66.0),)), seed=4).emg(t, names, 1000.0)
    envelope, resting = open_bursts(emg)
    assert 0.5 < resting.mean() < 0.9
    assert {v.light for s in judged(emg, resting=resting, amplitude=envelope) for v in s.verdicts} == {GREEN}


@pytest.mark.parametrize("mvc_v", [0.0, 400e-6])
def test_steps_that_jolt_the_electrodes_of_a_leg_are_motion_and_no_heart(mvc_v: float) -> None:
    t, name = np.arange(0.0, 40.0, 1e-3), "rectus_femoris_left"
    person = Person(Script((walk(44.0),)), seed=4)
    jolted = person.emg(t, [name], 1000.0, EmgModel(artefact_v=1.5e-3, mvc_v=mvc_v))
    watch = EmgWatch(1, 1000.0, "V")
    watch.near_heart[:] = near_heart(name)
    rests = (person.activation(t, name) == 0.0)[:, None]
    seconds = watch.update(times(len(t), 1000.0), jolted, np.zeros(jolted.shape), rests)
    assert share(seconds, Flag.ECG) == 0.0
    assert share(seconds, Flag.MOTION, after=8) > 0.8
    assert near_heart("erector_spinae_left")


@pytest.mark.parametrize("hz", [50.0, 60.0, 49.7, 60.2])
def test_neither_hum_nor_noise_nor_one_jolt_has_a_heart(hz: float) -> None:
    emg = muscle(600.01, 4e-6) + hum(600.01, 20e-6, hz)
    assert share(judged(emg), Flag.ECG) == 0.0
    assert share(judged(muscle(600.01, 4e-6, seed=3)), Flag.ECG) == 0.0
    emg[100_000:100_050] += 5e-3
    assert share(judged(emg), Flag.ECG) == 0.0


# Rest


def test_the_quietest_seconds_tell_the_noise_at_rest() -> None:
    emg = muscle(80.01, 50e-6)
    level = np.full(emg.shape, 14e-6)
    noisy = judged(emg, amplitude=level)
    assert [Flag.BASE in s.verdicts[0].flags for s in noisy] == [False] * 9 + [True] * 71
    level[40_000:41_000] = 4e-6
    seconds = judged(emg, amplitude=level)
    assert [Flag.BASE in s.verdicts[0].flags for s in seconds[40:]] == [False] * 30 + [True] * 10
    assert seconds[45].verdicts[0].rest == pytest.approx(4e-6)
    assert share(judged(emg, unit="counts", amplitude=level), Flag.BASE) == 0.0
    assert share(judged(emg, resting=False, amplitude=level), Flag.BASE) == 0.0


def test_an_envelope_is_turned_into_an_rms() -> None:
    emg = muscle(10.01, 50e-6)
    watch = EmgWatch(1, 1000.0, "V")
    seconds = watch.update(times(len(emg), 1000.0), emg, np.full(emg.shape, 10e-6), np.full(emg.shape, True))
    assert seconds[5].verdicts[0].rest == pytest.approx(12.53e-6, rel=1e-3)


# Lost, warm


def test_missing_and_unusable_samples_are_lost() -> None:
    emg, rate = muscle(12.01, 50e-6, channels=2), 1000.0
    emg[3100:3200, 1] = np.nan
    emg[5000:6000] = np.nan
    keep = np.ones(len(emg), dtype=bool)
    keep[7500:7900] = False
    watch = EmgWatch(2, rate, "V")
    seconds = watch.update(
        times(len(emg), rate)[keep], emg[keep], np.full(emg[keep].shape, 3e-6), np.full(emg[keep].shape, True)
    )
    lost = np.array([[Flag.LOST in v.flags for v in s.verdicts] for s in seconds])
    assert np.flatnonzero(lost[:, 0]).tolist() == [5, 7]
    assert np.flatnonzero(lost[:, 1]).tolist() == [3, 5, 7]
    assert (seconds[3].verdicts[1].light, seconds[5].verdicts[0].light, seconds[7].verdicts[1].light) == (
        YELLOW,
        RED,
        RED,
    )
    assert seconds[7].verdicts[0].missing == pytest.approx(0.4)
    assert not any(set(s.verdicts[0].flags) - {Flag.LOST, Flag.WARM} for s in seconds)


def test_the_first_minute_is_warm_and_green_and_a_second_begun_late_is_not_judged() -> None:
    emg = muscle(70, 50e-6)
    watch = EmgWatch(1, 1000.0, "V")
    t = times(len(emg), 1000.0, BEGIN + SECOND // 2)
    seconds = watch.update(t, emg, np.zeros(emg.shape), np.full(emg.shape, True))
    assert seconds[0].t == BEGIN + 2 * SECOND
    assert [Flag.WARM in s.verdicts[0].flags for s in seconds] == [True] * 59 + [False] * 10
    assert {s.verdicts[0].light for s in seconds} == {GREEN}


# Manners


def faulty(seconds: float = 24.6, rate_hz: float = 500.0) -> Floats:
    n = round(seconds * rate_hz)
    emg = muscle(seconds, 3e-6, rate_hz, channels=4)
    emg[:, 0] += heart(seconds, 60e-6, 66.0, rate_hz)[:, 0]
    emg[n // 3 :, 1] += hum(seconds, 30e-6, 50.0, rate_hz)[n // 3 :, 0]
    emg[:, 2] = converted(200 * emg[:, 2:3], 12)[:, 0]
    emg[n // 2 : n // 2 + 900, 2] = np.nan
    emg[n // 4 :, 3] = 0.0
    return emg


EMG = faulty()
RESTING = np.random.default_rng(1).random(EMG.shape) > 0.1
WHOLE = EmgWatch(4, 500.0, "V").update(times(len(EMG), 500.0), EMG, np.abs(EMG), RESTING)


def same(a: list[Second], b: list[Second]) -> bool:
    return repr(a) == repr(b)  # NaN equals NaN, and a float is written with all its digits


def test_the_faulty_sensor_shows_its_faults() -> None:
    shown = [set().union(*(s.verdicts[c].flags for s in WHOLE)) - {Flag.WARM} for c in range(4)]
    assert shown == [{Flag.ECG, Flag.MOTION}, {Flag.MAINS}, {Flag.RAIL, Flag.LOST, Flag.BASE}, {Flag.OFF}]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 1300), min_size=1, max_size=60))
def test_any_chunking_gives_the_same_verdicts(sizes: list[int]) -> None:
    watch, out, i, turn = EmgWatch(4, 500.0, "V"), [], 0, 0
    t = times(len(EMG), 500.0)
    while i < len(EMG):
        part = slice(i, i + sizes[turn % len(sizes)])
        out += watch.update(t[part], EMG[part], np.abs(EMG[part]), RESTING[part])
        i, turn = part.stop, turn + 1
    assert same(out, WHOLE)


def test_a_saved_state_continues_equal() -> None:
    watch, t = EmgWatch(4, 500.0, "V"), times(len(EMG), 500.0)
    parts = [(t[a:b], EMG[a:b], np.abs(EMG[a:b]), RESTING[a:b]) for a, b in ((0, 6177), (6177, len(EMG)))]
    watch.update(*parts[0])
    saved = watch.state.copy()
    once = watch.update(*parts[1])
    watch.state = saved
    assert same(watch.update(*parts[1]), once)
    assert once


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([51.0, 148.15, 200.0, 1481.48]),
    st.sampled_from(["V", "counts"]),
    st.lists(st.sampled_from([0.0, 1e-6, -1e-3, 128.0, 3e38, -3e38, np.nan, np.inf, -np.inf]), min_size=1, max_size=9),
)
def test_no_signal_makes_it_fail(rate_hz: float, unit: Literal["V", "counts"], values: list[float]) -> None:
    n = int(4.1 * rate_hz)
    emg = np.stack([np.resize(values, n), np.repeat(values, n)[:n], np.full(n, values[0])], axis=1)
    seconds = judged(emg, rate_hz, unit, amplitude=emg)
    assert len(seconds) == 4
    assert all(v.light in (RED, YELLOW, GREEN) for s in seconds for v in s.verdicts)


def test_the_future_changes_nothing() -> None:
    watch, half = EmgWatch(4, 500.0, "V"), 6001
    t = times(len(EMG), 500.0)
    assert same(watch.update(t[:half], EMG[:half], np.abs(EMG[:half]), RESTING[:half]), WHOLE[:12])


def test_a_sensor_that_sends_far_more_than_it_says_takes_no_more_room() -> None:
    watch = EmgWatch(1, 200.0, "V")
    emg = muscle(3.0, 1e-4)
    for i in range(0, 2900, 10):
        part = emg[i : i + 10]
        watch.update(times(10, 1000.0, BEGIN + i * SECOND // 1000), part, part, np.full(part.shape, True))
    assert watch.state.count < 420


def verdict(*flags: Flag, mains_hz: int = 0) -> Verdict:
    return Verdict(flags, mains_hz, False, 1e-5, 3e-6, 2e-6, 0.2, 0.1, 0.001, 0.12)


def test_every_flag_has_a_sentence_that_says_what_to_do() -> None:
    said = {flag: sentence("vastus_lateralis_left", verdict(flag, mains_hz=60)) for flag in Flag}
    assert said[Flag.OFF] == "left vastus lateralis: the electrode seems to be off: press it on or renew it"
    assert "60 Hz" in said[Flag.MAINS]
    assert "12 %" in said[Flag.LOST]
    assert len(set(said.values())) == len(Flag)
    assert all(s.startswith("left vastus lateralis: ") and len(s) < 130 for s in said.values())
    assert sentence("soleus_left", verdict()) == ""
    assert sentence("soleus_left", verdict(Flag.RAIL, Flag.BASE)) == sentence("soleus_left", verdict(Flag.RAIL))


# Sides


def walked(muscle_name: str, seed: int, exchanged: bool, script: Script) -> list[bool]:
    """Let a watch see a minute and a half of a person's envelopes and knees."""
    person, rate = Person(script, seed=seed), 1000.0
    t = np.arange(5.0, 95.0, 1 / rate)
    names = [f"{muscle_name}_left", f"{muscle_name}_right"]
    emg = np.abs(person.emg(t, names[::-1] if exchanged else names, rate)) / 400e-6
    act = emg.reshape(-1, 100, 2).mean(axis=1)
    slow = np.arange(5.0, 95.0, 0.01)
    angles = person.joint_angles(slow)
    move = [
        np.abs(np.gradient(angles[f"knee_flexion_{s}"], 0.01)).reshape(-1, 10).mean(axis=1) for s in ("left", "right")
    ]
    watch = SidesWatch(muscle_name)
    return [watch.step(*act[i], move[0][i], move[1][i]) for i in range(len(act))]


@pytest.mark.parametrize("muscle_name", sorted(STRIDE_SIGN))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_exchanged_sides_are_suspected_in_walking(muscle_name: str, seed: int) -> None:
    script = Script((walk(110.0, stride=1.0 + 0.08 * seed),))
    assert not any(walked(muscle_name, seed, False, script))
    assert all(walked(muscle_name, seed, True, script)[450:])


def test_a_muscle_whose_part_of_the_stride_is_unclear_is_never_suspected_in_walking() -> None:
    for exchanged in (False, True):
        assert not any(walked("vastus_lateralis", 1, exchanged, Script((walk(110.0),))))


def test_a_person_who_stands_still_is_never_suspected() -> None:
    held = burst("soleus", 1.0, 99.0, 0.4, 0.4).on("left")
    for script in (Script((stand(110.0),)), Script((Activity("hold", 110.0, bursts=(held,)),))):
        for exchanged in (False, True):
            assert not any(walked("soleus", 2, exchanged, script))


def test_squats_of_both_legs_say_nothing_of_the_sides() -> None:
    script = Script((stand(2.0), *(squat(5) for _ in range(7))))
    for name in ("vastus_lateralis", "biceps_femoris"):
        for exchanged in (False, True):
            assert not any(walked(name, 2, exchanged, script))


def test_one_leg_that_moves_while_the_other_muscle_works_is_suspected() -> None:
    """Sitting, the left knee alone is extended over and over."""
    rng = np.random.default_rng(0)
    for exchanged in (False, True):
        watch = SidesWatch("vastus_lateralis")
        said = []
        for i in range(800):
            phase = 2 * np.pi * i / 40
            works, rests = 0.3 * max(np.sin(phase), 0.0) + 0.02 * rng.random(), 0.02 * rng.random()
            acts = (rests, works) if exchanged else (works, rests)
            said.append(watch.step(*acts, 60 * abs(np.cos(phase)), 2 * rng.random()))
        assert said[-1] == exchanged
        assert not any(said[:290])


def test_a_knee_that_trembles_is_no_movement() -> None:
    watch = SidesWatch("vastus_lateralis")
    assert not any(watch.step(0.02, 0.3, 3.0, 0.5) for _ in range(900))


def test_unknown_steps_are_left_out() -> None:
    watch = SidesWatch("soleus")
    assert not any(watch.step(np.nan, 0.2, 50.0, 20.0) for _ in range(900))
