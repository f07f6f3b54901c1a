"""Replays inside the gateway: the limit holds while they open, and one that breaks ends alone."""

import asyncio

import pytest

from gateway.hosttime import HostClock
from gateway.records import Control, Packet
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.visits.playback import MAX_REPLAYS, Playback
from gateway.visits.recordings import Refused

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path):
    with SqliteHome(tmp_path) as home:
        for name, model in (("good", "open_profile"), ("newer", "mindreader")):
            writer = home.create(SessionInfo(name, "", None, "live", "recording", 0, None, "g", "0"))
            records = [Control(5, "sensor", "a", {"model": model})]
            writer.append([*records, *(Packet(10**9 * n, "a", "c", b"1") for n in range(1, 31))])
            writer.close("complete")
        yield home


@pytest.fixture
def long(home):
    """A session of many full blocks, so that a thread is most of the time reading it."""
    writer = home.create(SessionInfo("long", "", None, "live", "recording", 0, None, "g", "0"))
    for block in range(60):
        writer.append([Packet(10**6 * (200 * block + n), "a", "c", bytes(240)) for n in range(200)])
        writer.flush()
    writer.close("complete")
    return home


async def test_replays_may_be_stopped_while_a_thread_reads_for_them(long):
    async with asyncio.TaskGroup() as group:
        playback = Playback("g", long, HostClock(), lambda _: None, lambda: None, group.create_task)
        for n in range(200):
            started = await playback.start("long", float("inf"))
            await asyncio.sleep(n * 2e-5)
            if playback.describe():
                playback.stop(started)
    await asyncio.sleep(0)
    assert playback.describe() == []
    assert playback.problem is None


async def test_the_limit_holds_while_replays_open(home):
    async with asyncio.TaskGroup() as group:
        playback = Playback("g", home, HostClock(), lambda _: None, lambda: None, group.create_task)
        starts = [playback.start("good", 1.0) for _ in range(2 * MAX_REPLAYS)]
        found = await asyncio.gather(*starts, return_exceptions=True)
        assert sum(isinstance(one, Refused) for one in found) == MAX_REPLAYS
        assert len(playback.describe()) == MAX_REPLAYS
        assert {replay["duration_s"] for replay in playback.describe()} == {30.0}
        playback.stop_all()
    await asyncio.sleep(0)
    assert playback.describe() == []


async def test_a_session_of_a_newer_version_ends_its_replay_alone(home):
    async with asyncio.TaskGroup() as group:
        playback = Playback("g", home, HostClock(), lambda _: None, lambda: None, group.create_task)
        await playback.start("newer", float("inf"))
        while playback.describe():  # noqa: ASYNC110 - another task
            await asyncio.sleep(0.01)
        assert "mindreader" in playback.problem
        await playback.start("good", float("inf"))
        assert playback.problem is None
