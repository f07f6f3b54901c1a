"""Canaries: what is wrong with Bumble's own virtual controller and client. When one fails, our remedy may go."""

import asyncio

from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Device, Peer
from bumble.gatt import Characteristic, Service
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from simulators.clock import run_virtual

ABSENT = "C0:00:00:00:00:99"


def stock(link, name, address):
    controller = Controller(name, link=link)
    return Device(name=name, address=hci.Address(address), host=Host(controller, AsyncPipeSink(controller))), controller


async def pair_of_devices():
    link = LocalLink()
    central, controller = stock(link, "central", "F0:F0:F0:F0:F0:F0")
    sensor, _ = stock(link, "sensor", "C0:00:00:00:00:01")
    value = Characteristic("2A19", Characteristic.Properties.READ, Characteristic.READABLE, bytes(8))
    sensor.add_service(Service("180F", [value]))
    await central.power_on()
    await sensor.power_on()
    data = bytes(AdvertisingData([(AdvertisingData.FLAGS, b"\6")]))
    await sensor.start_advertising(auto_restart=True, advertising_data=data, advertising_interval_min=50)
    return central, controller, sensor


def test_upstream_still_ignores_a_cancelled_connection():
    async def scenario():
        central, controller, _ = await pair_of_devices()
        connecting = asyncio.create_task(central.connect_le(ABSENT, timeout=0.5))
        await asyncio.wait({connecting}, timeout=5)
        return connecting.done(), controller.pending_le_connection is not None

    assert run_virtual(scenario()) == (False, True)


def test_upstream_still_ignores_a_reset():
    async def scenario():
        central, controller, _ = await pair_of_devices()
        await central.connect_le("C0:00:00:00:00:01", timeout=2)
        await central.host.send_sync_command(hci.HCI_Reset_Command())
        return len(controller.le_connections)

    assert run_virtual(scenario()) == 1


def test_upstream_still_cancels_the_caller_when_the_link_drops_during_a_request():
    async def scenario():
        central, _, sensor = await pair_of_devices()
        connection = await central.connect_le("C0:00:00:00:00:01", timeout=2)
        peer = Peer(connection)
        await peer.discover_all()
        [value] = peer.get_characteristics_by_uuid(UUID("2A19"))
        reading = asyncio.create_task(value.read_value())
        await asyncio.sleep(0)
        await next(iter(sensor.connections.values())).disconnect()
        await asyncio.wait({reading}, timeout=5)
        return reading.cancelled()

    assert run_virtual(scenario())


def test_upstream_still_reports_one_signal_strength_and_repeats_the_advertisement_as_scan_response():
    async def scenario():
        central, _, _ = await pair_of_devices()
        seen = []
        central.on("advertisement", seen.append)
        await central.start_scanning()
        await asyncio.sleep(0.5)
        return {advertisement.rssi for advertisement in seen}, max(len(one.data.ad_structures) for one in seen)

    assert run_virtual(scenario()) == ({-50}, 2)
