"""The long axes of arms that hang anyhow: closed forms, and simulated persons through the whole pipeline."""

import numpy as np
import pytest

from fusion.body.seats.arm import HANGING_SD_DEG, UNSURE, ArmMovement, joint_centre
from fusion.orientation import quaternion as qt
from simulators.person.body import OFFSETS, SEGMENTS
from simulators.person.imu import ImuModel
from simulators.person.motion import activities as do
from simulators.person.motion.script import Script
from simulators.person.person import Person
from simulators.person.rotation import conjugate, multiply, rotate
from tests.fusion.body.worn import RATE_HZ, REACH, SQUAT_FIRST, WALK_FIRST, played, rms

CHAIN = ("trunk", "upper_arm_left", "forearm_left", "hand_left")
WORN = ("pelvis", "thigh_left", "shank_left", *CHAIN)
ELBOW, SHOULDER = "elbow_flexion_left", "shoulder_elevation_left"


class Ideal:
    """What faultless sensors of an arm measure, each with a heading of its own."""

    def __init__(self, script: Script, seed: int, seconds: float = 35.0) -> None:
        self.person, self.model = Person(script, seed=seed), ImuModel.ideal()
        time = np.arange(0.0, seconds, 1.0 / RATE_HZ)
        self.mounting = [self.person.sensor_mounting(s, self.model) for s in CHAIN]
        read = [self.person.imu(s, time, self.model) for s in CHAIN]
        headings = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, len(CHAIN))
        self.acc, self.gyr = (np.stack([r[i] for r in read], axis=1) for i in (0, 1))
        quats = []
        for s, (mounting, _), heading in zip(CHAIN, self.mounting, headings, strict=True):
            quat = multiply(self.person.segment_orientation(s, time), np.broadcast_to(mounting, (time.size, 4)))
            turn = np.array([np.cos(0.5 * heading), 0.0, 0.0, np.sin(0.5 * heading)])
            quats.append(multiply(np.broadcast_to(turn, quat.shape), quat))
        self.quat = np.stack(quats, axis=1)
        # a live filter's orientation is that of the end of the sample
        half = 0.25 / RATE_HZ * self.gyr
        self.quat = qt.normalize(qt.multiply(self.quat, np.concatenate([np.ones_like(half[..., :1]), half], axis=-1)))

    def moved(self) -> ArmMovement:
        """Return all of it as steps."""
        movement = ArmMovement(1.0 / RATE_HZ)
        for i in range(0, len(self.quat) - 9, 10):
            movement.add(self.quat[i : i + 10], self.gyr[i : i + 10], self.acc[i : i + 10])
        return movement

    def axes(self, at: int) -> np.ndarray:
        """Return x, y, z of a segment in its sensor's frame, shape (3, 3)."""
        return np.stack([rotate(conjugate(self.mounting[at][0]), axis) for axis in np.eye(3)])

    def joint(self, at: int) -> np.ndarray:
        """Return the joint between sensors `at` and `at` + 1 from both [m], shape (6,)."""
        name = CHAIN[at + 1].removesuffix("_left")
        there = self.person.build.height_m * np.array(OFFSETS[name]) * (1.0, 1.0, -1.0)
        (q, place), (r, further) = self.mounting[at : at + 2]
        return np.concatenate([rotate(conjugate(q), there - place), rotate(conjugate(r), -further)])


@pytest.mark.parametrize("seed", range(3))
def test_faultless_sensors_find_all_three_joints_and_the_axes(seed) -> None:
    ideal = Ideal(REACH, seed)
    movement = ideal.moved()
    moments = movement._moments()
    assert moments is not None
    for at in range(3):
        centre = joint_centre(*moments, at)
        assert np.abs(centre.r - ideal.joint(at)).max() < 0.005
    arm = movement.look(ideal.quat[100])
    assert arm is not None
    assert arm.sure
    for at, align in enumerate(arm.aligns, start=1):
        found, true = qt.rotate(align, np.eye(3)), ideal.axes(at)
        off = np.degrees(np.arccos(np.clip((found * true).sum(axis=1), -1.0, 1.0)))
        assert off[1] < 1.5
        assert off.max() < 2.5
    assert abs(abs(arm.carrying) - np.sin(np.radians(ideal.person.build.carrying_angle_deg))) < 0.02


@pytest.mark.parametrize("script", [SQUAT_FIRST, WALK_FIRST], ids=["squat", "walk"])
def test_what_movement_does_not_tell_is_said_to_be_unsure_and_no_farther_off_than_that(script) -> None:
    ideal = Ideal(script, 1)
    arm = ideal.moved().look(ideal.quat[100])
    assert arm is not None
    assert not arm.sure
    for at in (1, 2):
        off = np.degrees(np.arccos(qt.rotate(arm.aligns[at - 1], np.eye(3))[1] @ ideal.axes(at)[1]))
        assert off < 2.0 * np.sqrt(2.0) * arm.sds_deg[at - 1]
    assert arm.sds_deg[1] > 4.0
    assert UNSURE in arm.reasons[1]


def test_an_arm_that_does_not_move_shows_nothing() -> None:
    movement = Ideal(Script((do.stand(20.0),)), 0, 15.0).moved()
    assert movement.steps == 0
    assert not movement.due()
    assert movement.look(np.tile([1.0, 0.0, 0.0, 0.0], (4, 1))) is None


def test_what_is_kept_is_bounded() -> None:
    movement = ArmMovement(1.0 / RATE_HZ)
    rng = np.random.default_rng(0)
    for _ in range(1000):
        movement.add(
            qt.normalize(rng.normal(size=(10, 4, 4))), rng.normal(size=(10, 4, 3)), rng.normal(size=(10, 4, 3))
        )
    assert movement._rows <= 4000
    assert movement.steps == 1000
    assert movement.late


@pytest.mark.parametrize("seed", range(6))
def test_reaching_makes_elbow_and_shoulder_right_to_a_degree_and_a_half(seed) -> None:
    worn = played(REACH, WORN, seed, seconds=80.0)
    for name in (ELBOW, SHOULDER, "wrist_flexion_left"):
        t, error = worn.error(name)
        assert t[0] < 40.0
        assert rms(error) < 1.5, name
    assert worn.pipeline.calibration.reasons["elbow_left"] == ()


def test_both_arms_of_a_whole_body_on_softer_tissue() -> None:
    worn = played(REACH, SEGMENTS, seed=2, seconds=80.0, wobble_deg=1.0)
    for side in ("left", "right"):
        for name in ("elbow_flexion", "shoulder_elevation"):
            assert rms(worn.error(f"{name}_{side}")[1]) < 1.5, name


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("script", [SQUAT_FIRST, WALK_FIRST], ids=["squat", "walk"])
def test_other_movement_gives_the_course_and_a_zero_that_is_said_to_be_unsure(script, seed) -> None:
    worn = played(script, WORN, seed, seconds=80.0)
    for name in (ELBOW, SHOULDER):
        t, error = worn.error(name)
        assert t[0] < 50.0
        assert rms(error - error.mean()) < 1.5
        assert abs(error.mean()) < 1.5 * np.nanmax(worn.series(f"uncertainty_{name}")[1])
    assert f"forearm_left: {UNSURE}" in worn.pipeline.calibration.reasons["elbow_left"]
    assert worn.pipeline.lights["elbow_left"][0] == "yellow"


def test_without_a_hand_the_forearm_keeps_an_unsure_zero() -> None:
    worn = played(REACH, WORN[:-1], seconds=80.0)
    assert rms(worn.error(SHOULDER)[1]) < 3.0
    _, elbow = worn.error(ELBOW)
    assert abs(elbow.mean()) < 1.5 * np.nanmax(worn.series(f"uncertainty_{ELBOW}")[1])


def test_a_trunk_sensor_that_never_sends_is_not_waited_for() -> None:
    def silent(measured, *_) -> None:
        for x in measured["trunk"]:
            x[:] = np.nan

    worn = played(REACH, WORN, seconds=80.0, change=silent)
    _, error = worn.error(ELBOW)
    assert error.size > 1000
    assert np.nanmax(worn.series(f"uncertainty_{ELBOW}")[1]) > 0.9 * HANGING_SD_DEG[0]


def test_a_pose_that_somebody_asks_for_is_zero() -> None:
    def stand(pipeline, t) -> None:
        pipeline.calibrate(t, "standing")

    worn = played(REACH, WORN, seconds=60.0, acts=[(0.2, stand)])
    _, error = worn.error(ELBOW)
    assert 8.0 < -error.mean() < 16.0


def test_a_seat_once_found_stays() -> None:
    worn = played(REACH, WORN, seconds=120.0)
    events = [e for e in worn.named("calibrated") if "forearm_left" in e.data["segments"]]
    assert len(events) == 1
