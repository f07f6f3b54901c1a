"""What a driver tells the rest of the program: how to recognise, start, stop, use and imitate one model of sensor.

Drivers do no I/O. What must be said to a device is a *procedure*: a generator that yields `Read`, `Write` and `Wait`
steps and is sent the bytes of each read (`None` after the others). The gateway's link runs it; a test runs it by hand.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from devices.chunks import Chunk

SIG_BASE = "-0000-1000-8000-00805f9b34fb"


def sig_uuid(short: str) -> str:
    """Return the full UUID of a 16-bit Bluetooth SIG number such as "180f"."""
    return f"0000{short.lower()}{SIG_BASE}"


BATTERY_SERVICE = sig_uuid("180f")
BATTERY_LEVEL = sig_uuid("2a19")


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What a scanner saw of a device; UUIDs in lower case, full length."""

    address: str
    name: str | None = None
    service_uuids: tuple[str, ...] = ()
    manufacturer: Mapping[int, bytes] = field(default_factory=dict)
    """Company identifier to the bytes behind it."""
    rssi: int = 0
    """Received signal strength [dBm]."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read a characteristic; the procedure is sent its bytes."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class Write:
    """Write a characteristic, with or without the device's acknowledgement."""

    characteristic: str
    data: bytes
    response: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """Let the device work for so long [s]."""

    seconds: float


Step = Read | Write | Wait
Procedure = Generator[Step, bytes | None, None]


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One GATT characteristic of the device, as a virtual sensor must serve it."""

    uuid: str
    properties: tuple[str, ...]
    """Of "read", "write", "write-without-response", "notify", "indicate"."""


@dataclass(frozen=True, slots=True)
class Service:
    """One GATT service and its characteristics, in the order of their handles."""

    uuid: str
    characteristics: tuple[Characteristic, ...]


@dataclass(frozen=True, slots=True)
class Buzz:
    """A haptic cue, in terms any wearable can render as well as it can."""

    duration_s: float = 0.3
    """How long it is to be felt [s]; devices with fixed patterns take the nearest."""
    strength: float = 1.0
    """0 to 1 of what the motor can do."""


class ForbiddenWrite(ValueError):
    """A write that the driver does not let through, because it could harm the device or its data."""

    def __init__(self, model: str, write: Write) -> None:
        super().__init__(
            f"{model} must not be sent {write.data.hex(' ')} on {write.characteristic}: "
            "only the writes its driver knows to be safe are allowed"
        )
        self.model = model
        self.write = write


class Unsupported(Exception):
    """This model has no such function."""

    def __init__(self, title: str, function: str) -> None:
        super().__init__(f"{title} cannot {function}")
        self.title = title
        self.function = function


class Parser(Protocol):
    """Turns the packets of one connection into chunks, in order; keeps what a packet needs of those before it."""

    skipped: int
    """Packets, or parts of them, that made no sense and were left out."""

    def feed(self, characteristic: str, data: bytes) -> list[Chunk]:
        """Return the chunks that this packet completes; never raises, whatever it is fed."""
        ...


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What the user asks of a device; a driver takes the nearest the device can do."""

    rate_hz: float | None = None
    """Inertial rate [Hz]; None: the device's usual."""
    mode: str | None = None
    """A payload mode by the driver's own name for it; None: the driver's default."""


class Driver(Protocol):
    """One model of sensor. Stateless: parsers hold the state of a connection."""

    model: str
    """Name in settings, recordings and messages, such as "movella_dot"."""
    title: str
    """Name for people, such as "Movella DOT"."""
    capabilities: frozenset[str]
    """Of "imu", "emg", "posture", "battery", "haptic", "identify"."""
    services: tuple[Service, ...]
    """The device's GATT table, as far as it is used here."""

    def recognises(self, advertisement: Advertisement) -> bool:
        """Say whether this advertisement is one of this model's."""
        ...

    def subscriptions(self, options: StreamOptions) -> tuple[str, ...]:
        """Return the characteristics to subscribe to before `start`."""
        ...

    def start(self, options: StreamOptions) -> Procedure:
        """Bring a freshly connected device, in whatever state it was left, to streaming.

        What it reads is recorded and fed to the parser like a packet.
        """
        ...

    def stop(self, options: StreamOptions) -> Procedure:
        """Leave the device quiet and saving power."""
        ...

    def buzz(self, buzz: Buzz) -> Procedure:
        """Let the wearer feel something; raises `Unsupported` without the "haptic" capability."""
        ...

    def identify(self) -> Procedure:
        """Make the device show which one it is; raises `Unsupported` without the "identify" capability."""
        ...

    def permits(self, write: Write) -> bool:
        """Say whether this write is known to be safe. The link refuses every other one with `ForbiddenWrite`."""
        ...

    def parser(self, options: StreamOptions) -> Parser:
        """Return a parser for one connection."""
        ...
