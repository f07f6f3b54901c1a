"""Thalmic Myo: captured packets by hand, the rotation of EMG, and what must be said to it."""

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.chunks import AngleChunk, BatteryChunk, ButtonChunk, Chunk, EmgChunk, ImuChunk, Timing
from devices.myo import DRIVER, encode, firmware, vibrate_pattern
from devices.profile import BATTERY_LEVEL, Advertisement, Buzz, Read, StreamOptions, Wait, Write

COMMAND, IMU, MOTION, CLASSIFIER, RECTIFIED = (
    f"d506{short}-a904-deb9-4748-2c7f4a124842" for short in ("0401", "0402", "0502", "0103", "0104")
)
EMG = tuple(f"d506{short}-a904-deb9-4748-2c7f4a124842" for short in ("0105", "0205", "0305", "0405"))

# Captured by the authors of iomz/dl-myo from an armband, published in their tests.
EMG_PACKET = bytes.fromhex("090D01FEFEFEFA02 06E9FCFDFCFE0502")
IMU_PACKET = bytes.fromhex("3E2EAB2BE5F82400 4E01BD075700 0300F5FFFCFF")
RECTIFIED_PACKET = bytes.fromhex("5203CE0061007901D80062006F007301 00")
TAP_PACKET = bytes.fromhex("000201")
ARM_PACKET, FIST_PACKET = bytes.fromhex("01010202D708"), bytes.fromhex("030100000000")


def feed(*packets: tuple[str, bytes]) -> list[Chunk]:
    parser = DRIVER.parser(StreamOptions())
    chunks = [chunk for packet in packets for chunk in parser.feed(*packet)]
    assert parser.skipped == 0
    return chunks


def test_emg_packet_as_captured() -> None:
    (chunk,) = feed((EMG[0], EMG_PACKET))
    assert isinstance(chunk, EmgChunk)
    assert chunk.emg.tolist() == [[9, 13, 1, -2, -2, -2, -6, 2], [6, -23, -4, -3, -4, -2, 5, 2]]
    assert chunk.unit == "counts"
    assert chunk.timing == Timing(200.0, ticks=None, wrap_ns=0, lost=0)


def test_imu_packet_as_captured() -> None:
    (chunk,) = feed((IMU, IMU_PACKET))
    assert isinstance(chunk, ImuChunk)
    np.testing.assert_allclose(chunk.quat, [[0.72253, 0.68231, -0.11102, 0.00220]], atol=5e-6)
    np.testing.assert_allclose(chunk.acc, [[1.599, 9.486, 0.417]], atol=5e-4)
    np.testing.assert_allclose(chunk.gyr, [[0.00327, -0.01200, -0.00436]], atol=5e-6)
    assert chunk.mag is None
    assert chunk.timing == Timing(50.0)


def test_rectified_packet_as_captured() -> None:
    (chunk,) = feed((RECTIFIED, RECTIFIED_PACKET))
    assert isinstance(chunk, EmgChunk)
    assert chunk.emg.tolist() == [[850, 206, 97, 377, 216, 98, 111, 371]]
    assert chunk.timing.rate_hz == 50


def test_tap_and_classifier_packets_as_captured() -> None:
    assert feed((MOTION, TAP_PACKET)) == [ButtonChunk("tap", 1)]
    assert feed((CLASSIFIER, ARM_PACKET), (CLASSIFIER, FIST_PACKET)) == []


def test_battery() -> None:
    assert feed((BATTERY_LEVEL, b"\x5b")) == [BatteryChunk(91)]


def test_classifier_events_of_three_bytes_are_as_good_as_six() -> None:
    assert feed((CLASSIFIER, ARM_PACKET[:3])) == []


@pytest.mark.parametrize(("turns", "lost"), [((0, 1, 2, 3, 0), 0), ((0, 2), 2), ((0, 3), 4), ((3, 3), 6), ((2, 0), 2)])
def test_a_broken_rotation_tells_how_many_samples_are_lost(turns: tuple[int, ...], lost: int) -> None:
    chunks = feed(*((EMG[turn], EMG_PACKET) for turn in turns))
    assert [chunk.timing.lost for chunk in chunks if isinstance(chunk, EmgChunk)] == [0] * (len(turns) - 1) + [lost]


def test_the_rotation_may_start_anywhere() -> None:
    (chunk,) = feed((EMG[2], EMG_PACKET))
    assert isinstance(chunk, EmgChunk)
    assert chunk.timing.lost == 0


def test_a_garbled_emg_packet_counts_as_a_lost_one() -> None:
    parser = DRIVER.parser(StreamOptions())
    parser.feed(EMG[0], EMG_PACKET)
    parser.feed(EMG[1], EMG_PACKET[:-1])
    (chunk,) = parser.feed(EMG[2], EMG_PACKET)
    assert isinstance(chunk, EmgChunk)
    assert (chunk.timing.lost, parser.skipped) == (2, 1)


@pytest.mark.parametrize(
    ("characteristic", "data"),
    [
        (EMG[1], EMG_PACKET),
        (IMU, IMU_PACKET),
        (RECTIFIED, RECTIFIED_PACKET),
        (MOTION, TAP_PACKET),
        (BATTERY_LEVEL, b"\x5b"),
    ],
)
def test_only_whole_packets_count(characteristic: str, data: bytes) -> None:
    parser = DRIVER.parser(StreamOptions())
    cuts = [*(data[:size] for size in range(len(data))), data + b"\0", data + data]
    assert [parser.feed(characteristic, cut) for cut in cuts] == [[]] * len(cuts)
    assert parser.skipped == len(cuts)
    assert len(parser.feed(characteristic, data)) == 1


@pytest.mark.parametrize(
    ("characteristic", "data"),
    [
        (IMU, bytes(20)),
        (BATTERY_LEVEL, b"\x65"),
        (MOTION, b"\x01\x02\x01"),
        (CLASSIFIER, b"\x09\x01\x02"),
        (CLASSIFIER, b"\x01\x01"),
        (CLASSIFIER, ARM_PACKET + b"\0"),
        ("00002a00-0000-1000-8000-00805f9b34fb", b"Myo"),
    ],
)
def test_what_makes_no_sense_is_skipped(characteristic: str, data: bytes) -> None:
    parser = DRIVER.parser(StreamOptions())
    assert parser.feed(characteristic, data) == []
    assert parser.skipped == 1


@given(
    emg=st.lists(st.lists(st.integers(-128, 127), min_size=16, max_size=16), min_size=1, max_size=9),
    rotation=st.integers(0, 10_000),
)
def test_emg_comes_back_as_it_was_encoded(emg: list[list[int]], rotation: int) -> None:
    samples = np.array(emg, dtype=float).reshape(-1, 8)
    chunks = feed(*encode(EmgChunk(Timing(200.0), samples, "counts"), rotation))
    np.testing.assert_array_equal(np.vstack([chunk.emg for chunk in chunks if isinstance(chunk, EmgChunk)]), samples)
    assert all(chunk.timing.lost == 0 for chunk in chunks if isinstance(chunk, EmgChunk))


@given(
    quat=st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: sum(x * x for x in q) > 0.01),
    acc=st.lists(st.floats(-156, 156), min_size=3, max_size=3),
    gyr=st.lists(st.floats(-34, 34), min_size=3, max_size=3),
)
def test_imu_comes_back_within_its_counts(quat: list[float], acc: list[float], gyr: list[float]) -> None:
    unit = np.array([quat]) / np.linalg.norm(quat)
    (chunk,) = feed(*encode(ImuChunk(Timing(50.0), acc=np.array([acc]), gyr=np.array([gyr]), quat=unit)))
    assert isinstance(chunk, ImuChunk)
    np.testing.assert_allclose(chunk.quat, unit, atol=0.51 / 16384)
    np.testing.assert_allclose(chunk.acc, [acc], atol=0.51 * 9.80665 / 2048)
    np.testing.assert_allclose(chunk.gyr, [gyr], atol=np.deg2rad(0.51 / 16))


def test_captured_packets_are_encoded_again_byte_for_byte() -> None:
    for characteristic, data in [
        (EMG[3], EMG_PACKET),
        (IMU, IMU_PACKET),
        (MOTION, TAP_PACKET),
        (BATTERY_LEVEL, b"\x07"),
    ]:
        (chunk,) = feed((characteristic, data))
        assert encode(chunk, rotation=3) == [(characteristic, data)]


def test_the_encoder_saturates_and_refuses_what_a_myo_does_not_send() -> None:
    ((_, data),) = encode(EmgChunk(Timing(200.0), np.full((2, 8), 500.0), "counts"))
    assert data == b"\x7f" * 16
    with pytest.raises(ValueError, match="in V"):
        encode(EmgChunk(Timing(200.0), np.zeros((2, 8)), "V"))
    with pytest.raises(ValueError, match="pairs of 8"):
        encode(EmgChunk(Timing(200.0), np.zeros((3, 8)), "counts"))
    with pytest.raises(ValueError, match="together"):
        encode(ImuChunk(Timing(50.0), acc=np.zeros((1, 3))))
    with pytest.raises(ValueError, match="AngleChunk"):
        encode(AngleChunk(Timing(15.0), np.zeros((1, 1))))


def test_start_keeps_it_awake_before_it_streams(perform) -> None:
    assert perform(DRIVER.start(StreamOptions()), {BATTERY_LEVEL: [b"\x50"]}) == [
        Write(COMMAND, b"\x09\x01\x01"),
        Read(BATTERY_LEVEL),
        Write(COMMAND, b"\x01\x03\x02\x03\x00"),
    ]


def test_raw_emg_can_be_asked_for(perform) -> None:
    steps = perform(DRIVER.start(StreamOptions(mode="raw")), {BATTERY_LEVEL: [b"\x50"]})
    assert steps[-1] == Write(COMMAND, b"\x01\x03\x03\x03\x00")


def test_an_unknown_mode_is_named_with_the_known_ones(perform) -> None:
    with pytest.raises(ValueError, match=r"no mode 'rectified'.*filtered, raw"):
        perform(DRIVER.start(StreamOptions(mode="rectified")))


def test_all_four_emg_characteristics_are_subscribed() -> None:
    assert set(DRIVER.subscriptions(StreamOptions())) == {*EMG, IMU, MOTION, BATTERY_LEVEL}


def test_stop_quiets_it_and_lets_it_sleep(perform) -> None:
    assert perform(DRIVER.stop(StreamOptions())) == [
        Write(COMMAND, b"\x01\x03\x00\x00\x00"),
        Write(COMMAND, b"\x09\x01\x00"),
    ]


@pytest.mark.parametrize(("duration_s", "length"), [(0.05, 1), (0.3, 1), (0.5, 2), (1.0, 3), (9.0, 3)])
def test_a_full_buzz_is_the_nearest_fixed_vibration(perform, duration_s: float, length: int) -> None:
    assert perform(DRIVER.buzz(Buzz(duration_s, 1.0))) == [Write(COMMAND, bytes((3, 1, length)))]


def test_a_weaker_buzz_is_a_pattern(perform) -> None:
    assert perform(DRIVER.buzz(Buzz(0.2, 0.5))) == [Write(COMMAND, b"\x07\x12\xc8\x00\x80" + bytes(15))]
    assert perform(DRIVER.buzz(Buzz(60.0, -1.0))) == [Write(COMMAND, b"\x07\x12\x88\x13\x00" + bytes(15))]
    assert perform(DRIVER.buzz(Buzz(-1.0, 0.0))) == [Write(COMMAND, b"\x07\x12" + bytes(18))]


def test_the_pattern_of_the_documents() -> None:
    pattern = bytes.fromhex("0712 C80080 640000 C800FF" + "00" * 9)
    assert vibrate_pattern((0.2, 0.5), (0.1, 0.0), (0.2, 1.0)) == Write(COMMAND, pattern)
    assert DRIVER.permits(Write(COMMAND, pattern))


def test_a_pattern_has_at_most_six_steps() -> None:
    with pytest.raises(ValueError, match="at most 6 steps, not 7"):
        vibrate_pattern(*[(0.1, 1.0)] * 7)


def test_identify_vibrates_twice(perform) -> None:
    first, pause, second = perform(DRIVER.identify())
    assert first == second == Write(COMMAND, b"\x03\x01\x01")
    assert isinstance(pause, Wait)


@given(st.binary(max_size=20))
def test_deep_sleep_is_refused_in_any_form(rest: bytes) -> None:
    assert not DRIVER.permits(Write(COMMAND, b"\x04" + rest))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x03\x01\x04",
        b"\x03\x01\x01\x00",
        b"\x01\x03\x01\x01\x00",
        b"\x06\x06" + bytes(6),
        b"\x07\x14" + bytes(18),
    ],
)
def test_commands_that_the_driver_does_not_use_are_refused(data: bytes) -> None:
    assert not DRIVER.permits(Write(COMMAND, data))


def test_commands_on_other_characteristics_are_refused() -> None:
    assert not DRIVER.permits(Write(IMU, b"\x03\x01\x01"))


def test_firmware_as_captured() -> None:
    packet = bytes.fromhex("01000500B2070200")
    assert firmware(packet) == "1.5.1970 rev D"
    assert firmware(packet[:-1]) is None


def structures(data: bytes) -> dict[int, bytes]:
    """Return the parts of advertising data by their type."""
    parts = {}
    while data:
        size = data[0]
        parts[data[1]] = data[2 : 1 + size]
        data = data[1 + size :]
    return parts


def test_the_advertisement_as_captured_is_recognised() -> None:
    # roboTJ101/ros_myo issue 9: the shortened name is padded with NUL.
    captured = bytes.fromhex("09084D796F0000000000 020106 1106 4248124A7F2C4847B9DE04A9010006D5")
    assert len(captured) == 31
    parts = structures(captured)
    advertisement = Advertisement("EC:F4:67:00:12:34", parts[8].decode(), (str(UUID(bytes=parts[6][::-1])),))
    assert advertisement.name == "Myo\0\0\0\0\0"
    assert DRIVER.recognises(advertisement)


def test_the_service_or_the_factory_name_is_enough() -> None:
    address, service = "EC:F4:67:00:12:34", "d5060001-a904-deb9-4748-2c7f4a124842"
    assert DRIVER.recognises(Advertisement(address, "Myo\0\0\0\0\0"))
    assert DRIVER.recognises(Advertisement(address, "Left arm", (service,)))
    assert not DRIVER.recognises(Advertisement(address, "Left arm"))


@pytest.mark.needs("data")
def test_a_recorded_gesture_survives_the_armbands_packets(recordings: Path) -> None:
    file = min((recordings / "emg_myo_gestures").glob("*/*.txt"))
    counts = np.rint(np.loadtxt(file, skiprows=1, usecols=range(1, 9), max_rows=20000) * 1e5)
    assert np.ptp(counts) > 20
    chunks = feed(*encode(EmgChunk(Timing(200.0), counts, "counts")))
    np.testing.assert_array_equal(np.vstack([chunk.emg for chunk in chunks if isinstance(chunk, EmgChunk)]), counts)
