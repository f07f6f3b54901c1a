"""How much of a scene arrives through the virtual radio in real time, and what both processes need for it.

    python tests/bench/radio_body.py [radio-body | demo] [SECONDS]

The air runs in a process of its own, this one is the central: bleak, no parsing. Linux only (CPU from /proc).
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bleak import BleakClient  # noqa: E402  # the path comes first

from devices.profile import Driver, Read, StreamOptions, Wait, Write  # noqa: E402
from devices.registry import driver  # noqa: E402
from gateway.radio import open_radio  # noqa: E402
from simulators.scenes import SCENES  # noqa: E402


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sent(air: subprocess.Popen[str]) -> int:
    """Ask the air how many notifications it handed to its radio."""
    assert air.stdin
    assert air.stdout
    air.stdin.write('{"report": true}\n')
    air.stdin.flush()
    return sum(sensor["sent"] for sensor in json.loads(air.stdout.readline())["report"])


async def start(client: BleakClient, model: Driver, got: Counter[str]) -> None:
    """Connect, subscribe and start one sensor as its driver says."""
    options = StreamOptions()
    await client.connect()
    for uuid in model.subscriptions(options):
        await client.start_notify(uuid, lambda sender, _data: got.update([client.address]))
    procedure = model.start(options)
    answer = None
    while True:
        try:
            step = procedure.send(answer)
        except StopIteration:
            return
        answer = None
        match step:
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Write():
                await client.write_gatt_char(step.characteristic, step.data, response=step.response)
            case Read(uuid):
                answer = bytes(await client.read_gatt_char(uuid))


async def measure(air: subprocess.Popen[str], transport: str, scene: str, seconds: float) -> None:
    """Print what arrived and what it cost."""
    got: Counter[str] = Counter()
    async with open_radio("virtual", transport) as radio, asyncio.TaskGroup() as group:
        began = time.perf_counter()
        clients = [(radio.client(place.address), driver(place.model)) for place in SCENES[scene].places]
        starts = [group.create_task(start(client, model, got)) for client, model in clients]
        await asyncio.wait(starts)
        print(f"{scene}: {len(starts)} sensors connected and started in {time.perf_counter() - began:.1f} s")
        await asyncio.sleep(1)
        before = sent(air), got.total(), cpu_s(air.pid), time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        took = time.perf_counter() - before[4]
        handed, arrived = sent(air) - before[0], got.total() - before[1]
    print(f"{arrived / took:.0f} notifications/s, {100 * arrived / handed:.2f} % of those sent")
    print(f"CPU of one core: air {100 * (cpu_s(air.pid) - before[2]) / took:.0f} %", end=", ")
    print(f"central {100 * (time.process_time() - before[3]) / took:.0f} %")


def main() -> None:
    """Run the benchmark."""
    scene = sys.argv[1] if len(sys.argv) > 1 else "radio-body"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    command = [sys.executable, "-m", "simulators", "--listen", "127.0.0.1:0", "--scene", scene, "--until-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as air:
        assert air.stdout
        address = air.stdout.readline().split()[1]
        asyncio.run(measure(air, f"tcp-client:{address}", scene, seconds))


if __name__ == "__main__":
    main()
