"""Long strides of the pipeline give the bits of short ones, whatever happens between."""

from collections.abc import Sequence

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from fusion.estimates import Event
from gateway.engine import Engine
from gateway.records import Control, Packet, Record

START = 1_790_000_000_000_000_000
MS = 1_000_000
SECOND = 1000 * MS
LENGTH = 9 * SECOND
SENSORS = {
    "thigh": OpenStream(1, "imu", ("acc", "gyr"), 100.0),
    "shank": OpenStream(1, "imu", ("acc", "gyr"), 60.0),
    "trunk": OpenStream(1, "imu", ("acc", "gyr", "quat"), 100.0),
    "own": OpenStream(1, "imu", ("quat",), 50.0),
    "box": OpenStream(1, "emg", ("emg",), 1000.0, channels=3, unit="V"),
    "angle": OpenStream(1, "angle", ("angle",), 50.0),
}
SEGMENTS = {"thigh": "thigh_left", "shank": "shank_left", "trunk": "trunk", "own": "pelvis"}

at = st.integers(0, LENGTH // MS).map(lambda ms: ms * MS)
names = st.sampled_from(sorted(SENSORS))
faults = st.lists(
    st.tuples(
        st.sampled_from(["lost", "late", "nan"]),
        names,
        at,
        st.sampled_from([30 * MS, 120 * MS, 260 * MS, 600 * MS, 3 * SECOND]),
    ),
    max_size=6,
)
orders = st.lists(
    st.tuples(
        at,
        st.sampled_from(
            [
                ("reset", None, {"what": "full"}),
                ("reset", None, {"what": "heading"}),
                ("calibrate", None, {"what": "pose", "pose": "standing"}),
                ("calibrate", None, {"what": "posture"}),
                ("placement", "shank", {"segment": "shank_right"}),
                ("placement", "trunk", {}),
                ("placement", "box", {"channels": {"0": "soleus_left", "2": "soleus_right"}}),
                ("link", "thigh", {"state": "connected"}),
                ("mark", None, {"text": "here"}),
            ]
        ),
    ),
    max_size=4,
)


def values(stream: OpenStream, t: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return something that moves, then stands, then moves."""
    s = t / SECOND
    moving = np.where((s > 2.5) & (s < 4.5), 0.0, 1.0)
    swing = moving * np.sin(4.0 * s)
    if stream.kind == "emg":
        return {"emg": 1e-4 * (0.2 + moving[:, None]) * rng.normal(size=(t.size, 3))}
    if stream.kind == "angle":
        return {"angle": 30.0 * swing[:, None]}
    quat = np.stack([np.cos(0.5 * swing), 0 * s, 0 * s, np.sin(0.5 * swing)], axis=1)
    known = {
        "acc": np.stack([9.8 * np.sin(0.5 * swing), 9.8 * np.cos(0.5 * swing), 0.1 * moving], axis=1),
        "gyr": np.stack([0.3 * swing, 0.1 * swing, 2.0 * moving * np.cos(4.0 * s)], axis=1),
        "quat": quat,
    }
    return {name: known[name] for name in stream.fields}


def packets(name: str, late: int, size: int, each: int, seed: int) -> list[Packet]:
    """Return what one sensor sends: `each` samples a packet, delayed anyhow."""
    stream, rng = SENSORS[name], np.random.default_rng(seed)
    t = np.arange(late, LENGTH, round(SECOND / stream.rate_hz))
    encoder = Encoder([stream], min(17 + each * stream.sample_size, 512))
    made = [Packet(START + late, name, DESCRIPTION, encoder.description)]
    delay = rng.integers(0, size, t.size)
    i = 0
    for data in encoder.packets(1, t, values(stream, t, rng)):
        i += data[16]
        made.append(Packet(max(made[-1].arrival, START + int(t[i - 1]) + int(delay[i - 1])), name, DATA, data))
    return made


def bent(made: list[Packet], faults: Sequence[tuple[str, str, int, int]]) -> list[Packet]:
    """Lose packets, hold them back, or take the numbers out of them."""
    out = []
    for packet in made:
        arrival, data = packet.arrival, packet.data
        hit = [
            kind for kind, name, a, long in faults if name == packet.sensor and START + a <= arrival < START + a + long
        ]
        if packet.characteristic == DATA and "lost" in hit:
            continue
        if packet.characteristic == DATA and "nan" in hit:
            data = data[:17] + b"\x00\x00\xc0\x7f" * ((len(data) - 17) // 4)
        for kind, name, a, long in faults:
            if kind == "late" and name == packet.sensor and START + a <= arrival < START + a + long:
                arrival = START + a + long
        out.append(Packet(arrival, packet.sensor, packet.characteristic, data))
    return out


def outcome(records: Sequence[Record], stride_s: float) -> tuple[dict[str, list[bytes]], list[str]]:
    """Return the bits of all series, with their times, and all events in order."""
    engine = Engine(stride_s=stride_s)
    series: dict[str, list[bytes]] = {}
    events: list[Event] = []
    for record in [*records, None]:
        if record is None:
            engine.finish()
        else:
            engine.feed(record)
        batches, more = engine.take()
        events += more
        for batch in batches:
            for column, (name, unit) in enumerate(zip(batch.names, batch.units, strict=True)):
                rows = zip(batch.t.tolist(), batch.values[:, column], strict=True)
                series.setdefault(f"{name} {unit}", []).extend(t.to_bytes(8, "big") + x.tobytes() for t, x in rows)
    return series, sorted(map(repr, events))


@settings(deadline=None, max_examples=40)
@example(["trunk", "angle", "box", "own", "shank"], [700 * MS, 0, 3 * SECOND, 0, 0], 200 * MS, 3, [], [], 0.1)
@given(
    st.lists(names, min_size=2, max_size=5, unique=True),
    st.lists(st.sampled_from([0, 0, 0, 700 * MS, 3 * SECOND]), min_size=5, max_size=5),
    st.sampled_from([1 * MS, 40 * MS, 200 * MS]),
    st.integers(1, 6),
    faults,
    orders,
    st.sampled_from([0.1, 1.0, 2.0, 100.0]),
)
def test_strides_give_the_bits_of_short_steps(
    chosen: list[str],
    late: list[int],
    delay: int,
    each: int,
    faults: list[tuple[str, str, int, int]],
    orders: list[tuple[int, tuple[str, str | None, dict[str, str]]]],
    stride_s: float,
) -> None:
    controls: list[Record] = []
    made: list[Record] = []
    for k, name in enumerate(chosen):
        controls.append(Control(START, "sensor", name, {"model": "open_profile"}))
        placement = {"segment": SEGMENTS[name]} if name in SEGMENTS else {"channels": {"0": "soleus_left"}}
        controls.append(Control(START, "placement", name, placement))
        made += bent(packets(name, late[k], delay, each, k), faults)
    made += [Control(START + t, *order) for t, order in orders if order[1] in (None, *chosen)]
    made.sort(key=lambda record: record.arrival if isinstance(record, Packet) else record.t)
    records = [*controls, *made]
    steps, strides = outcome(records, 0.0), outcome(records, stride_s)
    assert steps[0].keys() == strides[0].keys()
    for name, rows in steps[0].items():
        assert rows == strides[0][name], name
    assert steps[1] == strides[1]


def test_strides_are_long_where_nothing_happens() -> None:
    records: list[Record] = []
    for name in ("thigh", "shank"):
        records.append(Control(START, "sensor", name, {"model": "open_profile"}))
        records.append(Control(START, "placement", name, {"segment": SEGMENTS[name]}))
    records += sorted((p for n in ("thigh", "shank") for p in packets(n, 0, MS, 4, 0)), key=lambda p: p.arrival)
    engine = Engine(stride_s=2.0)
    for record in records:
        engine.feed(record)
    engine.finish()
    longest = [batch.t.size for batch in engine.take()[0] if batch.topic == "joints"]
    assert max(longest) == 200
    assert len(longest) < 20
