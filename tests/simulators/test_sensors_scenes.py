"""The scenes as a gateway meets them: everything is found, recognised, started, and nothing is lost."""

import asyncio
from collections import Counter

import pytest

from devices.registry import driver
from gateway.radio import advertisement
from simulators.clock import run_virtual
from simulators.person import Person
from simulators.radio.air import Air
from simulators.radio.host import air_radio
from simulators.scenes import SCENES, describe
from simulators.sensors.sensor import AirClock
from simulators.stage import stage

EXPECTED_HZ = {"movella_dot": 60.0, "myo": 150.0, "upright_go2": 15.0, "open_profile": 1000 / 28}


async def streamed(scene, seconds, heard):
    """Let a gateway listen to a scene; return packets by sensor, and how often each model was recognised."""
    air = Air(seed=2)
    sensors = stage(SCENES[scene], Person(seed=2), air, AirClock())
    packets = Counter()
    found = {}
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sensor.run()) for sensor in sensors]
        async with air_radio(air) as radio:
            async with radio.scanner(
                lambda device, data: found.setdefault(device.address, advertisement(device, data))
            ):
                await asyncio.sleep(1)
            for sensor, place in zip(sensors, SCENES[scene].places, strict=True):
                assert driver(place.model).recognises(found[place.address])
                one = heard(radio.client(place.address), driver(place.model))
                one.take = lambda uuid, data, name=sensor.name: packets.update([name])
                await one.begin()
            packets.clear()
            before = {sensor.name: sensor.sent for sensor in sensors}
            await asyncio.sleep(seconds)
            sent = {sensor.name: sensor.sent - before[sensor.name] for sensor in sensors}
        for task in tasks:
            task.cancel()
    return packets, sent


@pytest.mark.parametrize(("scene", "seconds"), [("demo", 5), ("radio-body", 3)])
def test_a_whole_scene_streams_without_loss(heard, scene, seconds):
    packets, sent = run_virtual(streamed(scene, seconds, heard))
    for place in SCENES[scene].places:
        expected = EXPECTED_HZ[place.model] * seconds
        verdicts = 5 if place.model == "upright_go2" else 0
        assert sent[place.name] == pytest.approx(expected, abs=2.5 + verdicts), place.name
        assert packets[place.name] == pytest.approx(sent[place.name], abs=1), place.name  # one may be under way


@pytest.mark.parametrize("scene", SCENES)
def test_names_and_addresses_of_a_scene_are_its_own(scene):
    places = SCENES[scene].places
    assert len({place.name for place in places}) == len({place.address for place in places}) == len(places)
    assert all(int(place.address[:2], 16) >> 6 == 3 for place in places)  # static random addresses


def test_the_demo_is_described_as_the_settings_want_it():
    described = {str(sensor["name"]): sensor for sensor in describe(SCENES["demo"])}
    assert described["thigh_left"]["segment"] == "thigh_left"
    assert described["emg_right"]["channels"] == {
        "0": "vastus_lateralis_right",
        "1": "rectus_femoris_right",
        "2": "biceps_femoris_right",
        "3": "semitendinosus_right",
    }
    assert "segment" not in described["posture"]
