"""bleak on a Bumble radio: what works, and that none of Bumble's and the link's ways can hang or mislead a caller."""

import asyncio
import sys

import pytest
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import hci

from devices.profile import Advertisement, Characteristic, Service
from gateway.radio import RadioLost, RadioUnavailable, advertisement, open_radio, watch
from gateway.radio.bumble_scanner import parse
from simulators.clock import run_virtual
from simulators.radio.air import Air
from simulators.radio.host import air_radio
from simulators.radio.peripheral import Advertised, Peripheral, Refused

UART = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
VALUE, NOTE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e", "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
OTHER = "6e400004-b5a3-f393-e0a9-e50e24dcca9e"
TABLE = (
    Service(
        UART,
        (
            Characteristic(VALUE, ("read", "write", "write-without-response")),
            Characteristic(NOTE, ("notify",)),
            Characteristic(OTHER, ("read",)),
        ),
    ),
)
ADDRESS = "C0:00:00:00:00:01"
ABSENT = "C0:00:00:00:00:99"


class Memory:
    """A device that keeps what it is told, and refuses the word "bad"."""

    def __init__(self):
        self.value = b"first"
        self.links = []

    def read(self, uuid):
        return self.value if uuid == VALUE else b"other"

    def write(self, uuid, data):
        if data == b"bad":
            raise Refused("bad word", 0x81)
        self.value = data

    def linked(self, up):
        self.links.append(up)

    def subscribed(self, uuids):
        self.uuids = uuids


def scene(scenario, sensors=1):
    """Run a scenario with an air, memory devices on it and an open radio; return what it returns."""

    async def play():
        air = Air(seed=3)
        devices = []
        for number in range(1, sensors + 1):
            advertised = Advertised(b"Mem", (UART,))
            devices.append(Peripheral(air, f"C0:00:00:00:00:{number:02X}", advertised, TABLE, Memory()))
            await devices[-1].start()
        async with air_radio(air) as radio:
            return await scenario(radio, air, *devices)

    return run_virtual(play())


def now():
    return asyncio.get_running_loop().time()


def absent():
    return BLEDevice(ABSENT, "absent", hci.Address(ABSENT))


def test_a_scan_result_reaches_the_drivers_in_their_terms():
    async def scenario(radio, air, device):
        air.change(ADDRESS, {"rssi_dbm": -71})
        seen = []
        async with radio.scanner(lambda device, data: seen.append(advertisement(device, data))):
            await asyncio.sleep(1)
        return seen

    seen = scene(scenario)
    assert len(seen) >= 8
    assert seen[0] == Advertisement(ADDRESS, "Mem", (UART,), {}, -71)


def test_the_captured_advertisement_of_a_myo_is_read():
    # ros_myo issue 9: shortened name padded with NUL, flags, 128-bit UUID
    found = parse([(0x08, b"Myo\0\0\0\0\0"), (0x01, b"\6"), (0x06, bytes.fromhex("4248124a7f2c4847b9de04a9010006d5"))])
    assert found.name == "Myo\0\0\0\0\0"
    assert found.uuids == ["d5060001-a904-deb9-4748-2c7f4a124842"]


def test_broken_advertising_data_is_skipped():
    found = parse([(0xFF, b"\x86"), (0x02, b"\x0f"), (0x16, b"\x01"), (0x0A, b""), (0x09, b"\xff\xfe"), (0x77, b"x")])
    assert (found.manufacturer, found.uuids, found.service_data, found.tx_power) == ({}, [], {}, None)
    assert found.name == "\ufffd\ufffd"


def test_every_kind_of_advertised_field_is_read():
    found = parse(
        [(0x03, b"\x0f\x18\x0a\x18"), (0xFF, b"\x86\x08ab"), (0x16, b"\x0f\x18\x2a"), (0x0A, b"\xfc"), (0x08, b"Sho")]
    )
    assert found.uuids == ["0000180f-0000-1000-8000-00805f9b34fb", "0000180a-0000-1000-8000-00805f9b34fb"]
    assert found.manufacturer == {0x0886: b"ab"}
    assert found.service_data == {"0000180f-0000-1000-8000-00805f9b34fb": b"\x2a"}
    assert (found.tx_power, found.name) == (-4, "Sho")


def test_connecting_discovers_the_table_and_a_large_mtu():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        return client.mtu_size, {one.uuid: one.properties for one in client.services.characteristics.values()}

    mtu, table = scene(scenario)
    assert mtu >= 247
    assert sorted(table[VALUE]) == ["read", "write", "write-without-response"]
    assert table[NOTE] == ["notify"]


def test_values_are_read_and_written_in_both_ways():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        first = bytes(await client.read_gatt_char(VALUE))
        await client.write_gatt_char(VALUE, b"second", response=True)
        second = device.server.value
        await client.write_gatt_char(VALUE, b"third", response=False)
        await asyncio.sleep(0.1)
        return first, second, device.server.value

    assert scene(scenario) == (b"first", b"second", b"third")


def test_a_refusal_of_the_device_tells_its_att_error():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.write_gatt_char(VALUE, b"bad", response=True)
        return refused.value.code

    assert scene(scenario) == 0x81


def test_a_command_longer_than_the_mtu_is_refused_instead_of_cut():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        with pytest.raises(BleakError, match="do not fit"):
            await client.write_gatt_char(VALUE, bytes(600), response=False)

    scene(scenario)


def test_notifications_arrive_in_order_and_stop_when_told():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        got = []
        await client.start_notify(NOTE, lambda sender, data: got.append((sender.uuid, bytes(data))))
        for number in range(200):
            await device.notify(NOTE, bytes([number]))
        await asyncio.sleep(0.1)
        await client.stop_notify(NOTE)
        heard_after = await device.notify(NOTE, b"x")
        await asyncio.sleep(0.1)
        return got, heard_after

    got, heard_after = scene(scenario)
    assert got == [(NOTE, bytes([number])) for number in range(200)]
    assert heard_after is False


def test_subscribing_to_what_cannot_notify_is_refused():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        with pytest.raises(BleakError, match="cannot notify"):
            await client.start_notify(VALUE, lambda sender, data: None)

    scene(scenario)


def test_a_lost_link_ends_pending_requests_as_an_error_and_not_as_a_cancellation():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        air.change(ADDRESS, {"latency_s": 0.5})
        requests = [asyncio.create_task(client.read_gatt_char(uuid)) for uuid in (VALUE, OTHER, VALUE)]
        await asyncio.sleep(0.2)
        air.drop(ADDRESS)
        dropped = now()
        ends = await asyncio.gather(*requests, return_exceptions=True)
        return ends, now() - dropped

    ends, took = scene(scenario)
    assert [type(end) for end in ends] == [BleakError] * 3
    assert "0x08" in str(ends[0])
    assert took < 0.1


def test_a_request_after_the_loss_fails_at_once():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        known = client.services.get_characteristic(VALUE)
        air.drop(ADDRESS)
        at = now()
        with pytest.raises(BleakError):  # neither bleak nor Bumble knows yet
            await client.read_gatt_char(known)
        with pytest.raises(BleakError):  # now both know
            await client.read_gatt_char(known)
        return now() - at

    assert scene(scenario) < 0.1


def test_the_answer_to_an_abandoned_request_is_not_taken_for_the_next_ones():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        air.change(ADDRESS, {"latency_s": 0.2})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.read_gatt_char(VALUE)
        return bytes(await client.read_gatt_char(OTHER))

    assert scene(scenario) == b"other"


def test_the_callback_tells_a_loss_once_and_the_client_connects_again():
    async def scenario(radio, air, device):
        lost = []
        client = radio.client(ADDRESS, lambda client: lost.append(client))
        await client.connect()
        air.drop(ADDRESS)
        await asyncio.sleep(0.5)
        assert lost == [client]
        assert not client.is_connected
        await client.connect()
        return bytes(await client.read_gatt_char(VALUE)), list(device.server.links)

    assert scene(scenario) == (b"first", [True, False, True])


@pytest.mark.parametrize("target", [absent, lambda: ABSENT])
def test_an_absent_device_times_out_and_leaves_the_radio_usable(target):
    async def scenario(radio, air, device):
        at = now()
        with pytest.raises((TimeoutError, BleakDeviceNotFoundError)):
            await radio.client(target(), timeout=3).connect()
        took = now() - at
        client = radio.client(ADDRESS)
        await client.connect()
        return took, bytes(await client.read_gatt_char(VALUE))

    took, value = scene(scenario)
    assert took == pytest.approx(3, abs=0.1)
    assert value == b"first"


def test_a_cancelled_connect_leaves_the_radio_usable():
    async def scenario(radio, air, device):
        waiting = asyncio.create_task(radio.client(absent()).connect())
        await asyncio.sleep(0.5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        client = radio.client(ADDRESS)
        async with asyncio.timeout(1):
            await client.connect()
        return client.is_connected

    assert scene(scenario)


def test_giving_up_at_any_moment_never_leaves_a_sensor_connected_to_nobody():
    async def scenario(radio, air, device):
        air.change(ADDRESS, {"latency_s": 0.002})
        given_up = 0
        for step in range(80):
            client = radio.client(ADDRESS, timeout=0.003 * step)
            try:
                await client.connect()
            except (TimeoutError, BleakDeviceNotFoundError):
                given_up += 1
                await asyncio.sleep(0.05)
                assert not device.connected
            else:
                await client.disconnect()
                await asyncio.sleep(0.05)
        return given_up

    assert 20 < scene(scenario) < 80


def test_an_absent_device_does_not_keep_the_others_from_connecting():
    async def scenario(radio, air, device):
        waiting = asyncio.create_task(radio.client(absent(), timeout=8).connect())
        await asyncio.sleep(0.1)
        at = now()
        client = radio.client(ADDRESS)
        await client.connect()
        took = now() - at
        await asyncio.wait({waiting})
        return took, type(waiting.exception()), now() - at

    took, error, given_up = scene(scenario)
    assert took < 3.5
    assert error is TimeoutError
    assert given_up == pytest.approx(7.9, abs=0.1)


def test_connecting_clients_take_turns():
    async def scenario(radio, air, *devices):
        clients = [radio.client(device.address) for device in devices]
        await asyncio.gather(*(client.connect() for client in clients))
        values = [bytes(await client.read_gatt_char(VALUE)) for client in clients]
        assert now() < 6
        return values

    assert scene(scenario, sensors=19) == [b"first"] * 19


def test_a_closed_radio_ends_its_links_and_frees_its_sensors():
    async def play():
        air = Air()
        device = Peripheral(air, ADDRESS, Advertised(b"Mem", (UART,)), TABLE, Memory())
        await device.start()
        lost = []
        for _ in range(2):
            async with air_radio(air) as radio:
                await radio.client(ADDRESS, lost.append).connect()
            await asyncio.sleep(0.1)
        return len(lost), device.server.links, asyncio.all_tasks() - {asyncio.current_task()}

    assert run_virtual(play()) == (2, [True, False, True, False], set())


@pytest.mark.parametrize("ticks", [0, 1, 3, 10, 30, 60])
def test_opening_can_be_cancelled_at_any_moment_and_leaves_nothing_on_the_air(ticks):
    async def play():
        air = Air()

        async def use():
            async with air_radio(air):
                await asyncio.sleep(60)

        opening = asyncio.create_task(use())
        for _ in range(ticks):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait({opening}, timeout=1)
        return opening.cancelled(), len(air.controllers)

    assert run_virtual(play()) == (True, 0)


@pytest.mark.parametrize("ticks", [0, 1, 3, 10, 30, 60])
def test_starting_a_peripheral_can_be_cancelled_at_any_moment(ticks):
    async def play():
        device = Peripheral(Air(), ADDRESS, Advertised(b"Mem", (UART,)), TABLE, Memory())
        starting = asyncio.create_task(device.start())
        for _ in range(ticks):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait({starting}, timeout=1)
        await asyncio.sleep(1)
        return starting.cancelled()

    assert run_virtual(play())


def test_the_loss_of_the_radio_itself_is_told_to_everybody():
    async def scenario(radio, air, device):
        client = radio.client(ADDRESS)
        await client.connect()
        watching = asyncio.create_task(watch(radio))
        air.change(ADDRESS, {"latency_s": 1.0})
        reading = asyncio.create_task(client.read_gatt_char(VALUE))
        connecting = asyncio.create_task(radio.client(absent()).connect())
        await asyncio.sleep(0.1)
        radio.device.host.on_transport_lost()  # what Bumble's transports call when the other side is gone
        radio.device.host.on_transport_lost()
        async with asyncio.timeout(0.1):
            ends = await asyncio.gather(watching, reading, connecting, return_exceptions=True)
        scanner = radio.scanner(lambda device, data: None)
        with pytest.raises(BleakError, match="is gone"):
            await scanner.start()
        return ends, client.is_connected, radio.lost.is_set()

    ends, connected, lost = scene(scenario)
    assert [type(end) for end in ends] == [RadioLost, BleakError, BleakError]
    assert (connected, lost) == (False, True)


def test_the_virtual_radio_without_a_transport_says_what_to_set():
    with pytest.raises(RadioUnavailable, match=r"radio\.transport"):
        open_radio("virtual")


def test_a_missing_bumble_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name == "bumble" or name.startswith(("bumble.", "gateway.radio.bu"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bumble", None)
    with pytest.raises(RadioUnavailable, match=r'pip install "kinestream\[radio-sim\]"'):
        open_radio("virtual", "usb:0")


@pytest.mark.parametrize("transport", ["tcp-client:127.0.0.1:9", "nonsense:1", "tcp-client:127.0.0.1"])
async def test_a_transport_that_cannot_be_opened_is_named(transport):
    with pytest.raises(RadioUnavailable, match=transport):
        async with open_radio("virtual", transport):
            pass


async def test_a_transport_that_speaks_no_hci_is_given_up(monkeypatch):
    monkeypatch.setattr("gateway.radio.bumble.POWER_ON_TIMEOUT_S", 0.2)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(RadioUnavailable, match="does not answer"):
            async with open_radio("virtual", f"tcp-client:127.0.0.1:{port}"):
                pass


async def test_the_platforms_radio_needs_nothing_to_open():
    async with open_radio("platform") as radio:
        assert not radio.lost.is_set()
        assert radio.client("C0:00:00:00:00:01").address == ADDRESS
