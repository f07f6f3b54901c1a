"""What is known of one sensor's errors, how it is taken out of samples, and how it is kept.

Each signal: corrected = matrix (measured - bias). A value of None changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Json
from fusion.plain import LARGEST, numbers

Floats = NDArray[np.float64]

LARGEST_BIAS = {"acc_bias": 20.0, "gyr_bias": 2.0, "mag_offset": LARGEST}
"""[m/s2], [rad/s], any unit: far beyond what a working sensor has; raw counts or deg/s end up here. [P]"""
STRETCH = {"acc_matrix": (0.5, 2.0), "gyr_matrix": (0.5, 2.0), "mag_matrix": (1e-6, 1e6)}
"""Least and most that a matrix may stretch: samples in SI units are near already; a field has any unit. [P]"""
LARGEST_RATIO = 10.0
"""Most to least stretch of a matrix, beyond which an axis is as good as lost. [P]"""


@dataclass(frozen=True, slots=True, eq=False)
class SensorCalibration:
    """The errors of one sensor, in its own frame.

    Raises:
        ValueError: A shape is wrong, or a value cannot be that of a working sensor.
    """

    acc_bias: Floats | None = None
    """What the accelerometer shows without force [m/s2], shape (3,)."""
    acc_matrix: Floats | None = None
    """From specific force as measured, less its bias, to specific force, shape (3, 3)."""
    gyr_bias: Floats | None = None
    """What the gyroscope shows at rest [rad/s], shape (3,)."""
    gyr_matrix: Floats | None = None
    """From angular rate as measured, less its bias, to angular rate, shape (3, 3)."""
    mag_offset: Floats | None = None
    """What the magnetometer shows without field, its own unit, shape (3,): hard iron and offset."""
    mag_matrix: Floats | None = None
    """From the field as measured, less its offset, to the field, shape (3, 3): soft iron, scale, skewed axes."""

    def __post_init__(self) -> None:
        for name, largest in LARGEST_BIAS.items():
            _check_bias(name, getattr(self, name), largest)
        for name, stretch in STRETCH.items():
            _check_matrix(name, getattr(self, name), stretch)

    def apply(self, gyr: Floats, acc: Floats, mag: Floats | None = None) -> tuple[Floats, Floats, Floats | None]:
        """Return gyr [rad/s], acc [m/s2] and mag without these errors, shapes (..., 3); NaN stays NaN."""
        field_ = None if mag is None else _corrected(mag, self.mag_offset, self.mag_matrix)
        return (
            _corrected(gyr, self.gyr_bias, self.gyr_matrix),
            _corrected(acc, self.acc_bias, self.acc_matrix),
            field_,
        )

    def over(self, older: "SensorCalibration") -> "SensorCalibration":
        """Return what is known here, and for the rest what `older` knew; a signal's two values may be of both.

        A new rest bias over a Ferraris calibration keeps the matrix of the latter.
        """
        mine = {name: value if (value := getattr(self, name)) is not None else getattr(older, name) for name in NAMES}
        return SensorCalibration(**mine)

    def to_json(self) -> dict[str, Json]:
        """Return JSON values; floats survive exactly."""
        return {name: None if (v := getattr(self, name)) is None else cast(Json, v.tolist()) for name in NAMES}

    @classmethod
    def from_json(cls, value: object) -> "SensorCalibration | None":
        """Return a kept calibration; None if anything is damaged or cannot be that of a working sensor."""
        if not isinstance(value, Mapping):
            return None
        known = {name: value[name] for name in NAMES if value.get(name) is not None}
        arrays = {name: numbers(entry, *SHAPE[name[4:]]) for name, entry in known.items()}
        if any(array is None for array in arrays.values()):
            return None
        try:
            return cls(**arrays)
        except ValueError:
            return None


NAMES = tuple(f.name for f in fields(SensorCalibration))
SHAPE = {"bias": (3,), "offset": (3,), "matrix": (3, 3)}


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A calibration and how far to trust it."""

    calibration: SensorCalibration
    residuals: Mapping[str, float] = field(default_factory=dict)
    """What the calibration leaves unexplained, RMS; which ones and their units, says the function that found it."""
    coverage: float = 0.0
    """Part of the 26 directions to faces, edges and corners of a cube that were seen, 0 to 1 (`directions`)."""
    warnings: tuple[str, ...] = ()
    """Sentences for whoever calibrated: why to do it again."""


def _corrected(x: Floats, bias: Floats | None, matrix: Floats | None) -> Floats:
    """Return matrix (x - bias) with elementwise arithmetic only, so that chunking never changes a result."""
    d = np.array(x, dtype=np.float64) if bias is None else np.asarray(x, dtype=np.float64) - bias
    if matrix is None:
        return d
    return d[..., :1] * matrix[:, 0] + d[..., 1:2] * matrix[:, 1] + d[..., 2:] * matrix[:, 2]


def _check_bias(name: str, bias: Floats | None, largest: float) -> None:
    if bias is None:
        return
    if bias.shape != (3,) or not bool((np.abs(bias) <= largest).all()):
        raise ValueError(f"{name} must be three numbers up to {largest:g} in SI units, not {bias.tolist()}")


def _check_matrix(name: str, matrix: Floats | None, stretch: tuple[float, float]) -> None:
    if matrix is None:
        return
    if matrix.shape != (3, 3) or not bool((np.abs(matrix) <= LARGEST).all()):
        raise ValueError(f"{name} must be three rows of three numbers, not {matrix.tolist()}")
    sizes = np.linalg.svd(matrix, compute_uv=False)
    if not (stretch[0] <= sizes[-1] and sizes[0] <= min(stretch[1], LARGEST_RATIO * sizes[-1])):
        raise ValueError(
            f"{name} stretches by {sizes[-1]:.3g} to {sizes[0]:.3g}, which no working sensor in SI units needs"
        )
    if np.linalg.det(matrix) <= 0.0:
        raise ValueError(f"{name} mirrors: an axis points the wrong way")
