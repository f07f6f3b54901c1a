"""The platform's own Bluetooth: BlueZ, Core Bluetooth or WinRT, by bleak's own backends."""

import asyncio
from types import TracebackType
from typing import Self

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from gateway.radio.interface import CONNECT_TIMEOUT_S, Detected, Disconnected


class PlatformRadio:
    """The adapter that the operating system offers; bleak opens and closes it by itself."""

    label = "of this computer"

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def scanner(self, detected: Detected) -> BleakScanner:
        """Return a scanner on the platform's adapter."""
        return BleakScanner(detected)

    def client(
        self, device: BLEDevice | str, disconnected: Disconnected | None = None, timeout: float = CONNECT_TIMEOUT_S
    ) -> BleakClient:
        """Return a client on the platform's adapter."""
        return BleakClient(device, disconnected, timeout=timeout)
