"""What a link needs of a radio, how to open one, and what a scan result means to a driver."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, Self

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from devices.profile import Advertisement

Detected = Callable[[BLEDevice, AdvertisementData], None]
Disconnected = Callable[[BleakClient], None]
Backend = Literal["platform", "virtual"]

CONNECT_TIMEOUT_S = 10.0
"""Default time for one attempt to connect and discover services: several advertising intervals of a slow sensor."""


class RadioUnavailable(Exception):
    """The radio cannot be opened; the message says what to do."""


class RadioLost(Exception):
    """The radio itself is gone (dongle pulled out, virtual air ended); every link on it is lost too."""

    def __init__(self, label: str) -> None:
        super().__init__(f"the radio {label} is gone")
        self.label = label


class Radio(AbstractAsyncContextManager["Radio"], Protocol):
    """One Bluetooth adapter, open between `__aenter__` and `__aexit__`."""

    label: str
    """Which radio this is, for messages."""
    lost: asyncio.Event
    """Set once the adapter is gone for good; open a new radio then. Never set by the platform's radio."""

    async def __aenter__(self) -> Self:
        """Open the adapter; raises `RadioUnavailable`."""
        ...

    def scanner(self, detected: Detected) -> BleakScanner:
        """Return a scanner that calls `detected` for every advertisement while it is started."""
        ...

    def client(
        self, device: BLEDevice | str, disconnected: Disconnected | None = None, timeout: float = CONNECT_TIMEOUT_S
    ) -> BleakClient:
        """Return a client for a scanned device or an address; `timeout` bounds `connect` [s]."""
        ...


async def watch(radio: Radio) -> None:
    """Wait until the radio is gone, then raise `RadioLost`: a task that ends the task group of its links."""
    await radio.lost.wait()
    raise RadioLost(radio.label)


def open_radio(backend: Backend, transport: str | None = None) -> Radio:
    """Return the radio that the settings name, not yet open.

    transport: For the virtual backend, Bumble's name of an HCI transport: "tcp-client:127.0.0.1:9123", "usb:0", ...
    """
    if backend == "platform":
        from gateway.radio.platform import PlatformRadio

        return PlatformRadio()
    if not transport:
        raise RadioUnavailable('the virtual radio needs radio.transport, such as "tcp-client:127.0.0.1:9123"')
    try:
        from gateway.radio.bumble import transport_radio
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("bumble"):
            raise
        raise RadioUnavailable('the virtual radio needs Bumble: pip install "kinestream[radio-sim]"') from error
    return transport_radio(transport)


def advertisement(device: BLEDevice, data: AdvertisementData) -> Advertisement:
    """Return a scan result in the drivers' terms."""
    return Advertisement(
        address=device.address,
        name=data.local_name or device.name,
        service_uuids=tuple(uuid.lower() for uuid in data.service_uuids),
        manufacturer=dict(data.manufacturer_data),
        rssi=data.rssi,
    )


def reason(error: Exception) -> str:
    """Say in words why a radio does not scan."""
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return "this computer runs no Bluetooth service: on Linux install and start BlueZ (package bluez)"
    return f"Bluetooth does not work: {error}" if str(error) else f"Bluetooth does not work ({type(error).__name__})"
