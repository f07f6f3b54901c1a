"""What a worn inertial sensor reads, against the motion it was made from."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from devices.chunks import GRAVITY
from simulators.person import SEGMENTS, Disturbance, EarthField, ImuModel, Person, Script
from simulators.person.imu import PLACES
from simulators.person.motion.activities import squat, stand, walk

IDEAL = ImuModel.ideal()
BARE = IDEAL.along_segment()
DEMO = np.arange(0.0, 90.0, 1 / 240)
ERRORS = {
    "acc_noise_density": 0.01,
    "acc_bias": 0.2,
    "acc_drift": 0.05,
    "gyr_noise_density": 0.01,
    "gyr_bias": 0.05,
    "gyr_drift": 0.01,
    "mag_noise": 1e-6,
    "mag_bias": 2e-6,
    "scale": 0.05,
    "misalignment": 0.05,
    "wobble_deg": 1.0,
}


@pytest.fixture(scope="module")
def person() -> Person:
    return Person(seed=5)


@pytest.fixture(scope="module")
def fine() -> Person:
    """Return the same person, worked out on a grid four times as fine."""
    return Person(seed=5, grid_hz=1000.0)


@pytest.fixture(scope="module")
def statue() -> Person:
    return Person(Script((stand(100.0),)), seed=5, heading_deg=40.0, sway_deg=0.0)


def scipy_rotation(quats: np.ndarray) -> Rotation:
    return Rotation.from_quat(np.atleast_2d(quats)[:, [1, 2, 3, 0]])


def sensor_to_earth(person: Person, segment: str, t: np.ndarray, model: ImuModel) -> Rotation:
    mounting, _ = person.sensor_mounting(segment, model)
    return scipy_rotation(person.segment_orientation(segment, t)) * scipy_rotation(mounting)


@pytest.mark.parametrize("segment", ["trunk", "thigh_left", "shank_right", "foot_left", "hand_right"])
def test_integrating_the_gyroscope_gives_the_orientation(person: Person, segment: str) -> None:
    dt = 1 / 240
    gyr = person.imu(segment, DEMO, IDEAL)[1]
    middle = person.imu(segment, DEMO[:-1] + dt / 2, IDEAL)[1]
    mean = (gyr[:-1] + 4.0 * middle + gyr[1:]) / 6.0
    coning = np.cross(gyr[:-1], gyr[1:]) * dt / 12.0
    true = sensor_to_earth(person, segment, DEMO, IDEAL)
    attitude = true[0]
    for step in Rotation.from_rotvec((mean + coning) * dt):
        attitude = attitude * step
    assert np.degrees((attitude.inv() * true[-1]).magnitude()) < 0.02


@pytest.mark.parametrize("segment", SEGMENTS)
def test_rate_and_force_agree_with_differences_of_orientation_and_position(
    person: Person, fine: Person, segment: str
) -> None:
    t, h = np.arange(20.0, 60.0, 0.0371), 0.0005
    place = person.sensor_mounting(segment, IDEAL)[1]
    acc, gyr, mag = person.imu(segment, t, IDEAL)

    def rotation(at: np.ndarray) -> Rotation:
        return sensor_to_earth(fine, segment, at, IDEAL)

    def position(at: np.ndarray) -> np.ndarray:
        turned = scipy_rotation(fine.segment_orientation(segment, at)).apply(place)
        return fine.segment_position(segment, at) + turned

    rate = (rotation(t - h).inv() * rotation(t + h)).as_rotvec() / (2 * h)
    np.testing.assert_allclose(gyr, rate, atol=0.01)
    h = 0.002
    near = 16 * (position(t + h) + position(t - h)) - 30 * position(t)
    acceleration = (near - position(t + 2 * h) - position(t - 2 * h)) / (12 * h**2)
    force = rotation(t).inv().apply(acceleration + np.array([0.0, 0.0, GRAVITY]))
    np.testing.assert_allclose(acc, force, atol=0.05)
    north = EarthField().at(np.zeros((1, 3)))[0]
    np.testing.assert_allclose(mag, rotation(t).inv().apply(np.tile(north, (len(t), 1))), atol=1e-9)


@pytest.mark.parametrize("segment", ["thigh_right", "foot_left", "head"])
def test_a_grid_four_times_as_fine_reads_the_same(person: Person, fine: Person, segment: str) -> None:
    t = np.arange(0.0, 90.0, 0.0113)
    readings = zip(person.imu(segment, t, IDEAL), fine.imu(segment, t, IDEAL), (0.01, 1e-4, 1e-9), strict=True)
    for coarse, reference, limit in readings:
        assert np.abs(coarse - reference).max() < limit


def test_at_rest_force_points_up_rate_is_zero_and_the_field_dips_to_the_north(statue: Person) -> None:
    t = np.arange(0.0, 5.0, 0.1)
    acc, gyr, mag = statue.imu("trunk", t, BARE)
    np.testing.assert_allclose(acc, np.tile([0.0, 9.80665, 0.0], (len(t), 1)), atol=1e-6)
    np.testing.assert_allclose(gyr, 0.0, atol=1e-9)
    level, down = 50e-6 * np.cos(np.radians(67.0)), 50e-6 * np.sin(np.radians(67.0))
    heading = np.radians(40.0)
    expected = [level * np.cos(heading), -down, -level * np.sin(heading)]
    np.testing.assert_allclose(mag, np.tile(expected, (len(t), 1)), atol=1e-12)


def test_a_squat_turns_the_thigh_and_the_shank_the_opposite_way() -> None:
    body = Person(Script((stand(1.0), squat(1), stand(1.0))), sway_deg=0.0)
    t = np.array([2.2])
    assert body.imu("thigh_left", t, BARE)[1][0, 2] > 0.5
    assert body.imu("shank_left", t, BARE)[1][0, 2] < -0.2
    assert body.imu("trunk", t, BARE)[1][0, 2] < -0.2
    np.testing.assert_allclose(body.imu("thigh_left", t, BARE)[1][0, :2], 0.0, atol=1e-9)


def test_heel_strikes_jolt_the_foot_more_than_the_pelvis_and_plausibly() -> None:
    body = Person(Script((walk(20.0),)))
    t = np.arange(5.0, 15.0, 1 / 240)
    peak = {
        segment: np.linalg.norm(body.imu(segment, t, IDEAL)[0], axis=1).max()
        for segment in ("foot_left", "shank_left", "thigh_left", "pelvis", "head")
    }
    assert 30.0 < peak["foot_left"] < 60.0
    assert peak["foot_left"] > peak["shank_left"] > peak["thigh_left"] > peak["pelvis"] > peak["head"]
    assert peak["pelvis"] < 20.0
    swing = np.degrees(np.abs(body.imu("shank_left", t, BARE)[1][:, 2]).max())
    assert 250.0 < swing < 500.0


def test_walking_over_ground_from_loop_to_loop_shakes_nothing_at_the_seam() -> None:
    body = Person(Script((stand(2.0), walk(5.0, speed=1.2), stand(2.0))), sway_deg=0.0)
    acc, gyr, _ = body.imu("pelvis", np.arange(17.5, 18.5, 0.001), IDEAL)
    np.testing.assert_allclose(np.linalg.norm(acc, axis=1), GRAVITY, atol=1e-6)
    np.testing.assert_allclose(gyr, 0.0, atol=1e-9)


def test_sensors_are_mounted_in_rotations_of_their_own_fixed_by_the_seed(person: Person) -> None:
    mountings = [person.sensor_mounting(segment, ImuModel())[0] for segment in SEGMENTS]
    assert len({tuple(np.round(m, 6)) for m in mountings}) == len(SEGMENTS)
    again = Person(seed=5)
    np.testing.assert_array_equal(
        again.sensor_mounting("shank_left", ImuModel())[0], mountings[SEGMENTS.index("shank_left")]
    )
    assert not np.allclose(Person(seed=6).sensor_mounting("pelvis", ImuModel())[0], mountings[0])
    np.testing.assert_array_equal(person.sensor_mounting("pelvis", ImuModel.aligned())[0], [1.0, 0.0, 0.0, 0.0])


def test_two_sensors_on_one_segment_differ_when_their_devices_have_names(person: Person) -> None:
    t = np.arange(1.0, 5.0, 1 / 60)
    noisy = replace(BARE, gyr_noise_density=1e-3)
    clean = person.imu("trunk", t, BARE)[1]
    one, other = (person.imu("trunk", t, replace(noisy, device=name))[1] - clean for name in ("dot", "myo"))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.15
    mountings = [person.sensor_mounting("trunk", ImuModel(device=name))[0] for name in ("dot", "myo")]
    assert not np.allclose(*mountings)


def test_a_given_mounting_turns_the_readings_by_its_inverse(person: Person) -> None:
    quarter = replace(IDEAL, mounting=(np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)))
    t = np.arange(6.0, 9.0, 0.05)
    for turned, straight in zip(person.imu("thigh_left", t, quarter), person.imu("thigh_left", t, BARE), strict=True):
        np.testing.assert_allclose(turned, straight[:, [1, 0, 2]] * [1.0, -1.0, 1.0], atol=1e-9)


def test_a_sensor_further_out_feels_the_lever_arm(person: Person) -> None:
    t = np.arange(24.0, 38.0, 0.05)
    acc = {y: person.imu("shank_left", t, replace(BARE, place_m=(0.0, y, 0.0)))[0] for y in (-0.1, -0.3)}
    h = 1e-3
    gyr, after, before = (person.imu("shank_left", t + d, BARE)[1] for d in (0.0, h, -h))
    arm = np.array([0.0, -0.2, 0.0])
    lever = np.cross((after - before) / (2 * h), arm) + np.cross(gyr, np.cross(gyr, arm))
    np.testing.assert_allclose(acc[-0.3] - acc[-0.1], lever, atol=0.05)


def test_the_noise_has_the_density_and_the_bias_the_size_that_the_model_says() -> None:
    t = np.arange(0.0, 95.0, 1 / 60)
    model = replace(IDEAL, gyr_noise_density=1e-3, acc_noise_density=2e-3, mag_noise=3e-7)
    statue = Person(Script((stand(100.0),)), seed=2, sway_deg=0.0)
    acc, gyr, mag = (
        noisy - clean for noisy, clean in zip(statue.imu("head", t, model), statue.imu("head", t, IDEAL), strict=True)
    )
    assert gyr.std() == pytest.approx(1e-3 * np.sqrt(30.0), rel=0.03)
    assert acc.std() == pytest.approx(2e-3 * np.sqrt(30.0), rel=0.03)
    assert mag.std() == pytest.approx(3e-7, rel=0.03)
    joined = np.hstack((acc / acc.std(), gyr / gyr.std(), mag / mag.std()))
    assert np.abs(np.corrcoef(joined.T) - np.eye(9)).max() < 0.06
    assert np.abs(np.mean(joined[1:] * joined[:-1], axis=0)).max() < 0.06
    biases = [
        Person(Script((stand(2.0),)), seed=seed).imu("head", np.zeros(1), replace(BARE, gyr_bias=0.05))[1][0]
        for seed in range(60)
    ]
    assert np.std(biases) == pytest.approx(0.05, rel=0.2)


def test_the_bias_wanders_slowly_with_the_size_that_the_model_says(statue: Person) -> None:
    t = np.arange(0.0, 100_000.0, 20.0)
    gyr = statue.imu("head", t, replace(IDEAL, gyr_drift=0.01))[1]
    assert gyr.std() == pytest.approx(0.01, rel=0.1)
    assert np.abs(np.diff(gyr, axis=0)).max() < 0.02


def test_a_saturated_sensor_stays_at_full_scale(person: Person) -> None:
    clipped = replace(IDEAL, gyr_range=1.0, acc_range=12.0)
    acc, gyr, _ = person.imu("shank_left", DEMO, clipped)
    assert np.abs(gyr).max() == 1.0
    assert np.abs(acc).max() == 12.0


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_of_the_model_is_felt(person: Person, name: str) -> None:
    t = np.arange(20.0, 40.0, 1 / 60)
    clean = np.hstack(person.imu("thigh_left", t, IDEAL))
    faulty = np.hstack(person.imu("thigh_left", t, replace(IDEAL, **{name: ERRORS[name]})))
    size = np.abs(faulty - clean).max(axis=0)
    changed = {"acc": (1, 0, 0), "gyr": (0, 1, 0), "mag": (0, 0, 1)}.get(name[:3], (1, 1, 1))
    for group, one in enumerate(changed):
        assert (size[3 * group : 3 * group + 3].max() > 0) == bool(one)


def test_soft_tissue_tilts_the_sensor_in_walking_and_leaves_it_alone_in_standing(person: Person) -> None:
    soft = replace(IDEAL, wobble_deg=2.0)
    stand_t, walk_t = np.arange(1.0, 4.0, 0.01), np.arange(26.0, 36.0, 0.01)
    still = person.imu("thigh_left", stand_t, soft)[1] - person.imu("thigh_left", stand_t, IDEAL)[1]
    moving = person.imu("thigh_left", walk_t, soft)[1] - person.imu("thigh_left", walk_t, IDEAL)[1]
    assert np.abs(still).max() < 0.01
    assert moving.std() > 0.1


def test_iron_in_the_room_bends_the_field_near_it_only() -> None:
    iron = Disturbance(centre_m=(0.0, 0.0, 0.1), radius_m=0.2, field=(20e-6, 0.0, 0.0))
    script = Script((stand(3.0),))
    clean, bent = Person(script, seed=1), Person(script, seed=1, field=EarthField(disturbances=(iron,)))
    t = np.zeros(1)
    change = {
        segment: np.linalg.norm(bent.imu(segment, t, IDEAL)[2] - clean.imu(segment, t, IDEAL)[2])
        for segment in ("foot_left", "head")
    }
    assert change["foot_left"] > 10e-6
    assert change["head"] < 1e-9
    tilted = EarthField(magnitude=40e-6, dip_deg=60.0, declination_deg=90.0).at(np.zeros((1, 3)))[0]
    np.testing.assert_allclose(tilted, [20e-6, 0.0, -40e-6 * np.sin(np.radians(60.0))], atol=1e-12)


def test_cutting_time_in_any_way_changes_no_bit(person: Person) -> None:
    t = 3590.0 + np.arange(0.0, 40.0, 1 / 60)
    model = ImuModel(wobble_deg=1.0)
    whole = np.hstack(person.imu("foot_right", t, model))
    order = np.random.default_rng(0).permutation(len(t))
    np.testing.assert_array_equal(np.hstack(person.imu("foot_right", t[order], model)), whole[order])
    for cut in (1, 6, 31):
        parts = [np.hstack(person.imu("foot_right", t[i : i + cut], model)) for i in range(0, len(t), cut)]
        np.testing.assert_array_equal(np.vstack(parts), whole)


def test_the_same_seed_gives_the_same_readings_and_another_seed_others(person: Person) -> None:
    t = np.arange(100.0, 102.0, 1 / 60)
    mine = np.hstack(person.imu("pelvis", t, ImuModel()))
    np.testing.assert_array_equal(np.hstack(Person(seed=5).imu("pelvis", t, ImuModel())), mine)
    assert np.abs(np.hstack(Person(seed=7).imu("pelvis", t, ImuModel())) - mine).max() > 0.1


def test_after_hours_readings_are_finite_and_as_right_as_at_the_start(person: Person) -> None:
    t = np.arange(10.0, 30.0, 1 / 60)
    early, late = person.imu("shank_left", t, IDEAL), person.imu("shank_left", t + 4000 * 90.0, IDEAL)
    np.testing.assert_allclose(np.hstack(late), np.hstack(early), atol=1e-5)
    assert np.isfinite(np.hstack(person.imu("shank_left", t + 1e6, ImuModel()))).all()


def test_every_kind_of_segment_has_a_usual_place_for_a_sensor() -> None:
    assert {segment.removesuffix("_left").removesuffix("_right") for segment in SEGMENTS} == set(PLACES)
