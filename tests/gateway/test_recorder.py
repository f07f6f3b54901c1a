"""Recording on a disk that fills up: it ends with a sentence, and what was written before is whole."""

import asyncio
import sqlite3
from pathlib import Path

import numpy as np

from fusion.estimates import Batch
from gateway.records import Packet
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.visits.recorder import Recorder

START = 1_790_000_000_000_000_000
PAGE_SIZE = 4096


def packets(second: int) -> list[Packet]:
    """Return a second of noise, which does not compress."""
    noise = np.random.default_rng(second)
    return [Packet(START + second * 10**9 + i * 10**7, "s", "c", noise.bytes(200)) for i in range(100)]


def rows(second: int) -> list[Batch]:
    t = START + second * 10**9 + np.arange(100) * 10_000_000
    return [Batch("joints", t, 10_000_000, ("a",), ("deg",), np.random.default_rng(second).normal(size=(100, 1)))]


async def test_a_full_disk_ends_the_recording_with_a_sentence_and_keeps_what_was_there(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path)
    info = SessionInfo("visit", "", None, "live", "recording", START, None, "local", "test")
    recorder = Recorder("visit", home.create(info), 0.02)
    running = asyncio.create_task(recorder.run())
    recorder.add(packets(0), rows(0), [])
    await asyncio.sleep(0.2)
    limit(recorder)
    for second in range(1, 30):
        recorder.add(packets(second), rows(second), [])
        await asyncio.sleep(0.03)
    await asyncio.wait_for(running, 5)
    assert recorder.problem is not None
    assert "full" in recorder.problem
    assert "free some space" in recorder.problem
    with home.open("visit") as reader:
        kept = [record for record in reader.records() if isinstance(record, Packet)]
        assert kept[:100] == packets(0)
        assert len(kept) < 3000
        assert not reader.damaged
    assert [info.id for info in home.interrupted()] == ["visit"]
    assert home.recover("visit").state == "interrupted"


def limit(recorder: Recorder) -> None:
    """Let the session's file grow by so little more that SQLite says the disk is full."""
    db: sqlite3.Connection = recorder._writer._db  # the only way to fill a disk without filling one
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 40}")


async def test_what_was_handed_in_before_the_end_is_on_disk(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path)
    info = SessionInfo("visit", "", None, "live", "recording", START, None, "local", "test")
    recorder = Recorder("visit", home.create(info), 60.0)
    running = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    recorder.add(packets(0), rows(0), [])
    recorder.finish()
    await asyncio.wait_for(running, 5)
    with home.open("visit") as reader:
        assert list(reader.records()) == packets(0)
        assert reader.info.state == "complete"


async def test_a_cancelled_gateway_still_writes_the_rest(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path)
    info = SessionInfo("visit", "", None, "live", "recording", START, None, "local", "test")
    recorder = Recorder("visit", home.create(info), 60.0)
    running = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    recorder.add(packets(0), [], [])
    running.cancel()
    await asyncio.wait([running])
    with home.open("visit") as reader:
        assert list(reader.records()) == packets(0)
