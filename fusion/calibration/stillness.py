"""Telling rest from movement in recorded samples, and which samples can be used at all."""

from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusion.plain import LARGEST

Floats = NDArray[np.float64]

STILL_GYR, STILL_ACC = 0.02, 0.15
"""Spread (RMS about the mean, all axes together) up to which a sensor lies still [rad/s], [m/s2]: three to five times
the noise of the recording in docs/calibration.md and of usual sensors at 100 to 200 Hz; a hand shows more. [P]"""
MOVED = 10.0
"""A part with this many times the spread cannot be used, not even with a warning. [P]"""
SHIFT_ACC = 0.05
"""Difference between the two halves' mean forces up to which nothing has tilted [m/s2]: 0.3 deg. [P]"""
LEAST_SECONDS = 1.0
"""Rest shorter than this says little: the mean of 100 samples. [P]"""
LEAST_SAMPLES = 20
"""Whatever the rate, a mean and a spread need this many. [P]"""
WINDOW_S = 0.5
"""Length of the windows in which rest is looked for [s]. [P]"""


def rows(name: str, x: ArrayLike) -> Floats:
    """Return samples as an array of shape (n, 3), NaN where a row is not of numbers that can be meant.

    Raises:
        ValueError: The shape is another.
    """
    array = np.array(x, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"{name} must have shape (n, 3), not {array.shape}")
    array[~(np.abs(array) <= LARGEST).all(axis=1)] = np.nan
    return array


def usable(name: str, x: ArrayLike, least: int = LEAST_SAMPLES) -> Floats:
    """Return the rows that are numbers, shape (m, 3).

    Raises:
        ValueError: The shape is not (n, 3), or fewer than `least` rows are left.
    """
    array = rows(name, x)
    good = array[~np.isnan(array[:, 0])]
    if len(good) < least:
        raise ValueError(f"{name} has {len(good)} usable samples, {least} are needed")
    return good


def rate(rate_hz: float) -> float:
    """Return a sampling rate [Hz].

    Raises:
        ValueError: It is not a positive number.
    """
    if not 0.0 < rate_hz < np.inf:
        raise ValueError(f"rate_hz must be positive, not {rate_hz}")
    return float(rate_hz)


def spread(x: Floats) -> float:
    """Return the RMS distance of samples, shape (n, 3), from their mean."""
    return float(np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean()))


def unrest(name: str, gyr: Floats, acc: Floats | None, rate_hz: float) -> list[str]:
    """Return warnings about samples that should be of rest, [rad/s] and [m/s2], shapes (n, 3) without NaN.

    Raises:
        ValueError: The sensor plainly moved.
    """
    warnings = []
    seconds = len(gyr) / rate_hz
    if seconds < LEAST_SECONDS:
        warnings.append(f"{name} lasts only {seconds:.1f} s: at least {LEAST_SECONDS:g} s are needed for a good mean.")
    signals = [(gyr, STILL_GYR, "rad/s")] + ([] if acc is None else [(acc, STILL_ACC, "m/s2")])
    found = [(spread(x), limit, unit) for x, limit, unit in signals]
    for size, limit, unit in found:
        if size > MOVED * limit:
            raise ValueError(f"{name} is not still: its values spread by {size:.3g} {unit} (RMS)")
    if any(size > limit for size, limit, _ in found):
        warnings.append(f"The sensor moved during {name}.")
    elif acc is not None and _shift(acc) > SHIFT_ACC:
        warnings.append(f"The sensor tilted slowly during {name}.")
    if any(size == 0.0 for size, _, _ in found):
        warnings.append(f"The values of {name} never change: the sensor may be stuck.")
    return warnings


def still_forces(gyr: ArrayLike, acc: ArrayLike, rate_hz: float) -> Floats:
    """Return the mean specific force of every rest of at least a second [m/s2], shape (rests, 3).

    For `ellipsoid_acc`: put the sensor down in many orientations, in any order, and let it lie for some seconds.
    Arguments and errors are those of `rests`.
    """
    force = rows("acc", acc)
    return np.array([force[rest].mean(axis=0) for rest in rests(gyr, force, rate_hz)]).reshape(-1, 3)


def rests(gyr: ArrayLike, acc: ArrayLike, rate_hz: float) -> list[slice]:
    """Return where the sensor lay still for at least a second; rows of NaN are of no rest.

    Args:
        gyr: Angular rate [rad/s], shape (n, 3).
        acc: Specific force [m/s2], shape (n, 3).
        rate_hz: Sampling rate [Hz].

    Raises:
        ValueError: The shapes differ or are not (n, 3), or the rate is not positive.
    """
    turn, force = rows("gyr", gyr), rows("acc", acc)
    if turn.shape != force.shape:
        raise ValueError(f"acc has shape {force.shape}, gyr {turn.shape}")
    size = max(round(WINDOW_S * rate(rate_hz)), LEAST_SAMPLES // 2)
    starts = range(0, len(force) - size + 1, size)
    still = [(start, _still(turn[start : start + size], force[start : start + size])) for start in starts]
    runs = [[start for start, _ in run] for quiet, run in groupby(still, key=lambda item: item[1]) if quiet]
    least = max(LEAST_SECONDS * rate_hz, LEAST_SAMPLES)
    return [slice(run[0], run[-1] + size) for run in runs if len(run) * size >= least]


def _still(gyr: Floats, acc: Floats) -> bool:
    """Return whether a window, which may hold NaN, is of rest."""
    return spread(gyr) <= STILL_GYR and spread(acc) <= STILL_ACC and _shift(acc) <= SHIFT_ACC


def _shift(acc: Floats) -> float:
    half = len(acc) // 2
    return float(np.linalg.norm(acc[:half].mean(axis=0) - acc[half:].mean(axis=0)))
