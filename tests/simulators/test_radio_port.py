"""The HCI port against those who speak no HCI, who listen too slowly, and who reset their controller."""

import asyncio

import pytest
from bumble import hci

from devices.profile import Characteristic, Service
from simulators.clock import run_virtual
from simulators.radio.air import Air
from simulators.radio.host import air_radio
from simulators.radio.peripheral import Advertised, Peripheral
from simulators.radio.port import BACKLOG_BYTES, HciPort, listen

NOTIFICATION = bytes.fromhex("02 0120 0a00 0600 0400 1b 0300 aa bb cc".replace(" ", ""))
READ_RESPONSE = bytes.fromhex("02 0120 0800 0400 0400 0b aa bb cc".replace(" ", ""))
RESET = hci.HCI_Reset_Command()


class Full(asyncio.WriteTransport):
    """A connection whose other end reads nothing."""

    def __init__(self, waiting: int) -> None:
        super().__init__()
        self.waiting = waiting
        self.written: list[bytes] = []

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written.append(data)


def test_whoever_speaks_no_hci_is_hung_up_on_and_the_air_lives_on():
    async def scenario():
        air = Air()
        async with await listen(air, "127.0.0.1", 0) as server:
            address = server.sockets[0].getsockname()
            for _ in range(2):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                assert await reader.read() == b""
                writer.close()
            await asyncio.sleep(0.1)
            reader, writer = await asyncio.open_connection(*address)
            writer.write(bytes(RESET))
            answer = await reader.readexactly(7)
            alone = len(air.controllers)
            writer.close()
            await asyncio.sleep(0.1)
        return answer, alone, len(air.controllers)

    answer, alone, after = run_virtual(scenario())
    assert answer == bytes.fromhex("040e0401030c00")  # command complete, reset, success
    assert (alone, after) == (1, 0)


@pytest.mark.parametrize(("waiting", "lost"), [(0, 0), (BACKLOG_BYTES + 1, 1)])
def test_a_slow_gateway_loses_notifications_but_no_answers(waiting, lost):
    async def scenario():
        port, full = HciPort(Air(), "F0:F0:F0:00:00:01"), Full(waiting)
        port.connection_made(full)
        port.on_packet(NOTIFICATION)
        port.on_packet(READ_RESPONSE)
        return full.written, port.lost

    written, counted = run_virtual(scenario())
    assert written == [NOTIFICATION, READ_RESPONSE][lost:]
    assert counted == lost


def test_a_reset_controller_frees_its_sensors():
    class Quiet:
        links: tuple[bool, ...] = ()

        def read(self, uuid):
            return b"x"

        def write(self, uuid, data):
            self.written = data

        def linked(self, up):
            self.links += (up,)

        def subscribed(self, uuids):
            self.uuids = uuids

    async def scenario():
        air = Air()
        table = (Service("180f", (Characteristic("2a19", ("read",)),)),)
        device = Peripheral(air, "C0:00:00:00:00:01", Advertised(b"it"), table, Quiet())
        await device.start()
        async with air_radio(air) as radio:
            await radio.client(device.address).connect()
            await radio.device.host.send_sync_command(RESET)
            await asyncio.sleep(0.1)
        return device.server.links

    assert run_virtual(scenario()) == (True, False)
