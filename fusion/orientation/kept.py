"""The adaptive filter's state of one sensor as JSON values, and back: floats survive JSON exactly."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Json
from fusion.orientation.kernels.adaptive import STATE
from fusion.orientation.kernels.field import ANYTHING
from fusion.plain import number, numbers, unit

UNIT = ("quat", "turn", "tilt", "earth")
SUMMED = ("time", "acc_time", "mag_time")
SIZES = ("norm", "ref_norm", "up_age", "rest_age", "field_age", "skipped", "acc_wait", "mag_wait")
SUMMED_MIN, SUMMED_MAX = 1e-12, 10.0
"""Sums that were begun cover a time between these [s]."""


def to_json(state: NDArray[np.void]) -> dict[str, Json]:
    """Return the fields of one sensor's state, an element of an array of `STATE`."""
    return {name: state[name].tolist() for name in STATE.names or ()}


def from_json(data: Mapping[str, Any]) -> NDArray[np.void] | None:
    """Return one sensor's state, shape (1,); None if anything is missing or cannot have been kept from a filter."""
    state = np.zeros(1, dtype=STATE)
    for name in STATE.names or ():
        shape = STATE[name].shape
        value = number(data.get(name), np.nan)
        array = numbers(data.get(name), *shape) if shape else None if np.isnan(value) else np.float64(value)
        if array is None:
            return None
        state[name][0] = array
    return state if _sound(state[0], data) else None


def _sound(one: NDArray[np.void], data: Mapping[str, Any]) -> bool:
    """Return whether the filter can go on from here without ever leaving the numbers."""
    summed = all(float(one[name]) == 0.0 or SUMMED_MIN < one[name] < SUMMED_MAX for name in SUMMED)
    sizes = all(float(one[name]) >= 0.0 for name in SIZES)
    heading, drift = (float(one[name]) for name in ("heading_var", "drift_var"))
    spread = 0.0 <= heading <= ANYTHING and 0.0 <= drift <= ANYTHING
    joint = spread and abs(float(one["heading_drift_cov"])) <= 1.000001 * sqrt(heading * drift)
    bias_cov = one["bias_cov"][[0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(3, 3)
    positive = bool((np.linalg.eigvalsh(bias_cov) >= -1e-15).all())
    return summed and sizes and joint and positive and all(unit(data[name], 4) is not None for name in UNIT)
