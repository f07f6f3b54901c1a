"""The compiled loops of the smoothed estimate: they use later samples and are for recordings only.

Arrays of one sensor run along the first axis. See `fusion.orientation.smoothed` for the method.
"""

from math import cos, floor, pi, sin, sqrt

import numpy as np
from numba import float64, int64, njit, void
from numpy.typing import NDArray

from fusion.orientation.kernels.adaptive import UP_MIN, low_pass
from fusion.orientation.kernels.rotation import multiply, rotate

Floats = NDArray[np.float64]

TURN = void(float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64[:, ::1])
LOW_PASS = void(float64[:, ::1], float64[::1], float64)
LEVEL = void(float64[:, ::1], float64[:, ::1], float64[:, ::1])
HEADING = void(
    float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64, float64, float64,
    float64, int64, float64[::1],
)  # fmt: skip


@njit(TURN, cache=True, error_model="numpy", nogil=True)
def offline_turn(gyr: Floats, bias: Floats, dt: Floats, first: Floats, out: Floats) -> None:
    """Integrate rates less their bias: sensor to inertial, shape (n, 4)."""
    q = (first[0], first[1], first[2], first[3])
    for k in range(gyr.shape[0]):
        if k > 0:
            half = 0.5 * dt[k]
            x, y, z = half * (gyr[k, 0] - bias[k, 0]), half * (gyr[k, 1] - bias[k, 1]), half * (gyr[k, 2] - bias[k, 2])
            angle = sqrt(x * x + y * y + z * z)
            d = sin(angle) / angle if angle > 1e-9 else 1.0
            q = multiply(q, (cos(angle), d * x, d * y, d * z))
            n = 1.0 / sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
            q = (n * q[0], n * q[1], n * q[2], n * q[3])
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = q


@njit(LOW_PASS, cache=True, error_model="numpy", nogil=True)
def offline_low_pass(x: Floats, dt: Floats, tau: float) -> None:
    """Low-pass in place forwards, then backwards, so that nothing lags; the ends begin with the mean over `tau`."""
    n = x.shape[0]
    omega = sqrt(2.0) / tau
    for column in range(x.shape[1]):
        for way in range(2):
            total = time = 0.0
            for k in range(n):
                at = k if way == 0 else n - 1 - k
                total += x[at, column] * dt[at]
                time += dt[at]
                if time >= tau:
                    break
            y, rate = total / time, 0.0
            for k in range(n):
                at = k if way == 0 else n - 1 - k
                y, rate = low_pass(y, rate, x[at, column], omega, dt[at])
                x[at, column] = y


@njit(LEVEL, cache=True, error_model="numpy", nogil=True)
def offline_level(turn: Floats, up: Floats, out: Floats) -> None:
    """Level every orientation by the low-passed specific force in the inertial frame: sensor to level."""
    t = (1.0, 0.0, 0.0, 0.0)
    for k in range(turn.shape[0]):
        n = sqrt(up[k, 0] ** 2 + up[k, 1] ** 2 + up[k, 2] ** 2)
        if n > UP_MIN:
            ux, uy, uz = rotate(t, up[k, 0] / n, up[k, 1] / n, up[k, 2] / n)
            if uz > -1.0 + 1e-9:
                w = sqrt(0.5 * (1.0 + uz))
                t = multiply((w, 0.5 * uy / w, -0.5 * ux / w, 0.0), t)
            else:  # upside down: any horizontal axis will do
                t = multiply((0.0, 1.0, 0.0, 0.0), t)
            n = 1.0 / sqrt(t[0] * t[0] + t[1] * t[1] + t[2] * t[2] + t[3] * t[3])
            t = (n * t[0], n * t[1], n * t[2], n * t[3])
        q = multiply(t, (turn[k, 0], turn[k, 1], turn[k, 2], turn[k, 3]))
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = q


@njit(HEADING, cache=True, error_model="numpy", nogil=True)
def offline_heading(
    measured: Floats, variance: Floats, dt: Floats, jump: Floats, resting: Floats, reference: Floats,
    heading_walk: float, drift_walk: float, drift_start: float, limit: float, rounds: int, out: Floats,
) -> None:  # fmt: skip
    """Smooth headings with a drifting offset: Kalman filter and Rauch-Tung-Striebel, re-weighted by the residuals.

    measured: Heading by the field [rad], NaN where there is none; variance: of it [rad2]; dt [s]; jump: variance added
        where turns went unseen [rad2]; resting: positive at rest; reference: Heading that gives the weights of the
        first round [rad]; all of shape (n,).
    heading_walk [rad per sqrt(s)], drift_walk [rad/s per sqrt(s)], drift_start [rad/s].
    limit: A residual of this size has half weight [rad] (Cauchy).
    """
    n = measured.shape[0]
    x = np.empty((n, 2))
    p = np.empty((n, 3))
    x_before = np.empty((n, 2))
    p_before = np.empty((n, 3))
    for k in range(n):
        out[k] = reference[k]
    for _ in range(rounds):
        h, d = reference[0], 0.0
        p11, p12, p22 = pi * pi / 3.0, 0.0, drift_start * drift_start
        for k in range(n):
            step = 0.0 if resting[k] > 0.0 else dt[k]  # at rest the bias is measured, and nothing drifts
            h += d * step
            p11 += 2.0 * step * p12 + step * step * p22 + heading_walk * heading_walk * dt[k] + jump[k]
            p12 += step * p22
            p22 += drift_walk * drift_walk * dt[k]
            x_before[k, 0], x_before[k, 1] = h, d
            p_before[k, 0], p_before[k, 1], p_before[k, 2] = p11, p12, p22
            if measured[k] == measured[k]:
                e = measured[k] - h
                e -= 2.0 * pi * floor((e + pi) / (2.0 * pi))
                r = measured[k] - out[k]
                r -= 2.0 * pi * floor((r + pi) / (2.0 * pi))
                s = p11 + variance[k] * (1.0 + r * r / (limit * limit))
                g1, g2 = p11 / s, p12 / s
                h += g1 * e
                d += g2 * e
                p22 -= g2 * p12
                p12 -= g1 * p12
                p11 -= g1 * p11
            x[k, 0], x[k, 1] = h, d
            p[k, 0], p[k, 1], p[k, 2] = p11, p12, p22
        out[n - 1] = x[n - 1, 0]
        for k in range(n - 2, -1, -1):
            step = 0.0 if resting[k + 1] > 0.0 else dt[k + 1]
            b11, b12, b22 = p_before[k + 1, 0], p_before[k + 1, 1], p_before[k + 1, 2]
            m11, m12 = p[k, 0] + step * p[k, 1], p[k, 1]
            m21, m22 = p[k, 1] + step * p[k, 2], p[k, 2]
            det = b11 * b22 - b12 * b12
            e1, e2 = h - x_before[k + 1, 0], d - x_before[k + 1, 1]
            h = x[k, 0] + ((m11 * b22 - m12 * b12) * e1 + (m12 * b11 - m11 * b12) * e2) / det
            d = x[k, 1] + ((m21 * b22 - m22 * b12) * e1 + (m22 * b11 - m21 * b12) * e2) / det
            out[k] = h
