"""MVC trials and rests: worth and rules by hand, real contractions, any cutting, a recording begun midway."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.emg.mvc import MvcParams, Normalisers, Stretch, clipped
from fusion.estimates import Event
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import Placement, TimedEmg
from tests.fusion.emg.test_bursts import opensignals

T0 = 1_800_000_000_000_000_000
S = 10**9
RATE = 1000.0
MUSCLE = "biceps_brachii_right"


def times(seconds: float, start: float = 0.0) -> np.ndarray:
    return T0 + np.round((start + np.arange(round(seconds * RATE)) / RATE) * S).astype(np.int64)


def stretch(amplitude: np.ndarray, start: float = 0.0, floor: float = np.nan, unit: str = "V") -> Stretch:
    """Samples whose raw signal is free of edges."""
    raw = np.sin(np.arange(amplitude.size)) * 1e-3
    return Stretch(times(amplitude.size / RATE, start), raw, amplitude, RATE, unit, floor)


def trial(norms: Normalisers, level: float, start: float, floor: float = 2e-6, unit: str = "V") -> list[Event]:
    """One trial of 5 s: half a second up, a plateau, half a second down, and a sample after it."""
    norms.begin(T0 + round(start * S), [MUSCLE], "mvc", 5.0)
    shape = np.interp(np.arange(5001) / RATE, [0.0, 0.5, 4.5, 5.0], [floor, level, level, floor])
    return norms.take(MUSCLE, stretch(shape, start, floor, unit))


def test_a_trial_is_worth_its_best_half_second_and_the_best_trial_is_the_mvc() -> None:
    norms = Normalisers()
    (first, normalised) = trial(norms, 100e-6, 0.0)
    assert (first.name, first.t, first.end) == ("mvc", T0, T0 + 5 * S)
    assert first.data["value"] == pytest.approx(100e-6, rel=1e-9)
    assert (first.data["trial"], first.data["again"]) == (1, True)
    assert "60 s or more" in str(first.data["reason"])
    assert normalised.t == T0 + 5 * S
    assert normalised.data["by"] == "mvc"
    trial(norms, 120e-6, 65.0)
    third, told = trial(norms, 110e-6, 130.0)
    assert told.data["trials"] == pytest.approx([100e-6, 120e-6, 110e-6])
    assert (third.data["best"], third.data["again"], third.data["reason"]) == (pytest.approx(120e-6), False, "")
    assert norms.value(MUSCLE, "V") == pytest.approx(120e-6)
    assert np.isnan(norms.value(MUSCLE, "counts"))


def test_a_short_peak_counts_only_as_far_as_it_fills_half_a_second() -> None:
    amplitude = np.full(5001, 20e-6)
    amplitude[1000:1250] = 220e-6
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "mvc", 5.0)
    (event, _) = norms.take(MUSCLE, stretch(amplitude, floor=2e-6))
    assert event.data["value"] == pytest.approx(120e-6)


@pytest.mark.parametrize(("third", "again"), [(109e-6, False), (111e-6, True)])
def test_a_third_trial_still_rising_by_ten_percent_asks_for_another(third: float, again: bool) -> None:
    norms = Normalisers()
    trial(norms, 150e-6, 0.0)
    trial(norms, 100e-6, 65.0)
    event = trial(norms, third, 130.0)[0]
    assert event.data["again"] is again
    assert ("still rising" in str(event.data["reason"])) is again
    assert trial(norms, third, 195.0)[0].data["again"] is False


def test_a_trial_that_is_stopped_counts_as_far_as_it_went() -> None:
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "mvc", 5.0)
    assert norms.take(MUSCLE, stretch(np.full(2000, 80e-6), floor=2e-6)) == []
    norms.stop(T0 + 2 * S)
    (event, _) = norms.take(MUSCLE, stretch(np.full(10, 500e-6), 2.0))
    assert (event.end, event.data["value"]) == (T0 + 2 * S, pytest.approx(80e-6))


@pytest.mark.parametrize(
    ("amplitude", "floor", "said"),
    [
        (np.full(5001, 5e-6), 2e-6, "did not contract clearly: 5 uV against 2 uV at rest"),
        (np.full(5001, np.nan), 2e-6, "gave no signal"),
        (np.zeros(5001), 2e-6, "gave no signal"),
        (np.full(5001, 90e-6), np.nan, "resting level"),
    ],
)
def test_a_trial_that_shows_no_contraction_is_refused_with_a_sentence(amplitude, floor, said) -> None:
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "mvc", 5.0)
    (event,) = norms.take(MUSCLE, stretch(amplitude, floor=floor))
    assert said in str(event.data["reason"])
    assert (event.data["value"], event.data["again"], event.data["trial"]) == (None, True, 1)
    assert np.isnan(norms.value(MUSCLE, "V"))


def test_a_clipped_trial_is_refused_and_costs_no_trial() -> None:
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "mvc", 5.0)
    raw = np.clip(np.random.default_rng(1).normal(size=5001), -1.5, 1.5)
    (event,) = norms.take(MUSCLE, Stretch(times(5.001), raw, np.full(5001, 90e-6), RATE, "V", 2e-6))
    assert "beyond what its sensor can show" in str(event.data["reason"])
    assert trial(norms, 90e-6, 10.0)[0].data["trial"] == 1


@pytest.mark.parametrize(("wrong", "said"), [("off", "electrode of"), ("clipped", "beyond what its sensor")])
@pytest.mark.parametrize(("second", "counts"), [(1, True), (2, False)])
def test_a_judged_second_within_a_trial_spoils_it_and_one_from_before_does_not(wrong, said, second, counts) -> None:
    norms = Normalisers()
    norms.begin(T0 + S // 2, [MUSCLE], "mvc", 3.0)
    for n in range(4):
        whole = stretch(np.full(1000, 90e-6), float(n), 2e-6)
        found = norms.take(MUSCLE, replace(whole, **{wrong: n == second}))
    found = norms.take(MUSCLE, stretch(np.full(10, 90e-6), 4.0, 2e-6)) or found
    assert (found[0].data["value"] is not None) is counts
    assert (said in str(found[0].data["reason"])) is not counts


@pytest.mark.needs("data")
def test_no_real_recording_counts_as_clipped_until_it_is(recordings: Path) -> None:
    for name, bits in (("emg_bursts", 16), ("emg_fatigue", 12)):
        emg = opensignals(recordings / f"emg_opensignals/{name}.h5", bits)
        assert not clipped(emg)
        limit = 0.3 * np.abs(emg - np.median(emg)).max()
        assert clipped(np.clip(emg - np.median(emg), -limit, limit))


def test_a_window_does_not_reach_over_a_gap() -> None:
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "mvc", 5.0)
    for start in (0.0, 0.6, 1.2):
        norms.take(MUSCLE, stretch(np.full(450, 90e-6), start, 2e-6))
    assert "no signal" in str(norms.take(MUSCLE, stretch(np.ones(1), 5.0))[0].data["reason"])


@pytest.mark.parametrize(("rms_v", "grade"), [(4.0e-6, "good"), (7e-6, "fair"), (13e-6, "redo"), (0.0, "redo")])
def test_a_rest_is_graded_by_its_noise(rms_v: float, grade: str) -> None:
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "rest", 5.0)
    envelope = np.full(5001, rms_v * np.sqrt(2.0 / np.pi))
    (event,) = norms.take(MUSCLE, stretch(envelope))
    assert (event.name, event.end, event.data["grade"]) == ("rest", T0 + 5 * S, grade)
    assert event.data["rms"] == pytest.approx(rms_v)
    assert bool(event.data["reason"]) is (grade != "good")


def test_noise_in_counts_is_not_graded_and_says_so() -> None:
    norms = Normalisers(rms=True)
    norms.begin(T0, [MUSCLE], "rest", 5.0)
    (event,) = norms.take(MUSCLE, stretch(np.full(5001, 3.0), unit="counts"))
    assert (event.data["grade"], event.data["rms"], event.data["unit"]) == (None, pytest.approx(3.0), "counts")
    assert "not volts" in str(event.data["reason"])


def test_a_muscle_that_moves_was_not_at_rest_and_its_level_is_not_kept() -> None:
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "rest", 5.0)
    (event,) = norms.take(MUSCLE, stretch(np.where(np.arange(5001) < 4000, 1e-6, 8e-6)))
    assert event.data["grade"] == "redo"
    assert "not at rest" in str(event.data["reason"])
    assert np.isnan(norms.muscles[MUSCLE].rest)


def test_a_measured_rest_counts_more_than_the_floor() -> None:
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "rest", 5.0)
    norms.take(MUSCLE, stretch(np.full(5001, 8e-6)))
    (event,) = trial(norms, 20e-6, 10.0, floor=1e-6)
    assert "against 8 uV at rest" in str(event.data["reason"])


def test_a_second_beginning_leaves_the_first_alone() -> None:
    norms = Normalisers()
    norms.begin(T0, [MUSCLE], "mvc", 5.0)
    (event,) = norms.begin(T0 + S, [MUSCLE], "rest", 5.0)
    assert "under way" in str(event.data["reason"])
    assert norms.due([MUSCLE]) == [T0 + 5 * S]


def test_a_given_value_stands_until_it_is_measured_or_forgotten() -> None:
    norms = Normalisers()
    (event,) = norms.give(T0, {MUSCLE: {"value": 3e-4, "unit": "V"}, "x": {"value": "a", "unit": "V"}}, "before")
    assert event.data == {"muscle": MUSCLE, "by": "given", "value": 3e-4, "unit": "V", "from": "before"}
    trial(norms, 100e-6, 0.0)
    assert norms.value(MUSCLE, "V") == pytest.approx(100e-6)
    (gone,) = norms.forget(T0, [MUSCLE])
    assert (gone.data["by"], gone.data["value"]) == ("peak", None)
    assert np.isnan(norms.value(MUSCLE, "V"))


@given(cuts=st.lists(st.integers(1, 7999), max_size=6))
@settings(deadline=None, max_examples=30)
def test_any_cutting_gives_the_same_bits(cuts: list[int]) -> None:
    amplitude = np.abs(np.random.default_rng(3).normal(size=8000)) * 1e-4

    def run(edges: list[int]) -> list[Event]:
        norms = Normalisers()
        norms.begin(T0 + S, [MUSCLE], "mvc", 5.0)
        whole = stretch(amplitude, floor=2e-6)
        events = []
        for a, b in pairwise(edges):
            part = Stretch(whole.t[a:b], whole.raw[a:b], amplitude[a:b], RATE, "V", 2e-6)
            events += norms.take(MUSCLE, part)
        return events

    assert run([0, *sorted(set(cuts)), 8000]) == run([0, 8000])


def test_what_is_carried_continues_equal() -> None:
    norms = Normalisers()
    trial(norms, 100e-6, 0.0)
    trial(norms, 120e-6, 65.0)
    norms.begin(T0 + 130 * S, [MUSCLE], "mvc", 5.0)
    norms.take(MUSCLE, stretch(np.full(3000, 140e-6), 130.0, 2e-6))
    other = Normalisers()
    other.restore(norms.carry())
    rest = stretch(np.full(2001, 90e-6), 133.0, 2e-6)
    assert other.take(MUSCLE, rest) == norms.take(MUSCLE, rest)
    assert other.value(MUSCLE, "V") == norms.value(MUSCLE, "V") == pytest.approx(140e-6)
    assert [e.data for e in other.tell(T0)] == [e.data for e in norms.tell(T0)]


@pytest.mark.parametrize("said", [{}, {"trials": 3, "open": 5}, {"value": -1.0, "unit": 3, "open": {"begin": 1}}])
def test_nonsense_that_is_restored_is_nothing(said: dict[str, object]) -> None:
    norms = Normalisers()
    norms.restore({MUSCLE: said, "y": 3})
    assert np.isnan(norms.value(MUSCLE, "V"))
    assert norms.due([MUSCLE]) == []


def test_every_parameter_is_felt() -> None:
    def told(**changed: float) -> list[object]:
        norms = Normalisers(MvcParams(**changed))  # type: ignore[arg-type]
        norms.begin(T0, [MUSCLE], "rest", 5.0)
        found = norms.take(MUSCLE, stretch(np.full(5001, 6e-6)))
        found += norms.begin(T0 + 6 * S, [MUSCLE], "mvc", 5.0)
        amplitude = np.full(5001, 30e-6)
        amplitude[2000:2300] = 90e-6
        whole = stretch(amplitude, 6.0, 2e-6)
        kept = np.ones(5001, dtype=bool)
        kept[2060:2110] = False
        found += norms.take(MUSCLE, Stretch(whole.t[kept], whole.raw[kept], amplitude[kept], RATE, "V", 2e-6))
        for start in (20.0, 40.0, 60.0):
            found += trial(norms, 60e-6 * (1 + 0.004 * start), start)
        return [(e.name, dict(e.data)) for e in found]

    usual = told()
    for name, value in {
        "window_s": 0.1, "trials": 2, "rising": 0.05, "pause_s": 90.0, "clear": 20.0, "good_v": 9e-6, "fair_v": 7e-6,
        "max_gap_s": 0.01,
    }.items():  # fmt: skip
        assert told(**{name: value}) != usual, name


def contractions(seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 3 uV with contractions at 7 to 11 s (weaker) and 13 to 17 s, 20 s in all."""
    t = times(20.0)
    s = (t - T0) / S
    gain = np.where((s >= 7) & (s < 11), 60.0, np.where((s >= 13) & (s < 17), 100.0, 1.0))
    return t, 3e-6 * gain * np.random.default_rng(seed).normal(size=t.size)


def live(
    edges: list[int], asked: list[tuple[float, dict[str, object]]], how: PipelineSettings | None = None
) -> tuple[np.ndarray, list[Event]]:
    """Run a pipeline over the contractions; what is asked at a second comes before the samples from there on."""
    pipeline = Pipeline(how or PipelineSettings())
    pipeline.place(Placement("myo", channels={0: MUSCLE}))
    t, emg = contractions()
    cuts = sorted({*edges, 0, t.size, *(round(when * RATE) for when, _ in asked)})
    values, events = [], []
    for a, b in pairwise(cuts):
        for when, data in asked:
            if round(when * RATE) == a:
                pipeline.normalise(T0 + round(when * S), data)  # type: ignore[arg-type]
        pipeline.emg(TimedEmg("myo", t[a:b], emg[a:b, None], RATE, "V"))
        batches, found = pipeline.advance(int(t[b - 1]))
        events += found
        values += [
            batch.values[:, batch.names.index(f"activation_{MUSCLE}")] for batch in batches if batch.topic == "emg"
        ]
    events += pipeline.finish(int(t[-1]))[1]
    return np.concatenate(values), events


ASKED: list[tuple[float, dict[str, object]]] = [
    (0.9, {"what": "rest"}),
    (6.8, {"what": "mvc", "muscles": [MUSCLE, "nobody"]}),
    (12.8, {"what": "mvc", "muscles": [MUSCLE], "seconds": 4}),
]


def test_the_pipeline_normalises_by_the_best_trial_from_its_end_on_and_does_not_clip() -> None:
    activation, events = live([], [ASKED[1]])
    absent, measured = (e for e in events if e.name == "mvc")
    (by,) = (e for e in events if e.data.get("by") == "mvc")
    assert "no sensor gives EMG of nobody" in str(absent.data["reason"])
    assert measured.data["value"] == by.data["value"] == pytest.approx(180e-6 * np.sqrt(2 / np.pi), rel=0.2)
    assert activation[1350:1650].mean() == pytest.approx(100 / 60, rel=0.2)
    assert np.nanmax(activation) > 1.5


def test_the_pipeline_says_when_it_falls_back_on_the_peak_and_what_that_was() -> None:
    _, events = live([], [])
    first, last = (e for e in events if e.name == "normalised")
    assert (first.data["by"], last.data["by"]) == ("peak", "peak")
    assert first.t - T0 == 8 * S
    assert last.data["value"] > first.data["value"]  # type: ignore[operator]


@given(edges=st.lists(st.integers(1, 19999), max_size=8))
@settings(deadline=None, max_examples=15)
def test_any_cutting_of_the_stream_gives_the_same_activation_and_events(edges: list[int]) -> None:
    activation, events = live(edges, ASKED)
    whole, same = live([], ASKED)
    assert np.array_equal(activation, whole, equal_nan=True)
    assert [e for e in events if e.name != "burst"] == [e for e in same if e.name != "burst"]


def test_the_order_of_events_of_a_visit_in_which_the_trial_of_nobody_is_refused_at_once() -> None:
    told = [(e.name, e.data.get("trial")) for e in live([], ASKED)[1] if e.name in ("rest", "mvc")]
    assert told == [("rest", None), ("mvc", 1), ("mvc", 1), ("mvc", 2)]


@pytest.mark.parametrize("amplitude", ["envelope", "rms"])
def test_the_noise_at_rest_is_the_same_for_both_amplitudes(amplitude: Literal["envelope", "rms"]) -> None:
    _, events = live([], [ASKED[0]], PipelineSettings(emg_amplitude=amplitude))
    (rest,) = (e for e in events if e.name == "rest")
    band = np.sqrt((450.0 - 20.0) / 500.0)  # of white noise up to half the rate
    assert rest.data["rms"] == pytest.approx(3e-6 * band, rel=0.05)


def test_an_electrode_that_hangs_in_the_hum_gives_no_maximum() -> None:
    pipeline = Pipeline(PipelineSettings())
    pipeline.place(Placement("myo", channels={0: MUSCLE}))
    t, noise = times(12.0), np.random.default_rng(4).normal(size=12000)
    hum = 2e-4 * np.sin(2 * np.pi * 50.0 * (t - T0) / S)
    emg = np.where(t < T0 + 5 * S, 3e-6, 1e-6) * noise + np.where(t < T0 + 5 * S, 0.0, hum)
    events = []
    for a in range(0, t.size, 100):
        if a == 5000:
            pipeline.normalise(T0 + 5 * S, {"what": "mvc", "muscles": [MUSCLE]})
        pipeline.emg(TimedEmg("myo", t[a : a + 100], emg[a : a + 100, None], RATE, "V"))
        events += pipeline.advance(int(t[a + 99]))[1]
    (refused,) = (e for e in events if e.name == "mvc")
    assert refused.data["value"] is None
    assert "electrode" in str(refused.data["reason"])
