"""InfluxDB's line protocol for rows of series and for events: pure, and by hand, as a `Point` costs ten times more.

| measurement | tags beside gateway, session, subject | fields |
|---|---|---|
| joint_angle | joint, side | deg |
| orientation | segment, side | w, x, y, z |
| emg | muscle, side | envelope_v or envelope_counts, activation |
| sensor_health | sensor | quality |
| event | name, and what it is about | end [ns], data (JSON) |

Time is in ns. A missing value is a missing field, a series without a side has no tag for it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import orjson

from fusion.estimates import Batch, Event, Topic

SIDES = ("left", "right")
QUATERNION = re.compile(r"quat_(.+)_([wxyz])")
ABOUT = ("sensor", "muscle", "series")
"""What an event may be about: kept as tags, so that two events of one moment stay two."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a series is in the database."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    field: str


def address(name: str, unit: str) -> Address:
    """Return where a series of this name and unit goes."""
    if found := QUATERNION.fullmatch(name):
        return Address("orientation", _sided("segment", found[1]), found[2])
    kind, _, rest = name.partition("_")
    if kind == "emg" and rest:
        return Address("emg", _sided("muscle", rest), "envelope_counts" if unit == "counts" else "envelope_v")
    if kind == "activation" and rest:
        return Address("emg", _sided("muscle", rest), "activation")
    if kind == "quality" and rest:
        return Address("sensor_health", (("sensor", rest),), "quality")
    return Address("joint_angle", _sided("joint", name), "deg")


def series_of(measurement: str, tags: Mapping[str, str], field: str) -> tuple[str, Topic, str]:
    """Return name, topic and unit of the series at an address: the inverse of `address`."""
    side = f"_{tags['side']}" if tags.get("side") else ""
    match measurement, field:
        case "orientation", _:
            return f"quat_{tags['segment']}{side}_{field}", "orientation", "1"
        case "emg", "activation":
            return f"activation_{tags['muscle']}{side}", "emg", "1"
        case "emg", _:
            return f"emg_{tags['muscle']}{side}", "emg", "counts" if field == "envelope_counts" else "V"
        case "sensor_health", _:
            return f"quality_{tags['sensor']}", "quality", "1"
        case _:
            return f"{tags['joint']}{side}", "joints", "deg"


def batch_lines(batch: Batch, origin: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a batch.

    Args:
        origin: The tags gateway, session and subject; an empty one is left out.
    """
    points: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[int, str]]] = {}
    for column, (name, unit) in enumerate(zip(batch.names, batch.units, strict=True)):
        where = address(name, unit)
        points.setdefault((where.measurement, where.tags), []).append((column, where.field))
    times, present = batch.t.tolist(), np.isfinite(batch.values)
    for (measurement, tags), fields in points.items():
        head = _head(measurement, {**origin, **dict(tags)})
        for row, t in enumerate(times):
            values = [f"{field}={batch.values[row, column]!s}" for column, field in fields if present[row, column]]
            if values:
                yield f"{head} {','.join(values)} {t}"


def event_line(event: Event, origin: Mapping[str, str]) -> str:
    """Return the line of an event."""
    about = {key: str(event.data[key]) for key in ABOUT if isinstance(event.data.get(key), str)}
    data = orjson.dumps(dict(event.data)).decode().replace("\\", "\\\\").replace('"', '\\"')
    end = "" if event.end is None else f",end={event.end}i"
    return f'{_head("event", {**origin, "name": event.name, **about})} data="{data}"{end} {event.t}'


def _sided(tag: str, name: str) -> tuple[tuple[str, str], ...]:
    stem, _, side = name.rpartition("_")
    return ((tag, stem), ("side", side)) if stem and side in SIDES else ((tag, name),)


def _head(measurement: str, tags: Mapping[str, str]) -> str:
    return ",".join([measurement, *(f"{key}={_escaped(value)}" for key, value in sorted(tags.items()) if value)])


def _escaped(value: str) -> str:
    """Return a tag's value as the protocol wants it: no line break, which would begin another point, no backslash."""
    plain = " ".join(value.replace("\\", "/").split())
    return re.sub(r"([,= ])", r"\\\1", plain)
