"""`kinestream validate joints`: imported knees of a known angle, figures against another computation, mistakes."""

import csv
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar
from scipy.stats import linregress, pearsonr

from api.commands.validation.joints import REMEDY
from fusion.body.compare import JointErrors
from gateway.files.importer import import_files
from gateway.store.home import SqliteHome
from simulators.person import ImuModel, Person, Script
from simulators.person.motion.activities import squat, stand
from tests.api.running import kinestream, one_sentence

FIGURES = tuple(field.name for field in fields(JointErrors))
KNEES = ("knee_flexion_left", "knee_flexion_right")
LAG_S, TILT_DEG_MIN = 0.040, 0.5
"""The reference of the right knee is early by this, and climbs by this."""
PERSON = Person(Script((stand(5.0), squat(reps=5), stand(1.5))), seed=3)
IMU = """[[sensor]]
name = "{name}"
kind = "imu"
segment = "{name}"
file = "{name}.csv"
columns = {{ t = "t", acc = ["ax", "ay", "az"], gyr = ["gx", "gy", "gz"] }}
units = {{ t = "s", acc = "m/s2", gyr = "rad/s" }}
"""
ANGLE = """[[sensor]]
name = "goniometer"
kind = "angle"
file = "truth.csv"
columns = {{ t = "t" }}
channels = {channels}
units = {{ t = "s", angle = "deg" }}
truth = {truth}
"""


def write_table(path: Path, columns: dict[str, np.ndarray]) -> None:
    values = np.column_stack(list(columns.values()))
    np.savetxt(path, values, "%.9g", ",", header=",".join(columns), comments="")


def describe(folder: Path, seconds: float, truths: dict[str, str], truth: bool = True, segments: str = "") -> Path:
    """Write a folder to import: the sensors of segments, and a table of truths, by their columns' names.

    truths: Column to the angle it is a reference of.
    """
    folder.mkdir()
    t = np.arange(0.0, seconds, 0.01)
    for segment in segments.split():
        acc, gyr, _ = PERSON.imu(segment, t, ImuModel(rate_hz=100.0))
        columns = {"t": t} | {f"a{axis}": acc[:, i] for i, axis in enumerate("xyz")}
        write_table(folder / f"{segment}.csv", columns | {f"g{axis}": gyr[:, i] for i, axis in enumerate("xyz")})
    reference = {
        "exact": PERSON.joint_angles(t)[KNEES[0]],
        "early": PERSON.joint_angles(t + LAG_S)[KNEES[1]] + TILT_DEG_MIN * t / 60,
    }
    write_table(folder / "truth.csv", {"t": t} | {column: reference[column] for column in truths})
    channels = "{ " + ", ".join(f'{column} = "{name}"' for column, name in truths.items()) + " }"
    parts = ["version = 1", 'subject = "S07"', 'title = "Squats [both knees]"']
    parts += [IMU.format(name=segment) for segment in segments.split()]
    parts.append(ANGLE.format(channels=channels, truth=str(truth).lower()))
    (folder / "session.toml").write_text("\n".join(parts))
    return folder


@pytest.fixture(scope="module")
def knees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a session of both knees was imported, with a reference of each, by the command line."""
    home = tmp_path_factory.mktemp("knees")
    segments = "thigh_left shank_left thigh_right shank_right"
    folder = describe(home / "squats", 60.0, dict(zip(("exact", "early"), KNEES, strict=True)), segments=segments)
    session = kinestream("import", folder, home=home).stdout.strip()
    (home / "session").write_text(session)
    return home


def imported(home: Path, seconds: float, truths: dict[str, str], truth: bool = True, segments: str = "") -> str:
    """Import without computing, and return the session's id."""
    with SqliteHome(home / "data") as store:
        return import_files(store, [describe(home / "folder", seconds, truths, truth, segments)])


def exported(home: Path) -> dict[str, np.ndarray]:
    """Return the columns of the table of joint angles."""
    kinestream("export", "last", "-o", "tables", home=home)
    with (home / "tables" / "joints.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


def lag_between(t: np.ndarray, ours: np.ndarray, truth: np.ndarray) -> float:
    """Return by how much a smooth truth must be later to correlate best with ours [s], the ends left out."""
    inside, smooth = slice(60, -60), CubicSpline(t, truth)
    return float(
        minimize_scalar(
            lambda lag: -pearsonr(ours[inside], smooth(t[inside] - lag)).statistic,
            bounds=(-0.2, 0.2), method="bounded", options={"xatol": 1e-6},
        ).x
    )  # fmt: skip


def by_scipy(t: np.ndarray, ours: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return the figures of one joint, whose values begin somewhere and have no gap from there on."""
    both = np.isfinite(ours) & np.isfinite(truth)
    first, last = np.flatnonzero(both)[[0, -1]]
    assert both[first : last + 1].all()
    x, y, known = ours[both], truth[both], np.isfinite(truth)
    ranges = [np.quantile(v, 0.98) - np.quantile(v, 0.02) for v in (x, y)]
    return {
        "rmse_deg": np.hypot((x - y).mean(), (x - y).std()),
        "rmse_without_offset_deg": (x - y).std(),
        "offset_deg": x.mean() - y.mean(),
        "rom_error_deg": ranges[0] - ranges[1],
        "drift_deg_min": 60.0 * linregress(t[both], x - y).slope,
        "lag_ms": 1000.0 * lag_between(t[both], x, y),
        "correlation": pearsonr(x, y).statistic,
        "compared": both.sum() / known.sum(),
        "duration_s": (both.sum() - 1) / 100,
    }


def test_the_figures_are_those_of_another_computation_in_the_table_and_in_the_file(knees: Path) -> None:
    done = kinestream("validate", "joints", "last", "--json", "out.json", home=knees)
    written, table = json.loads((knees / "out.json").read_text()), exported(knees)
    assert list(written) == ["session", "subject", "mode", "version", "joints", "problems"]
    assert written["session"] == (knees / "session").read_text()
    assert (written["subject"], written["mode"], written["problems"]) == ("S07", "live", [])
    assert done.stdout == ""
    lines = [line.split() for line in done.stderr.splitlines()]
    assert [written["session"], "Squats", "[both", "knees]"] in lines
    assert [row["series"] for row in written["joints"]] == list(KNEES)
    for row in written["joints"]:
        assert list(row) == ["series", "truth", *FIGURES]
        known = by_scipy(table["t"], table[row["series"]], table[row["truth"]])
        assert row["lag_ms"] == pytest.approx(known.pop("lag_ms"), abs=0.3)
        for name, value in known.items():
            assert row[name] == pytest.approx(value, rel=1e-4, abs=1e-4), name
        shown = [f"{row[name]:.2f}" for name in FIGURES[:5]]
        shown += [f"{row['lag_ms']:.0f}", f"{row['correlation']:.3f}", f"{row['compared']:.0%}"]
        assert [row["series"], *shown, f"{row['duration_s']:.0f}"] in lines


def test_an_early_and_tilted_reference_is_found_as_such(knees: Path) -> None:
    done = kinestream("validate", "joints", (knees / "session").read_text(), "--json", "-", home=knees)
    assert done.stderr.strip() == ""
    left, right = json.loads(done.stdout)["joints"]
    assert left["rmse_deg"] < 3.0
    assert left["rmse_without_offset_deg"] < 1.5
    assert abs(left["rom_error_deg"]) < 3.0
    assert abs(left["lag_ms"]) < 6.0  # half an interval: rates of an instant are integrated over the interval before it
    assert left["correlation"] > 0.998
    assert left["compared"] > 0.7
    assert right["lag_ms"] - left["lag_ms"] == pytest.approx(1000 * LAG_S, abs=1.0)
    assert right["drift_deg_min"] - left["drift_deg_min"] == pytest.approx(-TILT_DEG_MIN, abs=0.3)


def test_what_is_missing_is_computed_and_a_truth_alone_is_told(tmp_path: Path) -> None:
    truths = {"exact": "knee_flexion_left", "early": "hip_flexion_left"}
    session = imported(tmp_path, 20.0, truths, segments="thigh_left shank_left")
    done = kinestream("validate", "joints", "last", "--json", "out.json", home=tmp_path, code=1)
    written = json.loads((tmp_path / "out.json").read_text())
    assert [row["series"] for row in written["joints"]] == ["knee_flexion_left"]
    said = "there is no hip_flexion_left to compare truth_hip_flexion_left with: computed are knee_flexion_left"
    assert written["problems"][0].startswith(said)
    assert done.stderr.splitlines()[-1].startswith(f"kinestream: {said}")
    assert "left out" in done.stderr.splitlines()[-1]
    with SqliteHome(tmp_path / "data") as store:
        assert "knee_flexion_left" in {info.name for info in store.series(session)}


def test_no_such_session_is_answered_with_those_like_it(knees: Path, tmp_path: Path) -> None:
    session = (knees / "session").read_text()
    said = one_sentence(kinestream("validate", "joints", session[:-1], home=knees, code=2))
    assert f"there is no session {session[:-1]}: did you mean {session}?" in said
    assert "no sessions yet" in one_sentence(kinestream("validate", "joints", "last", home=tmp_path, code=2))


@pytest.mark.parametrize(
    ("seconds", "truths", "truth", "segments", "wanted"),
    [
        (1.0, {"exact": "knee_flexion_left"}, False, "", ("has no truth to compare with", REMEDY)),
        (1.0, {"exact": "knee_flexion_left"}, True, "", ("no knee_flexion_left", "no joint angle was computed")),
        (1.0, {"exact": "a", "early": "b"}, True, "", ("no truth can be compared; the first: there is no a",)),
        (
            3.0, {"exact": "knee_flexion_left"}, True, "thigh_left shank_left",
            ("knee_flexion_left: 0 of the ", "rows with a truth", "`kinestream analyse`"),
        ),
    ],
)  # fmt: skip
def test_a_session_that_cannot_be_compared_is_answered_with_one_sentence(
    tmp_path: Path, seconds: float, truths: dict[str, str], truth: bool, segments: str, wanted: tuple[str, ...]
) -> None:
    imported(tmp_path, seconds, truths, truth, segments)
    said = one_sentence(kinestream("validate", "joints", "last", home=tmp_path, code=2))
    for words in wanted:
        assert words in said


def test_a_session_that_another_command_writes_is_answered_with_one_sentence(tmp_path: Path) -> None:
    session = imported(tmp_path, 1.0, {"exact": "knee_flexion_left"})
    with SqliteHome(tmp_path / "data") as store:
        writer = store.reopen(session)
        said = one_sentence(kinestream("validate", "joints", session, home=tmp_path, code=2))
        writer.close(None)
    assert "wait until it has ended" in said


def test_a_file_that_cannot_be_written_is_answered_with_one_sentence(knees: Path) -> None:
    said = one_sentence(kinestream("validate", "joints", "last", "--json", "none/out.json", home=knees, code=2))
    assert "cannot write none/out.json" in said
    assert "--json" in said


def test_the_help_teaches(tmp_path: Path) -> None:
    assert "joints" in kinestream("validate", "--help", home=tmp_path).stdout
    said = " ".join(kinestream("validate", "joints", "--help", home=tmp_path).stdout.replace("│", " ").split())
    for words in ("session.toml", "truth = true", "truth_knee_flexion_left", "98th percentile", "deg/min", "--json"):
        assert words in said
