"""Upright GO 2: bytes by hand, the buzz that leaves no trace, and the writes that are impossible to send."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.chunks import AngleChunk, BatteryChunk, ButtonChunk, Chunk, PostureChunk, Timing
from devices.profile import Advertisement, Buzz, Read, StreamOptions, Unsupported, Wait, Write, sig_uuid
from devices.upright_go2 import DRIVER, encode

POSTURE, ANGLE, CALIBRATION = sig_uuid("bac3"), sig_uuid("bac4"), sig_uuid("bac1")
SETTINGS, VIBRATION = sig_uuid("bab2"), sig_uuid("bab5")
BATTERY, CHARGER = sig_uuid("bad1"), sig_uuid("bad2")

LONG_FORM = bytes.fromhex("01 96 00 02 23 02 64 00 12 16 01 13 06 2C 01")
SHORT_FORM = bytes.fromhex("03 64 00 01 46 02 64 00 12 16 01")
ON, OFF = b"\0\0", b"\1\1"


def feed(*packets: tuple[str, bytes]) -> list[Chunk]:
    parser = DRIVER.parser(StreamOptions())
    chunks = [chunk for packet in packets for chunk in parser.feed(*packet)]
    assert parser.skipped == 0
    return chunks


def angle_deg(chunk: Chunk) -> float:
    assert isinstance(chunk, AngleChunk)
    assert chunk.angle_deg.shape == (1, 1)
    return float(chunk.angle_deg[0, 0])


def test_the_angle_of_the_documents() -> None:
    (chunk,) = feed((ANGLE, bytes.fromhex("E100 00000000")))
    assert angle_deg(chunk) == 22.5
    assert isinstance(chunk, AngleChunk)
    assert chunk.timing == Timing(15.0)


def test_angles_are_signed_and_their_other_bytes_are_left_aside() -> None:
    (chunk,) = feed((ANGLE, bytes.fromhex("9CFF 12345678")))
    assert angle_deg(chunk) == -10.0
    (chunk,) = feed((ANGLE, bytes.fromhex("0100")))
    assert angle_deg(chunk) == 0.1


@pytest.mark.parametrize(
    ("data", "slouching", "vibrating"),
    [(b"\0", False, False), (b"\1", True, False), (b"\2", True, True), (b"\7", True, False), (b"\0\1\1", False, False)],
)
def test_posture(data: bytes, slouching: bool, vibrating: bool) -> None:
    assert feed((POSTURE, data)) == [PostureChunk(slouching, vibrating)]


def test_the_battery_table() -> None:
    parser = DRIVER.parser(StreamOptions())
    percents = [parser.feed(BATTERY, bytes((level,))) for level in range(13)]
    expected = [None, 0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert percents == [[BatteryChunk(percent)] for percent in expected]
    assert parser.feed(BATTERY, b"\x0d") == []
    assert parser.skipped == 1


def test_battery_and_charger_are_told_together() -> None:
    chunks = feed((CHARGER, b"\1"), (BATTERY, b"\x07"), (CHARGER, b"\2"), (CHARGER, b"\0"))
    assert chunks == [
        BatteryChunk(None, charging=True),
        BatteryChunk(50, charging=True),
        BatteryChunk(50, charging=False),
        BatteryChunk(50, charging=False),
    ]


@pytest.mark.parametrize(
    ("characteristic", "data"),
    [
        (ANGLE, b""),
        (ANGLE, b"\xe1"),
        (ANGLE, b"\xe1\x00" + bytes(19)),
        (ANGLE, b"\x09\x07"),
        (ANGLE, b"\x00\x80"),
        (POSTURE, b""),
        (POSTURE, bytes(21)),
        (BATTERY, b""),
        (CHARGER, b"\3"),
        (CALIBRATION, b"\0"),
    ],
)
def test_what_makes_no_sense_is_skipped(characteristic: str, data: bytes) -> None:
    parser = DRIVER.parser(StreamOptions())
    assert parser.feed(characteristic, data) == []
    assert parser.skipped == 1


def test_what_a_buzz_reads_is_neither_a_chunk_nor_an_error() -> None:
    assert feed((SETTINGS, LONG_FORM), (VIBRATION, ON)) == []


@given(st.lists(st.floats(-180, 180), min_size=1, max_size=9))
def test_angles_come_back_within_a_tenth_of_a_degree(angles: list[float]) -> None:
    packets = encode(AngleChunk(Timing(15.0), np.array(angles)[:, None]))
    assert {len(data) for _, data in packets} == {6}
    np.testing.assert_allclose([angle_deg(chunk) for chunk in feed(*packets)], angles, atol=0.051)


@pytest.mark.parametrize(
    "chunk", [PostureChunk(False, False), PostureChunk(True, False), PostureChunk(True, True), BatteryChunk(70, True)]
)
def test_posture_and_battery_come_back(chunk: Chunk) -> None:
    assert feed(*encode(chunk))[-1] == chunk


@pytest.mark.parametrize(("percent", "told"), [(None, None), (0, 0), (2, 0), (4, 5), (97, 100), (74, 70)])
def test_the_battery_comes_back_as_near_as_its_table_allows(percent: int | None, told: int | None) -> None:
    assert feed(*encode(BatteryChunk(percent, charging=False)))[-1] == BatteryChunk(told, charging=False)


def test_the_encoder_refuses_what_the_device_does_not_send() -> None:
    with pytest.raises(ValueError, match="ButtonChunk"):
        encode(ButtonChunk("press"))


def test_start_writes_nothing_and_asks_again_while_the_battery_is_unknown(perform) -> None:
    answers = {POSTURE: [b"\0"], CHARGER: [b"\0"], BATTERY: [b"\0", b"\0", b"\x0c"]}
    steps = perform(DRIVER.start(StreamOptions()), answers)
    assert [step for step in steps if not isinstance(step, Wait)] == [
        Read(POSTURE),
        Read(CHARGER),
        *[Read(BATTERY)] * 3,
    ]


def test_start_gives_up_on_a_battery_that_stays_unknown(perform) -> None:
    answers = {POSTURE: [b"\0"], CHARGER: [b"\0"], BATTERY: [b"\0", b"", b"\0", b"\0"]}
    steps = perform(DRIVER.start(StreamOptions()), answers)
    assert steps.count(Read(BATTERY)) == 4
    assert sum(step.seconds for step in steps if isinstance(step, Wait)) <= 2


def test_stop_leaves_it_alone(perform) -> None:
    assert perform(DRIVER.stop(StreamOptions())) == []
    assert DRIVER.subscriptions(StreamOptions()) == (ANGLE, POSTURE)


def test_a_buzz_plays_a_pattern_and_puts_the_settings_back(perform) -> None:
    steps = perform(DRIVER.buzz(Buzz(0.3, 0.6)), {SETTINGS: [LONG_FORM], VIBRATION: [ON]})
    wait = steps.pop(3)
    assert isinstance(wait, Wait)
    assert steps == [
        Read(SETTINGS),
        Read(VIBRATION),
        Write(SETTINGS, bytes.fromhex("01 96 00 82 23 02 64 00 12 16 01 13 06 2C 01")),
        Write(SETTINGS, LONG_FORM),
    ]


@pytest.mark.parametrize(
    ("buzz", "pattern", "strength"),
    [
        (Buzz(), 0x82, 0x01),
        (Buzz(0.6, 1.0), 0x81, 0x01),
        (Buzz(3.0, 0.3), 0x80, 0x46),
        (Buzz(0.0, 0.0), 0x82, 0x46),
    ],
)
def test_a_buzz_takes_the_nearest_pattern_and_strength(perform, buzz: Buzz, pattern: int, strength: int) -> None:
    steps = perform(DRIVER.buzz(buzz), {SETTINGS: [SHORT_FORM], VIBRATION: [ON]})
    played, restored = (step.data for step in steps if isinstance(step, Write))
    assert played == SHORT_FORM[:3] + bytes((pattern, strength)) + SHORT_FORM[5:]
    assert restored == SHORT_FORM


def test_a_muted_device_is_muted_again_after_the_buzz(perform) -> None:
    steps = perform(DRIVER.buzz(Buzz()), {SETTINGS: [SHORT_FORM], VIBRATION: [OFF]})
    writes = [step for step in steps if isinstance(step, Write)]
    assert writes[0] == Write(VIBRATION, ON)
    assert writes[-1] == Write(VIBRATION, OFF)
    assert len(writes) == 4


def test_a_buzz_that_was_cut_off_is_not_played_again_by_the_next(perform) -> None:
    left_over = LONG_FORM[:3] + b"\x82" + LONG_FORM[4:]
    steps = perform(DRIVER.buzz(Buzz()), {SETTINGS: [left_over], VIBRATION: [ON]})
    assert steps[-1] == Write(SETTINGS, LONG_FORM)


@pytest.mark.parametrize(
    "settings",
    [
        b"",
        LONG_FORM[:-1],
        LONG_FORM + b"\0",
        SHORT_FORM[:-1],
        b"\0" + SHORT_FORM[1:],
        SHORT_FORM[:3] + b"\x09" + SHORT_FORM[4:],
    ],
)
def test_settings_of_an_unknown_form_are_never_written(perform, settings: bytes) -> None:
    with pytest.raises(Unsupported, match=f"{len(settings)} bytes"):
        perform(DRIVER.buzz(Buzz()), {SETTINGS: [settings], VIBRATION: [ON]})
    assert not DRIVER.permits(Write(SETTINGS, settings))


def test_identify_knocks(perform) -> None:
    steps = perform(DRIVER.identify(), {SETTINGS: [SHORT_FORM], VIBRATION: [ON]})
    assert Write(SETTINGS, SHORT_FORM[:3] + b"\x84\x01" + SHORT_FORM[5:]) in steps


def test_calibrating_takes_the_present_pose(perform) -> None:
    assert perform(DRIVER.calibrate()) == [Write(CALIBRATION, b"\0")]


@given(st.sampled_from(["bad4", "baa2", "bae3", "bab3", "bad1", "bac3", "bac4", "bab1"]), st.binary(max_size=20))
def test_dangerous_characteristics_are_never_written(short: str, data: bytes) -> None:
    assert not DRIVER.permits(Write(sig_uuid(short), data))
    assert not DRIVER.permits(Write(sig_uuid(short), data, response=False))


@given(st.binary(max_size=20).filter(lambda data: len(data) not in (11, 15)))
def test_settings_of_another_length_are_refused(data: bytes) -> None:
    assert not DRIVER.permits(Write(SETTINGS, data))


@given(st.binary(max_size=4).filter(lambda data: data not in (ON, OFF)))
def test_vibration_takes_two_known_bytes_only(data: bytes) -> None:
    assert not DRIVER.permits(Write(VIBRATION, data))


@given(st.binary(max_size=4).filter(lambda data: data != b"\0"))
def test_calibration_takes_zero_only(data: bytes) -> None:
    assert not DRIVER.permits(Write(CALIBRATION, data))


def test_recognised_by_the_whole_name() -> None:
    assert DRIVER.recognises(Advertisement("C4:00:00:00:00:01", "UprightGO2"))
    assert DRIVER.recognises(Advertisement("C4:00:00:00:00:01", "UprightGOS"))
    for name in ("UprightGo2DFU", "UprightGO", "UprightGO2 ", None):
        assert DRIVER.recognises(Advertisement("C4:00:00:00:00:01", name)) == (name == "UprightGO2 ")
