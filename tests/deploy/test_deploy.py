"""What deploy/ says must be what the program understands."""

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from api.commands import app
from gateway.settings import Settings, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = ("gateway", "api")
REFERENCE = re.compile(r"\$\{(\w+)(?::[-?][^}]*)?\}")


def environment(service: str, secrets: dict[str, str]) -> dict[str, str]:
    """Return a service's environment as compose would hand it over."""
    merged: dict[str, str] = {}
    given = COMPOSE["services"][service]["environment"]
    for key, value in given.items():
        merged[key] = REFERENCE.sub(lambda match: secrets[match[1]], str(value))
    return merged


@pytest.fixture
def secrets() -> dict[str, str]:
    names = [line.split("=")[0] for line in (DEPLOY / "secrets.env.example").read_text().splitlines() if "=" in line]
    return {**{name: f"a-secret-of-its-own-{name}" for name in names}, "GATEWAY_ID": "clinic"}


@pytest.mark.parametrize("service", OURS)
def test_the_settings_accept_every_variable_of_the_compose_file(service, secrets, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for key, value in environment(service, secrets).items():
        monkeypatch.setenv(key, value)
    settings = load()
    assert settings.bus.host in COMPOSE["services"]
    assert not settings.bus.embedded
    assert settings.store.url == "http://influxdb:8086"
    assert settings.store.token == secrets["INFLUX_TOKEN"]
    if service == "api":
        assert settings.api.token == secrets["API_TOKEN"]
        assert f"127.0.0.1:{settings.api.port}:{settings.api.port}" in COMPOSE["services"]["api"]["ports"]


def test_every_secret_that_compose_asks_for_is_in_the_example(secrets):
    asked = {match[1] for match in REFERENCE.finditer((DEPLOY / "compose.yaml").read_text())}
    assert asked == set(secrets)


def test_the_bucket_that_influxdb_makes_is_the_one_that_is_written(secrets):
    made = COMPOSE["services"]["influxdb"]["environment"]
    used = environment("gateway", secrets)
    assert made["DOCKER_INFLUXDB_INIT_BUCKET"] == used["KINESTREAM_STORE__BUCKET"]
    assert made["DOCKER_INFLUXDB_INIT_ORG"] == used["KINESTREAM_STORE__ORG"]


def test_the_example_settings_load_and_name_only_the_defaults_or_choices(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = load(DEPLOY / "kinestream.toml")
    defaults = Settings()
    for section in ("radio", "bus", "store", "api", "posture"):
        assert getattr(settings, section) == getattr(defaults, section), section
    assert [sensor.name for sensor in settings.sensor] == ["thigh_left", "shank_left", "myo", "posture"]


def test_the_image_copies_what_there_is_and_starts_a_command_there_is():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY ") and not line.startswith("COPY --from"):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
    assert 'CMD ["kinestream", "serve"]' in lines


@pytest.mark.parametrize("command", ["serve", "gateway", "api"])
def test_the_commands_that_units_and_images_call_take_the_options_they_give(command):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "--config" in re.sub(r"\x1b\[[0-9;]*m", "", shown.output)


def test_the_units_start_the_installed_command():
    for unit in (DEPLOY / "systemd").glob("*.service"):
        start = re.search(r"^ExecStart=(\S+) (\w+) --config (\S+)$", unit.read_text(), re.M)
        assert start, unit
        assert start[1].endswith("/kinestream")
        assert start[2] in OURS


@pytest.mark.needs("mosquitto")
def test_mosquitto_takes_its_configuration_and_refuses_strangers(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "kinestream", "a-secret"], check=True)
    config = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text()
    local = config.replace("listener 1883", f"listener {port} 127.0.0.1").replace("/tmp/passwords", str(passwords))
    assert local != config
    path = tmp_path / "mosquitto.conf"
    path.write_text(local + "user root\n")
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    broker = subprocess.Popen([binary, "-c", path], stderr=subprocess.PIPE, text=True)
    try:
        assert connect_code(port, b"") == 5
        assert connect_code(port, b"a-secret") == 0
    finally:
        broker.terminate()
        broker.wait(5)
        assert broker.stderr
        assert "Error" not in broker.stderr.read()
        broker.stderr.close()


def connect_code(port: int, password: bytes) -> int:
    """Speak MQTT 3.1.1 by hand and return the broker's answer to CONNECT."""
    name = b"kinestream"
    flags, tail = (0xC2, b"\0\x0a" + name + len(password).to_bytes(2, "big") + password) if password else (2, b"")
    body = b"\0\x04MQTT\x04" + bytes([flags]) + b"\0\x0a" + b"\0\x04test" + tail
    for _ in range(50):
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as link:
                link.sendall(bytes([0x10, len(body)]) + body)
                return link.recv(4)[3]
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("the broker does not listen")
