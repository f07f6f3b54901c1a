"""The field part of the adaptive filter: is the field the usual one, and where is north.

Functions of one sensor's state and parameters, as in `fusion.orientation.kernels.adaptive`.
"""

from math import asin, atan2, floor, pi, sqrt
from typing import Any

from numba import njit

from fusion.orientation.kernels.rotation import rotate

MAG_MAX = 1e12
"""A larger field, in any unit, is no measurement."""
DIP_MAX = 87.0 * pi / 180.0
"""A field nearer to the vertical [rad] says nothing about north."""
ANYTHING = pi * pi / 3.0
"""Variance of a heading of which nothing is known [rad2]."""
OFF_TAU = 5.0
"""Time constant of the mean difference between field and heading [s]."""
REJECT_WEIGHT = 2.0
"""A disturbed field that lasts is believed with this much more variance, and forgiven this much faster."""


@njit(cache=True, error_model="numpy")
def judge_field(s: Any, p: Any, norm: float, dip: float, rate: float, dt: float) -> None:
    """Compare norm and dip with what they usually are, and with a field that may become the usual one."""
    if s.norm == 0.0:
        s.norm, s.dip = norm, dip
    share = dt / (p.mag_tau + dt)
    s.norm += share * (norm - s.norm)
    s.dip += share * (dip - s.dip)
    slow = dt / (p.mag_ref_tau + dt)
    if abs(s.norm - s.ref_norm) < p.mag_norm * s.ref_norm and abs(s.dip - s.ref_dip) < p.mag_dip:
        s.clear_time += dt
        if s.clear_time >= p.mag_clear:
            s.disturbed = 0.0
            s.ref_norm += slow * (s.norm - s.ref_norm)
            s.ref_dip += slow * (s.dip - s.ref_dip)
    else:
        s.clear_time, s.disturbed = 0.0, 1.0
    if abs(s.norm - s.new_norm) < p.mag_norm * s.new_norm and abs(s.dip - s.new_dip) < p.mag_dip:
        if rate > p.mag_new_rate and abs(s.new_dip) <= DIP_MAX:
            s.new_time += dt
        s.new_age += dt
        s.new_norm += slow * (s.norm - s.new_norm)
        s.new_dip += slow * (s.dip - s.new_dip)
        first = s.ref_norm == 0.0 and s.new_time >= p.mag_first
        if s.disturbed > 0.0 and (first or s.new_time >= p.mag_new):
            # Until now the heading rested on a field that nobody had verified.
            s.heading_var = max(s.heading_var, min(s.off**2, ANYTHING))
            s.ref_norm, s.ref_dip, s.disturbed, s.clear_time = s.new_norm, s.new_dip, 0.0, p.mag_clear
    else:
        s.new_time, s.new_age, s.new_norm, s.new_dip = 0.0, 0.0, s.norm, s.dip


@njit(cache=True, error_model="numpy")
def drift_heading(s: Any, p: Any, resting: bool) -> None:
    """Let the heading go on with its drift, and its variance grow; at rest the bias is measured and nothing drifts."""
    dt = s.time
    s.heading += s.drift * dt
    s.heading_var += (p.heading_sigma**2 / p.tau_mag + 2.0 * s.heading_drift_cov + dt * s.drift_var) * dt
    if s.heading_var > ANYTHING:  # a heading that may be any says nothing about its drift
        s.heading_var, s.heading_drift_cov = ANYTHING, 0.0
    s.heading_drift_cov += s.drift_var * dt
    if s.drift_var < p.bias_motion**2:
        s.drift_var += p.bias_walk**2 * dt
    if resting:
        s.drift, s.heading_drift_cov = 0.0, 0.0
        s.drift_var = min(s.drift_var, p.bias_rest**2)


@njit(cache=True, error_model="numpy")
def turn_to_north(s: Any, p: Any, dt: float) -> None:
    """Turn the heading towards the field, unless it is disturbed; an error beyond the limit counts as one at it."""
    scale = 1.0 / s.mag_time
    x, y, z = rotate(s.tilt, scale * s.field_sum[0], scale * s.field_sum[1], scale * s.field_sum[2])
    norm = sqrt(x * x + y * y + z * z)
    if not 0.0 < norm < MAG_MAX:
        return
    rate = sqrt(s.gyr_sum[0] ** 2 + s.gyr_sum[1] ** 2 + s.gyr_sum[2] ** 2) / s.time
    judge_field(s, p, norm, -asin(min(max(z / norm, -1.0), 1.0)), rate, dt)
    if abs(s.dip) > DIP_MAX:
        return
    error = atan2(x, y) - s.heading
    error -= 2.0 * pi * floor((error + pi) / (2.0 * pi))
    if s.field_age == 0.0:
        s.heading += error
        s.heading_var, s.heading_drift_cov, error = ANYTHING, 0.0, 0.0
    s.off += (error - s.off) * dt / (OFF_TAU + dt)
    s.field_age += dt
    noise = 1.0 + (rate / p.mag_rate) ** 2  # the field's heading scatters more the faster one turns
    variance = p.heading_sigma**2 * p.tau_mag / dt * noise
    if s.ref_norm > 0.0:
        variance *= 1.0 + ((s.norm - s.ref_norm) / (p.mag_norm * s.ref_norm)) ** 2
    limit = sqrt(p.heading_limit**2 * noise + s.heading_var)
    variance *= max(1.0, abs(error) / limit)
    if s.disturbed == 0.0:
        s.reject_time = max(s.reject_time - REJECT_WEIGHT * dt, 0.0)
    elif s.field_age >= p.tau_mag and (s.ref_norm > 0.0 or s.new_age < p.mag_first):
        if s.reject_time <= p.mag_reject:
            s.reject_time += dt
            return
        variance *= REJECT_WEIGHT
    gain = s.heading_var / (s.heading_var + variance)
    drift_gain = s.heading_drift_cov / (s.heading_var + variance)
    s.heading += gain * error
    if abs(error) < limit:  # beyond it, the sign is known and not the rate
        s.drift = min(max(s.drift + drift_gain * error, -p.bias_limit), p.bias_limit)
        s.drift_var = max(s.drift_var - drift_gain * s.heading_drift_cov, 0.0)
    s.heading_drift_cov *= 1.0 - gain
    s.heading_var *= 1.0 - gain


@njit(cache=True, error_model="numpy")
def heading_sigma(s: Any) -> float:
    """Return the standard deviation of the heading [rad]; a field that lastingly disagrees counts, if undisturbed."""
    off = 0.0 if s.disturbed > 0.0 and s.ref_norm > 0.0 else s.off
    return sqrt(min(s.heading_var + off * off, ANYTHING))
