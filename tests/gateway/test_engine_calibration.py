"""A sensor's calibration in its `sensor` record: applied to every sample, whatever the chunks; none does harm."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from fusion.calibration import SensorCalibration
from fusion.estimates import Batch, Json
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import TimedImu
from gateway.engine import Engine
from gateway.files.raw import raw_rows
from gateway.records import Control, Packet, Record
from tests.fusion.calibration.faulty import TRUTH
from tests.gateway.leg import START

BODY = ("trunk", "pelvis")
N = 1000
STREAM = OpenStream(1, "imu", ("acc", "gyr", "mag"), 100.0)
TICKS = 10_000_000 * np.arange(N)


class Tap(Pipeline):
    """A pipeline that keeps what enters it."""

    def __init__(self) -> None:
        super().__init__(PipelineSettings())
        self.taken: list[TimedImu] = []

    def imu(self, samples: TimedImu) -> None:
        self.taken.append(samples)
        super().imu(samples)


def samples() -> dict[str, np.ndarray]:
    """Return what sensors measure that stand for three seconds and swing then, in single precision."""
    rng = np.random.default_rng(5)
    swing = np.where(TICKS > 3e9, np.sin(2 * np.pi * TICKS / 1e9), 0.0)[:, None] * [0.1, 0.3, 1.8]
    values = {"acc": [0.3, 9.7, 0.5] + swing + 0.02 * rng.normal(size=(N, 3)), "gyr": swing, "mag": 20.0 + swing}
    values["gyr"][400:430] = np.nan
    return {name: x.astype(np.float32).astype(np.float64) for name, x in values.items()}


def records(calibration: Json = None, samples_per_packet: int = 10) -> list[Record]:
    """Return two sensors from a file; a value of None gives no calibration."""
    encoder = Encoder([STREAM])
    out: list[Record] = []
    for segment in BODY:
        data: dict[str, Json] = {"model": "open_profile"}
        if calibration is not None:
            data["calibration"] = calibration
        out.append(Control(START, "sensor", segment, data))
        out.append(Control(START, "placement", segment, {"segment": segment}))
        out.append(Control(START, "clock", segment, {"source": "file", "shift_ns": START}))
        out.append(Packet(START, segment, DESCRIPTION, encoder.description))
    out.append(Control(START, "calibrate", None, {"what": "pose", "pose": "standing"}))
    encoders = {segment: Encoder([STREAM], 512) for segment in BODY}
    whole = samples()
    for first in range(0, N, samples_per_packet):
        part = slice(first, first + samples_per_packet)
        for segment, each in encoders.items():
            packets = each.packets(1, TICKS[part], {name: x[part] for name, x in whole.items()})
            out += [Packet(START + int(TICKS[part][-1]), segment, DATA, data) for data in packets]
    return out


def run(told: Sequence[Record]) -> tuple[dict[str, np.ndarray], list[Batch]]:
    """Return what entered the pipeline of one sensor, and what came out."""
    engine, tap = Engine(), Tap()
    engine.pipeline = tap
    for record in told:
        engine.feed(record)
    engine.finish()
    mine = [chunk for chunk in tap.taken if chunk.sensor == BODY[0]]
    return {name: np.concatenate([getattr(x, name) for x in mine]) for name in ("acc", "gyr", "mag")}, engine.take()[0]


def rows(batches: Sequence[Batch]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for batch in batches:
        for name, column in zip(batch.names, batch.values.T, strict=True):
            known = np.isfinite(column)
            found.setdefault(name, {}).update(zip(batch.t[known].tolist(), column[known].tolist(), strict=True))
    return found


def test_every_sample_is_corrected_before_the_pipeline_sees_it() -> None:
    entered, _ = run(records(TRUTH.to_json()))
    whole = samples()
    gyr, acc, mag = TRUTH.apply(whole["gyr"], whole["acc"], whole["mag"])
    np.testing.assert_array_equal(entered["gyr"], gyr)
    np.testing.assert_array_equal(entered["acc"], acc)
    np.testing.assert_array_equal(entered["mag"], mag)


@pytest.mark.parametrize("size", [1, 3, 13])
def test_packets_of_another_size_give_the_same_bits(size: int) -> None:
    one, batches = run(records(TRUTH.to_json()))
    other, again = run(records(TRUTH.to_json(), size))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
    assert len(rows(batches)["trunk_inclination"]) > 200
    assert rows(batches) == rows(again)
    assert rows(batches) != rows(run(records())[1])


def test_a_calibration_survives_the_record_exactly() -> None:
    kept = json.loads(json.dumps(TRUTH.to_json()))
    np.testing.assert_array_equal(run(records(kept))[0]["gyr"], run(records(TRUTH.to_json()))[0]["gyr"])


def test_what_is_not_calibrated_stays_as_it_was() -> None:
    entered, _ = run(records(SensorCalibration(acc_bias=np.array([0.1, 0.0, 0.0])).to_json()))
    whole = samples()
    np.testing.assert_array_equal(entered["gyr"], whole["gyr"])
    np.testing.assert_array_equal(entered["mag"], whole["mag"])
    np.testing.assert_array_equal(entered["acc"], whole["acc"] - [0.1, 0.0, 0.0])


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["acc_bias", "x"]), inner, max_size=2),
    max_leaves=12,
)
wrong = st.fixed_dictionaries(
    {"acc_bias": st.just([0.5, -0.6, 0.4])},
    optional={
        name: st.none() | odd | st.sampled_from(values)
        for name, values in {
            "acc_matrix": [[[0.0] * 3] * 3, np.diag([1.0, 1.0, -1.0]).tolist(), [[1e300] * 3] * 3, [[1.0, 0.0]] * 3],
            "gyr_bias": [[9.0, 0.0, 0.0], [10**400, 0, 0], [True, False, 1], [np.nan] * 3, [1.0, 2.0]],
            "mag_matrix": [[[np.inf] * 3] * 3, (1e9 * np.eye(3)).tolist()],
        }.items()
    },
)


@settings(deadline=None, max_examples=150)
@given(odd | wrong)
def test_a_hostile_calibration_is_used_whole_or_not_at_all(calibration: Json) -> None:
    told = records(calibration)[:40]
    known = SensorCalibration.from_json(calibration)
    entered, _ = run(told)
    plain, _ = run(records()[:40])
    if known is None:
        np.testing.assert_array_equal(entered["acc"], plain["acc"])
    for name in entered:
        assert not np.isinf(entered[name]).any()


def test_raw_samples_are_those_that_were_measured() -> None:
    told = [list(raw_rows(records(calibration))) for calibration in (None, TRUTH.to_json())]
    for one, other in zip(*told, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
