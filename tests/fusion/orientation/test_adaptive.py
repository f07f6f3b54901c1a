"""The adaptive filter against closed forms: turns, tilts, biases, drifts, fields."""

import numpy as np
import pytest

from fusion.orientation import AdaptiveParams, estimate
from fusion.orientation import quaternion as qt
from tests.fusion.orientation.sensor import (
    DEG,
    FIELD,
    GRAVITY,
    Floats,
    follow,
    heading_off_deg,
    still,
    tilt_off_deg,
    turning,
)


def random_quat(seed: int) -> Floats:
    return qt.normalize(np.random.default_rng(seed).normal(size=4))


@pytest.mark.parametrize("rate_hz", [10.0, 100.0, 1000.0])
@pytest.mark.parametrize("axis", [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.6, -0.48, 0.64)])
def test_a_constant_rate_turns_by_rate_times_time(rate_hz: float, axis: tuple[float, float, float]) -> None:
    n = round(2.0 * rate_hz) + 1
    quat = qt.from_axis_angle(np.array(axis), 3.0 * np.arange(n) / rate_hz)
    acc = qt.rotate(qt.conjugate(quat), GRAVITY)
    got = estimate(np.tile(3.0 * np.array(axis), (n, 1)), acc, None, rate_hz)
    turn = qt.multiply(got, qt.conjugate(got[:1]))
    assert np.degrees(qt.angle(turn, quat)).max() < 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_gravity_and_field_give_the_first_orientation_exactly(seed: int) -> None:
    true = random_quat(seed)
    acc, mag = (qt.rotate(qt.conjugate(true), v)[None] for v in (GRAVITY, FIELD))
    gyr = np.zeros((1, 3))
    assert qt.angle(estimate(gyr, acc, mag, 100.0)[0], true) < 1e-7
    np.testing.assert_allclose(qt.rotate(estimate(gyr, acc, None, 100.0)[0], acc[0]), GRAVITY, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_sensor_that_moves_is_followed(seed: int) -> None:
    true = turning(60.0, seed=seed)
    nine, six = follow(true), follow(true, mag=False)
    assert np.degrees(qt.angle(nine.quat, true.quat)).max() < 0.01
    assert tilt_off_deg(six.quat, true.quat).max() < 0.01
    assert np.ptp(np.unwrap(heading_off_deg(six.quat, true.quat), period=360.0)) < 0.01


def test_a_wrong_first_tilt_is_forgotten_at_once_and_a_later_one_at_the_rate_beta() -> None:
    s = still(60.0)
    s.acc[0] = [9.81, 0.0, 0.0]  # an accelerated first sample
    tilt = tilt_off_deg(follow(s, mag=False).quat, s.quat)
    assert tilt[0] == pytest.approx(90.0)
    assert tilt[1000] < 0.5
    s = still(60.0)
    s.gyr[2000:2100] = [30.0 * DEG, 0.0, 0.0]  # a turn that was none
    tilt = tilt_off_deg(follow(s, mag=False).quat, s.quat)
    assert 27.0 < tilt.max() < 30.0
    steepest = np.diff(tilt[::100]).min()  # in one second
    assert steepest == pytest.approx(-np.degrees(AdaptiveParams().beta), rel=0.01)
    assert tilt[-1] < 0.1


def test_accelerations_that_cancel_do_not_tilt() -> None:
    s = turning(60.0)
    t = np.arange(len(s.dt)) * 0.01
    swaying = np.stack([8.0 * np.sin(5.0 * t), 8.0 * np.cos(5.0 * t), 0.0 * t], axis=1)
    s.acc[:] += qt.rotate(qt.conjugate(s.quat), swaying)
    tilt = tilt_off_deg(follow(s, mag=False).quat, s.quat)
    assert tilt[0] > 35.0
    assert tilt[1000:].max() < 1.1  # two per mille of the acceleration pass, and a little is taken for bias


@pytest.mark.parametrize("bias", [(0.5, -0.3, 0.2), (-1.5, 1.5, 1.0), (0.0, 0.0, 0.0)])
def test_the_bias_is_measured_at_rest_as_surely_as_it_says(bias: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(0)
    s = still(60.0, quat=random_quat(1)).biased(*bias)
    s.gyr[:] += rng.normal(size=s.gyr.shape) * 0.1 * DEG
    s.acc[:] += rng.normal(size=s.acc.shape) * 0.02
    got = follow(s, mag=False)
    status = got.filter.status
    assert status.resting.all()
    assert np.degrees(status.bias[0]) == pytest.approx(bias, abs=0.03)
    assert np.degrees(status.bias_sigma[0]) == pytest.approx([0.02] * 3, rel=0.05)
    early = np.degrees(np.sqrt(got.trace[[0, 200], 3]))
    assert early[0] == pytest.approx(0.5, rel=1e-3)
    assert early[1] < 0.25


def test_the_bias_is_found_in_motion_where_tilting_shows_it() -> None:
    bias = np.array([0.6, -0.4, 0.3])
    got = follow(turning(600.0, tilt_deg=100.0).biased(*bias), mag=False)
    status = got.filter.status
    assert not got.trace[:, 9].any()
    assert np.degrees(status.bias[0]) == pytest.approx(bias, abs=0.05)
    assert np.degrees(status.bias_sigma[0]).max() < 0.25


def test_of_a_level_sensor_in_motion_only_the_horizontal_bias_is_found() -> None:
    got = follow(turning(600.0, tilt_deg=10.0).biased(0.6, -0.4, 0.3), mag=False)
    status = got.filter.status
    assert np.degrees(status.bias[0, :2]) == pytest.approx([0.6, -0.4], abs=0.05)
    assert np.degrees(status.bias_sigma[0, :2]).max() < 0.2
    assert np.degrees(status.bias_sigma[0, 2]) > 0.45
    assert tilt_off_deg(got.quat, turning(600.0, tilt_deg=10.0).quat)[20000:].max() < 0.3


def test_the_field_takes_away_the_drift_that_a_vertical_bias_causes() -> None:
    true = turning(300.0, tilt_deg=5.0)
    nine, six = follow(true.biased(0.0, 0.0, 0.2)), follow(true.biased(0.0, 0.0, 0.2), mag=False)
    drifted = np.ptp(np.unwrap(heading_off_deg(six.quat, true.quat), period=360.0))
    assert drifted > 30.0
    off = np.abs(heading_off_deg(nine.quat, true.quat))
    assert off.max() < 4.0  # before the drift is known
    assert off[20000:].max() < 0.3
    assert np.degrees(nine.filter.state["drift"][0]) == pytest.approx(-0.2, abs=0.03)


def test_a_wrong_tilt_that_gravity_is_still_undoing_is_no_bias() -> None:
    s = turning(300.0, tilt_deg=100.0).biased(0.5, -0.3, 0.2)
    s.gyr[20000:20100] += [90.0 * DEG, 0.0, 0.0]  # as a saturated gyroscope leaves it
    got = follow(s, mag=False)
    before, after = got.trace[19999, :3], got.trace[25000, :3]
    assert tilt_off_deg(got.quat, s.quat)[20000:21000].max() > 40.0
    assert np.degrees(np.abs(after - before)).max() < 0.05


@pytest.mark.parametrize("nth", [2, 10])
@pytest.mark.parametrize("what", ["acc", "mag"])
def test_gravity_and_field_may_come_less_often_than_the_rates(what: str, nth: int) -> None:
    s = turning(300.0, tilt_deg=100.0).biased(0.6, -0.4, 0.3)
    often = follow(s)
    getattr(s, what)[np.arange(len(s.dt)) % nth > 0] = np.nan
    seldom = follow(s)
    a, b = often.filter.status, seldom.filter.status
    assert np.degrees(np.abs(a.bias - b.bias)).max() < 0.01
    assert b.bias_sigma[0] == pytest.approx(a.bias_sigma[0], rel=0.05)
    assert b.heading_sigma[0] == pytest.approx(a.heading_sigma[0], rel=0.05)
    assert seldom.filter.state["ref_norm"][0] == pytest.approx(often.filter.state["ref_norm"][0], rel=1e-6)
    assert np.degrees(qt.angle(seldom.quat, often.quat))[10000:].max() < 0.15


def test_the_sensor_may_be_magnetised_by_any_unit() -> None:
    true = turning(60.0).biased(0.1, 0.1, 0.1)
    usual = follow(true).quat
    for scale in (1e-6, 1e4):
        s = turning(60.0).biased(0.1, 0.1, 0.1)
        s.mag[:] *= scale
        assert np.degrees(qt.angle(follow(s).quat, usual)).max() < 1e-6
