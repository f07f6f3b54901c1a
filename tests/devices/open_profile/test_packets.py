"""Data packets of the open profile: lossless there and back, time, loss, and hostile bytes."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.chunks import AngleChunk, Chunk, EmgChunk, ImuChunk
from devices.open_profile import DATA, DESCRIPTION, DRIVER, Encoder, OpenStream, Parser, span
from devices.profile import StreamOptions

MS = 1_000_000
IMU = OpenStream(1, "imu", ("acc", "gyr", "mag", "quat"), rate_hz=100)
EMG = OpenStream(2, "emg", ("emg",), 1000, channels=2)
COUNTED = OpenStream(2, "emg", ("emg",), 1000, "i16", (2.0**-20,), channels=2)


def parser_for(encoder: Encoder) -> Parser:
    parser = DRIVER.parser(StreamOptions())
    assert parser.feed(DESCRIPTION, encoder.description) == []
    assert parser.skipped == 0
    return parser


def receive(encoder: Encoder, packets: list[bytes]) -> list[Chunk]:
    parser = parser_for(encoder)
    chunks = [chunk for packet in packets for chunk in parser.feed(DATA, packet)]
    assert parser.skipped == 0
    return chunks


def emg_of(chunks: list[Chunk]) -> np.ndarray:
    return np.vstack([chunk.emg for chunk in chunks if isinstance(chunk, EmgChunk)])


def ticks_of(chunks: list[Chunk]) -> list[int]:
    timings = [chunk.timing for chunk in chunks if isinstance(chunk, ImuChunk | EmgChunk | AngleChunk)]
    return [int(tick) for timing in timings if timing.ticks is not None for tick in timing.ticks]


def lost_of(chunks: list[Chunk]) -> list[int]:
    return [chunk.timing.lost for chunk in chunks if isinstance(chunk, EmgChunk)]


@given(
    table=st.lists(
        st.tuples(*[st.floats(width=32, allow_infinity=False)] * 9),
        min_size=1,
        max_size=20,
    ),
    start=st.integers(0, 2**62),
)
def test_f32_comes_back_bit_for_bit(table: list[tuple[float, ...]], start: int) -> None:
    values = np.array(table)
    quat = np.tile((1.0, 0.0, 0.0, 0.0), (len(values), 1))
    t_ns = start + 10 * MS * np.arange(len(values))
    encoder = Encoder([IMU, EMG])
    sent = {"acc": values[:, :3], "gyr": values[:, 3:6], "mag": values[:, 6:], "quat": quat}
    chunks = [chunk for chunk in receive(encoder, encoder.packets(1, t_ns, sent)) if isinstance(chunk, ImuChunk)]
    for name, expected in sent.items():
        np.testing.assert_array_equal(np.vstack([getattr(chunk, name) for chunk in chunks]), expected)
    assert ticks_of(list(chunks)) == t_ns.tolist()
    assert {(chunk.timing.rate_hz, chunk.timing.wrap_ns, chunk.timing.lost) for chunk in chunks} == {(100.0, 0, 0)}


@given(st.lists(st.tuples(st.floats(-0.031, 0.031), st.floats(-0.031, 0.031)), min_size=1, max_size=150))
def test_i16_comes_back_within_half_a_count(table: list[tuple[float, float]]) -> None:
    encoder = Encoder([COUNTED])
    packets = encoder.packets(2, MS * np.arange(len(table)), {"emg": table})
    np.testing.assert_allclose(emg_of(receive(encoder, packets)), table, atol=0.51 * 2.0**-20)


def test_i16_saturates_and_keeps_missing_apart() -> None:
    encoder = Encoder([COUNTED])
    packets = encoder.packets(2, [0, MS], {"emg": [[9.0, -9.0], [np.nan, 0.0]]})
    largest = 32767 * 2.0**-20
    np.testing.assert_array_equal(emg_of(receive(encoder, packets)), [[largest, -largest], [np.nan, 0.0]])


def test_each_field_of_an_imu_has_its_own_scale() -> None:
    stream = OpenStream(1, "imu", ("acc", "quat"), 50, "i16", (0.5, 2.0**-14))
    encoder = Encoder([stream])
    (chunk,) = receive(encoder, encoder.packets(1, [5], {"acc": [[1.5, -9.5, 100.0]], "quat": [[0.0, 0.0, -1.0, 0.0]]}))
    assert isinstance(chunk, ImuChunk)
    np.testing.assert_array_equal(chunk.acc, [[1.5, -9.5, 100.0]])
    np.testing.assert_array_equal(chunk.quat, [[0.0, 0.0, -1.0, 0.0]])
    assert chunk.gyr is None
    assert chunk.mag is None


def test_angles_and_units_are_told_by_the_description() -> None:
    angle = OpenStream(4, "angle", ("angle",), 100, channels=2)
    counts = OpenStream(5, "emg", ("emg",), 100, unit="counts")
    encoder = Encoder([angle, counts])
    packets = [*encoder.packets(4, [0], {"angle": [[1.0, 2.0]]}), *encoder.packets(5, [0], {"emg": [[3.0]]})]
    first, second = receive(encoder, packets)
    assert isinstance(first, AngleChunk)
    assert first.angle_deg.tolist() == [[1.0, 2.0]]
    assert isinstance(second, EmgChunk)
    assert second.unit == "counts"


@pytest.mark.parametrize("max_payload", [25, 64, 182, 244, 500, 9999])
def test_packets_are_as_full_as_they_can_be(max_payload: int) -> None:
    encoder = Encoder([EMG], max_payload)
    packets = encoder.packets(2, MS * np.arange(1000), {"emg": np.zeros((1000, 2))})
    longest = min(max_payload, 512)
    assert all(longest - 8 < len(packet) <= longest for packet in packets[:-1])
    assert len(emg_of(receive(encoder, packets))) == 1000


def test_a_packet_never_counts_past_a_byte() -> None:
    encoder = Encoder([OpenStream(2, "emg", ("emg",), 1000, "i16", (1.0,))], 9999)
    packets = encoder.packets(2, MS * np.arange(1000), {"emg": np.zeros((1000, 1))})
    assert len(packets[0]) == 17 + 2 * 247
    assert len(emg_of(receive(encoder, packets))) == 1000


def test_a_payload_too_small_for_one_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="52 bytes, too many for 68"):
        Encoder([IMU], 68)


@given(
    gaps=st.lists(
        st.one_of(st.just(MS), st.integers(MS - 400, MS + 400), st.integers(1, 10 * MS)), min_size=1, max_size=80
    ),
    start=st.integers(0, 2**60),
)
def test_uneven_times_come_back_within_a_microsecond(gaps: list[int], start: int) -> None:
    t_ns = start + np.cumsum(gaps)
    encoder = Encoder([EMG])
    chunks = receive(encoder, encoder.packets(2, t_ns, {"emg": np.zeros((len(gaps), 2))}))
    assert np.max(np.abs(np.array(ticks_of(chunks)) - t_ns)) <= 1000


def test_a_packet_ends_at_a_jump_in_time_and_only_there() -> None:
    t_ns = np.concatenate((MS * np.arange(7), 500 * MS + MS * np.arange(5)))
    encoder = Encoder([EMG])
    packets = encoder.packets(2, t_ns, {"emg": np.zeros((12, 2))})
    assert [span(packet) for packet in packets] == [(0, 6 * MS), (500 * MS, 504 * MS)]


@pytest.mark.parametrize(("late_ns", "spans"), [(3000, 1), (3001, 2)])
def test_a_sample_belongs_to_a_packet_as_long_as_all_can_be_within_a_microsecond(late_ns: int, spans: int) -> None:
    encoder = Encoder([EMG])
    packets = encoder.packets(2, [0, MS, 2 * MS + late_ns], {"emg": np.zeros((3, 2))})
    assert len(packets) == spans


def test_rounding_of_a_third_of_a_millisecond_does_not_split_packets() -> None:
    t_ns = np.rint(np.arange(280) * 1e9 / 3000).astype(np.int64)
    encoder = Encoder([EMG])
    packets = encoder.packets(2, t_ns, {"emg": np.zeros((280, 2))})
    assert len(packets) == 10


def test_intervals_beyond_four_seconds_take_a_packet_each() -> None:
    encoder = Encoder([EMG])
    t_ns = 5_000_000_000 * np.arange(3)
    packets = encoder.packets(2, t_ns, {"emg": np.zeros((3, 2))})
    assert len(packets) == 3
    assert ticks_of(receive(encoder, packets)) == t_ns.tolist()


def test_without_a_clock_there_are_no_ticks_and_full_packets() -> None:
    encoder = Encoder([EMG])
    packets = encoder.packets(2, None, {"emg": np.zeros((28, 2))})
    chunks = receive(encoder, packets)
    assert len(chunks) == 1
    assert isinstance(chunks[0], EmgChunk)
    assert chunks[0].timing.ticks is None


def test_slices_give_the_same_sequence_as_the_whole() -> None:
    whole, sliced = Encoder([EMG]), Encoder([EMG])
    t_ns, emg = MS * np.arange(56), np.arange(112.0).reshape(56, 2)
    pieces = [
        packet
        for start in range(0, 56, 28)
        for packet in sliced.packets(2, t_ns[start : start + 28], {"emg": emg[start : start + 28]})
    ]
    assert pieces == whole.packets(2, t_ns, {"emg": emg})


def test_no_samples_make_no_packet() -> None:
    assert Encoder([EMG]).packets(2, [], {"emg": np.zeros((0, 2))}) == []


def test_lost_packets_are_counted_in_samples() -> None:
    encoder = Encoder([EMG], max_payload=17 + 10 * 8)
    packets = encoder.packets(2, MS * np.arange(50), {"emg": np.zeros((50, 2))})
    assert lost_of(receive(encoder, [packets[0], packets[1], packets[4]])) == [0, 0, 20]


def test_loss_is_told_across_the_wrap_of_the_sequence() -> None:
    encoder = Encoder([EMG])
    encoder.skip(2, 65_530)
    first = encoder.packets(2, MS * np.arange(6), {"emg": np.zeros((6, 2))})
    encoder.skip(2, 11)
    second = encoder.packets(2, [17 * MS], {"emg": np.zeros((1, 2))})
    assert struct.unpack_from("<H", second[0], 2) == (11,)
    assert lost_of(receive(encoder, first + second)) == [0, 11]


def test_a_step_back_is_a_restart_and_not_a_loss() -> None:
    encoder = Encoder([EMG])
    packets = encoder.packets(2, MS * np.arange(100), {"emg": np.zeros((100, 2))})
    assert lost_of(receive(encoder, [packets[2], packets[0]])) == [0, 0]


def test_streams_count_apart() -> None:
    encoder = Encoder([IMU, EMG])
    emg = encoder.packets(2, MS * np.arange(56), {"emg": np.zeros((56, 2))})
    fields = {name: np.zeros((1, 3)) for name in ("acc", "gyr", "mag")} | {"quat": [[1.0, 0, 0, 0]]}
    imu = encoder.packets(1, [0], fields)
    assert lost_of(receive(encoder, [emg[0], imu[0], emg[1]])) == [0, 0]


def test_reading_the_same_description_again_forgets_nothing() -> None:
    encoder = Encoder([EMG], max_payload=17 + 10 * 8)
    packets = encoder.packets(2, MS * np.arange(30), {"emg": np.zeros((30, 2))})
    parser = parser_for(encoder)
    parser.feed(DATA, packets[0])
    parser.feed(DESCRIPTION, encoder.description)
    assert lost_of(parser.feed(DATA, packets[2])) == [10]


def test_data_before_a_description_are_skipped_and_counted() -> None:
    encoder = Encoder([EMG])
    packets = encoder.packets(2, MS * np.arange(56), {"emg": np.zeros((56, 2))})
    parser = DRIVER.parser(StreamOptions())
    assert parser.feed(DATA, packets[0]) == []
    assert parser.skipped == 1
    parser.feed(DESCRIPTION, encoder.description)
    assert len(parser.feed(DATA, packets[1])) == 1
    assert parser.skipped == 1


def test_a_description_that_makes_no_sense_leaves_the_one_before() -> None:
    encoder = Encoder([EMG])
    parser = parser_for(encoder)
    parser.feed(DESCRIPTION, b"\x02\x01")
    assert parser.skipped == 1
    assert len(parser.feed(DATA, encoder.packets(2, [0], {"emg": [[0.0, 0.0]]})[0])) == 1


@pytest.mark.parametrize("stream", [EMG, COUNTED])
def test_only_whole_packets_count(stream: OpenStream) -> None:
    encoder = Encoder([stream])
    (packet,) = encoder.packets(2, [0, MS], {"emg": np.ones((2, 2))})
    parser = parser_for(encoder)
    cuts = [*(packet[:size] for size in range(len(packet))), packet + b"\0", packet + packet]
    assert [parser.feed(DATA, cut) for cut in cuts] == [[]] * len(cuts)
    assert parser.skipped == len(cuts)
    assert len(parser.feed(DATA, packet)) == 1


@pytest.mark.parametrize(
    ("at", "patch"),
    [
        (0, b"\x09"),
        (1, b"\x02"),
        (4, b"\xff" * 8),
        (4, struct.pack("<Q", 2**63 - MS)),
        (16, b"\x00"),
        (16, b"\x03"),
        (17, struct.pack("<f", np.inf)),
    ],
    ids=["unknown stream", "unknown flag", "no such time", "overflows", "no sample", "more samples", "infinite"],
)
def test_a_packet_that_does_not_fit_is_skipped(at: int, patch: bytes) -> None:
    encoder = Encoder([EMG])
    (packet,) = encoder.packets(2, [0, MS], {"emg": np.ones((2, 2))})
    parser = parser_for(encoder)
    assert parser.feed(DATA, packet[:at] + patch + packet[at + len(patch) :]) == []
    assert parser.skipped == 1


def test_quaternions_that_are_not_unit_are_skipped_and_missing_ones_are_not() -> None:
    stream = OpenStream(1, "imu", ("quat",), 100)
    encoder = Encoder([stream])
    parser = parser_for(encoder)
    assert parser.feed(DATA, encoder.packets(1, [0], {"quat": [[0.0, 0.0, 0.0, 0.0]]})[0]) == []
    assert parser.skipped == 1
    assert len(parser.feed(DATA, encoder.packets(1, [0], {"quat": np.full((1, 4), np.nan)})[0])) == 1


def test_a_signalling_nan_is_missing_too() -> None:
    encoder = Encoder([EMG])
    (packet,) = encoder.packets(2, [0], {"emg": [[0.0, 5.0]]})
    (chunk,) = receive(encoder, [packet[:17] + bytes.fromhex("0000817F") + packet[21:]])
    np.testing.assert_array_equal(emg_of([chunk]), [[np.nan, 5.0]])


@given(st.binary(max_size=600))
def test_any_bytes_after_a_description_are_harmless(rest: bytes) -> None:
    encoder = Encoder([IMU, COUNTED])
    parser = parser_for(encoder)
    for stream in (b"\1", b"\2"):
        chunks = parser.feed(DATA, stream + rest)
        assert len(chunks) + parser.skipped > 0


@given(count=st.integers(1, 4), head=st.binary(min_size=15, max_size=15), samples=st.binary(min_size=208, max_size=208))
def test_any_packet_of_the_right_length_is_harmless(count: int, head: bytes, samples: bytes) -> None:
    parser = parser_for(Encoder([IMU]))
    for flags in (b"\0", b"\1"):
        chunks = parser.feed(DATA, b"\1" + flags + head[:14] + bytes((count,)) + samples[: 52 * count])
        for chunk in chunks:
            assert isinstance(chunk, ImuChunk)
            assert chunk.acc is not None
            assert not np.any(np.isinf(chunk.acc))


def test_the_encoder_names_what_is_wrong() -> None:
    encoder = Encoder([EMG])
    with pytest.raises(ValueError, match="takes"):
        encoder.packets(2, [0], {"emg": [[0.0]]})
    with pytest.raises(ValueError, match="takes"):
        encoder.packets(2, [0], {"emg": [[0.0, 0.0]], "acc": [[0.0, 0.0, 0.0]]})
    with pytest.raises(ValueError, match="as many times"):
        encoder.packets(2, [0, 1], {"emg": [[0.0, 0.0]]})
    with pytest.raises(ValueError, match="must increase"):
        encoder.packets(2, [5, 5], {"emg": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="negative"):
        encoder.packets(2, [-1], {"emg": np.zeros((1, 2))})
    with pytest.raises(ValueError, match="cannot hold"):
        encoder.packets(2, [0], {"emg": [[1e39, 0.0]]})
    with pytest.raises(ValueError, match="cannot hold"):
        encoder.packets(2, [0], {"emg": [[np.inf, 0.0]]})
