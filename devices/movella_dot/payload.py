"""The measurement modes of a DOT: which fields, on which characteristic, and what they mean in SI units.

| field | bytes | meaning |
|---|---|---|
| ts | u32 | time since power-on [us], wraps after 71 min 35 s |
| quat, dq | 4 x f32 | w x y z, sensor to earth (ENU); dq is the increment of one interval |
| euler | 3 x f32 | roll, pitch, yaw [deg], turned in the order ZYX |
| acc, dv | 3 x f32 | specific force [m/s2]; its integral over one interval [m/s]; sensor frame |
| free_acc | 3 x f32 | acceleration in the earth frame without gravity [m/s2] |
| gyr | 3 x f32 | angular rate [deg/s] |
| mag | 3 x i16 | field / 4096, in units of about 40 uT |
| status, clip | u16, 2 x u8 | clipping, ignored here |

Left out, for a reason: modes 1, 17 and 25 use an encoding that only the maker's SDK knows; mode 6 has nothing but free
acceleration, which is neither specific force nor an orientation. Free acceleration in other modes is not passed on.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from devices.chunks import GRAVITY, ImuChunk, Samples, Timing
from devices.movella_dot.attitude import (
    euler_from_quat,
    quat_from_euler,
    quat_from_rotation,
    rotate,
    rotation_from_quat,
)


def uuid(short: str) -> str:
    """Return the full UUID of a DOT characteristic such as "2003"."""
    return f"1517{short}-4947-11e9-8646-d663bd873d93"


LONG, MEDIUM, SHORT = uuid("2002"), uuid("2003"), uuid("2004")
PAYLOAD_SIZES = {LONG: 63, MEDIUM: 40, SHORT: 20}
"""Every notification is padded with zeros to this many bytes."""

NS_PER_TICK = 1000
WRAP_NS = 2**32 * NS_PER_TICK
RAD_PER_DEG = math.pi / 180
MAG_COUNTS_PER_UNIT = 4096
MAG_UT_PER_UNIT = 40.0
"""About so many microtesla are one unit of the device's magnetometer, whose counts reach to 8 units."""

ACC_RANGE = 16 * GRAVITY
GYR_RANGE = 2000 * RAD_PER_DEG
LIMITS = {
    "euler": 360.0,
    "acc": 2 * ACC_RANGE,
    "free_acc": 2 * ACC_RANGE,
    "dv": 2 * ACC_RANGE,
    "gyr": 2 * GYR_RANGE / RAD_PER_DEG,
}
"""Values beyond these, in the unit sent, are garbage and not motion: about twice what the sensor can measure."""

FORMATS = {
    "ts": "I",
    "quat": "4f",
    "euler": "3f",
    "free_acc": "3f",
    "dq": "4f",
    "dv": "3f",
    "acc": "3f",
    "gyr": "3f",
    "mag": "3h",
    "status": "H",
    "clip": "2B",
}
COUNTS = {name: int(code[:-1] or 1) for name, code in FORMATS.items()}
"""How many numbers each field holds."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One measurement mode: its number in the start command, its characteristic, its fields in order."""

    number: int
    characteristic: str
    fields: tuple[str, ...]
    layout: struct.Struct = field(init=False)
    padding: bytes = field(init=False)

    def __post_init__(self) -> None:
        layout = struct.Struct("<" + "".join(FORMATS[name] for name in self.fields))
        object.__setattr__(self, "layout", layout)
        object.__setattr__(self, "padding", bytes(PAYLOAD_SIZES[self.characteristic] - layout.size))


MODES = {
    "extended_quaternion": Mode(2, MEDIUM, ("ts", "quat", "free_acc", "status", "clip")),
    "complete_quaternion": Mode(3, MEDIUM, ("ts", "quat", "free_acc")),
    "euler": Mode(4, SHORT, ("ts", "euler")),
    "quaternion": Mode(5, SHORT, ("ts", "quat")),
    "extended_euler": Mode(7, MEDIUM, ("ts", "euler", "free_acc", "status", "clip")),
    "complete_euler": Mode(16, MEDIUM, ("ts", "euler", "free_acc")),
    "delta_mag": Mode(18, MEDIUM, ("ts", "dq", "dv", "mag")),
    "delta": Mode(19, MEDIUM, ("ts", "dq", "dv")),
    "rate_mag": Mode(20, MEDIUM, ("ts", "acc", "gyr", "mag")),
    "rate": Mode(21, MEDIUM, ("ts", "acc", "gyr")),
    "custom1": Mode(22, MEDIUM, ("ts", "euler", "free_acc", "gyr")),
    "custom2": Mode(23, MEDIUM, ("ts", "euler", "free_acc", "mag")),
    "custom3": Mode(24, MEDIUM, ("ts", "quat", "gyr")),
    "custom5": Mode(26, LONG, ("ts", "quat", "acc", "gyr")),
}


def decode(data: bytes, mode: Mode, rate_hz: float) -> ImuChunk | None:
    """Return the one sample of a notification, or None if these bytes are no payload of this mode."""
    used = mode.layout.size
    if len(data) != used + len(mode.padding) or data[used:] != mode.padding:
        return None
    values = _unpack(data, mode)
    if not all(_is_plausible(name, numbers) for name, numbers in values.items()):
        return None
    fields = {name: np.array([numbers], dtype=np.float64) for name, numbers in values.items()}
    ticks = fields["ts"][0].astype(np.int64) * NS_PER_TICK
    return ImuChunk(
        Timing(rate_hz, ticks, WRAP_NS),
        acc=fields["dv"] * rate_hz if "dv" in fields else fields.get("acc"),
        gyr=_angular_rate(fields, rate_hz),
        mag=fields["mag"] / MAG_COUNTS_PER_UNIT if "mag" in fields else None,
        quat=quat_from_euler(fields["euler"]) if "euler" in fields else fields.get("quat"),
    )


def _unpack(data: bytes, mode: Mode) -> dict[str, tuple[float, ...]]:
    """Return the numbers of each field, unscaled."""
    values = mode.layout.unpack_from(data)
    fields = {}
    start = 0
    for name in mode.fields:
        fields[name] = values[start : start + COUNTS[name]]
        start += COUNTS[name]
    return fields


def _is_plausible(name: str, numbers: tuple[float, ...]) -> bool:
    """Say whether a field can have been measured; every comparison with NaN is false."""
    if name in ("quat", "dq"):
        return abs(sum(number * number for number in numbers) - 1) < 0.1
    return name not in LIMITS or all(abs(number) <= LIMITS[name] for number in numbers)


def _angular_rate(fields: dict[str, Samples], rate_hz: float) -> Samples | None:
    """Return the angular rate [rad/s]; of an increment, its mean over the interval."""
    if "dq" in fields:
        return rotation_from_quat(fields["dq"]) * rate_hz
    return fields["gyr"] * RAD_PER_DEG if "gyr" in fields else None


def encode(chunk: ImuChunk, mode: Mode) -> list[bytes]:
    """Return one notification per sample, as the device would send them: padded, and saturated at its ranges.

    The chunk must hold device time and every quantity that the mode sends; free acceleration is worked out of acc and
    quat where both are there, and zero otherwise.
    """
    columns = [ENCODERS[name](chunk) for name in mode.fields]
    return [
        mode.layout.pack(*(value for column in columns for value in column[row].tolist())) + mode.padding
        for row in range(len(columns[0]))
    ]


def _present(name: str, values: Samples | None) -> Samples:
    if values is None:
        raise ValueError(f"this mode sends {name}, which the chunk does not hold")
    return values


def _ts(chunk: ImuChunk) -> np.ndarray:
    if chunk.timing.ticks is None:
        raise ValueError("a Movella DOT stamps its samples: the chunk must hold device time")
    return np.rint(chunk.timing.ticks / NS_PER_TICK).astype(np.int64)[:, None] % 2**32


def _acc(chunk: ImuChunk) -> Samples:
    return np.clip(_present("acc", chunk.acc), -ACC_RANGE, ACC_RANGE)


def _gyr(chunk: ImuChunk) -> Samples:
    return np.clip(_present("gyr", chunk.gyr), -GYR_RANGE, GYR_RANGE)


def _quat(chunk: ImuChunk) -> Samples:
    return _present("quat", chunk.quat)


def _free_acc(chunk: ImuChunk) -> Samples:
    quat = _quat(chunk)
    if chunk.acc is None:
        return np.zeros((len(quat), 3))
    return rotate(quat, chunk.acc) - (0.0, 0.0, GRAVITY)


def _mag(chunk: ImuChunk) -> np.ndarray:
    counts = np.rint(_present("mag", chunk.mag) * MAG_COUNTS_PER_UNIT)
    return np.clip(counts, -(2**15), 2**15 - 1).astype(np.int64)


def _unclipped(chunk: ImuChunk, width: int) -> np.ndarray:
    return np.zeros((len(_quat(chunk)), width), dtype=np.int64)


ENCODERS: dict[str, Callable[[ImuChunk], np.ndarray]] = {
    "ts": _ts,
    "quat": _quat,
    "euler": lambda chunk: euler_from_quat(_quat(chunk)),
    "free_acc": _free_acc,
    "dq": lambda chunk: quat_from_rotation(_gyr(chunk) / chunk.timing.rate_hz),
    "dv": lambda chunk: _acc(chunk) / chunk.timing.rate_hz,
    "acc": _acc,
    "gyr": lambda chunk: _gyr(chunk) / RAD_PER_DEG,
    "mag": _mag,
    "status": lambda chunk: _unclipped(chunk, 1),
    "clip": lambda chunk: _unclipped(chunk, 2),
}
