"""Whatever goes into a blob or a block comes out again, and nothing else does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gateway.records import Control, Packet, Record
from gateway.store import codec
from gateway.store.blocks import decode_block, encode_block

INT64 = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SENSORS = st.sampled_from(["thigh_left", "posture", "movella_dot-1f2e"])
PACKETS = st.builds(
    Packet, INT64, SENSORS, st.sampled_from(["2a19", "15172004-4947-11e9-8646-d663bd873d93"]), st.binary(max_size=40)
)
CONTROLS = st.builds(
    Control,
    INT64,
    st.sampled_from(["sensor", "placement", "mark", "end"]),
    st.none() | SENSORS,
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)


@given(hnp.arrays(np.int64, st.integers(0, 50), elements=INT64))
def test_every_integer_column_comes_back(values: np.ndarray) -> None:
    np.testing.assert_array_equal(codec.unpack_ints(codec.pack_ints(values), len(values)), values)


def test_small_steps_become_small_codes_side_by_side() -> None:
    packed = codec.pack_ints(np.array([5, 4, 6], np.int64))
    assert packed == bytes([10, 1, 4]) + bytes(21)


@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 9), st.integers(1, 5)), elements=st.floats(width=32)))
def test_every_row_of_floats_comes_back_to_the_bit(values: np.ndarray) -> None:
    count, width = values.shape
    blob = codec.pack_floats(values)
    assert codec.unpack_floats(blob, count, width).tobytes() == values.tobytes()
    for column in range(width):
        assert codec.unpack_column(blob, count, width, column).tobytes() == values[:, column].tobytes()


def test_a_blob_of_other_size_is_refused() -> None:
    blob = codec.pack_floats(np.zeros((4, 3)))
    with pytest.raises(codec.DamagedBlob, match="5 rows of 3 series holds 48 bytes"):
        codec.unpack_floats(blob, 5, 3)


def test_a_frame_that_claims_to_be_huge_is_not_unpacked() -> None:
    bomb = codec.compress(bytes(codec.MAX_BLOB + 1))
    with pytest.raises(codec.DamagedBlob, match="claims to unpack"):
        codec.decompress(bomb)


@given(st.binary(max_size=60))
def test_junk_is_a_damaged_blob(junk: bytes) -> None:
    with pytest.raises(codec.DamagedBlob):
        decode_block(junk)


@given(st.binary(max_size=80))
def test_well_compressed_junk_is_a_damaged_blob(junk: bytes) -> None:
    with pytest.raises(codec.DamagedBlob):
        decode_block(codec.compress(b"\x01" + junk))


@given(st.lists(PACKETS | CONTROLS, max_size=30))
def test_records_come_back_in_their_order(records: list[Record]) -> None:
    assert decode_block(encode_block(records)) == records


@given(st.lists(PACKETS | CONTROLS, min_size=1, max_size=12), st.data())
def test_a_changed_block_is_noticed_by_its_checksum(records: list[Record], data: st.DataObject) -> None:
    blob = encode_block(records)
    at = data.draw(st.integers(0, len(blob) - 1))
    changed = bytes([*blob[:at], blob[at] ^ 0x10, *blob[at + 1 :]])
    assert codec.checksum(changed) != codec.checksum(blob)


def test_packets_of_one_kind_take_little_room() -> None:
    records = [
        Packet(1_790_000_000 * 10**9 + i * 16_666_667, "thigh_left", "15172004-4947-11e9-8646-d663bd873d93",
               i.to_bytes(4, "little") + bytes(16))
        for i in range(30)
    ]  # fmt: skip
    assert len(encode_block(records)) < 30 * 20 / 2
