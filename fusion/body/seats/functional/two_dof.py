"""The two axes of a joint with two degrees of freedom, and the heading between its sensors.

Laidig, Weygers and Seel 2022 (Sensors 22:9850). j1 is fixed in the first segment, j2 in the second (elbow: flexion and
pronation; wrist; ankle). Each sensor's orientation is of six axes, so its heading is arbitrary: Rz(d) turns the second
earth frame into the first. In the common frame the joint turns only about j1 and j2,
  (w1 - Rz(d) w2) . (j1 x j2) = 0,
and the angle between them never changes, which is the integral of the former, drifts less, and forbids the answer
j1 = j2 that the former alone allows. The least squares themselves are in `two_dof_fit`.

Deviations from the paper: both conditions at once; the drift of d, which over a minute is some degrees with six axes;
uncertainty as in `hinge`, but a second of samples counts as one.

(j1, j2), (-j1, j2) and so on say the same: which way an axis points is for who knows the joint. If only one axis moves,
it may come out as either of the two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusion.body.seats.functional.shortage import LEAST_SAMPLES, TooLittle
from fusion.body.seats.functional.sphere import deviation, half_sphere
from fusion.body.seats.functional.two_dof_fit import (
    DRIFT,
    J1,
    J2,
    RATE_SD,
    RATE_SHARE,
    ROUNDS,
    TILT,
    UNKNOWNS,
    D,
    Fit,
    Samples,
    covariance,
    improved,
    rates,
    starts,
)  # fmt: skip
from fusion.calibration.stillness import rate, rows
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]

KEPT_HZ, MOST, BLOCK_S = 25.0, 1500, 1.0
"""Samples kept in a second and in all; length of a block. [P]"""
LEAST_RATE = 0.15
"""RMS rate of a sensor in a block, below which the block tells nothing [rad/s]. [P]"""
SEARCHED = 200
"""Samples with which starts are compared. [P]"""
MODEL_SD = float(np.radians(1.5))
"""What no sample contradicts, per axis and for the heading [rad]: elbows and wrists are no gimbals. [P]"""
MOVED = 0.25
"""RMS rate about an axis below which it did not move [rad/s]: 14 deg/s. [P]"""
UNSURE_SD = float(np.radians(8.0))
"""Beyond this an axis or the heading is worth a warning [rad]. [P]"""
NO_GIMBAL = 0.2
"""Part of the joint's rate that lies across both axes, from which there are more than two. [P]"""


@dataclass(frozen=True, slots=True, eq=False)
class TwoAxes:
    """Two axes, the heading between two sensors, and how far to trust them."""

    j1: Floats
    """Unit vector in the frame of the first sensor, shape (3,)."""
    j2: Floats
    """Unit vector in the frame of the second sensor, shape (3,)."""
    heading: float
    """What turns the second earth frame into the first about the vertical, in the middle of the time [rad]."""
    drift: float
    """Its change [rad/s]."""
    angle: float
    """Between j1 and j2 [rad]."""
    cov: Floats
    """Of j1, j2, each in its tangent plane (`sphere.tangents`), and the heading [rad2], shape (5, 5)."""
    sd1: float
    """RMS angle by which j1 may be off [rad]; 0 where it was given."""
    sd2: float
    """The same of j2."""
    heading_sd: float
    """The same of the heading [rad]."""
    residual: float
    """Rate across both axes, robust RMS [rad/s]."""
    rates: tuple[float, float]
    """RMS rates about j1 and j2 [rad/s]."""
    samples: int
    """Samples used."""
    warnings: tuple[str, ...] = ()
    """Sentences for whoever looks at it."""


def two_axes(quat1: ArrayLike, gyr1: ArrayLike, quat2: ArrayLike, gyr2: ArrayLike, rate_hz: float) -> TwoAxes:
    """Return both axes and the heading between two sensors, from 10 to 60 s in which both axes moved.

    Args:
        quat1: Sensor-to-earth of the first sensor, heading arbitrary but steady, shape (n, 4).
        gyr1: Angular rate of the first sensor [rad/s], shape (n, 3); rows that are not numbers are left out.
        quat2: Of the second, at the same moments.
        gyr2: Of the second, at the same moments.
        rate_hz: Sampling rate [Hz].

    Raises:
        ValueError: A shape is wrong, or the sensors moved too little.
    """
    s = _samples(quat1, gyr1, quat2, gyr2, rate_hz)
    free = np.arange(UNKNOWNS)
    few = s.few(max(len(s.time) // SEARCHED, 1))
    begun = [improved(few, fit, free, 2) for fit in starts(few, half_sphere(), half_sphere())]
    return _told(s, improved(s, min(begun, key=Fit.badness).on(s), free, ROUNDS), free)


def heading_between(
    quat1: ArrayLike,
    gyr1: ArrayLike,
    quat2: ArrayLike,
    gyr2: ArrayLike,
    rate_hz: float,
    j1: ArrayLike,
    j2: ArrayLike,
) -> TwoAxes:
    """Return the heading between two sensors of a joint whose axes are known; the rest as in `two_axes`.

    Args:
        quat1: Sensor-to-earth of the first sensor, shape (n, 4).
        gyr1: Angular rate of the first sensor [rad/s], shape (n, 3).
        quat2: Of the second, at the same moments.
        gyr2: Of the second, at the same moments.
        rate_hz: Sampling rate [Hz].
        j1: Unit vector in the frame of the first sensor, shape (3,).
        j2: Unit vector in the frame of the second sensor, shape (3,).

    Raises:
        ValueError: A shape is wrong, or the sensors moved too little.
    """
    s = _samples(quat1, gyr1, quat2, gyr2, rate_hz)
    free = np.array([D, DRIFT, TILT])
    known = [np.asarray(j, dtype=np.float64).reshape(1, 3) for j in (j1, j2)]
    begun = [improved(s, fit, free, 2) for fit in starts(s, known[0], known[1])]
    return _told(s, improved(s, min(begun, key=Fit.badness), free, ROUNDS), free)


def _samples(quat1: ArrayLike, gyr1: ArrayLike, quat2: ArrayLike, gyr2: ArrayLike, rate_hz: float) -> Samples:
    step, size = max(round(rate(rate_hz) / KEPT_HZ), 1), max(round(BLOCK_S * rate_hz), 1)
    quat = [np.asarray(q, dtype=np.float64) for q in (quat1, quat2)]
    gyr = [rows(name, g) for name, g in (("gyr1", gyr1), ("gyr2", gyr2))]
    if any(q.ndim != 2 or q.shape != (len(gyr[0]), 4) for q in quat) or gyr[0].shape != gyr[1].shape:
        raise ValueError(
            f"the signals differ in shape: quat1 {quat[0].shape}, gyr1 {gyr[0].shape}, "
            f"quat2 {quat[1].shape}, gyr2 {gyr[1].shape}"
        )
    known = np.isfinite(np.concatenate([*quat, *gyr], axis=1)).all(axis=1)
    used = np.flatnonzero(known)[::step]
    block = used // size
    # a block tells something when one of its sensors turns
    rate2 = np.maximum(*[(g[used] ** 2).sum(axis=1) for g in gyr])
    counts = np.maximum(np.bincount(block), 1)
    lively = (np.bincount(block, rate2) / counts > LEAST_RATE**2)[block] if len(used) else np.zeros(0, dtype=np.bool_)
    used, block = used[lively], block[lively]
    cut = slice(None, None, -(-len(used) // MOST) or 1)
    used, block = used[cut], block[cut]
    if len(used) < LEAST_SAMPLES:
        raise TooLittle(len(used))
    q = qt.normalize(np.stack([x[used] for x in quat]))
    g = np.stack([x[used] for x in gyr])
    sd = np.sqrt(RATE_SD**2 + RATE_SHARE**2 * (g * g).sum(axis=(0, 2)))
    time = (used - 0.5 * (used[0] + used[-1])) / rate_hz
    return Samples(q, qt.rotate(q, g), time, np.unique(block, return_inverse=True)[1], sd)


def _told(s: Samples, fit: Fit, free: NDArray[np.int64]) -> TwoAxes:
    cov = covariance(s, fit, free)[:5, :5]
    some = free[free < 5]
    cov[some, some] += np.where(some == D, 1.0, 0.5) * MODEL_SD**2
    sds = (deviation(cov[J1, J1]), deviation(cov[J2, J2]), float(np.sqrt(cov[D, D])))
    about, residual = rates(s, fit)
    heading = float(np.arctan2(np.sin(fit.rest[0]), np.cos(fit.rest[0])))
    angle = 0.5 * np.pi - float(fit.rest[2])
    said = _warnings(sds, about, residual, known=free[0] == D)
    return TwoAxes(
        fit.axes[0], fit.axes[1], heading, float(fit.rest[1]), angle, cov, *sds, residual, about, len(s.time), said
    )


def _warnings(
    sds: tuple[float, float, float], about: tuple[float, float], residual: float, known: bool
) -> tuple[str, ...]:
    said = []
    still = sum(rms < MOVED for rms in about)
    if still == 2:
        said.append("The joint hardly moved about either axis.")
    elif still and not known:
        said.append("Only one of the two axes moved: the other is not known, nor which of the two it was.")
    if residual > NO_GIMBAL * float(np.hypot(*about)):
        said.append("The joint turned about more than two axes.")
    for name, sd in zip(("first axis", "second axis", "heading"), sds, strict=True):
        if sd > UNSURE_SD:
            said.append(
                f"The {name} is unsure by {np.degrees(sd):.0f} deg: move both axes farther, and the whole limb."
            )
    return tuple(said)
