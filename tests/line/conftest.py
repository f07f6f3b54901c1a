"""The whole line in its own processes: virtual air, gateway, broker, api, as a user's machine runs them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HOST = "127.0.0.1"
PATIENCE_S = 40.0
"""The first start on a fresh machine compiles the kernels."""


def free_port() -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class Line:
    """The running parts."""

    home: Path
    mqtt: int
    http: int
    air: int
    config: Path
    parts: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.http}/"

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start `python -m name ...`; its words on standard error go to a file in the home."""
        if name in self.parts:
            _close(self.parts[name])
        log = (self.home / f"{name}.log").open("a")
        with log:
            self.parts[name] = subprocess.Popen(
                [sys.executable, "-m", name, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"KINESTREAM_HOME": str(self.home)},
            )
        return self.parts[name]

    def start_air(self, scene: str, speed: float = 1.0) -> None:
        """Start the virtual sensors and wait until a gateway can connect."""
        air = self.start(
            "simulators", "--listen", f"{HOST}:{self.air}", "--scene", scene, "--until-eof", f"--speed={speed}"
        )
        assert air.stdout
        assert air.stdout.readline().startswith("ready")

    def tell_air(self, command: dict[str, Any]) -> None:
        """Send a command to the virtual air."""
        air = self.parts["simulators"]
        assert air.stdin
        air.stdin.write(json.dumps(command) + "\n")
        air.stdin.flush()

    def ask_air(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command to the virtual air and return its answer."""
        self.tell_air(command)
        air = self.parts["simulators"]
        assert air.stdout
        answer: dict[str, Any] = json.loads(air.stdout.readline())
        return answer

    def start_gateway(self) -> None:
        self.start("gateway", "--config", str(self.config))

    def start_api(self) -> None:
        self.start("api", "--config", str(self.config))
        until(lambda: self.get("readyz", {}).get("status") == "ready", "the api is ready")

    def get(self, path: str, otherwise: Any = None) -> Any:
        """Return the JSON behind a path; `otherwise` where there is no answer yet."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            return otherwise

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON and return the JSON answer."""
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(), {"content-type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def sensors(self) -> dict[str, dict[str, Any]]:
        """Return the live state of every sensor by its id."""
        return {sensor["id"]: sensor for sensor in self.get("api/v1/sensors", {"sensors": []})["sensors"]}

    def calibrated(self) -> bool:
        """Say whether the sensors stream and their seats on the body are known."""
        for gateway in self.get("api/v1/sensors", {"gateways": []})["gateways"]:
            states = {sensor["state"] for sensor in gateway["sensors"]}
            return states == {"streaming"} and bool(gateway["calibration"]["state"] == "ready")
        return False

    def end(self) -> None:
        """End what runs, by its own process id."""
        for part in self.parts.values():
            if part.poll() is None:
                part.send_signal(signal.SIGTERM)
        for part in self.parts.values():
            try:
                part.wait(5)
            except subprocess.TimeoutExpired:
                part.kill()
                part.wait()
            _close(part)


def _close(part: subprocess.Popen[str]) -> None:
    for pipe in (part.stdin, part.stdout):
        if pipe:
            pipe.close()


def until(condition, what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition; fail with what was waited for."""
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, f"waited {patience_s} s in vain until {what}"
        time.sleep(0.05)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """Ports, a home and a configuration; nothing started yet. The broker is the embedded one."""
    found = Line(tmp_path, free_port(), free_port(), free_port(), tmp_path / "kinestream.toml")
    yield found
    found.end()


@pytest.fixture
def mosquitto(line: Line) -> Line:
    """The same with a real Mosquitto running on the bus port."""
    settings = line.home / "mosquitto.conf"
    settings.write_text(f"listener {line.mqtt} {HOST}\nallow_anonymous true\nset_tcp_nodelay true\n")
    binary = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    assert binary
    with (line.home / "mosquitto.log").open("w") as log:
        line.parts["mosquitto"] = subprocess.Popen([binary, "-c", str(settings)], stderr=log, text=True)
    return line


def describe(scene: str) -> list[dict[str, Any]]:
    """Return the sensors of a scene as the settings take them."""
    command = [sys.executable, "-m", "simulators", "--scene", scene, "--describe"]
    sensors: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return sensors


def configure(line: Line, scene: str, *, embedded: bool, record: bool = False) -> None:
    """Write the settings of a gateway that knows a scene's sensors."""
    text = [
        f"data_dir = {json.dumps(str(line.home))}",
        f"[gateway]\nrecord = {json.dumps(record)}",
        f'[radio]\nbackend = "virtual"\ntransport = "tcp-client:{HOST}:{line.air}"',
        f"[bus]\nport = {line.mqtt}\nembedded = {json.dumps(embedded)}",
        f"[api]\nport = {line.http}",
    ]
    for sensor in describe(scene):
        text.append("[[sensor]]")
        text += [f"{key} = {toml(value)}" for key, value in sensor.items()]
    line.config.write_text("\n".join(text) + "\n")


def toml(value: Any) -> str:
    """Write a value as TOML does."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
