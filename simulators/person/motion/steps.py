"""The one shape of every movement: a step whose velocity, acceleration and jerk vanish at both ends."""

import numpy as np

from simulators.person.rotation import Floats


def smooth_step(u: Floats) -> Floats:
    """Return 0 before u = 0, 1 after u = 1, and 35 u^4 - 84 u^5 + 70 u^6 - 20 u^7 between."""
    v = np.clip(u, 0.0, 1.0)
    return np.asarray(v * v * v * v * (35.0 - v * (84.0 - v * (70.0 - 20.0 * v))))


def smooth_step_integral(u: Floats) -> Floats:
    """Return the integral of `smooth_step` from minus infinity to u."""
    v = np.clip(u, 0.0, 1.0)
    inside = v * v * v * v * v * (7.0 - v * (14.0 - v * (10.0 - 2.5 * v)))
    return np.asarray(inside + np.maximum(u - 1.0, 0.0))
