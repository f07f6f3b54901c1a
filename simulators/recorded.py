"""Puts the sensors of a recorded session on the air, each with the packets it once sent.

The session is read once for all of them, as they play on: each takes its share of what was read so far.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from devices import registry
from devices.profile import BATTERY_LEVEL, Driver
from gateway.records import Packet
from gateway.store.home import SqliteHome
from gateway.store.reader import SessionReader
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
READ_AHEAD_S = 0.5
"""Packets of one sensor may stand so much later in the recording than later ones of another [s]."""
BACKLOG = 20_000
"""Packets that wait for a sensor the air holds up: a minute of the fastest. Beyond, it has lost the oldest."""


def addresses(sensors: list[str]) -> dict[str, str]:
    """Return the address under which each sensor of a session is played."""
    return {sensor: ADDRESS.format(number) for number, sensor in enumerate(sorted(sensors), 1)}


def recorded(root: Path, session: str, air: Air, clock: AirClock) -> list[VirtualSensor]:
    """Return virtual sensors that play a session; each still has to `run`.

    Raises:
        LookupError: There is no such session.
        ValueError: It holds no sensor that sent anything.
        OSError: It cannot be read.
    """
    home = SqliteHome(root)
    with home.open(session) as reader:
        drivers = {use.id: registry.driver(use.model) for use in reader.sensors()}
        first = next((record.arrival for record in reader.records() if isinstance(record, Packet)), None)
        if first is None:
            raise ValueError(f"session {session} holds no packets to play")
        answers = _answers(reader, drivers, first)
    together = Together(len(drivers))
    reading = Reading(_packets(home, session, drivers, first), drivers)
    sensors = []
    for sensor, address in addresses(list(drivers)).items():
        driver = drivers[sensor]
        habits = PlayedHabits(driver, sensor, answers[sensor], Share(reading, sensor), together)
        sensors.append(VirtualSensor(sensor, address, habits, air, clock))
    return sensors


def all_played(sensors: Sequence[VirtualSensor]) -> bool:
    """Say whether every sensor has played its last packet."""
    return all(isinstance(sensor.habits, PlayedHabits) and sensor.habits.ended for sensor in sensors)


class Reading:
    """One pass over a session's packets; what is read for one sensor waits for the others.

    All play at the same pace, also while nobody listens, so what waits is short, also of one that is long silent.
    """

    def __init__(self, packets: Iterator[tuple[str, Played]], sensors: Mapping[str, object]) -> None:
        """Keep what is to be read.

        packets: Sensor and packet, in order of time but for `READ_AHEAD_S`.
        """
        self.ended = False
        """Whether the whole session was read."""
        self.waiting: dict[str, deque[Played]] = {sensor: deque(maxlen=BACKLOG) for sensor in sensors}
        self._packets = packets
        self._read = float("-inf")

    def read(self, before: float) -> None:
        """Read on to a time of the recording [s]."""
        while not self.ended and self._read < before + READ_AHEAD_S:
            found = next(self._packets, None)
            if found is None:
                self.ended = True
            else:
                sensor, packet = found
                self._read = max(self._read, packet[0])
                self.waiting[sensor].append(packet)


class Share:
    """What a reading holds for one sensor."""

    def __init__(self, reading: Reading, sensor: str) -> None:
        self._reading = reading
        self._waiting = reading.waiting[sensor]

    @property
    def ended(self) -> bool:
        """Whether the last packet was taken."""
        return self._reading.ended and not self._waiting

    def take(self, before: float) -> list[Played]:
        """Return the packets from before a time of the recording [s] that were not taken yet, in order."""
        self._reading.read(before)
        taken = []
        while self._waiting and self._waiting[0][0] < before:
            taken.append(self._waiting.popleft())
        return taken


def _packets(home: SqliteHome, session: str, drivers: Mapping[str, Driver], first: int) -> Iterator[tuple[str, Played]]:
    """Yield the notifications of all sensors; what was read is not played."""
    notified = {
        sensor: _with_property(driver, "notify") | _with_property(driver, "indicate")
        for sensor, driver in drivers.items()
    }
    with home.open(session) as reader:
        for record in reader.records():
            if isinstance(record, Packet) and record.characteristic in notified.get(record.sensor, ()):
                yield record.sensor, ((record.arrival - first) / 1e9, record.characteristic, record.data)


def _answers(reader: SessionReader, drivers: Mapping[str, Driver], first: int) -> dict[str, dict[str, bytes]]:
    """Return each sensor's first value of everything that can be read; what the recording lacks is read as nothing."""
    found: dict[str, dict[str, bytes]] = {sensor: {} for sensor in drivers}
    for record in reader.records():
        if isinstance(record, Packet) and record.sensor in found:
            found[record.sensor].setdefault(record.characteristic, record.data)
        if isinstance(record, Packet) and (record.arrival - first) / 1e9 > ANSWERS_S:
            break
    answers = {}
    for sensor, driver in drivers.items():
        nothing = dict.fromkeys(_with_property(driver, "read"), b"")
        if BATTERY_LEVEL in nothing:
            nothing[BATTERY_LEVEL] = FULL
        answers[sensor] = nothing | {uuid: data for uuid, data in found[sensor].items() if uuid in nothing}
    return answers


def _with_property(driver: Driver, name: str) -> set[str]:
    return {c.uuid for service in driver.services for c in service.characteristics if name in c.properties}
