"""Every fault of the air does what it says, in numbers, on the virtual clock."""

import asyncio

import numpy as np
import pytest

from devices.profile import Characteristic, Service
from simulators.clock import run_virtual
from simulators.radio.air import Air
from simulators.radio.faults import Faults, crowded
from simulators.radio.host import air_radio
from simulators.radio.peripheral import Advertised, Peripheral

ADDRESS = "C0:00:00:00:00:01"
VALUE, NOTE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e", "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
TABLE = (
    Service(
        "6e400001-b5a3-f393-e0a9-e50e24dcca9e", (Characteristic(VALUE, ("read",)), Characteristic(NOTE, ("notify",)))
    ),
)


class Clockwork:
    """A device whose value is the time."""

    def __init__(self):
        self.links = []

    def read(self, uuid):
        return str(now()).encode()

    def write(self, uuid, data):
        raise AssertionError(f"nobody writes here: {uuid}, {data!r}")

    def linked(self, up):
        self.links.append((up, now()))

    def subscribed(self, uuids):
        self.uuids = uuids


def now():
    return asyncio.get_running_loop().time()


class Stream:
    """A connected device that notifies the time, and what arrived of it."""

    def __init__(self, air, device, client):
        self.air, self.device, self.client = air, device, client
        self.sent, self.got, self.at = [], [], []

    def arrived(self, _sender, data):
        self.got.append(float(data))
        self.at.append(now())

    async def send(self, seconds, rate_hz=97.0):
        end = now() + seconds
        while now() < end:
            self.sent.append(now())
            await self.device.notify(NOTE, repr(now()).encode())
            await asyncio.sleep(1 / rate_hz)

    @property
    def delays(self):
        return np.array(self.at) - np.array(self.got)


def streaming(scenario, seed=1, **faults):
    """Run a scenario with a connected stream under faults; return what it returns, or the stream."""

    async def play():
        air = Air(seed)
        device = Peripheral(air, ADDRESS, Advertised(b"Clock"), TABLE, Clockwork())
        await device.start()
        async with air_radio(air) as radio:
            client = radio.client(ADDRESS)
            await client.connect()
            stream = Stream(air, device, client)
            await client.start_notify(NOTE, stream.arrived)
            air.change(ADDRESS, faults)
            result = await scenario(stream)
            return stream if result is None else result

    return run_virtual(play())


async def for_a_while(stream):
    await stream.send(20)
    await asyncio.sleep(2)


def test_a_perfect_link_delivers_everything_at_once():
    stream = streaming(for_a_while)
    assert stream.got == stream.sent
    assert stream.delays.max() < 1e-9


def test_latency_and_jitter_delay_within_their_bounds_and_keep_the_order():
    stream = streaming(for_a_while, latency_s=0.03, jitter_s=0.05)
    assert stream.got == stream.sent
    assert stream.delays.min() >= 0.03 - 1e-9
    assert stream.delays.max() <= 0.08 + 1e-6
    assert np.median(stream.delays) > 0.05  # above the middle: whoever is overtaken waits


def test_data_moves_only_at_connection_events():
    stream = streaming(for_a_while, interval_s=0.015)
    assert stream.got == stream.sent
    phase = np.array(stream.at) / 0.015
    assert np.abs(phase - np.rint(phase)).max() < 1e-3
    assert stream.delays.mean() == pytest.approx(0.0075, abs=0.002)
    assert stream.delays.max() <= 0.015 + 1e-6


def test_retransmission_delays_as_its_probability_says_and_loses_nothing():
    async def slowly(stream):
        await stream.send(400, rate_hz=4.93)  # far enough apart that none waits for the one before
        await asyncio.sleep(5)

    stream = streaming(slowly, interval_s=0.015, retransmission=0.3)
    assert stream.got == stream.sent
    events = np.floor((stream.delays - 1e-6) / 0.015)
    assert events.mean() == pytest.approx(0.3 / 0.7, rel=0.15)
    assert np.mean(events >= 2) == pytest.approx(0.09, abs=0.025)


def test_the_sensor_loses_as_many_notifications_as_told():
    stream = streaming(for_a_while, notification_loss=0.1)
    assert len(stream.got) / len(stream.sent) == pytest.approx(0.9, abs=0.02)
    assert stream.air.lost(ADDRESS) == len(stream.sent) - len(stream.got)
    assert stream.got == sorted(stream.got)


def test_a_request_is_never_lost_only_late():
    async def scenario(stream):
        took = []
        for _ in range(50):
            at = now()
            await stream.client.read_gatt_char(VALUE)
            took.append(now() - at)
        return took

    took = streaming(scenario, notification_loss=1.0, interval_s=0.03, retransmission=0.4)
    assert min(took) >= 0.03
    assert max(took) < 2


def test_a_fade_is_a_gap_in_a_link_that_stays():
    async def scenario(stream):
        await stream.send(1)
        stream.air.fade(ADDRESS, 1.5)
        await stream.send(3)

    stream = streaming(scenario, queue=5)
    assert stream.client.is_connected is False  # only because the radio is closed by now
    assert [up for up, _ in stream.device.server.links] == [True, False]
    gaps = np.diff(stream.got)
    assert gaps.max() == pytest.approx(1.5 - 0.04, abs=0.03)
    assert len(stream.sent) - len(stream.got) == pytest.approx(1.5 * 97 - 5, abs=1)
    assert stream.delays.max() == pytest.approx(1.5, abs=0.03)  # the five that the sensor kept come late


def test_out_of_range_ends_the_link_on_both_sides_after_the_supervision_timeout():
    async def scenario(stream):
        stream.air.change(ADDRESS, {"out_of_range": True})
        left = now()
        pending = asyncio.create_task(stream.client.read_gatt_char(VALUE))
        await asyncio.wait({pending})
        lost = now() - left
        await asyncio.sleep(0.1)
        return lost, stream.device.server.links[-1][1] - left, type(pending.exception()).__name__

    lost, sensor_lost, error = streaming(scenario, supervision_s=3.0)
    assert lost == pytest.approx(3.0, abs=1e-3)
    assert sensor_lost == pytest.approx(3.0, abs=1e-3)
    assert error == "BleakError"


def test_nobody_hears_a_sensor_out_of_range_until_it_returns():
    async def play():
        air = Air()
        device = Peripheral(air, ADDRESS, Advertised(b"Clock"), TABLE, Clockwork())
        await device.start()
        seen = []
        async with air_radio(air) as radio, radio.scanner(lambda device, data: seen.append(now())):
            air.change(ADDRESS, {"out_of_range": True})
            await asyncio.sleep(5)
            air.change(ADDRESS, {"out_of_range": False})
            await asyncio.sleep(1)
        return seen

    seen = run_virtual(play())
    assert seen[0] > 5
    assert len(seen) >= 8


def test_a_dropped_link_tells_both_sides_the_reason_and_the_sensor_advertises_again():
    async def scenario(stream):
        stream.air.drop(ADDRESS, 0x13)
        await asyncio.sleep(0.2)
        gone = not stream.client.is_connected
        await stream.client.connect()
        return gone, [up for up, _ in stream.device.server.links]

    assert streaming(scenario) == (True, [True, False, True])


def test_late_data_of_a_dead_connection_does_not_reach_the_next_one():
    async def scenario(stream):
        await stream.device.notify(NOTE, b"1.0")
        await asyncio.sleep(0.1)
        stream.air.drop(ADDRESS)
        stream.air.change(ADDRESS, {"latency_s": 0.0})
        await asyncio.sleep(0.1)
        await stream.client.connect()
        await stream.client.start_notify(NOTE, stream.arrived)
        assert now() < 3
        await asyncio.sleep(5)

    assert streaming(scenario, latency_s=3.0).got == []


def scanned(seconds, **faults):
    async def play():
        air = Air(seed=5)
        device = Peripheral(air, ADDRESS, Advertised(b"Clock"), TABLE, Clockwork())
        await device.start()
        air.change(ADDRESS, faults)
        seen = []
        async with air_radio(air) as radio, radio.scanner(lambda device, data: seen.append(data.rssi)):
            await asyncio.sleep(seconds)
        return seen

    return run_virtual(play())


def test_advertisements_are_lost_as_often_as_told():
    assert len(scanned(100, advertising_loss=0.6)) / len(scanned(100)) == pytest.approx(0.4, abs=0.06)


def test_the_signal_strength_spreads_as_told():
    seen = scanned(100, rssi_dbm=-70, rssi_spread_db=4.0)
    assert np.mean(seen) == pytest.approx(-70, abs=0.5)
    assert np.std(seen) == pytest.approx(4.0, abs=0.5)


def test_equal_seeds_give_equal_runs_and_others_differ():
    noisy = {"jitter_s": 0.02, "retransmission": 0.2, "notification_loss": 0.05}

    def run(seed):
        stream = streaming(for_a_while, seed, **noisy)
        return list(zip(stream.got, stream.at, strict=True))

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_two_centrals_cannot_take_the_same_sensor():
    async def play():
        air = Air()
        device = Peripheral(air, ADDRESS, Advertised(b"Clock"), TABLE, Clockwork())
        await device.start()
        async with air_radio(air) as one, air_radio(air, "F0:F0:F0:F0:F0:F1") as two:
            clients = [radio.client(ADDRESS, timeout=2) for radio in (one, two)]
            ends = await asyncio.gather(*(client.connect() for client in clients), return_exceptions=True)
            await asyncio.sleep(0.1)
            taken = [client.is_connected for client in clients]
            await clients[taken.index(True)].read_gatt_char(VALUE)
        return ends, sorted(taken)

    ends, taken = run_virtual(play())
    assert taken == [False, True]
    assert sum(end is None for end in ends) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"notification_loss": 1.2}, "probability"),
        ({"retransmission": 1.0}, "out_of_range"),
        ({"latency_s": -1.0}, "negative"),
    ],
)
def test_an_impossible_fault_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        Faults(**changes)


def test_an_unknown_fault_is_refused_by_name():
    with pytest.raises(TypeError, match="latency_ms"):
        Air().change(ADDRESS, {"latency_ms": 5})


def test_a_crowded_room_delays_but_delivers():
    stream = streaming(for_a_while, **{name: getattr(crowded(), name) for name in ("interval_s", "retransmission")})
    assert stream.got == stream.sent
    assert 0.005 < np.median(stream.delays) < 0.05


def test_an_advertisement_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="31 fit"):
        Advertised(b"much too long a name for this", ("6e400001-b5a3-f393-e0a9-e50e24dcca9e",)).encode()


def test_a_notification_longer_than_the_mtu_is_cut_as_devices_do():
    async def scenario(stream):
        await stream.device.notify(NOTE, b"0" * 600)
        await asyncio.sleep(0.1)
        return len(stream.got), stream.client.mtu_size

    assert streaming(scenario) == (1, 517)
