"""What an orientation estimate is off by, as the BROAD benchmark measures it.

D. Laidig, M. Caruso, A. Cereatti, T. Seel, "BROAD: a benchmark for robust inertial orientation estimation", Data 2021,
6(7):72, doi:10.3390/data6070072. The error is the rotation from truth to estimate seen from the earth. Its turn about
the vertical is the heading error, the tilt that remains the inclination error. Only samples count that belong to the
movement and whose truth is known; no offset is taken away. The drift is not part of that protocol: it is the slope of
a line through the heading error of an estimate without magnetometer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OrientationErrors:
    """Errors of one estimate over one recording."""

    total_deg: float
    """Root mean square of the whole angle between estimate and truth [deg]."""
    heading_deg: float
    """Root mean square of the turn about the vertical [deg]."""
    inclination_deg: float
    """Root mean square of the tilt, which no heading undoes [deg]."""
    drift_deg_min: float
    """How fast the heading runs away, without sign [deg/min]; of use where no magnetometer holds the heading."""


def orientation_errors(quat: Floats, truth: Floats, moving: NDArray[np.bool_], rate_hz: float) -> OrientationErrors:
    """Compare an estimate with the truth.

    Args:
        quat: Estimate, sensor to earth, shape (n, 4).
        truth: The same by an optical system; NaN where it saw nothing, shape (n, 4).
        moving: Which samples count, shape (n,).
        rate_hz: Sampling rate [Hz].

    Raises:
        ValueError: The shapes differ, or fewer than two samples count.
    """
    if not (quat.shape == truth.shape == (moving.size, 4)):
        raise ValueError(f"quat has shape {quat.shape}, truth {truth.shape}, moving {moving.shape}")
    rows = counted(truth, moving)
    if rows.size < 2:
        raise ValueError("fewer than two samples are part of the movement and have a truth")
    error = qt.multiply(qt.normalize(quat[rows]), qt.conjugate(qt.normalize(truth[rows])))
    w, x, y, z = (error[:, i] for i in range(4))
    return OrientationErrors(
        total_deg=_rms_deg(2.0 * np.arctan2(np.sqrt(x * x + y * y + z * z), np.abs(w))),
        heading_deg=_rms_deg(2.0 * np.arctan2(np.abs(z), np.abs(w))),
        inclination_deg=_rms_deg(2.0 * np.arctan2(np.hypot(x, y), np.hypot(w, z))),
        drift_deg_min=60.0 * abs(float(np.degrees(_slope(rows / rate_hz, np.unwrap(2.0 * np.arctan2(z, w)))))),
    )


def counted(truth: Floats, moving: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the numbers of the samples that move and have a truth."""
    return np.flatnonzero(moving & np.isfinite(truth).all(axis=1))


def _rms_deg(angle: Floats) -> float:
    return float(np.degrees(np.sqrt(np.mean(angle * angle))))


def _slope(t: Floats, value: Floats) -> float:
    """Return the slope of the least-squares line."""
    centred = t - t.mean()
    return float((centred * value).sum() / (centred * centred).sum())
