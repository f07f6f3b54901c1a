"""Movella DOT: the documents' bytes by hand, every mode there and back, and what must be said to it."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.chunks import BatteryChunk, ButtonChunk, EmgChunk, ImuChunk, PostureChunk, Timing
from devices.movella_dot import DRIVER, MODES, encode, sync
from devices.profile import Buzz, Read, StreamOptions, Unsupported, Wait, Write

LONG, MEDIUM, SHORT = (f"1517{short}-4947-11e9-8646-d663bd873d93" for short in ("2002", "2003", "2004"))
CONTROL, START_STOP = (f"1517{short}-4947-11e9-8646-d663bd873d93" for short in ("1002", "2001"))
REPORT, BATTERY = (f"1517{short}-4947-11e9-8646-d663bd873d93" for short in ("1004", "3001"))

COMPLETE_QUATERNION = bytes.fromhex(
    "5B830F00 F404353F F404353F 00000000 00000000 00000000 00000000 CDCCCC3D" + "00" * 8
)
RATE_MAG = bytes.fromhex("2AA10700 00000000 00000000 0AE81C41 00002041 0000A0C1 0000003F 0008 00FC 0010" + "00" * 6)
CUSTOM5 = bytes.fromhex("A8841E00 0000803F" + "00" * 12 + "00" * 8 + "0AE81C41 0000803F 000000C0 00004040" + "00" * 19)


def decode_one(mode: str, characteristic: str, data: bytes, rate_hz: float | None = None) -> ImuChunk:
    parser = DRIVER.parser(StreamOptions(rate_hz=rate_hz, mode=mode))
    (chunk,) = parser.feed(characteristic, data)
    assert parser.skipped == 0
    assert isinstance(chunk, ImuChunk)
    return chunk


def test_complete_quaternion_of_the_documents() -> None:
    chunk = decode_one("complete_quaternion", MEDIUM, COMPLETE_QUATERNION)
    assert chunk.timing.ticks is not None
    assert chunk.timing.ticks.tolist() == [1_016_667_000]
    np.testing.assert_allclose(chunk.quat, [[math.sqrt(0.5), math.sqrt(0.5), 0, 0]], atol=1e-7)


def test_free_acceleration_is_not_taken_for_specific_force() -> None:
    assert decode_one("complete_quaternion", MEDIUM, COMPLETE_QUATERNION).acc is None


def test_rate_with_magnetometer_of_the_documents() -> None:
    chunk = decode_one("rate_mag", MEDIUM, RATE_MAG)
    assert chunk.timing.ticks is not None
    assert chunk.timing.ticks.tolist() == [500_010_000]
    assert chunk.timing.rate_hz == 60
    np.testing.assert_allclose(chunk.acc, [[0, 0, 9.80665]], atol=1e-6)
    np.testing.assert_allclose(chunk.gyr, np.deg2rad([[10, -20, 0.5]]), atol=1e-9)
    np.testing.assert_array_equal(chunk.mag, [[0.5, -0.25, 1.0]])
    assert chunk.quat is None


def test_custom_5_of_the_documents() -> None:
    chunk = decode_one("custom5", LONG, CUSTOM5)
    assert chunk.timing.ticks is not None
    assert chunk.timing.ticks.tolist() == [2_000_040_000]
    np.testing.assert_array_equal(chunk.quat, [[1, 0, 0, 0]])
    np.testing.assert_allclose(chunk.acc, [[0, 0, 9.80665]], atol=1e-6)
    np.testing.assert_allclose(chunk.gyr, np.deg2rad([[1, -2, 3]]), atol=1e-9)


def test_rate_without_magnetometer_by_hand() -> None:
    data = struct.pack("<I6f", 7, 1.5, -2.5, 9.0, 90.0, 0.0, -180.0) + bytes(12)
    chunk = decode_one("rate", MEDIUM, data)
    np.testing.assert_array_equal(chunk.acc, [[1.5, -2.5, 9.0]])
    np.testing.assert_allclose(chunk.gyr, [[math.pi / 2, 0, -math.pi]])
    assert chunk.mag is None


def test_euler_angles_become_the_quaternion_of_yaw_after_pitch_after_roll() -> None:
    data = struct.pack("<I3f", 1, 90.0, 0.0, 90.0) + bytes(4)
    chunk = decode_one("euler", SHORT, data)
    np.testing.assert_allclose(chunk.quat, [[0.5, 0.5, 0.5, 0.5]], atol=1e-7)


@pytest.mark.parametrize("pitch_deg", [90.0, -90.0, 89.9999])
def test_straight_up_and_down_survive_euler_angles(pitch_deg: float) -> None:
    half = math.radians(pitch_deg) / 2
    pitched = np.array([math.cos(half), 0, math.sin(half), 0])
    turned = np.array([math.cos(0.4), math.sin(0.4), 0, 0])
    quat = np.array([[*(pitched[[0, 0, 2, 2]] * turned[[0, 1, 0, 1]] * (1, 1, 1, -1))]])
    back = decode_one("euler", *encode(ImuChunk(Timing(60.0, np.array([0])), quat=quat), "euler")[0])
    assert back.quat is not None
    assert abs(back.quat[0] @ quat[0]) == pytest.approx(1, abs=1e-7)


def test_increments_are_divided_by_the_interval() -> None:
    half = math.radians(3) / 2
    data = struct.pack("<I7f", 1, math.cos(half), 0, math.sin(half), 0, 0.0, 0.0, 0.327) + bytes(8)
    chunk = decode_one("delta", MEDIUM, data, rate_hz=30)
    np.testing.assert_allclose(chunk.gyr, [[0, math.radians(90), 0]], atol=1e-5)
    np.testing.assert_allclose(chunk.acc, [[0, 0, 9.81]], atol=1e-5)


def test_an_increment_and_its_negative_are_the_same_turn() -> None:
    half = math.radians(3) / 2
    data = struct.pack("<I7f", 1, -math.cos(half), 0, 0, -math.sin(half), 0.0, 0.0, 0.0) + bytes(8)
    np.testing.assert_allclose(decode_one("delta", MEDIUM, data).gyr, [[0, 0, math.radians(180)]], atol=1e-5)


def test_the_clock_wraps_after_2_to_the_32_microseconds() -> None:
    wrap = 2**32 * 1000
    ticks = np.array([wrap - 16_667_000, wrap, wrap + 16_667_000])
    chunk = ImuChunk(Timing(60.0, ticks), acc=np.zeros((3, 3)), gyr=np.zeros((3, 3)), mag=np.zeros((3, 3)))
    received = [decode_one("rate_mag", *packet).timing for packet in encode(chunk)]
    assert [int(timing.ticks[0]) for timing in received if timing.ticks is not None] == [
        wrap - 16_667_000,
        0,
        16_667_000,
    ]
    assert {timing.wrap_ns for timing in received} == {wrap}


def test_battery_and_charger() -> None:
    parser = DRIVER.parser(StreamOptions())
    assert parser.feed(BATTERY, bytes((87, 0))) == [BatteryChunk(87, charging=False)]
    assert parser.feed(BATTERY, bytes((100, 1))) == [BatteryChunk(100, charging=True)]
    assert parser.feed(BATTERY, bytes((101, 0))) == []
    assert parser.feed(BATTERY, bytes((87,))) == []
    assert parser.skipped == 2


def test_reports_of_button_and_sleep() -> None:
    parser = DRIVER.parser(StreamOptions())
    assert parser.feed(REPORT, bytes((5,)).ljust(36, b"\x11")) == [ButtonChunk("press")]
    assert parser.feed(REPORT, bytes((1,)).ljust(36, b"\0")) == [ButtonChunk("power_off")]
    assert parser.feed(REPORT, bytes((4,)).ljust(36, b"\0")) == [ButtonChunk("sleep")]
    assert parser.feed(REPORT, bytes((9,)).ljust(36, b"\0")) == []
    assert parser.skipped == 1


@pytest.mark.parametrize(
    ("mode", "characteristic", "data"),
    [
        ("complete_quaternion", MEDIUM, COMPLETE_QUATERNION),
        ("rate_mag", MEDIUM, RATE_MAG),
        ("custom5", LONG, CUSTOM5),
        ("rate_mag", BATTERY, bytes((50, 1))),
        ("rate_mag", REPORT, bytes((5,)).ljust(36, b"\0")),
    ],
)
def test_only_whole_packets_count(mode: str, characteristic: str, data: bytes) -> None:
    parser = DRIVER.parser(StreamOptions(mode=mode))
    cuts = [*(data[:size] for size in range(len(data))), data + b"\0", data + data]
    assert [parser.feed(characteristic, cut) for cut in cuts] == [[]] * len(cuts)
    assert parser.skipped == len(cuts)
    assert len(parser.feed(characteristic, data)) == 1


def test_padding_that_is_not_zero_is_another_mode() -> None:
    parser = DRIVER.parser(StreamOptions(mode="rate"))
    assert parser.feed(MEDIUM, RATE_MAG) == []
    assert parser.skipped == 1


def test_payloads_of_other_characteristics_are_skipped() -> None:
    parser = DRIVER.parser(StreamOptions(mode="custom5"))
    assert parser.feed(MEDIUM, RATE_MAG) == []
    assert parser.skipped == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 5000.0, 3e38])
@pytest.mark.parametrize(
    ("mode", "layout", "at"),
    [
        ("rate", "<I6f12x", 1),
        ("rate", "<I6f12x", 6),
        ("delta", "<I7f8x", 5),
        ("complete_euler", "<I6f12x", 1),
        ("complete_euler", "<I6f12x", 6),
    ],
    ids=["acc", "gyr", "dv", "euler", "free acceleration"],
)
def test_values_that_cannot_be_measured_are_skipped(mode: str, layout: str, at: int, value: float) -> None:
    parser = DRIVER.parser(StreamOptions(mode=mode))
    numbers = [1, *([1.0] if mode == "delta" else []), *[0.0] * 6]
    assert len(parser.feed(MEDIUM, struct.pack(layout, *numbers))) == 1
    numbers[at] = value
    assert parser.feed(MEDIUM, struct.pack(layout, *numbers)) == []
    assert parser.skipped == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, 1.2])
@pytest.mark.parametrize("mode", ["custom3", "delta"])
def test_quaternions_that_are_not_unit_are_skipped(mode: str, value: float) -> None:
    parser = DRIVER.parser(StreamOptions(mode=mode))
    assert parser.feed(MEDIUM, struct.pack("<I7f", 1, value, 0, 0, 0, 0, 0, 0) + bytes(8)) == []
    assert parser.skipped == 1


unit_quats = (
    st.lists(st.floats(-1, 1), min_size=4, max_size=4)
    .filter(lambda q: sum(x * x for x in q) > 0.01)
    .map(lambda q: np.array(q) / np.linalg.norm(q))
)
SAMPLES = st.tuples(
    st.integers(0, 2**32 - 1),
    st.lists(st.floats(-156, 156), min_size=3, max_size=3),
    st.lists(st.floats(-34, 34), min_size=3, max_size=3),
    st.lists(st.floats(-7.9, 7.9), min_size=3, max_size=3),
    unit_quats,
)


@pytest.mark.parametrize("mode", MODES)
@given(samples=st.lists(SAMPLES, min_size=1, max_size=4))
def test_every_mode_gives_back_what_was_encoded(mode: str, samples: list[tuple[int, list[float], ...]]) -> None:
    ticks, acc, gyr, mag, quat = (np.array(column) for column in zip(*samples, strict=True))
    chunk = ImuChunk(Timing(60.0, ticks.astype(np.int64) * 1000), acc, gyr, mag, quat)
    received = [decode_one(mode, *packet) for packet in encode(chunk, mode)]
    assert len(received) == len(samples)
    for row, back in enumerate(received):
        assert back.timing.ticks is not None
        assert back.timing.ticks.tolist() == [ticks[row] * 1000]
        assert (back.quat is None, back.acc is None, back.gyr is None, back.mag is None) == ABSENT[mode]
        if back.acc is not None:
            np.testing.assert_allclose(back.acc[0], acc[row], rtol=1e-6, atol=1e-5)
        if back.gyr is not None:
            np.testing.assert_allclose(back.gyr[0], gyr[row], rtol=1e-5, atol=3e-5)
        if back.mag is not None:
            np.testing.assert_allclose(back.mag[0], mag[row], atol=0.5 / 4096)
        if back.quat is not None:
            assert abs(back.quat[0] @ quat[row]) == pytest.approx(1, abs=1e-6)


ABSENT = {
    mode: ("quat" not in sent, "acc" not in sent, "gyr" not in sent, "mag" not in sent)
    for mode, sent in {
        "extended_quaternion": ("quat",),
        "complete_quaternion": ("quat",),
        "euler": ("quat",),
        "quaternion": ("quat",),
        "extended_euler": ("quat",),
        "complete_euler": ("quat",),
        "delta_mag": ("acc", "gyr", "mag"),
        "delta": ("acc", "gyr"),
        "rate_mag": ("acc", "gyr", "mag"),
        "rate": ("acc", "gyr"),
        "custom1": ("quat", "gyr"),
        "custom2": ("quat", "mag"),
        "custom3": ("quat", "gyr"),
        "custom5": ("quat", "acc", "gyr"),
    }.items()
}
"""For each mode, whether quat, acc, gyr and mag are absent."""


@pytest.mark.parametrize("mode", MODES)
@given(data=st.binary(min_size=63, max_size=63))
def test_any_bytes_in_a_payload_are_finite_samples_or_skipped(mode: str, data: bytes) -> None:
    layout = MODES[mode]
    parser = DRIVER.parser(StreamOptions(mode=mode))
    for payload in (data[: layout.layout.size], bytes(4) + b"\0\0\x80\x3f" + bytes(55)):
        chunks = parser.feed(layout.characteristic, payload[: layout.layout.size] + layout.padding)
        assert all(
            values is None or np.all(np.isfinite(values))
            for chunk in chunks
            if isinstance(chunk, ImuChunk)
            for values in (chunk.acc, chunk.gyr, chunk.mag, chunk.quat)
        )
    assert len(chunks) == 1


def test_the_encoder_makes_the_documents_bytes() -> None:
    timing = Timing(60.0, np.array([500_010_000]))
    acc, gyr = np.array([[0, 0, 9.80665]]), np.deg2rad([[10, -20, 0.5]])
    chunk = ImuChunk(timing, acc=acc, gyr=gyr, mag=np.array([[0.5, -0.25, 1.0]]))
    assert encode(chunk, "rate_mag") == [(MEDIUM, RATE_MAG)]
    level = ImuChunk(
        Timing(60.0, np.array([1_016_667_000])),
        acc=np.array([[0, 9.90665, 0]]),
        quat=np.array([[0.70710683, 0.70710683, 0, 0]]),
    )
    ((_, data),) = encode(level, "complete_quaternion")
    assert data[:20] == COMPLETE_QUATERNION[:20]
    np.testing.assert_allclose(struct.unpack_from("<3f", data, 20), [0, 0, 0.1], atol=1e-5)


def test_the_encoder_saturates_as_the_sensor_does() -> None:
    timing = Timing(60.0, np.array([0]))
    chunk = ImuChunk(timing, acc=np.full((1, 3), 999.0), gyr=np.full((1, 3), -99.0), mag=np.full((1, 3), 50.0))
    back = decode_one("rate_mag", *encode(chunk)[0])
    np.testing.assert_allclose(back.acc, 16 * 9.80665, rtol=1e-6)
    np.testing.assert_allclose(back.gyr, -math.radians(2000), rtol=1e-6)
    np.testing.assert_allclose(back.mag, 8, atol=1e-3)


def test_the_encoder_refuses_what_a_dot_does_not_send() -> None:
    timing = Timing(60.0, np.array([0]))
    with pytest.raises(ValueError, match="sends mag"):
        encode(ImuChunk(timing, acc=np.zeros((1, 3)), gyr=np.zeros((1, 3))))
    with pytest.raises(ValueError, match="device time"):
        encode(ImuChunk(Timing(60.0), quat=np.array([[1.0, 0, 0, 0]])), "quaternion")
    with pytest.raises(ValueError, match="EmgChunk"):
        encode(EmgChunk(Timing(200.0), np.zeros((1, 8)), "counts"))
    with pytest.raises(ValueError, match="PostureChunk"):
        encode(PostureChunk(slouching=True, vibrating=False))


@pytest.mark.parametrize("chunk", [BatteryChunk(42, charging=True), ButtonChunk("press"), ButtonChunk("sleep")])
def test_battery_and_reports_come_back(chunk: BatteryChunk | ButtonChunk) -> None:
    parser = DRIVER.parser(StreamOptions())
    assert [back for packet in encode(chunk) for back in parser.feed(*packet)] == [chunk]


def test_start_stops_first_then_sets_the_rate_then_measures(perform) -> None:
    steps = perform(DRIVER.start(StreamOptions(rate_hz=30, mode="custom5")), {BATTERY: [b"\x50\x00"]})
    rate = b"\x10" + bytes(23) + b"\x1e\x00" + bytes(6)
    assert [step for step in steps if not isinstance(step, Wait)] == [
        Write(START_STOP, b"\x01\x00\x1a"),
        Write(CONTROL, rate),
        Read(BATTERY),
        Write(START_STOP, b"\x01\x01\x1a"),
    ]
    assert len(rate) == 32


def test_the_usual_mode_is_rate_with_magnetometer_at_60_hz(perform) -> None:
    steps = perform(DRIVER.start(StreamOptions()), {BATTERY: [b"\x50\x00"]})
    assert steps[-1] == Write(START_STOP, b"\x01\x01\x14")
    assert Write(CONTROL, b"\x10" + bytes(23) + b"\x3c\x00" + bytes(6)) in steps
    assert DRIVER.subscriptions(StreamOptions()) == (MEDIUM, BATTERY, REPORT)


@pytest.mark.parametrize(("wanted", "taken"), [(100, 60), (25, 30), (24, 20), (0.2, 1), (11, 12)])
def test_the_nearest_rate_is_taken(perform, wanted: float, taken: int) -> None:
    options = StreamOptions(rate_hz=wanted)
    steps = perform(DRIVER.start(options), {BATTERY: [b"\x50\x00"]})
    (rate,) = [step.data for step in steps if isinstance(step, Write) and step.characteristic == CONTROL]
    assert rate[24:26] == bytes((taken, 0))
    ((_, data),) = encode(ImuChunk(Timing(60.0, np.array([0])), quat=np.array([[1.0, 0, 0, 0]])), "quaternion")
    (chunk,) = DRIVER.parser(StreamOptions(rate_hz=wanted, mode="quaternion")).feed(SHORT, data)
    assert isinstance(chunk, ImuChunk)
    assert chunk.timing.rate_hz == taken


def test_stop_and_identify(perform) -> None:
    assert perform(DRIVER.stop(StreamOptions(mode="rate"))) == [Write(START_STOP, b"\x01\x00\x15")]
    assert perform(DRIVER.identify()) == [Write(CONTROL, b"\x01\x01" + bytes(30))]


def test_it_has_no_motor() -> None:
    with pytest.raises(Unsupported, match="Movella DOT cannot buzz"):
        DRIVER.buzz(Buzz())


def test_an_unknown_mode_is_named_with_the_known_ones() -> None:
    for ask in (DRIVER.parser, DRIVER.subscriptions):
        with pytest.raises(ValueError, match=r"no mode 'free_acceleration'.*rate_mag"):
            ask(StreamOptions(mode="free_acceleration"))


@pytest.mark.parametrize(
    ("characteristic", "data"),
    [
        (CONTROL, b"\x02\x00\x01" + bytes(29)),
        (CONTROL, b"\x08" + bytes(31)),
        (CONTROL, b"\x10" + bytes(23) + b"\x78\x00" + bytes(6)),
        (CONTROL, b"\x11\x01" + bytes(22) + b"\x3c\x00" + bytes(6)),
        (START_STOP, b"\x01\x01\x01"),
        (START_STOP, b"\x01\x01"),
        ("15177001-4947-11e9-8646-d663bd873d93", b"\x02\x01\x02\xfb"),
    ],
    ids=["power off", "tag", "recording rate", "two at once", "secret mode", "short", "message"],
)
def test_other_writes_are_refused(characteristic: str, data: bytes) -> None:
    assert not DRIVER.permits(Write(characteristic, data))


def test_the_synchronisation_messages_of_the_documents() -> None:
    assert sync.start_sync("D4:CA:6E:F1:69:3D") == bytes.fromhex("0207013D69F16ECAD453")
    assert sync.frame(bytes((sync.STOP,))) == bytes.fromhex("020102FB")
    assert sync.frame(bytes((sync.STATUS,))) == bytes.fromhex("020108F5")
    assert sync.unframe(bytes.fromhex("02025000AC")) == b"\x50\x00"
    assert sync.is_synced(bytes.fromhex("02025104A7")) is True
    assert sync.is_synced(bytes.fromhex("02025109A2")) is False


@pytest.mark.parametrize("answer", ["", "0202", "02025104A8", "02025104A700", "03025104A6", "02025000AC"])
def test_what_is_no_answer_about_synchronisation_says_nothing(answer: str) -> None:
    assert sync.is_synced(bytes.fromhex(answer)) is None


@pytest.mark.needs("data")
@pytest.mark.parametrize("name", ["chest.csv", "upperarm.csv"])
def test_a_recording_of_the_makers_app_survives_the_sensors_packets(recordings: Path, name: str) -> None:
    file = recordings / "movella_dot_exports" / "imt_shoulder_tracking" / name
    lines = file.read_text(encoding="utf-8").splitlines()
    start = next(row for row, line in enumerate(lines) if line.startswith("PacketCounter"))
    table = np.array([line.split(",") for line in lines[start + 1 :] if line.strip()], dtype=float)
    ticks, acc, gyr, mag = table[:, 1].astype(np.int64) * 1000, table[:, 2:5], np.deg2rad(table[:, 5:8]), table[:, 8:11]
    chunks = [decode_one("rate_mag", *packet) for packet in encode(ImuChunk(Timing(60.0, ticks), acc, gyr, mag))]
    assert [int(chunk.timing.ticks[0]) for chunk in chunks if chunk.timing.ticks is not None] == ticks.tolist()
    np.testing.assert_allclose(np.vstack([chunk.acc for chunk in chunks if chunk.acc is not None]), acc, atol=1e-5)
    np.testing.assert_allclose(np.vstack([chunk.gyr for chunk in chunks if chunk.gyr is not None]), gyr, atol=1e-5)
    # To the last digit of the file: the app, too, divides the magnetometer's counts by 4096.
    np.testing.assert_allclose(np.vstack([chunk.mag for chunk in chunks if chunk.mag is not None]), mag, atol=1e-6)
