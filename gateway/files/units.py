"""Units of files and their factors to ours (m/s2, rad/s, V, degrees, ns), and whether numbers can be in that unit.

A wrong unit is the usual mistake of an import and spoils everything quietly. So what a unit declares is held against
what a body-worn sensor can measure, and refused only where another unit of the same quantity fits.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from devices.chunks import GRAVITY

Floats = NDArray[np.float64]
Test = Callable[[float], bool]

FACTORS: Mapping[str, Mapping[str, float]] = {
    "t": {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0},
    "acc": {"m/s2": 1.0, "g": GRAVITY, "mg": GRAVITY / 1000},
    "gyr": {"rad/s": 1.0, "deg/s": math.pi / 180},
    "mag": {"au": 1.0, "T": 1e6, "uT": 1.0, "G": 100.0},
    "emg": {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "counts": 1.0},
    "angle": {"deg": 1.0, "rad": 180 / math.pi},
}
"""Quantity to unit to factor. The magnetic field becomes uT where its unit is known; only its direction is used."""
DEFAULTS: Mapping[str, str] = {"t": "s", "mag": "au"}
"""What may be left out: the other units change the results and must be said."""

REST_G = (0.6, 1.6)
"""Median length of the specific force of anything worn on a body, in g; proposed by this project."""
FASTEST_RAD_S = 70.0
"""Peak rate that no limb reaches (4000 deg/s) [rad/s]; proposed by this project."""
STRONGEST_V = 0.1
"""Surface EMG stays below 10 mV at the skin; ten times that is no EMG in volts; proposed by this project."""
WIDEST_DEG = 1000.0
"""No joint angle goes further, even when counted over turns [deg]; proposed by this project."""


def suspicion(quantity: str, unit: str, values: Floats) -> str | None:
    """Return in words why values, given in our unit, are not in the unit that was declared; None if they can be.

    Args:
        values: Samples, shape (N, channels), without NaN.
    """
    check = CHECKS.get(quantity)
    if check is None or unit == "counts":
        return None
    found, is_possible, ours = check(values)
    if is_possible(found):
        return None
    declared = FACTORS[quantity][unit]
    better = [other for other, factor in FACTORS[quantity].items() if is_possible(found / declared * factor)]
    fitting = [other for other in better if other not in (unit, "counts")]
    if not fitting:
        return None
    return f"{found:.4g} {ours} in {unit}, which cannot be: the unit is probably {fitting[0]}"


def _rest(values: Floats) -> tuple[float, Test, str]:
    length = float(np.median(np.linalg.norm(values, axis=1)))
    return length, lambda x: REST_G[0] * GRAVITY < x < REST_G[1] * GRAVITY, "m/s2 as its median length"


def _fastest(values: Floats) -> tuple[float, Test, str]:
    return float(np.quantile(np.abs(values), 0.999)), lambda x: x < FASTEST_RAD_S, "rad/s at its peaks"


def _strongest(values: Floats) -> tuple[float, Test, str]:
    centred = np.abs(values - np.median(values, axis=0))
    return float(np.quantile(centred, 0.999)), lambda x: x < STRONGEST_V, "V at its peaks"


def _widest(values: Floats) -> tuple[float, Test, str]:
    return float(np.quantile(np.abs(values), 0.999)), lambda x: x < WIDEST_DEG, "deg at its peaks"


CHECKS: Mapping[str, Callable[[Floats], tuple[float, Test, str]]] = {
    "acc": _rest,
    "gyr": _fastest,
    "emg": _strongest,
    "angle": _widest,
}
"""Quantity to a measure of its samples in our unit, what the measure may be, and its name."""
