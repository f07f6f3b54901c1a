"""The compiled loop of Madgwick's filter; see `fusion.orientation.madgwick` for the equations."""

from math import isfinite, sqrt

import numpy as np
from numba import boolean, float64, int64, njit, void
from numba.types import UniTuple
from numpy.typing import NDArray

from fusion.orientation.kernels.rotation import Quat, first_quat

Floats = NDArray[np.float64]

STEP = UniTuple(float64, 4)(*(float64,) * 15)
UPDATE = void(
    float64[:, ::1], float64[::1], float64[:, :, ::1], float64[:, :, ::1], float64[:, :, ::1], boolean,
    float64[:, ::1], int64[::1], float64[::1], float64, float64, float64, float64[:, :, ::1],
)  # fmt: skip


@njit(STEP, cache=True, error_model="numpy")
def madgwick_step(
    w: float, x: float, y: float, z: float,
    gx: float, gy: float, gz: float, ax: float, ay: float, az: float, mx: float, my: float, mz: float,
    dt: float, beta: float,
) -> Quat:  # fmt: skip
    """Return the next quaternion; NaN in acc, gyr or mag leaves that quantity out."""
    sw = sx = sy = sz = 0.0
    n = ax * ax + ay * ay + az * az
    if n > 0.0 and isfinite(n):
        n = 1.0 / sqrt(n)
        f1 = 2.0 * (x * z - w * y) - ax * n
        f2 = 2.0 * (w * x + y * z) - ay * n
        f3 = 2.0 * (0.5 - x * x - y * y) - az * n
        sw = -2.0 * y * f1 + 2.0 * x * f2
        sx = 2.0 * z * f1 + 2.0 * w * f2 - 4.0 * x * f3
        sy = -2.0 * w * f1 + 2.0 * z * f2 - 4.0 * y * f3
        sz = 2.0 * x * f1 + 2.0 * y * f2
        n = mx * mx + my * my + mz * mz
        if n > 0.0 and isfinite(n):
            n = 1.0 / sqrt(n)
            mx, my, mz = mx * n, my * n, mz * n
            hx = 2.0 * (mx * (0.5 - y * y - z * z) + my * (x * y - w * z) + mz * (x * z + w * y))
            hy = 2.0 * (mx * (x * y + w * z) + my * (0.5 - x * x - z * z) + mz * (y * z - w * x))
            bz = 2.0 * (mx * (x * z - w * y) + my * (y * z + w * x) + mz * (0.5 - x * x - y * y))
            by = sqrt(hx * hx + hy * hy)
            f4 = 2.0 * by * (x * y + w * z) + 2.0 * bz * (x * z - w * y) - mx
            f5 = 2.0 * by * (0.5 - x * x - z * z) + 2.0 * bz * (w * x + y * z) - my
            f6 = 2.0 * by * (y * z - w * x) + 2.0 * bz * (0.5 - x * x - y * y) - mz
            r = by * (f5 - f4)  # the part along q that the paper's equations have with their field along x instead of y
            sw += 2.0 * (r * w + (by * z - bz * y) * f4 + bz * x * f5 - by * x * f6)
            sx += 2.0 * (r * x + (by * y + bz * z) * f4 + (bz * w - 2.0 * by * x) * f5 - (by * w + 2.0 * bz * x) * f6)
            sy += 2.0 * (r * y + (by * x - bz * w) * f4 + bz * z * f5 + (by * z - 2.0 * bz * y) * f6)
            sz += 2.0 * (r * z + (by * w + bz * x) * f4 + (bz * y - 2.0 * by * z) * f5 + by * y * f6)
        n = sqrt(sw * sw + sx * sx + sy * sy + sz * sz)
        if n > 0.0:
            n = beta / n
            sw, sx, sy, sz = sw * n, sx * n, sy * n, sz * n
    if not isfinite(gx + gy + gz):
        gx = gy = gz = 0.0
    nw = w + dt * (0.5 * (-x * gx - y * gy - z * gz) - sw)
    nx = x + dt * (0.5 * (w * gx + y * gz - z * gy) - sx)
    ny = y + dt * (0.5 * (w * gy - x * gz + z * gx) - sy)
    nz = z + dt * (0.5 * (w * gz + x * gy - y * gx) - sz)
    n = sqrt(nw * nw + nx * nx + ny * ny + nz * nz)
    if not (n > 0.0 and isfinite(n)):
        return w, x, y, z
    n = 1.0 / n
    return nw * n, nx * n, ny * n, nz * n


@njit(UPDATE, cache=True, error_model="numpy", nogil=True)
def madgwick_update(
    quat: Floats, age: Floats, gyr: Floats, acc: Floats, mag: Floats, with_mag: bool,
    dt: Floats, count: NDArray[np.int64], beta: Floats, start_beta: float, settle: float, max_step: float, out: Floats,
) -> None:  # fmt: skip
    """Advance all sensors by their samples, in place; see `fusion.orientation.madgwick` for the arguments."""
    for n in range(quat.shape[1]):
        w, x, y, z = quat[0, n], quat[1, n], quat[2, n], quat[3, n]
        mx = my = mz = np.nan
        for k in range(count[n]):
            gx, gy, gz = gyr[0, k, n], gyr[1, k, n], gyr[2, k, n]
            ax, ay, az = acc[0, k, n], acc[1, k, n], acc[2, k, n]
            if with_mag:
                mx, my, mz = mag[0, k, n], mag[1, k, n], mag[2, k, n]
            step = dt[k, n]
            norm = ax * ax + ay * ay + az * az
            if age[n] < 0.0:
                if 0.0 < norm < 1e12:
                    w, x, y, z = first_quat(ax, ay, az, mx, my, mz)
                    age[n] = 0.0
            elif not (0.0 < step <= max_step):
                age[n] = 0.0
            else:
                gain = beta[n]
                if age[n] < settle and start_beta > gain:
                    gain += (start_beta - gain) * (1.0 - age[n] / settle)
                w, x, y, z = madgwick_step(w, x, y, z, gx, gy, gz, ax, ay, az, mx, my, mz, step, gain)
                age[n] += step
            out[0, k, n], out[1, k, n], out[2, k, n], out[3, k, n] = w, x, y, z
        quat[0, n], quat[1, n], quat[2, n], quat[3, n] = w, x, y, z
