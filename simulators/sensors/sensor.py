"""A virtual sensor on the air: one task that sends what its habits produce, when it falls due."""

import asyncio
import math

from simulators.radio.air import Air
from simulators.radio.faults import Faults
from simulators.radio.peripheral import Peripheral
from simulators.sensors.habits import Due, Habits

BLOCK_S = 0.5
"""Samples are made this far ahead, many at a time; what happens meanwhile makes the rest of a block anew."""


class AirClock:
    """Time of the air [s], `speed` times as fast as the loop's, from `begin` on."""

    def __init__(self, speed: float = 1.0, begin: float = 0.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self.speed = speed
        self._start = asyncio.get_running_loop().time() - begin / speed

    def now(self) -> float:
        """Return the air time [s]."""
        return (asyncio.get_running_loop().time() - self._start) * self.speed

    def loop_time(self, t: float) -> float:
        """Return the loop's time at an air time [s]."""
        return self._start + t / self.speed


class VirtualSensor:
    """One sensor: its name here, its address, its habits and its radio."""

    def __init__(self, name: str, address: str, habits: Habits, air: Air, clock: AirClock) -> None:
        self.name = name
        self.address = address.upper()
        self.habits = habits
        self.air = air
        self.clock = clock
        self.sent = 0
        """Notifications handed to the radio."""
        self.peripheral = Peripheral(air, address, habits.advertised, habits.services, self)
        self._started = False
        self._changed = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether somebody is connected."""
        return self.peripheral.connected

    @property
    def faults(self) -> Faults:
        """The present faults of its radio."""
        return self.air.faults(self.address)

    async def start(self) -> None:
        """Switch on, and advertise from now on."""
        await self.peripheral.start()
        self._started = True

    async def run(self) -> None:
        """Advertise, answer and stream until cancelled."""
        if not self._started:
            await self.start()
        awake, start = True, self.clock.now()
        stop = start + BLOCK_S * _phase(self.address)
        while True:
            start = await self._send(self.habits.produce(start, stop), start, stop)
            stop = start + BLOCK_S
            if self.habits.awake != awake:
                awake = self.habits.awake
                await (self.peripheral.advertise() if awake else self.peripheral.sleep())

    def read(self, uuid: str) -> bytes:
        """Answer a read."""
        return self.habits.read(uuid, self.clock.now())

    def write(self, uuid: str, data: bytes) -> None:
        """Obey a write."""
        if self.habits.write(uuid, data, self.clock.now()):
            self._interrupt()

    def linked(self, up: bool) -> None:
        """Learn that somebody connected or went."""
        self.habits.linked(up, self.clock.now())
        self._interrupt()

    def subscribed(self, uuids: frozenset[str]) -> None:
        """Learn who listens; the peripheral keeps what nobody listens to."""

    def _interrupt(self) -> None:
        self._changed = True
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    async def _send(self, block: list[Due], start: float, stop: float) -> float:
        """Send a block, and return from when on the next one is to be made: earlier if something changed."""
        self._changed = False
        for due in block:
            await self._until(due.at)
            if self._changed:
                return max(start, self.clock.now())
            self.sent += await self.peripheral.notify(due.characteristic, due.data)
            start = math.nextafter(due.at, math.inf)
        await self._until(stop)
        return max(start, self.clock.now()) if self._changed else stop

    async def _until(self, t: float) -> None:
        loop = asyncio.get_running_loop()
        when = self.clock.loop_time(t)
        if when <= loop.time():
            await asyncio.sleep(0)  # late: let the others work, too
            return
        waiter = self._waiter = loop.create_future()
        timer = loop.call_at(when, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _phase(address: str) -> float:
    """Return a fraction of a block, so that not all sensors make their samples at the same time."""
    return (int(address.replace(":", ""), 16) * 0.618034) % 1.0 or 1.0
