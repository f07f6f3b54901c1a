"""`replay --radio`: a session through virtual sensors, the virtual radio and the whole service, as if worn now."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from api.bus import CommandFailed
from api.commands.processes import Processes, address_of, free_port, without_settings
from api.commands.recording import connected
from api.commands.terminal import Problem, require_folder, screen
from fusion.calibration import SensorCalibration
from fusion.estimates import Json
from fusion.settings import PipelineSettings
from gateway.files.calibration import write_calibration
from gateway.settings import BusSettings, Settings
from gateway.store.home import SqliteHome
from gateway.store.reader import SessionReader
from gateway.store.sensor_use import SensorUse

AIR_PORT = 9123
TRIES = 50
GATEWAY = "replay"
ADDRESS = "F2:0E:46:00:50:{:02X}"
"""Under which `simulators.recorded` plays the sensors of a session, in the order of their names."""
SILENCE_S = 60.0
"""All begin to play when the last is connected; until then the first are silent, which is no fault [s]."""
NAME_CHARACTERS = 40


def replay_by_radio(settings: Settings, session: str, *, keep: bool) -> str | None:
    """Play a session to its end through the radio; returns the id of the recording, if one is kept.

    Raises:
        Problem: There is no such session, or a part of the service fails.
    """
    root = require_folder(settings.data_dir)
    taken: set[int] = set()
    http, mqtt, air = (free_port(w, TRIES, taken) for w in (settings.api.port, settings.bus.port, AIR_PORT))
    try:
        calibrations = _calibrations(root, session, http)
        config = _configuration(
            root, session, http, mqtt, air, {name: path for name, (path, _) in calibrations.items()}
        )
        pose = _pose(root, session)
    except LookupError as error:
        raise Problem(str(error.args[0])) from None
    except OSError as error:
        raise Problem(str(error)) from None
    path = root / f"replay-{http}.toml"
    path.write_text(config, encoding="utf-8")
    try:
        for calibration_path, calibration in calibrations.values():
            write_calibration(calibration_path, calibration)
        with Processes(root / "logs", without_settings(os.environ)) as processes:
            processes.start("gateway", ["gateway", "--config", str(path)])
            processes.start("api", ["api", "--config", str(path)])
            address = address_of("127.0.0.1", http)
            processes.wait_until_served(address)
            if missing := processes.wait_until_ready(address):
                raise Problem(f"the replay does not get ready: {missing} See the logs in {root / 'logs'}", 1)
            recording = asyncio.run(_prepare(mqtt, pose, session, keep=keep))
            listen = f"127.0.0.1:{air}"
            processes.start(
                "simulators", ["simulators", "--listen", listen, "--session", session, "--data-dir", str(root)]
            )
            screen.print(f"Replaying {session} by radio: [bold]{address}[/bold]  (Ctrl-C ends it)")
            processes.wait(None, until_ended="simulators")
    finally:
        for written in (path, *(calibration_path for calibration_path, _ in calibrations.values())):
            written.unlink(missing_ok=True)
    return recording


async def _prepare(mqtt: int, pose: str | None, session: str, *, keep: bool) -> str | None:
    """Tell the gateway the pose of the recording, and to record if wanted; returns the id."""
    async with connected(BusSettings(port=mqtt)) as bus:
        try:
            recording: str | None = None
            if keep:
                answer = await bus.ask(GATEWAY, "record", {"title": f"Replay of {session}", "subject": None})
                recording = str(answer["session"])
            if pose:
                await bus.ask(GATEWAY, "calibrate", {"what": "pose", "pose": pose})
        except CommandFailed as failure:
            raise Problem(str(failure)) from None
    return recording


def _pose(root: Path, session: str) -> str | None:
    """Return the pose that the session's wearer was asked to take, if any."""
    with SqliteHome(root).open(session) as reader:
        for control in reader.controls():
            if control.kind == "calibrate" and control.data.get("what") == "pose":
                return str(control.data.get("pose", "standing"))
    return None


def _calibrations(root: Path, session: str, http: int) -> dict[str, tuple[Path, SensorCalibration]]:
    """Return the calibrations that the session was computed with, by sensor, and the files to write them to."""
    with SqliteHome(root).open(session) as reader:
        given = {c.sensor: c.data.get("calibration") for c in reader.controls() if c.kind == "sensor" and c.sensor}
    known = {sensor: SensorCalibration.from_json(value) for sensor, value in given.items()}
    return {
        sensor: (root / f"replay-{http}-{number}.calibration.json", calibration)
        for number, (sensor, calibration) in enumerate(sorted(known.items()), 1)
        if calibration is not None
    }


def _configuration(
    root: Path, session: str, http: int, mqtt: int, air: int, calibrations: Mapping[str, Path] | None = None
) -> str:
    """Write the settings of a gateway that knows the session's sensors by their played addresses."""
    lines = [
        f"data_dir = {json.dumps(str(root))}",
        f"[gateway]\nid = {json.dumps(GATEWAY)}",
        f'[radio]\nbackend = "virtual"\ntransport = "tcp-client:127.0.0.1:{air}"\nsilence_s = {SILENCE_S}',
        f"[bus]\nport = {mqtt}\n[api]\nport = {http}",
    ]
    with SqliteHome(root).open(session) as reader:
        lines += ["[pipeline]", *(f"{key} = {json.dumps(value)}" for key, value in _pipeline(reader).items())]
        uses = sorted(reader.sensors(), key=lambda use: use.id)
        options = {c.sensor: c.data.get("options") for c in reader.controls() if c.kind == "sensor"}
    names, worn = _names(use.id for use in uses), _worn(uses)
    for number, use in enumerate(uses, 1):
        lines += ["[[sensor]]", f"name = {json.dumps(names[use.id])}", f"model = {json.dumps(use.model)}"]
        lines.append(f"address = {json.dumps(ADDRESS.format(number))}")
        if worn.get(use.segment) == use.id:
            lines.append(f"segment = {json.dumps(use.segment)}")
        if use.channels:
            pairs = ", ".join(f"{channel} = {json.dumps(_plain(name))}" for channel, name in use.channels.items())
            lines.append(f"channels = {{ {pairs} }}")
        if use.truth:
            lines.append("truth = true")
        if calibrations and use.id in calibrations:
            lines.append(f"calibration = {json.dumps(calibrations[use.id].name)}")
        chosen = options.get(use.id)
        for key in ("rate_hz", "mode"):
            if isinstance(chosen, dict) and chosen.get(key) is not None:
                lines.append(f"{key} = {json.dumps(chosen[key])}")
    return "\n".join(lines) + "\n"


def _pipeline(reader: SessionReader) -> dict[str, Json]:
    """Return the parameters that the session was computed with, as far as this version knows them."""
    for control in reader.controls():
        given = control.data.get("pipeline")
        if control.kind == "settings" and isinstance(given, Mapping):
            known = {field.name for field in fields(PipelineSettings)}
            return {key: value for key, value in given.items() if key in known and value is not None}
    return {}


def _worn(uses: Iterable[SensorUse]) -> dict[str | None, str]:
    """Return the sensor on each segment: the settings take one, and a reference beside it goes without."""
    worn: dict[str | None, str] = {}
    for use in sorted(uses, key=lambda use: use.truth):
        if use.segment:
            worn.setdefault(use.segment, use.id)
    return worn


def _names(sensors: Iterable[str]) -> dict[str, str]:
    """Make the names of sensors such as the settings take; different ones stay different."""
    names: dict[str, str] = {}
    for sensor in sensors:
        wish = name = _plain(sensor, "_-")[:NAME_CHARACTERS] or "sensor"
        number = 1
        while name in names.values():
            number += 1
            name = f"{wish[: NAME_CHARACTERS - 1 - len(str(number))]}_{number}"
        names[sensor] = name
    return names


def _plain(name: str, marks: str = "_") -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in marks) else "_" for c in name.lower())
