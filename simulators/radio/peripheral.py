"""A GATT peripheral on the air: advertises, serves a table of characteristics, notifies whoever subscribed."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bumble import att, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue
from bumble.gatt import Service as GattService

from devices.profile import Service
from gateway.radio.procedures import Procedures
from simulators.radio.air import Air
from simulators.radio.host import air_device

AD_BYTES = 31
"""What a legacy advertisement holds."""
AD_INTERVAL_MS = 100.0
SWITCHED_OFF = hci.HCI_REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_POWER_OFF_ERROR
PROPERTIES = {
    "read": Characteristic.Properties.READ,
    "write": Characteristic.Properties.WRITE,
    "write-without-response": Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
    "notify": Characteristic.Properties.NOTIFY,
    "indicate": Characteristic.Properties.INDICATE,
}


class Refused(Exception):
    """The sensor answers a read or write with an ATT error."""

    def __init__(self, reason: str, code: int = att.ATT_UNLIKELY_ERROR_ERROR) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a sensor tells everybody, in 31 bytes."""

    name: bytes
    """As sent: some makers pad it."""
    uuids: tuple[str, ...] = ()
    manufacturer: Mapping[int, bytes] = field(default_factory=dict)
    complete: bool = True
    """Whether the name says it is the complete one."""

    def encode(self) -> bytes:
        """Return the advertising data; raises `ValueError` where it does not fit."""
        kind = AdvertisingData.COMPLETE_LOCAL_NAME if self.complete else AdvertisingData.SHORTENED_LOCAL_NAME
        parts = [(AdvertisingData.FLAGS, b"\x06"), (kind, self.name)]
        parts += [(_uuid_list(uuid), UUID(uuid).to_bytes()) for uuid in self.uuids]
        for company, data in self.manufacturer.items():
            parts.append((AdvertisingData.MANUFACTURER_SPECIFIC_DATA, company.to_bytes(2, "little") + data))
        data = bytes(AdvertisingData(parts))
        if len(data) > AD_BYTES:
            raise ValueError(f"{self.name!r} advertises {len(data)} bytes; {AD_BYTES} fit")
        return data


def _uuid_list(uuid: str) -> int:
    if len(UUID(uuid).to_bytes()) == 2:
        return int(AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS)
    return int(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)


class Server(Protocol):
    """What answers for the device behind the characteristics."""

    def read(self, uuid: str) -> bytes:
        """Return the value of a characteristic; raises `Refused`."""
        ...

    def write(self, uuid: str, data: bytes) -> None:
        """Take a written value; raises `Refused`."""
        ...

    def linked(self, up: bool) -> None:
        """Learn that a central connected or went."""
        ...

    def subscribed(self, uuids: frozenset[str]) -> None:
        """Learn which characteristics somebody listens to now."""
        ...


class Peripheral:
    """One peripheral with one central at a time, as sensors are."""

    def __init__(
        self, air: Air, address: str, advertised: Advertised, services: Iterable[Service], server: Server
    ) -> None:
        self.air = air
        self.address = address.upper()
        self.server = server
        self.device = air_device(air, advertised.name.rstrip(b"\0").decode(), address)
        self._advertising = advertised.encode()
        self._procedures = Procedures()
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._connection: Connection | None = None
        self._subscribed: frozenset[str] = frozenset()
        self._characteristics: dict[str, Characteristic] = {}
        self.device.add_services([self._service(service) for service in services])
        self.device.on(self.device.EVENT_CONNECTION, self._on_connection)

    @property
    def connected(self) -> bool:
        """Whether a central is connected."""
        return self._connection is not None

    @property
    def mtu(self) -> int:
        """The negotiated ATT MTU [bytes]."""
        return int(self._connection.att_mtu) if self._connection else att.ATT_DEFAULT_MTU

    async def start(self) -> None:
        """Switch on and advertise, again after each connection."""
        await self._run(self.device.power_on())
        await self.advertise()

    async def advertise(self) -> None:
        """Advertise until somebody connects, and again whenever the link ends."""
        await self._run(
            self.device.start_advertising(
                auto_restart=True,
                advertising_data=self._advertising,
                advertising_interval_min=AD_INTERVAL_MS,
                advertising_interval_max=AD_INTERVAL_MS,
            )
        )

    async def sleep(self) -> None:
        """End the link and be silent, as when switched off."""
        await self._run(self.device.stop_advertising())
        if self._connection is not None:
            await self._run(self._connection.disconnect(SWITCHED_OFF))

    async def notify(self, uuid: str, data: bytes) -> bool:
        """Notify the central of a value, cut to MTU - 3 bytes as real devices do; False where nobody listens."""
        connection = self._connection
        if connection is None or uuid not in self._subscribed:
            return False
        await self.device.gatt_server.notify_subscriber(connection, self._characteristics[uuid], data)
        return True

    async def _run(self, procedure: Coroutine[object, object, None]) -> None:
        """Run one of Bumble's procedures in a task of its own.

        It waits by `asyncio.wait_for`, which before Python 3.12 can swallow the cancellation of its caller.
        """
        await self._procedures.run(procedure, self._gone)

    def _service(self, service: Service) -> GattService:
        table = []
        for described in service.characteristics:
            flags = Characteristic.Properties(0)
            for name in described.properties:
                flags |= PROPERTIES[name]
            value = CharacteristicValue(read=self._reader(described.uuid), write=self._writer(described.uuid))
            rights = Characteristic.Permissions.READABLE | Characteristic.Permissions.WRITEABLE
            characteristic = Characteristic(described.uuid, flags, rights, value)
            characteristic.on(Characteristic.EVENT_SUBSCRIPTION, self._subscriber(described.uuid))
            self._characteristics[described.uuid] = characteristic
            table.append(characteristic)
        return GattService(service.uuid, table)

    def _reader(self, uuid: str):  # type: ignore[no-untyped-def]  # Bumble's callbacks carry no types
        def read(_connection: Connection) -> bytes:
            try:
                return self.server.read(uuid)
            except Refused as refused:
                raise att.ATT_Error(refused.code) from refused

        return read

    def _writer(self, uuid: str):  # type: ignore[no-untyped-def]  # Bumble's callbacks carry no types
        def write(_connection: Connection, data: bytes) -> None:
            try:
                self.server.write(uuid, bytes(data))
            except Refused as refused:
                raise att.ATT_Error(refused.code) from refused

        return write

    def _subscriber(self, uuid: str):  # type: ignore[no-untyped-def]  # Bumble's callbacks carry no types
        def changed(_connection: Connection, notify: bool, indicate: bool) -> None:
            self._subscribed = self._subscribed | {uuid} if notify or indicate else self._subscribed - {uuid}
            self.server.subscribed(self._subscribed)

        return changed

    def _on_connection(self, connection: Connection) -> None:
        self._connection = connection
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        self.server.linked(True)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        self._subscribed = frozenset()
        self.server.subscribed(self._subscribed)
        self.server.linked(False)
