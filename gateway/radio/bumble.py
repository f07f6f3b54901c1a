"""A radio made of an HCI controller and the Bumble host stack.

The controller may be virtual (HCI over TCP to `python -m simulators`), a USB dongle or a serial firmware: whatever
Bumble has a transport for. bleak takes a backend as a class, so each radio makes two subclasses that know their radio.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Self

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakError
from bumble import core, hci
from bumble.device import Advertisement, Connection, ConnectionParametersPreferences, Device
from bumble.transport import open_transport
from bumble.transport.common import Transport

from gateway.radio.bumble_client import BumbleClient
from gateway.radio.bumble_host import QuietHost
from gateway.radio.bumble_scanner import BumbleScanner
from gateway.radio.interface import CONNECT_TIMEOUT_S, Detected, Disconnected, RadioUnavailable
from gateway.radio.procedures import Procedures, outcome

POWER_ON_TIMEOUT_S = 5.0
"""A controller answers its reset within milliseconds; whoever is silent so long speaks no HCI."""
TURN_S = 3.0
"""How long one sensor may keep the others from connecting: some advertising intervals. Then it queues again."""
ABANDON_TIMEOUT_S = 2.0
"""How long to wait for the controller to confirm that it gave up connecting."""
PREFERENCES = ConnectionParametersPreferences(
    connection_interval_min=7.5, connection_interval_max=15, supervision_timeout=4000
)
"""Milliseconds: the short intervals that many streams at 60 Hz and more need."""


class BumbleRadio:
    """One HCI controller with everything that only one may do at a time: scan, connect, reset."""

    def __init__(self, label: str, connect: Callable[[], Awaitable[Transport]], address: str | None = None) -> None:
        """Keep what is needed to open the radio.

        connect: Opens the HCI transport.
        address: Our static random address; None draws one, as two gateways on one air must differ.
        """
        self.label = label
        self.lost = asyncio.Event()
        self.known: dict[str, hci.Address] = {}
        """Typed address by its upper-case string, of every device seen advertising."""
        self.scanner_backend: type[BaseBleakScanner] = type("BoundBumbleScanner", (BumbleScanner,), {"radio": self})
        self.client_backend: type[BaseBleakClient] = type("BoundBumbleClient", (BumbleClient,), {"radio": self})
        self.procedures = Procedures()
        self._connect = connect
        self._address = hci.Address(address) if address else hci.Address.generate_static_address()
        self._connecting = asyncio.Lock()  # HCI allows one pending LE Create Connection
        self._switching = asyncio.Lock()
        self._scanners: dict[BumbleScanner, None] = {}

    async def __aenter__(self) -> Self:
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with contextlib.AsyncExitStack() as opened:
            transport = await self._open()
            opened.push_async_callback(transport.close)
            opened.push_async_callback(self.procedures.close)
            self.device = self._host(transport)
            try:
                async with asyncio.timeout(POWER_ON_TIMEOUT_S):
                    await self.command(self.device.power_on())
            except (TimeoutError, BleakError) as error:
                raise RadioUnavailable(f"the radio {self.label} does not answer as an HCI controller") from error
            self._opened = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.device.host.on_transport_lost()  # so that every client learns it, whatever the transport does
        await self._opened.aclose()

    def scanner(self, detected: Detected) -> BleakScanner:
        """Return a scanner on this controller; any number may run at once."""
        return BleakScanner(detected, backend=self.scanner_backend)

    def client(
        self, device: BLEDevice | str, disconnected: Disconnected | None = None, timeout: float = CONNECT_TIMEOUT_S
    ) -> BleakClient:
        """Return a client on this controller; any number may connect at once and take turns."""
        return BleakClient(device, disconnected, timeout=timeout, backend=self.client_backend)

    async def add_scanner(self, scanner: BumbleScanner, active: bool) -> None:
        """Let a scanner listen, and start scanning with the first one."""
        async with self._switching:
            self._scanners[scanner] = None
            if len(self._scanners) == 1:
                await self.command(self.device.start_scanning(active=active, filter_duplicates=False))

    async def remove_scanner(self, scanner: BumbleScanner) -> None:
        """Let a scanner go, and stop scanning with the last one."""
        async with self._switching:
            if self._scanners.pop(scanner, scanner) is None and not self._scanners and not self._gone.done():
                await self.command(self.device.stop_scanning())

    async def connect(self, address: hci.Address) -> Connection:
        """Connect, however many turns it takes; being cancelled leaves the controller ready for the next."""
        while True:
            async with self._connecting:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TURN_S):
                        return await self._try(address)

    async def command(self, procedure: Coroutine[object, object, None]) -> None:
        """Run one of the device's HCI procedures; raises `BleakError` when the radio is lost meanwhile."""
        await self.procedures.run(procedure, self._gone)

    async def _try(self, address: hci.Address) -> Connection:
        if self._gone.done():
            raise BleakError(self._gone.result())
        task = self.procedures.start(self.device.connect_le(address, {hci.Phy.LE_1M: PREFERENCES}, timeout=None))
        try:
            await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._abandon(task)
            raise
        return outcome(task, self._gone)

    async def _open(self) -> Transport:
        try:
            return await self._connect()
        except (OSError, ImportError, ValueError, core.BaseBumbleError) as error:
            raise RadioUnavailable(f"cannot open the radio {self.label}: {error}") from error

    def _host(self, transport: Transport) -> Device:
        host = QuietHost(transport.source, transport.sink)
        device = Device(name="kinestream", address=self._address, host=host)
        device.on(Device.EVENT_FLUSH, self._on_flush)
        device.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        return device

    async def _abandon(self, task: asyncio.Task[Connection]) -> None:
        """Take back a pending connection: Bumble leaves it with the controller, which then refuses every later one."""
        try:
            async with asyncio.timeout(ABANDON_TIMEOUT_S):
                if not task.done():
                    await self.command(self.device.cancel_connection())
                    await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
                if task.done() and not task.cancelled() and task.exception() is None:
                    await self.command(task.result().disconnect())
        except (TimeoutError, BleakError):
            pass  # the controller is silent: the next command will say so
        finally:
            task.cancel()

    def _on_flush(self) -> None:
        if not self._gone.done():
            self._gone.set_result(f"the radio {self.label} is gone")
            self.lost.set()

    def _on_advertisement(self, seen: Advertisement) -> None:
        self.known[seen.address.to_string(with_type_qualifier=False)] = seen.address
        for scanner in list(self._scanners):
            scanner.on_advertisement(seen)


def transport_radio(transport: str) -> BumbleRadio:
    """Return the radio behind one of Bumble's transport names, such as "tcp-client:127.0.0.1:9123"."""
    return BumbleRadio(transport, lambda: open_transport(transport))
