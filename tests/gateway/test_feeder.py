"""Feeding a database that is there, slow or away: the recording goes on, and the trouble is told."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from fusion.estimates import Batch, Event
from gateway.store.influx import InfluxAddress, InfluxHome
from gateway.store.interface import SeriesData, SeriesInfo
from gateway.tasks import end
from gateway.visits import feeder
from gateway.visits.feeder import Feeder

START = 1_790_000_000_000_000_000


def batch(number: int) -> Batch:
    t = np.array([START + number * 10_000_000], np.int64)
    return Batch("joints", t, 10_000_000, ("knee_flexion_left",), ("deg",), np.array([[float(number)]]))


class SlowHome:
    """A database in memory that takes its time."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.values: list[float] = []
        self.names: list[str] = []

    def write(self, session: str, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        self.open.wait(5)
        self.values += [float(b.values[0, 0]) for b in batches]
        self.names += [event.name for event in events]

    def series(self, session: str) -> list[SeriesInfo]:
        return []

    def read(self, session: str, name: str, *_: object) -> SeriesData:
        raise LookupError(name)

    def events(self, session: str, *_: object) -> Iterator[Event]:
        return iter(())


async def test_a_slow_database_gets_everything_in_order_and_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(feeder, "COLLECT_S", 0.02)
    home = SlowHome()
    feeding = Feeder("s", home)
    running = asyncio.create_task(feeding.run())
    began = asyncio.get_running_loop().time()
    for number in range(100):
        feeding.put([batch(number)], [Event(START, "rep")] if number == 50 else [])
        await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() - began < 0.5
    home.open.set()
    async with asyncio.timeout(5):
        while len(home.values) < 100:  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.01)
    assert home.values == [float(n) for n in range(100)]
    assert home.names == ["rep"]
    await end([running])


async def test_a_database_that_is_away_is_told_and_tried_again(monkeypatch):
    monkeypatch.setattr(feeder, "COLLECT_S", 0.02)
    feeding = Feeder("s", InfluxHome(InfluxAddress("http://127.0.0.1:9"), "local", lambda _: None))
    running = asyncio.create_task(feeding.run())
    feeding.put([batch(1)], [])
    async with asyncio.timeout(10):
        while feeding.problem is None:  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.02)
    assert "the session's own file has them" in feeding.problem
    assert not running.done()
    await end([running])
