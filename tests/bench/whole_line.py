"""How long a sample takes from its notification to a WebSocket client, and what each process needs for it.

    python -m tests.bench.whole_line [radio-body | demo | knee] [SECONDS]

All processes run as a user's machine runs them, with the embedded broker. A row's own time is the moment, on the host's
clock, at which its samples arrived; what is printed is the time of reception minus that, so it holds the wait for the
slower sensor of a row, the 20 ms of a batch, and the way over bus and api. Linux only (processor time from /proc).
"""

import asyncio
import json
import os
import struct
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import websockets

from tests.line.conftest import HOST, Line, configure, free_port, until

HEAD = struct.Struct("<IdHH")
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the processor time a process has used [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def listen(line: Line, seconds: float) -> dict[str, list[float]]:
    """Collect the age of every frame at reception [s], by topic."""
    topics: dict[int, str] = {}
    ages: dict[str, list[float]] = defaultdict(list)
    end = time.monotonic() + seconds
    async with websockets.connect(f"ws://{HOST}:{line.http}/api/v1/live", compression=None) as live:
        while time.monotonic() < end:
            message = await live.recv()
            now = time.time()
            if isinstance(message, bytes):
                _, t, first, _ = HEAD.unpack_from(message)
                ages[topics.get(first, "?")].append(now - t)
            else:
                said = json.loads(message)
                for channel in said.get("channels") or said.get("hello", {}).get("channels") or []:
                    topics[channel["index"]] = channel["topic"]
    return ages


def main() -> None:
    """Run the line and print the table."""
    scene = sys.argv[1] if len(sys.argv) > 1 else "radio-body"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    with tempfile.TemporaryDirectory() as home:
        line = Line(Path(home), free_port(), free_port(), free_port(), Path(home) / "kinestream.toml")
        try:
            configure(line, scene, embedded=True, record=True)
            line.start_gateway()
            line.start_api()
            line.start_air(scene)
            until(lambda: {s["state"] for s in line.sensors().values()} == {"streaming"}, "all sensors stream")
            time.sleep(5)
            before = {name: cpu_s(part.pid) for name, part in line.parts.items()}
            began = time.monotonic()
            ages = asyncio.run(listen(line, seconds))
            elapsed = time.monotonic() - began
            used = {name: (cpu_s(part.pid) - before[name]) / elapsed for name, part in line.parts.items()}
            lost = sum(sensor["lost"] for sensor in line.sensors().values())
            received = sum(sensor["received"] for sensor in line.sensors().values())
        finally:
            line.end()
    print(f"{scene}, {elapsed:.0f} s, recording; {received} samples received, {lost} lost")
    print("topic          frames/s   p50 [ms]   p99 [ms]   from notification to WebSocket client")
    for topic, values in sorted(ages.items()):
        if topic != "quality":
            p50, p99 = np.percentile(values, [50, 99]) * 1000
            print(f"{topic:12s} {len(values) / elapsed:10.0f} {p50:10.1f} {p99:10.1f}")
    print("process       part of a core")
    for name, share in used.items():
        print(f"{name:12s} {100 * share:14.1f} %")


if __name__ == "__main__":
    main()
