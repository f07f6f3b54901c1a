"""Orientation of a recording with the future known: bias, gravity and heading are looked at from both sides.

1. `adaptive` runs forwards and backwards; its two bias estimates are joined by their covariances, its two opinions on
   disturbances by agreement (a disturbance ends late in one direction and early in the other).
2. The rates less that bias are integrated, and the specific force in the inertial frame is low-passed forwards and
   backwards, so that it has no lag and needs no rate limit (as the offline filter of Laidig and Seel 2023).
3. The field's heading against this magnetometer-free orientation is one angle that drifts slowly while the sensor
   moves: a Kalman filter and Rauch-Tung-Striebel smoother with drift find it, `rounds` times. The first round weights
   the field by its distance from the live headings (of both directions the surer one), every other by the residuals of
   the round before (Cauchy). Magnets thus lose their vote, and the drift is tied to the field in both directions.

Samples without rate are bridged by interpolation; a bridge longer than `max_step` of the live parameters also frees the
heading, which the field must find again.
"""

import numpy as np
from numpy.typing import NDArray

from fusion.orientation import quaternion as qt
from fusion.orientation.adaptive import Adaptive, lane
from fusion.orientation.kernels.adaptive import ACC_MAX, GYR_MAX, TRACE, TURN
from fusion.orientation.kernels.field import DIP_MAX, MAG_MAX
from fusion.orientation.kernels.smoothed import (
    offline_heading,
    offline_level,
    offline_low_pass,
    offline_turn,
)
from fusion.orientation.params import AdaptiveParams, SmoothedParams

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROWS = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
"""Where the elements of a 3 x 3 covariance stand in its packed form."""


def estimate_smoothed(
    gyr: Floats, acc: Floats, mag: Floats | None, rate_hz: float, params: SmoothedParams | None = None
) -> Floats:
    """Estimate one sensor's orientation over a recording, shape (n, 4); see `fusion.orientation.estimate`."""
    params = params or SmoothedParams()
    if not len(gyr):
        return np.zeros((0, 4))
    dt = np.full(len(gyr), 1.0 / rate_hz)
    usable, pulled = _usable(gyr, GYR_MAX), _usable(acc, ACC_MAX)
    if not usable.any() or not pulled.any():
        return np.tile(qt.IDENTITY, (len(gyr), 1))
    gyr, acc = _bridged(gyr, usable), _bridged(acc, pulled)
    forward, before = _pass(gyr, acc, mag, dt, params.live)
    back = -np.concatenate([gyr[1:], gyr[-1:]])[::-1]  # a rate belongs to the interval before its sample
    backward, after = (x[::-1] for x in _pass(back, acc[::-1], None if mag is None else mag[::-1], dt, params.live))
    turn = np.empty((len(gyr), 4))
    offline_turn(gyr, _joined_bias(forward, backward), dt, qt.IDENTITY, turn)  # levelled below
    up = qt.rotate(turn, acc)
    offline_low_pass(up, dt, params.tau_acc)
    quat = np.empty_like(turn)
    offline_level(turn, up, quat)
    if mag is None:
        return quat
    field = qt.rotate(quat, np.where(_usable(mag, MAG_MAX)[:, None], mag, np.nan))
    field[~(np.hypot(field[:, 0], field[:, 1]) > np.abs(field[:, 2]) / np.tan(DIP_MAX))] = np.nan
    if np.isnan(field[:, 0]).all():
        return quat
    disturbed = (forward[:, 10] > 0.0) & (backward[:, 10] > 0.0)
    resting = (forward[:, 9] > 0.0) | (backward[:, 9] > 0.0)
    live = np.where((forward[:, 11] <= backward[:, 11])[:, None], before, after)
    reference = _twist(qt.multiply(live, qt.conjugate(quat)))
    jump = _unseen(usable, dt, params.live.max_step)
    return qt.multiply(qt.about_z(_heading(field, reference, disturbed, resting, jump, dt, params)), quat)


def _usable(x: Floats, limit: float) -> Bools:
    with np.errstate(over="ignore"):
        usable: Bools = (x * x).sum(axis=1) < limit * limit
    return usable


def _bridged(x: Floats, usable: Bools) -> Floats:
    """Interpolate rows that are not usable."""
    if usable.all():
        return np.ascontiguousarray(x, dtype=np.float64)
    at = np.arange(len(x))
    return np.stack([np.interp(at, at[usable], column[usable]) for column in x.T], axis=1)


def _pass(gyr: Floats, acc: Floats, mag: Floats | None, dt: Floats, params: AdaptiveParams) -> tuple[Floats, Floats]:
    """Run the live filter and return its trace, shape (n, TRACE), and its orientations, shape (n, 4)."""
    trace = np.zeros((len(gyr), 1, TRACE))
    field = None if mag is None else lane(mag)
    quat = Adaptive(1, params).update(lane(gyr), lane(acc), field, dt[:, None], trace=trace)
    return trace[:, 0], quat[:, :, 0].T


def _joined_bias(forward: Floats, backward: Floats) -> Floats:
    """Return the mean of both biases, each weighted by its inverse covariance, shape (n, 3)."""
    a, b = (x[:, 3:9][:, ROWS] + 1e-16 * np.eye(3) for x in (forward, backward))
    # (A^-1 + B^-1)^-1 (A^-1 x + B^-1 y) = x + A (A + B)^-1 (y - x); the backward sensor turns the other way
    change = np.linalg.solve(a + b, (-backward[:, :3] - forward[:, :3])[:, :, None])
    return np.ascontiguousarray(forward[:, :3] + (a @ change)[:, :, 0])


def _unseen(usable: Bools, dt: Floats, max_step: float) -> Floats:
    """Return the variance [rad2] that turns unseen in long bridges add to the heading of each sample."""
    run = np.zeros(len(dt))
    length = 0.0
    for k in np.flatnonzero(~usable).tolist():
        length = length + dt[k] if k and not usable[k - 1] else dt[k]
        run[k] = length
        if length > max_step:
            run[k - 1] = 0.0
    return np.where(run > max_step, (TURN * run) ** 2, 0.0)


def _twist(q: Floats) -> Floats:
    """Return the turn about the vertical that a rotation contains [rad], shape (n,)."""
    return 2.0 * np.arctan2(q[:, 3], q[:, 0])


def _heading(
    field: Floats,
    reference: Floats,
    disturbed: Bools,
    resting: Bools,
    jump: Floats,
    dt: Floats,
    params: SmoothedParams,
) -> Floats:
    """Return the angle about the vertical from level to earth at each sample, shape (n,).

    field: In the level frame, NaN where there is none, shape (n, 3); reference: that angle by the live filter [rad].
    """
    step = max(1, round(params.interval / dt[0]))
    edges = np.arange(0, len(dt), step)
    known = np.isfinite(field[:, 0])
    east, north = (np.add.reduceat(np.where(known, field[:, i], 0.0), edges) for i in (0, 1))
    counts = np.add.reduceat(known.astype(float), edges)
    measured = np.where(counts > 0.0, np.arctan2(east, north), np.nan)
    time = np.add.reduceat(dt, edges)
    variance = params.heading_noise**2 / time
    variance = np.where(np.logical_and.reduceat(disturbed, edges), variance / params.disturbed_weight, variance)
    heading = np.empty(len(edges))
    offline_heading(
        measured, variance, time, np.add.reduceat(jump, edges), np.logical_and.reduceat(resting, edges).astype(float),
        np.unwrap(reference)[edges], params.heading_walk, params.drift_walk, params.drift_start,
        params.heading_limit, params.rounds, heading,
    )  # fmt: skip
    middle = edges + 0.5 * (np.diff(np.append(edges, len(dt))) - 1)
    return np.interp(np.arange(len(dt)), middle, np.unwrap(heading))
