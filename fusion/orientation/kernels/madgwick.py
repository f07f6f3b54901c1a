"""The compiled loops of Madgwick's filter; see `fusion.orientation.madgwick` for the equations.

`_pull` and `_turn` say what a sample does to a sensor. `madgwick_alone` runs them over the samples of one sensor;
`madgwick_update` over all sensors side by side, row by row, which LLVM turns into vectors of sensors: hence values
chosen by `if` expressions and conditions joined by `&` instead of branches, and single rows instead of matrices.
Both give the same bits, as no operation is contracted or reordered.

The state of sensor n is column n of `lanes`: quaternion (4 rows), age [s], beta [rad/s].
"""

from math import sqrt

import numpy as np
from numba import float64, int64, njit, void
from numba.types import Array
from numpy.typing import NDArray

from fusion.orientation.kernels.inlining import apart, inlined
from fusion.orientation.kernels.rotation import Quat, first_quat

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Vector = tuple[float, float, float]

QUAT, AGE, BETA, ROWS = 0, 4, 5, 6
"""Rows of `lanes`."""
BLOCK = 64
"""So many sensors are taken through all their samples together: their state stays in the nearest cache."""
MAX = float(np.finfo(np.float64).max)
"""Finite is at most this; NaN is not, either."""

UPDATE = void(
    float64[:, ::1], float64[:, :, ::1], float64[:, :, ::1], float64[:, :, ::1], float64[:, ::1], int64[::1],
    float64, float64, float64, float64[:, :, ::1],
)  # fmt: skip
ANY = Array(float64, 3, "A", readonly=True)
ALONE = void(
    float64[:, ::1], int64, ANY, ANY, ANY, Array(float64, 2, "A", readonly=True), int64,
    float64, float64, float64, float64[:, :, :],
)  # fmt: skip


@inlined
def _half_unit(x: float, y: float, z: float) -> Vector:
    """Return the direction of a vector, of length 1/2; NaN if it has none."""
    n = x * x + y * y + z * z
    n = 0.5 / sqrt(n) if (n > 0.0) & (n <= MAX) else np.nan
    return x * n, y * n, z * n


@inlined
def _gradient(
    w: float, x: float, y: float, z: float, ax: float, ay: float, az: float, mx: float, my: float, mz: float,
    with_mag: bool,
) -> Quat:  # fmt: skip
    """Return a quarter of the gradient (equations 25 to 34), from directions of length 1/2; NaN in mag leaves it out.

    Powers of two are exact, so they are drawn together; the sums are in the order of the paper.
    """
    xz_wy, wx_yz, xx = x * z - w * y, w * x + y * z, x * x
    up = 0.5 - xx - y * y
    f1, f2, f3 = xz_wy - ax, wx_yz - ay, up - az
    f3 += f3
    sw, sx, sy, sz = x * f2 - y * f1, z * f1 + w * f2 - x * f3, z * f2 - w * f1 - y * f3, x * f1 + y * f2
    if with_mag & (mx == mx):
        xy_wz, yz_wx, zz = x * y + w * z, y * z - w * x, z * z
        north = 0.5 - xx - zz
        hx = mx * (0.5 - y * y - zz) + my * (x * y - w * z) + mz * (x * z + w * y)
        hy = mx * xy_wz + my * north + mz * yz_wx
        by = 4.0 * sqrt(hx * hx + hy * hy)
        bz = 4.0 * (mx * xz_wy + my * wx_yz + mz * up)
        f4 = by * xy_wz + bz * xz_wy - mx
        f5 = by * north + bz * wx_yz - my
        f6 = by * yz_wx + bz * up - mz
        r = by * (f5 - f4)  # the part along q that the paper's equations have with their field along x instead of y
        yw, yx, yy, yz = by * w, by * x, by * y, by * z
        zw, zx, zy, zz = bz * w, bz * x, bz * y, bz * z
        sw += r * w + (yz - zy) * f4 + zx * f5 - yx * f6
        sx += r * x + (yy + zz) * f4 + (zw - (yx + yx)) * f5 - (yw + (zx + zx)) * f6
        sy += r * y + (yx - zw) * f4 + zz * f5 + (yz - (zy + zy)) * f6
        sz += r * z + (yw + zx) * f4 + (zy - (yz + yz)) * f5 + yy * f6
    return sw, sx, sy, sz


@inlined
def _turn(
    w: float, x: float, y: float, z: float, gx: float, gy: float, gz: float,
    sw: float, sx: float, sy: float, sz: float, step: float, gain: float, go: bool,
) -> Quat:  # fmt: skip
    """Return the next quaternion (equations 42 to 44), or the same one if not `go` or no finite one follows."""
    n = sqrt(sw * sw + sx * sx + sy * sy + sz * sz)
    pull, n = n > 0.0, (gain + gain) / n
    sw, sx, sy, sz = sw * n if pull else 0.0, sx * n if pull else 0.0, sy * n if pull else 0.0, sz * n if pull else 0.0
    usable = abs(gx + gy + gz) <= MAX
    gx, gy, gz = gx if usable else 0.0, gy if usable else 0.0, gz if usable else 0.0
    half = 0.5 * step
    nw = w - half * (x * gx + y * gy + z * gz + sw)
    nx = x + half * (w * gx + y * gz - z * gy - sx)
    ny = y + half * (w * gy - x * gz + z * gx - sy)
    nz = z + half * (w * gz + x * gy - y * gx - sz)
    n = sqrt(nw * nw + nx * nx + ny * ny + nz * nz)
    go = go & (n > 0.0) & (n <= MAX)
    n = 1.0 / n
    return nw * n if go else w, nx * n if go else x, ny * n if go else y, nz * n if go else z


@inlined
def _clock(
    age: float, beta: float, live: bool, dt: float, start_beta: float, settle: float, max_step: float
) -> tuple[float, float, bool]:
    """Return the next age, the gain, and whether the sample is one to go to."""
    fade = (start_beta - beta) * (1.0 - age * (1.0 / settle))
    gain = beta + (fade if (age < settle) & (start_beta > beta) else 0.0)
    step = (dt > 0.0) & (dt <= max_step)
    next_age = age + dt if step else 0.0
    return next_age if live else age, gain, step & live


@inlined
def _pull(
    w: float, x: float, y: float, z: float, ax: float, ay: float, az: float, mx: float, my: float, mz: float,
    with_mag: bool,
) -> Quat:  # fmt: skip
    """Return a quarter of the gradient; NaN if acc is unusable, that of acc alone if mag is."""
    ax, ay, az = _half_unit(ax, ay, az)
    if with_mag:
        mx, my, mz = _half_unit(mx, my, mz)
    sw, sx, sy, sz = _gradient(w, x, y, z, ax, ay, az, mx, my, mz, with_mag)
    return sw, sx, sy, sz


@inlined
def _advance(
    w: float, x: float, y: float, z: float, age: float, beta: float, live: bool,
    gx: float, gy: float, gz: float, ax: float, ay: float, az: float, mx: float, my: float, mz: float,
    with_mag: bool, dt: float, start_beta: float, settle: float, max_step: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return quaternion and age after one sample of a started sensor, or the same ones if not `live`."""
    age, gain, go = _clock(age, beta, live, dt, start_beta, settle, max_step)
    sw, sx, sy, sz = _pull(w, x, y, z, ax, ay, az, mx, my, mz, with_mag)
    w, x, y, z = _turn(w, x, y, z, gx, gy, gz, sw, sx, sy, sz, dt, gain, go)
    return w, x, y, z, age


@apart
def _pull_row(
    q0: Floats, q1: Floats, q2: Floats, q3: Floats, acc: Floats, k: int, lo: int, hi: int,
    o0: Floats, o1: Floats, o2: Floats, o3: Floats,
) -> None:  # fmt: skip
    """Do the first half of sample k for sensors lo to hi, without a field: leave the gradient in the row of the result.

    The steps of one sensor wait for each other, and the processor looks only so far ahead for another sensor to go on
    with: two short loops take a tenth less than a long one.
    """
    for n in range(np.uint64(lo), np.uint64(hi)):  # unsigned: an index that might be negative is checked each time
        o0[n], o1[n], o2[n], o3[n] = _pull(
            q0[n], q1[n], q2[n], q3[n], acc[0, k, n], acc[1, k, n], acc[2, k, n], np.nan, np.nan, np.nan, False
        )


@apart
def _pull_row_field(
    q0: Floats, q1: Floats, q2: Floats, q3: Floats, acc: Floats, mag: Floats, k: int, lo: int, hi: int,
    o0: Floats, o1: Floats, o2: Floats, o3: Floats,
) -> None:  # fmt: skip
    """Do the same with a field."""
    for n in range(np.uint64(lo), np.uint64(hi)):
        o0[n], o1[n], o2[n], o3[n] = _pull(
            q0[n], q1[n], q2[n], q3[n], acc[0, k, n], acc[1, k, n], acc[2, k, n],
            mag[0, k, n], mag[1, k, n], mag[2, k, n], True,
        )  # fmt: skip


@apart
def _turn_row(
    q0: Floats, q1: Floats, q2: Floats, q3: Floats, age: Floats, beta: Floats,
    gyr: Floats, dt: Floats, k: int, lo: int, hi: int, count: Counts,
    start_beta: float, settle: float, max_step: float, o0: Floats, o1: Floats, o2: Floats, o3: Floats,
) -> None:  # fmt: skip
    """Do the second half: turn the sensors that have started; the others keep their state."""
    for n in range(np.uint64(lo), np.uint64(hi)):
        live = (age[n] >= 0.0) & (k < count[n])
        age[n], gain, go = _clock(age[n], beta[n], live, dt[k, n], start_beta, settle, max_step)
        w, x, y, z = _turn(
            q0[n], q1[n], q2[n], q3[n], gyr[0, k, n], gyr[1, k, n], gyr[2, k, n], o0[n], o1[n], o2[n], o3[n],
            dt[k, n], gain, go,
        )  # fmt: skip
        q0[n], q1[n], q2[n], q3[n] = w, x, y, z
        o0[n], o1[n], o2[n], o3[n] = w, x, y, z


@inlined
def _side_by_side(
    lanes: Floats, gyr: Floats, acc: Floats, mag: Floats, dt: Floats, count: Counts,
    start_beta: float, settle: float, max_step: float, out: Floats,
) -> None:  # fmt: skip
    """Advance the sensors that have started; behind a sensor's samples stands its last orientation."""
    q0, q1, q2, q3, age, beta = lanes[0], lanes[1], lanes[2], lanes[3], lanes[AGE], lanes[BETA]
    for lo in range(0, age.size, BLOCK):
        hi = min(lo + BLOCK, age.size)
        for k in range(dt.shape[0]):
            o0, o1, o2, o3 = out[0, k], out[1, k], out[2, k], out[3, k]
            if mag.size > 0:
                _pull_row_field(q0, q1, q2, q3, acc, mag, k, lo, hi, o0, o1, o2, o3)
            else:
                _pull_row(q0, q1, q2, q3, acc, k, lo, hi, o0, o1, o2, o3)
            _turn_row(
                q0, q1, q2, q3, age, beta, gyr, dt, k, lo, hi, count, start_beta, settle, max_step, o0, o1, o2, o3
            )


@njit(ALONE, cache=True, error_model="numpy", nogil=True)
def madgwick_alone(
    lanes: Floats, n: int, gyr: Floats, acc: Floats, mag: Floats, dt: Floats, count: int,
    start_beta: float, settle: float, max_step: float, out: Floats,
) -> None:  # fmt: skip
    """Advance sensor n by `count` samples, in place; see `fusion.orientation.Madgwick` for the arguments."""
    w, x, y, z, age, beta = lanes[0, n], lanes[1, n], lanes[2, n], lanes[3, n], lanes[AGE, n], lanes[BETA, n]
    with_mag = mag.size > 0
    mx = my = mz = np.nan
    for k in range(count):
        ax, ay, az = acc[0, k, n], acc[1, k, n], acc[2, k, n]
        if with_mag:
            mx, my, mz = mag[0, k, n], mag[1, k, n], mag[2, k, n]
        if age >= 0.0:
            w, x, y, z, age = _advance(
                w, x, y, z, age, beta, True, gyr[0, k, n], gyr[1, k, n], gyr[2, k, n], ax, ay, az, mx, my, mz,
                with_mag, dt[k, n], start_beta, settle, max_step,
            )  # fmt: skip
        elif 1e-200 < ax * ax + ay * ay + az * az < 1e12:
            w, x, y, z = first_quat(ax, ay, az, mx, my, mz)
            age = 0.0
        out[0, k, n], out[1, k, n], out[2, k, n], out[3, k, n] = w, x, y, z
    lanes[0, n], lanes[1, n], lanes[2, n], lanes[3, n], lanes[AGE, n] = w, x, y, z, age


@njit(UPDATE, cache=True, error_model="numpy", nogil=True)
def madgwick_update(
    lanes: Floats, gyr: Floats, acc: Floats, mag: Floats, dt: Floats, count: Counts,
    start_beta: float, settle: float, max_step: float, out: Floats,
) -> None:  # fmt: skip
    """Advance all sensors by their samples, in place: those that have started side by side, the others one by one."""
    shape = (3, dt.shape[0], dt.shape[1])
    if not (gyr.shape == acc.shape == shape and (mag.size == 0 or mag.shape == shape)):
        raise ValueError("gyr, acc and mag must have shape (3, K, N), with dt (K, N)")
    if not (out.shape[0] == 4 and out.shape[1:] == dt.shape and count.size == lanes.shape[1] == dt.shape[1]):
        raise ValueError("out must have shape (4, K, N) and count (N,), with dt (K, N) and N sensors")
    _side_by_side(lanes, gyr, acc, mag, dt, count, start_beta, settle, max_step, out)
    for n in range(lanes.shape[1]):
        steps = min(count[n], dt.shape[0])
        if lanes[AGE, n] < 0.0:
            madgwick_alone(lanes, n, gyr, acc, mag, dt, steps, start_beta, settle, max_step, out)
        for k in range(max(steps, 0), dt.shape[0]):
            out[0, k, n] = 1.0
            out[1, k, n] = out[2, k, n] = out[3, k, n] = 0.0
