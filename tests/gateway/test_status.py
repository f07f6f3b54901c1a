"""What the status says of the joints: the engine's own lights, for the dashboard and in what `analyse` sums up."""

from pathlib import Path

import pytest

from gateway.analysis import analyse
from gateway.bus.status import calibration_status
from gateway.engine import Engine
from gateway.records import Record
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from tests.gateway.leg import LEG, START, leg


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
