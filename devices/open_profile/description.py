"""What a sensor of the open profile says about its streams.

| byte | what |
|---|---|
| 0 | u8 version of the profile: 1 |
| 1 | u8 number of streams, 1 to 3, each of another kind |
| then, for each stream: 0 | u8 stream number |
| 1 | u8 kind: 1 imu, 2 emg, 3 angle |
| 2 | u8 fields of an imu sample, in this order: 1 acc, 2 gyr, 4 mag, 8 quat; 0 for the other kinds |
| 3 | u8 numbers in a sample: 3 for acc, gyr and mag each, 4 for quat; the channels of the other kinds |
| 4 | u8 format of a number: 1 i16 times a scale, 2 f32 |
| 5 | u8 unit of emg: 1 V, 2 counts; 0 for the other kinds |
| 6-9 | f32 nominal rate, 0.01 to 100 000 [Hz] |
| 10- | format 1 only: one f32 scale for each field of an imu, one in all for the other kinds |
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["imu", "emg", "angle"]
Format = Literal["i16", "f32"]
Unit = Literal["SI", "V", "counts", "deg"]

VERSION = 1
MAX_STREAMS = 3
"""One of each kind: chunks do not tell apart the streams of one kind, so a sensor has no two of them."""
MAX_CHANNELS = 64
MIN_RATE_HZ, MAX_RATE_HZ = 0.01, 100_000.0
"""Rates that a body-worn sensor can have. A description is whatever a stranger sent: the period of 1e-40 Hz overflows
64-bit nanoseconds, and beyond 100 kHz samples lie closer together than the host's time line keeps apart."""

HEAD = struct.Struct("<BB")
STREAM = struct.Struct("<BBBBBBf")
SCALE = struct.Struct("<f")

_LEAST_RATE_HZ: float = SCALE.unpack(SCALE.pack(MIN_RATE_HZ))[0]
"""The f32 nearest to the lowest rate, which is a little below it."""

KINDS: dict[Kind, int] = {"imu": 1, "emg": 2, "angle": 3}
FORMATS: dict[Format, int] = {"i16": 1, "f32": 2}
NUMBER_SIZES: dict[Format, int] = {"i16": 2, "f32": 4}
UNITS: dict[Kind, dict[Unit, int]] = {"imu": {"SI": 0}, "emg": {"V": 1, "counts": 2}, "angle": {"deg": 0}}
"""The units a kind can have and their codes, the usual one first."""
IMU_FIELDS = {"acc": 3, "gyr": 3, "mag": 3, "quat": 4}
"""Fields of an inertial sample in their order, and how many numbers each has; their place is their bit."""


@dataclass(frozen=True, slots=True)
class OpenStream:
    """One stream of a sensor; a ValueError says what is wrong with it.

    Rate and scales are kept as the f32 that go over the air, so that both ends compute with the same numbers.
    """

    id: int
    """0 to 255, different for each stream of a sensor."""
    kind: Kind
    fields: tuple[str, ...]
    """Of an imu: those of acc [m/s2], gyr [rad/s], mag [any unit], quat that it sends, in this order; else the kind."""
    rate_hz: float
    """Nominal rate; the packets say the true one."""
    format: Format = "f32"
    scales: tuple[float, ...] = ()
    """For i16: what one count is worth, for each of `fields`."""
    channels: int = 1
    """Of emg and angle; 1 for an imu."""
    unit: Unit | None = None
    """V or counts for emg, SI for imu, deg for angle; None becomes the first of these."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.format not in FORMATS:
            raise ValueError(f"a stream is imu, emg or angle in i16 or f32, not {self.kind} in {self.format}")
        object.__setattr__(self, "unit", self.unit or next(iter(UNITS[self.kind])))
        if self.unit not in UNITS[self.kind]:
            raise ValueError(f"the unit of an {self.kind} stream is {' or '.join(UNITS[self.kind])}, not {self.unit}")
        object.__setattr__(self, "fields", tuple(self.fields))
        known = tuple(name for name in IMU_FIELDS if name in self.fields) if self.kind == "imu" else (self.kind,)
        if not known or self.fields != known:
            raise ValueError(f"an {self.kind} stream has fields such as {known}, in this order, not {self.fields}")
        most = 1 if self.kind == "imu" else MAX_CHANNELS
        if not 0 <= self.id <= 255 or not 1 <= self.channels <= most:
            raise ValueError(f"stream {self.id} with {self.channels} channels: at most 255, and 1 to {most}")
        if len(self.scales) != (len(self.fields) if self.format == "i16" else 0):
            raise ValueError(f"i16 needs one scale per field and f32 none: {self.scales} for {self.fields}")
        object.__setattr__(self, "rate_hz", _positive_f32(self.rate_hz))
        object.__setattr__(self, "scales", tuple(map(_positive_f32, self.scales)))
        if not _LEAST_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"a rate of {self.rate_hz} Hz is not between {MIN_RATE_HZ} and {MAX_RATE_HZ} Hz")

    @property
    def widths(self) -> tuple[int, ...]:
        """How many numbers each of `fields` has."""
        return tuple(IMU_FIELDS[name] for name in self.fields) if self.kind == "imu" else (self.channels,)

    @property
    def sample_size(self) -> int:
        """Bytes of one sample."""
        return sum(self.widths) * NUMBER_SIZES[self.format]


def _positive_f32(value: float) -> float:
    """Return the nearest f32 if that is a finite number above zero."""
    try:
        rounded: float = SCALE.unpack(SCALE.pack(value))[0]
    except OverflowError:
        rounded = math.inf
    if not 0 < rounded < math.inf:
        raise ValueError(f"rates and scales are finite numbers above zero, not {value}")
    return rounded


def describe(streams: Sequence[OpenStream]) -> bytes:
    """Return the value of the description characteristic."""
    ids, kinds = {stream.id for stream in streams}, {stream.kind for stream in streams}
    if not streams or len(ids) < len(streams) or len(kinds) < len(streams):
        raise ValueError(
            f"a sensor has one to {MAX_STREAMS} streams, with kinds and numbers of their own, not {streams}"
        )
    return HEAD.pack(VERSION, len(streams)) + b"".join(map(_describe_stream, streams))


def _describe_stream(stream: OpenStream) -> bytes:
    is_imu = stream.kind == "imu"
    mask = sum(1 << place for place, name in enumerate(IMU_FIELDS) if is_imu and name in stream.fields)
    head = STREAM.pack(
        stream.id,
        KINDS[stream.kind],
        mask,
        sum(stream.widths),
        FORMATS[stream.format],
        UNITS[stream.kind][stream.unit or "SI"],
        stream.rate_hz,
    )
    return head + b"".join(map(SCALE.pack, stream.scales))


def parse_description(data: bytes) -> tuple[OpenStream, ...] | None:
    """Return the streams of a description, or None if it is none: whoever sent it may send anything."""
    try:
        streams = _parse(data)
        is_exact = describe(streams) == data
    except (ValueError, KeyError, IndexError, struct.error):
        return None
    return streams if is_exact else None


def _parse(data: bytes) -> tuple[OpenStream, ...]:
    _, count = HEAD.unpack_from(data)
    streams: list[OpenStream] = []
    at = HEAD.size
    while len(streams) < min(count, MAX_STREAMS):
        stream = _parse_stream(data, at)
        streams.append(stream)
        at += STREAM.size + len(stream.scales) * SCALE.size
    return tuple(streams)


def _parse_stream(data: bytes, at: int) -> OpenStream:
    number, kind_code, mask, width, format_code, unit_code, rate_hz = STREAM.unpack_from(data, at)
    kind = {code: kind for kind, code in KINDS.items()}[kind_code]
    sent_as = {code: name for name, code in FORMATS.items()}[format_code]
    unit = {code: unit for unit, code in UNITS[kind].items()}[unit_code]
    is_imu = kind == "imu"
    fields = tuple(name for place, name in enumerate(IMU_FIELDS) if mask >> place & 1) if is_imu else (kind,)
    scales = len(fields) if sent_as == "i16" else 0
    return OpenStream(
        number,
        kind,
        fields,
        rate_hz,
        sent_as,
        tuple(SCALE.unpack_from(data, at + STREAM.size + place * SCALE.size)[0] for place in range(scales)),
        channels=1 if is_imu else width,
        unit=unit,
    )
