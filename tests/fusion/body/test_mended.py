"""Whatever goes wrong with a calibration can be mended as the sentences say, and no sensor is left out for good."""

import numpy as np
import pytest

from fusion.body.seats.alignment import Seat
from fusion.body.seats.calibration import BodyCalibration
from fusion.body.seats.memory import STEP_NS, Step
from fusion.body.seats.watch import neighbours
from fusion.body.segments import JOINTS
from fusion.body.trust import RED, YELLOW, judge
from fusion.pipeline import Pipeline
from fusion.samples import Placement, TimedImu
from fusion.settings import PipelineSettings
from simulators.person.motion import activities as do
from simulators.person.motion.script import Script
from simulators.person.rotation import from_vector, rotate
from tests.fusion.body.worn import LEG, START, WALK_FIRST, WALKING_ZERO_DEG, Worn, played, rms

LONG = Script((do.stand(2.0), do.walk(60.0), do.stand(3.0), do.squat(5), do.stand(4.0)))
OFTEN = Script((do.stand(2.0), do.walk(20.0), *(do.stand(3.0), do.walk(3.0)) * 12, do.stand(4.0)))
SLIPPED_FROM_S = 26.0


def ask(pipeline: Pipeline, t: int) -> None:
    pipeline.calibrate(t, "pose", "standing")


def place(sensor: str, segment: str | None):
    return lambda pipeline, _: pipeline.place(Placement(sensor, segment))


def slipped(measured, *_) -> None:
    """Turn the shank's sensor by 16 degrees about a level axis, from `SLIPPED_FROM_S` on."""
    acc, gyr = measured["shank_left"]
    up = acc[50:150].mean(axis=0)
    level = np.cross(up, [0.3, 0.5, 0.7])
    turn = from_vector(np.radians(16.0) * level / np.linalg.norm(level))
    for x in (acc, gyr):
        x[int(100 * SLIPPED_FROM_S) :] = rotate(turn, x[int(100 * SLIPPED_FROM_S) :])


def test_exchanged_sensors_are_found_anew_once_their_places_are_mended() -> None:
    def swap(measured, *_) -> None:
        measured["thigh_left"], measured["shank_left"] = measured["shank_left"], measured["thigh_left"]

    mend = [(20.0, place("thigh_left", "shank_left")), (20.0, place("shank_left", "thigh_left"))]
    worn = played(LONG, LEG, seed=1, seconds=60.0, change=swap, acts=mend)
    assert len(worn.named("swap")) == 1
    _, error = worn.error("knee_flexion_left")
    assert rms(error - error.mean()) < 1.5
    assert abs(error.mean()) < 1.5 * WALKING_ZERO_DEG


def test_a_slip_is_told_once_however_often_somebody_stands() -> None:
    worn = played(OFTEN, LEG, seconds=90.0, change=slipped)
    assert len(worn.named("slip")) == 1
    assert len(worn.pipeline.calibration.reasons["knee_left"]) == 1


def test_a_slip_is_over_once_a_pose_was_taken_as_its_sentence_says() -> None:
    worn = played(OFTEN, LEG, seconds=75.0, change=slipped, acts=[(59.0, ask)])
    assert len(worn.named("slip")) == 1
    assert worn.pipeline.lights["knee_left"] == ("green", "")


def test_a_pose_makes_zero_sure() -> None:
    script = Script((do.walk(25.0), do.stand(4.0), do.walk(10.0)))
    unsure, sure = (played(script, LEG, begin=3.0, seconds=30.0, acts=acts) for acts in ((), ((22.4, ask),)))
    assert "zero taken from walking" in unsure.pipeline.lights["knee_left"][1]
    assert sure.pipeline.calibration.reasons["knee_left"] == ()
    assert np.nanmin(sure.series("uncertainty_knee_flexion_left")[1]) < 4.0


def ready(worn: Worn) -> bool:
    return worn.pipeline.calibration.state == "ready"


@pytest.mark.parametrize("acts", [(), ((0.5, ask),)], ids=["no pose", "pose"])
def test_a_shank_that_comes_later_than_its_thigh_is_found_with_it(acts) -> None:
    def late(measured, *_) -> None:
        for x in measured["shank_left"]:
            x[:1000] = np.nan

    worn = played(LONG, LEG, seconds=75.0, change=late, acts=acts)
    assert ready(worn)
    t, error = worn.error("knee_flexion_left")
    assert t[0] < 30.0
    assert rms(error - error.mean()) < 1.5
    assert abs(error.mean()) < 1.5 * WALKING_ZERO_DEG


def test_another_shank_is_found_with_its_thigh() -> None:
    again = [(28.0, place("shank_left", where)) for where in (None, "shank_left")]
    worn = played(LONG, LEG, seconds=75.0, acts=again)
    assert [e.data["segments"] for e in worn.named("calibrated")] == [list(LEG)] * 2
    assert ready(worn)


def test_sensors_put_on_again_after_a_pose_need_none() -> None:
    again = [(28.0, place(s, where)) for s in LEG for where in (None, s)]
    worn = played(LONG, LEG, seconds=75.0, acts=[(0.5, ask), *again])
    assert [e.data["what"] for e in worn.named("calibrated")] == ["movement", "movement"]
    assert ready(worn)


def test_nobody_waits_for_a_sensor_that_was_taken_off() -> None:
    worn = played(LONG, LEG, seconds=40.0, acts=[(3.0, place("shank_left", None))])
    assert list(worn.pipeline.calibration.reasons) == ["thigh_left"]
    assert ready(played(LONG, LEG, seconds=12.0, acts=[(10.0, place("shank_left", None))]))


def step(t: int, segments: int, acc: float = 9.8) -> Step:
    """Nobody moves."""
    quat = np.tile([1.0, 0.0, 0.0, 0.0], (10, segments, 1))
    gyr = np.zeros((10, segments, 3))
    return Step(t * STEP_NS, quat, gyr, gyr + np.array([0.0, 0.0, acc]), gyr)


def test_a_seated_pose_does_not_outlast_those_who_took_it() -> None:
    calibration = BodyCalibration(PipelineSettings())
    calibration.add("thigh_left")
    calibration.ask(0, "sitting")
    for t in range(30):
        calibration.step(step(t, 1))
    calibration.seats[0].align = np.array([1.0, 0.0, 0.0, 0.0])
    calibration.add("trunk")
    assert calibration.carry()["pose"] == "standing"


def test_a_sensor_without_any_force_takes_no_pose() -> None:
    calibration = BodyCalibration(PipelineSettings())
    calibration.add("trunk")
    for t in range(30):
        calibration.step(step(t, 1, acc=0.0))
    assert calibration.seats[0].up is None


def test_a_full_reset_forgets_what_waits_for_its_sensor_too() -> None:
    known = played(WALK_FIRST, LEG, seconds=12.0).pipeline.skeleton.calibration
    assert known.seats[0].align is not None
    calibration = BodyCalibration(PipelineSettings())
    calibration.restore(known.carry())
    calibration.reset()
    calibration.add("thigh_left")
    assert calibration.seats[0].align is None


def test_a_displaced_sensor_leaves_its_segment_and_never_feeds_two() -> None:
    pipeline = Pipeline(PipelineSettings())
    rows = np.zeros((20, 3))
    t = START + np.arange(20) * 10_000_000
    pipeline.place(Placement("a", "thigh_left"))
    pipeline.imu(TimedImu("a", t, np.full(20, 0.01), rows + np.array([0.0, 0.0, 9.81]), rows))
    pipeline.advance(int(t[-1]) + 1)
    pipeline.place(Placement("b", "thigh_left"))  # which does not stream yet
    pipeline.place(Placement("a", "shank_left"))
    lanes = [lane for lane in pipeline.skeleton._lanes if lane >= 0]
    assert lanes == [pipeline.motion.lanes["a"]]


def test_only_what_is_upright_whenever_somebody_stands_can_slip() -> None:
    near = neighbours(["pelvis", "trunk", "head", "thigh_left", "shank_left", "foot_left", "forearm_left"])
    assert near == {0: [3], 1: [], 2: [], 3: [0, 4], 4: [3], 5: [], 6: []}


def test_what_only_may_be_exchanged_is_a_doubt_and_no_alarm() -> None:
    knee = next(j for j in JOINTS if j.name == "knee_left")
    doubt, alarm = "front and back may be exchanged: too little seen", "slipped 15 deg: calibrate again"
    for reason, light in ((doubt, YELLOW), (alarm, RED)):
        assert judge(knee, (Seat("thigh_left"), Seat("shank_left", reasons=(reason,))), 3.0, 1.0, True)[0] == light


def test_a_joint_whose_sensor_was_taken_off_has_no_light() -> None:
    worn = played(WALK_FIRST, LEG, seconds=65.0, acts=[(60.0, place("shank_left", None))])
    before = [e for e in worn.named("quality") if e.data["joint"] == "knee_left"]
    assert before[-1].data["light"] != "red"
    assert worn.pipeline.lights == {}
    t, light = worn.series("light_knee_left")
    assert np.isnan(light[t > 61.5]).all()
    assert np.isfinite(light[t < 60.0]).any()


@pytest.mark.parametrize(("lean_deg", "stands"), [(5.0, True), (85.0, False)])
def test_somebody_who_lies_on_straight_knees_does_not_stand(lean_deg: float, stands: bool) -> None:
    """Thigh and shank are known; a sensor that is put on the trunk then waits for somebody upright."""
    calibration = BodyCalibration(PipelineSettings())
    for i, segment in enumerate(LEG):
        calibration.add(segment)
        calibration.seats[i].align = np.array([1.0, 0.0, 0.0, 0.0])
        calibration.seats[i].up = np.array([0.0, 1.0, 0.0])
    calibration.add("trunk")
    # earth is ENU, segments have y up: turned by 90 degrees about x, and the lean
    quat = from_vector(np.radians(90.0 - lean_deg) * np.array([1.0, 0.0, 0.0]))
    up = rotate(quat * [1.0, -1.0, -1.0, -1.0], np.array([0.0, 0.0, 1.0]))
    quats = np.tile(quat, (10, 3, 1))
    force, rate = np.tile(9.81 * up, (10, 3, 1)), np.zeros((10, 3, 3))
    for i in range(20):
        calibration.step(Step(i * STEP_NS, quats, rate, force, np.full_like(rate, np.nan)))
    assert (calibration.seats[2].up is not None) == stands


def test_a_full_reset_forgets_the_orientations_of_sensors_not_yet_seen() -> None:
    pipeline = Pipeline(PipelineSettings())
    rng = np.random.default_rng(0)
    t = START + np.arange(300) * 10_000_000

    def feed(one: Pipeline, times: np.ndarray) -> np.ndarray:
        acc = np.tile([0.0, 0.0, 9.81], (times.size, 1))
        one.imu(TimedImu("late", times, np.full(times.size, 0.01), acc, 0.1 * rng.normal(size=acc.shape)))
        one.advance(int(times[-1]) + 1)
        return one.motion.filter.state[0].copy()

    feed(pipeline, t)
    carried = pipeline.carry()
    fresh, again = Pipeline(PipelineSettings()), Pipeline(PipelineSettings())
    again.restore(int(t[-1]), carried)
    again.reset(int(t[-1]), "full")
    rng = np.random.default_rng(1)
    expected = feed(fresh, t[:50])
    rng = np.random.default_rng(1)
    assert feed(again, t[:50]) == expected
