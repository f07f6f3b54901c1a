"""How a DOT is recognised, started, stopped and found among its like, and what its packets hold."""

from collections.abc import Callable

from devices.chunks import BatteryChunk, ButtonChunk, Chunk, ImuChunk
from devices.movella_dot import payload
from devices.movella_dot.payload import LONG, MEDIUM, MODES, SHORT, Mode, uuid
from devices.profile import (
    Advertisement,
    Buzz,
    Characteristic,
    Procedure,
    Read,
    Service,
    StreamOptions,
    Unsupported,
    Wait,
    Write,
)

COMPANY = 0x0886
NAMES = ("Xsens DOT", "Movella DOT")

DEVICE_CONTROL, DEVICE_REPORT = uuid("1002"), uuid("1004")
MEASUREMENT_CONTROL = uuid("2001")
BATTERY = uuid("3001")

SERVICES = (
    Service(
        uuid("1000"),
        (
            Characteristic(uuid("1001"), ("read",)),
            Characteristic(DEVICE_CONTROL, ("read", "write")),
            Characteristic(DEVICE_REPORT, ("notify",)),
        ),
    ),
    Service(
        uuid("2000"),
        (
            Characteristic(MEASUREMENT_CONTROL, ("read", "write")),
            Characteristic(LONG, ("notify",)),
            Characteristic(MEDIUM, ("notify",)),
            Characteristic(SHORT, ("notify",)),
        ),
    ),
    Service(uuid("3000"), (Characteristic(BATTERY, ("read", "notify")),)),
)

RATES_HZ = (1, 4, 10, 12, 15, 20, 30, 60)
"""What a DOT streams at; 120 Hz is for its own memory only."""
DEFAULT_RATE_HZ = 60
DEFAULT_MODE = "rate_mag"

CONTROL_SIZE, REPORT_SIZE, BATTERY_SIZE = 32, 36, 2
VISIT_IDENTIFY, VISIT_RATE = 0x01, 0x10
RATE_OFFSET = 24
SETTLE_S = 0.1
"""Our margin between stopping and changing the rate, which the device refuses while it measures."""

REPORTS = {
    1: ButtonChunk("power_off"),
    4: ButtonChunk("sleep"),
    5: ButtonChunk("press"),
}


def mode_of(options: StreamOptions) -> Mode:
    """Return the measurement mode asked for; ValueError names the known ones."""
    name = options.mode or DEFAULT_MODE
    if name not in MODES:
        raise ValueError(f"a Movella DOT has no mode {name!r}: choose one of {', '.join(MODES)}")
    return MODES[name]


def rate_of(options: StreamOptions) -> int:
    """Return the rate [Hz] nearest to the one asked for; of two, the faster."""
    wanted = options.rate_hz or DEFAULT_RATE_HZ
    return min(RATES_HZ, key=lambda rate: (abs(rate - wanted), -rate))


def measure(mode: Mode, *, on: bool) -> Write:
    """Start or stop measuring."""
    return Write(MEASUREMENT_CONTROL, bytes((1, on, mode.number)))


def set_rate(rate_hz: int) -> Write:
    """Set the output rate, leaving every other setting as it is."""
    head = bytes((VISIT_RATE,)).ljust(RATE_OFFSET, b"\0")
    return Write(DEVICE_CONTROL, (head + rate_hz.to_bytes(2, "little")).ljust(CONTROL_SIZE, b"\0"))


BLINK = Write(DEVICE_CONTROL, bytes((VISIT_IDENTIFY, 1)).ljust(CONTROL_SIZE, b"\0"))
"""The LED blinks fast in red for about 10 s."""

SAFE_WRITES = frozenset(
    (write.characteristic, write.data)
    for write in (
        *(measure(mode, on=on) for mode in MODES.values() for on in (True, False)),
        *map(set_rate, RATES_HZ),
        BLINK,
    )
)


class Parser:
    """Turns the packets of one connection into chunks; every packet stands alone, so there is nothing to keep.

    A DOT has no packet counter: what is lost shows in its time stamps.
    """

    def __init__(self, options: StreamOptions) -> None:
        self.skipped = 0
        self._mode = mode_of(options)
        self._rate_hz = float(rate_of(options))
        self._decoders: dict[str, Callable[[bytes], Chunk | None]] = {
            self._mode.characteristic: self._sample,
            BATTERY: _battery,
            DEVICE_REPORT: _report,
        }

    def feed(self, characteristic: str, data: bytes) -> list[Chunk]:
        """Return the sample, the battery level or the button press of this packet."""
        decode = self._decoders.get(characteristic)
        chunk = decode(data) if decode else None
        if chunk is None:
            self.skipped += 1
            return []
        return [chunk]

    def _sample(self, data: bytes) -> ImuChunk | None:
        return payload.decode(data, self._mode, self._rate_hz)


def _battery(data: bytes) -> BatteryChunk | None:
    if len(data) != BATTERY_SIZE or data[0] > 100 or data[1] > 1:
        return None
    return BatteryChunk(data[0], bool(data[1]))


def _report(data: bytes) -> ButtonChunk | None:
    return REPORTS.get(data[0]) if len(data) == REPORT_SIZE else None


def encode(chunk: Chunk, mode: str = DEFAULT_MODE) -> list[tuple[str, bytes]]:
    """Return the notifications, with their characteristics, that a DOT in this mode sends for a chunk.

    mag: In the device's unit, of about `MAG_UT_PER_UNIT`; it saturates at 8 of them.
    """
    match chunk:
        case ImuChunk():
            return [(MODES[mode].characteristic, data) for data in payload.encode(chunk, MODES[mode])]
        case BatteryChunk(percent, charging):
            return [(BATTERY, bytes((percent or 0, bool(charging))))]
        case ButtonChunk():
            kinds = [kind for kind, report in REPORTS.items() if report == chunk]
            return [(DEVICE_REPORT, bytes((kind,)).ljust(REPORT_SIZE, b"\0")) for kind in kinds]
        case _:
            raise ValueError(f"a Movella DOT does not send a {type(chunk).__name__}")


class MovellaDot:
    """The driver; see the package's docstring for the bytes."""

    model: str = "movella_dot"
    title: str = "Movella DOT"
    capabilities: frozenset[str] = frozenset({"imu", "battery", "identify"})
    services: tuple[Service, ...] = SERVICES

    def recognises(self, advertisement: Advertisement) -> bool:
        """Go by the name, or by the maker's company number where no name was heard."""
        name = (advertisement.name or "").strip("\0 ")
        return name.startswith(NAMES) or (not name and COMPANY in advertisement.manufacturer)

    def subscriptions(self, options: StreamOptions) -> tuple[str, ...]:
        """Listen to the mode's payload, the battery and the button."""
        return (mode_of(options).characteristic, BATTERY, DEVICE_REPORT)

    def start(self, options: StreamOptions) -> Procedure:
        """Stop first, because a DOT streams on after a lost link and takes no rate while it does."""
        mode = mode_of(options)
        yield measure(mode, on=False)
        yield Wait(SETTLE_S)
        yield set_rate(rate_of(options))
        yield Read(BATTERY)
        yield measure(mode, on=True)

    def stop(self, options: StreamOptions) -> Procedure:
        """Stop measuring."""
        yield measure(mode_of(options), on=False)

    def buzz(self, buzz: Buzz) -> Procedure:
        """Refuse: there is no motor."""
        raise Unsupported(self.title, "buzz: it has no motor")

    def identify(self) -> Procedure:
        """Blink the LED."""
        yield BLINK

    def permits(self, write: Write) -> bool:
        """Allow starting and stopping in a known mode, the rates it streams at, and the LED."""
        return (write.characteristic, write.data) in SAFE_WRITES

    def parser(self, options: StreamOptions) -> Parser:
        """Return a parser for the mode and rate asked for."""
        return Parser(options)


DRIVER = MovellaDot()
