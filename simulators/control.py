"""Commands to a running air, one JSON object per line, and what it answers.

| command | meaning |
|---|---|
| `{"sensor": NAME, "faults": {...}}` | change fields of `simulators.radio.faults.Faults` |
| `{"sensor": NAME, "fade": SECONDS}` | let nothing pass for so long |
| `{"sensor": NAME, "drop": true}` | cut the link |
| `{"report": true}` | answer with one line: what every sensor did and felt |
| `{"clock": true}` | answer with the air's time [s] and the host's [ns UTC] at this moment |

NAME may be `"*"` for all sensors. A command that makes no sense is answered with `{"error": sentence}`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from gateway.hosttime import HostClock
from simulators.sensors.sensor import AirClock, VirtualSensor


def obey(line: str, sensors: Sequence[VirtualSensor], clock: AirClock) -> dict[str, object] | None:
    """Carry out one command; return what to answer, if anything."""
    try:
        command = json.loads(line)
        if not isinstance(command, dict):
            raise ValueError("a command is a JSON object")
        if command.get("report"):
            return {"report": [report(sensor) for sensor in sensors]}
        if command.get("clock"):
            return {"air_s": clock.now(), "utc_ns": HostClock().now()}
        for sensor in _named(str(command.pop("sensor", "")), sensors):
            _obey(command, sensor)
    except (ValueError, TypeError) as error:
        return {"error": str(error)}
    return None


def report(sensor: VirtualSensor) -> dict[str, object]:
    """Return what one sensor did and felt."""
    return {
        "sensor": sensor.name,
        "address": sensor.address,
        "connected": sensor.connected,
        "awake": sensor.habits.awake,
        "sent": sensor.sent,
        "lost": sensor.air.lost(sensor.address),
        "felt": [asdict(cue) for cue in sensor.habits.felt],
        "faults": asdict(sensor.faults),
    }


def _named(name: str, sensors: Sequence[VirtualSensor]) -> list[VirtualSensor]:
    chosen = [sensor for sensor in sensors if name in ("*", sensor.name)]
    if not chosen:
        raise ValueError(f"no sensor is called {name!r}: there are {', '.join(sensor.name for sensor in sensors)}")
    return chosen


def _obey(command: dict[str, object], sensor: VirtualSensor) -> None:
    match command:
        case {"faults": dict(changes)}:
            sensor.air.change(sensor.address, changes)
        case {"fade": int() | float() as seconds}:
            sensor.air.fade(sensor.address, float(seconds))
        case {"drop": True}:
            sensor.air.drop(sensor.address)
        case _:
            raise ValueError(f"a command has faults, fade or drop, not {command}")
