"""Where the joint between two sensors lies, seen from each of them, from any movement.

Seel, Schauer and Raisch 2012 (IEEE CCA) and 2014 (Sensors 14:6891): the joint is one point, so the specific force there
is one vector. Its length does not depend on the frames: |a1 + G1 r1| = |a2 + G2 r2| with G r = g x (g x r) + g' x r and
r the way from the sensor to the joint (Seel's o is the other way round, from the joint: o = -r).

The two r minimise the sum of squares of the difference, each divided by what is to be expected of it, by Gauss-Newton
with Cauchy weights on the blocks of `pairs`. Deviations: a weak assumption that sensors sit within some 0.3 m of the
joint (`FAR_SD`) keeps what movement does not tell near 0. A hinge does not tell where on its axis the centre is: r1 and
r2 may both move along it. `cov` says so; with the axes known, `across` leaves that part out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusion.body.seats.functional.hinge_fit import ACC_SD, ACC_TURN, CAUCHY, LEAST_SCALE
from fusion.body.seats.functional.pairs import Pairs, collected, lever
from fusion.body.seats.functional.shortage import LEAST_SAMPLES, TooLittle

Floats = NDArray[np.float64]

ACC_SHARE = 0.02
"""Expected error of a force as a part of what turning adds to it at 0.2 m. [P]"""
FAR_SD = 0.3
"""How far sensors sit from a joint [m]. [P]"""
MODEL_SD = 0.005
"""What no sample contradicts, per direction [m]: joints of bodies have no fixed centre. [P]"""
UNSURE_SD = 0.06
"""Beyond this a centre is worth a warning [m]. [P]"""
ROUNDS, CONVERGED = 30, 1e-5
"""Gauss-Newton needs 5 to 15; last step [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class JointCentre:
    """The centre of a joint in its two sensors, and how far to trust it."""

    r1: Floats
    """From the first sensor to the joint, in its frame [m], shape (3,)."""
    r2: Floats
    """From the second sensor to the joint, in its frame [m], shape (3,)."""
    cov: Floats
    """Of r1, then r2 [m2], shape (6, 6)."""
    sd1: float
    """RMS distance by which r1 may be off [m]."""
    sd2: float
    """The same of r2."""
    residual: float
    """Difference of the forces' lengths, robust RMS [m/s2]."""
    samples: int
    """Samples used, after smoothing and thinning."""
    warnings: tuple[str, ...] = ()
    """Sentences for whoever looks at it."""

    def across(self, j1: Floats, j2: Floats) -> tuple[Floats, Floats]:
        """Return r1 and r2 without their parts along the axis of a hinge: to the foot of the perpendicular."""
        return self.r1 - (self.r1 @ j1) * j1, self.r2 - (self.r2 @ j2) * j2

    def across_sd(self, j1: Floats, j2: Floats) -> tuple[float, float]:
        """Return by how much each of `across` may be off, RMS [m]."""
        planes = [np.eye(3) - np.outer(j, j) for j in (j1, j2)]
        parts = [self.cov[:3, :3], self.cov[3:, 3:]]
        found = [float(np.sqrt(max(np.trace(P @ cov @ P), 0.0))) for P, cov in zip(planes, parts, strict=True)]
        return found[0], found[1]


def joint_centre(gyr1: ArrayLike, acc1: ArrayLike, gyr2: ArrayLike, acc2: ArrayLike, rate_hz: float) -> JointCentre:
    """Return the centre of the joint between two sensors, from 5 to 60 s in which both turned, the quicker the better.

    Args:
        gyr1: Angular rate of the first sensor [rad/s], shape (n, 3); rows that are not numbers are left out.
        acc1: Specific force of the first sensor [m/s2], shape (n, 3).
        gyr2: Of the second, at the same moments.
        acc2: Of the second, at the same moments.
        rate_hz: Sampling rate [Hz].

    Raises:
        ValueError: A shape is wrong, or the sensors moved too little.
    """
    return centre_of(collected(gyr1, acc1, gyr2, acc2, rate_hz))


def centre_of(pairs: Pairs) -> JointCentre:
    """Return the centre that samples show (`HingeEvidence.pairs`).

    Raises:
        TooLittle: The sensors have not moved enough.
    """
    if len(pairs) < LEAST_SAMPLES:
        raise TooLittle(len(pairs))
    arm = lever(pairs.gyr, pairs.alpha)
    sd = _expected(pairs)
    prior = len(pairs) / pairs.blocks / FAR_SD**2 * np.eye(6)
    r = np.zeros(6)
    for _ in range(ROUNDS):
        e, J = _linear(pairs, arm, sd, r)
        weight = _weights(e)
        step = -np.linalg.solve((J * weight[:, None]).T @ J + prior, J.T @ (weight * e) + prior @ r)
        r = r + step
        if float(np.abs(step).max()) < CONVERGED:
            break
    e, J = _linear(pairs, arm, sd, r)
    weight = _weights(e)
    inverse = np.linalg.inv((J * weight[:, None]).T @ J + prior)
    scores = np.add.reduceat(J * (weight * e)[:, None], np.searchsorted(pairs.block, np.arange(pairs.blocks)))
    # as in `hinge_fit.covariance`: a block has two samples; and blocks contradict each other
    between = 4.0 * inverse @ (scores.T @ scores) @ inverse * pairs.blocks / max(pairs.blocks - 6, 1)
    cov = between + 0.5 * inverse * len(pairs) / pairs.blocks + MODEL_SD**2 * np.eye(6)
    sds = [float(np.sqrt(np.trace(part))) for part in (cov[:3, :3], cov[3:, 3:])]
    residual = 1.4826 * float(np.median(np.abs(e * sd)))
    return JointCentre(r[:3], r[3:], cov, sds[0], sds[1], residual, len(pairs), _warnings(cov))


def _expected(pairs: Pairs) -> Floats:
    """Return the expected error of each difference [m/s2], shape (n,)."""
    rate2, turn2 = ((x * x).sum(axis=(0, 2)) for x in (pairs.gyr, pairs.alpha))
    return np.asarray(ACC_SD + ACC_SHARE * rate2 + ACC_TURN * np.sqrt(turn2))


def _linear(pairs: Pairs, arm: Floats, sd: Floats, r: Floats) -> tuple[Floats, Floats]:
    """Return the residuals at r, shape (n,), and their derivatives, shape (n, 6)."""
    e, J = np.zeros(len(pairs)), np.empty((len(pairs), 6))
    for i, sign in enumerate((1.0, -1.0)):
        force = pairs.acc[i] + arm[i] @ r[3 * i : 3 * i + 3]
        length = np.sqrt((force * force).sum(axis=1)) + 1e-9
        e += sign * length
        J[:, 3 * i : 3 * i + 3] = sign * np.einsum("na,nab->nb", force / length[:, None], arm[i])
    return e / sd, J / sd[:, None]


def _weights(e: Floats) -> Floats:
    scale = max(1.4826 * float(np.median(np.abs(e))), LEAST_SCALE)
    return np.asarray(1.0 / (1.0 + (e / (CAUCHY * scale)) ** 2) / scale**2)


def _warnings(cov: Floats) -> tuple[str, ...]:
    size = np.linalg.eigvalsh(cov)
    unsure = int((size > UNSURE_SD**2).sum())
    if unsure == 0:
        return ()
    if unsure == 1:
        return (
            f"Along one direction the centre is unsure by {100 * np.sqrt(size[-1]):.0f} cm: a hinge turns about it.",
        )
    return (f"The centre is unsure by {100 * np.sqrt(size[-1]):.0f} cm: move quicker, and about more axes.",)
