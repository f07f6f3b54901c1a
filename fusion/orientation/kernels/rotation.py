"""Rotations inside compiled loops: quaternions are tuples w x y z."""

from math import isfinite, sqrt

from numba import njit

Quat = tuple[float, float, float, float]


@njit(cache=True, error_model="numpy")
def multiply(p: Quat, q: Quat) -> Quat:
    """Return p q: first q, then p."""
    return (
        p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
        p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
        p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
        p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
    )


@njit(cache=True, error_model="numpy")
def rotate(q: Quat, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return a vector turned by a unit quaternion."""
    tx, ty, tz = 2.0 * (q[2] * z - q[3] * y), 2.0 * (q[3] * x - q[1] * z), 2.0 * (q[1] * y - q[2] * x)
    return (
        x + q[0] * tx + q[2] * tz - q[3] * ty,
        y + q[0] * ty + q[3] * tx - q[1] * tz,
        z + q[0] * tz + q[1] * ty - q[2] * tx,
    )


@njit(cache=True, error_model="numpy")
def first_quat(ax: float, ay: float, az: float, mx: float, my: float, mz: float) -> Quat:
    """Return sensor-to-earth from one acceleration and, if finite, one field; without it the heading is arbitrary."""
    n = sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax / n, ay / n, az / n
    if isfinite(mx + my + mz):
        ex, ey, ez = my * az - mz * ay, mz * ax - mx * az, mx * ay - my * ax
        n = sqrt(ex * ex + ey * ey + ez * ez)
        # A field along the vertical has no heading, only noise that is not even horizontal; a tiny one is not exact.
        if 1e-6 * sqrt(mx * mx + my * my + mz * mz) < n < 1e12 and n > 1e-100:
            ex, ey, ez = ex / n, ey / n, ez / n
            nx, ny, nz = ay * ez - az * ey, az * ex - ax * ez, ax * ey - ay * ex
            w, x, y, z = _quat_of_rows(ex, ey, ez, nx, ny, nz, ax, ay, az)
            return w, x, y, z
    if az < -0.999999:
        return 0.0, 1.0, 0.0, 0.0
    n = sqrt((1.0 + az) * (1.0 + az) + ax * ax + ay * ay)
    return (1.0 + az) / n, ay / n, -ax / n, 0.0


@njit(cache=True, error_model="numpy")
def _quat_of_rows(
    a: float, b: float, c: float, d: float, e: float, f: float, g: float, h: float, i: float
) -> Quat:  # the rotation matrix ((a, b, c), (d, e, f), (g, h, i))
    t0, t1, t2, t3 = 1.0 + a + e + i, 1.0 + a - e - i, 1.0 - a + e - i, 1.0 - a - e + i
    if t0 >= t1 and t0 >= t2 and t0 >= t3:
        s = 0.5 / sqrt(t0)
        return 0.5 * sqrt(t0), (h - f) * s, (c - g) * s, (d - b) * s
    if t1 >= t2 and t1 >= t3:
        s = 0.5 / sqrt(t1)
        return (h - f) * s, 0.5 * sqrt(t1), (d + b) * s, (c + g) * s
    if t2 >= t3:
        s = 0.5 / sqrt(t2)
        return (c - g) * s, (d + b) * s, 0.5 * sqrt(t2), (h + f) * s
    s = 0.5 / sqrt(t3)
    return (d - b) * s, (c + g) * s, (h + f) * s, 0.5 * sqrt(t3)
