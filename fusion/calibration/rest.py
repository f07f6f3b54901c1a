"""The gyroscope's bias, from rest."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusion.calibration.directions import coverage
from fusion.calibration.sensor import Finding, SensorCalibration
from fusion.calibration.stillness import rate, rows, spread, unrest, usable

Floats = NDArray[np.float64]

USUAL_BIAS = 0.35
"""A larger bias is rather a steady turn [rad/s]: 20 deg/s. [P]"""


def rest_bias(gyr: ArrayLike, rate_hz: float, acc: ArrayLike | None = None) -> Finding:
    """Return the gyroscope's bias while the sensor lies still: the mean rate. The earth's 0.004 deg/s stays in it.

    Residuals: "gyr", spread of the rates about the bias [rad/s].

    Args:
        gyr: Angular rate [rad/s], shape (n, 3); rows of NaN are left out.
        rate_hz: Sampling rate [Hz].
        acc: Specific force at the same moments [m/s2], shape (n, 3): shows movement that rates alone do not.

    Raises:
        ValueError: There are too few samples, or the sensor plainly moved.
    """
    rate(rate_hz)
    still = usable("gyr", gyr)
    force = None if acc is None else usable("acc", acc)
    if acc is not None and rows("acc", acc).shape != rows("gyr", gyr).shape:
        raise ValueError(f"acc has shape {np.shape(acc)}, gyr {np.shape(gyr)}")
    warnings = unrest("the rest", still, force, rate_hz)
    bias = still.mean(axis=0)
    if float(np.linalg.norm(bias)) > USUAL_BIAS:
        warnings.append(f"The bias of {np.degrees(np.linalg.norm(bias)):.0f} deg/s is large: did the sensor turn?")
    seen = 0.0 if force is None else coverage(force.mean(axis=0, keepdims=True))
    return Finding(SensorCalibration(gyr_bias=bias), {"gyr": spread(still)}, seen, tuple(warnings))
