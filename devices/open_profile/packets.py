"""The packets of samples of the open profile, both ways.

| byte | what |
|---|---|
| 0 | u8 stream number |
| 1 | u8 flags: 1 the device has no clock, and the time is to be ignored; the others 0 |
| 2-3 | u16 sequence: number of the first sample in the stream, modulo 65536; may start anywhere |
| 4-11 | u64 device time of the first sample [ns] |
| 12-15 | u32 interval between samples [ns]; ignored where there is one sample, or no clock |
| 16 | u8 number of samples, at least 1 |
| 17- | the samples, each with all its numbers; missing is NaN in f32, -32768 in i16 |
"""

import math
import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from devices.chunks import AngleChunk, EmgChunk, ImuChunk, Samples, Ticks, Timing
from devices.open_profile.description import IMU_FIELDS, OpenStream, describe

HEAD = struct.Struct("<BBHQIB")
MAX_SIZE = 512
"""Bytes of the longest attribute that Bluetooth allows."""
DEFAULT_SIZE = 244
"""Bytes of a notification at the usual MTU of 247."""
NO_CLOCK = 1
SEQUENCES = 2**16
LAST_NS = 2**63 - 1
LONGEST_INTERVAL_NS = 2**32 - 1
EVEN_WITHIN_NS = 1000
"""A packet holds samples whose times differ from even ones by no more than this."""
MISSING = -(2**15)
LARGEST = 2**15 - 1


class StreamDecoder:
    """Decodes the data packets of one stream; keeps the sequence number that is due next."""

    def __init__(self, stream: OpenStream) -> None:
        self._stream = stream
        self._scales = _scale_row(stream)
        self._width, self._sample_size = sum(stream.widths), stream.sample_size
        self._columns = _columns(stream)
        self._due: int | None = None

    def decode(self, data: bytes) -> ImuChunk | EmgChunk | AngleChunk | None:
        """Return the samples of a packet, or None if it does not fit the description."""
        if not HEAD.size < len(data) <= MAX_SIZE:
            return None
        _, flags, sequence, first, interval, count = HEAD.unpack_from(data)
        last = first + interval * (count - 1)
        if flags & ~NO_CLOCK or len(data) != HEAD.size + count * self._sample_size or last > LAST_NS:
            return None
        values = self._values(data)
        if not _is_plausible(self._stream, values):
            return None
        ticks = None if flags & NO_CLOCK else _even(first, interval, count)
        timing = Timing(self._stream.rate_hz, ticks, 0, self._lost(sequence, count))
        if self._stream.kind == "emg":
            return EmgChunk(timing, values, "counts" if self._stream.unit == "counts" else "V")
        if self._stream.kind == "angle":
            return AngleChunk(timing, values)
        acc, gyr, mag, quat = [None if columns is None else values[:, columns] for columns in self._columns]
        return ImuChunk(timing, acc, gyr, mag, quat)

    def _values(self, data: bytes) -> Samples:
        if self._stream.format == "f32":
            with np.errstate(invalid="ignore"):  # a signalling NaN is as missing as a quiet one
                return np.frombuffer(data, "<f4", offset=HEAD.size).reshape(-1, self._width).astype(np.float64)
        values = np.frombuffer(data, "<i2", offset=HEAD.size).reshape(-1, self._width).astype(np.float64)
        values[values == MISSING] = np.nan
        return values * self._scales

    def _lost(self, sequence: int, count: int) -> int:
        """Return how many samples are missing before this packet; a step back is a restart of the device."""
        missing = 0 if self._due is None else (sequence - self._due) % SEQUENCES
        self._due = sequence + count
        return missing if missing < SEQUENCES // 2 else 0


def _even(first: int, interval: int, count: int) -> Ticks:
    if interval and first < LAST_NS // 2:
        return np.arange(first, first + interval * count, interval, dtype=np.int64)
    return first + interval * np.arange(count, dtype=np.int64)


def _scale_row(stream: OpenStream) -> Samples:
    """Return the scale of each number of a sample."""
    return np.repeat(stream.scales or (1.0,) * len(stream.fields), stream.widths).astype(np.float64)


def _columns(stream: OpenStream) -> list[slice | None]:
    """Return where in a sample acc, gyr, mag and quat stand."""
    ends = dict(zip(stream.fields, np.cumsum(stream.widths).tolist(), strict=True))
    return [slice(ends[name] - width, ends[name]) if name in ends else None for name, width in IMU_FIELDS.items()]


def _is_plausible(stream: OpenStream, values: Samples) -> bool:
    """Say whether all numbers are finite or missing, and quaternions of unit length."""
    flat = values.ravel()
    if not math.isfinite(flat.dot(flat)) and np.isinf(values).any():  # the first is quick, and right if there is no NaN
        return False
    if "quat" not in stream.fields:
        return True
    quat = values[:, -4:]
    return not np.any(np.abs(np.einsum("ij,ij->i", quat, quat) - 1) > 0.1)


def span(data: bytes) -> tuple[int, int]:
    """Return the device time [ns] of the first and the last sample of a data packet that `Encoder` made."""
    _, _, _, first, interval, count = HEAD.unpack_from(data)
    return first, first + interval * (count - 1)


class Encoder:
    """Turns samples into data packets, each as full as it can be; keeps the sequence numbers."""

    def __init__(self, streams: Sequence[OpenStream], max_payload: int = DEFAULT_SIZE) -> None:
        self.description = describe(streams)
        self._streams = {stream.id: stream for stream in streams}
        self._sequences = dict.fromkeys(self._streams, 0)
        self._most = {stream.id: _most_samples(stream, max_payload) for stream in streams}

    def packets(self, stream_id: int, t_ns: ArrayLike | None, values: Mapping[str, ArrayLike]) -> list[bytes]:
        """Return the data packets of consecutive samples of a stream.

        t_ns: Device time of each sample, increasing, shape (N,); None: the device has no clock.
        values: For each field of the stream its numbers, shape (N, width); NaN is missing. What i16 cannot hold
            saturates; f32 raises a ValueError instead.
        """
        stream = self._streams[stream_id]
        numbers = _numbers(stream, values)
        raw = numbers.tobytes()
        times = None if t_ns is None else _checked(np.asarray(t_ns, dtype=np.int64), len(numbers))
        packets = []
        start = 0
        while start < len(numbers):
            window = min(self._most[stream_id], len(numbers) - start)
            count, interval = (window, 0) if times is None else even_run(times[start : start + window])
            head = HEAD.pack(
                stream_id,
                NO_CLOCK if times is None else 0,
                self._sequences[stream_id],
                0 if times is None else int(times[start]),
                interval,
                count,
            )
            packets.append(head + raw[start * stream.sample_size : (start + count) * stream.sample_size])
            self.skip(stream_id, count)
            start += count
        return packets

    def skip(self, stream_id: int, samples: int) -> None:
        """Count samples that will never be sent, so that the other end knows that they are lost."""
        self._sequences[stream_id] = (self._sequences[stream_id] + samples) % SEQUENCES


def _most_samples(stream: OpenStream, max_payload: int) -> int:
    most = min((min(max_payload, MAX_SIZE) - HEAD.size) // stream.sample_size, 255)
    if most < 1:
        raise ValueError(
            f"one sample of stream {stream.id} takes {stream.sample_size} bytes, too many for {max_payload}"
        )
    return most


def _numbers(stream: OpenStream, values: Mapping[str, ArrayLike]) -> NDArray[np.float32] | NDArray[np.int16]:
    """Return the numbers as they are sent, shape (N, numbers in a sample)."""
    columns = [np.asarray(values[name], dtype=np.float64) for name in stream.fields]
    if len(values) != len(columns) or any(
        column.ndim != 2 or column.shape[1] != width for column, width in zip(columns, stream.widths, strict=True)
    ):
        raise ValueError(f"stream {stream.id} takes {stream.fields} of {stream.widths} numbers a sample")
    table = np.hstack(columns)
    if stream.format == "f32":
        if np.any(np.abs(table) > np.finfo(np.float32).max):
            raise ValueError(f"stream {stream.id}: f32 cannot hold {np.nanmax(np.abs(table))}")
        return table.astype("<f4")
    counts = np.clip(np.rint(table / _scale_row(stream)), -LARGEST, LARGEST)
    return np.where(np.isnan(counts), MISSING, counts).astype("<i2")


def _checked(t_ns: Ticks, samples: int) -> Ticks:
    if t_ns.shape != (samples,):
        raise ValueError(f"{samples} samples need as many times, not {t_ns.shape}")
    if samples and (t_ns[0] < 0 or np.any(np.diff(t_ns) <= 0)):
        raise ValueError("the times of samples must not be negative, and must increase")
    return t_ns


def even_run(t_ns: Ticks) -> tuple[int, int]:
    """Return how many of the first samples lie evenly in time, and at which interval [ns].

    Sample k allows the intervals that put it within `EVEN_WITHIN_NS` of its place; a run ends where no interval is left
    that all its samples allow.
    """
    since = t_ns[1:] - t_ns[0]
    order = np.arange(1, len(t_ns))
    least = np.maximum.accumulate(np.maximum(-((EVEN_WITHIN_NS - since) // order), 1))
    most = np.minimum.accumulate(np.minimum((since + EVEN_WITHIN_NS) // order, LONGEST_INTERVAL_NS))
    fitting = len(order) if np.all(least <= most) else int(np.argmax(least > most))
    if not fitting:
        return 1, 0
    mean = int(since[fitting - 1]) // fitting
    return fitting + 1, min(max(mean, int(least[fitting - 1])), int(most[fitting - 1]))
