"""Minutes on a hostile radio: links drop, fade and lose packets; nothing grows, nothing is falsified."""

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest

from fusion.estimates import TOPICS
from gateway.analysis import estimates
from gateway.store.home import SqliteHome
from tests.line.conftest import Line, configure, until

SECONDS = float(os.environ.get("KINESTREAM_TEST_SOAK_S", "600"))
GROWTH = 1.25
"""Memory may grow by this factor from the first fifth of the run to its end."""


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process [MB]."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def misfortune(line: Line, dice: random.Random) -> None:
    """Let something happen to one sensor."""
    sensor = dice.choice(list(line.sensors()))
    command: dict[str, object] = {"sensor": sensor}
    match dice.randrange(4):
        case 0:
            command["drop"] = True
        case 1:
            command["fade"] = dice.uniform(0.1, 3.0)
        case 2:
            command["faults"] = {"notification_loss": dice.choice([0.0, 0.05])}
        case _:
            command["faults"] = {"retransmission": dice.choice([0.0, 0.3]), "interval_s": dice.choice([0.0075, 0.03])}
    line.tell_air(command)


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_minutes_on_a_hostile_radio(line: Line) -> None:
    configure(line, "demo", embedded=True, record=True)
    line.start_gateway()
    line.start_api()
    line.start_air("demo")
    until(lambda: "streaming" in {s["state"] for s in line.sensors().values()}, "sensors stream")
    dice, early, began = random.Random(1), {}, time.monotonic()
    while (passed := time.monotonic() - began) < SECONDS:
        misfortune(line, dice)
        time.sleep(dice.uniform(0.5, 3.0))
        for name in ("gateway", "api"):
            assert line.parts[name].poll() is None, f"the {name} ended"
            if passed < SECONDS / 5:
                early[name] = memory_mb(line.parts[name].pid)
    late = {name: memory_mb(line.parts[name].pid) for name in early}
    for sensor in line.sensors():
        line.tell_air({"sensor": sensor, "faults": {"notification_loss": 0.0, "retransmission": 0.0}})
    until(lambda: {s["state"] for s in line.sensors().values()} == {"streaming"}, "all stream again", 60)
    session = line.get("api/v1/sessions")["sessions"][0]["id"]
    line.post(f"api/v1/sessions/{session}/stop", {})
    print(f"{SECONDS:.0f} s; memory [MB] early {early}, late {late}")
    for name in early:
        assert late[name] < GROWTH * early[name], name
    assert "Traceback" not in (line.home / "gateway.log").read_text()
    compare(line.home, session)


def compare(home: Path, session: str) -> None:
    """Require that the recording gives again what was computed live, value by value."""
    with SqliteHome(home).open(session) as reader:
        live = {
            (name, t): value
            for topic in TOPICS
            for batch in reader.batches(topic)
            for name, column in zip(batch.names, batch.values.astype(np.float32).T, strict=True)
            for t, value in zip(batch.t.tolist(), column.tolist(), strict=True)
            if np.isfinite(value)
        }
        again = {
            (name, t): value
            for _, batches, _ in estimates(reader)
            for batch in batches
            for name, column in zip(batch.names, batch.values.astype(np.float32).T, strict=True)
            for t, value in zip(batch.t.tolist(), column.tolist(), strict=True)
            if np.isfinite(value)
        }
        assert not reader.damaged
    assert len(live) > 10_000
    assert live == again
