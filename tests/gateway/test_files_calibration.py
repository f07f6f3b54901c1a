"""A calibration's file, and who names it: session.toml and the settings; one clear sentence where it cannot be used."""

import json
from pathlib import Path

import numpy as np
import pytest

from fusion.calibration import SensorCalibration
from gateway.files import session_toml
from gateway.files.calibration import LARGEST, UnusableCalibration, read_calibration, write_calibration
from gateway.files.importer import import_files
from gateway.files.problem import ImportProblem
from gateway.links.roster import plan_for
from gateway.settings import SensorSettings, SettingsProblem, load
from gateway.store.home import SqliteHome
from tests.fusion.calibration.faulty import TRUTH
from tests.gateway.test_files_session_toml import LEGS, THIGH, csv_text, emg_columns, thigh_columns

NAMED = 'calibration = "made/thigh.calibration.json"\n'
DAMAGED = {
    "is none": ("", "[]", "{}", "not json", '{"acc_bias": null}', '{"version": 1}', "[" * 5000, " " * (LARGEST + 1)),
    "is damaged": (
        '{"acc_bias": [1, 2]}',
        '{"gyr_bias": [60, 0, 0]}',
        '{"acc_matrix": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}',
        '{"acc_bias": [NaN, 0, 0]}',
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "session.toml").write_text(THIGH + NAMED + LEGS)
    (tmp_path / "thigh.csv").write_text(csv_text(thigh_columns()))
    (tmp_path / "emg.csv").write_text(csv_text(emg_columns()))
    (tmp_path / "made").mkdir()
    write_calibration(tmp_path / "made" / "thigh.calibration.json", TRUTH)
    return tmp_path


def same(one: SensorCalibration | None, other: SensorCalibration) -> bool:
    return one is not None and one.to_json() == other.to_json()


def test_what_was_written_is_read_exactly(tmp_path: Path) -> None:
    write_calibration(tmp_path / "a.json", TRUTH)
    assert same(read_calibration(tmp_path / "a.json"), TRUTH)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_other_keys_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({**TRUTH.to_json(), "sensor": "thigh"}))
    assert same(read_calibration(tmp_path / "a.json"), TRUTH)


@pytest.mark.parametrize(("said", "content"), [(said, content) for said, all_ in DAMAGED.items() for content in all_])
def test_a_file_that_holds_no_calibration_is_refused(tmp_path: Path, said: str, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UnusableCalibration, match=rf"a\.json {said}"):
        read_calibration(tmp_path / "a.json")


def test_a_session_holds_what_the_file_of_its_sensor_says(folder: Path, tmp_path: Path) -> None:
    home = SqliteHome(tmp_path / "data")
    with home.open(import_files(home, [folder])) as reader:
        told = {control.sensor: control.data for control in reader.controls() if control.kind == "sensor"}
    assert told["thigh"]["calibration"] == TRUTH.to_json()
    assert all("calibration" not in data for sensor, data in told.items() if sensor != "thigh")
    home.close()


def test_a_missing_file_of_a_session_is_named_with_the_sensor(folder: Path) -> None:
    (folder / "made" / "thigh.calibration.json").unlink()
    with pytest.raises(ImportProblem, match=r"sensor thigh: the calibration .*made.thigh.calibration.json cannot be"):
        session_toml.read(folder / "session.toml")


def test_only_motion_can_be_calibrated(folder: Path) -> None:
    (folder / "session.toml").write_text(THIGH + LEGS + NAMED)
    with pytest.raises(ImportProblem, match="sensor goniometer: there is no acc, gyr or mag to calibrate"):
        session_toml.read(folder / "session.toml")


def test_the_settings_name_a_file_beside_them(folder: Path) -> None:
    config = folder / "kinestream.toml"
    config.write_text(f'[[sensor]]\nname = "thigh"\nmodel = "movella_dot"\n{NAMED}')
    (sensor,) = load(config).sensor
    plan = plan_for(sensor)
    assert same(plan.calibration, TRUTH)


def test_an_absolute_path_stays_one(folder: Path, tmp_path: Path) -> None:
    path = folder / "made" / "thigh.calibration.json"
    config = tmp_path / "made" / "kinestream.toml"
    config.write_text(f'[[sensor]]\nname = "thigh"\nmodel = "movella_dot"\ncalibration = {json.dumps(str(path))}\n')
    assert same(plan_for(load(config).sensor[0]).calibration, TRUTH)


def test_a_sensor_whose_calibration_cannot_be_used_is_refused_at_start(tmp_path: Path) -> None:
    missing = str(tmp_path / "gone.json")
    with pytest.raises(SettingsProblem, match=r"sensor thigh: the calibration .*gone\.json cannot be read"):
        plan_for(SensorSettings(name="thigh", model="movella_dot", calibration=missing))
    with pytest.raises(SettingsProblem, match="upright_go2 sends no motion to calibrate"):
        plan_for(SensorSettings(name="back", model="upright_go2", calibration=missing))


def test_numpy_arrays_come_back(tmp_path: Path) -> None:
    write_calibration(tmp_path / "a.json", SensorCalibration(gyr_bias=np.array([0.01, 0.0, -0.02])))
    np.testing.assert_array_equal(np.asarray(read_calibration(tmp_path / "a.json").gyr_bias), [0.01, 0.0, -0.02])
