"""Every virtual sensor, through a Bluetooth host stack and bleak, tells its driver's parser what its source felt."""

import asyncio

import numpy as np
import pytest

from devices import movella_dot, myo, open_profile, upright_go2
from devices.chunks import AngleChunk, BatteryChunk, EmgChunk, ImuChunk, PostureChunk
from devices.open_profile import OpenStream
from devices.profile import Buzz, StreamOptions, sig_uuid
from simulators.clock import run_virtual
from simulators.radio.air import Air
from simulators.radio.host import air_radio
from simulators.recorded import Reading, Share
from simulators.sensors.habits import Battery
from simulators.sensors.movella_dot import MovellaDotHabits
from simulators.sensors.myo import VOLTS_PER_COUNT, MyoHabits
from simulators.sensors.open_profile import OpenHabits
from simulators.sensors.played import SETTLE_S, PlayedHabits
from simulators.sensors.sensor import AirClock, VirtualSensor
from simulators.sensors.upright_go2 import LONG_SETTINGS, SHORT_SETTINGS, UprightGo2Habits

ADDRESS = "D4:22:CD:00:00:01"


def on_air(habits, scenario, speed=1.0):
    """Run a scenario with one sensor on the air, which is switched off at the end; return what it returns."""

    async def play():
        air = Air(seed=1)
        sensor = VirtualSensor("it", ADDRESS, habits, air, AirClock(speed))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(sensor.run())
            async with air_radio(air) as radio:
                result = await scenario(radio, sensor)
            running.cancel()
        return result

    return run_virtual(play())


@pytest.mark.parametrize("mode", ["rate_mag", "complete_quaternion", "custom5", "delta_mag", "complete_euler"])
@pytest.mark.parametrize("rate_hz", [60, 20])
def test_a_dot_streams_what_its_source_felt(swing, listening, mode, rate_hz):
    async def scenario(radio, sensor):
        heard = await listening(radio, StreamOptions(rate_hz=rate_hz, mode=mode))
        await asyncio.sleep(5)
        return heard

    heard = on_air(MovellaDotHabits(swing, ADDRESS, start_tick_us=0), scenario)
    chunks = [chunk for _, chunk in heard.of(ImuChunk)]
    t = np.concatenate([chunk.timing.ticks for chunk in chunks]) * 1e-9
    assert len(t) == pytest.approx(5 * rate_hz, abs=2)
    assert np.allclose(np.diff(t), 1 / rate_hz, atol=2e-6)
    acc, gyr, mag = swing.imu(t)
    if mode == "rate_mag":
        assert np.allclose(np.concatenate([chunk.acc for chunk in chunks]), acc, atol=1e-4)
        assert np.allclose(np.concatenate([chunk.gyr for chunk in chunks]), gyr, atol=1e-5)
        assert np.allclose(np.concatenate([chunk.mag for chunk in chunks]) * 40e-6, mag, atol=2e-8)
    if "quat" in mode or mode in ("custom5", "complete_euler"):
        quat = np.concatenate([chunk.quat for chunk in chunks])
        error = 2 * np.arccos(np.clip(np.abs((quat * swing.quat(t)).sum(axis=1)), 0, 1))
        assert np.degrees(error.max()) < 1.5
    if mode == "delta_mag":
        assert np.allclose(np.concatenate([chunk.gyr for chunk in chunks]), gyr, atol=1e-3)
    assert heard.parser.skipped == 0


def test_the_packets_of_a_dot_are_padded_to_full_length(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio, StreamOptions(mode="rate"))
        await asyncio.sleep(0.5)
        return heard

    heard = on_air(MovellaDotHabits(swing, ADDRESS), scenario)
    sizes = {len(data) for uuid, data in heard.packets if uuid == movella_dot.MODES["rate"].characteristic}
    assert sizes == {40}


def test_a_dot_streams_on_across_a_dropped_link_and_takes_no_rate_meanwhile(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(1)
        sensor.air.drop(ADDRESS)
        await asyncio.sleep(1)
        assert not heard.client.is_connected
        assert sensor.habits.mode == "rate_mag"
        await heard.client.connect()
        before = len(heard.packets)
        for uuid in heard.driver.subscriptions(heard.options):
            await heard.client.start_notify(uuid, lambda sender, data: heard.take(sender.uuid, bytes(data)))
        await asyncio.sleep(0.5)
        streamed_by_itself = len(heard.packets) - before
        rate = movella_dot.driver.set_rate(20)
        with pytest.raises(Exception, match="GATT Protocol Error"):
            await heard.client.write_gatt_char(rate.characteristic, rate.data, response=True)
        return streamed_by_itself, heard

    streamed_by_itself, heard = on_air(MovellaDotHabits(swing, ADDRESS), scenario)
    assert streamed_by_itself > 20
    ticks = np.concatenate([chunk.timing.ticks for _, chunk in heard.of(ImuChunk)])
    assert np.diff(ticks).max() > 0.9e9


def test_the_clock_of_a_dot_wraps_and_drifts_as_told(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(20)
        return heard

    heard = on_air(MovellaDotHabits(swing, ADDRESS, start_tick_us=2**32 - 10_000_000, clock_ppm=500), scenario)
    ticks = np.concatenate([chunk.timing.ticks for _, chunk in heard.of(ImuChunk)])
    steps = np.diff(ticks)
    assert np.sum(steps < 0) == 1
    unwrapped = np.cumsum(np.where(steps < 0, steps + 2**32 * 1000, steps))
    arrivals = np.array([at for at, _ in heard.of(ImuChunk)])
    assert unwrapped[-1] * 1e-9 / (arrivals[-1] - arrivals[0]) == pytest.approx(1.0005, abs=2e-5)


def test_samples_that_the_radio_loses_show_in_the_time_stamps_of_a_dot(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        sensor.air.change(ADDRESS, {"notification_loss": 0.2})
        await asyncio.sleep(20)
        return heard, sensor.air.lost(ADDRESS)

    heard, lost = on_air(MovellaDotHabits(swing, ADDRESS), scenario)
    ticks = np.concatenate([chunk.timing.ticks for _, chunk in heard.of(ImuChunk)])
    missing = np.rint(np.diff(ticks) / (1e9 / 60)).astype(int) - 1
    assert missing.sum() == pytest.approx(lost, abs=3)
    assert lost == pytest.approx(240, abs=50)


def test_a_myo_streams_emg_and_motion_of_its_source(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(4)
        return heard

    heard = on_air(MyoHabits(swing, name=b"Arm"), scenario)
    emg = heard.of(EmgChunk)
    assert sum(len(chunk.emg) for _, chunk in emg) == pytest.approx(800, abs=4)
    assert sum(chunk.timing.lost for _, chunk in emg) == 0
    at = np.array([at for at, _ in emg])
    second = np.concatenate([chunk.emg[1:] for _, chunk in emg])
    assert np.abs(second - swing.emg(at) / VOLTS_PER_COUNT).max() <= 0.51
    imu = heard.of(ImuChunk)
    at = np.array([at for at, _ in imu])
    acc, gyr, _ = swing.imu(at)
    assert len(at) == pytest.approx(200, abs=2)
    assert np.allclose(np.concatenate([chunk.acc for _, chunk in imu]), acc, atol=0.003)
    assert np.allclose(np.concatenate([chunk.gyr for _, chunk in imu]), gyr, atol=0.0006)
    quat = np.concatenate([chunk.quat for _, chunk in imu])
    assert np.abs((quat * swing.quat(at)).sum(axis=1)).min() > np.cos(np.radians(2))


def test_a_myo_says_nothing_on_a_characteristic_that_nobody_subscribed_to(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await heard.client.stop_notify(myo.EMG[2])
        heard.packets.clear()
        heard.parser = heard.driver.parser(heard.options)
        await asyncio.sleep(2)
        return heard

    heard = on_air(MyoHabits(swing), scenario)
    assert {uuid for uuid, _ in heard.packets} & set(myo.EMG) == set(myo.EMG) - {myo.EMG[2]}
    chunks = [chunk for at, chunk in heard.of(EmgChunk)][-100:]
    assert sum(chunk.timing.lost for chunk in chunks) == pytest.approx(sum(len(c.emg) for c in chunks) / 3, abs=4)


def test_a_myo_that_lies_still_sleeps_after_30_s_unless_told_not_to(listening, swing):
    class Still(type(swing)):
        def imu(self, t):
            turn = np.where(t < 100, 0.0, t - 100)  # still for 100 s, then turned
            acc, gyr, mag = super().imu(0 * t)
            return acc, gyr * 0 + (turn > 0)[:, None], mag

    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(40)
        awake_as_told = heard.client.is_connected
        await heard.perform(heard.driver.stop(heard.options))
        await asyncio.sleep(25)
        before = heard.client.is_connected
        await asyncio.sleep(7)
        asleep = not heard.client.is_connected
        await asyncio.sleep(40)
        again = await listening(radio)
        return awake_as_told, before, asleep, sensor.habits.mode, len(again.chunks)

    awake_as_told, before, asleep, mode, chunks = on_air(MyoHabits(Still()), scenario)
    assert (awake_as_told, before, asleep) == (True, True, True)
    assert mode == (2, 3)  # set again by the second start
    assert chunks > 0


def test_a_myo_feels_every_way_of_vibrating(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        for duration_s, strength in ((0.2, 1.0), (0.6, 1.0), (2.0, 1.0), (0.5, 0.5)):
            await heard.perform(heard.driver.buzz(Buzz(duration_s, strength)))
        return [cue.kind for cue in sensor.habits.felt]

    assert on_air(MyoHabits(swing), scenario) == ["short", "medium", "long", "pattern"]


@pytest.mark.parametrize("settings", [SHORT_SETTINGS, LONG_SETTINGS])
def test_an_upright_streams_its_angle_and_plays_a_buzz_without_losing_its_settings(swing, listening, settings):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(4)
        await heard.perform(heard.driver.buzz(Buzz(0.3, 1.0)))
        return heard, [cue.kind for cue in sensor.habits.felt], sensor.habits.settings

    heard, felt, after = on_air(UprightGo2Habits(swing, settings=settings), scenario)
    angles = heard.of(AngleChunk)
    at = np.array([at for at, _ in angles])
    assert np.diff(at) == pytest.approx(1 / 15, abs=1e-6)
    measured = np.concatenate([chunk.angle_deg[:, 0] for _, chunk in angles])
    assert np.allclose(measured, swing.angle(at), atol=0.051)
    assert felt == ["short"]
    assert after == settings


def test_an_upright_does_not_know_its_battery_at_first(swing, listening):
    async def scenario(radio, sensor):
        return await listening(radio)

    heard = on_air(UprightGo2Habits(swing, battery=Battery(72.0)), scenario)
    levels = [data[0] for uuid, data in heard.packets if uuid == upright_go2.BATTERY]
    assert levels[0] == 0
    assert [chunk.percent for _, chunk in heard.of(BatteryChunk)][-1] == 70


def test_an_upright_ignores_one_byte_for_vibration_and_obeys_two(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await heard.client.write_gatt_char(upright_go2.VIBRATION, b"\1", response=True)
        one = sensor.habits.vibrates
        await heard.client.write_gatt_char(upright_go2.VIBRATION, b"\1\1", response=True)
        return one, sensor.habits.vibrates

    assert on_air(UprightGo2Habits(swing), scenario) == (True, False)


def test_the_verdict_of_an_upright_chatters_near_its_threshold(swing, listening):
    class Near(type(swing)):
        def angle(self, t):
            return np.full_like(t, 15.0)  # sensitivity 3: exactly the threshold

    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(4)
        return [chunk.slouching for _, chunk in heard.of(PostureChunk)]

    verdicts = on_air(UprightGo2Habits(Near()), scenario)
    assert len(verdicts) > 10
    assert any(verdicts)
    assert not all(verdicts)


def test_an_upright_vibrates_by_itself_when_a_slouch_lasts(swing, listening):
    class Slouched(type(swing)):
        def angle(self, t):
            return np.full_like(t, 40.0)

    async def scenario(radio, sensor):
        await listening(radio)
        await asyncio.sleep(16)
        return list(sensor.habits.felt)

    felt = on_air(UprightGo2Habits(Slouched()), scenario)
    assert [cue.kind for cue in felt] == ["own slouch alarm"]
    assert felt[0].at == pytest.approx(15.0, abs=0.5)


def test_an_upright_takes_the_present_pose_as_upright_when_calibrated(swing, listening):
    class Bent(type(swing)):
        def angle(self, t):
            return np.full_like(t, 33.0)

    async def scenario(radio, sensor):
        heard = await listening(radio)
        await heard.perform(heard.driver.calibrate())
        heard.chunks.clear()
        await asyncio.sleep(1)
        return heard

    heard = on_air(UprightGo2Habits(Bent()), scenario)
    assert heard.of(AngleChunk)
    assert all(chunk.angle_deg[0, 0] == 0 for _, chunk in heard.of(AngleChunk))


BOX = OpenStream(3, "emg", ("emg",), 1000.0, "i16", (1e-7,), channels=8, unit="V")
BODY = OpenStream(4, "imu", ("acc", "gyr", "mag", "quat"), 100.0)


def test_an_open_sensor_streams_emg_and_motion_with_its_own_time(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(4)
        return heard

    heard = on_air(OpenHabits(swing, [BOX, BODY], name="emg box", start_ns=5 * 10**9), scenario)
    emg = [chunk for _, chunk in heard.of(EmgChunk)]
    t = np.concatenate([chunk.timing.ticks for chunk in emg]) * 1e-9 - 5
    assert len(t) == pytest.approx(4000, abs=30)
    assert np.allclose(np.diff(t), 1e-3, atol=2e-9)
    assert np.allclose(np.concatenate([chunk.emg for chunk in emg]), swing.emg(t), atol=0.6e-7)
    imu = [chunk for _, chunk in heard.of(ImuChunk)]
    t = np.concatenate([chunk.timing.ticks for chunk in imu]) * 1e-9 - 5
    acc, _, mag = swing.imu(t)
    assert np.allclose(np.concatenate([chunk.acc for chunk in imu]), acc, atol=1e-5)
    assert np.allclose(np.concatenate([chunk.mag for chunk in imu]), mag, atol=1e-10)
    assert sum(chunk.timing.lost for _, chunk in heard.of(EmgChunk) + heard.of(ImuChunk)) == 0


def test_an_open_sensor_takes_another_rate_and_vibrates_only_with_a_motor(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio, StreamOptions(rate_hz=50))
        await asyncio.sleep(2)
        with pytest.raises(Exception, match="GATT Protocol Error"):
            await heard.perform(heard.driver.buzz(Buzz()))
        await heard.perform(heard.driver.identify())
        return heard, [cue.kind for cue in sensor.habits.felt]

    heard, felt = on_air(OpenHabits(swing, [BODY]), scenario)
    assert sum(len(chunk.acc) for _, chunk in heard.of(ImuChunk)) == pytest.approx(100, abs=6)
    assert felt == ["blink"]


def test_a_recording_is_played_packet_by_packet_at_its_own_times(swing, listening):
    encoder = open_profile.Encoder([BODY])
    t = np.arange(400) / 100
    acc, gyr, mag = swing.imu(t)
    values = {"acc": acc, "gyr": gyr, "mag": mag, "quat": swing.quat(t)}
    packets = encoder.packets(4, np.rint(t * 1e9), values)
    recorded = [(open_profile.span(data)[1] * 1e-9, open_profile.DATA, data) for data in packets]

    async def scenario(radio, sensor):
        heard = await listening(radio)
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(2)
        halfway = sensor.habits.ended
        await asyncio.sleep(4)
        return heard, started, halfway, sensor.habits.ended

    answers = {open_profile.DESCRIPTION: encoder.description, sig_uuid("2a19"): b"d"}
    track = Share(Reading((("r", packet) for packet in recorded), {"r": None}), "r")
    habits = PlayedHabits(open_profile.DRIVER, "replay", answers, track)
    heard, started, halfway, ended = on_air(habits, scenario)
    played = [
        (at - started, data)
        for at, (uuid, data) in zip(heard.times, heard.packets, strict=True)
        if uuid == open_profile.DATA
    ]
    assert [data for _, data in played] == packets
    late = [at for at, _ in played] - np.array([at for at, _, _ in recorded])
    assert 0 < late[0] <= SETTLE_S
    assert np.allclose(late, late[0], atol=1e-6)
    assert (halfway, ended) == (False, True)


def test_twice_the_speed_gives_twice_the_samples(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(5)
        return len(heard.of(ImuChunk))

    assert on_air(MovellaDotHabits(swing, ADDRESS), scenario, speed=2.0) == pytest.approx(600, abs=5)


def test_the_battery_drains_and_says_so(swing, listening):
    async def scenario(radio, sensor):
        heard = await listening(radio)
        await asyncio.sleep(90)
        return [chunk.percent for _, chunk in heard.of(BatteryChunk)]

    habits = MovellaDotHabits(swing, ADDRESS, battery=Battery(percent=50.5, hours=0.5))
    assert on_air(habits, scenario) == [50, 49, 48, 47, 46, 45]
