"""Puts the sensors of a scene on a person and on the air."""

import random
from collections.abc import Mapping
from dataclasses import asdict

from devices.myo import EMG_CHANNELS, EMG_RATE_HZ, IMU_RATE_HZ
from devices.open_profile import OpenStream
from simulators.person import ImuModel, Person, worn_emg, worn_imu, worn_posture
from simulators.radio.air import Air
from simulators.scenes import Place, Scene
from simulators.sensors.habits import Battery, Habits
from simulators.sensors.movella_dot import MovellaDotHabits
from simulators.sensors.myo import MyoHabits
from simulators.sensors.open_profile import OpenHabits
from simulators.sensors.sensor import AirClock, VirtualSensor
from simulators.sensors.upright_go2 import UprightGo2Habits

BOX_RATE_HZ = 1000.0
BOX_VOLTS_PER_COUNT = 1e-7
"""i16 at 0.1 uV reaches to 3.3 mV, as a good amplifier does."""
CLOCK_PPM = 15.0
"""Standard deviation of how wrong the crystals of different units are; a usual tolerance is 20 ppm."""


def stage(scene: Scene, person: Person, air: Air, clock: AirClock) -> list[VirtualSensor]:
    """Return the sensors of a scene, worn by the person; each still has to `run`."""
    sensors = []
    for place in scene.places:
        sensors.append(VirtualSensor(place.name, place.address, habits_of(place, person), air, clock))
        air.change(place.address, asdict(scene.faults))
    return sensors


def habits_of(place: Place, person: Person) -> Habits:
    """Return the habits of one sensor; units differ in battery and clock, equally for equal addresses and seeds."""
    unit = random.Random(f"{person.seed} {place.address}")
    battery = Battery(percent=unit.uniform(55.0, 99.0), hours=unit.uniform(8.0, 12.0))
    ppm = unit.gauss(0.0, CLOCK_PPM)
    match place.model:
        case "movella_dot":
            source = worn_imu(person, str(place.segment))
            start = unit.randrange(10**6, 2**31)
            return MovellaDotHabits(source, place.address, battery=battery, start_tick_us=start, clock_ppm=ppm)
        case "myo":
            imu = ImuModel(rate_hz=IMU_RATE_HZ)
            muscles = _between(place.channels, EMG_CHANNELS)
            worn = worn_emg(person, muscles, EMG_RATE_HZ, segment=place.worn_on, imu=imu)
            return MyoHabits(worn, battery=battery, clock_ppm=ppm)
        case "upright_go2":
            return UprightGo2Habits(worn_posture(person), battery=battery, clock_ppm=ppm, seed=person.seed)
        case "open_profile":
            muscles = [place.channels[number] for number in sorted(place.channels)]
            stream = OpenStream(
                1, "emg", ("emg",), BOX_RATE_HZ, "i16", (BOX_VOLTS_PER_COUNT,), channels=len(muscles), unit="V"
            )
            worn = worn_emg(person, muscles, BOX_RATE_HZ)
            return OpenHabits(worn, [stream], name=place.name, battery=battery, clock_ppm=ppm)
        case _:
            raise ValueError(f"no virtual sensor imitates {place.model!r}")


def _between(channels: Mapping[int, str], count: int) -> list[str]:
    """Return a muscle for every electrode: where none is named, that of the electrode before."""
    muscles = []
    for number in range(count):
        before = [named for named in channels if named <= number]
        muscles.append(channels[max(before, default=min(channels))])
    return muscles
