"""Calibration of one sensor's own errors: bias, scale and skewed axes. See docs/calibration.md."""

from fusion.calibration.ellipsoid import ellipsoid_acc, ellipsoid_mag
from fusion.calibration.ferraris import Part, ferraris
from fusion.calibration.recording import Recording, of_orientations, of_parts, of_rests
from fusion.calibration.rest import rest_bias
from fusion.calibration.sensor import Finding, SensorCalibration
from fusion.calibration.stillness import still_forces

__all__ = [
    "Finding", "Part", "Recording", "SensorCalibration", "ellipsoid_acc", "ellipsoid_mag", "ferraris",
    "of_orientations", "of_parts", "of_rests", "rest_bias", "still_forces",
]  # fmt: skip
