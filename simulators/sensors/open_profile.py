"""The habits of a self-built sensor of the open profile."""

from collections.abc import Mapping, Sequence

import numpy as np

from devices.open_profile import CONTROL, DATA, DESCRIPTION, DRIVER, SERVICE, Encoder, OpenStream, describe
from devices.open_profile.driver import HAPTIC, HAPTIC_CODE, IDENTIFY, RATE, RATE_CODE, START, STOP
from devices.open_profile.packets import DEFAULT_SIZE, HEAD
from devices.profile import BATTERY_LEVEL, Service
from simulators.radio.peripheral import Advertised, Refused
from simulators.sensors.attitude import Attitude
from simulators.sensors.habits import Battery, Cue, Due, Felt, in_order, nothing_felt, steps, true_rate
from simulators.sensors.source import Floats, SampleSource

COMPLETE_NAME_BYTES = 8
"""What is left of an advertisement beside the flags and a 128-bit UUID."""


def advertised(name: str) -> Advertised:
    """Return the advertisement of an open-profile sensor; a long name is shortened."""
    raw = name.encode()
    return Advertised(raw[:COMPLETE_NAME_BYTES], (SERVICE,), complete=len(raw) <= COMPLETE_NAME_BYTES)


class OpenHabits:
    """A self-built sensor: streams of any kind from one source, each packet sent with its last sample."""

    def __init__(
        self,
        source: SampleSource,
        streams: Sequence[OpenStream],
        *,
        name: str = "open",
        battery: Battery | None = None,
        motor: bool = False,
        packet_bytes: int = DEFAULT_SIZE,
        start_ns: int = 0,
        clock_ppm: float = 0.0,
    ) -> None:
        """Keep what makes this unit differ from others.

        motor: Whether it can vibrate; else a haptic command is refused.
        packet_bytes: Largest notification; smaller ones come more often.
        start_ns: Its clock at the start of the air [ns].
        clock_ppm: How much too fast its clock runs.
        """
        self.advertised = advertised(name)
        self.services: tuple[Service, ...] = DRIVER.services
        self.felt: Felt = nothing_felt()
        self.awake = True
        self.streaming = False
        self._source = source
        self._battery = battery or Battery()
        self._motor = motor
        self._packet_bytes = packet_bytes
        self._start_ns = start_ns
        self._clock_ppm = clock_ppm
        self._since = 0.0
        self._streams: dict[int, _Stream] = {}
        self._open(list(streams))

    def read(self, uuid: str, now: float) -> bytes:
        """Answer a read."""
        if uuid == DESCRIPTION:
            return describe([stream.described for stream in self._streams.values()])
        if uuid == BATTERY_LEVEL:
            return bytes((self._battery.at(now),))
        raise Refused(f"nothing to read at {uuid}")

    def write(self, uuid: str, data: bytes, now: float) -> bool:
        """Obey a command; a new rate is refused while streaming."""
        if uuid != CONTROL:
            raise Refused(f"nothing to write at {uuid}")
        if data in (START.data, STOP.data):
            if data == START.data and not self.streaming:
                self._since = now
                self._open([stream.described for stream in self._streams.values()])
            self.streaming = data == START.data
            return True
        if data[:1] == bytes((RATE_CODE,)) and len(data) == RATE.size:
            self._set_rate(*RATE.unpack(data)[1:])
        elif not _cue(self.felt, data, now, self._motor):
            raise Refused(f"the open profile has no command {data.hex(' ')} here")
        return False

    def linked(self, up: bool, now: float) -> None:
        """Stop when the central goes: a self-built sensor saves its battery."""
        self.streaming = self.streaming and up

    def produce(self, start: float, stop: float) -> list[Due]:
        """Return the packets of all streams and the changes of the battery."""
        due = [Due(at, BATTERY_LEVEL, bytes((percent,))) for at, percent in self._battery.changes(start, stop)]
        if self.streaming:
            for stream in self._streams.values():
                due += stream.produce(self._since, start, stop)
        return in_order(due)

    def _open(self, streams: list[OpenStream]) -> None:
        for described in streams:
            self._streams[described.id] = _Stream(
                described, self._source, self._packet_bytes, self._start_ns, self._clock_ppm
            )

    def _set_rate(self, number: int, rate_hz: float) -> None:
        if self.streaming or number not in self._streams:
            raise Refused("no such stream, or it is running")
        old = self._streams[number].described
        self._open([OpenStream(old.id, old.kind, old.fields, rate_hz, old.format, old.scales, old.channels, old.unit)])


class _Stream:
    """One stream since the last start: numbers its samples, and packs them as full as they go."""

    def __init__(
        self, described: OpenStream, source: SampleSource, packet_bytes: int, start_ns: int, clock_ppm: float
    ) -> None:
        self.described = described
        self._source = source
        self._encoder = Encoder([described], packet_bytes)
        self._each = (packet_bytes - HEAD.size) // described.sample_size
        self._encoded = 0
        self._start_ns = start_ns
        self._clock_ppm = clock_ppm
        self._attitude = Attitude()

    def produce(self, since: float, start: float, stop: float) -> list[Due]:
        """Return the packets whose last samples are taken from `start` until before `stop`."""
        rate_hz = true_rate(self.described.rate_hz, self._clock_ppm)
        packets = steps(since + (self._each - 1) / rate_hz, rate_hz / self._each, start, stop)
        if not len(packets):
            return []
        numbers = np.arange(packets[0] * self._each, (packets[-1] + 1) * self._each)
        t = since + numbers / rate_hz
        self._encoder.skip(self.described.id, int(numbers[0]) - self._encoded)
        self._encoded = int(numbers[-1]) + 1
        t_ns = self._start_ns + np.rint(t * (1.0 + self._clock_ppm * 1e-6) * 1e9).astype(np.int64)
        encoded = self._encoder.packets(self.described.id, t_ns, self._values(numbers, t, 1 / rate_hz))
        ends = t[self._each - 1 :: self._each].tolist()
        return [Due(at, DATA, data) for at, data in zip(ends, encoded, strict=True)]

    def _values(self, numbers: Floats, t: Floats, dt: float) -> Mapping[str, Floats]:
        if self.described.kind == "emg":
            return {"emg": self._source.emg(t)}
        if self.described.kind == "angle":
            return {"angle": self._source.angle(t)[:, None]}
        acc, gyr, mag = self._source.imu(t)
        values = {"acc": acc, "gyr": gyr, "mag": mag}
        if "quat" in self.described.fields:
            values["quat"] = self._attitude.follow(numbers, acc, gyr, mag, dt)
        return {name: values[name] for name in self.described.fields}


def _cue(felt: Felt, data: bytes, now: float, motor: bool) -> bool:
    """Let the wearer feel or see a command, and say whether it was one for that."""
    if data == IDENTIFY.data:
        felt.append(Cue(now, "blink"))
        return True
    if not motor or len(data) != HAPTIC.size or data[0] != HAPTIC_CODE:
        return False
    _, duration_ms, strength = HAPTIC.unpack(data)
    felt.append(Cue(now, f"{duration_ms} ms at {strength / 2.55:.0f} %"))
    return True
