"""The smoothed orientation of recordings: the future known, holes bridged, magnets outvoted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.orientation import SmoothedParams, estimate
from fusion.orientation import quaternion as qt
from fusion.orientation.kernels.smoothed import offline_level, offline_low_pass
from tests.fusion.orientation.sensor import (
    DEG,
    Floats,
    Samples,
    heading_off_deg,
    joined,
    samples,
    still,
    tilt_off_deg,
    turning,
)

"""For sensors whose bias was not measured by a long rest."""


def smoothed(s: Samples, *, mag: bool = True, params: SmoothedParams | None = None) -> Floats:
    return estimate(s.gyr, s.acc, s.mag if mag else None, 1.0 / s.dt[0], "smoothed", params)


def noisy(seconds: float = 60.0, seed: int = 0, tilt_deg: float = 60.0, rest: float = 5.0) -> Samples:
    """Return a rest, then movement, of a sensor that is neither quiet nor unbiased."""
    rng = np.random.default_rng(seed)
    quat = turning(seconds - rest, seed=seed, tilt_deg=tilt_deg).quat
    quat = np.concatenate([np.tile(quat[0], (round(100.0 * rest), 1)), quat])
    s = samples(quat, 100.0).biased(*rng.normal(size=3) * 0.3)
    s.gyr[:] += rng.normal(size=s.gyr.shape) * 0.1 * DEG
    s.acc[:] += rng.normal(size=s.acc.shape) * 0.3
    s.mag[:] += rng.normal(size=s.mag.shape) * 0.5
    return s


def off_deg(quat: Floats, s: Samples) -> Floats:
    return np.degrees(qt.angle(quat, s.quat))


def rms(x: Floats) -> float:
    return float(np.sqrt(np.mean(x * x)))


@pytest.mark.parametrize("seed", range(5))
def test_perfect_samples_give_the_orientation_from_the_first_to_the_last(seed: int) -> None:
    s = turning(60.0, seed=seed, tilt_deg=100.0)
    assert off_deg(smoothed(s), s).max() < 1e-9
    assert tilt_off_deg(smoothed(s, mag=False), s.quat).max() < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_the_future_helps(seed: int) -> None:
    s = noisy(120.0, seed)
    live = estimate(s.gyr, s.acc, s.mag, 100.0, "adaptive")
    assert rms(off_deg(smoothed(s), s)) < 0.8 * rms(off_deg(live, s))


@pytest.mark.parametrize("seed", range(5))
def test_who_never_rests_can_have_a_drift_that_was_never_measured(seed: int) -> None:
    s = noisy(60.0, seed, rest=0.0)
    live = estimate(s.gyr, s.acc, s.mag, 100.0, "adaptive")
    assert rms(off_deg(smoothed(s), s)) < 0.8 * rms(off_deg(live, s))


@pytest.mark.parametrize("seed", range(3))
def test_played_backwards_the_same_comes_out_backwards(seed: int) -> None:
    """The sensor that turns the other way; its rates belong to the intervals on their other side."""
    s = noisy(120.0, seed)
    back_gyr = -np.concatenate([s.gyr[1:], s.gyr[-1:]])[::-1]
    back = estimate(back_gyr, s.acc[::-1], s.mag[::-1], 100.0, "smoothed")[::-1]
    assert off_deg(back, s).max() < 2.0
    assert np.degrees(qt.angle(back, smoothed(s))).max() < 0.8


def test_the_start_is_as_good_as_the_end() -> None:
    starts, ends = [], []
    for seed in range(8):
        s = noisy(60.0, seed)
        off = off_deg(smoothed(s), s)
        starts.append(rms(off[:500]))
        ends.append(rms(off[-500:]))
    assert 0.6 < np.mean(starts) / np.mean(ends) < 1.6


def test_a_bias_that_only_rest_at_the_end_shows_is_known_from_the_start() -> None:
    s = turning(60.0, tilt_deg=10.0)
    rest = still(20.0, quat=s.quat[-1])
    both = joined(s, rest).biased(0.0, 0.0, 0.5)
    drift = [
        np.ptp(np.unwrap(heading_off_deg(estimate(both.gyr, both.acc, None, 100.0, method), both.quat), period=360.0))
        for method in ("adaptive", "smoothed")
    ]
    assert drift[0] > 25.0
    assert drift[1] < 6.0


def test_a_magnet_near_by_for_a_while_is_outvoted() -> None:
    s = noisy(120.0)
    s.mag[5000:6500] += qt.rotate(qt.conjugate(s.quat[5000:6500]), np.array([30.0, 0.0, 10.0]))
    assert np.abs(heading_off_deg(smoothed(s), s.quat)).max() < 3.0


def test_a_room_whose_field_points_elsewhere_turns_all_by_one_angle() -> None:
    s = noisy(60.0)
    usual = smoothed(s)
    s.mag[:] += qt.rotate(qt.conjugate(s.quat), np.array([20.0, 0.0, 0.0]))
    turned = qt.multiply(smoothed(s), qt.conjugate(usual))
    assert np.degrees(2.0 * np.arctan2(turned[:, 3], turned[:, 0])) == pytest.approx(45.0, abs=1.5)
    assert tilt_off_deg(smoothed(s), usual).max() < 0.1


def test_the_heading_never_jumps() -> None:
    s = noisy(120.0)
    s.mag[4000:4300] *= -1.0  # north and south exchanged
    s.mag[7000:] += qt.rotate(qt.conjugate(s.quat[7000:]), np.array([15.0, 0.0, 0.0]))
    off = heading_off_deg(smoothed(s), s.quat)
    assert np.abs(np.diff(np.unwrap(off, period=360.0))).max() < 0.05


@pytest.mark.parametrize("what", ["gyr", "acc", "mag"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 1e200])
def test_holes_are_bridged(what: str, value: float) -> None:
    s = noisy(60.0)
    usual = off_deg(smoothed(s), s)
    rng = np.random.default_rng(3)
    getattr(s, what)[rng.random(6000) < 0.2, rng.integers(0, 3)] = value
    getattr(s, what)[:5] = value
    getattr(s, what)[-5:] = value
    off = off_deg(smoothed(s), s)
    assert rms(off) < rms(usual) + 0.15
    assert off.max() < usual.max() + 1.5


def test_a_long_bridge_frees_the_heading_for_the_field_to_find_it_again() -> None:
    s = turning(120.0)
    s.gyr[5000:5800] = np.nan
    off = np.abs(heading_off_deg(smoothed(s), s.quat))
    six = heading_off_deg(smoothed(s, mag=False), s.quat)
    turned = six[5900:].mean() - six[:4900].mean()
    assert abs((turned + 180.0) % 360.0 - 180.0) > 10.0  # what the rates alone miss
    assert off[:4990].max() < 1.5
    assert off[5900:].max() < 1.5


def test_a_field_for_a_part_of_the_time_serves_the_rest() -> None:
    s = noisy(120.0)
    s.mag[:9000] = np.nan
    assert np.abs(heading_off_deg(smoothed(s), s.quat))[8000:].max() < 3.0
    assert np.abs(heading_off_deg(smoothed(s), s.quat)).max() < 25.0


@pytest.mark.parametrize("value", [np.nan, 0.0, 1e30])
def test_a_field_that_is_none_is_as_no_magnetometer(value: float) -> None:
    s = noisy(30.0)
    usual = smoothed(s, mag=False)
    s.mag[:] = value
    np.testing.assert_array_equal(smoothed(s), usual)


def test_a_field_along_gravity_is_as_no_magnetometer() -> None:
    s = turning(60.0)
    s.mag[:] = -5.0 * s.acc
    off = np.unwrap(heading_off_deg(smoothed(s), smoothed(s, mag=False)), period=360.0)
    assert np.ptp(off) < 1e-6


@pytest.mark.parametrize("what", ["gyr", "acc"])
def test_without_any_rate_or_any_force_nothing_is_known(what: str) -> None:
    s = turning(5.0)
    getattr(s, what)[:] = np.nan
    assert (smoothed(s) == qt.IDENTITY).all()


BAD = (np.nan, np.inf, -np.inf, 0.0, 1e30, -1e200, 1e308, 5e-324, 340.0, -9e4, 1e11)
damage = st.tuples(st.sampled_from(["gyr", "acc", "mag"]), st.integers(0, 299), st.integers(1, 300), st.integers())


@given(st.integers(0, 9), st.integers(1, 300), st.sampled_from([10.0, 100.0, 1000.0]), st.lists(damage, max_size=6))
@settings(deadline=None, max_examples=200)
def test_whatever_comes_in_unit_quaternions_come_out(
    seed: int, n: int, rate_hz: float, damages: list[tuple[str, int, int, int]]
) -> None:
    s = turning(300.0 / rate_hz, rate_hz, seed, speed=3.0)
    for name, at, length, how in damages:
        rows, value = slice(at, at + length), BAD[how % len(BAD)]
        if how % 3 == 0:
            getattr(s, name)[rows] = value
        else:
            getattr(s, name)[rows, how % 3] = value
    for mag in (s.mag[:n], None):
        quat = estimate(s.gyr[:n], s.acc[:n], mag, rate_hz, "smoothed")
        assert np.isfinite(quat).all()
        np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("tilt", [np.pi, np.pi - 1e-7, np.pi - 1e-3, 3.0, 1.0, 0.0])
def test_levelling_turns_any_gravity_upright_even_the_opposite(tilt: float) -> None:
    up = np.tile([0.0, 9.81 * np.sin(tilt), 9.81 * np.cos(tilt)], (3, 1))
    out = np.empty((3, 4))
    offline_level(np.tile(qt.IDENTITY, (3, 1)), up, out)
    assert np.abs(qt.rotate(out, up) - [0.0, 0.0, 9.81]).max() < 1e-3
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("tau", [0.5, 3.0])
def test_the_low_pass_has_no_lag_and_keeps_what_is_constant(tau: float) -> None:
    dt = np.full(20001, 0.01)
    x = np.zeros((20001, 2))
    x[10000, 0] = 1.0
    x[:, 1] = 9.81
    offline_low_pass(x, dt, tau)
    np.testing.assert_allclose(x[:, 0], x[::-1, 0], atol=1e-4 * x[10000, 0])
    assert x[:, 0].sum() == pytest.approx(1.0, rel=1e-6)
    np.testing.assert_allclose(x[:, 1], 9.81, rtol=1e-12)
