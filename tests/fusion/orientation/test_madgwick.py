"""The Madgwick filter: closed form, the independent implementation of `ahrs`, real recordings, bad samples."""

from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from ahrs.filters import Madgwick as Ahrs

from fusion import orientation
from fusion.orientation import Madgwick, MadgwickParams, warm
from fusion.orientation import quaternion as qt

Floats = np.ndarray
BROAD_HZ = 2000 / 7
estimate = partial(orientation.estimate, method="madgwick")
TRIAL = "broad/07_undisturbed_fast_rotation_B.hdf5"


def broad(path: Path) -> tuple[Floats, Floats, Floats]:
    with h5py.File(path) as file:
        return file["imu_gyr"][:], file["imu_acc"][:], file["imu_mag"][:]


def without_zeros(gyr: Floats) -> Floats:
    """ahrs leaves out the correction where gyr is exactly zero, which the equations do not say (one sample here)."""
    gyr[~gyr.any(axis=1)] = 1e-12
    return gyr


def lane(x: Floats) -> Floats:
    return np.ascontiguousarray(x.T)[:, :, None]


def from_known_start(q0: Floats, gyr: Floats, acc: Floats, mag: Floats | None, rate_hz: float, beta: float) -> Floats:
    filter_ = Madgwick(1, MadgwickParams(beta=beta, start_beta=0.0), magnetometer=mag is not None)
    filter_.state.quat[:, 0] = q0
    filter_.state.age[0] = 0.0
    out = filter_.update(
        lane(gyr[1:]), lane(acc[1:]), None if mag is None else lane(mag[1:]), np.full((len(gyr) - 1, 1), 1 / rate_hz)
    )
    return np.concatenate([q0[None], out[:, :, 0].T])


def random_motion(n: int = 400, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    gyr = 2.0 * np.sin(np.arange(n)[:, None] * 0.03 * rng.uniform(1, 2, 3)) + 0.1 * rng.normal(size=(n, 3))
    acc, mag = rng.normal(size=(2, n, 3))
    return gyr, acc + np.array([0, 0, 9.81]), 0.1 * mag + np.array([0.2, 0.4, -0.8])


@pytest.mark.needs("data")
def test_six_axes_agree_with_ahrs_on_a_real_recording(recordings: Path) -> None:
    gyr, acc, _ = (x[:20000] for x in broad(recordings / TRIAL))
    gyr = without_zeros(gyr)
    q0 = estimate(gyr, acc, None, BROAD_HZ)[0]
    peer = Ahrs(gyr=gyr, acc=acc, frequency=BROAD_HZ, gain=0.05, q0=q0).Q
    assert np.degrees(qt.angle(from_known_start(q0, gyr, acc, None, BROAD_HZ, 0.05), peer)).max() < 2e-4


@pytest.mark.needs("data")
def test_nine_axes_agree_with_ahrs_whose_north_is_x(recordings: Path) -> None:
    gyr, acc, mag = (x[:12000] for x in broad(recordings / TRIAL))
    gyr = without_zeros(gyr)
    q0 = estimate(gyr, acc, mag, BROAD_HZ)[0]
    east_to_north = qt.about_z(np.pi / 2)
    q = qt.multiply(qt.conjugate(east_to_north), q0)
    peer_filter = Ahrs(frequency=BROAD_HZ, gain=0.08)
    peer = [q]
    for g, a, m in zip(gyr[1:], acc[1:], mag[1:], strict=True):
        q = peer_filter.updateMARG(q, gyr=g, acc=a, mag=m)
        peer.append(q)
    ours = from_known_start(q0, gyr, acc, mag, BROAD_HZ, 0.08)
    assert np.degrees(qt.angle(ours, qt.multiply(east_to_north, np.array(peer)))).max() < 2e-4


@pytest.mark.needs("data")
@pytest.mark.parametrize(
    ("trial", "total", "inclination"),
    [
        ("02_undisturbed_slow_rotation_B", 1.7, 0.8),
        ("07_undisturbed_fast_rotation_B", 5.4, 2.3),
        ("12_undisturbed_slow_translation_C", 2.9, 2.2),
        ("16_undisturbed_fast_translation_B", 5.8, 2.8),
        ("25_disturbed_tapping_B", 3.0, 2.1),
        ("32_disturbed_attached_magnet_1cm", 18.5, 5.8),
    ],
)
def test_errors_against_optical_truth_stay_where_they_were(
    recordings: Path, trial: str, total: float, inclination: float
) -> None:
    path = recordings / f"broad/{trial}.hdf5"
    gyr, acc, mag = broad(path)
    with h5py.File(path) as file:
        truth, moving = file["opt_quat"][:], file["movement"][:]
    error = qt.multiply(truth, qt.conjugate(estimate(gyr, acc, mag, BROAD_HZ)))
    error = error[moving & np.isfinite(error[:, 0])]
    whole = 2 * np.arccos(np.clip(np.abs(error[:, 0]), 0, 1))
    tilt = 2 * np.arccos(np.clip(np.hypot(error[:, 0], error[:, 3]), 0, 1))
    rms = [float(np.degrees(np.sqrt(np.mean(x**2)))) for x in (whole, tilt)]
    print(f"{trial}: total {rms[0]:.2f} deg, inclination {rms[1]:.2f} deg")
    assert rms[0] < total
    assert rms[1] < inclination


def test_a_constant_rate_turns_by_rate_times_time() -> None:
    n, rate_hz = 2001, 1000.0
    gyr = np.tile([0.0, 0.0, 1.0], (n, 1))
    acc = np.tile([0.0, 0.0, 9.81], (n, 1))
    quat = estimate(gyr, acc, None, rate_hz)
    np.testing.assert_allclose(qt.angle(quat[:1], quat[-1:]), 2.0, atol=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_gravity_and_field_give_the_first_orientation_exactly(seed: int) -> None:
    true = qt.normalize(np.random.default_rng(seed).normal(size=4))
    acc = qt.rotate(qt.conjugate(true), np.array([0, 0, 9.81]))[None]
    mag = qt.rotate(qt.conjugate(true), np.array([0, 0.4, -0.9]))[None]
    first = estimate(np.zeros((1, 3)), acc, mag, 100.0)[0]
    assert qt.angle(first, true) < 1e-7
    level = estimate(np.zeros((1, 3)), acc, None, 100.0)[0]
    np.testing.assert_allclose(qt.rotate(level, acc[0]), [0, 0, 9.81], atol=1e-9)


def test_an_upside_down_start_is_an_orientation_like_any_other() -> None:
    acc = np.tile([0.0, 0.0, -9.81], (50, 1))
    quat = estimate(np.zeros((50, 3)), acc, None, 100.0)
    np.testing.assert_allclose(qt.rotate(quat, acc)[:, 2], 9.81, atol=1e-9)


def test_without_rotation_the_filter_still_corrects() -> None:
    acc = np.tile([0.0, 0.0, 9.81], (500, 1))
    acc[0] = [9.81, 0.0, 0.0]  # an accelerated first sample: 90 degrees off
    quat = estimate(np.zeros((500, 3)), acc, None, 100.0)
    tilt = np.degrees(np.arccos(qt.up_in_sensor(quat)[:, 2]))
    assert tilt[0] == pytest.approx(90.0)
    assert tilt[-1] < 65.0
    slow = estimate(np.zeros((500, 3)), acc, None, 100.0, params=MadgwickParams(start_beta=0.0))
    assert np.degrees(np.arccos(qt.up_in_sensor(slow[-1])[2])) > 75.0


@pytest.mark.parametrize("with_mag", [False, True])
def test_any_chunking_and_any_company_gives_the_same_bits(with_mag: bool) -> None:
    data = [random_motion(400, seed) for seed in range(3)]
    alone = [estimate(g, a, m if with_mag else None, 100.0) for g, a, m in data]
    filter_ = Madgwick(3, magnetometer=with_mag)
    position = np.zeros(3, dtype=np.int64)
    rng = np.random.default_rng(9)
    got: list[list[Floats]] = [[], [], []]
    while (position < 400).any():
        count = np.minimum(rng.integers(0, 8, 3), 400 - position)
        packed = np.full((3, 3, max(int(count.max()), 1), 3), np.nan)
        for n, parts in enumerate(data):
            for i, x in enumerate(parts):
                packed[i, :, : count[n], n] = x[position[n] : position[n] + count[n]].T
        dt = np.full((packed.shape[2], 3), 0.01)
        gyr, acc, mag = (np.ascontiguousarray(x) for x in packed)
        out = filter_.update(gyr, acc, mag if with_mag else None, dt, count)
        for n in range(3):
            got[n].append(out[:, : count[n], n].T)
        position += count
    for n in range(3):
        np.testing.assert_array_equal(np.concatenate(got[n]), alone[n])


def test_a_saved_state_continues_equal() -> None:
    gyr, acc, mag = (lane(x) for x in random_motion())
    filter_ = Madgwick(1, magnetometer=True)
    dt = np.full((200, 1), 0.01)
    first, second = (
        [np.ascontiguousarray(x[:, part]) for x in (gyr, acc, mag)] for part in (slice(200), slice(200, 400))
    )
    filter_.update(*first, dt)
    saved = filter_.state.copy()
    once = filter_.update(*second, dt)
    filter_.state = saved
    np.testing.assert_array_equal(filter_.update(*second, dt), once)


def test_a_sensor_that_joins_leaves_the_others_as_they_were() -> None:
    gyr, acc, _ = random_motion()
    filter_ = Madgwick(1)
    filter_.update(lane(gyr[:100]), lane(acc[:100]), None, np.full((100, 1), 0.01))
    filter_.grow(2)
    both = [np.ascontiguousarray(np.repeat(lane(x[100:]), 2, axis=2)) for x in (gyr, acc)]
    out = filter_.update(*both, None, np.full((300, 2), 0.01))
    np.testing.assert_array_equal(out[:, :, 0].T, estimate(gyr, acc, None, 100.0)[100:])


@pytest.mark.parametrize("what", ["gyr", "acc", "mag", "all", "zero", "huge"])
def test_unusable_samples_never_leave_as_nan_or_without_unit_length(what: str) -> None:
    gyr, acc, mag = random_motion()
    rng = np.random.default_rng(1)
    for name, x in (("gyr", gyr), ("acc", acc), ("mag", mag)):
        rows = rng.random(400) < 0.3
        if what in (name, "all"):
            x[rows] = np.nan
        elif what == "zero":
            x[rows] = 0.0
        elif what == "huge":
            x[rows] = 1e200
    for field in (None, mag):
        quat = estimate(gyr, acc, field, 100.0)
        assert np.isfinite(quat).all()
        np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0, atol=1e-6)


def test_without_any_usable_acceleration_the_filter_says_so() -> None:
    filter_ = Madgwick(1)
    filter_.update(np.zeros((3, 5, 1)), np.full((3, 5, 1), np.nan), None, np.full((5, 1), 0.01))
    assert filter_.state.age[0] < 0.0


def test_a_step_that_is_too_long_holds_the_orientation_and_raises_the_gain_again() -> None:
    filter_ = Madgwick(1, MadgwickParams(max_step=0.25))
    gyr, acc = np.full((3, 3, 1), 1.0), np.tile([0.0, 0.0, 9.81], (3, 1)).T[:, :, None].copy()
    out = filter_.update(gyr, acc, None, np.array([[0.01], [0.01], [5.0]]))
    np.testing.assert_array_equal(out[:, 2, 0], out[:, 1, 0])
    assert filter_.state.age[0] == 0.0


def test_every_parameter_is_felt() -> None:
    gyr, acc, _ = random_motion()
    usual = estimate(gyr, acc, None, 100.0)
    others = [
        MadgwickParams(beta=0.3),
        MadgwickParams(start_beta=2.0),
        MadgwickParams(settle=0.2),
        MadgwickParams(max_step=0.001),
    ]
    for params in others:
        assert np.degrees(qt.angle(usual, estimate(gyr, acc, None, 100.0, params=params))).max() > 0.05, params


def test_a_recording_of_the_wrong_shape_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="mag has shape"):
        estimate(np.zeros((5, 3)), np.zeros((5, 3)), np.zeros((4, 3)), 100.0)
    with pytest.raises(ValueError, match="rate_hz"):
        estimate(np.zeros((5, 3)), np.zeros((5, 3)), None, 0.0)
    with pytest.raises(ValueError, match="unknown method"):
        estimate(np.zeros((5, 3)), np.zeros((5, 3)), None, 100.0, method="best")  # type: ignore[arg-type]  # refused at run time too


def test_warming_needs_no_data() -> None:
    warm()
