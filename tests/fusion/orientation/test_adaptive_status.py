"""What the adaptive filter says of itself: rest, disturbance, and how sure it is of the heading."""

import numpy as np
import pytest

from fusion.orientation import Adaptive, AdaptiveParams, estimate
from fusion.orientation import quaternion as qt
from fusion.orientation.kernels.field import ANYTHING
from tests.fusion.orientation.sensor import (
    DEG,
    Floats,
    Samples,
    follow,
    heading_off_deg,
    samples,
    still,
    turning,
)

NOTHING_KNOWN_DEG = np.degrees(np.sqrt(ANYTHING))


def magnet(s: Samples, rows: slice, strength: tuple[float, float, float]) -> None:
    """Add a field that is fixed in the room."""
    s.mag[rows] += qt.rotate(qt.conjugate(s.quat[rows]), np.array(strength))


def slow(seconds: float) -> Samples:
    """Return a sensor that turns by 9 deg/s: too fast for rest, too slow to get used to a field."""
    t = np.arange(round(seconds * 100.0)) * 0.01
    tilt = qt.from_axis_angle(np.array([1.0, 0.0, 0.0]), 0.3 * np.sin(0.2 * t))
    return samples(qt.multiply(qt.about_z(0.15 * t), tilt), 100.0)


def test_before_the_first_sample_nothing_is_known() -> None:
    status = Adaptive(2).status
    assert status.converging.all()
    assert not status.resting.any()
    assert not status.disturbed.any()
    assert np.degrees(status.bias_sigma) == pytest.approx(np.full((2, 3), 0.5))
    assert (status.bias == 0.0).all()
    assert np.degrees(status.heading_sigma) == pytest.approx(NOTHING_KNOWN_DEG)


def test_rest_needs_time_and_ends_at_once() -> None:
    filter_ = Adaptive(1)
    resting = []
    for part in (still(1.9), still(0.2), turning(0.1), still(1.0), still(3.0)):
        follow(part, filter_=filter_)
        resting.append(bool(filter_.status.resting[0]))
    assert resting == [False, True, False, False, True]


def test_slow_even_turning_faster_than_any_bias_is_no_rest() -> None:
    s = still(20.0).biased(0.0, 0.0, 2.2)
    assert not follow(s, mag=False).filter.status.resting[0]
    assert follow(still(20.0).biased(0.0, 0.0, 1.8), mag=False).filter.status.resting[0]


def test_a_field_that_is_merely_not_known_yet_is_not_called_disturbed() -> None:
    for s in (still(120.0), turning(4.0)):
        assert not follow(s).filter.status.disturbed[0]


def test_a_magnet_in_the_room_is_seen_ignored_and_forgotten() -> None:
    s = turning(90.0)
    magnet(s, slice(4000, 5500), (30.0, 0.0, 10.0))
    found = follow(s)
    disturbed = found.trace[:, 10] > 0.0
    assert not disturbed[1000:4000].any()
    assert disturbed[4010:5500].all()
    assert not disturbed[5600:].any()
    off = np.abs(heading_off_deg(found.quat, s.quat))
    assert off.max() < 0.5  # the magnet alone would turn north by 56 deg
    sigma = found.heading_sigma_deg
    assert sigma[5500] > 1.5 * sigma[4000]
    assert (np.diff(sigma[4020:5500:10]) > 0.0).all()
    assert sigma[-1] < 1.2 * sigma[4000]
    filter_ = Adaptive(1)
    follow(s[slice(0, 5000)], filter_=filter_)
    assert filter_.status.disturbed[0]


def test_a_new_room_becomes_the_usual_one_when_it_lasts() -> None:
    s = turning(200.0)
    magnet(s, slice(4000, None), (0.0, 30.0, 0.0))
    disturbed = follow(s).trace[:, 10] > 0.0
    ends = np.flatnonzero(np.diff(disturbed.astype(int)) < 0)
    assert disturbed[4010:5900].all()
    assert ends.size == 2  # the first field, and this one after 20 s of movement
    assert ends[1] / 100.0 == pytest.approx(60.0, abs=2.0)


def test_a_disturbance_that_lasts_is_half_believed_after_a_minute() -> None:
    s = slow(160.0)
    usual = turning(30.0)
    filter_ = Adaptive(1)
    follow(usual, filter_=filter_)
    s.dt[0] = 1.0
    magnet(s, slice(2000, None), (30.0, 0.0, 10.0))
    found = follow(s, filter_=filter_)
    off = np.abs(heading_off_deg(found.quat, s.quat))
    assert off[1900:7900].max() < 2.0
    assert off[-1] > 10.0
    assert found.filter.status.disturbed[0]


def test_before_a_field_is_known_one_that_holds_still_is_believed() -> None:
    """A patient who moves slowly never shows the filter what is usual."""
    s = slow(120.0).biased(0.0, 0.0, 0.1)
    found = follow(s)
    assert found.filter.state["ref_norm"][0] == 0.0
    assert found.heading_sigma_deg[2000:].max() < 3.0
    assert np.abs(heading_off_deg(found.quat, s.quat))[2000:].max() < 1.5
    resting = follow(still(120.0))
    assert resting.heading_sigma_deg[2000:].max() < 1.5


def test_before_a_field_is_known_one_that_changes_is_not_believed() -> None:
    quat = turning(40.0).quat
    s = samples(np.concatenate([np.tile(quat[0], (2500, 1)), quat]), 100.0)
    s.mag[2500:] += [60.0, 0.0, 0.0]  # a magnet on the sensor, since it was taken up: the field turns with it
    found = follow(s)
    assert found.filter.state["ref_norm"][0] == 0.0
    assert np.abs(heading_off_deg(found.quat, s.quat)).max() < 3.0


def test_the_heading_becomes_surer_in_a_good_field_and_worse_without() -> None:
    s = turning(120.0)
    s.mag[6000:] = np.nan
    sigma = follow(s).heading_sigma_deg
    assert sigma[0] == pytest.approx(NOTHING_KNOWN_DEG)
    assert (sigma[[10, 100, 1000]] < [60.0, 12.0, 4.0]).all()
    assert 1.0 < sigma[5900] < 3.5
    assert (np.diff(sigma[6000::10]) > 0.0).all()
    assert sigma[-1] > 2.0 * sigma[5900]


def test_without_field_the_heading_is_unsure_against_its_own_start() -> None:
    sigma = follow(turning(600.0), mag=False).heading_sigma_deg
    assert sigma[0] == 0.0
    assert (np.diff(sigma) >= 0.0).all()
    assert 10.0 < sigma[6000] < 60.0
    assert sigma[-1] == pytest.approx(NOTHING_KNOWN_DEG)
    quiet = follow(still(600.0), mag=False).heading_sigma_deg
    assert quiet[-1] < 10.0  # at rest the bias is measured


@pytest.mark.parametrize("seed", range(3))
def test_what_the_filter_does_not_know_is_within_what_it_says(seed: int) -> None:
    """The bias is drawn from what `bias_start` says, the field's scatter from what `heading_sigma` says."""
    rng = np.random.default_rng(seed)
    inside: list[Floats] = []
    for _ in range(10):
        s = turning(120.0, seed=int(rng.integers(1000))).biased(*rng.normal(size=3) * 0.5)
        p = AdaptiveParams()
        s.mag[:] += rng.normal(size=s.mag.shape) * 20.0 * p.heading_sigma * np.sqrt(p.tau_mag / 0.01)
        found = follow(s)
        off = np.abs(heading_off_deg(found.quat, s.quat))
        inside.append((off <= 2.0 * found.heading_sigma_deg)[1000:])
    assert np.mean(inside) > 0.9


def test_the_bias_is_off_by_about_what_it_says() -> None:
    rng = np.random.default_rng(1)
    ratios = []
    for seed in range(20):
        bias = rng.normal(size=3) * 0.5 * DEG
        s = turning(60.0, seed=seed, tilt_deg=100.0)
        s.gyr[:] += bias
        status = follow(s).filter.status
        ratios.append((status.bias[0] - bias) / status.bias_sigma[0])
    assert np.sqrt(np.mean(np.square(ratios))) < 1.2


def test_a_slow_even_turn_in_a_known_field_is_not_taken_for_rest_for_long() -> None:
    time = np.arange(0.0, 140.0, 0.01)
    tilt = np.where(time < 20.0, 0.6 * np.sin(2.0 * time), 0.0)
    heading = np.radians(1.0) * np.maximum(time - 25.0, 0.0)
    true = qt.multiply(qt.about_z(heading), qt.from_axis_angle([1.0, 0.0, 0.0], tilt))
    turn = qt.multiply(qt.conjugate(true[:-1]), true[1:])
    gyr = np.concatenate([np.zeros((1, 3)), 200.0 * turn[:, 1:]])
    acc, mag = (qt.rotate(qt.conjugate(true), np.array(v)) for v in ([0.0, 0.0, 9.81], [0.0, 20.0, -40.0]))
    error = qt.multiply(estimate(gyr, acc, mag, 100.0), qt.conjugate(true))
    off = np.degrees(np.abs(2.0 * np.arctan2(error[:, 3], error[:, 0])))
    assert off.max() < 30.0  # 50 and growing without a look at the field
    assert off[-1] < 0.8 * off.max()


def test_the_status_is_the_last_row_of_the_trace() -> None:
    s = turning(30.0)
    s.mag[2500:] *= 1.5
    for seconds in (2, 20, 29):
        found = follow(s[: seconds * 100])
        status = found.filter.status
        assert status.heading_sigma[0] == found.trace[-1, 11]
        assert status.resting[0] == (found.trace[-1, 9] > 0.0)
        assert status.bias[0].tolist() == found.trace[-1, :3].tolist()
