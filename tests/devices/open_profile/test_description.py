"""The description of an open-profile sensor: there and back, and what is refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.open_profile import OpenStream, describe, parse_description

IMU = OpenStream(1, "imu", ("acc", "gyr"), rate_hz=100)
EMG = OpenStream(2, "emg", ("emg",), 1000, "i16", (1e-6,), channels=4)
ANGLE = OpenStream(3, "angle", ("angle",), 1000, channels=2)
WHOLE = describe([IMU, EMG, ANGLE])

rates_f32 = st.floats(0.015625, 1e5, width=32)
positive_f32 = st.floats(0, 1e5, exclude_min=True, width=32).filter(lambda value: value > 1e-30)
imu_streams = st.builds(
    lambda fields, rate_hz, scales: OpenStream(7, "imu", fields, rate_hz, "i16" if scales else "f32", scales),
    fields=st.just(("acc", "mag", "quat")),
    rate_hz=rates_f32,
    scales=st.sampled_from([(), (0.001, 2.0, 1 / 16384)]),
)
channel_streams = st.builds(
    lambda kind, rate_hz, scales, channels: OpenStream(
        9, kind, (kind,), rate_hz, "i16" if scales else "f32", scales, channels
    ),
    kind=st.sampled_from(["emg", "angle"]),
    rate_hz=rates_f32,
    scales=st.one_of(st.just(()), st.tuples(positive_f32)),
    channels=st.integers(1, 64),
)


@given(st.tuples(imu_streams, channel_streams))
def test_a_description_comes_back_as_it_was(streams: tuple[OpenStream, ...]) -> None:
    assert parse_description(describe(streams)) == streams


def test_units_of_emg_come_back() -> None:
    for unit in ("V", "counts"):
        streams = (OpenStream(1, "emg", ("emg",), 200, unit=unit),)
        assert parse_description(describe(streams)) == streams


def test_rates_and_scales_are_those_that_go_over_the_air() -> None:
    stream = OpenStream(1, "emg", ("emg",), 1000 / 3, "i16", (0.1,))
    assert stream.rate_hz == struct.unpack("<f", struct.pack("<f", 1000 / 3))[0] != 1000 / 3
    assert stream.scales == struct.unpack("<f", struct.pack("<f", 0.1))


def test_a_cut_description_and_one_with_trailing_bytes_are_none() -> None:
    for size in range(len(WHOLE)):
        assert parse_description(WHOLE[:size]) is None
    assert parse_description(WHOLE + b"\0") is None
    assert parse_description(WHOLE) == (IMU, EMG, ANGLE)


@pytest.mark.parametrize(
    ("at", "byte"),
    [
        (0, 0),
        (0, 2),
        (1, 0),
        (1, 2),
        (1, 4),
        (3, 0),
        (3, 4),
        (4, 0),
        (4, 19),
        (5, 7),
        (6, 3),
        (7, 1),
        (11, 0xFF),
        (12, 1),
    ],
    ids=[
        "version 0",
        "version 2",
        "no stream",
        "fewer streams",
        "more streams",
        "kind 0",
        "kind 4",
        "no field",
        "unknown field",
        "wrong width",
        "unknown format",
        "unit of an imu",
        "negative rate",
        "number used twice",
    ],
)
def test_a_wrong_byte_makes_it_none(at: int, byte: int) -> None:
    assert parse_description(WHOLE[:at] + bytes((byte,)) + WHOLE[at + 1 :]) is None


def test_an_absurd_rate_makes_it_none() -> None:
    at = 2 + 6
    for rate_hz, is_known in ((1e-40, False), (1e-3, False), (0.01, True), (1e5, True), (1.1e5, False), (3e38, False)):
        data = WHOLE[:at] + struct.pack("<f", rate_hz) + WHOLE[at + 4 :]
        assert (parse_description(data) is not None) is is_known


@given(st.binary(max_size=80))
def test_any_bytes_are_a_description_or_none(data: bytes) -> None:
    streams = parse_description(data)
    assert streams is None or describe(streams) == data


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_changed_byte_is_a_description_or_none(at: int, byte: int) -> None:
    data = WHOLE[:at] + bytes((byte,)) + WHOLE[at + 1 :]
    streams = parse_description(data)
    assert streams is None or describe(streams) == data


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((1, "ecg", ("ecg",), 100), "imu, emg or angle"),
        ((1, "imu", ("acc",), 100, "f64"), "in f64"),
        ((1, "imu", ("gyr", "acc"), 100), "in this order"),
        ((1, "imu", ("acc", "pressure"), 100), "in this order"),
        ((1, "imu", (), 100), "fields"),
        ((1, "emg", ("acc",), 100), "fields"),
        ((256, "imu", ("acc",), 100), "stream 256"),
        ((1, "emg", ("emg",), 100, "f32", (), 65), "1 to 64"),
        ((1, "emg", ("emg",), 100, "f32", (), 0), "1 to 64"),
        ((1, "imu", ("acc",), 100, "f32", (), 3), "1 to 1"),
        ((1, "emg", ("emg",), 100, "i16"), "one scale per field"),
        ((1, "emg", ("emg",), 100, "f32", (1.0,)), "f32 none"),
        ((1, "emg", ("emg",), 100, "i16", (-1.0,)), "above zero, not -1"),
        ((1, "emg", ("emg",), 100, "i16", (float("nan"),)), "above zero"),
        ((1, "emg", ("emg",), 0), "above zero, not 0"),
        ((1, "emg", ("emg",), 1e39), "above zero"),
        ((1, "emg", ("emg",), 1e6), "between 0.01 and 100000"),
        ((1, "emg", ("emg",), 0.009), "between 0.01 and 100000"),
        ((1, "emg", ("emg",), 100, "f32", (), 1, "deg"), "V or counts, not deg"),
    ],
)
def test_a_stream_that_cannot_be_is_refused_with_its_reason(arguments: tuple[object, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        OpenStream(*arguments)  # type: ignore[arg-type]  # wrong arguments are the point


def test_streams_have_numbers_and_kinds_of_their_own() -> None:
    for streams in ([], [IMU, OpenStream(1, "emg", ("emg",), 100)], [IMU, OpenStream(2, "imu", ("mag",), 10)]):
        with pytest.raises(ValueError, match="of their own"):
            describe(streams)
