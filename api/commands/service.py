"""Commands that run the service: `demo`, `serve`, `gateway`, `api`."""

import json
import os
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.markup import escape

from api.auth import RefusedBind, check_bind
from api.commands.processes import (
    READY_S,
    Processes,
    StartProblem,
    address_of,
    free_port,
    is_free,
    require_free_port,
    without_settings,
)
from api.commands.terminal import ConfigOption, DataDirOption, Problem, require_folder, screen, settings_of
from gateway.links.roster import plan_for
from gateway.settings import Settings, SettingsProblem, default_data_dir

HTTP_PORT, MQTT_PORT, AIR_PORT = 8480, 1883, 9123
DEMO_SLOUCH_S = 5.0
"""The demo person slouches for a quarter of a minute; the usual patience of the posture coach would outlast it [s]."""
BROKER_S = 3.0
"""A broker that is not ours is there, or not, after so long [s]; ours waits for the gateway's kernels."""
STARTS = 4
"""So often a demo starts anew when another one takes its ports in the same moment."""
TRIES = 50
"""So many ports are tried upwards from the usual one."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(serve)
    app.command(name="gateway")(gateway)
    app.command(name="api")(api)


def demo(
    port: Annotated[int, typer.Option(help="Port of the dashboard; the next free one is taken.")] = HTTP_PORT,
    scene: Annotated[str, typer.Option(help="Which sensors are worn: demo or radio-body.")] = "demo",
    data_dir: DataDirOption = None,
    browser: Annotated[bool, typer.Option(help="Open the dashboard in a browser, if there is one.")] = True,
    record: Annotated[bool, typer.Option(help="Record the visit from the start.")] = True,
    seconds: Annotated[float | None, typer.Option(help="End after this time; default: run until Ctrl-C.")] = None,
) -> None:
    """Run everything with virtual sensors on a virtual radio. No hardware, no servers, nothing to configure."""
    home = default_data_dir()
    root = require_folder(data_dir or home.with_name(f"{home.name}-demo"))
    for start in range(STARTS):
        taken: set[int] = set()
        ports = Ports(*(free_port(wish, TRIES, taken) for wish in (port, MQTT_PORT, AIR_PORT)))
        try:
            _run_demo(root, scene, ports, seconds, browser=browser, record=record)
            break
        except StartProblem:
            if start == STARTS - 1 or all(is_free("127.0.0.1", taken_now) for taken_now in ports):
                raise  # no other demo took a port between our look and our start


class Ports(NamedTuple):
    """Where the parts of a demo listen."""

    http: int
    mqtt: int
    air: int


def _run_demo(root: Path, scene: str, ports: Ports, seconds: float | None, *, browser: bool, record: bool) -> None:
    """Start the parts and keep them until Ctrl-C."""
    config = root / f"demo-{ports.http}.toml"
    config.write_text(_demo_config(root, scene, ports, record), encoding="utf-8")
    logs = root / "logs" / str(ports.http)
    with Processes(logs, without_settings(os.environ)) as processes:
        processes.start("gateway", ["gateway", "--config", str(config)])
        processes.start("api", ["api", "--config", str(config)])
        address = address_of("127.0.0.1", ports.http)
        processes.wait_until_served(address)
        if missing := processes.wait_until_ready(address):
            raise Problem(f"the demo does not get ready: {missing} See the logs in {logs}", 1)
        # Last, so that the person's first quiet standing, in which the sensors are calibrated, is not missed.
        processes.start("simulators", ["simulators", "--listen", f"127.0.0.1:{ports.air}", "--scene", scene])
        screen.print(f"Kinestream demo: [bold]{address}[/bold]")
        screen.print(f"Sessions are kept in {root}. Ctrl-C ends everything.")
        print(address, flush=True)
        if browser:
            _open_browser(address)
        processes.wait(seconds)


def serve(
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    record: Annotated[bool, typer.Option("--record", help="Record from the start.")] = False,
) -> None:
    """Run gateway and api from one settings file, with the sensors around you."""
    settings = settings_of(config, data_dir)
    root = require_folder(settings.data_dir)
    try:
        check_bind(settings.api)
        for sensor in settings.sensor:
            plan_for(sensor)  # a sensor that cannot be is said here, not among the log lines of the gateway
    except (RefusedBind, SettingsProblem) as refused:
        raise Problem(str(refused)) from None
    require_free_port(settings.api.host, settings.api.port, "the dashboard", "KINESTREAM_API__PORT", "api.port")
    if settings.bus.embedded:
        require_free_port("127.0.0.1", settings.bus.port, "the MQTT broker", "KINESTREAM_BUS__PORT", "bus.port")
    environment = {**os.environ, **_environment(data_dir)}
    if record:
        environment["KINESTREAM_GATEWAY__RECORD"] = "true"
    arguments = ["--config", str(config)] if config else []
    with Processes(root / "logs", environment, echo=True) as processes:
        processes.start("gateway", ["gateway", *arguments])
        processes.start("api", ["api", *arguments])
        address = address_of(settings.api.host, settings.api.port)
        processes.wait_until_served(address)
        missing = processes.wait_until_ready(address, READY_S if settings.bus.embedded else BROKER_S)
        if missing:
            screen.print(f"Not all is there, and is tried again; recording does not need it: {escape(missing)}")
        screen.print(f"Kinestream: [bold]{address}[/bold]  (Ctrl-C ends it)")
        print(address, flush=True)
        processes.wait(None)


def gateway(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Run only the gateway: radio, computing, recording, bus."""
    settings = settings_of(config, data_dir)
    require_folder(settings.data_dir)
    _alone("gateway", settings, config, data_dir)


def api(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Run only the api: HTTP, WebSocket and the dashboard."""
    _alone("api", settings_of(config, data_dir), config, data_dir)


def _alone(module: str, _: Settings, config: Path | None, data_dir: Path | None) -> None:
    """Become the process, so that a supervisor's signals reach it directly."""
    arguments = [sys.executable, "-m", module, *(["--config", str(config)] if config else [])]
    os.execvpe(sys.executable, arguments, {**os.environ, **_environment(data_dir)})


def _environment(data_dir: Path | None) -> dict[str, str]:
    return {"KINESTREAM_DATA_DIR": str(data_dir.absolute())} if data_dir else {}


def _demo_config(root: Path, scene: str, ports: Ports, record: bool) -> str:
    """Write the settings of a demo: the scene's sensors, where they are worn, and the ports that were free."""
    sensors = _scene(scene)
    http, mqtt, air = ports
    lines = [
        "# Written by `kinestream demo`; every start writes it anew.",
        f"data_dir = {json.dumps(str(root))}",
        "[gateway]",
        f"id = {json.dumps(f'demo-{http}' if http != HTTP_PORT else 'demo')}",
        f"record = {json.dumps(record)}",
        'title = "Demo"',
        "[radio]",
        'backend = "virtual"',
        f'transport = "tcp-client:127.0.0.1:{air}"',
        "[bus]",
        f"port = {mqtt}",
        "[api]",
        f"port = {http}",
        "[pipeline]",
        f"posture_delay_s = {DEMO_SLOUCH_S}",
    ]
    for sensor in sensors:
        lines += ["[[sensor]]", *(f"{key} = {_toml(value)}" for key, value in sensor.items() if value)]
    return "\n".join(lines) + "\n"


def _scene(scene: str) -> list[dict[str, object]]:
    """Ask the simulators who wears what."""
    command = [sys.executable, "-m", "simulators", "--scene", scene, "--describe"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"there is no scene {scene}")
    sensors: list[dict[str, object]] = json.loads(done.stdout)
    return sensors


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def _open_browser(address: str) -> None:
    graphical = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if graphical:
        webbrowser.open(address)
