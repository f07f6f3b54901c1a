"""The adaptive filter fed with what sensors, radios and clocks get wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.orientation import Adaptive
from fusion.orientation import quaternion as qt
from fusion.orientation.adaptive import lane
from fusion.orientation.kernels.adaptive import STATE
from fusion.orientation.kernels.field import ANYTHING
from tests.fusion.orientation.sensor import (
    DEG,
    Followed,
    Samples,
    follow,
    heading_off_deg,
    samples,
    still,
    tilt_off_deg,
    turning,
)

BAD = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e200, 1e308, 5e-324, 1e-160, 340.0, -9e4, 1e11)
BAD_DT = (np.nan, np.inf, -np.inf, 0.0, -0.0, -0.01, -1e300, 1e308, 5e-324, 1e-9, 0.24, 0.26, 3.0, 1e9)


def assert_sound(found: Followed) -> None:
    """Nothing that leaves or stays is no number, out of its range, or of the wrong length."""
    assert np.isfinite(found.quat).all()
    np.testing.assert_allclose(np.linalg.norm(found.quat, axis=1), 1.0, atol=1e-6)
    assert np.isfinite(found.trace).all()
    state, params = found.filter.state[0], found.filter.params
    for name in STATE.names or ():
        assert np.isfinite(state[name]).all(), name
    assert (np.abs(state["bias"]) <= params.bias_limit).all()
    assert abs(state["drift"]) <= params.bias_limit
    assert 0.0 <= state["heading_var"] <= ANYTHING
    assert state["heading_drift_cov"] ** 2 <= 1.000001 * state["heading_var"] * state["drift_var"]
    cov = state["bias_cov"][[0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(3, 3)
    assert np.linalg.eigvalsh(cov).min() >= 0.0
    status = found.filter.status
    assert np.isfinite(status.heading_sigma).all()
    assert np.isfinite(status.bias_sigma).all()


damage = st.tuples(
    st.sampled_from(["gyr", "acc", "mag", "dt"]), st.integers(0, 299), st.integers(1, 120), st.integers()
)


@given(
    st.integers(0, 9), st.sampled_from([10.0, 47.0, 100.0, 285.7, 1000.0]), st.lists(damage, max_size=6), st.booleans()
)
@settings(deadline=None, max_examples=400)
def test_whatever_comes_in_unit_quaternions_come_out(
    seed: int, rate_hz: float, damages: list[tuple[str, int, int, int]], mag: bool
) -> None:
    s = turning(300.0 / rate_hz, rate_hz, seed, speed=3.0)
    for name, at, length, how in damages:
        values = BAD_DT if name == "dt" else BAD
        rows, value = slice(at, at + length), values[how % len(values)]
        if name == "dt" or how % 3 == 0:
            getattr(s, name)[rows] = value
        else:
            getattr(s, name)[rows, how % 3] = value
    assert_sound(follow(s, mag=mag))


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=100)
def test_holes_in_any_pattern_are_bridged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    s = turning(10.0, seed=1).biased(0.2, -0.1, 0.1)
    for x in (s.gyr, s.acc, s.mag):
        x[rng.random(len(x)) < rng.uniform(0.0, 0.5)] = np.nan
    found = follow(s)
    assert_sound(found)
    turned = np.isfinite(s.gyr[:, 0])  # else the orientation is held
    turned[: int(np.argmax((found.quat != qt.IDENTITY).any(axis=1))) + 2] = False
    assert tilt_off_deg(found.quat, s.quat)[turned].max() < 3.0


@pytest.mark.parametrize("what", ["gyr", "acc", "mag"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 0.0])
def test_a_column_that_is_useless_from_start_to_end_does_no_harm(what: str, value: float) -> None:
    s = turning(20.0)
    getattr(s, what)[:] = value
    found = follow(s)
    assert_sound(found)
    if what == "acc":
        assert (found.quat == qt.IDENTITY).all()
        assert found.filter.status.converging.all()
        assert np.degrees(found.filter.status.bias_sigma[0]) == pytest.approx([0.5] * 3)
    if what == "mag":
        np.testing.assert_array_equal(found.quat, follow(turning(20.0), mag=False).quat)


def test_time_that_stands_still_or_runs_backwards_is_ignored() -> None:
    s = turning(20.0)
    usual = follow(s).quat
    rows = np.sort(np.concatenate([np.arange(2000), np.arange(500, 1500, 7), np.arange(500, 1500, 9)]))
    again = s[rows]
    repeated = np.flatnonzero(np.diff(rows) == 0) + 1
    again.dt[repeated] = np.resize([0.0, -0.01, -5.0], repeated.size)
    again.gyr[repeated] = 7.0
    np.testing.assert_array_equal(np.delete(follow(again).quat, repeated, axis=0), usual)


@pytest.mark.parametrize("seed", range(3))
def test_time_stamps_may_be_irregular(seed: int) -> None:
    rng = np.random.default_rng(seed)
    s = turning(60.0, 1000.0, seed)
    rows = np.cumsum(rng.integers(1, 30, 3000))
    part = samples(s.quat[rows], 1.0)
    part.gyr[:] /= np.diff(rows, prepend=0)[:, None] * 1e-3
    part.dt[:] = np.diff(rows, prepend=0) * 1e-3
    found = follow(part)
    assert_sound(found)
    # the line through what may be missing is wrong here, as each rate is the mean over its own interval
    assert np.degrees(qt.angle(found.quat, part.quat)).max() < 3.0


def gap(seconds: float) -> Samples:
    """Return a minute of movement, a gap with a turn in it, and another minute."""
    s = turning(120.0, speed=0.4, tilt_deg=40.0).biased(0.1, 0.1, 0.1)
    rows = np.concatenate([np.arange(6000), np.arange(6000 + round(seconds * 100.0), 12000)])
    part = s[rows]
    part.dt[6000] = seconds + 0.01
    return part


def test_a_short_gap_is_bridged() -> None:
    s = gap(0.2)
    found = follow(s)
    assert np.degrees(qt.angle(found.quat, s.quat))[6000:].max() < 1.0
    assert not follow(s[slice(0, 6001)]).filter.status.converging.any()
    assert found.heading_sigma_deg[6000] < 2.5


def test_after_a_long_gap_the_orientation_is_held_doubted_and_found_again() -> None:
    s = gap(20.0)
    filter_ = Adaptive(1)
    before = follow(s[slice(0, 6000)], filter_=filter_)
    sigma = filter_.status
    after = follow(s[slice(6000, 12000)], filter_=filter_)
    np.testing.assert_array_equal(after.quat[0], before.quat[-1])
    assert np.degrees(sigma.heading_sigma[0]) < 2.5
    assert after.heading_sigma_deg[0] == pytest.approx(np.degrees(np.sqrt(ANYTHING)))
    assert tilt_off_deg(after.quat[:1], s.quat[6000:6001])[0] > 20.0
    assert tilt_off_deg(after.quat, s.quat[6000:])[1000:].max() < 1.0
    assert np.abs(heading_off_deg(after.quat, s.quat[6000:]))[2000:].max() < 2.0
    assert after.trace[0, 3] > before.trace[-1, 3]  # the bias may have changed, too


def test_a_gap_is_flagged_until_gravity_is_known() -> None:
    filter_ = Adaptive(1)
    flags = []
    for part in (still(3.0), still(0.2), still(5.0)):
        follow(part, filter_=filter_)
        flags.append(bool(filter_.status.converging[0]))
    assert flags == [True, False, False]
    late = still(1.0)
    late.dt[0] = 0.3
    follow(late, filter_=filter_)
    assert filter_.status.converging[0]
    follow(still(2.2), filter_=filter_)
    assert not filter_.status.converging[0]


@pytest.mark.parametrize("seconds", [0.3, 1.0, 10.0, 1e7])
def test_unusable_rates_for_long_are_doubted_like_missing_samples(seconds: float) -> None:
    missing, useless = turning(20.0), turning(20.0)
    rows = min(round(seconds * 100.0), 1000)
    useless.gyr[1000 : 1000 + rows] = np.nan
    useless.dt[1000 : 1000 + rows] = seconds / rows
    part = missing[np.concatenate([np.arange(1000), np.arange(1000 + rows, 2000)])] if rows < 1000 else missing
    part.dt[1000] = seconds + 0.01
    if rows == 1000:
        useless, part = useless[slice(0, 2000)], part[slice(0, 1001)]
    a, b = follow(useless, mag=False).filter.status, follow(part, mag=False).filter.status
    assert a.heading_sigma[0] == pytest.approx(b.heading_sigma[0], rel=2e-2)
    assert a.bias_sigma[0] == pytest.approx(b.bias_sigma[0], rel=2e-2)


def test_clipped_rates_cost_what_they_hide_and_no_more() -> None:
    s = turning(120.0, speed=3.0)
    limit = 500.0 * DEG
    assert 0.01 < (np.abs(s.gyr) > limit).any(axis=1).mean() < 0.2
    s.gyr[:] = np.clip(s.gyr, -limit, limit)
    found = follow(s)
    assert_sound(found)
    assert tilt_off_deg(found.quat, s.quat)[1000:].max() < 22.0  # 20, as VQF


def test_free_fall_at_the_start_waits_and_midway_is_ridden_out() -> None:
    true = turning(60.0)
    s = turning(60.0)
    s.acc[:300] = 0.0
    found = follow(s)
    assert (found.quat[:300] == qt.IDENTITY).all()
    assert np.degrees(qt.angle(found.quat, true.quat))[301:].max() < 0.1
    s = turning(60.0).biased(0.3, -0.2, 0.1)
    s.acc[2000:] = 0.0
    found = follow(s, mag=False)
    assert_sound(found)
    weightless = slice(2000 + 800, None)
    sigma = np.sqrt(found.trace[weightless, 3])
    assert (np.diff(sigma) >= 0.0).all()  # nothing is learned from a gravity that is not there
    assert sigma[-1] > 1.02 * sigma[0]


@pytest.mark.parametrize("tilt", [0.0, 1e-13, 1e-9, 1e-5, 0.1])
def test_gravity_that_turns_out_to_be_opposite_is_found(tilt: float) -> None:
    """Exactly upside down there is no axis to turn about, and a tiny one is hard to see."""
    s = still(20.0)
    s.acc[0] = [9.81 * np.sin(tilt), 0.0, -9.81 * np.cos(tilt)]
    found = follow(s, mag=False)
    assert_sound(found)
    assert tilt_off_deg(found.quat, s.quat)[0] > 90.0
    assert tilt_off_deg(found.quat, s.quat)[-1] < 0.1


@pytest.mark.parametrize("roll", [np.pi, np.pi - 1e-9, np.pi - 1e-4])
def test_an_upside_down_start_is_an_orientation_like_any_other(roll: float) -> None:
    s = still(5.0, quat=qt.from_axis_angle(np.array([0.6, 0.8, 0.0]), roll))
    nine, six = follow(s), follow(s, mag=False)
    assert tilt_off_deg(six.quat, s.quat).max() < 0.01
    assert np.degrees(qt.angle(nine.quat, s.quat)).max() < 0.02


def test_a_field_along_gravity_says_nothing_of_the_heading() -> None:
    s = turning(60.0)
    s.mag[:] = 5.0 * s.acc + np.random.default_rng(0).normal(size=s.mag.shape)
    found = follow(s)
    assert_sound(found)
    six = follow(s, mag=False)
    assert np.ptp(np.unwrap(heading_off_deg(found.quat, six.quat), period=360.0)) < 0.01
    assert found.filter.state["ref_norm"][0] == 0.0
    late = turning(60.0, seed=5)
    late.dt[0] = 1.0
    assert np.abs(heading_off_deg(follow(late, filter_=found.filter).quat, late.quat))[100:].max() < 1.0


def test_a_late_field_turns_the_heading_to_north_at_once() -> None:
    s = turning(60.0, seed=2).biased(0.0, 0.0, 0.05)
    s.mag[:3000] = 0.0
    found = follow(s)
    off = np.abs(heading_off_deg(found.quat, s.quat))
    assert off[2990] > 20.0
    assert off[3010:].max() < 1.0
    assert found.heading_sigma_deg[2990] < 20.0 < found.heading_sigma_deg[3001]


def test_other_samples_than_announced_are_refused_or_left_alone() -> None:
    filter_ = Adaptive(2)
    good = np.ones((3, 4, 2))
    with pytest.raises(ValueError, match="acc has shape"):
        filter_.update(good, good[:, :3].copy(), None, np.ones((4, 2)))
    with pytest.raises(ValueError, match="mag has shape"):
        filter_.update(good, good, good[:, :, :1].copy(), np.ones((4, 2)))
    with pytest.raises(ValueError, match="of 1 sensors"):
        filter_.update(good[:, :, :1].copy(), good[:, :, :1].copy(), None, np.ones((4, 1)))
    with pytest.raises(ValueError, match="trace"):
        filter_.update(good, good, None, np.ones((4, 2)), trace=np.zeros((4, 2, 3)))
    with pytest.raises(ValueError, match="count"):
        filter_.update(good, good, None, np.ones((4, 2)), count=np.array([4]))
    out = filter_.update(good, good, None, np.full((4, 2), 0.01), count=np.array([1000, 0]))
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out[:, :, 1], [[1.0] * 4, [0.0] * 4, [0.0] * 4, [0.0] * 4])


def test_three_hours_leave_everything_in_its_range() -> None:
    hours = turning(3 * 3600.0, tilt_deg=40.0).biased(0.1, -0.1, 0.05)
    hours.mag[60000:-6000] = np.nan  # found again after nearly three hours
    whole = follow(hours)
    assert_sound(whole)
    assert_sound(follow(hours[slice(0, 1000000)], mag=False))
    assert abs(whole.filter.state["heading"][0]) < 100.0
    assert np.abs(heading_off_deg(whole.quat, hours.quat))[-4000:].max() < 1.0
    assert tilt_off_deg(whole.quat, hours.quat)[-4000:].max() < 0.3
    assert np.abs(np.linalg.norm(whole.quat, axis=1) - 1.0).max() < 1e-9


def test_a_moment_that_stands_for_an_unknown_interval_tells_nothing_of_the_usual_one() -> None:
    s, at = turning(20.0, speed=3.0), 1000
    columns, dt = [lane(x) for x in (s.gyr, s.acc, s.mag)], s.dt[:, None]
    plain = Adaptive(1).update(*columns, np.ascontiguousarray(dt))
    columns = [np.ascontiguousarray(np.insert(x, at, x[:, at], axis=1)) for x in columns]
    held = Adaptive(1).update(*columns, np.ascontiguousarray(np.insert(dt, at, 1e-9, axis=0)))
    np.testing.assert_allclose(np.delete(held, at, axis=1), plain, atol=1e-6)
