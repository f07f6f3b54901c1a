"""A sensor's calibration as a file: JSON, as `SensorCalibration.to_json` gives it; other keys beside it are ignored."""

import json
from pathlib import Path

from fusion.calibration import SensorCalibration
from fusion.calibration.sensor import NAMES

LARGEST = 100_000
"""A calibration takes 2 kB; what is longer is something else [bytes]."""


class UnusableCalibration(ValueError):
    """The file cannot be used: one sentence names it, what is wrong, and the remedy."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"the calibration {path} {what}")
        self.path = path


def read_calibration(path: Path) -> SensorCalibration:
    """Return the calibration that a file holds; raises `UnusableCalibration`."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UnusableCalibration(
            path, f"cannot be read ({why}): correct its path, or make it with kinestream calibrate"
        ) from None
    try:
        value = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or all(value.get(name) is None for name in NAMES):
        raise UnusableCalibration(path, "is none: name a file that kinestream calibrate wrote")
    found = SensorCalibration.from_json(value)
    if found is None:
        raise UnusableCalibration(path, "is damaged, or of no working sensor: make it again with kinestream calibrate")
    return found


def write_calibration(path: Path, calibration: SensorCalibration) -> None:
    """Write the file; it appears when it is whole.

    Raises:
        OSError: The folder cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(calibration.to_json(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(path)
