"""The least squares of `hinge`: two axes, with the sensors' distances from the joint and the bias of the rates.

Unknowns, 16: a step of each axis in its tangent plane, the ways r1, r2 from the sensors to the joint [m], the biases
b1, b2 of the rates [rad/s]. The last twelve are known beforehand to be small (`ARM_SD`, `BIAS_SD`) and are kept only
because the axes would err without them. Residuals, each of n samples:
  0  (|(g1 - b1) x j1| - |(g2 - b2) x j2|) / sd_g        Seel 2014
  1  ((a1 + G1 r1).j1 - (a2 + G2 r2).j2) / sd_a          Olsson 2020, with the lever arms, G r = g x (g x r) + g' x r
  2  |(g1 - b1) x j1|,  3  |(g2 - b2) x j2|              movement in one plane
Levenberg-Marquardt in rounds; between rounds the scales of the four and the Cauchy weights are set anew.
"""

from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fusion.body.seats.functional.pairs import Pairs, lever
from fusion.body.seats.functional.sphere import half_sphere, moved, tangents

Floats = NDArray[np.float64]

GYR_SD, GYR_SHARE = 0.05, 0.03
"""Expected error of a rate: [rad/s], and as a part of the rates (a tilt of 1.7 deg). [P]"""
ACC_SD, ACC_ARM, ACC_TURN = 0.3, 0.1, 0.06
"""Expected error of a force: [m/s2], per square of the rates [m], per angular acceleration [m]: a sensor on soft
tissue swings by itself, so its angular acceleration is not the segment's. [P]"""
PLANE_SD = 0.2
"""Least size of the rates across the axes [rad/s]. [P]"""
ARM_SD, BIAS_SD = 0.2, float(np.radians(1.0))
"""How far a sensor sits from the joint [m], and the bias of a gyroscope that nobody calibrated [rad/s]. [P]"""
SOFT = 0.015
"""|g x j| has no derivative at 0; below this rate it is rounded off [rad/s]. [P]"""
CAUCHY = 2.4
"""Residuals beyond this many deviations lose weight: 95 % efficiency with normal errors. [M: Holland, Welsch 1977]"""
LEAST_SCALE = 0.3
"""Residuals are not taken to be smaller than this part of what is expected. [P]"""
STARTS, ROUNDS, STEPS = 2, 8, 4
"""Pairs of directions that are followed, each with both signs; rounds of new weights for the best; steps in each."""
SEARCHED = 300
"""Samples with which starts are compared. [P]"""
CONVERGED = 3e-4
"""Step of an axis [rad]."""
LONGEST = 0.5
"""Largest step of an unknown at once [rad, m]. [P]"""
UNKNOWNS, AXES = 16, slice(0, 4)
RATE_COLUMNS, FORCE_COLUMNS = np.array([0, 1, 10, 11, 12, 2, 3, 13, 14, 15]), np.array([0, 1, 4, 5, 6, 2, 3, 7, 8, 9])
"""The unknowns on which rates and forces depend: those of the first sensor, then those of the second."""
FIRST, SECOND = slice(0, 5), slice(5, 10)


FLOOR = 1e-9 * np.eye(UNKNOWNS)
"""What no sample speaks of has an uncertainty, although a huge one."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What stays the same during the search."""

    gyr: Floats
    """Shape (2, n, 3): first and second sensor."""
    acc: Floats
    """Shape (2, n, 3)."""
    arm: Floats
    """G, shape (2, n, 3, 3)."""
    arm_turned: Floats
    """G transposed, shape (2, n, 3, 3)."""
    gyr_sd: Floats
    """Shape (n,)."""
    acc_sd: Floats
    """Shape (n,)."""
    prior: Floats
    """Weights of the unknowns' own squares, shape (16,)."""

    @classmethod
    def of(cls, p: Pairs, thinned: int = 1) -> Self:
        """Prepare samples, or every so manieth of them."""
        gyr, acc, alpha = (np.ascontiguousarray(x[:, ::thinned]) for x in (p.gyr, p.acc, p.alpha))
        rate2, turn2 = ((x * x).sum(axis=(0, 2)) for x in (gyr, alpha))
        arm = lever(gyr, alpha)
        # as all samples of a block count as one, so does what was known beforehand
        prior = np.repeat([0.0, ARM_SD**-2, BIAS_SD**-2], [4, 6, 6]) * gyr.shape[1] / p.blocks
        return cls(
            gyr,
            acc,
            arm,
            np.ascontiguousarray(arm.swapaxes(2, 3)),
            np.sqrt(GYR_SD**2 + GYR_SHARE**2 * rate2),
            ACC_SD + ACC_ARM * rate2 + ACC_TURN * np.sqrt(turn2),
            prior,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One set of unknowns and what follows from it."""

    axes: Floats
    """j1 and j2, shape (2, 3)."""
    rest: Floats
    """r1, r2, b1, b2, shape (12,)."""
    residuals: Floats
    """Shape (4, n)."""
    by_rate: Floats
    """Derivatives of residual 0 with `RATE_COLUMNS`, shape (n, 10); those of 2 and 3 are its halves, but for sd_g."""
    by_force: Floats
    """Derivatives of residual 1 with `FORCE_COLUMNS`, shape (n, 10)."""

    @classmethod
    def at(cls, p: Problem, axes: Floats, rest: Floats) -> Self:
        """Work out residuals and their derivatives."""
        n = len(p.gyr_sd)
        e, by_rate, by_force = np.zeros((4, n)), np.empty((n, 10)), np.empty((n, 10))
        arms, biases = rest.reshape(2, 2, 3)
        for i, (sign, j) in enumerate(zip((1.0, -1.0), axes, strict=True)):
            T, at = tangents(j), 5 * i
            gyr = p.gyr[i] - biases[i]
            turn = gyr @ j
            e[2 + i] = np.sqrt(np.maximum((gyr * gyr).sum(axis=1) - turn * turn, 0.0) + SOFT**2)
            by_rate[:, at : at + 2] = (gyr @ T.T) * -turn[:, None]
            by_rate[:, at + 2 : at + 5] = turn[:, None] * j - gyr
            by_rate[:, at : at + 5] *= (sign / (e[2 + i] * p.gyr_sd))[:, None]
            force = p.acc[i] + _times(p.arm[i], arms[i])
            e[1] += sign * (force @ j)
            by_force[:, at : at + 2] = force @ T.T
            by_force[:, at + 2 : at + 5] = _times(p.arm_turned[i], j)
            by_force[:, at : at + 5] *= (sign / p.acc_sd)[:, None]
        e[0] = (e[2] - e[3]) / p.gyr_sd
        e[1] /= p.acc_sd
        return cls(axes, rest, e, by_rate, by_force)

    def moved(self, p: Problem, step: Floats) -> Self:
        """Return the fit after a step, shape (16,)."""
        axes = np.stack([moved(self.axes[0], step[:2]), moved(self.axes[1], step[2:4])])
        return self.at(p, axes, self.rest + step[4:])

    def scales(self) -> Floats:
        """Return the size of each kind of residual, shape (4,)."""
        middle = 1.4826 * np.median(np.abs(self.residuals[:2]), axis=1)
        plane = np.sqrt((self.residuals[2:] ** 2).mean(axis=1))
        return np.concatenate([np.maximum(middle, LEAST_SCALE), np.maximum(plane, PLANE_SD)])

    def weights(self) -> Floats:
        """Return the weight of each squared residual, shape (4, n)."""
        scale = self.scales()[:, None]
        return np.asarray(1.0 / (1.0 + (self.residuals / (CAUCHY * scale)) ** 2) / scale**2)

    def badness(self) -> float:
        """Return minus twice the log likelihood, up to a constant, by which fits compare."""
        scale = self.scales()[:, None]
        outlying = CAUCHY**2 * np.log1p((self.residuals / (CAUCHY * scale)) ** 2)
        return float((2.0 * np.log(scale) + outlying).sum())

    def cost(self, p: Problem, weights: Floats) -> float:
        """Return the weighted sum of squares."""
        return float((weights * self.residuals**2).sum() + (p.prior[4:] * self.rest**2).sum())

    def normal(self, p: Problem, weights: Floats) -> tuple[Floats, Floats]:
        """Return the matrix and the right side of the normal equations, shapes (16, 16) and (16,)."""
        H = np.diag(p.prior)
        rate = (self.by_rate * weights[0][:, None]).T @ self.by_rate
        for half, weight in zip((FIRST, SECOND), weights[2:], strict=True):
            by = self.by_rate[:, half]
            rate[half, half] += (by * (weight * p.gyr_sd**2)[:, None]).T @ by
        H[np.ix_(RATE_COLUMNS, RATE_COLUMNS)] += rate
        H[np.ix_(FORCE_COLUMNS, FORCE_COLUMNS)] += (self.by_force * weights[1][:, None]).T @ self.by_force
        b = self.gradients(p, weights, np.zeros(len(p.gyr_sd), dtype=np.int64), 1)[0]
        b[4:] += p.prior[4:] * self.rest
        return H, b

    def gradients(self, p: Problem, weights: Floats, block: NDArray[np.int64], blocks: int) -> Floats:
        """Return half the gradient of the samples' cost, summed over each block, shape (blocks, 16)."""
        told = weights * self.residuals
        rate = self.by_rate * told[0][:, None]
        rate[:, FIRST] += self.by_rate[:, FIRST] * (told[2] * p.gyr_sd)[:, None]
        rate[:, SECOND] -= self.by_rate[:, SECOND] * (told[3] * p.gyr_sd)[:, None]
        force = self.by_force * told[1][:, None]
        starts = np.searchsorted(block, np.arange(blocks))
        out = np.zeros((blocks, UNKNOWNS))
        out[:, RATE_COLUMNS] += np.add.reduceat(rate, starts)
        out[:, FORCE_COLUMNS] += np.add.reduceat(force, starts)
        return out


def _times(matrices: Floats, v: Floats) -> Floats:
    """Return matrices, shape (n, 3, 3), times one vector, shape (n, 3)."""
    return np.asarray((matrices.reshape(-1, 3) @ v).reshape(-1, 3))


def joint_forces(p: Problem, arms: Floats) -> list[Floats]:
    """Return the specific force at the joint as both sensors know it, two of shape (n, 3); arms: r1, r2, shape (6,)."""
    return [a + _times(G, r) for a, G, r in zip(p.acc, p.arm, arms.reshape(2, 3), strict=True)]


def improved(p: Problem, fit: Fit, rounds: int) -> Fit:
    """Return the fit after some rounds of Levenberg-Marquardt."""
    for _ in range(rounds):
        weights, damping = fit.weights(), 1e-3
        cost, (H, b) = fit.cost(p, weights), fit.normal(p, weights)
        before = fit.axes
        for _ in range(STEPS):
            step: Floats = -np.linalg.solve(H + damping * np.diag(np.diag(H)) + FLOOR, b).astype(np.float64)
            step *= min(1.0, LONGEST / max(float(np.abs(step).max()), LONGEST))
            other = fit.moved(p, step)
            other_cost = other.cost(p, weights)
            if other_cost >= cost:
                damping *= 8.0
                continue
            fit, cost, damping = other, other_cost, 0.2 * damping
            if float(np.abs(step[AXES]).max()) < CONVERGED:
                break
            H, b = fit.normal(p, weights)
        if float(np.abs(fit.axes - before).max()) < CONVERGED:
            break
    return fit


def best_fit(samples: Pairs) -> tuple[Problem, Fit]:
    """Return the problem, and the fit of least badness that was found; its axes' relative sign may be wrong."""
    few, p = Problem.of(samples, max(len(samples) // SEARCHED, 1)), Problem.of(samples)
    started = [improved(few, Fit.at(few, axes, np.zeros(12)), 1) for axes in _starts(few)]
    best = min(started, key=Fit.badness)
    return p, improved(p, Fit.at(p, best.axes, best.rest), ROUNDS)


def _starts(p: Problem) -> list[Floats]:
    """Return the pairs of directions, shape (2, 3), whose rates across agree best, each with both relative signs."""
    d = half_sphere()
    across = [np.sqrt(np.maximum((g * g).sum(axis=1, keepdims=True) - (g @ d.T) ** 2, 0.0)).T / p.gyr_sd for g in p.gyr]
    pairs = product(range(len(d)), repeat=2)
    found = sorted((float(np.log1p(((across[0][i] - across[1][k]) / CAUCHY) ** 2).mean()), i, k) for i, k in pairs)
    return [np.stack([d[i], sign * d[k]]) for _, i, k in found[:STARTS] for sign in (1.0, -1.0)]


def covariance(p: Problem, fit: Fit, block: NDArray[np.int64]) -> Floats:
    """Return the covariance of the axes' steps [rad2], shape (4, 4).

    The sum of two: the usual one as if a block had two samples, as the errors within a block hang together; and how
    the blocks contradict each other (sandwich of their gradients), twice as large, as similar strides err alike.
    """
    weights = fit.weights()
    H, _ = fit.normal(p, weights)
    blocks = int(block[-1]) + 1
    score = fit.gradients(p, weights, block, blocks)
    inverse = np.linalg.inv(H + FLOOR)
    between = 4.0 * inverse @ (score.T @ score) @ inverse * blocks / max(blocks - 4, 1)
    within = 0.5 * inverse * len(block) / blocks
    return np.asarray((between + within)[AXES, AXES])
