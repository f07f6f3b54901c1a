"""Puts the sensors of a recorded session on the air, each with the packets it once sent."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from devices import registry
from devices.profile import BATTERY_LEVEL, Driver
from gateway.records import Packet
from gateway.store.home import SqliteHome
from simulators.radio.air import Air
from simulators.sensors.played import Packet as Played
from simulators.sensors.played import PlayedHabits, Together
from simulators.sensors.sensor import AirClock, VirtualSensor

ADDRESS = "F2:0E:46:00:50:{:02X}"
"""Addresses of played sensors, in the order of their names; `kinestream replay --radio` relies on it."""
FULL = bytes((100,))
"""The battery of a played sensor that has not recorded any: it needs none."""
ANSWERS_S = 30.0
"""What a device answers to reads at its start is looked for in so much of its recording [s]."""


def addresses(sensors: list[str]) -> dict[str, str]:
    """Return the address under which each sensor of a session is played."""
    return {sensor: ADDRESS.format(number) for number, sensor in enumerate(sorted(sensors), 1)}


def recorded(root: Path, session: str, air: Air, clock: AirClock) -> list[VirtualSensor]:
    """Return virtual sensors that play a session; each still has to `run`.

    Raises:
        LookupError: There is no such session.
        ValueError: It holds no sensor that sent anything.
    """
    home = SqliteHome(root)
    with home.open(session) as reader:
        models = {use.id: registry.driver(use.model) for use in reader.sensors()}
        first = next((record.arrival for record in reader.records() if isinstance(record, Packet)), None)
    if first is None:
        raise ValueError(f"session {session} holds no packets to play")
    together = Together(len(models))
    sensors = []
    for sensor, address in addresses(list(models)).items():
        driver = models[sensor]
        answers = _answers(home, session, sensor, driver, first)
        packets = _packets(home, session, sensor, driver, first)
        habits = PlayedHabits(driver, sensor, answers, packets, together)
        sensors.append(VirtualSensor(sensor, address, habits, air, clock))
    return sensors


def all_played(sensors: Sequence[VirtualSensor]) -> bool:
    """Say whether every sensor has played its last packet."""
    return all(isinstance(sensor.habits, PlayedHabits) and sensor.habits.ended for sensor in sensors)


def _packets(home: SqliteHome, session: str, sensor: str, driver: Driver, first: int) -> Iterator[Played]:
    """Yield a sensor's notifications; what was read is not played."""
    notified = _with_property(driver, "notify") | _with_property(driver, "indicate")
    with home.open(session) as reader:
        for record in reader.records():
            if isinstance(record, Packet) and record.sensor == sensor and record.characteristic in notified:
                yield (record.arrival - first) / 1e9, record.characteristic, record.data


def _answers(home: SqliteHome, session: str, sensor: str, driver: Driver, first: int) -> dict[str, bytes]:
    """Return the first value of everything that can be read; what the recording lacks is read as nothing."""
    answers = dict.fromkeys(_with_property(driver, "read"), b"")
    if BATTERY_LEVEL in answers:
        answers[BATTERY_LEVEL] = FULL
    found: dict[str, bytes] = {}
    with home.open(session) as reader:
        for record in reader.records():
            if isinstance(record, Packet) and record.sensor == sensor and record.characteristic in answers:
                found.setdefault(record.characteristic, record.data)
            if isinstance(record, Packet) and (record.arrival - first) / 1e9 > ANSWERS_S:
                break
    return answers | found


def _with_property(driver: Driver, name: str) -> set[str]:
    return {c.uuid for service in driver.services for c in service.characteristics if name in c.properties}
