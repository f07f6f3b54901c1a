"""How a sensor of the open profile is recognised and told what to do, and what its packets hold.

| control | bytes |
|---|---|
| start, stop | 01; 02 |
| haptic | 03, duration u16 [ms], strength u8 |
| identify | 04 |
| rate | 05, stream number u8, rate f32 [Hz]; the description tells what the sensor made of it |
"""

import math
import struct
from typing import Literal

from devices.chunks import BatteryChunk, ButtonChunk, Chunk
from devices.open_profile.description import MAX_RATE_HZ, OpenStream, parse_description
from devices.open_profile.gatt import CONTROL, DATA, DESCRIPTION, EVENT, SERVICE, SERVICES
from devices.open_profile.packets import StreamDecoder
from devices.profile import (
    BATTERY_LEVEL,
    Advertisement,
    Buzz,
    Procedure,
    Read,
    Service,
    StreamOptions,
    Write,
)

START, STOP, IDENTIFY = Write(CONTROL, b"\1"), Write(CONTROL, b"\2"), Write(CONTROL, b"\4")
HAPTIC = struct.Struct("<BHB")
RATE = struct.Struct("<BBf")
HAPTIC_CODE, RATE_CODE = 3, 5
LONGEST_BUZZ_S = 5.0
"""A cue longer than this is a mistake."""

ACTIONS: dict[int, Literal["tap", "press", "power_off", "sleep"]] = {1: "tap", 2: "press", 3: "power_off", 4: "sleep"}


def haptic(buzz: Buzz) -> Write:
    """Let the motor run for a while."""
    duration_s = min(max(buzz.duration_s, 0.0), LONGEST_BUZZ_S)
    strength = min(max(buzz.strength, 0.0), 1.0)
    return Write(CONTROL, HAPTIC.pack(HAPTIC_CODE, round(1000 * duration_s), round(255 * strength)))


def set_rate(stream: OpenStream, rate_hz: float) -> Write:
    """Ask for another rate of a stream."""
    return Write(CONTROL, RATE.pack(RATE_CODE, stream.id, rate_hz))


class Parser:
    """Turns the packets of one connection into chunks; keeps the description and each stream's sequence."""

    def __init__(self) -> None:
        self.skipped = 0
        self._description = b""
        self._decoders: dict[int, StreamDecoder] = {}

    def feed(self, characteristic: str, data: bytes) -> list[Chunk]:
        """Return the samples, the battery level or the event of this packet."""
        if characteristic == DESCRIPTION:
            return self._describe(data)
        chunk: Chunk | None = None
        if characteristic == DATA and data and data[0] in self._decoders:
            chunk = self._decoders[data[0]].decode(data)
        elif characteristic == BATTERY_LEVEL:
            chunk = _battery(data)
        elif characteristic == EVENT:
            chunk = _button(data)
        if chunk is None:
            self.skipped += 1
            return []
        return [chunk]

    def _describe(self, data: bytes) -> list[Chunk]:
        """Take a description; one that says the same again changes nothing."""
        streams = parse_description(data)
        if streams is None:
            self.skipped += 1
        elif data != self._description:
            self._description = data
            self._decoders = {stream.id: StreamDecoder(stream) for stream in streams}
        return []


def _battery(data: bytes) -> BatteryChunk | None:
    return BatteryChunk(data[0]) if len(data) == 1 and data[0] <= 100 else None


def _button(data: bytes) -> ButtonChunk | None:
    if len(data) != 2 or data[0] not in ACTIONS:
        return None
    return ButtonChunk(ACTIONS[data[0]], data[1])


def encode(chunk: Chunk) -> list[tuple[str, bytes]]:
    """Return the packet of a battery level or an event, with its characteristic; samples go through an `Encoder`."""
    match chunk:
        case BatteryChunk(percent, _):
            return [(BATTERY_LEVEL, bytes((percent or 0,)))]
        case ButtonChunk(action, count):
            return [(EVENT, bytes((code, count))) for code, name in ACTIONS.items() if name == action]
        case _:
            raise ValueError(f"a {type(chunk).__name__} needs an Encoder, which knows its stream")


class OpenProfile:
    """The driver; see the package's docstring for the bytes."""

    model: str = "open_profile"
    title: str = "Open profile"
    capabilities: frozenset[str] = frozenset({"imu", "emg", "battery", "haptic", "identify"})
    services: tuple[Service, ...] = SERVICES

    def recognises(self, advertisement: Advertisement) -> bool:
        """Go by the service."""
        return SERVICE in advertisement.service_uuids

    def subscriptions(self, options: StreamOptions) -> tuple[str, ...]:
        """Listen to samples, events and the battery."""
        return (DATA, EVENT, BATTERY_LEVEL)

    def start(self, options: StreamOptions) -> Procedure:
        """Read the description before anything that needs it, and again if a rate was asked for."""
        yield STOP
        streams = parse_description((yield Read(DESCRIPTION)) or b"") or ()
        if options.rate_hz:
            for stream in streams:
                if stream.kind == "imu":
                    yield set_rate(stream, options.rate_hz)
            yield Read(DESCRIPTION)
        yield Read(BATTERY_LEVEL)
        yield START

    def stop(self, options: StreamOptions) -> Procedure:
        """Stop all streams."""
        yield STOP

    def buzz(self, buzz: Buzz) -> Procedure:
        """Let the motor run; a sensor without one answers with an error."""
        yield haptic(buzz)

    def identify(self) -> Procedure:
        """Blink the LED."""
        yield IDENTIFY

    def permits(self, write: Write) -> bool:
        """Allow what the profile defines."""
        return write.characteristic == CONTROL and (
            write in (START, STOP, IDENTIFY) or _is_haptic(write.data) or _is_rate(write.data)
        )

    def parser(self, options: StreamOptions) -> Parser:
        """Return a parser for one connection."""
        return Parser()


def _is_haptic(data: bytes) -> bool:
    if len(data) != HAPTIC.size:
        return False
    code, duration_ms, _ = HAPTIC.unpack(data)
    return bool(code == HAPTIC_CODE and duration_ms <= 1000 * LONGEST_BUZZ_S)


def _is_rate(data: bytes) -> bool:
    if len(data) != RATE.size:
        return False
    code, _, rate_hz = RATE.unpack(data)
    return bool(code == RATE_CODE and math.isfinite(rate_hz) and 0 < rate_hz <= MAX_RATE_HZ)


DRIVER = OpenProfile()
