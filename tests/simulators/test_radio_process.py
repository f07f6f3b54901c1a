"""The air as a process of its own, in real time: HCI over TCP, killed gateways, commands, and every way to end."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.radio import RadioLost, RadioUnavailable, advertisement, open_radio, watch
from simulators.scenes import SCENES

ROOT = Path(__file__).parents[2]
CENTRAL = """
import asyncio, sys
from devices.movella_dot import DRIVER, MODES
from devices.movella_dot.driver import measure
from devices.profile import Write
from gateway.radio import open_radio

async def main():
    async with open_radio("virtual", sys.argv[1]) as radio:
        client = radio.client("D4:22:CD:00:10:03")
        await client.connect()
        got = []
        await client.start_notify(MODES["rate_mag"].characteristic, lambda sender, data: got.append(data))
        start = measure(MODES["rate_mag"], on=True)
        await client.write_gatt_char(start.characteristic, start.data, response=True)
        while len(got) < 30:
            await asyncio.sleep(0.05)
        print("streaming", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@contextlib.contextmanager
def air(*arguments):
    """Start the air on a free port, and yield the process and the transport for a gateway."""
    command = [sys.executable, "-m", "simulators", "--listen", "127.0.0.1:0", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        line = process.stdout.readline().split()
        assert line[0] == "ready"
        yield process, f"tcp-client:{line[1]}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


@pytest.fixture(scope="module")
def demo():
    """Return the process and the transport of an air that several tests share."""
    with air("--until-eof", "--scene", "demo") as running:
        yield running


def ask(process, command):
    process.stdin.write(json.dumps(command) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def states(process):
    return {sensor["sensor"]: sensor for sensor in ask(process, {"report": True})["report"]}


def central(transport):
    return subprocess.Popen([sys.executable, "-c", CENTRAL, transport], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def until(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_killed_gateway_frees_its_sensors_for_the_next_one(demo):
    process, transport = demo
    for _ in range(2):
        gateway = central(transport)
        try:
            assert gateway.stdout.readline() == "streaming\n"
            assert states(process)["thigh_left"]["connected"]
        finally:
            gateway.kill()
            gateway.communicate()
        until(lambda: not states(process)["thigh_left"]["connected"])


async def test_a_gateway_finds_every_sensor_of_the_scene_and_learns_when_the_air_ends():
    with air("--until-eof", "--scene", "demo") as (process, transport):
        async with open_radio("virtual", transport) as radio:
            seen = {}
            async with radio.scanner(lambda device, data: seen.setdefault(device.address, advertisement(device, data))):
                await asyncio.sleep(0.6)
            assert seen.keys() == {place.address for place in SCENES["demo"].places}
            lost = asyncio.Event()
            client = radio.client("C8:1F:BA:00:40:01", lambda client: lost.set())
            await client.connect()
            process.kill()
            with pytest.raises(RadioLost):
                async with asyncio.timeout(2):
                    await watch(radio)
            assert lost.is_set()
            with pytest.raises(RadioUnavailable, match=transport):
                async with open_radio("virtual", transport):
                    pass


def test_faults_change_live_and_nonsense_is_answered_with_a_sentence(demo):
    process, _ = demo
    process.stdin.write('{"sensor": "*", "faults": {"latency_s": 0.01}}\n')
    process.stdin.write('{"sensor": "posture", "faults": {"rssi_dbm": -90}}\n')
    now = states(process)
    assert {sensor["faults"]["latency_s"] for sensor in now.values()} == {0.01}
    assert (now["posture"]["faults"]["rssi_dbm"], now["trunk"]["faults"]["rssi_dbm"]) == (-90, -58)
    assert "no sensor is called 'elbow'" in ask(process, {"sensor": "elbow", "drop": True})["error"]
    assert "latency_ms" in ask(process, {"sensor": "trunk", "faults": {"latency_ms": 1}})["error"]
    assert "faults, fade or drop" in ask(process, {"sensor": "trunk", "dorp": True})["error"]
    assert "JSON object" in ask(process, ["drop"])["error"]


def test_a_command_drops_a_link(demo):
    process, transport = demo
    gateway = central(transport)
    try:
        assert gateway.stdout.readline() == "streaming\n"
        process.stdin.write('{"sensor": "thigh_left", "drop": true}\n')
        process.stdin.flush()
        until(lambda: not states(process)["thigh_left"]["connected"])
    finally:
        gateway.kill()
        gateway.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_air_within_a_second(number):
    with air("--scene", "knee") as (process, _):
        process.send_signal(number)
        assert process.wait(1.0) == 0


def test_the_end_of_its_input_ends_the_air():
    with air("--until-eof", "--scene", "knee") as (process, _):
        process.stdin.close()
        assert process.wait(1.0) == 0


def test_the_air_ends_with_its_parent():
    code = """
import os, subprocess, sys
command = [sys.executable, "-m", "simulators", "--listen", "127.0.0.1:0", "--scene", "knee"]
air = subprocess.Popen([*command, "--parent-pid", str(os.getpid())], stdout=subprocess.PIPE, text=True)
air.stdout.readline()
print(air.pid, flush=True)
os._exit(0)
"""
    parent = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    pid = int(parent.stdout)
    until(lambda: not alive(pid), 2.0)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_a_taken_port_is_named_with_a_remedy(demo):
    _, transport = demo
    address = transport.removeprefix("tcp-client:")
    command = [sys.executable, "-m", "simulators", "--listen", address]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 2
    assert address in second.stderr
    assert "--listen" in second.stderr
    assert second.stderr.count("\n") == 1


def test_the_scenes_are_described_for_the_settings():
    command = [sys.executable, "-m", "simulators", "--scene", "radio-body", "--describe"]
    described = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert len(described) == 19
    assert sum(sensor["model"] == "movella_dot" for sensor in described) == 17
    assert described[0] == {
        "name": "pelvis",
        "address": "D4:22:CD:00:10:01",
        "model": "movella_dot",
        "segment": "pelvis",
    }
