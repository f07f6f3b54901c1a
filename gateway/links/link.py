"""One sensor's link: find, connect, subscribe, start, listen, serve commands, and come back when it is lost.

The link is one coroutine that reads from top to bottom. What arrives goes to the hub through a callback that must not
wait (bleak makes a task per notification of coroutine callbacks). Every write passes `Driver.permits`.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from devices.profile import Driver, ForbiddenWrite, Procedure, Read, StreamOptions, Unsupported, Wait, Write
from fusion.calibration import SensorCalibration
from fusion.estimates import Json
from gateway.hosttime import HostClock
from gateway.links.finder import Finder, Sighting
from gateway.radio import Radio
from gateway.records import Control, Packet, Record
from gateway.settings import RadioSettings
from gateway.tasks import obey_cancellation

log = logging.getLogger(__name__)

State = Literal["searching", "connecting", "streaming", "lost", "off"]
FIRST_RETRY_S = 0.5
POLL_S = 0.25
"""A lost connection is noticed within [s]."""
FAREWELL_S = 1.0
"""A device gets so long to be stopped and let go [s]; longer would keep the user waiting."""
LOST_ERRORS = (BleakError, TimeoutError, OSError)
"""What losing a sensor looks like."""


class Unavailable(Exception):
    """The sensor is not connected, so it cannot do what was asked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which device a link is for, and how to use it."""

    id: str
    driver: Driver
    address: str | None = None
    options: StreamOptions = field(default_factory=StreamOptions)
    segment: str | None = None
    channels: dict[int, str] = field(default_factory=dict)
    truth: bool = False
    calibration: SensorCalibration | None = None

    def wants(self, sighting: Sighting) -> bool:
        """Say whether a device that was heard is this one."""
        if self.address:
            return sighting.device.address.upper() == self.address.upper()
        return sighting.driver is not None and sighting.driver.model == self.driver.model

    def options_data(self) -> dict[str, Json]:
        """Return the options as a control keeps them."""
        return {"rate_hz": self.options.rate_hz, "mode": self.options.mode}


@dataclass(slots=True)
class _Order:
    procedure: Procedure
    done: asyncio.Future[None]

    def succeed(self) -> None:
        """Tell the one who waits, if anybody still does."""
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """Tell why it was not done."""
        if not self.done.done():
            self.done.set_exception(error)


class Link:
    """Keeps one sensor connected and streaming."""

    def __init__(
        self,
        plan: Plan,
        radio: Radio,
        finder: Finder,
        settings: RadioSettings,
        clock: HostClock,
        emit: Callable[[Record], None],
        is_free: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.plan = plan
        self.state: State = "searching"
        self.message: str | None = None
        """Why it is not streaming, in words."""
        self.address: str | None = plan.address
        self.reads: dict[str, bytes] = {}
        """What the start procedure read, by characteristic: a recording that begins later needs it."""
        self._radio, self._finder, self._settings = radio, finder, settings
        self._clock, self._emit = clock, emit
        self._is_free = is_free
        self._orders: asyncio.Queue[_Order] = asyncio.Queue(maxsize=8)
        self._last = 0
        self._streamed = False

    async def run(self) -> None:
        """Stream until cancelled; a lost sensor is searched again with growing patience."""
        wait = FIRST_RETRY_S
        while True:
            self.state = "searching"
            sighting = await self._finder.find(self._wants)
            self.address = sighting.device.address
            self._streamed = False
            try:
                await self._visit(sighting)
            except LOST_ERRORS as error:
                obey_cancellation(error)
                self.message = str(error) or "it did not answer in time"
            if self._streamed:
                wait = FIRST_RETRY_S
                self._emit(self._link_event("lost", self.message))
            log.warning("%s: lost: %s; trying again in about %.1f s", self.plan.id, self.message, wait)
            self.state = "lost"
            self._refuse_orders()
            await asyncio.sleep(wait * random.uniform(0.7, 1.3))
            wait = min(2 * wait, self._settings.retry_max_s)

    def _wants(self, sighting: Sighting) -> bool:
        return self.plan.wants(sighting) and self._is_free(sighting.device.address)

    async def order(self, procedure: Procedure) -> None:
        """Run a procedure on the connected device and wait for it.

        Raises:
            Unavailable: The sensor is not connected, busy, or was lost meanwhile.
        """
        if self.state != "streaming":
            raise Unavailable(f"{self.plan.id} is not connected: wait until it streams")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._orders.put_nowait(_Order(procedure, done))
        except asyncio.QueueFull:
            raise Unavailable(f"{self.plan.id} is still busy with earlier commands: try again") from None
        await done

    async def _visit(self, sighting: Sighting) -> None:
        self.state = "connecting"
        gone = asyncio.Event()
        client = self._radio.client(sighting.device, lambda _: gone.set(), self._settings.connect_timeout_s)
        async with asyncio.timeout(self._settings.connect_timeout_s):
            await client.connect()
        try:
            await self._begin(client)
            self.state, self.message, self._streamed = "streaming", None, True
            log.info("%s: streaming (%s, %s)", self.plan.id, self.plan.driver.title, self.address)
            await self._serve(client, gone)
        finally:
            await self._leave(client)

    async def _begin(self, client: BleakClient) -> None:
        self._emit(self._link_event("connected", None))
        self._last = self._clock.now()
        for uuid in self.plan.driver.subscriptions(self.plan.options):
            await client.start_notify(uuid, self._listener(uuid))
        await self._perform(client, self.plan.driver.start(self.plan.options), record=True)

    def _listener(self, uuid: str) -> Callable[[BleakGATTCharacteristic, bytearray], None]:
        def on_packet(_: BleakGATTCharacteristic, data: bytearray) -> None:
            self._last = self._clock.now()
            self._emit(Packet(self._last, self.plan.id, uuid, bytes(data)))

        return on_packet

    async def _serve(self, client: BleakClient, gone: asyncio.Event) -> None:
        """Carry out orders until the device is gone or silent."""
        silence = self._settings.silence_s
        while not gone.is_set():
            order = None
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    order = await self._orders.get()
            if order:
                await self._carry_out(client, order)
            if self._clock.now() - self._last > silence * 1e9:
                self.message = f"connected, but sent nothing for {silence:.0f} s"
                return
        self.message = "the connection was lost"

    async def _carry_out(self, client: BleakClient, order: _Order) -> None:
        """Run an order and tell how it went. What the device refuses is the order's trouble, not the link's."""
        try:
            await self._perform(client, order.procedure)
        except LOST_ERRORS as error:
            obey_cancellation(error)
            order.fail(Unavailable(f"{self.plan.id} did not do what it was asked: {error}"))
            if not client.is_connected:
                raise
        except (ForbiddenWrite, Unsupported, ValueError) as error:
            order.fail(error)
        else:
            order.succeed()

    async def _perform(self, client: BleakClient, procedure: Procedure, *, record: bool = False) -> None:
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
                    if not self.plan.driver.permits(step):
                        raise ForbiddenWrite(self.plan.driver.model, step)
                    await client.write_gatt_char(step.characteristic, step.data, response=step.response)
                case Read(uuid):
                    answer = bytes(await client.read_gatt_char(uuid))
                    if record:
                        self.reads[uuid] = answer
                        self._emit(Packet(self._clock.now(), self.plan.id, uuid, answer))

    async def _leave(self, client: BleakClient) -> None:
        with suppress(*LOST_ERRORS):
            async with asyncio.timeout(FAREWELL_S):
                if client.is_connected:
                    await self._perform(client, self.plan.driver.stop(self.plan.options))
                await client.disconnect()

    def _refuse_orders(self) -> None:
        while not self._orders.empty():
            self._orders.get_nowait().fail(Unavailable(f"{self.plan.id} was lost"))

    def _link_event(self, state: str, reason: str | None) -> Control:
        data: dict[str, Json] = {"state": state, "reason": reason, "options": self.plan.options_data()}
        return Control(self._clock.now(), "link", self.plan.id, data)
