"""`replay --radio`: a session through virtual sensors, the virtual radio and the whole service, as if worn now."""

import asyncio
import json
from pathlib import Path

from api.bus import CommandFailed
from api.commands.processes import Processes, free_port
from api.commands.recording import connected
from api.commands.terminal import Problem, screen
from gateway.settings import Settings
from gateway.store.home import SqliteHome

AIR_PORT = 9123
TRIES = 50
GATEWAY = "replay"
ADDRESS = "F2:0E:46:00:50:{:02X}"
"""Under which `simulators.recorded` plays the sensors of a session, in the order of their names."""


def replay_by_radio(settings: Settings, session: str, *, keep: bool) -> str:
    """Play a session to its end through the radio; returns the id of the recording, or `live` if none is kept.

    Raises:
        Problem: There is no such session, or a part of the service fails.
    """
    root = settings.data_dir.absolute()
    taken: set[int] = set()
    http, mqtt, air = (free_port(w, TRIES, taken) for w in (settings.api.port, settings.bus.port, AIR_PORT))
    try:
        config = _configuration(root, session, http, mqtt, air)
        pose = _pose(root, session)
    except LookupError as error:
        raise Problem(str(error.args[0])) from None
    path = root / f"replay-{http}.toml"
    path.write_text(config, encoding="utf-8")
    try:
        with Processes(root / "logs") as processes:
            processes.start("gateway", ["gateway", "--config", str(path)])
            processes.start("api", ["api", "--config", str(path)])
            address = f"http://127.0.0.1:{http}/"
            processes.wait_until_served(address)
            recording = asyncio.run(_prepare(settings, mqtt, pose, session, keep=keep))
            listen = f"127.0.0.1:{air}"
            processes.start(
                "simulators", ["simulators", "--listen", listen, "--session", session, "--data-dir", str(root)]
            )
            screen.print(f"Replaying {session} by radio: [bold]{address}[/bold]  (Ctrl-C ends it)")
            processes.wait(None, until_ended="simulators")
    finally:
        path.unlink(missing_ok=True)
    return recording


async def _prepare(settings: Settings, mqtt: int, pose: str | None, session: str, *, keep: bool) -> str:
    """Tell the gateway the pose of the recording, and to record; returns the id."""
    bus_settings = settings.bus.model_copy(update={"port": mqtt, "host": "127.0.0.1"})
    async with connected(bus_settings) as bus:
        try:
            recording = "live"
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


def _configuration(root: Path, session: str, http: int, mqtt: int, air: int) -> str:
    """Write the settings of a gateway that knows the session's sensors by their played addresses."""
    lines = [
        f"data_dir = {json.dumps(str(root))}",
        f"[gateway]\nid = {json.dumps(GATEWAY)}",
        f'[radio]\nbackend = "virtual"\ntransport = "tcp-client:127.0.0.1:{air}"',
        f"[bus]\nport = {mqtt}\n[api]\nport = {http}",
    ]
    with SqliteHome(root).open(session) as reader:
        uses = sorted(reader.sensors(), key=lambda use: use.id)
        options = {c.sensor: c.data.get("options") for c in reader.controls() if c.kind == "sensor"}
    for number, use in enumerate(uses, 1):
        lines += ["[[sensor]]", f"name = {json.dumps(_name(use.id))}", f"model = {json.dumps(use.model)}"]
        lines.append(f"address = {json.dumps(ADDRESS.format(number))}")
        if use.segment:
            lines.append(f"segment = {json.dumps(use.segment)}")
        if use.channels:
            pairs = ", ".join(f"{channel} = {json.dumps(name)}" for channel, name in use.channels.items())
            lines.append(f"channels = {{ {pairs} }}")
        if use.truth:
            lines.append("truth = true")
        chosen = options.get(use.id)
        for key in ("rate_hz", "mode"):
            if isinstance(chosen, dict) and chosen.get(key) is not None:
                lines.append(f"{key} = {json.dumps(chosen[key])}")
    return "\n".join(lines) + "\n"


def _name(sensor: str) -> str:
    """Make a sensor's name one that the settings take."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in sensor.lower())[:40]
