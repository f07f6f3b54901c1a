"""The habits of a Myo: EMG goes round four characteristics, nothing carries a time, stillness sends it to sleep."""

import numpy as np

from devices.chunks import EmgChunk, ImuChunk, Timing
from devices.myo import (
    COMMAND,
    CONTROL_SERVICE,
    DRIVER,
    EMG,
    EMG_RATE_HZ,
    FIRMWARE,
    IMU_RATE_HZ,
    NEVER_SLEEP,
    NORMAL_SLEEP,
    PATTERN_SIZE,
    SAMPLES_PER_PACKET,
    encode,
)
from devices.profile import BATTERY_LEVEL, Service
from simulators.radio.peripheral import Advertised, Refused
from simulators.sensors.attitude import Attitude
from simulators.sensors.habits import Battery, Cue, Due, Felt, in_order, nothing_felt, steps, true_rate
from simulators.sensors.source import Floats, SampleSource

VOLTS_PER_COUNT = 8e-6
"""Ours: the maker published no scale. A strong contraction of 1 mV fills the int8."""
VIBRATIONS = {1: "short", 2: "medium", 3: "long"}
SET_MODE, VIBRATE, DEEP_SLEEP, PATTERN = 0x01, 0x03, 0x04, 0x07
EMG_ON, IMU_ON = (2, 3), (1, 3)
STILL_S = 30.0
"""It falls asleep after so long without movement, unless told not to."""
STILL_RAD_S = 0.15
"""Angular rate below which the arm counts as still."""
FIRMWARE_VERSION = bytes.fromhex("01000500b2070200")


class MyoHabits:
    """One armband."""

    def __init__(
        self,
        source: SampleSource,
        *,
        name: bytes = b"Myo",
        battery: Battery | None = None,
        volts_per_count: float = VOLTS_PER_COUNT,
        clock_ppm: float = 0.0,
    ) -> None:
        """Keep what makes this unit differ from others.

        name: The owner's name for it; on the air it is padded with NUL to eight bytes.
        clock_ppm: How much too fast its clock runs.
        """
        self.advertised = Advertised(name.ljust(8, b"\0"), (CONTROL_SERVICE,), complete=False)
        self.services: tuple[Service, ...] = DRIVER.services
        self.felt: Felt = nothing_felt()
        self.awake = True
        self.never_sleeps = False
        self.mode = (0, 0)
        """EMG and IMU mode."""
        self._source = source
        self._battery = battery or Battery()
        self._volts_per_count = volts_per_count
        self._clock_ppm = clock_ppm
        self._since = 0.0
        self._moved: float | None = None
        self._attitude = Attitude()

    def read(self, uuid: str, now: float) -> bytes:
        """Answer a read."""
        if uuid == BATTERY_LEVEL:
            return bytes((self._battery.at(now),))
        if uuid == FIRMWARE:
            return FIRMWARE_VERSION
        return bytes(20)

    def write(self, uuid: str, data: bytes, now: float) -> bool:
        """Obey a command."""
        if uuid != COMMAND or len(data) < 2 or len(data) != 2 + data[1]:
            raise Refused(f"a Myo does not understand {data.hex(' ')}")
        if data[0] == VIBRATE:
            self.felt.append(Cue(now, VIBRATIONS.get(data[2], "none")))
        elif data[0] == PATTERN and data[1] == PATTERN_SIZE:
            self.felt.append(Cue(now, "pattern"))
        elif data in (NEVER_SLEEP.data, NORMAL_SLEEP.data):
            self.never_sleeps, self._moved = data == NEVER_SLEEP.data, now
        elif data[0] == SET_MODE and data[1] == 3:
            self.mode, self._since, self._moved = (data[2], data[3]), now, now
            self._attitude = Attitude()
            return True
        elif data[0] == DEEP_SLEEP:
            self._fall_asleep()
            return True
        return False

    def linked(self, up: bool, now: float) -> None:
        """Count a new connection as movement."""
        self._moved = now

    def produce(self, start: float, stop: float) -> list[Due]:
        """Return EMG, IMU and the changes of the battery; watch for stillness."""
        self._watch(start, stop)
        due = [Due(at, BATTERY_LEVEL, bytes((percent,))) for at, percent in self._battery.changes(start, stop)]
        if self.awake and self.mode[0] in EMG_ON:
            due += self._emg(start, stop)
        if self.awake and self.mode[1] in IMU_ON:
            due += self._imu(start, stop)
        return in_order(due)

    def _emg(self, start: float, stop: float) -> list[Due]:
        rate_hz = true_rate(EMG_RATE_HZ, self._clock_ppm)
        # a packet is sent with its second sample
        numbers = steps(self._since + 1 / rate_hz, rate_hz / SAMPLES_PER_PACKET, start, stop)
        if not len(numbers):
            return []
        t = self._since + (SAMPLES_PER_PACKET * numbers[:, None] + np.arange(SAMPLES_PER_PACKET)) / rate_hz
        chunk = EmgChunk(Timing(EMG_RATE_HZ), self._source.emg(t.ravel()) / self._volts_per_count, "counts")
        packets = encode(chunk, rotation=int(numbers[0]) % len(EMG))
        return [Due(at, where, data) for at, (where, data) in zip(t[:, -1].tolist(), packets, strict=True)]

    def _imu(self, start: float, stop: float) -> list[Due]:
        rate_hz = true_rate(IMU_RATE_HZ, self._clock_ppm)
        numbers = steps(self._since, rate_hz, start, stop)
        if not len(numbers):
            return []
        t = self._since + numbers / rate_hz
        acc, gyr, mag = self._source.imu(t)
        quat = self._attitude.follow(numbers, acc, gyr, mag, 1 / rate_hz)
        packets = encode(ImuChunk(Timing(IMU_RATE_HZ), acc, gyr, quat=quat))
        return [Due(at, where, data) for at, (where, data) in zip(t.tolist(), packets, strict=True)]

    def _watch(self, start: float, stop: float) -> None:
        if self.awake and self.never_sleeps:
            return
        if self._moved is None or self._moves(np.array([start, (start + stop) / 2])):
            self._moved, self.awake = start, True
        elif start - self._moved >= STILL_S and self.awake:
            self._fall_asleep()

    def _moves(self, t: Floats) -> bool:
        _, gyr, _ = self._source.imu(t)
        return bool(np.any(np.linalg.norm(gyr, axis=1) > STILL_RAD_S))

    def _fall_asleep(self) -> None:
        """Sleep, and forget every setting."""
        self.awake, self.never_sleeps, self.mode = False, False, (0, 0)
