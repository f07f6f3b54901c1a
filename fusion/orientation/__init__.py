"""Orientation of inertial sensors: sensor-to-earth, ENU, w first."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusion.orientation.madgwick import Madgwick, MadgwickParams, estimate_madgwick

__all__ = ["Madgwick", "MadgwickParams", "estimate", "warm"]

Method = Literal["madgwick"]
METHODS: tuple[Method, ...] = ("madgwick",)


def estimate(
    gyr: NDArray[np.float64],
    acc: NDArray[np.float64],
    mag: NDArray[np.float64] | None,
    rate_hz: float,
    method: Method = "madgwick",
    params: MadgwickParams | None = None,
) -> NDArray[np.float64]:
    """Return unit quaternions, sensor to earth (ENU), w x y z, shape (n, 4).

    Args:
        gyr: Angular rate in the sensor frame [rad/s], shape (n, 3).
        acc: Specific force in the sensor frame [m/s2], shape (n, 3).
        mag: Magnetic field in the sensor frame, any unit, shape (n, 3); None leaves the heading arbitrary and drifting.
        rate_hz: Sampling rate [Hz].
        method: `"madgwick"`.
        params: Parameters of the method; None for its defaults.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: use one of {', '.join(METHODS)}")
    if not rate_hz > 0.0:
        raise ValueError(f"rate_hz must be positive, not {rate_hz}")
    for name, x in (("acc", acc), ("mag", mag)):
        if x is not None and x.shape != gyr.shape:
            raise ValueError(f"{name} has shape {x.shape}, gyr {gyr.shape}")
    return estimate_madgwick(gyr, acc, mag, rate_hz, params)


def warm() -> None:
    """Compile or load every kernel, so that the first sample of a service waits for nothing."""
    one = np.ones((4, 3))
    estimate(one, one, one, 100.0)
    estimate(one, one, None, 100.0)
