"""Thalmic Myo: an armband with eight EMG channels, an inertial sensor and a vibration motor.

Sources: the maker's myohw.h (thalmiclabs/myo-bluetooth) for services and commands; third-party clients and their
captured packets (iomz/dl-myo, Crimson-Crow/pymyo, hcmlab/ssj, PerlinWarp/pyomyo) for lengths on the air, byte order
and the pattern command. UUIDs are d506xxxx-a904-deb9-4748-2c7f4a124842, numbers little-endian.

| xxxx | what | bytes |
|---|---|---|
| 0105 0205 0305 0405 | EMG, notified in this order round and round | 16: 2 consecutive samples of 8 x i8 |
| 0402 | IMU | 20: quat w x y z i16 / 16384, acc 3 x i16 / 2048 [g], gyr 3 x i16 / 16 [deg/s] |
| 0502 | motion event | 3: 00, direction, count of taps |
| 0103 | classifier event | 3 to 6: 1 arm, 2 arm lost, 3 pose, 4 unlocked, 5 locked, 6 failed |
| 0104 | EMG rectified and smoothed by the armband | 17: 8 x u16, mask |
| 0201 | firmware | 8: 4 x u16, major, minor, patch, hardware (1 rev C, 2 rev D) |
| 0401 | command | command, length of the rest, rest |

| command | bytes |
|---|---|
| set mode | 01 03 emg imu classifier; emg 02 filtered, 03 raw; imu 03 data and events |
| vibrate | 03 01 n; n 1 short, 2 medium, 3 long |
| pattern | 07 12, then 6 steps of duration u16 [ms], strength u8 |
| sleep mode | 09 01 00 normal, 09 01 01 never sleep |

There is no time and no sequence number: samples are stamped on arrival, and the rotation of the four EMG
characteristics tells how many notifications were lost, up to three in a row. EMG has no published scale: counts.
Command 04, deep sleep, may leave the armband impossible to wake, and is refused. Not tried on hardware.
"""

import struct

import numpy as np

from devices.chunks import GRAVITY, BatteryChunk, ButtonChunk, Chunk, EmgChunk, ImuChunk, Timing
from devices.profile import (
    BATTERY_LEVEL,
    BATTERY_SERVICE,
    Advertisement,
    Buzz,
    Characteristic,
    Procedure,
    Read,
    Service,
    StreamOptions,
    Wait,
    Write,
)


def uuid(short: str) -> str:
    """Return the full UUID of a Myo service or characteristic such as "0401"."""
    return f"d506{short}-a904-deb9-4748-2c7f4a124842"


CONTROL_SERVICE, FIRMWARE, COMMAND = uuid("0001"), uuid("0201"), uuid("0401")
IMU, MOTION = uuid("0402"), uuid("0502")
CLASSIFIER, RECTIFIED = uuid("0103"), uuid("0104")
EMG = (uuid("0105"), uuid("0205"), uuid("0305"), uuid("0405"))

SERVICES = (
    Service(
        CONTROL_SERVICE,
        (
            Characteristic(uuid("0101"), ("read",)),
            Characteristic(FIRMWARE, ("read",)),
            Characteristic(COMMAND, ("write",)),
        ),
    ),
    Service(uuid("0002"), (Characteristic(IMU, ("notify",)), Characteristic(MOTION, ("indicate",)))),
    Service(uuid("0003"), (Characteristic(CLASSIFIER, ("indicate",)),)),
    Service(uuid("0004"), (Characteristic(RECTIFIED, ("notify",)),)),
    Service(uuid("0005"), tuple(Characteristic(emg, ("notify",)) for emg in EMG)),
    Service(BATTERY_SERVICE, (Characteristic(BATTERY_LEVEL, ("read", "notify")),)),
)

EMG_RATE_HZ, IMU_RATE_HZ, RECTIFIED_RATE_HZ = 200.0, 50.0, 50.0
EMG_CHANNELS, SAMPLES_PER_PACKET = 8, 2

IMU_LAYOUT = struct.Struct("<10h")
RECTIFIED_LAYOUT = struct.Struct("<8HB")
FIRMWARE_LAYOUT = struct.Struct("<4H")
HARDWARE = {1: "C", 2: "D"}
MOTION_SIZE = 3
CLASSIFIER_SIZES = range(3, 7)
CLASSIFIER_EVENTS = range(1, 7)

QUAT_COUNTS = 16384
MS2_PER_COUNT = GRAVITY / 2048
RAD_S_PER_COUNT = np.pi / 180 / 16

MODES = {"filtered": 2, "raw": 3}
"""EMG with or without the armband's own removal of mains hum; both unrectified."""
DEFAULT_MODE = "filtered"
IMU_DATA_AND_EVENTS = 3

NEVER_SLEEP = Write(COMMAND, bytes((9, 1, 1)))
NORMAL_SLEEP = Write(COMMAND, bytes((9, 1, 0)))
QUIET = Write(COMMAND, bytes((1, 3, 0, 0, 0)))

VIBRATIONS_S = (0.3, 0.6, 1.0)
"""How long the three fixed vibrations are taken to be felt; the maker published no durations."""
PATTERN_STEPS, PATTERN_SIZE = 6, 18
PATTERN_LONGEST_S = 5.0
"""A cue longer than this is a mistake."""


def set_mode(name: str | None) -> Write:
    """Switch on EMG in a mode of `MODES`, the IMU and taps; ValueError names the known modes."""
    if (name or DEFAULT_MODE) not in MODES:
        raise ValueError(f"a Myo has no mode {name!r}: choose one of {', '.join(MODES)}")
    return Write(COMMAND, bytes((1, 3, MODES[name or DEFAULT_MODE], IMU_DATA_AND_EVENTS, 0)))


def vibrate(length: int) -> Write:
    """Vibrate in the armband's own way: 1 short, 2 medium, 3 long."""
    return Write(COMMAND, bytes((3, 1, length)))


def vibrate_pattern(*steps: tuple[float, float]) -> Write:
    """Vibrate in up to six steps of duration [s] and strength, 0 to 1."""
    if len(steps) > PATTERN_STEPS:
        raise ValueError(f"a vibration has at most {PATTERN_STEPS} steps, not {len(steps)}")
    packed = b"".join(struct.pack("<HB", round(1000 * duration), round(255 * power)) for duration, power in steps)
    return Write(COMMAND, bytes((7, PATTERN_SIZE)) + packed.ljust(PATTERN_SIZE, b"\0"))


SAFE_COMMANDS = frozenset(
    write.data
    for write in (NEVER_SLEEP, NORMAL_SLEEP, QUIET, *map(set_mode, MODES), vibrate(1), vibrate(2), vibrate(3))
)


class Parser:
    """Turns the packets of one connection into chunks; keeps which EMG characteristic is due next."""

    def __init__(self) -> None:
        self.skipped = 0
        self._due: int | None = None

    def feed(self, characteristic: str, data: bytes) -> list[Chunk]:
        """Return the samples or the event of this packet."""
        if characteristic in EMG:
            chunk: Chunk | None = self._emg(EMG.index(characteristic), data)
        elif characteristic == IMU:
            chunk = _imu(data)
        elif characteristic == BATTERY_LEVEL:
            chunk = _battery(data)
        elif characteristic == MOTION:
            chunk = _tap(data)
        elif characteristic == RECTIFIED:
            chunk = _rectified(data)
        elif characteristic == CLASSIFIER and _is_classifier_event(data):
            return []
        else:
            chunk = None
        if chunk is None:
            self.skipped += 1
            return []
        return [chunk]

    def _emg(self, turn: int, data: bytes) -> EmgChunk | None:
        if len(data) != SAMPLES_PER_PACKET * EMG_CHANNELS:
            return None
        lost = 0 if self._due is None else (turn - self._due) % len(EMG)
        self._due = (turn + 1) % len(EMG)
        counts = np.frombuffer(data, dtype=np.int8).reshape(SAMPLES_PER_PACKET, EMG_CHANNELS)
        return EmgChunk(Timing(EMG_RATE_HZ, lost=lost * SAMPLES_PER_PACKET), counts.astype(np.float64), "counts")


def _imu(data: bytes) -> ImuChunk | None:
    if len(data) != IMU_LAYOUT.size:
        return None
    counts = np.frombuffer(data, dtype="<i2").astype(np.float64)[None, :]
    quat = counts[:, :4] / QUAT_COUNTS
    if abs((quat * quat).sum() - 1) > 0.1:
        return None
    return ImuChunk(
        Timing(IMU_RATE_HZ), acc=counts[:, 4:7] * MS2_PER_COUNT, gyr=counts[:, 7:] * RAD_S_PER_COUNT, quat=quat
    )


def _battery(data: bytes) -> BatteryChunk | None:
    return BatteryChunk(data[0]) if len(data) == 1 and data[0] <= 100 else None


def _tap(data: bytes) -> ButtonChunk | None:
    return ButtonChunk("tap", data[2]) if len(data) == MOTION_SIZE and data[0] == 0 else None


def _rectified(data: bytes) -> EmgChunk | None:
    if len(data) != RECTIFIED_LAYOUT.size:
        return None
    counts = np.array([RECTIFIED_LAYOUT.unpack(data)[:EMG_CHANNELS]], dtype=np.float64)
    return EmgChunk(Timing(RECTIFIED_RATE_HZ), counts, "counts")


def _is_classifier_event(data: bytes) -> bool:
    """Say whether these bytes are an event of the classifier, which we never switch on and leave aside."""
    return len(data) in CLASSIFIER_SIZES and data[0] in CLASSIFIER_EVENTS


def firmware(data: bytes) -> str | None:
    """Return the version and the hardware revision that the firmware characteristic tells, such as "1.5.1970 rev D"."""
    if len(data) != FIRMWARE_LAYOUT.size:
        return None
    major, minor, patch, hardware = FIRMWARE_LAYOUT.unpack(data)
    return f"{major}.{minor}.{patch} rev {HARDWARE.get(hardware, '?')}"


def encode(chunk: Chunk, rotation: int = 0) -> list[tuple[str, bytes]]:
    """Return the notifications, with their characteristics, that a Myo sends for a chunk; numbers saturate.

    rotation: How many EMG notifications were sent before, lost ones included.
    """
    match chunk:
        case EmgChunk():
            return _encode_emg(chunk, rotation)
        case ImuChunk():
            return _encode_imu(chunk)
        case BatteryChunk(percent, _):
            return [(BATTERY_LEVEL, bytes((percent or 0,)))]
        case ButtonChunk("tap", count):
            return [(MOTION, bytes((0, 2, count)))]
        case _:
            raise ValueError(f"a Myo does not send a {type(chunk).__name__}")


def _encode_emg(chunk: EmgChunk, rotation: int) -> list[tuple[str, bytes]]:
    if chunk.unit != "counts" or chunk.emg.shape[1:] != (EMG_CHANNELS,) or len(chunk.emg) % SAMPLES_PER_PACKET:
        raise ValueError(f"a Myo sends pairs of {EMG_CHANNELS} counts, not {chunk.emg.shape} in {chunk.unit}")
    counts = np.clip(np.rint(chunk.emg), -128, 127).astype(np.int8)
    pairs = counts.reshape(-1, SAMPLES_PER_PACKET * EMG_CHANNELS)
    return [(EMG[(rotation + turn) % len(EMG)], pair.tobytes()) for turn, pair in enumerate(pairs)]


def _encode_imu(chunk: ImuChunk) -> list[tuple[str, bytes]]:
    if chunk.acc is None or chunk.gyr is None or chunk.quat is None:
        raise ValueError("a Myo sends acc, gyr and quat together")
    counts = np.hstack((chunk.quat * QUAT_COUNTS, chunk.acc / MS2_PER_COUNT, chunk.gyr / RAD_S_PER_COUNT))
    rows = np.clip(np.rint(counts), -(2**15), 2**15 - 1).astype("<i2")
    return [(IMU, row.tobytes()) for row in rows]


class Myo:
    """The driver; see the module's docstring for the bytes."""

    model: str = "myo"
    title: str = "Thalmic Myo"
    capabilities: frozenset[str] = frozenset({"emg", "imu", "battery", "haptic", "identify"})
    services: tuple[Service, ...] = SERVICES

    def recognises(self, advertisement: Advertisement) -> bool:
        """Go by the control service; the name is the owner's choice, and only the factory's is known."""
        name = (advertisement.name or "").strip("\0 ")
        return CONTROL_SERVICE in advertisement.service_uuids or name == "Myo"

    def subscriptions(self, options: StreamOptions) -> tuple[str, ...]:
        """Listen to all four EMG characteristics: one left out silently loses a quarter of the samples."""
        return (*EMG, IMU, MOTION, BATTERY_LEVEL)

    def start(self, options: StreamOptions) -> Procedure:
        """Keep it awake, then switch the streams on; it forgets both whenever it slept."""
        mode = set_mode(options.mode)
        yield NEVER_SLEEP
        yield Read(BATTERY_LEVEL)
        yield mode

    def stop(self, options: StreamOptions) -> Procedure:
        """Switch the streams off and let it sleep when it lies still."""
        yield QUIET
        yield NORMAL_SLEEP

    def buzz(self, buzz: Buzz) -> Procedure:
        """Vibrate at full strength by the certain commands, at a lower one by the pattern command."""
        if buzz.strength >= 1:
            yield vibrate(1 + int(np.argmin(np.abs(np.array(VIBRATIONS_S) - buzz.duration_s))))
        else:
            duration_s = min(max(buzz.duration_s, 0.0), PATTERN_LONGEST_S)
            yield vibrate_pattern((duration_s, max(buzz.strength, 0.0)))

    def identify(self) -> Procedure:
        """Vibrate twice."""
        yield vibrate(1)
        yield Wait(0.6)
        yield vibrate(1)

    def permits(self, write: Write) -> bool:
        """Allow the modes used here, vibrations and staying awake."""
        is_pattern = write.data[:2] == bytes((7, PATTERN_SIZE)) and len(write.data) == 2 + PATTERN_SIZE
        return write.characteristic == COMMAND and (is_pattern or write.data in SAFE_COMMANDS)

    def parser(self, options: StreamOptions) -> Parser:
        """Return a parser for one connection."""
        return Parser()


DRIVER = Myo()
