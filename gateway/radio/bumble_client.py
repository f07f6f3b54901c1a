"""bleak's client on a Bumble radio: connect, discover, read, write, subscribe."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bumble import gatt, hci
from bumble.device import Connection, Peer

from gateway.radio.bumble_scanner import uuid_string

if TYPE_CHECKING:
    from gateway.radio.bumble import BumbleRadio

T = TypeVar("T")

ATT_MTU = 517
"""The largest that BlueZ asks for, too; the sensor answers with what it can."""
DEFAULT_MTU = 23
DISCONNECT_TIMEOUT_S = 5.0
"""Longer than the supervision timeout, within which a controller ends a link whose other side is silent."""
PROPERTIES: dict[int, CharacteristicPropertyName] = {
    0x01: "broadcast",
    0x02: "read",
    0x04: "write-without-response",
    0x08: "write",
    0x10: "notify",
    0x20: "indicate",
    0x40: "authenticated-signed-writes",
    0x80: "extended-properties",
}
"""Bit of the characteristic declaration to bleak's name (Core Specification, Vol 3, Part G, 3.3.1.1)."""


class BumbleClient(BaseBleakClient):
    """One connection to one sensor."""

    radio: ClassVar[BumbleRadio]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        services: set[str] | None = None,
        timeout: float,
        **_platform: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        scanned = address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        self._target: hci.Address | None = scanned.details if scanned else None
        self._name = scanned.name if scanned else None
        self._wanted = services
        self._connection: Connection | None = None
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """The advertised name, or the address with dashes."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """The negotiated ATT MTU [bytes]."""
        return self._connection.att_mtu if self._connection else DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect and discover; raises `TimeoutError` when the sensor does not answer in time."""
        if self._connection:
            raise BleakError("already connected")
        async with asyncio.timeout(kwargs.get("timeout", self._timeout)) as deadline:
            target = self._target or self.radio.known.get(self.address.upper())
            try:
                target = target or await self._find()
            except asyncio.CancelledError:
                if deadline.expired():
                    raise BleakDeviceNotFoundError(self.address, f"{self.address} does not advertise") from None
                raise
            self._on_connection(await self.radio.connect(target))
            try:
                if pair:
                    await self.pair()
                await self._request(self._peer.request_mtu(ATT_MTU))
                self.services = await self._discover()
            except BaseException:
                await self.disconnect()
                raise

    async def disconnect(self) -> None:
        """End the link, or what is left of it."""
        if connection := self._connection:
            with contextlib.suppress(BleakError, TimeoutError):
                async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
                    await self._request(connection.disconnect())
            if self._connection is connection:
                self._on_disconnection(0)

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Pair by Just Works."""
        await self._request(self._linked().pair())

    async def unpair(self) -> None:
        """Forget the bond and disconnect."""
        keys = self.radio.device.keystore
        if keys and self._connection:
            await keys.delete(str(self._connection.peer_address))
        await self.disconnect()

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read a characteristic; there is no cache."""
        self._linked()
        return bytearray(await self._request(self._peer.read_value(characteristic.obj)))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read a descriptor; there is no cache."""
        self._linked()
        return bytearray(await self._request(self._peer.read_value(descriptor.obj)))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: Any, response: bool) -> None:
        """Write a characteristic; a command longer than the MTU allows is refused, not cut."""
        self._linked()
        if not response and len(data) > self.mtu_size - 3:
            raise BleakError(f"{len(data)} bytes do not fit into one write command of {self.mtu_size - 3}")
        await self._request(self._peer.write_value(characteristic.obj, bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        """Write a descriptor."""
        self._linked()
        await self._request(self._peer.write_value(descriptor.obj, bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        """Subscribe; refused where the characteristic cannot notify, which Bumble would only log."""
        self._linked()
        remote = characteristic.obj
        if characteristic.handle in self._subscribers:
            raise BleakError(f"already subscribed to {characteristic.uuid}")
        if remote.get_descriptor(gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR) is None:
            raise BleakError(f"{characteristic.uuid} has no client configuration: it cannot notify")

        def received(value: bytes) -> None:
            callback(bytearray(value))

        self._subscribers[characteristic.handle] = received
        try:
            await self._request(self._peer.subscribe(remote, received))
        except BaseException:
            self._subscribers.pop(characteristic.handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        self._linked()
        if subscriber := self._subscribers.pop(characteristic.handle, None):
            await self._request(self._peer.unsubscribe(characteristic.obj, subscriber))

    def _linked(self) -> Connection:
        if self._connection is None:
            raise BleakError(f"{self.address} is not connected")
        return self._connection

    async def _request(self, procedure: Coroutine[object, object, T]) -> T:
        return await self.radio.procedures.run(procedure, self._gone)

    async def _find(self) -> hci.Address:
        found: asyncio.Future[hci.Address] = asyncio.get_running_loop().create_future()

        def detected(device: BLEDevice, _data: object) -> None:
            if device.address.upper() == self.address.upper() and not found.done():
                found.set_result(device.details)

        async with self.radio.scanner(detected):
            return await found

    def _on_connection(self, connection: Connection) -> None:
        if self.radio.device.connections.get(connection.handle) is not connection:
            raise BleakError(f"the link to {self.address} was lost at once")
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._connection, self._peer = connection, Peer(connection)
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, reason: int) -> None:
        if self._connection is None:
            return
        self._connection = self.services = None
        self._subscribers.clear()
        self._gone.set_result(f"the link to {self.address} was lost (HCI reason 0x{reason:02X})")
        if self._disconnected_callback:
            self._disconnected_callback()

    async def _discover(self) -> BleakGATTServiceCollection:
        found = BleakGATTServiceCollection()
        for remote in await self._request(self._peer.discover_services()):
            uuid = uuid_string(remote.uuid)
            if self._wanted is None or uuid in self._wanted:
                service = BleakGATTService(remote, remote.handle, uuid)
                found.add_service(service)
                await self._discover_characteristics(found, service)
        return found

    async def _discover_characteristics(self, found: BleakGATTServiceCollection, service: BleakGATTService) -> None:
        for remote in await self._request(self._peer.discover_characteristics(service=service.obj)):
            names = [name for bit, name in PROPERTIES.items() if remote.properties & bit]
            characteristic = BleakGATTCharacteristic(
                remote, remote.handle, uuid_string(remote.uuid), names, lambda: self.mtu_size - 3, service
            )
            found.add_characteristic(characteristic)
            for descriptor in await self._request(self._peer.discover_descriptors(remote)):
                found.add_descriptor(
                    BleakGATTDescriptor(descriptor, descriptor.handle, uuid_string(descriptor.type), characteristic)
                )
