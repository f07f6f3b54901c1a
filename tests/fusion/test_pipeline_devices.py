"""The pipeline with devices that measure muscles or angles: rows, gaps, slow devices, every setting."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fusion.estimates import Batch
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import Placement, TimedAngle, TimedEmg

Floats = np.ndarray
START = 1_700_000_000_000_000_000
MS = 1_000_000


def columns(batches: list[Batch]) -> dict[str, tuple[Floats, Floats]]:
    """Return time and values of every series of a run."""
    parts: dict[str, list[tuple[Floats, Floats]]] = {}
    for batch in batches:
        for i, name in enumerate(batch.names):
            parts.setdefault(name, []).append((batch.t, batch.values[:, i]))
    return {name: (np.concatenate([t for t, _ in p]), np.concatenate([v for _, v in p])) for name, p in parts.items()}


def assert_same(one: list[Batch], other: list[Batch]) -> None:
    a, b = columns(one), columns(other)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name][0], b[name][0], err_msg=name)
        np.testing.assert_array_equal(a[name][1], b[name][1], err_msg=name)


def emg(seconds: float = 12.0, rate_hz: float = 1000.0) -> tuple[Floats, Floats]:
    t = np.arange(0, seconds, 1 / rate_hz)
    gain = np.where((t % 3 > 1.5) & (t > 1.5), 20.0, 1.0)
    return START + np.round(t * 1e9).astype(np.int64), (5e-6 * gain * np.random.default_rng(0).normal(size=t.size))[
        :, None
    ]


def play_emg(settings: PipelineSettings, chunk: int = 20, signal: Floats | None = None) -> tuple[list[Batch], list]:
    pipeline = Pipeline(settings)
    pipeline.place(Placement("legs", None, {0: "rectus_femoris_left"}))
    t, x = emg()
    x = x if signal is None else signal
    batches, events = [], []
    for i in range(0, t.size, chunk):
        pipeline.emg(TimedEmg("legs", t[i : i + chunk], x[i : i + chunk], 1000.0, "V"))
        for target, got in zip((batches, events), pipeline.advance(int(t[min(i + chunk, t.size) - 1])), strict=True):
            target += got
    for target, got in zip((batches, events), pipeline.finish(int(t[-1])), strict=True):
        target += got
    return batches, events


def play_angle(values: Floats, rate_hz: float, settings: PipelineSettings, placement: Placement | None = None):
    pipeline = Pipeline(settings)
    if placement is not None:
        pipeline.place(placement)
    batches, events = [], []
    for i, value in enumerate(values):
        t = START + round(i * 1e9 / rate_hz)
        pipeline.angle(TimedAngle("posture", np.array([t]), np.array([[value]])))
        for target, got in zip((batches, events), pipeline.advance(t), strict=True):
            target += got
    return batches, events


def test_a_posture_device_slouches_and_recovers() -> None:
    values = np.repeat([0.0, 25.0, 0.0], [100, 400, 50])
    batches, events = play_angle(values, 10.0, PipelineSettings())
    assert [e.name for e in events] == ["slouch", "upright"]
    assert events[0].data["duration_s"] == pytest.approx(30.0, abs=0.2)
    assert columns(batches)["posture_angle"][1].max() == 25.0


def test_the_present_posture_becomes_upright() -> None:
    pipeline = Pipeline(PipelineSettings())
    pipeline.calibrate(START + 10**9, "posture")
    for i in range(30):
        t = START + i * 100 * MS
        pipeline.angle(TimedAngle("posture", np.array([t]), np.array([[12.0]])))
    _, events = pipeline.finish(START + 3 * 10**9)
    assert [(e.name, e.data["upright_deg"]) for e in events] == [("calibrated", 12.0)]
    assert pipeline.slouch.upright_deg == pytest.approx(12.0)


def test_references_are_kept_apart_by_name() -> None:
    placement = Placement("posture", None, {0: "knee_flexion_left"}, truth=True)
    batches, events = play_angle(40 * np.sin(np.arange(1000) / 50), 100.0, PipelineSettings(), placement)
    assert set(columns(batches)) == {"truth_knee_flexion_left"}
    assert events == [], "no repetitions in a reference"


def test_a_slow_device_keeps_its_value_for_a_while() -> None:
    values = np.arange(10.0)
    pipeline = Pipeline(PipelineSettings())
    fast = [START + i * 10 * MS for i in range(901)]
    batches = []
    for i, t in enumerate(fast):
        pipeline.angle(TimedAngle("fast", np.array([t]), np.array([[0.0]])))
        if i % 100 == 0 and i < 500:
            pipeline.angle(TimedAngle("posture", np.array([t]), np.array([[values[i // 100]]])))
        batches += pipeline.advance(t)[0]
    t, held = (
        pipeline.angles.tracks["posture"].newest,
        [b for b in batches if b.names == ("posture_angle", "posture_angle")],
    )
    assert t == START + 4 * 10**9
    last = np.concatenate([b.values[:, 1] for b in held])
    assert {0.0, 1.0, 2.0, 3.0, 4.0} <= set(last[np.isfinite(last)].tolist())
    assert np.isnan(last[-1]), "after two seconds the value is too old"


# EMG


def test_muscles_have_envelope_activation_and_bursts() -> None:
    batches, events = play_emg(PipelineSettings())
    got = columns(batches)
    muscle = "rectus_femoris_left"
    assert set(got) == {f"emg_{muscle}", f"activation_{muscle}", "quality_legs", f"light_emg_{muscle}"}
    assert {u for b in batches for n, u in zip(b.names, b.units, strict=True) if n.startswith("emg")} == {"V"}
    assert np.nanmax(got["activation_rectus_femoris_left"][1]) <= 1.0
    assert {e.data["muscle"] for e in events} == {"rectus_femoris_left"}
    assert [e.name for e in events if e.name == "burst"] == ["burst"] * 4
    assert {e.name for e in events} == {"burst", "quality", "normalised"}
    assert got["quality_legs"][1].min() == 1.0


def test_muscles_come_out_the_same_however_they_are_cut() -> None:
    one, other = play_emg(PipelineSettings(), chunk=20), play_emg(PipelineSettings(), chunk=7)
    assert_same(one[0], other[0])
    assert one[1] == other[1]


def test_a_rate_that_holds_no_emg_gives_nothing_and_harms_nothing() -> None:
    pipeline = Pipeline(PipelineSettings())
    t = START + np.arange(50) * 20 * MS
    pipeline.emg(TimedEmg("legs", t, np.zeros((50, 1)), 50.0, "V"))
    assert pipeline.finish(int(t[-1])) == ([], [])


def test_a_gap_in_the_muscles_restarts_the_filter_and_is_told() -> None:
    pipeline = Pipeline(PipelineSettings())
    pipeline.place(Placement("legs", None, {0: "rectus_femoris_left"}))
    t, x = emg(2.0)
    pipeline.emg(TimedEmg("legs", t[:1000], x[:1000], 1000.0, "V"))
    pipeline.emg(TimedEmg("legs", t[1500:], x[1500:] + 1.0, 1000.0, "V", gap=True))
    batches, events = pipeline.finish(int(t[-1]))
    assert [(e.name, e.data) for e in events if e.name != "quality"] == [("gap", {"sensor": "legs"})]
    envelope = columns(batches)["emg_rectus_femoris_left"][1]
    assert np.isnan(envelope[101:150]).all()
    assert np.nanmax(envelope) < 1e-3, "a new offset does not ring"


def test_the_level_of_a_muscle_is_carried_over() -> None:
    t, x = emg()
    one, other = Pipeline(PipelineSettings()), Pipeline(PipelineSettings())
    for pipeline in (one, other):
        pipeline.place(Placement("legs", None, {0: "rectus_femoris_left"}))
    one.emg(TimedEmg("legs", t, x, 1000.0, "V"))
    other.restore(int(t[-1]), json.loads(json.dumps(one.carry())))
    other.emg(TimedEmg("legs", t[:1000], x[:1000], 1000.0, "V"))
    batches, _ = other.finish(int(t[999]))
    rest = columns(batches)["activation_rectus_femoris_left"][1][60:]
    assert 0.0 < np.nanmax(rest) < 0.2, "rest is a small part of a peak that lies before"


# Settings


@pytest.mark.parametrize(
    "change",
    [
        {"emg_high_pass_hz": 60.0},
        {"emg_low_pass_hz": 100.0},
        {"emg_notch": "50"},
        {"emg_amplitude": "rms"},
        {"emg_envelope_hz": 3.0},
        {"burst_ratio": 100.0},
        {"burst_fraction": 0.95},
        {"burst_min_s": 5.0},
        {"burst_pause_s": 5.0},
    ],
)
def test_every_setting_of_muscles_is_felt(change: dict[str, Any]) -> None:
    one, other = play_emg(PipelineSettings()), play_emg(replace(PipelineSettings(), **change))
    assert one[1] != other[1]


@pytest.mark.parametrize(
    "change", [{"posture_threshold_deg": 40.0}, {"posture_hysteresis_deg": 14.0}, {"posture_delay_s": 100.0}]
)
def test_every_setting_of_posture_is_felt(change: dict[str, float]) -> None:
    values = np.repeat([0.0, 25.0, 5.0], [100, 400, 50])
    assert play_angle(values, 10.0, PipelineSettings())[1] != play_angle(values, 10.0, PipelineSettings(**change))[1]


def test_the_time_a_slow_value_stands_is_felt() -> None:
    runs = [play_angle(np.arange(10.0), 2.0, PipelineSettings(hold_s=s))[0] for s in (2.0, 0.05)]
    whole, part = (columns(batches)["posture_angle"][1] for batches in runs)
    np.testing.assert_array_equal(np.unique(whole), np.arange(10.0))
    assert np.isfinite(whole).all()
    assert np.isfinite(part).mean() < 0.2


def test_a_repetition_below_the_fraction_is_felt() -> None:
    angle = np.concatenate([r * (0.5 - 0.5 * np.cos(np.arange(200) * np.pi / 100)) for r in (90, 90, 30, 90)])
    placement = Placement("posture", None, {0: "knee_flexion_left"})
    counts = [len(play_angle(angle, 100.0, PipelineSettings(rep_fraction=f), placement)[1]) for f in (0.5, 0.1)]
    assert counts == [3, 4]


def test_two_channels_of_one_muscle_do_not_tell_against_each_other() -> None:
    pipeline = Pipeline(PipelineSettings())
    for box in ("one", "other"):
        pipeline.place(Placement(box, None, {0: "rectus_femoris_left"}))
    t, x = emg(8.0)
    events = []
    for i in range(0, t.size, 500):
        pipeline.emg(TimedEmg("one", t[i : i + 500], x[i : i + 500], 1000.0, "V"))
        pipeline.emg(TimedEmg("other", t[i : i + 500], np.zeros((len(t[i : i + 500]), 1)), 1000.0, "V"))
        events += pipeline.advance(int(t[min(i + 499, t.size - 1)]) + 1)[1]
    told = [e.data["light"] for e in events if e.name == "quality"]
    assert sorted(told) == ["green", "red"], "each once"


def test_an_electrode_that_is_off_has_no_activation_from_the_second_after() -> None:
    pipeline = Pipeline(PipelineSettings())
    pipeline.place(Placement("legs", None, {0: "rectus_femoris_left"}))
    t, x = emg(12.0)
    x[5000:9000] = 0.0
    pipeline.emg(TimedEmg("legs", t, x, 1000.0, "V"))
    batches, events = pipeline.finish(int(t[-1]))
    time, activation = columns(batches)["activation_rectus_femoris_left"]
    since = (time - START) / 1e9
    assert np.isnan(activation[(since > 6.01) & (since < 8.99)]).all()
    assert np.isfinite(activation[(since > 10.01) & (since < 11.9)]).all()
    off = [e for e in events if e.name == "quality" and "off" in e.data["flags"]]
    assert "press it on" in str(off[0].data["reason"])
