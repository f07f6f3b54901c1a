"""The Madgwick kernel: the same bits as the equations written out, however many sensors stand side by side."""

from math import inf, isfinite, nan, sqrt

import numpy as np
import pytest

from fusion.orientation import Madgwick, MadgwickParams

Floats = np.ndarray
Quat = tuple[float, float, float, float]


def step(q: Quat, gyr: list[float], acc: list[float], mag: list[float] | None, dt: float, beta: float) -> Quat:
    """Return the next quaternion as the paper's equations have it, with the field in y and z; plain Python floats."""
    w, x, y, z = q
    sw = sx = sy = sz = 0.0
    n = sqrt(acc[0] * acc[0] + acc[1] * acc[1] + acc[2] * acc[2])
    if n > 0.0 and isfinite(n):
        n = 1.0 / n
        f1 = 2.0 * (x * z - w * y) - acc[0] * n
        f2 = 2.0 * (w * x + y * z) - acc[1] * n
        f3 = 2.0 * (0.5 - x * x - y * y) - acc[2] * n
        sw = -2.0 * y * f1 + 2.0 * x * f2
        sx = 2.0 * z * f1 + 2.0 * w * f2 - 4.0 * x * f3
        sy = -2.0 * w * f1 + 2.0 * z * f2 - 4.0 * y * f3
        sz = 2.0 * x * f1 + 2.0 * y * f2
        n = nan if mag is None else sqrt(mag[0] * mag[0] + mag[1] * mag[1] + mag[2] * mag[2])
        if mag is not None and n > 0.0 and isfinite(n):
            mx, my, mz = (m * (1.0 / n) for m in mag)
            hx = 2.0 * (mx * (0.5 - y * y - z * z) + my * (x * y - w * z) + mz * (x * z + w * y))
            hy = 2.0 * (mx * (x * y + w * z) + my * (0.5 - x * x - z * z) + mz * (y * z - w * x))
            bz = 2.0 * (mx * (x * z - w * y) + my * (y * z + w * x) + mz * (0.5 - x * x - y * y))
            by = sqrt(hx * hx + hy * hy)
            f4 = 2.0 * by * (x * y + w * z) + 2.0 * bz * (x * z - w * y) - mx
            f5 = 2.0 * by * (0.5 - x * x - z * z) + 2.0 * bz * (w * x + y * z) - my
            f6 = 2.0 * by * (y * z - w * x) + 2.0 * bz * (0.5 - x * x - y * y) - mz
            r = by * (f5 - f4)
            sw += 2.0 * (r * w + (by * z - bz * y) * f4 + bz * x * f5 - by * x * f6)
            sx += 2.0 * (r * x + (by * y + bz * z) * f4 + (bz * w - 2.0 * by * x) * f5 - (by * w + 2.0 * bz * x) * f6)
            sy += 2.0 * (r * y + (by * x - bz * w) * f4 + bz * z * f5 + (by * z - 2.0 * bz * y) * f6)
            sz += 2.0 * (r * z + (by * w + bz * x) * f4 + (bz * y - 2.0 * by * z) * f5 + by * y * f6)
        n = sqrt(sw * sw + sx * sx + sy * sy + sz * sz)
        if n > 0.0:
            n = beta / n
            sw, sx, sy, sz = sw * n, sx * n, sy * n, sz * n
    gx, gy, gz = gyr if isfinite(gyr[0] + gyr[1] + gyr[2]) else (0.0, 0.0, 0.0)
    nw = w + dt * (0.5 * (-x * gx - y * gy - z * gz) - sw)
    nx = x + dt * (0.5 * (w * gx + y * gz - z * gy) - sx)
    ny = y + dt * (0.5 * (w * gy - x * gz + z * gx) - sy)
    nz = z + dt * (0.5 * (w * gz + x * gy - y * gx) - sz)
    n = sqrt(nw * nw + nx * nx + ny * ny + nz * nz)
    if not isfinite(n):
        return q
    n = 1.0 / n
    return nw * n, nx * n, ny * n, nz * n


def samples(steps: int, lanes: int, seed: int = 0) -> tuple[Floats, Floats, Floats, Floats]:
    """Return rates, forces and fields, shape (3, K, N), and intervals, shape (K, N)."""
    rng = np.random.default_rng(seed)
    gyr, acc, mag = rng.normal(size=(3, 3, steps, lanes))
    return gyr, acc + np.array([0, 0, 9.81])[:, None, None], mag, rng.uniform(0.001, 0.02, (steps, lanes))


def started(lanes: int, magnetometer: bool, params: MadgwickParams | None = None) -> Madgwick:
    """Return a filter whose sensors have taken one sample."""
    filter_ = Madgwick(lanes, params, magnetometer=magnetometer)
    gyr, acc, mag, dt = samples(1, lanes, 1)
    filter_.update(gyr, acc, mag if magnetometer else None, dt)
    return filter_


def spoil(x: Floats, seed: int) -> None:
    """Put in values that are no measurement."""
    rng = np.random.default_rng(seed)
    rows = rng.random(x.shape) < 0.1
    x[rows] = rng.choice([nan, inf, -inf, 0.0, 1e200, 1e30], rows.sum())


@pytest.mark.parametrize("spoilt", [False, True])
@pytest.mark.parametrize("magnetometer", [False, True])
@pytest.mark.parametrize("lanes", [1, 3, 8, 17])
def test_the_compiled_filter_gives_the_bits_of_the_equations(lanes: int, magnetometer: bool, spoilt: bool) -> None:
    filter_ = started(lanes, magnetometer, MadgwickParams(beta=0.07, start_beta=0.0))
    gyr, acc, mag, dt = samples(60, lanes)
    if spoilt:
        for i, x in enumerate((gyr, acc, mag)):
            spoil(x, i)
    q = [tuple(filter_.state.quat[:, n].tolist()) for n in range(lanes)]
    out = filter_.update(gyr, acc, mag if magnetometer else None, dt)
    for k in range(60):
        for n in range(lanes):
            field = mag[:, k, n].tolist() if magnetometer else None
            q[n] = step(q[n], gyr[:, k, n].tolist(), acc[:, k, n].tolist(), field, float(dt[k, n]), 0.07)
            assert tuple(out[:, k, n].tolist()) == q[n], (k, n)


@pytest.mark.parametrize("magnetometer", [False, True])
@pytest.mark.parametrize("value", [nan, inf, 0.0, 1e200])
@pytest.mark.parametrize("which", range(4))
def test_a_bad_sample_of_one_sensor_of_many_changes_no_bit_of_the_others(
    which: int, value: float, magnetometer: bool
) -> None:
    lanes, bad = 17, 11
    clean, spoilt = started(lanes, magnetometer), started(lanes, magnetometer)
    gyr, acc, mag, dt = data = samples(10, lanes)
    usual = clean.update(gyr, acc, mag if magnetometer else None, dt)
    data[which][..., 4, bad] = value
    got = spoilt.update(gyr, acc, mag if magnetometer else None, dt)
    others = np.arange(lanes) != bad
    np.testing.assert_array_equal(got[:, :, others], usual[:, :, others])
    np.testing.assert_array_equal(spoilt.state.age[others], clean.state.age[others])
    alone = Madgwick(1, magnetometer=magnetometer)
    first = samples(1, lanes, 1)
    for part in (first, data):
        one = [np.ascontiguousarray(x[..., bad : bad + 1]) for x in part]
        out = alone.update(one[0], one[1], one[2] if magnetometer else None, one[3])
    np.testing.assert_array_equal(got[:, :, bad : bad + 1], out)


@pytest.mark.parametrize("lanes", [1, 2, 7, 8, 9, 16, 23, 40])
def test_a_sensor_has_the_same_bits_in_any_company(lanes: int) -> None:
    gyr, acc, mag, dt = samples(30, 40)
    some = [np.ascontiguousarray(x[..., 40 - lanes :]) for x in (gyr, acc, mag, dt)]
    both = [started(40, True).update(gyr, acc, mag, dt)[..., 40 - lanes :]]
    filter_ = Madgwick(lanes, magnetometer=True)
    first = [np.ascontiguousarray(x[..., 40 - lanes :]) for x in samples(1, 40, 1)]
    filter_.update(*first)
    both.append(filter_.update(*some))
    np.testing.assert_array_equal(*both)


def test_the_result_may_be_written_where_one_likes() -> None:
    gyr, acc, _, dt = samples(5, 4)
    usual = started(4, False).update(gyr, acc, None, dt)
    out = np.full((4, 5, 4), nan)
    assert started(4, False).update(gyr, acc, None, dt, out=out) is out
    np.testing.assert_array_equal(out, usual)


def test_behind_the_samples_of_a_sensor_stands_no_rotation() -> None:
    gyr, acc, _, dt = samples(5, 3)
    filter_ = started(3, False)
    filter_.restart(2)
    count = np.array([5, 2, 3])
    out = filter_.update(gyr, acc, None, dt, count)
    for n in range(3):
        behind = out[:, count[n] :, n]
        np.testing.assert_array_equal(behind, np.tile([[1.0], [0.0], [0.0], [0.0]], behind.shape[1]))
        assert not (out[:, : count[n], n] == [[1.0], [0.0], [0.0], [0.0]]).all()


def test_arrays_that_do_not_fit_are_refused() -> None:
    gyr, acc, mag, dt = samples(5, 3)
    filter_ = Madgwick(3, magnetometer=True)
    with pytest.raises(ValueError, match="mag must have shape"):
        filter_.update(gyr, acc, mag[:, :4].copy(), dt)
    with pytest.raises(ValueError, match="N sensors"):
        Madgwick(2).update(gyr, acc, None, dt)
    with pytest.raises(ValueError, match="out must have shape"):
        filter_.update(gyr, acc, mag, dt, out=np.zeros((3, 5, 3)))
    with pytest.raises(ValueError, match="a state of 2 sensors"):
        filter_.state = Madgwick(2).state
