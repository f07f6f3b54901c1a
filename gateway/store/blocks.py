"""Record blocks: about half a second of a recording as one blob, every record in the order in which it was appended.

A block needs no other block to be read. Unpacked it is, little endian:

| bytes | what |
|---|---|
| u8 | layout, 1 |
| u32, u32 | records; length of the JSON text |
| JSON | `{"streams": [[sensor, characteristic], ...], "controls": [[kind, sensor, data], ...]}` |
| 8 per record | stream of each record, -1 for a control (`codec.pack_ints`, as the next two) |
| 8 per record | time of each record [ns UTC] |
| 8 per record | length of each packet, 0 for a control |
| rest | packets, stream after stream: of equal length, byte by byte across the packets, else one after another |

Putting the same byte of consecutive packets side by side lets zstd see that headers repeat and counters step.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from gateway.records import Control, Packet, Record
from gateway.store.codec import DamagedBlob, compress, decompress, pack_ints, unpack_ints

LAYOUT = 1
HEAD = struct.Struct("<BII")


def time_of(record: Record) -> int:
    """Return when a record took effect [ns UTC]."""
    return record.arrival if isinstance(record, Packet) else record.t


def encode_block(records: Sequence[Record]) -> bytes:
    """Return the blob of these records."""
    streams: dict[tuple[str, str], int] = {}
    packets: list[list[bytes]] = []
    controls: list[tuple[str, str | None, dict[str, Any]]] = []
    columns = np.zeros((3, len(records)), np.int64)
    for i, record in enumerate(records):
        if isinstance(record, Packet):
            stream = streams.setdefault((record.sensor, record.characteristic), len(streams))
            if stream == len(packets):
                packets.append([])
            packets[stream].append(record.data)
            columns[:, i] = stream, record.arrival, len(record.data)
        else:
            controls.append((record.kind, record.sensor, dict(record.data)))
            columns[:, i] = -1, record.t, 0
    text = orjson.dumps({"streams": list(streams), "controls": controls})
    head = HEAD.pack(LAYOUT, len(records), len(text))
    return compress(b"".join([head, text, *map(pack_ints, columns), *map(_interleave, packets)]))


def decode_block(blob: bytes) -> list[Record]:
    """Return the records of a block; raises `DamagedBlob` for anything else."""
    data = decompress(blob)
    if len(data) < HEAD.size or data[0] != LAYOUT:
        raise DamagedBlob("a record block has no known layout")
    _, count, length = HEAD.unpack_from(data)
    columns_at = HEAD.size + length
    packets_at = columns_at + 3 * 8 * count
    stream, times, lengths = (
        unpack_ints(data[columns_at + k * 8 * count : columns_at + (k + 1) * 8 * count], count) for k in range(3)
    )
    names, controls = _contents(data[HEAD.size : columns_at], stream)
    packets = _split(data[packets_at:], stream, lengths, len(names))
    return _interweave(stream, times, names, packets, controls)


def _interleave(packets: list[bytes]) -> bytes:
    joined = b"".join(packets)
    if len({len(packet) for packet in packets}) > 1:
        return joined
    return np.frombuffer(joined, np.uint8).reshape(len(packets), -1).T.tobytes() if joined else b""


def _contents(text: bytes, stream: NDArray[np.int64]) -> tuple[list[tuple[str, str]], list[Control]]:
    """Return the streams and the controls, the latter without their time, if they match the stream column."""
    try:
        content = orjson.loads(text)
        names = [(str(sensor), str(characteristic)) for sensor, characteristic in content["streams"]]
        controls = [Control(0, kind, sensor, data) for kind, sensor, data in content["controls"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedBlob("a record block has no readable list of its streams") from error
    known = stream.min(initial=-1) >= -1 and stream.max(initial=-1) < len(names)
    if not known or len(controls) != np.count_nonzero(stream == -1):
        raise DamagedBlob("a record block lists other streams than its records use")
    return names, controls


def _split(data: bytes, stream: NDArray[np.int64], lengths: NDArray[np.int64], streams: int) -> list[list[bytes]]:
    """Return the packets of each stream in order."""
    if lengths.min(initial=0) < 0 or lengths.sum() != len(data):
        raise DamagedBlob(f"a record block holds {len(data)} bytes of packets instead of {lengths.sum()}")
    packets: list[list[bytes]] = []
    at = 0
    for k in range(streams):
        sizes = lengths[stream == k]
        part = data[at : at + int(sizes.sum())]
        at += len(part)
        packets.append(_cut(part, sizes))
    return packets


def _cut(part: bytes, sizes: NDArray[np.int64]) -> list[bytes]:
    if part and (sizes == sizes[0]).all():
        return [row.tobytes() for row in np.frombuffer(part, np.uint8).reshape(-1, len(sizes)).T]
    ends = np.cumsum(sizes).tolist()
    return [part[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)]


def _interweave(
    stream: NDArray[np.int64],
    times: NDArray[np.int64],
    names: list[tuple[str, str]],
    packets: list[list[bytes]],
    controls: list[Control],
) -> list[Record]:
    waiting = [iter(part) for part in packets]
    other = iter(controls)
    records: list[Record] = []
    for k, t in zip(stream.tolist(), times.tolist(), strict=True):
        if k < 0:
            control = next(other)
            records.append(Control(t, control.kind, control.sensor, control.data))
        else:
            sensor, characteristic = names[k]
            records.append(Packet(t, sensor, characteristic, next(waiting[k])))
    return records
