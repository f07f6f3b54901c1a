"""Channels and binary frames."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.live.frames import CHANNEL_LIMIT, Channels
from api.live.messages import Rows

names = st.lists(st.sampled_from([f"s{index}" for index in range(12)]), min_size=1, max_size=12, unique=True)


def rows(series: list[str], count: int = 2, t0: int = 10**18, dt: float = 0.5) -> Rows:
    """Return rows in which every value says its series and its row."""
    values = np.array([[int(name[1:]) + 100 * row for name in series] for row in range(count)], np.float32)
    return Rows(t0, dt, tuple(series), ("deg",) * len(series), values)


def decode(frame: bytes) -> tuple[int, float, dict[int, float]]:
    """Take a frame apart as docs/protocol.md says, independently of the encoder."""
    sequence, t = struct.unpack("<Id", frame[:12])
    first, count = struct.unpack("<HH", frame[12:16])
    values = struct.unpack(f"<{count}f", frame[16:])
    return sequence, t, dict(enumerate(values, first))


@given(st.lists(names, min_size=1, max_size=5))
def test_every_value_arrives_on_the_channel_of_its_series_whatever_the_order_of_columns(
    batches: list[list[str]],
) -> None:
    channels = Channels()
    indexes: dict[str, int] = {}
    for batch in batches:
        channels.learn("joints", rows(batch))
        now = {entry["name"]: entry["index"] for entry in channels.as_json()}
        assert indexes.items() <= now.items(), "an index changed"
        indexes = now
        arrived: dict[float, dict[int, float]] = {}
        for frame in channels.encode(rows(batch)):
            _, t, values = decode(frame)
            arrived.setdefault(t, {}).update(values)
        assert arrived == {
            1e9: {indexes[name]: float(name[1:]) for name in batch},
            1e9 + 0.5: {indexes[name]: float(name[1:]) + 100 for name in batch},
        }
    assert sorted(indexes.values()) == list(range(len(indexes)))


def test_a_row_of_known_neighbours_is_one_frame_with_the_header_of_the_protocol() -> None:
    channels = Channels()
    batch = rows(["s0", "s1"], count=1, t0=1_700_000_000_250_000_000)
    channels.learn("joints", batch)
    assert channels.encode(batch) == [struct.pack("<IdHHff", 0, 1_700_000_000.25, 0, 2, 0.0, 1.0)]


def test_the_sequence_counts_frames_and_wraps_at_32_bits() -> None:
    channels = Channels()
    channels.learn("joints", rows(["s0"]))
    channels.sequence = 2**32 - 1
    assert [decode(frame)[0] for frame in channels.encode(rows(["s0"]))] == [2**32 - 1, 0]


def test_a_changed_unit_is_told_and_keeps_the_index() -> None:
    channels = Channels()
    assert channels.learn("emg", rows(["s0"]))
    assert not channels.learn("emg", rows(["s0"]))
    batch = rows(["s0"])
    assert channels.learn("emg", Rows(batch.t0, batch.dt, batch.names, ("V",), batch.values))
    assert channels.as_json() == [{"index": 0, "name": "s0", "unit": "V", "topic": "emg"}]


def test_a_publisher_of_ever_new_names_is_stopped() -> None:
    channels = Channels()
    many = rows([f"s{index}" for index in range(CHANNEL_LIMIT)], count=1)
    channels.learn("joints", many)
    with pytest.raises(ValueError, match="more than 4096 channels"):
        channels.learn("joints", rows(["s99999"]))
    assert len(channels) == CHANNEL_LIMIT
