"""The air as other processes see it: HCI over TCP, one controller for each connection.

A gateway that dies closes its connection, and with it its controller leaves the air: its sensors see the link time out,
advertise again, and the next gateway finds them. Several gateways may listen to one air.
"""

import asyncio
import itertools
from collections.abc import Iterator

from bumble.transport.common import PacketParser

from simulators.radio.air import NOTIFICATION, Air
from simulators.radio.controller import AirController

BACKLOG_BYTES = 1_000_000
"""Some ten seconds of a radio body that the gateway did not fetch. Beyond, notifications are lost, as with a real
controller that makes the sensors wait until their queues are full; answers to requests are still kept."""
ACL_PACKET, OPCODE_AT = 0x02, 9
"""HCI packet type; offset of the ATT opcode behind type (1), handle (2), length (2), L2CAP length (2), channel (2)."""


class HciPort(asyncio.Protocol):
    """One connection: bytes in and out, a controller of its own behind."""

    def __init__(self, air: Air, address: str) -> None:
        self._air = air
        self._address = address
        self._parser = PacketParser()
        self.lost = 0
        """Notifications that the gateway was too slow for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Put a fresh controller on the air."""
        if not isinstance(transport, asyncio.WriteTransport):
            raise TypeError(f"HCI needs a stream to write to, not {transport!r}")
        self._transport = transport
        self._controller = AirController(
            f"port {self._address}", host_sink=self, link=self._air, public_address=self._address
        )
        self._parser.set_packet_sink(self._controller)

    def data_received(self, data: bytes) -> None:
        """Feed the controller; a stream that is no HCI is closed."""
        try:
            self._parser.feed_data(data)
        except ValueError:  # Bumble's InvalidPacketError
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the controller off the air."""
        self._controller.set_packet_sink(None)
        self._air.remove_controller(self._controller)

    def on_packet(self, packet: bytes) -> None:
        """Send a packet of the controller to the gateway."""
        if self._transport.get_write_buffer_size() > BACKLOG_BYTES and _is_notification(packet):
            self.lost += 1
        else:
            self._transport.write(packet)


def _is_notification(packet: bytes) -> bool:
    return len(packet) > OPCODE_AT and packet[0] == ACL_PACKET and packet[OPCODE_AT] == NOTIFICATION


async def listen(air: Air, host: str, port: int) -> asyncio.Server:
    """Serve the air; port 0 takes a free one. Raises `OSError` where the port is taken."""
    addresses = _addresses()
    return await asyncio.get_running_loop().create_server(lambda: HciPort(air, next(addresses)), host, port)


def _addresses() -> Iterator[str]:
    """Return public addresses for controllers, one after another."""
    return (f"F0:F0:F0:{n >> 16 & 255:02X}:{n >> 8 & 255:02X}:{n & 255:02X}" for n in itertools.count(1))
