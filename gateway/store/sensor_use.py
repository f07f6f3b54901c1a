"""Which sensors a session has, and where they were worn: what its controls say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fusion.estimates import Json
from gateway.records import Control


@dataclass(frozen=True, slots=True)
class SensorUse:
    """One sensor of a session, as its controls last described it."""

    id: str
    model: str
    segment: str | None = None
    channels: Mapping[int, str] = field(default_factory=dict)
    truth: bool = False
    address: str | None = None


def sensors_of(controls: Iterable[Control]) -> list[SensorUse]:
    """List the sensors that these controls introduce and place."""
    known: dict[str, Mapping[str, Json]] = {}
    placed: dict[str, Mapping[str, Json]] = {}
    for control in controls:
        if control.sensor and control.kind == "sensor":
            known[control.sensor] = control.data
        elif control.sensor and control.kind == "placement":
            placed[control.sensor] = control.data
    return [_use(sensor, data, placed.get(sensor, {})) for sensor, data in known.items()]


def _use(sensor: str, data: Mapping[str, Json], placement: Mapping[str, Json]) -> SensorUse:
    segment, address, channels = placement.get("segment"), data.get("address"), placement.get("channels")
    return SensorUse(
        sensor,
        str(data.get("model", "")),
        str(segment) if segment else None,
        {int(k): str(v) for k, v in channels.items()} if isinstance(channels, dict) else {},
        bool(placement.get("truth", False)),
        str(address) if address else None,
    )
