"""`estimate`, the one function for recordings: what it takes, what it refuses, and what it leaves alone."""

import numpy as np
import pytest

from fusion.orientation import (
    METHODS,
    AdaptiveParams,
    MadgwickParams,
    Method,
    SmoothedParams,
    estimate,
    warm,
)
from fusion.orientation import quaternion as qt
from tests.fusion.orientation.sensor import turning

each_method = pytest.mark.parametrize("method", METHODS)
PARAMS = {"madgwick": MadgwickParams(), "adaptive": AdaptiveParams(), "smoothed": SmoothedParams()}


@each_method
@pytest.mark.parametrize("rows", [0, 1, 2, 3])
@pytest.mark.parametrize("mag", [True, False])
def test_few_rows_or_none_are_a_recording_too(method: Method, rows: int, mag: bool) -> None:
    s = turning(1.0)[slice(0, rows)]
    quat = estimate(s.gyr, s.acc, s.mag if mag else None, 100.0, method)
    assert quat.shape == (rows, 4)
    assert quat.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0, atol=1e-9)
    if rows and mag and method != "smoothed":
        assert qt.angle(quat[0], s.quat[0]) < 1e-7


@each_method
def test_defaults_may_be_said_or_left_out(method: Method) -> None:
    s = turning(5.0)
    np.testing.assert_array_equal(
        estimate(s.gyr, s.acc, s.mag, 100.0, method, PARAMS[method]), estimate(s.gyr, s.acc, s.mag, 100.0, method)
    )


def test_the_usual_method_is_the_live_filter() -> None:
    s = turning(5.0)
    np.testing.assert_array_equal(
        estimate(s.gyr, s.acc, s.mag, 100.0), estimate(s.gyr, s.acc, s.mag, 100.0, "adaptive")
    )


@each_method
@pytest.mark.parametrize("other", METHODS)
def test_parameters_of_another_method_are_refused(method: Method, other: Method) -> None:
    s = turning(0.1)
    if method == other:
        assert estimate(s.gyr, s.acc, s.mag, 100.0, method, PARAMS[other]).shape == (10, 4)
        return
    with pytest.raises(ValueError, match=f"{type(PARAMS[other]).__name__} are not the parameters of {method}"):
        estimate(s.gyr, s.acc, s.mag, 100.0, method, PARAMS[other])


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    s = turning(0.1)
    with pytest.raises(ValueError, match="unknown method 'best': use one of madgwick, adaptive, smoothed"):
        estimate(s.gyr, s.acc, s.mag, 100.0, "best")  # type: ignore[arg-type]  # refused at run time too


@each_method
@pytest.mark.parametrize("rate_hz", [0.0, -100.0, 3.0, 1e25, np.nan, np.inf])
def test_a_rate_that_is_none_is_refused(method: Method, rate_hz: float) -> None:
    s = turning(0.1)
    with pytest.raises(ValueError, match="rate_hz must lie between"):
        estimate(s.gyr, s.acc, s.mag, rate_hz, method)


@each_method
def test_shapes_that_do_not_fit_are_refused_by_name(method: Method) -> None:
    s = turning(0.1)
    with pytest.raises(ValueError, match=r"acc has shape \(9, 3\), gyr \(10, 3\)"):
        estimate(s.gyr, s.acc[:9], s.mag, 100.0, method)
    with pytest.raises(ValueError, match=r"mag has shape \(9, 3\), gyr \(10, 3\)"):
        estimate(s.gyr, s.acc, s.mag[:9], 100.0, method)
    for name, columns in (
        ("gyr", (s.gyr.T, s.acc, s.mag)),
        ("acc", (s.gyr, s.acc[:, 0], s.mag)),
        ("mag", (s.gyr, s.acc, s.mag[:, :2])),
    ):
        with pytest.raises(ValueError, match=rf"^{name} must have shape \(n, 3\)"):
            estimate(*columns, 100.0, method)


@each_method
def test_whole_numbers_are_numbers(method: Method) -> None:
    s = turning(5.0)
    gyr, acc, mag = (np.rint(10.0 * x).astype(np.int16) for x in (s.gyr, s.acc, s.mag))
    whole = estimate(gyr, acc, mag, 100.0, method)  # type: ignore[arg-type]  # and so is whatever numpy makes them of
    np.testing.assert_array_equal(whole, estimate(*(x.astype(float) for x in (gyr, acc, mag)), 100.0, method))
    as_lists = estimate(gyr.tolist(), acc.tolist(), mag.tolist(), 100.0, method)  # type: ignore[arg-type]
    np.testing.assert_array_equal(as_lists, whole)


@each_method
def test_memory_may_be_laid_out_as_it_likes(method: Method) -> None:
    s = turning(5.0)
    usual = estimate(s.gyr, s.acc, s.mag, 100.0, method)
    table = np.concatenate([s.gyr, s.acc, s.mag], axis=1)
    views = table[:, :3], table[:, 3:6], table[:, 6:]
    np.testing.assert_array_equal(estimate(*views, 100.0, method), usual)
    fortran = (np.asfortranarray(x) for x in (s.gyr, s.acc, s.mag))
    np.testing.assert_array_equal(estimate(*fortran, 100.0, method), usual)
    backwards = (x[::-1].copy()[::-1] for x in (s.gyr, s.acc, s.mag))
    np.testing.assert_array_equal(estimate(*backwards, 100.0, method), usual)
    big_endian = (x.astype(">f8") for x in (s.gyr, s.acc, s.mag))
    np.testing.assert_array_equal(estimate(*big_endian, 100.0, method), usual)


@each_method
def test_what_goes_in_is_left_as_it_was_and_apart_from_what_comes_out(method: Method) -> None:
    s = turning(5.0)
    for x in (s.gyr, s.acc, s.mag):
        x[100:120] = np.nan
    columns = [x.copy() for x in (s.gyr, s.acc, s.mag)]
    for x in columns:
        x.setflags(write=False)
    quat = estimate(*columns, 100.0, method)
    for x, before in zip(columns, (s.gyr, s.acc, s.mag), strict=True):
        np.testing.assert_array_equal(x, before)
        assert not np.shares_memory(x, quat)
    assert quat.flags.writeable
    again = quat.copy()
    quat[:] = 0.0
    np.testing.assert_array_equal(estimate(*columns, 100.0, method), again)


@pytest.mark.parametrize("method", ["adaptive", "smoothed"])  # the published filter needs more than 10 Hz
@pytest.mark.parametrize("rate_hz", [10.0, 47.0, 1000.0])
def test_any_usual_rate_will_do(method: Method, rate_hz: float) -> None:
    s = turning(40.0, rate_hz, tilt_deg=30.0, speed=0.5)
    off = np.degrees(qt.angle(estimate(s.gyr, s.acc, s.mag, rate_hz, method), s.quat))
    assert off[len(off) // 2 :].max() < 0.5


@each_method
def test_a_biased_sensor_is_followed_as_well_as_the_method_can(method: Method) -> None:
    s = turning(300.0, tilt_deg=40.0).biased(0.3, -0.3, 0.3)
    off = np.degrees(qt.angle(estimate(s.gyr, s.acc, s.mag, 100.0, method), s.quat))[10000:]
    assert off.max() < {"madgwick": 10.0, "adaptive": 0.9, "smoothed": 0.5}[method]


def test_warming_makes_every_method_ready() -> None:
    warm()
    assert set(METHODS) == set(PARAMS)


@each_method
def test_arrays_that_must_not_be_written_and_any_kind_of_rate_will_do(method: Method) -> None:
    s = turning(0.5)
    usual = estimate(s.gyr, s.acc, s.mag, 100.0, method)
    for n in (1, len(s.gyr)):
        kept = [x[:n].copy() for x in (s.gyr, s.acc, s.mag)]
        for x in kept:
            x.setflags(write=False)
        assert estimate(*kept, np.float32(100.0), method).shape == (n, 4)  # type: ignore[arg-type]  # a numpy number
    np.testing.assert_array_equal(estimate(s.gyr, s.acc, s.mag, 100, method), usual)
