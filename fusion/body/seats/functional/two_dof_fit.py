"""The least squares of `two_dof`: two axes, and the heading between the earth frames of two orientations.

Unknowns, 7: a step of each axis in its tangent plane, the heading d in the middle of the time, its drift, and by how
much the axes are not perpendicular (tilt). Residuals, each of n samples:
  0  (w1 - Rz(d) w2) . (j1 x j2) / sd                      Laidig 2022
  1  (asin(j1 . Rz(d) j2) - tilt) / ANGLE_SD               its integral
Levenberg-Marquardt in rounds; between rounds the scales of both and the Cauchy weights are set anew.
"""

from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fusion.body.seats.functional.hinge_fit import CAUCHY, LEAST_SCALE
from fusion.body.seats.functional.sphere import moved, tangents
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]

RATE_SD, RATE_SHARE, ANGLE_SD = 0.05, 0.05, 0.035
"""Expected error of a rate [rad/s], as a part of the rates, and of the angle between the axes [rad]: 2 deg. [P]"""
DRIFT_SD, TILT_SD = float(np.radians(0.3)), 0.3
"""How quickly headings part [rad/s], and how far the axes are from perpendicular [rad]. [P]"""
HEADINGS, FOLLOWED = 24, 8
"""Headings tried; starts that are followed. [P]"""
ROUNDS, STEPS, CONVERGED, LONGEST = 10, 5, 3e-4, 0.4
"""Rounds of new weights, steps in each; step that is none [rad]; longest step [rad]."""
UNKNOWNS, J1, J2, D, DRIFT, TILT = 7, slice(0, 2), slice(2, 4), 4, 5, 6


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What the least squares need."""

    quat: Floats
    """Sensor-to-earth, each with its own heading, shape (2, n, 4)."""
    gyr: Floats
    """Rates in those earth frames, shape (2, n, 3)."""
    time: Floats
    """From the middle [s], shape (n,)."""
    block: NDArray[np.int64]
    """Which second a sample is of, 0 upward, shape (n,)."""
    rate_sd: Floats
    """Expected error of the rates [rad/s], shape (n,)."""

    def few(self, step: int) -> Self:
        """Return every so manieth."""
        cut = slice(None, None, step)
        return type(self)(self.quat[:, cut], self.gyr[:, cut], self.time[cut], self.block[cut], self.rate_sd[cut])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One set of unknowns and what follows from it."""

    axes: Floats
    """Shape (2, 3)."""
    rest: Floats
    """Heading, drift, tilt, shape (3,)."""
    residuals: Floats
    """Of rates, then of angles, in expected deviations, shape (2, n)."""
    jacobian: Floats
    """Shape (2, n, 7)."""

    @classmethod
    def at(cls, s: Samples, axes: Floats, rest: Floats) -> Self:
        """Work out residuals and their derivatives."""
        heading = rest[0] + rest[1] * s.time
        turn = qt.about_z(heading)
        frames = (s.quat[0], qt.multiply(turn, s.quat[1]))
        w2 = qt.rotate(turn, s.gyr[1])
        a, b = (qt.rotate(q, j) for q, j in zip(frames, axes, strict=True))
        da, db = ([qt.rotate(q, t) for t in tangents(j)] for q, j in zip(frames, axes, strict=True))
        # what the heading turns: d/dd Rz(d) v = z x Rz(d) v
        b_turned, w2_turned = _about_up(b), _about_up(w2)
        w, n = s.gyr[0] - w2, qt.cross(a, b)
        e, J = np.empty((2, len(s.time))), np.zeros((2, len(s.time), UNKNOWNS))
        e[0] = _dot(w, n)
        e[1] = np.arcsin(np.clip(_dot(a, b), -0.999, 0.999)) - rest[2]
        slope = 1.0 / np.sqrt(np.maximum(1.0 - _dot(a, b) ** 2, 0.01))
        bw, aw = qt.cross(b, w), qt.cross(w, a)
        for k in range(2):
            J[0, :, k], J[1, :, k] = _dot(da[k], bw), _dot(da[k], b) * slope
            J[0, :, 2 + k], J[1, :, 2 + k] = _dot(db[k], aw), _dot(db[k], a) * slope
        J[0, :, D] = _dot(b_turned, aw) - _dot(w2_turned, n)
        J[1, :, D] = _dot(b_turned, a) * slope
        J[:, :, DRIFT] = J[:, :, D] * s.time
        J[1, :, TILT] = -1.0
        e[0] /= s.rate_sd
        J[0] /= s.rate_sd[:, None]
        return cls(axes, rest, e / [[1.0], [ANGLE_SD]], J / [[[1.0]], [[ANGLE_SD]]])

    def on(self, s: Samples) -> "Fit":
        """Return the fit with other samples."""
        return Fit.at(s, self.axes, self.rest)

    def moved(self, s: Samples, step: Floats) -> "Fit":
        """Return the fit after a step, shape (7,)."""
        axes = np.stack([moved(self.axes[0], step[J1]), moved(self.axes[1], step[J2])])
        return Fit.at(s, axes, self.rest + step[4:])

    def scales(self) -> Floats:
        """Return the size of both kinds of residual, shape (2, 1)."""
        return np.maximum(1.4826 * np.median(np.abs(self.residuals), axis=1), LEAST_SCALE)[:, None]

    def weights(self) -> Floats:
        """Return the weight of each squared residual, shape (2, n)."""
        scale = self.scales()
        return np.asarray(1.0 / (1.0 + (self.residuals / (CAUCHY * scale)) ** 2) / scale**2)

    def badness(self) -> float:
        """Return by what fits compare."""
        return float(np.log1p((self.residuals / CAUCHY) ** 2).mean())


def _prior(s: Samples) -> Floats:
    """Return the weights of the unknowns' own squares, shape (7,)."""
    return np.array([0.0, 0.0, 0.0, 0.0, 0.0, DRIFT_SD**-2, TILT_SD**-2]) * len(s.time) / _blocks(s)


def _blocks(s: Samples) -> int:
    return int(s.block[-1]) + 1


def _normal(s: Samples, fit: Fit, weights: Floats) -> tuple[Floats, Floats]:
    J = fit.jacobian.reshape(-1, UNKNOWNS)
    weighted = J * weights.reshape(-1, 1)
    b = weighted.T @ fit.residuals.ravel()
    b[4:] += _prior(s)[4:] * fit.rest
    return weighted.T @ J + np.diag(_prior(s)), b


def improved(s: Samples, fit: Fit, free: NDArray[np.int64], rounds: int) -> Fit:
    """Return the fit after some rounds of Levenberg-Marquardt in the unknowns that are free."""

    def cost(of: Fit) -> float:
        return float((weights * of.residuals**2).sum() + (_prior(s)[4:] * of.rest**2).sum())

    for _ in range(rounds):
        weights, damping, longest = fit.weights(), 1e-3, 0.0
        for _ in range(STEPS):
            H, b = _normal(s, fit, weights)
            H, b = H[np.ix_(free, free)], b[free]
            step = np.zeros(UNKNOWNS)
            step[free] = -np.linalg.solve(H + damping * np.diag(np.diag(H)) + 1e-9 * np.eye(len(free)), b)
            step *= min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-12))
            other = fit.moved(s, step)
            if cost(other) >= cost(fit):
                damping *= 8.0
                continue
            fit, damping, longest = other, 0.2 * damping, max(longest, float(np.abs(step[:DRIFT]).max()))
            if float(np.abs(step[:DRIFT]).max()) < CONVERGED:
                break
        if longest < CONVERGED:
            break
    return fit


def starts(s: Samples, first: Floats, second: Floats) -> list[Fit]:
    """Return fits at the directions, shapes (k, 3) and (m, 3), and headings for which the angle changes least."""
    a, b = (
        np.stack([qt.rotate(q, d) for d in directions]) for q, directions in zip(s.quat, (first, second), strict=True)
    )
    up = np.einsum("kn,mn->nkm", a[..., 2], b[..., 2])
    level = np.einsum("kni,mni->nkm", a[..., :2], b[..., :2])
    across = np.einsum("kn,mn->nkm", a[..., 1], b[..., 0]) - np.einsum("kn,mn->nkm", a[..., 0], b[..., 1])
    found = []
    for heading in 2.0 * np.pi * np.arange(HEADINGS) / HEADINGS:
        angle = np.arcsin(np.clip(up + np.cos(heading) * level + np.sin(heading) * across, -1.0, 1.0))
        spread, mean = angle.std(axis=0), angle.mean(axis=0)
        for i, k in product(range(len(first)), range(len(second))):
            found.append((float(np.hypot(spread[i, k], ANGLE_SD * mean[i, k] / TILT_SD)), i, k, heading, mean[i, k]))
    found.sort()
    return [
        Fit.at(s, np.stack([first[i], second[k]]), np.array([heading, 0.0, mean]))
        for _, i, k, heading, mean in found[:FOLLOWED]
    ]


def _about_up(v: Floats) -> Floats:
    """Return z x v."""
    return np.stack([-v[:, 1], v[:, 0], np.zeros(len(v))], axis=1)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray((a * b).sum(axis=-1))


def covariance(s: Samples, fit: Fit, free: NDArray[np.int64]) -> Floats:
    """Return the covariance of all unknowns, shape (7, 7), 0 where they are not free.

    The sum of two, as `hinge_fit.covariance`: as if a block had one sample, and how the blocks contradict each other.
    """
    weights, blocks = fit.weights(), _blocks(s)
    H, _ = _normal(s, fit, weights)
    inverse = np.linalg.inv(H[np.ix_(free, free)] + 1e-9 * np.eye(len(free)))
    gradient = (fit.jacobian * (weights * fit.residuals)[:, :, None]).sum(axis=0)[:, free]
    scores = np.add.reduceat(gradient, np.searchsorted(s.block, np.arange(blocks)))
    between = 4.0 * inverse @ (scores.T @ scores) @ inverse * blocks / max(blocks - len(free), 1)
    cov = np.zeros((UNKNOWNS, UNKNOWNS))
    cov[np.ix_(free, free)] = between + inverse * len(s.time) / blocks
    return cov


def rates(s: Samples, fit: Fit) -> tuple[tuple[float, float], float]:
    """Return the RMS rates about j1 and j2, and the robust RMS of the rate across both [rad/s]."""
    turn = qt.about_z(fit.rest[0] + fit.rest[1] * s.time)
    a, b = qt.rotate(s.quat[0], fit.axes[0]), qt.rotate(qt.multiply(turn, s.quat[1]), fit.axes[1])
    w = qt.rotate(turn, s.gyr[1]) - s.gyr[0]
    cosine = _dot(a, b)
    sine2 = np.maximum(1.0 - cosine * cosine, 0.05)
    about1, about2 = (_dot(w, a) - cosine * _dot(w, b)) / sine2, (_dot(w, b) - cosine * _dot(w, a)) / sine2
    beside = _dot(w, qt.cross(a, b)) / np.sqrt(sine2)
    rms = [float(np.sqrt((x * x).mean())) for x in (about1, about2)]
    return (rms[0], rms[1]), 1.4826 * float(np.median(np.abs(beside)))
