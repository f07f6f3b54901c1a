"""What an open-profile sensor is told, and its battery and events."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.chunks import BatteryChunk, ButtonChunk, EmgChunk, Timing
from devices.open_profile import CONTROL, DATA, DESCRIPTION, DRIVER, EVENT, SERVICE, OpenStream, describe, encode
from devices.profile import BATTERY_LEVEL, Advertisement, Buzz, Read, StreamOptions, Write

STREAMS = (OpenStream(1, "imu", ("acc", "gyr"), 100), OpenStream(2, "emg", ("emg",), 1000, "i16", (1e-6,), 2))


def test_start_reads_the_description_before_it_streams(perform) -> None:
    answers = {DESCRIPTION: [describe(STREAMS)], BATTERY_LEVEL: [b"\x50"]}
    assert perform(DRIVER.start(StreamOptions()), answers) == [
        Write(CONTROL, b"\x02"),
        Read(DESCRIPTION),
        Read(BATTERY_LEVEL),
        Write(CONTROL, b"\x01"),
    ]


def test_a_rate_is_asked_of_inertial_streams_and_the_description_read_again(perform) -> None:
    answers = {DESCRIPTION: [describe(STREAMS)] * 2, BATTERY_LEVEL: [b"\x50"]}
    steps = perform(DRIVER.start(StreamOptions(rate_hz=50)), answers)
    assert steps[1:4] == [
        Read(DESCRIPTION),
        Write(CONTROL, b"\x05\x01" + struct.pack("<f", 50)),
        Read(DESCRIPTION),
    ]


def test_a_sensor_without_a_sensible_description_is_started_all_the_same(perform) -> None:
    steps = perform(DRIVER.start(StreamOptions()), {DESCRIPTION: [b""], BATTERY_LEVEL: [b"\x50"]})
    assert steps[-1] == Write(CONTROL, b"\x01")


def test_stop_identify_and_what_is_listened_to(perform) -> None:
    assert perform(DRIVER.stop(StreamOptions())) == [Write(CONTROL, b"\x02")]
    assert perform(DRIVER.identify()) == [Write(CONTROL, b"\x04")]
    assert set(DRIVER.subscriptions(StreamOptions())) == {DATA, EVENT, BATTERY_LEVEL}


@pytest.mark.parametrize(
    ("buzz", "data"),
    [
        (Buzz(0.3, 1.0), b"\x03\x2c\x01\xff"),
        (Buzz(0.25, 0.5), b"\x03\xfa\x00\x80"),
        (Buzz(99.0, 7.0), b"\x03\x88\x13\xff"),
        (Buzz(-1.0, -1.0), b"\x03\x00\x00\x00"),
    ],
)
def test_a_buzz_has_a_duration_and_a_strength(perform, buzz: Buzz, data: bytes) -> None:
    assert perform(DRIVER.buzz(buzz)) == [Write(CONTROL, data)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x01\x00",
        b"\x06",
        b"\x03\x2c\x01",
        b"\x03\x89\x13\xff",
        b"\x02\x2c\x01\xff",
        b"\x04\x01" + struct.pack("<f", 50),
        b"\x05\x01" + struct.pack("<f", 0),
        b"\x05\x01" + struct.pack("<f", float("nan")),
        b"\x05\x01" + struct.pack("<f", 1e6),
    ],
)
def test_what_the_profile_does_not_define_is_refused(data: bytes) -> None:
    assert not DRIVER.permits(Write(CONTROL, data))


def test_other_characteristics_are_never_written() -> None:
    for characteristic in (DATA, DESCRIPTION, EVENT, BATTERY_LEVEL):
        assert not DRIVER.permits(Write(characteristic, b"\x01"))


@given(percent=st.integers(0, 100), count=st.integers(0, 255))
def test_battery_and_events_come_back(percent: int, count: int) -> None:
    parser = DRIVER.parser(StreamOptions())
    chunks = [
        BatteryChunk(percent),
        ButtonChunk("tap", count),
        ButtonChunk("press", count),
        ButtonChunk("power_off", count),
        ButtonChunk("sleep", count),
    ]
    assert [back for chunk in chunks for packet in encode(chunk) for back in parser.feed(*packet)] == chunks


@pytest.mark.parametrize(
    ("characteristic", "data"),
    [
        (BATTERY_LEVEL, b"\x65"),
        (BATTERY_LEVEL, b""),
        (EVENT, b"\1"),
        (EVENT, b"\0\1"),
        (EVENT, b"\5\1"),
        (CONTROL, b"\1"),
    ],
)
def test_what_makes_no_sense_is_skipped(characteristic: str, data: bytes) -> None:
    parser = DRIVER.parser(StreamOptions())
    assert parser.feed(characteristic, data) == []
    assert parser.skipped == 1


def test_samples_are_left_to_an_encoder() -> None:
    with pytest.raises(ValueError, match="Encoder"):
        encode(EmgChunk(Timing(100.0), None, "V"))  # type: ignore[arg-type]  # samples do not matter here


def test_recognised_by_its_service() -> None:
    assert DRIVER.recognises(Advertisement("00:00:00:00:00:01", "my sensor", (SERVICE,)))
    assert not DRIVER.recognises(Advertisement("00:00:00:00:00:01", "my sensor"))
