"""What the tests of the virtual sensors share: a swinging thing to strap them to, and a central that runs a driver."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import numpy as np
import pytest
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from numpy.typing import NDArray

from devices.chunks import GRAVITY, Chunk
from devices.profile import Driver, Procedure, Read, StreamOptions, Wait, Write
from devices.registry import recognise
from gateway.radio import Radio, advertisement

Floats = NDArray[np.float64]


class Swing:
    """A pendulum about the x axis of the sensor, east of the earth; everything about it is a formula."""

    def __init__(self, amplitude_rad: float = 0.8, hz: float = 0.7) -> None:
        self.amplitude_rad, self.omega = amplitude_rad, 2 * np.pi * hz

    def imu(self, t: Floats) -> tuple[Floats, Floats, Floats]:
        turn = self.amplitude_rad * np.sin(self.omega * t)
        rate = self.amplitude_rad * self.omega * np.cos(self.omega * t)
        zero, sin, cos = np.zeros_like(t), np.sin(turn), np.cos(turn)
        north, up = np.stack((zero, cos, -sin), axis=1), np.stack((zero, sin, cos), axis=1)
        return GRAVITY * up, np.stack((rate, zero, zero), axis=1), 20e-6 * north - 40e-6 * up

    def quat(self, t: Floats) -> Floats:
        half = self.amplitude_rad * np.sin(self.omega * t) / 2
        return np.stack((np.cos(half), np.sin(half), 0 * t, 0 * t), axis=1)

    def emg(self, t: Floats) -> Floats:
        return np.stack([4e-4 * np.sin(2 * np.pi * (20 + channel) * t) for channel in range(8)], axis=1)

    def angle(self, t: Floats) -> Floats:
        return 12.0 + 10.0 * np.sin(self.omega * t)


@dataclass
class Heard:
    """What a central heard of one sensor."""

    client: BleakClient
    driver: Driver
    options: StreamOptions
    times: list[float] = field(default_factory=list)
    """Loop time of each packet."""
    packets: list[tuple[str, bytes]] = field(default_factory=list)
    chunks: list[tuple[float, Chunk]] = field(default_factory=list)

    def of(self, kind: type) -> list[tuple[float, Chunk]]:
        return [(at, chunk) for at, chunk in self.chunks if isinstance(chunk, kind)]

    async def perform(self, procedure: Procedure) -> None:
        answer: bytes | None = None
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
                    assert self.driver.permits(step)
                    await self.client.write_gatt_char(step.characteristic, step.data, response=step.response)
                case Read(uuid):
                    answer = bytes(await self.client.read_gatt_char(uuid))
                    self.take(uuid, answer)

    def take(self, uuid: str, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self.times.append(now)
        self.packets.append((uuid, data))
        self.chunks += [(now, chunk) for chunk in self.parser.feed(uuid, data)]

    async def begin(self) -> None:
        self.parser = self.driver.parser(self.options)
        await self.client.connect()
        for uuid in self.driver.subscriptions(self.options):
            await self.client.start_notify(uuid, lambda sender, data: self.take(sender.uuid, bytes(data)))
        await self.perform(self.driver.start(self.options))


async def listen(radio: Radio, options: StreamOptions | None = None) -> Heard:
    """Find the one sensor in reach, connect to it and start it, as its driver says."""
    found: asyncio.Future[tuple[BLEDevice, Driver]] = asyncio.get_running_loop().create_future()

    def detected(device: BLEDevice, data: object) -> None:
        driver = recognise(advertisement(device, data))  # type: ignore[arg-type]
        if driver and not found.done():
            found.set_result((device, driver))

    async with asyncio.timeout(5), radio.scanner(detected):
        device, driver = await found
    heard = Heard(radio.client(device), driver, options or StreamOptions())
    await heard.begin()
    return heard


@pytest.fixture
def swing() -> Swing:
    return Swing()


@pytest.fixture
def listening() -> Callable[..., Coroutine[object, object, Heard]]:
    return listen


@pytest.fixture
def heard() -> Callable[[BleakClient, Driver], Heard]:
    return lambda client, driver: Heard(client, driver, StreamOptions())
