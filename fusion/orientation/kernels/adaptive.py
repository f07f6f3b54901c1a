"""The compiled loop of the adaptive filter: one pass over the samples of each sensor, one correction every few of them.

Each sample only turns the orientation by its own rate and adds to sums; what is slow (gravity, rest, bias, field) looks
at these sums once per `interval`, because its time constants are a hundred times longer. All of it lives in the state,
so that cutting the samples into chunks changes nothing. See `fusion.orientation.adaptive` for the method.

Frames: *inertial* is reached by turning with the rates alone and drifts slowly; *level* has its z axis up and an
arbitrary heading; *earth* is ENU. Symmetric matrices of three rows are kept as xx xy xz yy yz zz.
"""

from dataclasses import fields
from math import atan2, cos, isfinite, pi, sin, sqrt
from typing import Any

import numpy as np
from numba import boolean, float64, from_dtype, int64, njit, void
from numpy.typing import NDArray

from fusion.orientation.kernels.field import ANYTHING, MAG_MAX, drift_heading, heading_sigma, turn_to_north
from fusion.orientation.kernels.rotation import first_quat, multiply, rotate
from fusion.orientation.params import AdaptiveParams

Floats = NDArray[np.float64]

STATE = np.dtype(
    [
        ("age", "f8"),  # since the start or the last gap [s]; negative before the first usable acceleration
        ("skipped", "f8"),  # time of unusable samples since the last usable one [s]
        ("usual", "f8"), ("rate", "f8", 3),  # the shortest interval of late [s], 0 if not known, and the last rate
        ("acc_wait", "f8"), ("mag_wait", "f8"),  # time since gravity and field were last looked at [s]
        ("quat", "f8", 4),  # sensor to earth, of the last sample
        ("turn", "f8", 4),  # sensor to inertial
        ("tilt", "f8", 4),  # inertial to level
        ("earth", "f8", 4),  # inertial to earth
        # sums since the last correction
        ("time", "f8"), ("acc_time", "f8"), ("mag_time", "f8"),
        ("gyr_sum", "f8", 3), ("acc_sum", "f8", 3),  # in the sensor frame, times dt
        ("up_sum", "f8", 3), ("field_sum", "f8", 3),  # in the inertial frame, times dt
        ("gyr_spread", "f8"), ("acc_spread", "f8"),  # largest squared distance from the means
        # gravity, low-passed in the inertial frame
        ("up_age", "f8"), ("up", "f8", 3), ("up_rate", "f8", 3),
        # rest
        ("rest_age", "f8"), ("rest_time", "f8"),
        ("gyr_mean", "f8", 3), ("gyr_mean_rate", "f8", 3), ("acc_mean", "f8", 3), ("acc_mean_rate", "f8", 3),
        # gyro bias: the rotation matrix and its product with the bias go through the same low-pass as gravity
        ("bias", "f8", 3), ("bias_cov", "f8", 6),
        ("matrix", "f8", 9), ("matrix_rate", "f8", 9), ("bias_level", "f8", 2), ("bias_level_rate", "f8", 2),
        # field
        ("field_age", "f8"), ("norm", "f8"), ("dip", "f8"), ("ref_norm", "f8"), ("ref_dip", "f8"),
        ("new_norm", "f8"), ("new_dip", "f8"), ("new_time", "f8"), ("new_age", "f8"),
        ("clear_time", "f8"), ("reject_time", "f8"), ("disturbed", "f8"),
        ("off", "f8"),  # mean difference between field and heading [rad]
        # heading, and the rate at which the level frame drifts about the vertical
        ("heading", "f8"), ("drift", "f8"), ("heading_var", "f8"), ("heading_drift_cov", "f8"), ("drift_var", "f8"),
    ]
)  # fmt: skip

PARAMS = np.dtype([(field.name, "f8") for field in fields(AdaptiveParams)])

TRACE = 12
"""Columns of the trace: bias (3), its covariance (6), resting, disturbed, standard deviation of the heading."""

UPDATE = void(
    from_dtype(STATE)[::1], from_dtype(PARAMS)[::1], float64[:, :, ::1], float64[:, :, ::1], float64[:, :, ::1],
    boolean, float64[:, ::1], int64[::1], float64[:, :, ::1], float64[:, :, ::1],
)  # fmt: skip

GYR_MAX = 350.0
"""A larger rate [rad/s] is no measurement: five times what the fastest gyroscopes reach."""
ACC_MAX = 1e5
"""A larger specific force [m/s2] is no measurement."""
UP_MIN = 1.0
"""A mean specific force below this [m/s2] says nothing about the vertical: free fall."""
TURN = 1.0
"""A body turns about so fast [rad/s] in a gap that nobody saw."""
SHORTEST = 1e-5
"""No sensor samples at a shorter interval [s]."""
GAP_MAX = 1e3
"""A longer gap, and one of unknown length, counts as this long [s]."""


@njit(cache=True, error_model="numpy")
def low_pass(y: float, rate: float, x: float, omega: float, dt: float) -> tuple[float, float]:
    """Return the next value and slope of a Butterworth low-pass of second order, stable for any step (implicit)."""
    step = omega * dt
    rate = (rate + omega * step * (x - y)) / (1.0 + sqrt(2.0) * step + step * step)
    return y + dt * rate, rate


@njit(cache=True, error_model="numpy")
def smooth(y: Any, rate: Any, i: int, x: float, age: float, tau: float, dt: float) -> None:
    """Average in place over the first `tau` seconds, then low-pass with it; `age` includes this step."""
    if age < tau:
        y[i] += (x - y[i]) * dt / age
    else:
        y[i], rate[i] = low_pass(y[i], rate[i], x, sqrt(2.0) / tau, dt)


@njit(cache=True, error_model="numpy")
def level(s: Any, p: Any, dt: float) -> tuple[bool, float, float]:
    """Turn the tilt towards the low-passed gravity; return the rate that this undid, about level x and y [rad/s].

    Before it, whether it says anything of the bias: not in free fall, nor where `beta` was the limit.
    """
    s.up_age += dt
    for i in range(3):
        smooth(s.up, s.up_rate, i, s.up_sum[i] / s.acc_time, s.up_age, p.tau_acc, dt)
    norm = sqrt(s.up[0] ** 2 + s.up[1] ** 2 + s.up[2] ** 2)
    if norm < UP_MIN:
        return False, 0.0, 0.0
    x, y, z = rotate(s.tilt, s.up[0] / norm, s.up[1] / norm, s.up[2] / norm)
    sine = sqrt(x * x + y * y)
    error = atan2(sine, z)
    if sine < 1e-12:  # level, or upside down: any horizontal axis will do
        if z > 0.0:
            return True, 0.0, 0.0
        x, y, sine = 0.0, 1.0, 1.0
    limit = p.beta * dt
    if s.up_age < 2.0 * p.tau_acc:
        limit = pi
    angle = min(error, limit)
    half = sin(0.5 * angle) / sine
    turn = (cos(0.5 * angle), half * y, -half * x, 0.0)
    s.tilt[0], s.tilt[1], s.tilt[2], s.tilt[3] = multiply(turn, (s.tilt[0], s.tilt[1], s.tilt[2], s.tilt[3]))
    share = angle / (error * dt)
    return error <= limit, -y * share, x * share


@njit(cache=True, error_model="numpy")
def rests(s: Any, p: Any, lean: float) -> bool:
    """Return whether rate and specific force have stayed at their means for long enough."""
    dt = s.time
    s.rest_age += dt
    for i in range(3):
        smooth(s.gyr_mean, s.gyr_mean_rate, i, s.gyr_sum[i] / dt, s.rest_age, p.rest_tau, dt)
        if s.acc_time > 0.0:
            smooth(s.acc_mean, s.acc_mean_rate, i, s.acc_sum[i] / s.acc_time, s.rest_age, p.rest_tau, lean)
    still = s.rest_age >= p.rest_tau and s.gyr_spread <= p.rest_gyr**2 and s.acc_spread <= p.rest_acc**2
    for i in range(3):
        still = still and abs(s.gyr_mean[i]) <= p.bias_limit
    if s.ref_norm > 0.0 and s.disturbed == 0.0:  # a slow steady turn looks like rest, but not to a good field
        still = still and abs(s.off) <= p.heading_limit
    s.rest_time = s.rest_time + dt if still else 0.0
    return bool(s.rest_time >= p.rest_time)


@njit(cache=True, error_model="numpy")
def learn(s: Any, hx: float, hy: float, hz: float, residual: float, variance: float) -> tuple[float, float, float]:
    """Let one scalar measurement of the bias along h shrink its covariance, and return the bias's change."""
    c = s.bias_cov
    x = c[0] * hx + c[1] * hy + c[2] * hz
    y = c[1] * hx + c[3] * hy + c[4] * hz
    z = c[2] * hx + c[4] * hy + c[5] * hz
    inverse = 1.0 / (hx * x + hy * y + hz * z + variance)
    c[0] -= x * x * inverse
    c[1] -= x * y * inverse
    c[2] -= x * z * inverse
    c[3] -= y * y * inverse
    c[4] -= y * z * inverse
    c[5] -= z * z * inverse
    gain = residual * inverse
    return x * gain, y * gain, z * gain


@njit(cache=True, error_model="numpy")
def estimate_bias(s: Any, p: Any, m: Any, resting: bool, lean: float, rx: float, ry: float) -> None:
    """Learn the bias from a mean rate at rest, or from the rates that levelling took in `lean` seconds, if any.

    m: sensor to level.
    """
    limit, b, a = p.bias_limit, s.bias, s.matrix
    walk = p.bias_walk**2 * s.time
    for i in (0, 3, 5):
        if s.bias_cov[i] < p.bias_start**2:
            s.bias_cov[i] += walk
    if lean > 0.0:
        for i in range(9):
            smooth(a, s.matrix_rate, i, m[i], s.up_age, p.tau_acc, lean)
        for i in range(2):
            bias = m[3 * i] * b[0] + m[3 * i + 1] * b[1] + m[3 * i + 2] * b[2]
            smooth(s.bias_level, s.bias_level_rate, i, bias, s.up_age, p.tau_acc, lean)
    if resting:
        # A variance such that the filter settles at `bias_rest`, whatever the interval; the same below.
        variance = p.bias_rest**4 / walk + p.bias_rest**2
        for i in range(3):
            residual = min(max(s.gyr_mean[i] - b[i], -limit), limit)
            hx, hy, hz = 1.0 if i == 0 else 0.0, 1.0 if i == 1 else 0.0, 1.0 if i == 2 else 0.0
            x, y, z = learn(s, hx, hy, hz, residual, variance)
            b[0], b[1], b[2] = b[0] + x, b[1] + y, b[2] + z
    elif lean > 0.0:
        variance = p.bias_motion**4 / (p.bias_walk**2 * lean) + p.bias_motion**2
        sx = sy = sz = 0.0
        for i in range(3):
            hx, hy, hz = a[3 * i], a[3 * i + 1], a[3 * i + 2]
            residual = -(hx * b[0] + hy * b[1] + hz * b[2])
            if i == 0:
                residual += rx + s.bias_level[0]
            elif i == 1:
                residual += ry + s.bias_level[1]
            else:  # nothing measures the bias about the vertical: it is held, weakly, at zero
                variance /= p.bias_vertical
            residual = min(max(residual, -limit), limit) - (hx * sx + hy * sy + hz * sz)
            x, y, z = learn(s, hx, hy, hz, residual, variance)
            sx, sy, sz = sx + x, sy + y, sz + z
        b[0], b[1], b[2] = b[0] + sx, b[1] + sy, b[2] + sz
    for i in range(3):
        b[i] = min(max(b[i], -limit), limit)


@njit(cache=True, error_model="numpy")
def correct(s: Any, p: Any) -> None:
    """Do all that is slow, from the sums since the last time, and clear them."""
    q = s.turn
    norm = 1.0 / sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    for i in range(4):
        q[i] *= norm
    s.acc_wait += s.time
    s.mag_wait += s.time
    lean = min(s.acc_wait, p.max_step)
    leaned = False
    rx = ry = 0.0
    if s.acc_time > 0.0:
        leaned, rx, ry = level(s, p, lean)
        leaned = leaned and s.acc_wait <= p.max_step
        s.acc_wait = 0.0
    resting = rests(s, p, lean)
    w, x, y, z = multiply((s.tilt[0], s.tilt[1], s.tilt[2], s.tilt[3]), (q[0], q[1], q[2], q[3]))
    matrix = (
        1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y),
        2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x),
        2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y),
    )  # fmt: skip
    estimate_bias(s, p, matrix, resting, lean if leaned else 0.0, rx, ry)
    drift_heading(s, p, resting)
    if s.mag_time > 0.0:
        turn_to_north(s, p, min(s.mag_wait, p.max_step))
        s.mag_wait = 0.0
    set_earth(s)
    clear(s)


@njit(cache=True, error_model="numpy")
def clear(s: Any) -> None:
    """Begin the sums anew."""
    s.time = s.acc_time = s.mag_time = s.gyr_spread = s.acc_spread = 0.0
    for i in range(3):
        s.gyr_sum[i] = s.acc_sum[i] = s.up_sum[i] = s.field_sum[i] = 0.0


@njit(cache=True, error_model="numpy")
def set_earth(s: Any) -> None:
    """Join tilt and heading."""
    c, d = cos(0.5 * s.heading), sin(0.5 * s.heading)
    t = s.tilt
    s.earth[0], s.earth[1] = c * t[0] - d * t[3], c * t[1] - d * t[2]
    s.earth[2], s.earth[3] = c * t[2] + d * t[1], c * t[3] + d * t[0]


@njit(cache=True, error_model="numpy")
def start(s: Any, p: Any, ax: float, ay: float, az: float) -> None:
    """Begin level, with the heading that needs the least turn."""
    s.turn[0], s.turn[1], s.turn[2], s.turn[3] = first_quat(ax, ay, az, np.nan, np.nan, np.nan)
    s.tilt[0] = 1.0
    s.tilt[1] = s.tilt[2] = s.tilt[3] = 0.0
    s.age = 0.0
    s.disturbed = 1.0
    for i in (0, 3, 5):
        s.bias_cov[i] = p.bias_start**2
    s.heading_var, s.drift_var = 0.0, p.bias_start**2
    set_earth(s)


@njit(cache=True, error_model="numpy")
def interrupt(s: Any, p: Any, gap: float, counted: float) -> None:
    """Keep orientation and bias over a gap [s], but average gravity anew and doubt bias and heading.

    counted: So much of the gap was doubted before.
    """
    s.age = s.up_age = s.rest_age = s.rest_time = s.usual = s.acc_wait = s.mag_wait = 0.0
    for i in range(3):
        s.up_rate[i] = s.gyr_mean_rate[i] = s.acc_mean_rate[i] = 0.0
    for i in range(9):
        s.matrix_rate[i] = 0.0
    s.bias_level_rate[0] = s.bias_level_rate[1] = 0.0
    for i in (0, 3, 5):
        doubted = s.bias_cov[i] + p.bias_walk**2 * (gap - counted)
        s.bias_cov[i] = max(s.bias_cov[i], min(doubted, p.bias_start**2))
    s.heading_var = min(s.heading_var + TURN**2 * (gap - counted) * (gap + counted), ANYTHING)
    s.heading_drift_cov = 0.0
    clear(s)


@njit(cache=True, error_model="numpy")
def bridge(s: Any, gx: float, gy: float, gz: float, dt: float) -> tuple[float, float, float]:
    """Return the mean rate over an interval, as if samples that it lacks lay on a line from the last rate to this."""
    x, y, z = gx, gy, gz
    if dt < SHORTEST:  # stands for an interval that nobody knows, and tells nothing of the usual one
        return x, y, z
    if s.usual <= 0.0 or dt <= s.usual:
        s.usual = dt
    else:
        share = 0.5 * (dt - s.usual) / dt
        x, y, z = x + share * (s.rate[0] - x), y + share * (s.rate[1] - y), z + share * (s.rate[2] - z)
        s.usual += 0.02 * (dt - s.usual)
    s.rate[0], s.rate[1], s.rate[2] = gx, gy, gz
    return x, y, z


@njit(cache=True, error_model="numpy")
def turn(s: Any, gx: float, gy: float, gz: float, dt: float) -> None:
    """Turn by one sample's rate less its bias, over its interval."""
    half = 0.5 * dt
    x, y, z = half * (gx - s.bias[0]), half * (gy - s.bias[1]), half * (gz - s.bias[2])
    h = x * x + y * y + z * z
    if h < 0.04:  # to 1e-10
        c = 1.0 - h * (1.0 / 2.0 - h * (1.0 / 24.0 - h * (1.0 / 720.0)))
        d = 1.0 - h * (1.0 / 6.0 - h * (1.0 / 120.0 - h * (1.0 / 5040.0)))
    else:
        angle = sqrt(h)
        c, d = cos(angle), sin(angle) / angle
    q = s.turn
    q[0], q[1], q[2], q[3] = multiply((q[0], q[1], q[2], q[3]), (c, d * x, d * y, d * z))


@njit(cache=True, error_model="numpy")
def add_up(s: Any, ax: float, ay: float, az: float, dt: float) -> None:
    """Add one sample of specific force to the sums."""
    x, y, z = rotate(s.turn, ax, ay, az)
    s.up_sum[0] += dt * x
    s.up_sum[1] += dt * y
    s.up_sum[2] += dt * z
    s.acc_sum[0] += dt * ax
    s.acc_sum[1] += dt * ay
    s.acc_sum[2] += dt * az
    s.acc_time += dt
    spread = (ax - s.acc_mean[0]) ** 2 + (ay - s.acc_mean[1]) ** 2 + (az - s.acc_mean[2]) ** 2
    s.acc_spread = max(s.acc_spread, spread)


@njit(cache=True, error_model="numpy")
def add_field(s: Any, mx: float, my: float, mz: float, dt: float) -> None:
    """Add one sample of the field to the sums."""
    x, y, z = rotate(s.turn, mx, my, mz)
    s.field_sum[0] += dt * x
    s.field_sum[1] += dt * y
    s.field_sum[2] += dt * z
    s.mag_time += dt


@njit(UPDATE, cache=True, error_model="numpy", nogil=True)
def adaptive_update(
    state: Any, params: Any, gyr: Floats, acc: Floats, mag: Floats, with_mag: bool,
    dt: Floats, count: NDArray[np.int64], out: Floats, trace: Floats,
) -> None:  # fmt: skip
    """Advance all sensors by their samples, in place; the trace, shape (K, N, TRACE), may be empty."""
    p = params[0]
    for n in range(state.shape[0]):
        s = state[n]
        for k in range(min(count[n], dt.shape[0])):
            gx, gy, gz = gyr[0, k, n], gyr[1, k, n], gyr[2, k, n]
            ax, ay, az = acc[0, k, n], acc[1, k, n], acc[2, k, n]
            mx = my = mz = np.nan
            if with_mag:
                mx, my, mz = mag[0, k, n], mag[1, k, n], mag[2, k, n]
            force = ax * ax + ay * ay + az * az
            pulled = force < ACC_MAX * ACC_MAX
            field = mx * mx + my * my + mz * mz
            pointed = 0.0 < field < MAG_MAX * MAG_MAX
            turned = gx * gx + gy * gy + gz * gz < GYR_MAX * GYR_MAX
            step = dt[k, n]
            moved = False
            if s.age < 0.0:
                if pulled and force > UP_MIN * UP_MIN:
                    start(s, p, ax, ay, az)
                    if pointed:
                        x, y, _ = rotate(s.turn, mx, my, mz)
                        s.heading, s.heading_var = atan2(x, y), ANYTHING
                        set_earth(s)
                    moved = True
            elif not isfinite(step):
                interrupt(s, p, GAP_MAX, 0.0)
                s.skipped = 0.0
            elif step > 0.0 and s.skipped + step > p.max_step:
                gap = min(s.skipped + step, GAP_MAX)
                interrupt(s, p, gap, s.skipped if s.skipped > p.max_step else 0.0)
                s.skipped = 0.0 if turned else gap
            elif step > 0.0 and not turned:
                s.skipped += step
            elif step > 0.0:
                step += s.skipped
                s.skipped = 0.0
                x, y, z = bridge(s, gx, gy, gz, step)
                turn(s, x, y, z, step)
                s.age += step
                s.time += step
                s.gyr_sum[0] += step * gx
                s.gyr_sum[1] += step * gy
                s.gyr_sum[2] += step * gz
                spread = (gx - s.gyr_mean[0]) ** 2 + (gy - s.gyr_mean[1]) ** 2 + (gz - s.gyr_mean[2]) ** 2
                s.gyr_spread = max(s.gyr_spread, spread)
                if pulled:
                    add_up(s, ax, ay, az, step)
                if pointed:
                    add_field(s, mx, my, mz, step)
                if s.time >= p.interval - 0.5 * step:
                    correct(s, p)
                moved = True
            if moved:
                e, q = s.earth, s.turn
                s.quat[0], s.quat[1], s.quat[2], s.quat[3] = multiply(
                    (e[0], e[1], e[2], e[3]), (q[0], q[1], q[2], q[3])
                )
            for i in range(4):
                out[i, k, n] = s.quat[i]
            if trace.shape[0] > 0:
                for i in range(3):
                    trace[k, n, i] = s.bias[i]
                for i in range(6):
                    trace[k, n, 3 + i] = s.bias_cov[i]
                trace[k, n, 9] = 1.0 if s.rest_time >= p.rest_time else 0.0
                trace[k, n, 10] = s.disturbed
                trace[k, n, 11] = heading_sigma(s)


@njit(void(from_dtype(STATE)[::1], float64[::1]), cache=True, error_model="numpy")
def heading_sigmas(state: Any, out: Floats) -> None:
    """Write the standard deviation of each sensor's heading [rad], shape (N,)."""
    for n in range(state.shape[0]):
        out[n] = heading_sigma(state[n])
