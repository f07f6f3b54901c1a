"""Electrodes on the wrong side are suspected through the whole pipeline, on a simulated person who walks."""

import numpy as np
import pytest

from fusion.emg.exchange import STEP_NS, Steps
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import Placement, TimedAngle, TimedEmg
from simulators.person import Person, Script
from simulators.person.motion.activities import stand, walk

START = 1_700_000_000_000_000_000
NAMES = ("soleus_left", "soleus_right")


def walked(*, exchanged: bool, seconds: float = 75.0) -> tuple[Pipeline, list]:
    person = Person(Script((stand(3.0), walk(60.0), stand(2.0))), seed=2)
    pipeline = Pipeline(PipelineSettings())
    names = NAMES[::-1] if exchanged else NAMES
    pipeline.place(Placement("emg", None, dict(enumerate(names))))
    pipeline.place(Placement("knees", None, {0: "knee_flexion_left", 1: "knee_flexion_right"}))
    t, slow = np.arange(0.0, seconds, 1e-3), np.arange(0.0, seconds, 1e-2)
    emg = person.emg(t, NAMES, 1000.0)
    angles = person.joint_angles(slow)
    knees = np.stack([angles["knee_flexion_left"], angles["knee_flexion_right"]], axis=1)
    events = []
    for i in range(0, t.size, 500):
        at = START + np.round(1e9 * t[i : i + 500]).astype(np.int64)
        pipeline.emg(TimedEmg("emg", at, emg[i : i + 500], 1000.0, "V"))
        j = slice(i // 10, i // 10 + 50)
        pipeline.angle(TimedAngle("knees", START + np.round(1e9 * slow[j]).astype(np.int64), knees[j]))
        events += pipeline.advance(int(at[-1]) + 1)[1]
    return pipeline, [e for e in events if e.name == "swap"]


def test_exchanged_sides_are_told_once_and_cast_doubt_on_both() -> None:
    pipeline, swaps = walked(exchanged=True)
    (swap,) = swaps
    assert swap.data["muscles"] == list(NAMES)
    assert "may be exchanged" in str(swap.data["reason"])
    for name in NAMES:
        light, why = pipeline.lights[f"emg_{name}"]
        assert light == "yellow"
        assert "left and right soleus" in why


def test_sides_as_they_are_said_to_be_are_not_doubted() -> None:
    pipeline, swaps = walked(exchanged=False)
    assert swaps == []
    assert {pipeline.lights[f"emg_{name}"] for name in NAMES} == {("green", "")}


@pytest.mark.parametrize("size", [1, 7, 40])
def test_means_do_not_depend_on_how_rows_come(size: int) -> None:
    rng = np.random.default_rng(0)
    t, x = START + np.arange(95) * (STEP_NS // 10), rng.normal(size=(95, 2))
    steps = Steps()
    for i in range(0, 95, size):
        steps.add(t[i : i + size], ("a", "b"), x[i : i + size])
    assert [number for number, _ in steps.done] == [int(START // STEP_NS) + k for k in range(9)]
    for k, (_, means) in enumerate(steps.done):
        assert list(means.values()) == x[10 * k : 10 * k + 10].mean(axis=0).tolist()
