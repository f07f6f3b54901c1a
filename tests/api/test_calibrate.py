"""`kinestream calibrate`: from an imported session to a file, and from the file back into sessions."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from devices.chunks import GRAVITY
from fusion.calibration.ferraris import POSITIONS
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import TimedImu
from gateway.engine import Engine
from gateway.files.importer import import_files
from gateway.store.home import SqliteHome
from tests.api.running import kinestream, one_sentence
from tests.fusion.calibration.faulty import TRUTH, put_down

RATE_HZ = 102.4
REAL = """version = 1
title = "Six rests and three turns"
[[sensor]]
name = "box"
kind = "imu"
file = {file}
rate_hz = 102.4
columns = {{ acc = ["acc_x", "acc_y", "acc_z"], gyr = ["gyr_x", "gyr_y", "gyr_z"] }}
units = {{ acc = "m/s2", gyr = "deg/s" }}
"""
MADE = """version = 1
[[sensor]]
name = "box"
kind = "imu"
file = "box.csv"
columns = { t = "t", acc = ["a0", "a1", "a2"], gyr = ["g0", "g1", "g2"], mag = ["m0", "m1", "m2"] }
units = { t = "s", acc = "m/s2", gyr = "rad/s", mag = "uT" }
"""


class Tap(Pipeline):
    """A pipeline that only keeps what enters it."""

    def __init__(self) -> None:
        super().__init__(PipelineSettings())
        self.taken: list[TimedImu] = []

    def imu(self, samples: TimedImu) -> None:
        self.taken.append(samples)


def entered(home: Path, session: str) -> tuple[np.ndarray, np.ndarray]:
    """Return gyr and acc as the pipeline received them."""
    store, engine, tap = SqliteHome(home / "data"), Engine(), Tap()
    engine.pipeline = tap
    with store.open(session) as reader:
        for record in reader.records():
            engine.feed(record)
    store.close()
    return np.concatenate([x.gyr for x in tap.taken]), np.concatenate([x.acc for x in tap.taken])


def imported(home: Path, folder: Path) -> str:
    """Import a folder without computing anything, which nothing here needs; return the session's id."""
    store = SqliteHome(home / "data")
    session = import_files(store, [folder])
    store.close()
    return session


def rms(x: np.ndarray) -> float:
    return float(np.sqrt((x * x).mean()))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> tuple[Path, str, dict[str, slice]]:
    """A home with the real session and its part list, the session's id, and where its parts are."""
    home, folder = tmp_path_factory.mktemp("real"), recordings / "imu_calibration"
    (home / "session.toml").write_text(REAL.format(file=json.dumps(str(folder / "example_ferraris_session.csv"))))
    spans = json.loads((folder / "example_ferraris_session_list.json").read_text())
    where = {name: slice(span["start"], span["end"]) for name, span in spans.items()}
    times = {name: [round(s.start / RATE_HZ, 3), round(s.stop / RATE_HZ, 3)] for name, s in where.items()}
    (home / "parts.json").write_text(json.dumps({"angle_deg": -360, **times}))
    return home, imported(home, home), where


@pytest.mark.needs("data")
def test_a_real_sensor_is_calibrated_and_its_session_imported_again_with_it(real, tmp_path: Path) -> None:
    home, session, where = real
    done = kinestream(
        "calibrate", session, "--sensor", "box", "--method", "ferraris", "--parts", "parts.json", home=home
    )
    assert done.stdout == 'calibration = "box.calibration.json"\n'
    for words in ("turn left open", "directions seen", "-0.6001, -0.3695, 0.05903", "Put this line"):
        assert words in done.stderr
    assert "look" not in done.stderr
    (tmp_path / "session.toml").write_text((home / "session.toml").read_text() + done.stdout)
    shutil.copy(home / "box.calibration.json", tmp_path)
    again = kinestream("import", tmp_path, home=tmp_path).stdout.splitlines()[-1]
    _, raw = entered(home, session)
    gyr, acc = entered(tmp_path, again)
    resting = np.concatenate([np.arange(len(acc))[where[name]] for name in POSITIONS])
    assert rms(np.linalg.norm(raw[resting], axis=1) - GRAVITY) == pytest.approx(0.533, abs=0.001)
    assert rms(np.linalg.norm(acc[resting], axis=1) - GRAVITY) == pytest.approx(0.0148, abs=0.0001)
    means = np.array([acc[where[name]].mean(axis=0) for name in POSITIONS])
    assert rms(np.linalg.norm(means, axis=1) - GRAVITY) < 0.0005
    for axis, name in enumerate(("x_rot", "y_rot", "z_rot")):
        assert np.degrees(gyr[where[name]].sum(axis=0)[axis] / RATE_HZ) == pytest.approx(-360.0, abs=0.01)


@pytest.mark.needs("data")
def test_a_calibrated_session_is_calibrated_by_what_was_measured(real, tmp_path: Path) -> None:
    home, session, _ = real
    found = ("calibrate", "last", "--sensor", "box", "--method", "rest", "-o", tmp_path / "rest.json")
    kinestream("calibrate", session, *found[2:], home=home)
    first = json.loads((tmp_path / "rest.json").read_text())
    (tmp_path / "session.toml").write_text((home / "session.toml").read_text() + 'calibration = "rest.json"\n')
    imported(tmp_path, tmp_path)
    kinestream(*found[:-1], tmp_path / "again.json", home=tmp_path)
    assert json.loads((tmp_path / "again.json").read_text()) == first
    assert np.degrees(first["gyr_bias"]) == pytest.approx([-0.600, -0.369, 0.059], abs=0.005)


@pytest.mark.needs("data")
def test_a_new_bias_keeps_the_scales_of_the_file(real, tmp_path: Path) -> None:
    home, session, _ = real
    ferraris = ("--method", "ferraris", "--parts", "parts.json")
    path = tmp_path / "kept.json"
    kinestream("calibrate", session, "--sensor", "box", *ferraris, "-o", path, home=home)
    before = json.loads(path.read_text())
    said = kinestream("calibrate", session, "--sensor", "box", "--method", "rest", "-o", path, home=home).stderr
    after = json.loads(path.read_text())
    assert "acc_bias, acc_matrix, gyr_matrix" in " ".join(said.split())
    assert after["gyr_matrix"] == before["gyr_matrix"]
    assert after["gyr_bias"] != before["gyr_bias"]


@pytest.mark.needs("data")
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--sensor", "thigh", "--method", "rest"), "has no sensor thigh; it has: box"),
        (("--sensor", "box", "--method", "ellipsoid"), "too few directions were seen; magnetometer: the recording has"),
        (("--sensor", "box", "--method", "ferraris"), "needs --parts FILE"),
        (("--sensor", "box", "--method", "rest", "--parts", "parts.json"), "leave it out with rest"),
        (("--sensor", "box", "--method", "ferraris", "--parts", "gone.json"), "gone.json: it cannot be read"),
        (("--sensor", "box", "--method", "ferraris", "--parts", "late.json"), "does not lie in the recording"),
        (("--sensor", "box", "--method", "ferraris", "--parts", "turned.json"), "the other way round"),
        (("--sensor", "box", "--method", "rest", "-o", "nowhere/box.json"), "choose another file with -o"),
        (("--sensor", "box", "--method", "rest", "-o", "late.json"), "late.json is none"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(real, arguments: tuple[str, ...], wanted: str) -> None:
    home, session, _ = real
    listed = json.loads((home / "parts.json").read_text())
    (home / "late.json").write_text(json.dumps(listed | {"x_a": [900, 905]}))
    (home / "turned.json").write_text(json.dumps(listed | {"angle_deg": 360}))
    assert wanted in one_sentence(kinestream("calibrate", session, *arguments, home=home, code=2))


def made(folder: Path, samples: tuple[np.ndarray, ...]) -> Path:
    """Write a folder to import of t, gyr, acc and mag."""
    (folder / "session.toml").write_text(MADE)
    names = ["t", *(f"{signal}{axis}" for signal in "gam" for axis in range(3))]
    np.savetxt(folder / "box.csv", np.column_stack(samples), "%.9g", ",", header=",".join(names), comments="")
    return folder


def test_many_orientations_calibrate_what_they_allow(tmp_path: Path) -> None:
    session = imported(tmp_path, made(tmp_path, put_down(24)))
    done = kinestream("calibrate", session, "--sensor", "box", "--method", "ellipsoid", home=tmp_path)
    kept = json.loads((tmp_path / "box.calibration.json").read_text())
    np.testing.assert_allclose(kept["acc_bias"], TRUTH.acc_bias, atol=0.02)
    np.testing.assert_allclose(kept["mag_offset"], TRUTH.mag_offset, atol=0.3)
    assert kept["gyr_bias"] is None
    assert "directions seen by the magnetometer" in done.stderr
    few = tmp_path / "few"
    few.mkdir()
    session = imported(few, made(few, put_down(6, lying_s=0.5, turning_s=12.0)))
    done = kinestream("calibrate", session, "--sensor", "box", "--method", "ellipsoid", home=few)
    assert "not found accelerometer: it lay still for 1 s in 0 places only" in done.stderr
    kept = json.loads((few / "box.calibration.json").read_text())
    assert kept["acc_bias"] is None
    assert kept["mag_offset"] is not None


def test_the_line_names_the_file_as_seen_from_the_settings(tmp_path: Path) -> None:
    imported(tmp_path, made(tmp_path, put_down(3)))
    (tmp_path / "room").mkdir()
    config = tmp_path / "room" / "kinestream.toml"
    config.write_text("")
    done = kinestream("calibrate", "last", "--sensor", "box", "--method", "rest", "--config", config, home=tmp_path)
    assert done.stdout == 'calibration = "../box.calibration.json"\n'


def test_a_sensor_that_never_rested_or_sent_nothing_is_told(tmp_path: Path) -> None:
    t, gyr, acc, mag = put_down(3)
    moving = slice(230, 480)
    imported(tmp_path, made(tmp_path, (t[moving], gyr[moving], acc[moving], mag[moving])))
    said = one_sentence(kinestream("calibrate", "last", "--sensor", "box", "--method", "rest", home=tmp_path, code=2))
    assert "never lay still for 1 s: lay it down" in said


def test_a_missing_calibration_stops_an_import_with_one_sentence(tmp_path: Path) -> None:
    made(tmp_path, put_down(3))
    (tmp_path / "session.toml").write_text(MADE + 'calibration = "gone.json"\n')
    said = one_sentence(kinestream("import", tmp_path, home=tmp_path, code=2))
    assert "sensor box: the calibration" in said
    assert "gone.json cannot be read" in said


def test_help_teaches(tmp_path: Path) -> None:
    said = kinestream("calibrate", "--help", home=tmp_path).stdout
    for words in ("rest", "ellipsoid", "ferraris", "x_p", "angle_deg", "kinestream.toml"):
        assert words in said
