"""The engine under hostile sensors and odd orders: nothing raises, time goes forward, numbers are numbers."""

import json
from collections.abc import Sequence
from typing import cast

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import movella_dot, myo, open_profile, upright_go2
from devices.chunks import AngleChunk, BatteryChunk, ButtonChunk, EmgChunk, ImuChunk, PostureChunk, Timing
from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from devices.profile import BATTERY_LEVEL
from fusion.estimates import Json
from fusion.pipeline import PipelineSettings
from gateway.engine import Engine
from gateway.records import Control, ControlKind, Packet, Record

START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
MODELS = {"open": "open_profile", "other": "open_profile", "myo": "myo", "dot": "movella_dot", "go": "upright_go2"}
RATES = (0.01, 1.0, 50.0, 60.0, 100.0, 1000.0, 100_000.0)

numbers = st.sampled_from([0.0, 0.1, -2.0, 9.80665, 30.0, 1e-6, np.nan, 1e30, 3e38])
shapes = st.tuples(
    st.sampled_from(["imu", "emg", "angle"]),
    st.sampled_from([("acc", "gyr"), ("acc",), ("quat",), ("gyr", "mag"), ("acc", "gyr", "mag", "quat")]),
    st.sampled_from(RATES),
    st.integers(1, 4),
    st.sampled_from(["V", "counts"]),
)


def open_stream(shape: tuple[str, tuple[str, ...], float, int, str]) -> OpenStream:
    kind, fields, rate_hz, channels, unit = shape
    if kind == "imu":
        return OpenStream(1, "imu", fields, rate_hz)
    if kind == "emg":
        return OpenStream(1, "emg", ("emg",), rate_hz, channels=channels, unit="V" if unit == "V" else "counts")
    return OpenStream(1, "angle", ("angle",), rate_hz, channels=channels)


@st.composite
def open_packets(draw: st.DrawFn) -> list[tuple[str, str, bytes]]:
    """A description, and packets of its stream with the clock, without, and with one that leaps."""
    sensor = draw(st.sampled_from(["open", "other"]))
    stream = open_stream(draw(shapes))
    encoder = Encoder([stream])
    out = [(sensor, DESCRIPTION, encoder.description)]
    for _ in range(draw(st.integers(1, 6))):
        count = draw(st.integers(1, 5))
        first = draw(st.sampled_from([0, SECOND, 2 * SECOND, 3600 * SECOND, START, 2**62]))
        step = draw(st.sampled_from([1, 10_000_000, 4 * SECOND]))
        ticks = None if draw(st.booleans()) else first + step * np.arange(count)
        value = draw(numbers)
        values = {
            name: np.full((count, width), value) for name, width in zip(stream.fields, stream.widths, strict=True)
        }
        if "quat" in values:
            values["quat"] = np.tile(
                draw(st.sampled_from([(1.0, 0, 0, 0), (0.6, 0.8, 0, 0), (1.04, 0, 0, 0)])), (count, 1)
            )
        encoder.skip(1, draw(st.sampled_from([0, 0, 3, 30_000])))
        out += [(sensor, DATA, data) for data in encoder.packets(1, ticks, values)]
    return out


@st.composite
def vendor_packets(draw: st.DrawFn) -> list[tuple[str, str, bytes]]:
    """What the other drivers' own encoders make."""
    acc, gyr = np.array([[0.1, 0.2, 9.8]]), np.array([[0.0, draw(st.floats(-5, 5)), 0.0]])
    quat = np.array([[1.0, 0.0, 0.0, 0.0]])
    ticks = np.array([draw(st.integers(0, 2**32 - 1)) * 1000], np.int64)
    imu = ImuChunk(Timing(60.0, ticks), acc=acc, gyr=gyr, quat=quat, mag=np.zeros((1, 3)))
    emg = EmgChunk(Timing(200.0), np.full((8, 8), float(draw(st.integers(-128, 127)))), "counts")
    made = {
        "myo": [*myo.encode(emg, draw(st.integers(0, 3))), *myo.encode(imu), *myo.encode(ButtonChunk("tap"))],
        "dot": movella_dot.encode(imu, "rate_mag") + movella_dot.encode(BatteryChunk(5, False)),
        "go": [
            *upright_go2.encode(AngleChunk(Timing(15.0), np.array([[draw(st.floats(-90, 90))]]))),
            *upright_go2.encode(PostureChunk(True, False)),
        ],
        "open": open_profile.encode(BatteryChunk(50)),
    }
    sensor = draw(st.sampled_from(sorted(made)))
    return [(sensor, characteristic, data) for characteristic, data in made[sensor]]


@st.composite
def bent(draw: st.DrawFn, packets: st.SearchStrategy[list[tuple[str, str, bytes]]]) -> list[tuple[str, str, bytes]]:
    """Packets of which some are cut, have a flipped bit, or come on another characteristic."""
    out = []
    for sensor, characteristic, data in draw(packets):
        how = draw(st.sampled_from(["whole"] * 6 + ["cut", "flipped", "elsewhere"]))
        if how == "cut":
            data = data[: draw(st.integers(0, len(data)))]
        elif how == "flipped" and data:
            at, bit = draw(st.integers(0, len(data) - 1)), draw(st.integers(0, 7))
            data = data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]
        elif how == "elsewhere":
            characteristic = draw(st.sampled_from([DATA, DESCRIPTION, BATTERY_LEVEL, myo.IMU, upright_go2.ANGLE]))
        out.append((sensor, characteristic, data))
    return out


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
garbage = st.recursive(scalars, lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(max_size=4), x, max_size=3))
ZONE = {"muscle": "biceps_left", "low": 0.1}
normal_keys = st.sampled_from(["value", "unit", "by", "origin", "trials", "count", "rest", "open"])
zone_keys = st.sampled_from(["zone", "entered", "held", "beyond", "last"])
values = st.fixed_dictionaries({"value": scalars | st.just(1e-4), "unit": st.just("counts") | scalars})
normalising = st.fixed_dictionaries(
    {"what": st.sampled_from(["rest", "mvc", "mvc_stop", "mvc_forget", "mvc_given"])},
    optional={
        "muscles": st.lists(st.sampled_from(["biceps_left", "x"]) | scalars, max_size=2) | scalars,
        "seconds": scalars,
        "values": garbage | st.dictionaries(st.sampled_from(["biceps_left", "x"]), values | garbage, max_size=2),
        "from": scalars,
    },
)  # fmt: skip
carried = st.fixed_dictionaries(
    {},
    optional={
        "body": garbage
        | st.fixed_dictionaries(
            {"seats": st.dictionaries(st.sampled_from(["trunk", "pelvis"]), garbage, max_size=2)},
            optional={"ties": st.dictionaries(st.sampled_from(["trunk", "x"]), garbage), "asked": garbage},
        ),
        "motion": garbage | st.dictionaries(st.sampled_from(list(MODELS)), garbage, max_size=3),
        "emg": garbage | st.dictionaries(st.sampled_from(list(MODELS)), garbage, max_size=3),
        "mvc": garbage | st.dictionaries(st.just("biceps_left"), st.dictionaries(normal_keys, garbage)),
        "shift_ns": scalars | st.just(2**62),
        "zones": garbage | st.dictionaries(st.just("biceps_left"), st.dictionaries(zone_keys, garbage | st.just(ZONE))),
        "slouch": garbage | st.dictionaries(st.sampled_from(["upright_deg", "leaning", "asked", "slouching"]), garbage),
    },
)  # fmt: skip
placements = st.fixed_dictionaries(
    {},
    optional={
        "segment": st.sampled_from(["trunk", "pelvis", "thigh_left", "shank_left", "hand_left", "tail", ""]) | scalars,
        "channels": st.dictionaries(st.sampled_from(["0", "1", "7", "-1", "²", "x", "9" * 5000]), scalars) | scalars,
        "truth": scalars,
    },
)
orders = st.one_of(
    st.tuples(st.just("placement"), placements),
    st.tuples(st.just("calibrate"), st.dictionaries(st.sampled_from(["what", "pose"]), scalars | st.just("posture"))),
    st.tuples(st.just("calibrate"), normalising),
    st.tuples(st.just("zones"), st.dictionaries(st.just("zones"), garbage | st.lists(st.just(ZONE) | garbage))),
    st.tuples(st.just("reset"), st.dictionaries(st.just("what"), st.sampled_from(["heading", "full", "all", None]))),
    st.tuples(st.just("restore"), carried),
    st.tuples(st.just("link"), st.just({"state": "connected"})),
    st.tuples(
        st.just("clock"), st.fixed_dictionaries({"source": st.sampled_from(["file", "device"]), "shift_ns": scalars})
    ),
    st.tuples(st.just("mark"), st.dictionaries(st.sampled_from(["name", "text"]), scalars)),
)
waits = st.sampled_from(
    [0, 0, 1, 5_000_000, 20_000_000, 20_000_000, SECOND, 7 * SECOND, 365 * 86_400 * SECOND, -SECOND]
)


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """A session as no one would record it."""
    now = START
    records: list[Record] = [Control(now, "sensor", name, {"model": model}) for name, model in MODELS.items()]
    records += [
        Control(now, "placement", "open", {"segment": "trunk"}),
        Control(now, "placement", "myo", {"segment": "pelvis", "channels": {"0": "biceps_left"}}),
    ]
    blocks = bent(open_packets()) | bent(vendor_packets())
    for part in draw(st.lists(blocks | orders, min_size=2, max_size=14)):
        if isinstance(part, tuple):
            kind = cast(ControlKind, part[0])
            records.append(Control(now, kind, draw(st.sampled_from(list(MODELS))), part[1]))
            continue
        for packet in part:
            now += draw(waits)
            records.append(Packet(now, *packet))
    return records


def run(records: Sequence[Record], magnetometer: bool = False) -> Engine:
    """Feed all and check what comes out."""
    engine = Engine(PipelineSettings(magnetometer=magnetometer))
    newest: dict[str, int] = {}
    for i in range(len(records) + 1):
        if i < len(records):
            engine.feed(records[i])
        else:
            engine.finish()
        for batch in engine.take()[0]:
            assert np.all(np.diff(batch.t) > 0)
            assert batch.t[0] > newest.get(batch.topic, 0)
            newest[batch.topic] = int(batch.t[-1])
            assert batch.values.shape == (batch.t.size, len(batch.names)) == (batch.t.size, len(batch.units))
            assert not np.isinf(batch.values).any()
            if batch.topic == "orientation":
                norms = np.linalg.norm(batch.values.reshape(batch.t.size, -1, 4), axis=2)
                assert np.all(np.isnan(norms) | (np.abs(norms - 1) < 1e-6))
    json.dumps(engine.pipeline.carry(), allow_nan=False)
    return engine


@settings(deadline=None, max_examples=120)
@given(histories(), st.booleans())
def test_whatever_comes_nothing_raises_and_numbers_are_numbers(records: list[Record], magnetometer: bool) -> None:
    run(records, magnetometer)


def emg_session(*parts: tuple[OpenStream, bool]) -> list[Record]:
    """Half a second of each stream, one after the other, from one sensor."""
    now = START
    records: list[Record] = [Control(now, "sensor", "a", {"model": "open_profile"})]
    for stream, has_clock in parts:
        encoder = Encoder([stream])
        records.append(Packet(now, "a", DESCRIPTION, encoder.description))
        for _ in range(25):
            now += 20_000_000
            times = now - START + 1_000_000 * np.arange(-19, 1) if has_clock else None
            values = {stream.kind: np.full((20, stream.channels), 1e-3)}
            records += [Packet(now, "a", DATA, data) for data in encoder.packets(stream.id, times, values)]
    return records


def test_a_packet_without_clock_after_some_with_one_begins_a_new_clock() -> None:
    stream = OpenStream(1, "emg", ("emg",), 1000.0, channels=2)
    state = run(emg_session((stream, True), (stream, False), (stream, True))).sensors["a"]
    assert state.received > 1400
    assert state.skipped == 0


def test_descriptions_that_change_channels_rate_or_unit_begin_anew() -> None:
    angles = [OpenStream(1, "angle", ("angle",), 1000.0, channels=n) for n in (1, 3, 2)]
    run(emg_session(*((stream, True) for stream in angles)))
    muscles = [
        OpenStream(1, "emg", ("emg",), rate, channels=n, unit="V" if volts else "counts")
        for rate, n, volts in ((1000.0, 2, True), (1000.0, 2, False), (1000.0, 5, False), (500.0, 5, False))
    ]
    engine = run(emg_session(*((stream, True) for stream in muscles)))
    assert engine.pipeline.muscles.sensors["a"].unit == "counts"


def test_what_is_carried_survives_and_each_wrong_part_of_it_is_left_out() -> None:
    stream = OpenStream(1, "emg", ("emg",), 1000.0, channels=2)
    records = emg_session((stream, True))
    state: dict[str, Json] = json.loads(json.dumps(run(records).pipeline.carry()))
    level = state["emg"]["a"]["level"]  # type: ignore[index,call-overload]  # plain JSON
    engine = Engine()
    for record in [
        *records[:2],
        Control(START, "restore", None, {**state, "body": 3, "slouch": [], "motion": {"a": "x"}}),
    ]:
        engine.feed(record)
    for record in records[2:5]:
        engine.feed(record)
    kept = engine.pipeline.muscles.sensors["a"].detector.state.level
    assert np.allclose(kept[:, 0], np.array(level)[:, 0])
