"""Target zones: when one is in, has held and is out, by hand and in the pipeline, in any cutting."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.emg.zones import Zone, ZoneParams, Zones
from fusion.estimates import Event
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import Placement, TimedEmg

T0 = 1_800_000_000_000_000_000
S = 10**9
RATE = 100.0
MUSCLE = "vastus_lateralis_left"


def zones(**how: Any) -> Zones:
    z = Zones()
    z.set([Zone(MUSCLE, **how)])
    return z


def course(*parts: tuple[float, float]) -> np.ndarray:
    """Activations of so many seconds each."""
    return np.concatenate([np.full(round(seconds * RATE), level) for seconds, level in parts])


def run(z: Zones, x: np.ndarray, edges: list[int] | None = None) -> list[Event]:
    t = T0 + np.round(np.arange(x.size) * S / RATE).astype(np.int64)
    cuts = sorted({0, x.size, *(edges or [])})
    return [event for a, b in pairwise(cuts) for event in z.take(MUSCLE, t[a:b], x[a:b])] + z.finish()


def told(events: list[Event]) -> list[tuple[object, float, float | None, object]]:
    """State, begin and end [s from the start] and how long."""
    return [
        (e.data["state"], (e.t - T0) / S, None if e.end is None else (e.end - T0) / S, e.data["for_s"]) for e in events
    ]


def test_a_zone_is_entered_held_and_left() -> None:
    z = zones(low=0.4, high=0.6, hold_s=2.0)
    assert told(run(z, course((1, 0.1), (3, 0.5), (1, 0.1)))) == [
        ("in", 1.0, None, 0.0), ("held", 1.0, 3.0, 2.0), ("out", 1.0, 4.0, 3.0)
    ]  # fmt: skip
    (said,) = z.describe()
    assert (said["state"], said["entries"], said["holds"], said["time_s"]) == ("out", 1, 1, 3.0)  # type: ignore[call-overload,index]


def test_too_much_is_out_as_well_and_too_short_is_not_held() -> None:
    events = told(run(zones(low=0.4, high=0.6, hold_s=2.0), course((1, 0.5), (1, 0.9), (1.5, 0.5))))
    assert events == [
        ("in", 0.0, None, 0.0), ("out", 0.0, 1.0, 1.0), ("in", 2.0, None, 0.0), ("out", 2.0, 3.49, 1.49)
    ]  # fmt: skip


def test_within_the_margin_and_for_a_moment_beyond_it_one_stays_in() -> None:
    x = course((1, 0.45), (1, 0.37), (0.2, 0.1), (1, 0.45), (1, 0.2))
    assert told(run(zones(low=0.4, hold_s=3.0), x)) == [
        ("in", 0.0, None, 0.0), ("held", 0.0, 3.0, 3.0), ("out", 0.0, 3.2, 3.2)
    ]  # fmt: skip


def test_the_margin_does_not_let_anybody_in() -> None:
    assert run(zones(low=0.4), course((3, 0.37))) == []


def test_a_short_loss_is_bridged_and_a_long_one_ends_the_stay() -> None:
    short = told(run(zones(low=0.4, hold_s=2.0), course((1, 0.5), (0.3, np.nan), (1, 0.5))))
    assert [state for state, *_ in short] == ["in", "held", "out"]
    long = told(run(zones(low=0.4, hold_s=2.0), course((1, 0.5), (0.7, np.nan), (1, 0.5))))
    assert long == [
        ("in", 0.0, None, 0.0), ("out", 0.0, 0.99, 0.99), ("in", 1.7, None, 0.0), ("out", 1.7, 2.69, 0.99)
    ]  # fmt: skip


@given(
    levels=st.lists(st.tuples(st.integers(1, 80), st.sampled_from([0.1, 0.37, 0.45, 0.62, 0.9, np.nan])), max_size=12),
    edges=st.lists(st.integers(1, 900), max_size=8),
)
@settings(deadline=None, max_examples=100)
def test_any_cutting_gives_the_same(levels: list[tuple[int, float]], edges: list[int]) -> None:
    x = course((0.1, 0.0), *((n / RATE, level) for n, level in levels))
    how = {"low": 0.4, "high": 0.6, "hold_s": 0.4}
    whole, cut = zones(**how), zones(**how)
    assert run(whole, x) == run(cut, x, [edge for edge in edges if edge < x.size])
    assert whole.describe() == cut.describe()


def test_what_is_carried_continues_equal() -> None:
    first, second = zones(hold_s=2.0), Zones()
    t = T0 + np.arange(400, dtype=np.int64) * 10_000_000
    x = course((3, 0.5), (1, 0.1))
    first.take(MUSCLE, t[:100], x[:100])
    second.restore(first.carry())
    assert second.take(MUSCLE, t[100:], x[100:]) == first.take(MUSCLE, t[100:], x[100:]) != []


def test_other_zones_end_the_stays_of_those_before_and_the_same_go_on() -> None:
    z = Zones()
    kept, other = Zone(MUSCLE), Zone("x")
    z.set([kept, other])
    t = T0 + np.arange(100, dtype=np.int64) * 10_000_000
    for muscle in (MUSCLE, "x"):
        z.take(muscle, t, np.full(100, 0.5))
    (gone,) = z.set([kept, Zone("x", 0.5)])
    assert (gone.data["muscle"], gone.data["state"], gone.end) == ("x", "out", int(t[-1]))
    assert z.take(MUSCLE, t + S, np.full(100, 0.5)) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5, "a zone is an object"),
        ({"muscle": MUSCLE, "low": 0}, "begins above 0"),
        ({"muscle": MUSCLE, "low": float("nan")}, "begins above 0"),
        ({"muscle": MUSCLE, "low": 0.5, "high": 0.4}, "ends above where it begins"),
        ({"muscle": MUSCLE, "hold_s": 0.1}, "0.2 to 300 s"),
        ({"muscle": MUSCLE, "high": "a"}, "high is a number"),
        ({"muscle": MUSCLE, "low": None}, "low is a number"),
        ({"muscle": MUSCLE, "buzz": 1}, "buzz is true or false"),
    ],
)
def test_what_is_no_zone_says_why(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Zone.from_json(value)


def test_a_zone_survives_json_and_has_the_usual_threshold() -> None:
    for zone in (Zone(MUSCLE, 0.2, 0.3, 5.0, buzz=True), Zone(MUSCLE)):
        assert Zone.from_json(zone.to_json()) == zone
    assert Zone.from_json({"muscle": MUSCLE}).low == 0.4


def test_every_parameter_is_felt() -> None:
    x = course((1, 0.5), (1, 0.37), (0.2, 0.1), (1, 0.5), (0.3, np.nan), (1, 0.5), (1, 0.1))
    usual = told(run(zones(hold_s=2.0), x))
    for params in (ZoneParams(margin=0.01), ZoneParams(leave_s=0.1), ZoneParams(forget_s=0.2)):
        other = zones(hold_s=2.0)
        other.params = params
        assert told(run(other, x)) != usual, params


def test_the_pipeline_tells_a_held_zone_of_a_given_maximum() -> None:
    pipeline = Pipeline(PipelineSettings())
    pipeline.place(Placement("myo", channels={0: MUSCLE}))
    pipeline.normalise(T0, {"what": "mvc_given", "values": {MUSCLE: {"value": 1e-4, "unit": "V"}}, "from": "before"})
    pipeline.zones([{"muscle": MUSCLE, "low": 0.4, "hold_s": 2}, {"muscle": "x", "low": -1}])
    t = T0 + np.arange(8000, dtype=np.int64) * 1_000_000
    s = (t - T0) / S
    level = np.where((s >= 2) & (s < 6), 6e-5, 2e-6) * np.sqrt(np.pi / 2)
    emg = level * np.random.default_rng(2).normal(size=t.size)
    events = []
    for i in range(0, 8000, 50):
        pipeline.emg(TimedEmg("myo", t[i : i + 50], emg[i : i + 50, None], 1000.0, "V"))
        events += pipeline.advance(int(t[i + 49]))[1]
    found = [e for e in events if e.name == "zone"]
    assert [e.data["state"] for e in found] == ["in", "held", "out"]
    assert found[0].t / S == pytest.approx((T0 / S) + 2.05, abs=0.05)
    assert found[2].data["for_s"] == pytest.approx(4.0, abs=0.1)
