"""A sensor of any model that plays the packets it once sent: what it answered to reads, and its notifications in time.

Sensors that play one session begin together, or the moments they share would fall apart.
"""

from collections.abc import Mapping
from typing import Protocol

from devices.profile import Advertisement, Driver, Service
from simulators.radio.peripheral import Advertised, Refused
from simulators.sensors.habits import Due, Felt, nothing_felt

Packet = tuple[float, str, bytes]
"""Time since the start of the recording [s], characteristic, bytes."""
SETTLE_S = 2.0
"""From the last sensor's connection to the first packet: the gateway subscribes and sends its start commands [s]."""
NAME_BYTES = 8
"""What is left of an advertisement beside the flags and a 128-bit UUID."""


class Track(Protocol):
    """What one sensor sent, read on as it falls due."""

    @property
    def ended(self) -> bool:
        """Whether the last packet was taken."""

    def take(self, before: float) -> list[Packet]:
        """Return the packets from before a time of the recording [s] that were not taken yet, in order."""


class Together:
    """The common beginning of the sensors of one session."""

    def __init__(self, sensors: int, settle_s: float = SETTLE_S) -> None:
        self.since: float | None = None
        """Air time at which the recording begins to play [s]; None while a sensor is still waited for."""
        self._missing = sensors
        self._settle_s = settle_s

    def join(self, now: float) -> None:
        """Count a sensor that was connected for the first time."""
        self._missing -= 1
        if self._missing == 0:
            self.since = now + self._settle_s


class PlayedHabits:
    """Plays on while nobody listens, as time does; what was not heard is lost."""

    def __init__(
        self,
        driver: Driver,
        name: str,
        answers: Mapping[str, bytes],
        track: Track,
        together: Together | None = None,
    ) -> None:
        """Keep what is to be played.

        answers: What a characteristic is read as.
        """
        self.advertised = _advertised(driver, name.encode())
        self.services: tuple[Service, ...] = driver.services
        self.felt: Felt = nothing_felt()
        self.awake = True
        self._answers = answers
        self._track = track
        self._together = together or Together(1)
        self._joined = False

    @property
    def ended(self) -> bool:
        """Whether the last packet was played."""
        return self._track.ended

    def read(self, uuid: str, now: float) -> bytes:
        """Answer as the device did."""
        if uuid not in self._answers:
            raise Refused(f"the recording does not say what {uuid} holds")
        return self._answers[uuid]

    def write(self, uuid: str, data: bytes, now: float) -> bool:
        """Take any command; a recording does not change."""
        return False

    def linked(self, up: bool, now: float) -> None:
        """Join the others at the first connection."""
        if up and not self._joined:
            self._joined = True
            self._together.join(now)

    def produce(self, start: float, stop: float) -> list[Due]:
        """Return the packets that fall due, once all play."""
        since = self._together.since
        if since is None:
            return []
        due = [Due(since + offset, where, data) for offset, where, data in self._track.take(stop - since)]
        return [packet for packet in due if packet.at >= start]


def _advertised(driver: Driver, name: bytes) -> Advertised:
    """Advertise the service by which the model is known, if it goes by one."""
    uuids = (service.uuid for service in driver.services)
    known = [uuid for uuid in uuids if driver.recognises(Advertisement("", service_uuids=(uuid,)))]
    return Advertised(name[:NAME_BYTES], tuple(known[:1]), complete=len(name) <= NAME_BYTES)
