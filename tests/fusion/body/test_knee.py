"""The knee from two sensors strapped on anyhow, end to end through the pipeline: simulated and real."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fusion.orientation import quaternion as qt
from fusion.pipeline import PipelineSettings

Floats = np.ndarray
START = 1_700_000_000_000_000_000


def without_field(sensors: dict) -> dict:
    return {name: replace(s, mag=np.full_like(s.mag, np.nan)) for name, s in sensors.items()}


def rmse(run, leg, name: str = "knee_flexion_left") -> float:
    t, value = run.series(name)
    known = np.isfinite(value)
    assert known.mean() > 0.4, "calibrated before the middle of the recording"
    return float(np.sqrt(np.mean((value - np.interp(t, leg.time, leg.knee_deg))[known] ** 2)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("nine_axes", [False, True])
def test_squats_are_within_three_degrees(leg: Callable, run: Callable, seed: int, nine_axes: bool) -> None:
    made = leg("squat", seconds=30.0, seed=seed, noise=1.0)
    sensors = made.sensors if nine_axes else without_field(made.sensors)
    played = run(sensors, PipelineSettings(magnetometer=nine_axes))
    assert rmse(played, made) < 3.0
    assert np.nanmax(np.abs(played.series("knee_valgus_left")[1])) < 5.0
    assert len(played.named("rep")) >= 5
    assert played.pipeline.calibration.state == "ready"


def test_a_knee_that_told_its_zero_and_its_sign_needs_no_excuse(leg: Callable, run: Callable) -> None:
    played = run(without_field(leg("squat", seconds=20.0).sensors))
    assert played.pipeline.calibration.reasons["knee_left"] == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_start_in_sitting_works_when_it_is_said(leg: Callable, run: Callable, seed: int) -> None:
    made = leg("sit_to_stand", seconds=40.0, seed=seed, noise=1.0, side="right")
    played = run(without_field(made.sensors), pose="sitting")
    assert rmse(played, made, "knee_flexion_right") < 3.0


@pytest.mark.parametrize("seed", range(4))
def test_walking_is_told_front_from_back_by_the_range_alone(leg: Callable, run: Callable, seed: int) -> None:
    made = leg("walk", seconds=20.0, seed=seed)
    played = run(without_field(made.sensors), pose="standing")
    t, value = played.series("knee_flexion_left")
    known = np.isfinite(value) & (t > 10.0)
    assert np.corrcoef(value[known], np.interp(t, made.time, made.knee_deg)[known])[0, 1] > 0.95
    assert played.pipeline.calibration.reasons["knee_left"] == ()


def test_segments_face_east_and_stay_upright_in_the_pose(leg: Callable, run: Callable) -> None:
    played = run(without_field(leg("squat", seconds=27.9).sensors))  # ends standing
    for segment in ("thigh_left", "shank_left"):
        quat = np.stack([played.series(f"quat_{segment}_{c}")[1] for c in "wxyz"], axis=1)[-1]
        np.testing.assert_allclose(qt.rotate(quat, np.eye(3)), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=0.15)


def test_before_the_calibration_there_is_no_angle_but_advice(leg: Callable, run: Callable) -> None:
    made = leg("squat", seconds=30.0)

    def until(seconds: float):
        cut = {
            n: replace(s, **{f: getattr(s, f)[: int(seconds * 100)] for f in ("t", "acc", "gyr", "mag")})
            for n, s in made.sensors.items()
        }
        played = run(cut)
        return played.pipeline.calibration, played.series("knee_flexion_left")[1]

    calibration, angle = until(0.8)
    advice = "Walk a few steps or bend your knees a few times, then stand still for two seconds."
    assert (calibration.state, calibration.message) == ("moving", advice)
    assert calibration.reasons["knee_left"][0] == "thigh_left: 0 s of movement seen, not enough to be sure"
    assert np.isnan(angle).all()
    calibration, angle = until(7.0)
    assert (calibration.state, calibration.message) == ("moving", advice)
    assert calibration.reasons["knee_left"][1] == "shank_left: 3 s of movement seen, not enough to be sure"
    assert np.isnan(angle).all()
    calibration, angle = until(20.0)
    assert (calibration.state, calibration.message) == ("ready", "")
    assert np.isfinite(angle[-1])


def test_a_biased_gyroscope_does_not_turn_the_knee(leg: Callable, run: Callable) -> None:
    made = leg("squat", seconds=60.0)
    shank = made.sensors["shank_left"]
    biased = replace(shank, gyr=shank.gyr + np.array([0.003, 0.003, 0.003]))
    played = run(without_field({**made.sensors, "shank_left": biased}))
    assert rmse(played, made) < 3.0
    assert np.abs(played.series("knee_valgus_left")[1][-600:]).max() < 1.0


def test_a_new_pose_keeps_the_axes_and_sets_zero_again(leg: Callable, run: Callable) -> None:
    made = leg("squat", seconds=30.0)
    played = run(without_field(made.sensors))
    calibration = played.pipeline.skeleton.calibration
    before = calibration.seats[0].align
    calibration.ask(0, "standing")
    assert played.pipeline.calibration.state == "waiting"
    still = {n: replace(s, t=s.t + 30_000_000_000, mag=np.full_like(s.mag, np.nan)) for n, s in made.sensors.items()}
    for name, sensor in still.items():
        for chunk in list(sensor.chunks(name))[:75]:
            played.pipeline.imu(chunk)
    _, events = played.pipeline.finish(0)
    assert [e.data["what"] for e in events if e.name == "calibrated"] == ["pose", "pose"]
    assert calibration.seats[0].align is not None
    assert before is not None
    assert np.degrees(qt.angle(before, calibration.seats[0].align)) < 3.0


def xsens(path: Path) -> tuple[Floats, Floats, Floats, Floats]:
    """Read counter, acc [m/s2], gyr [rad/s] and mag of an Xsens text export."""
    x = np.genfromtxt(path, comments=None, skip_header=5, usecols=range(10))
    return START + np.round((x[:, 0] - 37328) / 120 * 1e9).astype(np.int64), x[:, 1:4], x[:, 4:7], x[:, 7:10]


@pytest.mark.needs("data")
@pytest.mark.parametrize("nine_axes", [False, True])
def test_real_walking_bends_the_knee_as_walking_does(
    recordings: Path, leg: Callable, run: Callable, nine_axes: bool
) -> None:
    folder = recordings / "imu_vendor_exports"
    like = next(iter(leg("squat", seconds=1.0).sensors.values()))
    sensors = {
        segment: replace(
            like, **dict(zip(("t", "acc", "gyr", "mag"), xsens(folder / f"walking_xsens_{file}.txt"), strict=True))
        )
        for segment, file in (("thigh_right", "upperLeg"), ("shank_right", "lowerLeg"))
    }
    played = run(sensors if nine_axes else without_field(sensors), PipelineSettings(magnetometer=nine_axes))
    t, flexion = played.series("knee_flexion_right")
    known = flexion[np.isfinite(flexion)]
    assert known.size > 0.5 * t.size
    assert known.min() > -15.0
    peaks = [float(e.data["top_deg"]) for e in played.named("rep")][2:]
    assert len(peaks) >= 12
    assert 40.0 < min(peaks) <= max(peaks) < 75.0
    print(f"swing peaks {np.median(peaks):.0f} deg, least flexion {known.min():.0f} deg")


def movella(path: Path) -> tuple[Floats, Floats, Floats, Floats]:
    """Read time, acc [m/s2], gyr [rad/s] and mag of a Movella DOT app export."""
    with path.open() as file:
        rows = list(csv.reader(file))
    head = next(i for i, row in enumerate(rows) if "SampleTimeFine" in row)
    x = np.array([[float(v) for v in row[:11]] for row in rows[head + 1 :] if len(row) >= 11])
    return START + (x[:, 1] * 1000).astype(np.int64), x[:, 2:5], np.radians(x[:, 5:8]), x[:, 8:11]


@pytest.mark.needs("data")
def test_a_real_knee_that_starts_sitting_stands_straight_later(recordings: Path, leg: Callable, run: Callable) -> None:
    folder = recordings / "movella_dot_exports/imt_knee_tracking1"
    like = next(iter(leg("squat", seconds=1.0).sensors.values()))
    raw = {
        segment: movella(folder / file) for segment, file in (("thigh_left", "femur.csv"), ("shank_left", "tibia.csv"))
    }
    first = min(x[0][0] for x in raw.values())
    sensors = {
        segment: replace(like, t=t - first + START, acc=acc, gyr=gyr, mag=mag)
        for segment, (t, acc, gyr, mag) in raw.items()
    }
    for given in (sensors, without_field(sensors)):
        played = run(given, pose="sitting")
        t, flexion = played.series("knee_flexion_left")
        known = np.isfinite(flexion)
        assert t[known][0] < 12.0
        assert np.nanmin(flexion) > -15.0
        assert np.nanmax(flexion) < 130.0
        still = (t > 16.7) & (t < 18.2)  # the wearer stands
        assert abs(np.nanmean(flexion[still])) < 10.0
