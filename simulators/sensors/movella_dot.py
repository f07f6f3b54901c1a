"""The habits of a Movella DOT: it stamps every sample, pads every packet, and measures on when the link drops."""

import numpy as np

from devices.chunks import ImuChunk, Timing
from devices.movella_dot import DRIVER, MAG_UT_PER_UNIT, MODES, Mode, encode
from devices.movella_dot.driver import (
    BATTERY,
    COMPANY,
    CONTROL_SIZE,
    DEFAULT_RATE_HZ,
    DEVICE_CONTROL,
    MEASUREMENT_CONTROL,
    RATE_OFFSET,
    RATES_HZ,
    VISIT_IDENTIFY,
    VISIT_RATE,
)
from devices.movella_dot.payload import NS_PER_TICK, uuid
from devices.profile import Service
from simulators.radio.peripheral import Advertised, Refused
from simulators.sensors.attitude import Attitude
from simulators.sensors.habits import Battery, Cue, Due, Felt, in_order, nothing_felt, steps, true_rate
from simulators.sensors.source import Floats, SampleSource

DEVICE_INFO = uuid("1001")
VISIT_POWER, POWER_OFF = 0x02, 0x01
FIRMWARE = (2, 2, 0)
MAG_T_PER_UNIT = MAG_UT_PER_UNIT * 1e-6
NEEDS_QUAT = {"quat", "euler", "free_acc"}
NAME_OF_MODE = {mode.number: name for name, mode in MODES.items()}


class MovellaDotHabits:
    """One DOT."""

    def __init__(
        self,
        source: SampleSource,
        address: str,
        *,
        battery: Battery | None = None,
        start_tick_us: int = 1_000_000,
        clock_ppm: float = 0.0,
    ) -> None:
        """Keep what makes this unit differ from others.

        start_tick_us: Its clock at the start of the air [us]; near 2**32 it soon wraps.
        clock_ppm: How much too fast its clock runs.
        """
        self.advertised = Advertised(b"Movella DOT", manufacturer={COMPANY: b""})
        self.services: tuple[Service, ...] = DRIVER.services
        self.felt: Felt = nothing_felt()
        self.awake = True
        self.rate_hz = DEFAULT_RATE_HZ
        self.mode: str | None = None
        """The mode it measures in, by the driver's name."""
        self._source = source
        self._address = address
        self._battery = battery or Battery()
        self._start_tick_us = start_tick_us
        self._clock_ppm = clock_ppm
        self._since = 0.0
        self._attitude = Attitude()

    def read(self, uuid: str, now: float) -> bytes:
        """Answer a read."""
        if uuid == BATTERY:
            return bytes((self._battery.at(now), 0))
        if uuid == MEASUREMENT_CONTROL:
            return bytes((1, self.mode is not None, MODES[self.mode].number if self.mode else 0))
        if uuid == DEVICE_CONTROL:
            return (bytes(RATE_OFFSET) + self.rate_hz.to_bytes(2, "little")).ljust(CONTROL_SIZE, b"\0")
        if uuid == DEVICE_INFO:
            return (bytes.fromhex(self._address.replace(":", ""))[::-1] + bytes(FIRMWARE)).ljust(34, b"\0")
        raise Refused(f"a DOT has nothing to read at {uuid}")

    def write(self, uuid: str, data: bytes, now: float) -> bool:
        """Obey a command; a new rate is refused while measuring."""
        if uuid == MEASUREMENT_CONTROL and len(data) == 3 and data[0] == 1:
            return self._measure(bool(data[1]), data[2], now)
        if uuid == DEVICE_CONTROL and len(data) == CONTROL_SIZE:
            return self._control(data, now)
        raise Refused(f"a DOT does not understand {data.hex(' ')}")

    def linked(self, up: bool, now: float) -> None:
        """Go on measuring, whoever listens."""

    def produce(self, start: float, stop: float) -> list[Due]:
        """Return the samples and the changes of the battery."""
        due = [Due(at, BATTERY, bytes((percent, 0))) for at, percent in self._battery.changes(start, stop)]
        if self.mode is not None and self.awake:
            due += self._samples(self.mode, MODES[self.mode], start, stop)
        return in_order(due)

    def _measure(self, on: bool, number: int, now: float) -> bool:
        if not on:
            self.mode = None
        elif number not in NAME_OF_MODE:
            raise Refused(f"measuring in mode {number} is not simulated")
        elif self.mode is None:
            self.mode, self._since = NAME_OF_MODE[number], now
            self._attitude = Attitude()
        return True

    def _control(self, data: bytes, now: float) -> bool:
        if data[0] & VISIT_RATE:
            rate_hz = int.from_bytes(data[RATE_OFFSET : RATE_OFFSET + 2], "little")
            if self.mode is not None or rate_hz not in RATES_HZ:
                raise Refused(f"a rate of {rate_hz} Hz cannot be set{' while measuring' if self.mode else ''}")
            self.rate_hz = rate_hz
        if data[0] & VISIT_IDENTIFY and data[1]:
            self.felt.append(Cue(now, "blink"))
        if data[0] & VISIT_POWER and data[2] & POWER_OFF:
            self.awake, self.mode = False, None
            return True
        return False

    def _samples(self, name: str, mode: Mode, start: float, stop: float) -> list[Due]:
        rate_hz = true_rate(self.rate_hz, self._clock_ppm)
        numbers = steps(self._since, rate_hz, start, stop)
        if not len(numbers):
            return []
        t = self._since + numbers / rate_hz
        acc, gyr, mag = self._source.imu(t)
        quat = self._attitude.follow(numbers, acc, gyr, mag, 1 / rate_hz) if NEEDS_QUAT & set(mode.fields) else None
        chunk = ImuChunk(Timing(float(self.rate_hz), self._ticks(t)), acc, gyr, mag / MAG_T_PER_UNIT, quat)
        packets = encode(chunk, name)
        return [Due(at, where, data) for at, (where, data) in zip(t.tolist(), packets, strict=True)]

    def _ticks(self, t: Floats) -> np.ndarray:
        us = self._start_tick_us + np.rint(t * (1.0 + self._clock_ppm * 1e-6) * 1e6).astype(np.int64)
        return us * NS_PER_TICK
