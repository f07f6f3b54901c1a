"""Reading JSON values that may be anything: what a recording carries was written by another version, or damaged.

What does not fit is None or the default, so that a part begins anew instead of failing or computing nonsense.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST = 1e12
"""No angle, time, level or sum that is carried comes near this; beyond, squares and quotients overflow in the end."""
UNIT_WITHIN = 1e-6
"""What is carried of unit length is so up to rounding."""


def table(value: object) -> Mapping[str, Any]:
    """Return an object's entries; none if it is no object."""
    return value if isinstance(value, Mapping) else {}


def number(value: object, default: float) -> float:
    """Return a number if it is one that can be meant."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return float(value) if abs(value) <= LARGEST and isfinite(value) else default


def moment(value: object, shift: int = 0) -> int | None:
    """Return a time [ns UTC], moved by `shift` [ns], or None."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        return None
    return value + shift if 0 <= value + shift < 2**63 else None


def numbers(value: object, *shape: int) -> Floats | None:
    """Return nested lists of numbers as an array if they have this shape and can all be meant."""
    if not isinstance(value, list) or len(value) != shape[0]:
        return None
    rows = [numbers(item, *shape[1:]) if len(shape) > 1 else number(item, np.nan) for item in value]
    if any(row is None for row in rows):
        return None
    array = np.array(rows, dtype=np.float64)
    return array if np.isfinite(array).all() else None


def unit(value: object, length: int) -> Floats | None:
    """Return a direction or a quaternion, of unit length."""
    array = numbers(value, length)
    return array if array is not None and abs(float((array * array).sum()) - 1.0) < UNIT_WITHIN else None
