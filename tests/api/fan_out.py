"""Measure what live viewers cost: `python tests/api/fan_out.py [viewers] [stuck]` prints processor time and latency.

A publisher sends 60 batches a second of one row of 250 channels (a frame of 1 kB) through an embedded broker in this
process to `python -m api` in a process of its own. Viewers read from here; stuck ones connect and never read. Linux.
"""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiomqtt
import numpy as np
import orjson
import websockets

from gateway.bus.broker import embedded_broker
from gateway.bus.client import NODELAY

ROOT = Path(__file__).parents[2]
RATE_HZ, CHANNELS, WARM_S, MEASURED_S = 60, 250, 2.0, 10.0
LOCAL = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def publish(client: aiomqtt.Client) -> None:
    names = [f"series_{index}" for index in range(CHANNELS)]
    row = np.random.default_rng(0).normal(0, 30, CHANNELS).round(3).tolist()
    begin = time.monotonic()
    for tick in range(10**9):
        await asyncio.sleep(max(0.0, begin + tick / RATE_HZ - time.monotonic()))
        batch = {"t0": time.time_ns(), "dt": 1 / RATE_HZ, "names": names, "units": ["deg"] * CHANNELS, "values": [row]}
        await client.publish("kinestream/v1/local/live/joints", orjson.dumps(batch))


async def view(port: int, latencies: list[float]) -> None:
    async with websockets.connect(f"ws://{LOCAL}:{port}/api/v1/live", compression=None, max_queue=None) as live:
        async for message in live:
            if isinstance(message, bytes):
                sent = struct.unpack_from("<d", message, 4)[0]
                latencies.append(time.time() - sent)


async def stick(port: int) -> socket.socket:
    stuck = socket.create_connection((LOCAL, port))
    stuck.sendall(
        f"GET /api/v1/live HTTP/1.1\r\nHost: {LOCAL}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return stuck


async def main(viewers: int, stuck: int) -> None:
    broker_port, port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as home:
        settings = {
            "KINESTREAM_HOME": home,
            "KINESTREAM_BUS__PORT": str(broker_port),
            "KINESTREAM_API__PORT": str(port),
        }
        environment = os.environ | settings | {"PYTHONPATH": str(ROOT)}
        async with embedded_broker(broker_port):
            command = (sys.executable, "-m", "api")
            api = await asyncio.create_subprocess_exec(*command, env=environment, cwd=home, stderr=subprocess.DEVNULL)
            try:
                await measure(api.pid, broker_port, port, viewers, stuck)
            finally:
                api.terminate()
                await api.wait()


async def measure(pid: int, broker_port: int, port: int, viewers: int, stuck: int) -> None:
    while socket.socket().connect_ex((LOCAL, port)):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)
    latencies: list[float] = []
    async with aiomqtt.Client(LOCAL, broker_port, identifier="bench", socket_options=NODELAY) as client:
        status = orjson.dumps({"gateway": "local", "online": True, "session": "live"})
        await client.publish("kinestream/v1/local/status", status, qos=1, retain=True)
        held = [await stick(port) for _ in range(stuck)]
        tasks = [asyncio.create_task(publish(client))]
        tasks += [asyncio.create_task(view(port, latencies)) for _ in range(viewers)]
        await asyncio.sleep(WARM_S)
        latencies.clear()
        begin, used = time.monotonic(), cpu_s(pid)
        await asyncio.sleep(MEASURED_S)
        wall, cpu = time.monotonic() - begin, cpu_s(pid) - used
        arrived = np.array(latencies)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for connection in held:
            connection.close()
    share = arrived.size / (viewers * RATE_HZ * wall) if viewers else 1.0
    p50, p99 = np.percentile(arrived, (50, 99)) * 1e3 if arrived.size else (0.0, 0.0)
    print(
        f"{viewers} viewers, {stuck} stuck: {100 * cpu / wall:.1f} % of a core, {share:.1%} of the frames arrived, "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {memory_mb(pid):.0f} MB"
    )


if __name__ == "__main__":
    asyncio.run(main(*(int(given) for given in [*sys.argv[1:], "100", "0"][:2])))
