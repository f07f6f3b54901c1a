"""Upright GO 2 and GO S: a posture wearable that measures one angle and vibrates.

Sources, both third-party: docs/PROTOCOL.md of nhazdun/HA-Upright-Go-2-BLE, read from the maker's app and tried by its
author on a device, and the uprightgo2 classes of smart4health/citizen-hub-android. UUIDs are the SIG's; little-endian.

| UUID | what | properties | bytes |
|---|---|---|---|
| bac3 | posture | read, notify | 0: 0 upright, 1 slouch counting down, 2 slouch vibrating; any other is a slouch too |
| bac4 | angle | read, notify | 0-1: i16 / 10 [deg]; up to 4 more of unknown meaning |
| bac1 | calibration | write | 00: the present pose is upright |
| bab2 | settings | read, write | 0 sensitivity 1-6, 1-2 delay, 3 pattern, 4 strength, more; 11 or 15 in all |
| bab5 | vibration | read, write, notify | 2: 00 00 on, 01 01 off; a single byte is ignored |
| bad1 | battery | read | 0: 0 unknown, 1 is 0 %, 2 is 5 %, n is 10 (n - 2) %, 12 is 100 % |
| bad2 | charger | read | 0: 0 off, 1 charging, 2 full |

A pattern with 128 added is played at once and stored, so a buzz reads the settings, writes them back with the pattern
and strength of the cue, and then as they were. There is no time and no sequence number; about 15 angles come a second.

Other characteristics erase the device's memory, put it into deep sleep, airplane mode or firmware update (bad4), delete
its history (baa2), or leave the motor running (bae3): writing to an unknown one has broken a device of this maker for
good. What is not listed by `UprightGo2.permits` is therefore impossible to send. Not tried on hardware.
"""

import struct

import numpy as np

from devices.chunks import AngleChunk, BatteryChunk, Chunk, PostureChunk, Timing
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
    sig_uuid,
)

NAMES = ("UprightGO2", "UprightGOS")
"""In full: "UprightGo2DFU" is a device that waits for new firmware, and is left alone."""

POSTURE, ANGLE, CALIBRATION = sig_uuid("bac3"), sig_uuid("bac4"), sig_uuid("bac1")
SETTINGS, VIBRATION = sig_uuid("bab2"), sig_uuid("bab5")
BATTERY, CHARGER = sig_uuid("bad1"), sig_uuid("bad2")

SERVICES = (
    Service(
        sig_uuid("bac0"),
        (
            Characteristic(CALIBRATION, ("write",)),
            Characteristic(POSTURE, ("read", "notify")),
            Characteristic(ANGLE, ("read", "notify")),
        ),
    ),
    Service(
        sig_uuid("bab0"),
        (Characteristic(SETTINGS, ("read", "write")), Characteristic(VIBRATION, ("read", "write", "notify"))),
    ),
    Service(sig_uuid("bad0"), (Characteristic(BATTERY, ("read",)), Characteristic(CHARGER, ("read",)))),
)

ANGLE_RATE_HZ = 15.0
ANGLE_PER_DEG = 10
LARGEST_ANGLE_DEG = 180.0
PACKET_SIZES = range(1, 21)
"""What fits the smallest MTU, which the device uses."""
ANGLE_SIZE = 6
"""Bytes of an angle notification, as seen; only the first two are understood."""

SETTINGS_SIZES = (11, 15)
SENSITIVITIES = range(1, 7)
PATTERN_AT, STRENGTH_AT = 3, 4
PLAY_NOW = 0x80
LONG, MEDIUM, SHORT, KNOCK, LAST_PATTERN = 0, 1, 2, 4, 8
PATTERNS_S = {SHORT: 0.3, MEDIUM: 0.6, LONG: 1.2}
"""How long the patterns are taken to be felt; no source says."""
STRENGTHS = {0x46: 1 / 3, 0x23: 2 / 3, 0x01: 1.0}
"""Gentle, medium and strong."""
PLAYED_AFTER_S = 2.0
"""Our margin before the settings are put back, in case that would cut the pattern short."""

VIBRATION_ON, VIBRATION_OFF = b"\0\0", b"\1\1"
CALIBRATE = Write(CALIBRATION, b"\0")
BATTERY_TRIES, BATTERY_TRY_S = 4, 0.5
"""The device does not know its battery just after connecting."""


class Parser:
    """Turns the packets of one connection into chunks; keeps both halves of the battery's state."""

    def __init__(self) -> None:
        self.skipped = 0
        self._battery = BatteryChunk(None)

    def feed(self, characteristic: str, data: bytes) -> list[Chunk]:
        """Return the angle, the posture or the battery level of this packet."""
        if characteristic in (SETTINGS, VIBRATION):
            return []
        chunk = self._chunk(characteristic, data) if len(data) in PACKET_SIZES else None
        if chunk is None:
            self.skipped += 1
            return []
        return [chunk]

    def _chunk(self, characteristic: str, data: bytes) -> Chunk | None:
        if characteristic == ANGLE:
            return _angle(data)
        if characteristic == POSTURE:
            return PostureChunk(slouching=data[0] != 0, vibrating=data[0] == 2)
        if characteristic == BATTERY and data[0] <= 12:
            self._battery = BatteryChunk(_percent(data[0]), self._battery.charging)
        elif characteristic == CHARGER and data[0] <= 2:
            self._battery = BatteryChunk(self._battery.percent, data[0] == 1)
        else:
            return None
        return self._battery


def _angle(data: bytes) -> AngleChunk | None:
    if len(data) < 2:
        return None
    angle_deg = int.from_bytes(data[:2], "little", signed=True) / ANGLE_PER_DEG
    if abs(angle_deg) > LARGEST_ANGLE_DEG:
        return None
    return AngleChunk(Timing(ANGLE_RATE_HZ), np.array([[angle_deg]]))


def _percent(level: int) -> int | None:
    """Return the state of charge of a battery level, 0 to 12."""
    return (None, 0, 5)[level] if level <= 2 else 10 * (level - 2)


def _level(percent: int | None) -> int:
    """Return the battery level nearest to a state of charge."""
    if percent is None:
        return 0
    return min(range(1, 13), key=lambda level: abs((_percent(level) or 0) - percent))


def encode(chunk: Chunk) -> list[tuple[str, bytes]]:
    """Return the packets, with their characteristics, that the device sends for a chunk."""
    match chunk:
        case AngleChunk(angle_deg=angle_deg):
            counts = np.clip(np.rint(angle_deg[:, 0] * ANGLE_PER_DEG), -1800, 1800).astype(int).tolist()
            return [(ANGLE, struct.pack("<h", count).ljust(ANGLE_SIZE, b"\0")) for count in counts]
        case PostureChunk(slouching, vibrating):
            return [(POSTURE, bytes((2 if vibrating else int(slouching),)))]
        case BatteryChunk(percent, charging):
            return [(BATTERY, bytes((_level(percent),))), (CHARGER, bytes((int(bool(charging)),)))]
        case _:
            raise ValueError(f"an Upright GO 2 does not send a {type(chunk).__name__}")


def with_cue(settings: bytes, pattern: int, strength: int) -> bytes:
    """Return these settings with a pattern to be played at once."""
    return settings[:PATTERN_AT] + bytes((PLAY_NOW | pattern, strength)) + settings[STRENGTH_AT + 1 :]


def without_cue(settings: bytes) -> bytes:
    """Return these settings with their pattern stored but not played."""
    return settings[:PATTERN_AT] + bytes((settings[PATTERN_AT] & ~PLAY_NOW,)) + settings[STRENGTH_AT:]


def is_settings(data: bytes) -> bool:
    """Say whether these bytes are settings in one of the two known forms."""
    return (
        len(data) in SETTINGS_SIZES
        and data[0] in SENSITIVITIES
        and data[PATTERN_AT] & ~PLAY_NOW in range(LAST_PATTERN + 1)
    )


class UprightGo2:
    """The driver; see the module's docstring for the bytes."""

    model: str = "upright_go2"
    title: str = "Upright GO 2"
    capabilities: frozenset[str] = frozenset({"posture", "battery", "haptic", "identify"})
    services: tuple[Service, ...] = SERVICES

    def recognises(self, advertisement: Advertisement) -> bool:
        """Go by the whole name."""
        return (advertisement.name or "").strip("\0 ") in NAMES

    def subscriptions(self, options: StreamOptions) -> tuple[str, ...]:
        """Listen to the angle and to the device's own verdict."""
        return (ANGLE, POSTURE)

    def start(self, options: StreamOptions) -> Procedure:
        """Ask for what is only told on change; the device streams by itself and is left as its owner set it."""
        yield Read(POSTURE)
        yield Read(CHARGER)
        for _ in range(BATTERY_TRIES):
            level = yield Read(BATTERY)
            if level and level[0]:
                return
            yield Wait(BATTERY_TRY_S)

    def stop(self, options: StreamOptions) -> Procedure:
        """Do nothing: without a listener the device goes on by itself."""
        yield from ()

    def buzz(self, buzz: Buzz) -> Procedure:
        """Play the pattern nearest in length and strength."""
        pattern = min(PATTERNS_S, key=lambda name: abs(PATTERNS_S[name] - buzz.duration_s))
        strength = min(STRENGTHS, key=lambda name: abs(STRENGTHS[name] - buzz.strength))
        return self._play(pattern, strength)

    def identify(self) -> Procedure:
        """Knock."""
        return self._play(KNOCK, strength=0x01)

    def calibrate(self) -> Procedure:
        """Make the wearer's present pose the upright one."""
        yield CALIBRATE

    def _play(self, pattern: int, strength: int) -> Procedure:
        """Play a pattern once, with vibration switched on for it, and leave every setting as it was found."""
        settings = (yield Read(SETTINGS)) or b""
        if not is_settings(settings):
            raise Unsupported(self.title, f"buzz: its settings are {len(settings)} bytes of a form not known")
        muted = any((yield Read(VIBRATION)) or b"")
        if muted:
            yield Write(VIBRATION, VIBRATION_ON)
        yield Write(SETTINGS, with_cue(settings, pattern, strength))
        yield Wait(PLAYED_AFTER_S)
        yield Write(SETTINGS, without_cue(settings))
        if muted:
            yield Write(VIBRATION, VIBRATION_OFF)

    def permits(self, write: Write) -> bool:
        """Allow settings of a known form, vibration on and off in two bytes, and calibrating."""
        if write.characteristic == SETTINGS:
            return is_settings(write.data)
        if write.characteristic == VIBRATION:
            return write.data in (VIBRATION_ON, VIBRATION_OFF)
        return write == CALIBRATE

    def parser(self, options: StreamOptions) -> Parser:
        """Return a parser for one connection."""
        return Parser()


DRIVER = UprightGo2()
