"""What the status says of the joints: the engine's own lights, for the dashboard and in what `analyse` sums up."""

from pathlib import Path

import numpy as np
import pytest

from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from gateway.analysis import analyse
from gateway.bus.status import calibration_status
from gateway.engine import Engine
from gateway.records import Control, Packet, Record
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo

START = 1_790_000_000_000_000_000
STREAM = OpenStream(1, "imu", ("acc", "gyr"), 100.0)
ROWS = 10
LEG = ("thigh_left", "shank_left")


def leg(seconds: float, rate_rad_s: float, missing: tuple[str, ...] = ()) -> list[Record]:
    """A left leg whose segments turn about a level axis at a constant rate, upright at first; some send nothing."""
    records: list[Record] = []
    for segment in LEG:
        records.append(Control(START, "sensor", segment, {"model": "open_profile"}))
        records.append(Control(START, "placement", segment, {"segment": segment}))
        records.append(Packet(START, segment, DESCRIPTION, Encoder([STREAM]).description))
    encoders = {segment: Encoder([STREAM]) for segment in LEG if segment not in missing}
    for first in range(0, round(seconds * STREAM.rate_hz), ROWS):
        ticks = (first + np.arange(ROWS)) * 10_000_000
        tilt = rate_rad_s * ticks / 1e9
        acc = 9.81 * np.column_stack([np.sin(tilt), np.cos(tilt), np.zeros(ROWS)])
        gyr = np.tile([0.0, 0.0, rate_rad_s], (ROWS, 1))
        for segment, encoder in encoders.items():
            packets = encoder.packets(1, ticks, {"acc": acc, "gyr": gyr})
            records += [Packet(START + int(ticks[-1]), segment, DATA, data) for data in packets]
    return records


def fed(records: list[Record]) -> Engine:
    engine = Engine()
    for record in records:
        engine.feed(record)
    engine.finish()
    return engine


def test_a_joint_that_is_not_calibrated_is_red_and_says_so() -> None:
    status = calibration_status(fed(leg(3.0, 0.0)))
    assert status["lights"] == {"knee_left": {"light": "red", "reason": "left knee is not calibrated yet"}}


def test_the_lights_are_those_of_the_pipeline() -> None:
    engine = fed(leg(3.0, 0.5))
    told = calibration_status(engine)["lights"]
    assert told == {j: {"light": light, "reason": why} for j, (light, why) in engine.pipeline.lights.items()}


@pytest.mark.parametrize("records", [[], leg(1.0, 0.0, missing=LEG)], ids=["nothing is worn", "nothing streams"])
def test_before_anything_streams_there_is_no_light(records: list[Record]) -> None:
    assert calibration_status(fed(records))["lights"] == {}


def test_analyse_sums_up_the_same_lights(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path)
    writer = home.create(SessionInfo("s1", "", None, "live", "recording", START, None, "local", "test"))
    records = leg(3.0, 0.0)
    writer.append(records)
    writer.close("complete")
    calibration = analyse(home, "s1")["calibration"]
    assert isinstance(calibration, dict)
    assert calibration["lights"] == calibration_status(fed(records))["lights"]
    home.close()
