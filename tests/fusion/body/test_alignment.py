"""The seat of a sensor from a pose and from movement, part by part."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.body.seats.alignment import Answer, Past, Seat, frame, functional_axis, pose_axis, solve
from fusion.body.seats.calibration import BodyCalibration
from fusion.body.seats.memory import Step
from fusion.orientation import quaternion as qt
from fusion.pipeline import PipelineSettings

Floats = np.ndarray
FACING_EAST = Rotation.from_matrix(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
NORTH = np.array([0.0, 0.5, -0.8])


def wxyz(rotation: Rotation) -> Floats:
    return rotation.as_quat()[..., [3, 0, 1, 2]]


def swung(tilt_deg: Floats, mount: Rotation, segment: str, heading_deg: float = 0.0) -> tuple[Seat, Past]:
    """Return a seat and its memory for a segment that tilts about z; the earth frame is turned by a heading."""
    turn = Rotation.from_euler("Z", np.asarray(tilt_deg)[:, None], degrees=True)
    true = FACING_EAST * turn * mount.inv()
    sensor = Rotation.from_euler("z", heading_deg, degrees=True) * true
    axis = mount.apply([0.0, 0.0, 1.0])
    seat = Seat(segment, up=true[0].inv().apply([0.0, 0.0, 1.0]), power=np.outer(axis, axis))
    return seat, Past(wxyz(sensor), true.inv().apply(NORTH))


def without_field(memory: Past) -> Past:
    return replace(memory, mag=np.full_like(memory.mag, np.nan))


def error_deg(align: Floats, mount: Rotation) -> float:
    return float(np.degrees(qt.angle(align, wxyz(mount))))


STEPS = np.linspace(0, 4 * np.pi, 200)
SWING = np.maximum(20 - 18 * np.cos(STEPS + 1.0) - 14 * np.cos(2 * STEPS - 0.8), 0.0)
"""Knee flexion in walking [deg]."""
MOVES = {
    "squat": (40 * (1 - np.cos(STEPS)), -15 * (1 - np.cos(STEPS))),
    "walk": (22 * np.cos(STEPS), 22 * np.cos(STEPS) - SWING),
}


def test_the_main_axis_is_found_in_the_plane_of_the_pose() -> None:
    rng = np.random.default_rng(0)
    up, axis = np.array([0.0, 1.0, 0.0]), np.array([0.6, 0.0, 0.8])
    rate = rng.normal(size=(5000, 1)) * axis + 0.1 * rng.normal(size=(5000, 3)) + np.array([0.0, 3.0, 0.0])
    found, explained = functional_axis(rate.T @ rate, up)
    assert abs(found @ axis) > 0.999
    assert found @ up == pytest.approx(0.0, abs=1e-12)
    assert explained == pytest.approx(1.01 / 1.02, abs=0.005)
    assert functional_axis(np.zeros((3, 3)), up)[1] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_a_frame_is_right_handed_and_keeps_the_pose_axis(seed: int) -> None:
    mount = Rotation.random(random_state=seed)
    x, y, z = mount.as_matrix().T
    assert error_deg(frame(3 * y, z + 0.3 * y, "y"), mount) < 1e-5
    assert error_deg(frame(x, z - 0.2 * x, "x"), mount) < 1e-5


def test_sitting_turns_the_front_of_the_thighs_up_only() -> None:
    assert [pose_axis(p, "sitting") for p in ("thigh", "shank", "trunk")] == ["x", "y", "y"]
    assert pose_axis("thigh", "standing") == "y"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("field", [False, True])
def test_thigh_and_shank_are_told_front_from_back(move: str, field: bool, seed: int) -> None:
    mounts = Rotation.random(2, random_state=seed)
    pairs = [
        swung(np.concatenate([[0.0], tilt]), m, s)
        for tilt, m, s in zip(MOVES[move], mounts, ("thigh_left", "shank_left"), strict=True)
    ]
    memory = tuple(m if field else without_field(m) for _, m in pairs)
    answer = solve(tuple(s for s, _ in pairs), memory, "standing")
    assert isinstance(answer, Answer)
    assert [error_deg(a, m) < 0.01 for a, m in zip(answer.aligns, mounts, strict=True)] == [True, True]


def test_the_field_decides_against_the_usual_lean() -> None:
    mounts = Rotation.random(2, random_state=1)
    tilts = (40 * (1 - np.cos(STEPS)), 12 * (1 - np.cos(STEPS)))  # a shank that leans backward
    pairs = [swung(tilt, m, s) for tilt, m, s in zip(tilts, mounts, ("thigh_left", "shank_left"), strict=True)]
    seats = tuple(s for s, _ in pairs)
    with_field, without = (
        solve(seats, memory, "standing")
        for memory in (tuple(m for _, m in pairs), tuple(without_field(m) for _, m in pairs))
    )
    assert isinstance(with_field, Answer)
    assert isinstance(without, Answer)
    assert [error_deg(a, m) < 0.01 for a, m in zip(with_field.aligns, mounts, strict=True)] == [True, True]
    assert error_deg(without.aligns[1], mounts[1]) > 170.0
    assert without.reasons == ("front and back told apart by the usual direction of lean",)
    assert with_field.reasons == ()


def test_too_little_movement_of_the_knee_decides_nothing() -> None:
    mounts = Rotation.random(2, random_state=1)
    tilt = 20 * np.sin(STEPS)
    pairs = [swung(tilt, m, s) for m, s in zip(mounts, ("thigh_left", "shank_left"), strict=True)]
    seats, memory = tuple(s for s, _ in pairs), tuple(m for _, m in pairs)
    still = tuple(Past(m.quat[:1], m.mag[:1]) for m in memory)
    assert solve(seats, still, "standing") == "the knee has hardly moved"
    nothing = tuple(Past(np.full((3, 4), np.nan), np.full((3, 3), np.nan)) for _ in memory)
    assert solve(seats, nothing, "standing") == "no movement seen yet"


def test_an_impossible_movement_is_told() -> None:
    mounts = Rotation.random(2, random_state=1)
    tilts = (60 * np.sin(STEPS), 20 * np.sin(2 * STEPS))
    pairs = [swung(tilt, m, s) for tilt, m, s in zip(tilts, mounts, ("thigh_left", "shank_left"), strict=True)]
    answer = solve(tuple(s for s, _ in pairs), tuple(without_field(m) for _, m in pairs), "standing")
    assert isinstance(answer, Answer)
    assert any("leaves the possible range" in reason for reason in answer.reasons)


def test_a_symmetric_swing_of_a_lone_segment_is_unsure() -> None:
    mount = Rotation.random(random_state=1)
    seat, memory = swung(30 * np.sin(STEPS), mount, "trunk")
    answer = solve((seat,), (memory,), "standing")
    assert isinstance(answer, Answer)
    assert answer.reasons == (
        "front and back may be exchanged: too little difference between the two in what was seen",
    )


def still_step(t: int, quat: Floats) -> Step:
    rows = np.repeat(quat[None, None], 10, axis=0)
    acc = 9.81 * qt.up_in_sensor(rows)
    return Step(t, rows, np.zeros((10, 1, 3)), acc, np.full((10, 1, 3), np.nan))


def test_a_sensor_that_has_slipped_starts_over_and_a_shifted_one_does_not() -> None:
    for shift, keeps in ((12.0, True), (30.0, False)):
        calibration = BodyCalibration(PipelineSettings())
        calibration.add("trunk")
        mount = Rotation.random(random_state=2)
        seat, _ = swung(np.zeros(2), mount, "trunk")
        seat.align = wxyz(mount)
        calibration.seats[0] = seat
        calibration.ask(0, "standing")
        slipped = FACING_EAST * Rotation.from_euler("X", shift, degrees=True) * mount.inv()
        events = [e for i in range(12) for e in calibration.step(still_step(i * 10**8, wxyz(slipped)))]
        assert (calibration.seats[0].align is not None) == keeps
        if keeps:
            assert events[0].data == {"what": "pose", "segment": "trunk", "moved_deg": 12.0}
        else:
            assert calibration.report.reasons["trunk"][0] == "slipped by 30 deg since the last calibration"


def test_a_moving_wearer_is_no_pose() -> None:
    calibration = BodyCalibration(PipelineSettings())
    calibration.add("trunk")
    step = still_step(0, np.array([1.0, 0, 0, 0]))
    for i in range(30):
        calibration.step(replace(step, t=i * 10**8, gyr=step.gyr + 0.2))
    assert calibration.report.state == "waiting"
    for i in range(30, 42):
        calibration.step(replace(step, t=i * 10**8))
    assert calibration.report.state == "moving"


def test_a_shoulder_blade_is_accepted_and_left_out() -> None:
    calibration = BodyCalibration(PipelineSettings())
    assert calibration.add("scapula_left") is None
    assert calibration.report.state == "ready"


@pytest.mark.parametrize("pose", ["standing", "sitting"])
def test_the_wearer_is_asked_for_the_pose_by_name(pose: str) -> None:
    calibration = BodyCalibration(PipelineSettings())
    calibration.add("thigh_left")
    calibration.ask(0, pose)
    assert calibration.report.message == {"standing": "Stand", "sitting": "Sit"}[pose] + " still for two seconds."


def test_a_simulated_person_is_followed_from_the_first_squat_on(run: Callable, worn: Callable) -> None:
    """The whole lower body of an independent simulator: squats, walking, sitting down, slouching, rising."""
    segments = ["pelvis", "trunk", *(f"{part}_{side}" for part in ("thigh", "shank") for side in ("left", "right"))]
    sensors, truth = worn(segments, 100.0)
    for settings in (PipelineSettings(), PipelineSettings(magnetometer=True)):
        played = run(sensors, settings)
        assert played.pipeline.calibration.state == "ready"
        for name, limit in (("knee_flexion", 3.0), ("hip_flexion", 3.0)):
            for side in ("left", "right"):
                t, value = played.series(f"{name}_{side}")
                known = np.isfinite(value)
                error = (value - truth(t)[f"{name}_{side}"])[known]
                assert known.mean() > 0.8
                assert np.sqrt(np.mean(error**2)) < limit, (name, side)
        t, value = played.series("trunk_inclination")
        known = np.isfinite(value)
        assert np.sqrt(np.mean((value - truth(t)["trunk_inclination"])[known] ** 2)) < 2.0
