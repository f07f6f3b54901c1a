"""The pipeline as a whole: rows, gaps, missing sensors, determinism, carrying over, every setting."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.estimates import Batch
from fusion.orientation import quaternion as qt
from fusion.pipeline import Pipeline, PipelineSettings, warm
from fusion.samples import Placement, TimedImu

Floats = np.ndarray
START = 1_700_000_000_000_000_000
MS = 1_000_000


@pytest.fixture(scope="module")
def squats(leg: Callable) -> dict:
    """A thigh and a shank that squat, without magnetometers."""
    sensors = leg("squat", seconds=16.0, noise=1.0).sensors
    return {name: replace(s, mag=np.full_like(s.mag, np.nan)) for name, s in sensors.items()}


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


# Rows


def test_rows_lie_on_the_grid_and_follow_each_other(run: Callable, squats: dict) -> None:
    for rate_hz in (100.0, 60.0, 25.0):
        played = run(squats, PipelineSettings(rate_hz=rate_hz))
        batches = [b for b in played.batches if b.topic == "joints"]
        t = np.concatenate([b.t for b in batches])
        assert {b.period_ns for b in batches} == {round(1e9 / rate_hz)}
        assert (t % round(1e9 / rate_hz) == 0).all()
        assert (np.diff(t) == round(1e9 / rate_hz)).all()
        assert all(b.values.shape == (b.t.size, len(b.names)) and len(b.units) == len(b.names) for b in played.batches)


def test_the_series_are_named_as_the_contract_says(run: Callable, squats: dict) -> None:
    played = run(squats)
    names = {b.topic: b.names for b in played.batches}
    assert names["joints"] == ("knee_flexion_left", "knee_valgus_left")
    assert names["orientation"] == tuple(f"quat_{s}_left_{c}" for s in ("thigh", "shank") for c in "wxyz")
    knee = ("uncertainty_knee_flexion_left", "uncertainty_knee_valgus_left", "light_knee_left")
    assert names["quality"] == ("quality_thigh_left", "quality_shank_left", *knee)


@pytest.mark.parametrize(("chunk", "every"), [(1, 0.01), (13, 0.05), (4, 0.2), (10, 0.003)])
def test_no_chunking_and_no_spacing_of_the_calls_changes_a_bit(
    run: Callable, squats: dict, chunk: int, every: float
) -> None:
    usual, other = run(squats), run(squats, chunk=chunk, every=every)
    assert_same([b for b in usual.batches if b.topic != "quality"], [b for b in other.batches if b.topic != "quality"])
    assert usual.events == other.events


def test_the_same_calls_give_the_same_bits(run: Callable, squats: dict) -> None:
    assert_same(run(squats).batches, run(squats).batches)


def test_quality_is_the_part_of_the_rows_that_were_measured(run: Callable, squats: dict) -> None:
    shank = squats["shank_left"]
    keep = np.ones(shank.t.size, dtype=bool)
    keep[505:510] = False  # 60 ms: repaired
    keep[702:752] = False  # half a second: missing
    holes = replace(shank, **{f: getattr(shank, f)[keep] for f in ("t", "acc", "gyr", "mag")})
    played = run({**squats, "shank_left": holes})
    t, quality = played.series("quality_shank_left")
    by_second = dict(zip(np.round(t).astype(int).tolist(), quality.tolist(), strict=True))
    assert by_second[5] == 1.0
    assert by_second[6] == pytest.approx(0.975, abs=0.006)
    assert by_second[8] == pytest.approx(0.5, abs=0.011)
    gaps = [(e.t, e.end, e.data) for e in played.named("gap")]
    assert gaps == [(START + 7010 * MS, START + 7520 * MS, {"sensor": "shank_left"})]


def test_short_gaps_are_bridged_and_long_ones_stay_empty(run: Callable, squats: dict) -> None:
    shank = squats["shank_left"]
    keep = np.ones(shank.t.size, dtype=bool)
    keep[1305:1311] = False
    keep[1402:1422] = False
    holes = replace(shank, **{f: getattr(shank, f)[keep] for f in ("t", "acc", "gyr", "mag")})
    played = run({**squats, "shank_left": holes})
    _, angle = played.series("knee_flexion_left")
    whole = run(squats).series("knee_flexion_left")[1]
    assert np.isfinite(angle[1300:1315]).all()
    assert np.nanmax(np.abs(angle - whole)[1300:1315]) < 1.0
    assert np.isnan(angle[1402:1422]).all()
    assert np.isnan(angle[1300:1500]).sum() == 20


def test_a_sensor_that_falls_silent_does_not_stop_the_rest(run: Callable, squats: dict) -> None:
    shank = squats["shank_left"]
    short = replace(shank, **{f: getattr(shank, f)[:1300] for f in ("t", "acc", "gyr", "mag")})
    played = run({**squats, "shank_left": short})
    t, quat = played.series("quat_thigh_left_w")
    assert t[-1] == pytest.approx(15.99)
    assert np.isfinite(quat[1300:]).all()
    assert np.isnan(played.series("knee_flexion_left")[1][1301:]).all()


def test_samples_that_are_not_numbers_do_no_harm(run: Callable, squats: dict) -> None:
    shank = squats["shank_left"]
    acc, gyr = shank.acc.copy(), shank.gyr.copy()
    acc[1290:1294], gyr[1350:1354] = np.nan, np.nan
    played = run({**squats, "shank_left": replace(shank, acc=acc, gyr=gyr)})
    angle, whole = (r.series("knee_flexion_left")[1] for r in (played, run(squats)))
    assert np.isfinite(angle[1250:]).all()
    assert np.abs(angle - whole)[1250:].max() < 1.5


def test_a_device_with_an_orientation_of_its_own_needs_no_rates(run: Callable, leg: Callable) -> None:
    made = leg("squat", seconds=16.0)
    own = run(made.sensors)
    pipeline = Pipeline(PipelineSettings())
    for name in made.sensors:
        pipeline.place(Placement(name, name))
    pipeline.calibrate(START, "pose", "standing")
    tilt = {"thigh_left": made.tilt_deg["thigh"], "shank_left": made.tilt_deg["shank"]}
    base = Rotation.from_matrix(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
    mount = Rotation.from_euler("ZXY", [20, 30, 40], degrees=True)
    t = made.sensors["thigh_left"].t
    nothing = np.full((t.size, 3), np.nan)
    for name, degrees in tilt.items():
        turn = Rotation.from_euler("Z", degrees[:, None], degrees=True)
        quat = (base * turn * mount).as_quat()[:, [3, 0, 1, 2]]
        for i in range(0, t.size, 50):
            s = slice(i, i + 50)
            pipeline.imu(TimedImu(name, t[s], np.full(t[s].size, 0.01), nothing[s], nothing[s], None, quat[s]))
    batches, _ = pipeline.finish(int(t[-1]))
    angle = columns(batches)["knee_flexion_left"][1]
    known = np.isfinite(angle)
    assert known.mean() > 0.2
    np.testing.assert_allclose(angle[known], made.knee_deg[known], atol=0.5)
    assert own.pipeline.calibration.state == "ready"


def test_memory_does_not_grow_with_time(run: Callable, squats: dict) -> None:
    pipeline = run(squats).pipeline
    assert all(track.t.size <= 2 for track in pipeline.motion.tracks)


# Placement and control


def test_an_unknown_segment_or_pose_is_refused() -> None:
    pipeline = Pipeline(PipelineSettings())
    with pytest.raises(ValueError, match="unknown segment 'tail'"):
        pipeline.place(Placement("a", "tail"))
    with pytest.raises(ValueError, match="unknown pose 'lying'"):
        pipeline.calibrate(0, "pose", "lying")


def test_a_sensor_put_elsewhere_is_calibrated_anew(run: Callable, squats: dict) -> None:
    played = run(squats)
    played.pipeline.place(Placement("shank_left", "shank_right"))
    assert played.pipeline.calibration.state == "waiting"
    assert np.isnan(played.pipeline.skeleton.calibration.align[1]).all()
    assert list(played.pipeline.calibration.reasons) == ["thigh_left", "shank_right"]
    assert played.pipeline.calibration.reasons["thigh_left"] == ()


def test_the_last_sensor_that_is_put_on_a_segment_counts(run: Callable, squats: dict) -> None:
    pipeline = Pipeline(PipelineSettings())
    for sensor, segment in (("old", "shank_left"), ("thigh_left", "thigh_left"), ("shank_left", "shank_left")):
        pipeline.place(Placement(sensor, segment))
    for name, sensor in {**squats, "old": squats["thigh_left"]}.items():
        for chunk in sensor.chunks(name):
            pipeline.imu(chunk)
    batches, _ = pipeline.finish(0)
    whole = run(squats).series("knee_flexion_left")[1]
    np.testing.assert_array_equal(columns(batches)["knee_flexion_left"][1], whole)


def test_a_full_reset_forgets_and_is_an_event(run: Callable, squats: dict) -> None:
    pipeline = run(squats).pipeline
    pipeline.reset(START, "full")
    assert pipeline.calibration.state == "moving"
    assert np.isnan(pipeline.skeleton.calibration.align).all()
    _, events = pipeline.advance(START)
    assert [(e.name, e.data) for e in events] == [("reset", {"what": "full"})]


def test_a_heading_reset_turns_the_body_to_the_east_and_leaves_angles(run: Callable, squats: dict) -> None:
    pipeline = run(squats).pipeline
    calibration = pipeline.skeleton.calibration
    before = calibration.align.copy()
    calibration.headings.root[:] += 1.0
    pipeline.reset(START, "heading")
    np.testing.assert_array_equal(calibration.align, before)
    right = qt.rotate(calibration._memory.last[0], qt.rotate(calibration.align[0], np.array([0.0, 0.0, 1.0])))
    assert np.arctan2(right[1], right[0]) + calibration.headings.root[0] == pytest.approx(-np.pi / 2)


def test_what_is_carried_over_continues_the_same(run: Callable, squats: dict) -> None:
    played = run(squats)
    played.pipeline.calibrate(START + 10**15, "pose", "sitting")  # asked for, and not taken before the end
    state = json.loads(json.dumps(played.pipeline.carry()))
    fresh = Pipeline(PipelineSettings())
    for name in squats:
        fresh.place(Placement(name, name))
    fresh.restore(START, state)
    later = {n: replace(s, t=s.t + 16_000 * MS) for n, s in squats.items()}
    angles = []
    for pipeline in (played.pipeline, fresh):
        for name, sensor in later.items():
            for chunk in list(sensor.chunks(name))[:200]:
                first = pipeline is played.pipeline and np.isnan(chunk.dt[0])
                pipeline.imu(replace(chunk, dt=np.full(chunk.t.size, 0.01)) if first else chunk)
        batches, _ = pipeline.finish(0)
        angles.append(columns(batches)["knee_flexion_left"][1][-700:])
    np.testing.assert_allclose(angles[0], angles[1], atol=0.02)
    assert np.isfinite(angles[0]).all()
    assert fresh.calibration.message == "Sit still for two seconds."


def test_the_trunk_alone_gives_inclinations(leg: Callable, run: Callable) -> None:
    bending = leg("squat", seconds=30.0).sensors["shank_left"]  # leans forward by 30 degrees again and again
    played = run({"trunk": replace(bending, mag=np.full_like(bending.mag, np.nan))})
    forward, right = (played.series(n)[1] for n in ("trunk_inclination", "trunk_side_inclination"))
    assert np.nanmax(forward) == pytest.approx(30.0, abs=3.0)
    assert np.nanmin(forward) > -3.0
    assert np.nanmax(np.abs(right)) < 3.0
    assert len(played.named("rep")) >= 4


def test_the_hip_is_found_where_the_pelvis_is_worn(leg: Callable, run: Callable) -> None:
    made = leg("squat", seconds=40.0)
    pelvis = leg("squat", seconds=40.0, seed=5).sensors["shank_left"]  # tilts forward by 30 degrees
    sensors = {**made.sensors, "pelvis": pelvis}
    played = run({n: replace(s, mag=np.full_like(s.mag, np.nan)) for n, s in sensors.items()})
    flexion = played.series("hip_flexion_left")[1]
    expected = made.tilt_deg["thigh"] - made.tilt_deg["shank"]  # thigh forward by 75 plus pelvis forward by 30
    known = np.isfinite(flexion)
    assert known.mean() > 0.5
    assert np.sqrt(np.mean((flexion - expected)[known] ** 2)) < 4.0


# Settings

IMU_CHANGES = {
    "rate_hz": 50.0,
    "max_wait_s": 0.01,
    "max_gap_s": 0.02,
    "gravity_tau_s": 0.3,
    "bias_limit_deg_s": 0.1,
    "still_s": 2.0,
    "turn_deg": 400.0,
    "explained": 0.9999999,
    "heading_tau_s": 0.3,
    "rep_prominence_deg": 200.0,
}


@pytest.mark.parametrize("name", IMU_CHANGES)
def test_every_setting_of_motion_is_felt(run: Callable, squats: dict, name: str) -> None:
    shank = squats["shank_left"]
    keep = np.ones(shank.t.size, dtype=bool)
    keep[1305:1311] = False
    keep[1400:1440] = False
    holes = {**squats, "shank_left": replace(shank, **{f: getattr(shank, f)[keep] for f in ("t", "acc", "gyr", "mag")})}
    pose = (
        "standing" if name in ("still_s", "turn_deg", "explained") else None
    )  # without a pose, knees need none of these
    both = PipelineSettings(), replace(PipelineSettings(), **{name: IMU_CHANGES[name]})
    runs = [run(holes, s, pose=pose, chunk=5) for s in both]
    if name == "rep_prominence_deg":
        assert [len(r.named("rep")) > 0 for r in runs] == [True, False]
        return
    first = [[(b.t.tolist(), b.values.tobytes()) for b in r.batches if b.topic == "joints"] for r in runs]
    assert first[0] != first[1]


def biased(samples: TimedImu) -> TimedImu:
    """Return a sensor whose gyroscope is off by more than the filter may learn."""
    return replace(samples, gyr=samples.gyr + np.radians([3.0, 3.0, 3.0]))


def test_magnetometer_and_its_gain_are_felt(run: Callable, leg: Callable) -> None:
    sensors = {name: biased(s) for name, s in leg("squat", seconds=14.0).sensors.items()}
    settings = [
        PipelineSettings(),
        PipelineSettings(magnetometer=True),
        PipelineSettings(magnetometer=True, field_tau_s=0.5),
    ]
    angles = [run(sensors, s).series("knee_flexion_left")[1] for s in settings]
    assert np.nanmax(np.abs(angles[0] - angles[1])) > 1e-3
    assert np.nanmax(np.abs(angles[2] - angles[1])) > 1e-3


def test_the_memory_of_loose_joints_is_felt(run: Callable, leg: Callable) -> None:
    made = leg("squat", seconds=25.0, noise=1.0)
    sensors = {**made.sensors, "pelvis": biased(leg("squat", seconds=25.0, seed=5, noise=1.0).sensors["shank_left"])}
    usual, other = (
        run(sensors, PipelineSettings(loose_heading_tau_s=s)).series("hip_flexion_left")[1] for s in (20.0, 0.2)
    )
    assert np.nanmax(np.abs(usual - other)) > 1e-3


def test_looking_ahead_shows_now_what_comes_later(run: Callable, leg: Callable) -> None:
    made = leg("walk", seconds=20.0)
    t, plain = run(made.sensors, pose="standing").series("knee_flexion_left")
    _, ahead = run(made.sensors, PipelineSettings(ahead_s=0.03), pose="standing").series("knee_flexion_left")
    later = np.interp(t + 0.03, t, plain)
    known = np.isfinite(plain) & np.isfinite(ahead) & np.isfinite(later)
    assert known.sum() > 500
    behind, left = (float(np.sqrt(np.mean((x - later)[known] ** 2))) for x in (plain, ahead))
    assert left < 0.3 * behind


@pytest.mark.parametrize("seconds", [-0.01, 0.3, np.nan])
def test_nobody_looks_far_ahead(seconds: float) -> None:
    with pytest.raises(ValueError, match="ahead_s"):
        PipelineSettings(ahead_s=seconds)


@pytest.mark.parametrize(
    "name",
    [
        *("rate_hz", "max_wait_s", "max_gap_s", "still_s", "turn_deg", "heading_tau_s", "explained"),
        *("loose_heading_tau_s", "gravity_tau_s", "field_tau_s", "bias_limit_deg_s"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(name: str) -> None:
    for value in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match=name):
            PipelineSettings(**{name: value})


def test_warming_loads_every_kernel() -> None:
    warm()
