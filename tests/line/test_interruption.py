"""Killed, restarted, run twice: what was recorded stays, ports are told apart, nothing is left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.hosttime import HostClock
from gateway.records import Packet
from gateway.store.home import SqliteHome
from tests.line.conftest import HOST, Line, configure, free_port, until

Demos = list[subprocess.Popen[str]]
KINESTREAM = [sys.executable, "-c", "from api.commands import main; main()"]


@pytest.mark.timeout(120)
def test_kill_9_loses_at_most_the_last_second_and_the_next_start_offers_the_session_as_interrupted(line: Line) -> None:
    configure(line, "knee", embedded=True, record=True)
    line.start_air("knee")
    line.start_gateway()
    line.start_api()
    until(lambda: {s["state"] for s in line.sensors().values()} == {"streaming"}, "the sensors stream")
    time.sleep(2.3)
    gateway = line.parts["gateway"]
    killed = HostClock().now()
    gateway.kill()
    gateway.wait(5)
    session = line.get("api/v1/sessions")["sessions"][0]["id"]
    with SqliteHome(line.home).open(session) as reader:
        kept = [record for record in reader.records() if isinstance(record, Packet)]
        rows = max(info.last for info in reader.series() if info.topic == "joints")
        assert not reader.damaged
    assert (killed - kept[-1].arrival) / 1e9 < 1.0
    assert (killed - rows) / 1e9 < 1.5
    configure(line, "knee", embedded=True)
    line.start_gateway()
    until(lambda: line.get("api/v1/sessions")["sessions"][0]["state"] == "interrupted", "it is interrupted")
    until(lambda: {s["state"] for s in line.sensors().values()} == {"streaming"}, "the sensors stream again")
    assert f"session {session} was interrupted" in (line.home / "gateway.log").read_text()
    analysed = subprocess.run(
        [*KINESTREAM, "analyse", session, "--json", "--data-dir", line.home], capture_output=True, check=True
    )
    assert json.loads(analysed.stdout)["quality"]["thigh_left"]["received"] > 60


def children(pid: int) -> list[int]:
    """Return the processes started by one."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(found) for found in listed.stdout.split()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def demos() -> Iterator[Demos]:
    """The demos that a test started; none outlives it."""
    started: Demos = []
    yield started
    for demo in started:
        if demo.poll() is None:
            demo.send_signal(signal.SIGINT)
            demo.wait(10)
        for pipe in (demo.stdout, demo.stderr):
            assert pipe
            pipe.close()


def start_demo(home: Path, demos: Demos) -> tuple[subprocess.Popen[str], str]:
    """Start a demo and return it with its address."""
    demo = begin_demo(home, demos)
    return demo, address_of(demo)


def begin_demo(home: Path, demos: Demos) -> subprocess.Popen[str]:
    """Start a demo without waiting for it."""
    command = [*KINESTREAM, "demo", "--no-browser", "--scene", "knee"]
    demo = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.PIPE,
        env=os.environ | {"KINESTREAM_HOME": str(home)},
    )
    demos.append(demo)
    return demo


def address_of(demo: subprocess.Popen[str]) -> str:
    """Return the address that a demo prints."""
    assert demo.stdout
    address = demo.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address), demo.stderr.read() if demo.stderr else ""
    return address


@pytest.mark.timeout(150)
def test_two_demos_run_at_once_and_each_ends_cleanly_within_three_seconds(tmp_path: Path, demos: Demos) -> None:
    one, two = (begin_demo(tmp_path / name, demos) for name in ("one", "two"))  # in the same moment
    assert address_of(one) != address_of(two)
    parts = children(one.pid) + children(two.pid)
    assert len(parts) == 6
    for demo in (one, two):
        began = time.monotonic()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(10) == 0
        assert time.monotonic() - began < 3.0
    assert not [pid for pid in parts if alive(pid)]


@pytest.mark.timeout(120)
def test_nothing_outlives_a_killed_demo(tmp_path: Path, demos: Demos) -> None:
    demo, _ = start_demo(tmp_path / "home", demos)
    parts = children(demo.pid)
    demo.kill()
    demo.wait(5)
    until(lambda: not [pid for pid in parts if alive(pid)], "all parts have ended", 8)


@pytest.mark.parametrize("taken", ["api.port", "bus.port"])
def test_serve_on_a_taken_port_exits_with_2_and_names_the_setting(tmp_path: Path, taken: str) -> None:
    ports = {"api.port": free_port(), "bus.port": free_port()}
    with socket.socket() as other:
        other.bind((HOST, ports[taken]))
        other.listen()
        variables = {f"KINESTREAM_{key.replace('.', '__').upper()}": str(port) for key, port in ports.items()}
        done = subprocess.run(
            [*KINESTREAM, "serve", "--data-dir", tmp_path],
            capture_output=True, text=True, timeout=60, check=False, env=os.environ | variables,
        )  # fmt: skip
    assert done.returncode == 2
    assert taken in done.stderr
    assert str(ports[taken]) in done.stderr
    assert done.stderr.count("\n") == 1


def test_beyond_loopback_without_a_token_is_refused_with_the_remedy(tmp_path: Path) -> None:
    variables = {"KINESTREAM_API__HOST": "0.0.0.0", "KINESTREAM_API__PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "-m", "api"], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | variables | {"KINESTREAM_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "KINESTREAM_API__TOKEN" in done.stderr
