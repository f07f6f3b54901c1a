"""The parts of a recording by which a sensor is calibrated: a small JSON or TOML of [start, stop] in seconds.

```toml
angle_deg = -360          # of the turns, right-handed: negative is clockwise as seen from the tip of the axis
x_p = [5.3, 12.4]         # rests by the axis that points up (p) or down (a)
x_a = [15.9, 23.0]        # ... y_p, y_a, z_p, z_a
x_rot = [66.2, 69.2]      # turns about an axis; ... y_rot, z_rot
```
"""

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, radians
from pathlib import Path

from fusion.calibration.ferraris import PARTS

ANGLE = "angle_deg"
FULL_TURN_DEG = 360.0
LARGEST = 100_000
"""A part list takes a fraction of a kB; what is longer is something else [bytes]."""


class UnusableParts(ValueError):
    """The list cannot be used: one sentence names the file, what is wrong, and the remedy."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"the part list {path}: {what}")
        self.path = path


@dataclass(frozen=True, slots=True)
class PartList:
    """When what was done to the sensor."""

    spans: Mapping[str, tuple[float, float]]
    """Start and end of each part since the session's start [s]."""
    angle: float | tuple[float, ...] = radians(FULL_TURN_DEG)
    """Of the turns [rad]: one for all, or three."""


def read_parts(path: Path) -> PartList:
    """Return what a part list says; raises `UnusableParts`."""
    content = _content(path)
    spans = {name: _span(path, name, value) for name, value in content.items() if name != ANGLE}
    missing = [name for name in PARTS if name not in spans]
    if missing:
        raise UnusableParts(path, f"the parts {', '.join(missing)} are missing: give each its [start, stop] in seconds")
    return PartList(spans, _angle(path, content.get(ANGLE, FULL_TURN_DEG)))


def _content(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise UnusableParts(path, f"it cannot be read ({error.strerror}): correct its path") from None
    except ValueError:
        raise UnusableParts(path, "this is not text in UTF-8") from None
    try:
        content = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise UnusableParts(path, f"this is not {kind}: {error}") from None
    if not isinstance(content, dict):
        raise UnusableParts(path, 'it must be an object such as {"x_p": [5.3, 12.4], ...}')
    return content


def _span(path: Path, name: str, value: object) -> tuple[float, float]:
    if name not in PARTS:
        close = difflib.get_close_matches(name, [*PARTS, ANGLE], 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"the parts are {', '.join(PARTS)}"
        raise UnusableParts(path, f"there is no part {name}: {hint}")
    numbers = _numbers(value)
    if len(numbers) != 2 or not numbers[0] < numbers[1]:
        raise UnusableParts(path, f"{name} must be [start, stop] in seconds from the session's start")
    return numbers[0], numbers[1]


def _angle(path: Path, value: object) -> float | tuple[float, ...]:
    numbers = _numbers(value if isinstance(value, list) else [value])
    if len(numbers) not in (1, 3):
        raise UnusableParts(path, f"{ANGLE} must be the turns' angle in degrees, such as -360, or three of them")
    angles = tuple(radians(number) for number in numbers)
    return angles[0] if len(angles) == 1 else angles


def _numbers(value: object) -> list[float]:
    """Return a list of finite numbers; empty if it is none."""
    if not isinstance(value, list) or any(isinstance(x, bool) or not isinstance(x, int | float) for x in value):
        return []
    numbers = [float(x) for x in value if abs(x) < 1e9 and isfinite(x)]
    return numbers if len(numbers) == len(value) else []
