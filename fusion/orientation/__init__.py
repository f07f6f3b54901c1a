"""Orientation of inertial sensors: sensor-to-earth, ENU, w first."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fusion.orientation.adaptive import Adaptive, Status, estimate_adaptive
from fusion.orientation.madgwick import Madgwick, MadgwickParams, estimate_madgwick
from fusion.orientation.params import AdaptiveParams, SmoothedParams
from fusion.orientation.smoothed import estimate_smoothed

__all__ = [
    "METHODS", "Adaptive", "AdaptiveParams", "Madgwick", "MadgwickParams", "Method", "SmoothedParams", "Status",
    "estimate", "warm",
]  # fmt: skip

Floats = NDArray[np.float64]
Method = Literal["madgwick", "adaptive", "smoothed"]
METHODS: tuple[Method, ...] = get_args(Method)
RATES_HZ = (5.0, 100_000.0)
"""Below, every interval would be a gap; above, no sensor is."""
Params = MadgwickParams | AdaptiveParams | SmoothedParams


def estimate(
    gyr: Floats,
    acc: Floats,
    mag: Floats | None,
    rate_hz: float,
    method: Method = "adaptive",
    params: Params | None = None,
) -> Floats:
    """Return unit quaternions, sensor to earth (ENU), w x y z, shape (n, 4).

    Args:
        gyr: Angular rate in the sensor frame [rad/s], shape (n, 3).
        acc: Specific force in the sensor frame [m/s2], shape (n, 3).
        mag: Magnetic field in the sensor frame, any unit, shape (n, 3); None leaves the heading arbitrary and drifting.
        rate_hz: Sampling rate [Hz].
        method: `"adaptive"`, the live filter; `"madgwick"`, the filter as published; `"smoothed"`, for recordings only,
            as it knows the future of every sample. See docs/fusion.md.
        params: Parameters of that method; None for its defaults.

    Rows of NaN are bridged. The first orientation of the live methods is that of the first sample.

    Raises:
        ValueError: Shapes differ, the rate is none of a body-worn sensor, there is no such method, or the parameters
            are of another.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: use one of {', '.join(METHODS)}")
    rate_hz = float(rate_hz)
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise ValueError(f"rate_hz must lie between {RATES_HZ[0]} and {RATES_HZ[1]}, not {rate_hz}")
    gyr, acc, mag = _checked("gyr", gyr), _checked("acc", acc), None if mag is None else _checked("mag", mag)
    for name, x in (("acc", acc), ("mag", mag)):
        if x is not None and x.shape != gyr.shape:
            raise ValueError(f"{name} has shape {x.shape}, gyr {gyr.shape}")
    dt = np.full(len(gyr), 1.0 / rate_hz)
    match method, params:
        case "madgwick", MadgwickParams() | None:
            return estimate_madgwick(gyr, acc, mag, rate_hz, params)
        case "adaptive", AdaptiveParams() | None:
            return estimate_adaptive(gyr, acc, mag, dt, params)
        case "smoothed", SmoothedParams() | None:
            return estimate_smoothed(gyr, acc, mag, rate_hz, params)
    raise ValueError(f"{type(params).__name__} are not the parameters of {method}")


def _checked(name: str, x: Floats) -> Floats:
    x = np.require(x, np.float64, "W")
    if x.ndim != 2 or x.shape[1] != 3:
        raise ValueError(f"{name} must have shape (n, 3), not {x.shape}")
    return x


def warm() -> None:
    """Compile or load every kernel, so that the first sample of a service waits for nothing."""
    one = np.ones((4, 3))
    for method in METHODS:
        estimate(one, one, one, 100.0, method)
