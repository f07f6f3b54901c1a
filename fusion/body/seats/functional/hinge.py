"""The axis of a hinge in the frames of the sensors on both of its sides, from any movement, however they are mounted.

Seel, Schauer and Raisch 2012 (IEEE CCA) and 2014 (Sensors 14:6891): what the two rates have across the axis is the same
vector seen from two sides, so |g1 x j1| = |g2 x j2|. Olsson, Seel, Lehmann and Halvorsen 2020 (Sensors 20:3534): along
the axis both sensors feel the same force, so a1.j1 = a2.j2. The unit vectors j1, j2 that fit best are found; the least
squares themselves are in `hinge_fit`, the choice of samples in `pairs`.

Deviations from the papers:
- The unknowns are steps in the tangent planes of the axes, which have no poles, by Levenberg-Marquardt from several
  starts.
- Residuals are divided by what is to be expected of them: soft tissue turns a sensor by some degrees, which counts more
  the faster it turns. What is left beyond that is scaled by its median and loses weight the farther it lies outside
  (Cauchy), as a knee is no hinge.
- a1.j1 = a2.j2 holds at the joint and not where the sensors are. The lever arms are unknowns, too, and the biases of
  the gyroscopes.
- Legs that move in one plane leave both equations nearly nothing to tell: in a squat the two rates are proportional. So
  the rates across the axes, themselves, are to be small as well, in units of their own size: this decides where
  movement is planar, and hardly counts where it is not.

Sign: (j1, j2) and (-j1, -j2) say the same, (j1, -j2) does not. Both point the same way when g1.j1 - g2.j2 is the rate
of the joint. Rates across the axis do not know; `sign` looks at what both sensors share.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusion.body.seats.functional.hinge_fit import ROUNDS, Fit, best_fit, covariance, improved
from fusion.body.seats.functional.pairs import Pairer, Pairs, Reservoir, aligned
from fusion.body.seats.functional.shortage import LEAST_SAMPLES, TooLittle
from fusion.body.seats.functional.sign import sign_evidence
from fusion.body.seats.functional.sphere import deviation

Floats = NDArray[np.float64]

LEAST_RATE = 0.2
"""RMS rate of the joint, below which it did not move [rad/s]: 11 deg/s. [P]"""
MODEL_SD = float(np.radians(0.7))
"""What no sample contradicts, per axis [rad]: errors of the sensors, soft tissue moving with the stride. [P]"""
UNSURE_SD = float(np.radians(4.0))
"""Beyond this the axis is worth a warning [rad]. [P]"""
NO_HINGE = 0.3
"""Unexplained rate as a part of the joint's rate, from which it is no hinge. Real knees: 0.1 to 0.2. [P]"""
SIGN_CLEAR = 0.95
"""Less is worth a warning. [P]"""


@dataclass(frozen=True, slots=True, eq=False)
class HingeAxis:
    """The axis of a joint in its two sensors, and how far to trust it."""

    j1: Floats
    """Unit vector in the frame of the first sensor, shape (3,)."""
    j2: Floats
    """The same line in the frame of the second, pointing the same way, shape (3,)."""
    cov: Floats
    """Of j1, then j2, each in its tangent plane (`sphere.tangents`) [rad2], shape (4, 4)."""
    sd1: float
    """RMS angle by which j1 may be off [rad]."""
    sd2: float
    """The same of j2."""
    residual: float
    """Rate that no hinge explains, robust RMS [rad/s]."""
    joint_rate: float
    """RMS rate of the joint about the axis [rad/s]."""
    samples: int
    """Samples used, after smoothing and thinning."""
    sign_sure: float
    """How clear it is that j1 and j2 point the same way: 0 not at all, 1 entirely."""
    warnings: tuple[str, ...] = ()
    """Sentences for whoever looks at it."""

    def swapped(self) -> "HingeAxis":
        """Return the same seen from the other side."""
        order = [2, 3, 0, 1]
        cov = self.cov[np.ix_(order, order)]
        return replace(self, j1=self.j2, j2=self.j1, cov=cov, sd1=self.sd2, sd2=self.sd1)


class HingeEvidence:
    """What two neighbouring sensors have shown of the hinge between them, in bounded memory.

    The cuts in which samples are added change nothing.
    """

    def __init__(self, rate_hz: float) -> None:
        """rate_hz: of both sensors, on their common time line [Hz]."""
        self._pairer = Pairer(rate_hz)
        self._reservoir = Reservoir(self._pairer.interval)

    def add(self, gyr1: ArrayLike, acc1: ArrayLike, gyr2: ArrayLike, acc2: ArrayLike) -> None:
        """Take the samples that follow; rows that are not numbers stand for time without samples.

        Args:
            gyr1: Angular rate of the first sensor [rad/s], shape (n, 3).
            acc1: Specific force of the first sensor [m/s2], shape (n, 3).
            gyr2: Of the second, at the same moments.
            acc2: Of the second, at the same moments.

        Raises:
            ValueError: A shape is not (n, 3), or they differ.
        """
        for block in self._pairer.feed(aligned(gyr1=gyr1, acc1=acc1, gyr2=gyr2, acc2=acc2)):
            self._reservoir.offer(block)

    def pairs(self) -> Pairs:
        """Return the samples that are kept."""
        return self._reservoir.with_last(self._pairer.last())

    def solve(self) -> HingeAxis | None:
        """Return the axis as far as it is known; None while the joint has not moved enough."""
        try:
            return solved(self.pairs())
        except TooLittle:
            return None


def hinge_axis(gyr1: ArrayLike, acc1: ArrayLike, gyr2: ArrayLike, acc2: ArrayLike, rate_hz: float) -> HingeAxis:
    """Return the axis of the hinge between two sensors, from 5 to 60 s in which it moved.

    Args:
        gyr1: Angular rate of the first sensor [rad/s], shape (n, 3); rows that are not numbers are left out.
        acc1: Specific force of the first sensor [m/s2], shape (n, 3).
        gyr2: Of the second, at the same moments.
        acc2: Of the second, at the same moments.
        rate_hz: Sampling rate [Hz].

    Raises:
        ValueError: A shape is wrong, or the joint moved too little.
    """
    evidence = HingeEvidence(rate_hz)
    evidence.add(gyr1, acc1, gyr2, acc2)
    return solved(evidence.pairs())


def solved(pairs: Pairs) -> HingeAxis:
    """Return the axis that samples show.

    Raises:
        TooLittle: The joint has not moved enough.
    """
    if len(pairs) < LEAST_SAMPLES:
        raise TooLittle(len(pairs))
    problem, fit = best_fit(pairs)
    if sign_evidence(pairs, problem, fit) < 0.0:
        turned = Fit.at(problem, fit.axes * np.array([[1.0], [-1.0]]), fit.rest)
        fit = improved(problem, turned, ROUNDS)
    evidence = sign_evidence(pairs, problem, fit)
    j1, j2 = fit.axes
    joint_rate = _rms(pairs.gyr[0] @ j1 - pairs.gyr[1] @ j2)
    if joint_rate < LEAST_RATE:
        raise TooLittle(len(pairs), f"the joint hardly moved: {np.degrees(joint_rate):.0f} deg/s about its axis (RMS)")
    cov = covariance(problem, fit, pairs.block) + 0.5 * MODEL_SD**2 * np.eye(4)
    found = HingeAxis(
        j1,
        j2,
        cov,
        deviation(cov[:2, :2]),
        deviation(cov[2:, 2:]),
        1.4826 * float(np.median(np.abs(fit.residuals[0] * problem.gyr_sd))),
        joint_rate,
        len(pairs),
        float(np.tanh(0.5 * max(evidence, 0.0))),
    )
    return replace(found, warnings=_warnings(found))


def _rms(x: Floats) -> float:
    return float(np.sqrt((x * x).mean()))


def _warnings(found: HingeAxis) -> tuple[str, ...]:
    said = []
    if found.residual > NO_HINGE * found.joint_rate:
        said.append(
            f"This is no hinge: {100 * found.residual / found.joint_rate:.0f} % of the rate lies beside the axis."
        )
    if max(found.sd1, found.sd2) > UNSURE_SD:
        worst = np.degrees(max(found.sd1, found.sd2))
        said.append(f"The axis is unsure by {worst:.0f} deg: move longer, with more bending.")
    if found.sign_sure < SIGN_CLEAR:
        said.append("Whether both axes point the same way is not clear: move quicker, or out of one plane.")
    return tuple(said)
