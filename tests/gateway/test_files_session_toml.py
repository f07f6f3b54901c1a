"""session.toml and the tables it describes: what comes in, and one clear sentence for what cannot."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.chunks import GRAVITY
from gateway.files import session_toml
from gateway.files.problem import ImportProblem
from gateway.files.track import Track
from gateway.files.units import FACTORS, suspicion

N = 200
THIGH = """
version = 1
subject = "S01"
title = "Sit to stand"
[[sensor]]
name = "thigh"
kind = "imu"
segment = "thigh_left"
file = "thigh.csv"
rate_hz = 100
columns = { t = "time", acc = ["ax", "ay", "az"], gyr = ["gx", "gy", "gz"] }
units = { t = "s", acc = "g", gyr = "deg/s" }
"""
LEGS = """
[[sensor]]
name = "legs"
kind = "emg"
file = "emg.csv"
rate_hz = 1000
columns = { t = "time" }
channels = { RF = "rectus_femoris_left", BF = "biceps_femoris_left" }
units = { emg = "mV" }
[[sensor]]
name = "goniometer"
kind = "angle"
file = "emg.csv"
rate_hz = 1000
channels = { Knee = "knee_flexion_left" }
units = { angle = "rad" }
truth = true
"""
Columns = Mapping[str, np.ndarray]


def thigh_columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    columns = {"time": np.arange(N) / 100}
    columns |= {name: rng.normal(0, 0.01, N).round(6) for name in ("ax", "ay")}
    columns["az"] = 1 + rng.normal(0, 0.01, N).round(6)
    return columns | {name: rng.normal(0, 20, N).round(6) for name in ("gx", "gy", "gz")}


def emg_columns() -> dict[str, np.ndarray]:
    t = np.arange(500) / 1000
    return {"time": t, "RF": np.sin(300 * t), "BF": 0.1 * np.sin(200 * t), "Knee": np.full(500, 0.5)}


def csv_text(columns: Columns, delimiter: str = ",") -> str:
    lines = [delimiter.join(columns)]
    lines += [
        delimiter.join("" if np.isnan(x) else repr(float(x)) for x in row)
        for row in zip(*columns.values(), strict=True)
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "session.toml").write_text(THIGH + LEGS)
    (tmp_path / "thigh.csv").write_text(csv_text(thigh_columns()))
    (tmp_path / "emg.csv").write_text(csv_text(emg_columns()))
    return tmp_path


def read(folder: Path) -> dict[str, Track]:
    return {track.sensor: track for track in session_toml.read(folder / "session.toml")[1]}


def problem(folder: Path) -> str:
    with pytest.raises(ImportProblem) as caught:
        session_toml.read(folder / "session.toml")
    return str(caught.value)


def rewrite(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


# What comes in


def test_the_example_of_the_contract_comes_in_with_its_units(folder: Path) -> None:
    described, tracks = session_toml.read(folder / "session.toml")
    thigh, legs, goniometer = tracks
    assert (described.subject, described.title) == ("S01", "Sit to stand")
    assert (thigh.kind, thigh.segment, thigh.rate_hz) == ("imu", "thigh_left", 100)
    columns = thigh_columns()
    np.testing.assert_allclose(thigh.fields["acc"][:, 2], columns["az"] * GRAVITY)
    np.testing.assert_allclose(thigh.fields["gyr"][:, 0], np.deg2rad(columns["gx"]))
    np.testing.assert_array_equal(thigh.t, np.arange(N) * 10_000_000)
    assert legs.channels == {0: "rectus_femoris_left", 1: "biceps_femoris_left"}
    np.testing.assert_allclose(legs.fields["emg"][:, 0], emg_columns()["RF"] / 1000)
    assert (goniometer.truth, goniometer.channels) == (True, {0: "knee_flexion_left"})
    np.testing.assert_allclose(goniometer.fields["angle"], np.rad2deg(0.5))


def test_a_sensor_without_a_time_column_takes_that_of_its_file(folder: Path) -> None:
    columns = emg_columns()
    columns["time"] = columns["time"] + 5
    (folder / "emg.csv").write_text(csv_text(columns))
    tracks = read(folder)
    assert tracks["goniometer"].t[0] == tracks["legs"].t[0] == 5_000_000_000
    assert tracks["goniometer"].clock == tracks["thigh"].clock


def test_without_any_time_column_rows_are_evenly_spaced(folder: Path) -> None:
    rewrite(folder / "session.toml", ('t = "time", acc', "acc"))
    track = read(folder)["thigh"]
    assert track.t[-1] == (N - 1) * 10_000_000
    assert track.clock == "the rows of thigh.csv"


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_delimiters_are_found_out(folder: Path, delimiter: str) -> None:
    (folder / "thigh.csv").write_text("# made by hand\n" + csv_text(thigh_columns(), delimiter))
    np.testing.assert_allclose(read(folder)["thigh"].fields["acc"][:, 2], thigh_columns()["az"] * GRAVITY)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", ",\n").replace("gz,", "gz", 1),
    ],
)
def test_marks_of_other_programs_do_not_matter(folder: Path, change: Callable[[str], str]) -> None:
    (folder / "thigh.csv").write_bytes(change(csv_text(thigh_columns())).encode())
    assert read(folder)["thigh"].t.size == N


@pytest.mark.parametrize(("unit", "factor"), [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_parquet_and_all_units_of_time_give_the_same(folder: Path, unit: str, factor: float) -> None:
    columns = thigh_columns()
    columns["time"] = np.rint(columns["time"] * factor).astype(np.int64) if factor > 1 else columns["time"]
    pq.write_table(pa.table(columns), folder / "thigh.parquet")
    rewrite(folder / "session.toml", ('"thigh.csv"', '"thigh.parquet"'), ('t = "s"', f't = "{unit}"'))
    np.testing.assert_array_equal(read(folder)["thigh"].t, np.arange(N) * 10_000_000)


def test_times_since_1970_and_parquet_time_stamps_say_when_it_was(folder: Path) -> None:
    start = 1_700_000_000
    columns = thigh_columns()
    columns["time"] = columns["time"] + start
    (folder / "thigh.csv").write_text(csv_text(columns))
    assert read(folder)["thigh"].started == start * 10**9
    stamps = pa.array(np.rint(columns["time"] * 1e6).astype("datetime64[us]"))
    pq.write_table(pa.table({**columns, "time": stamps}), folder / "thigh.parquet")
    rewrite(folder / "session.toml", ('"thigh.csv"', '"thigh.parquet"'), ('t = "s"', 't = "ns"'))
    track = read(folder)["thigh"]
    assert track.started is not None
    assert abs(track.started - start * 10**9) < 1000


def test_a_sensor_ends_where_its_cells_end_though_the_file_goes_on(folder: Path) -> None:
    columns = emg_columns()
    for name in ("RF", "BF"):
        columns[name][400:] = np.nan
    (folder / "emg.csv").write_text(csv_text(columns))
    tracks = read(folder)
    assert (tracks["legs"].t.size, tracks["goniometer"].t.size) == (400, 500)


def test_quaternions_may_stand_alone(folder: Path) -> None:
    columns = {"time": np.arange(N) / 100, "w": np.ones(N), "x": np.zeros(N), "y": np.zeros(N), "z": np.zeros(N)}
    (folder / "thigh.csv").write_text(csv_text(columns))
    rewrite(
        folder / "session.toml",
        ('acc = ["ax", "ay", "az"], gyr = ["gx", "gy", "gz"]', 'quat = ["w", "x", "y", "z"]'),
        (', acc = "g", gyr = "deg/s"', ""),
    )
    assert list(read(folder)["thigh"].fields) == ["quat"]


def test_a_gap_in_time_stays_a_gap(folder: Path) -> None:
    columns = {name: np.delete(values, slice(50, 80)) for name, values in thigh_columns().items()}
    (folder / "thigh.csv").write_text(csv_text(columns))
    assert np.diff(read(folder)["thigh"].t).max() == 310_000_000


# What does not


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"ax"', '"acc_x"'), "thigh.csv: there is no column acc_x: did you mean ax?"),
        (('acc = "g"', 'acc = "G"'), "session.toml, sensor thigh: units.acc = 'G': use m/s2, g, mg"),
        (('acc = "g", ', ""), "session.toml, sensor thigh: units.acc is missing: say m/s2 or g or mg"),
        (('acc = "g"', 'acc = "m/s2"'), "thigh.csv, sensor thigh: acc has 1.00"),
        (('gyr = "deg/s"', 'gyr = "rad/s"'), "which cannot be: the unit is probably deg/s; correct units.gyr"),
        (("rate_hz = 100\n", "rate_hz = 50\n"), "the time stamps show 100 Hz, but rate_hz says 50"),
        (("segment =", "segmnt ="), "session.toml, sensor thigh: there is no key segmnt: did you mean segment?"),
        (("gyr = [", "gyro = ["), "session.toml, sensor thigh: there is no key columns.gyro: did you mean gyr?"),
        (('subject = "S01"', 'patient = "S01"'), "session.toml: there is no key patient"),
        (('"thigh_left"', '"left_thigh"'), "session.toml, sensor thigh: there is no segment left_thigh"),
        (('"imu"', '"gyroscope"'), "session.toml, sensor thigh: kind = 'gyroscope': input should be 'imu'"),
        (('"thigh.csv"', '"thight.csv"'), "thight.csv: the file cannot be read (No such file or directory)"),
        (("version = 1", "version = 2"), "session.toml: version = 2: input should be 1"),
        (('file = "thigh.csv"\n', ""), "session.toml, sensor thigh: the key file is missing: add it"),
        (('"legs"', '"thigh"'), "session.toml, sensor thigh: two sensors have this name"),
        (("RF =", "VL ="), "emg.csv: there is no column VL"),
        (('"rectus_femoris_left"', '"Rectus femoris"'), "session.toml, sensor legs: channels.RF = 'Rectus femoris'"),
        (('emg = "mV"', 'emg = "V"'), "emg.csv, sensor legs: emg has 1.022 V at its peaks in V"),
        (('units = { emg = "mV" }', 'units = { emg = "mV", mag = "x" }'), "units.mag = 'x': use au, T, uT, G"),
        (("version = 1", "version: 1"), "session.toml: this is not TOML in UTF-8"),
        (('"ay", "az"]', '"ay"]'), "session.toml, sensor thigh: the key columns.acc.2 is missing"),
    ],
)  # fmt: skip
def test_a_wrong_description_is_named_with_its_remedy(folder: Path, change: tuple[str, str], said: str) -> None:
    rewrite(folder / "session.toml", change)
    assert said in problem(folder)


def edited(row: int, name: str, value: str) -> Callable[[str], str]:
    """Return a change of one cell of a CSV file; row 1 is the first below the header."""

    def change(text: str) -> str:
        lines = [line.split(",") for line in text.splitlines()]
        lines[row][lines[0].index(name)] = value
        return "\n".join(",".join(line) for line in lines) + "\n"

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "", "thigh.csv: the file is empty"),
        (lambda text: text.splitlines()[0] + "\n", "thigh.csv, sensor thigh: 0 samples are too short"),
        (lambda text: text.splitlines()[0], "thigh.csv: there are no rows below the column names"),
        (lambda text: text[:-20], "cells where the header has 7: the file was cut"),
        (lambda text: "".join(text.splitlines(keepends=True)[:6]), "5 samples are too short a recording"),
        (lambda text: text.split("\n", 1)[1], "thigh.csv: the first line holds numbers: add a line with the column"),
        (edited(7, "ay", "off"), "thigh.csv: column ay, row 7: 'off' is not a number"),
        (edited(7, "ay", '"0,5"'), "thigh.csv: column ay, row 7: '0,5' has a decimal comma: write decimal points"),
        (edited(7, "ay", "0,5"), "thigh.csv: a row has 8 cells where the header has 7: write decimal points"),
        (edited(7, "ay", ""), "thigh.csv, sensor thigh: 1 of 200 rows have no number in acc, the first is row 7"),
        (edited(7, "ay", "nan"), "1 of 200 rows have no number in acc, the first is row 7"),
        (edited(7, "ay", "inf"), "1 of 200 rows have no number in acc, the first is row 7"),
        (edited(7, "time", "0.01"), "time must increase, but row 7 goes back in time (1 such rows)"),
        (edited(7, "time", "0.05"), "time must increase, but row 7 repeats the one before"),
        (edited(7, "time", ""), "the time column is empty in row 7"),
        (lambda text: text.replace("time", "clock", 1), "thigh.csv: there is no column time: it has clock, ax"),
        (lambda text: text.replace("az", "ax", 1), "thigh.csv: 2 columns are called ax"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_named_with_its_remedy(folder: Path, change: Callable[[str], str], said: str) -> None:
    path = folder / "thigh.csv"
    path.write_text(change(path.read_text()))
    assert said in problem(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (csv_text(thigh_columns()).encode("utf-16"), "thigh.csv: the text is UTF-16: save it as UTF-8"),
        ("größe,ax,ay,az,gx,gy,gz,time\n".encode("latin-1"), "thigh.csv: the column names are not UTF-8 text"),
        (bytes(range(256)) * 10, "thigh.csv: this is binary data, not a table"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "thigh.csv: this is an HDF5 file, not a text table"),
        (b"PK\x03\x04" + bytes(100), "thigh.csv: this is a ZIP or Excel file, not a text table"),
        (b"PAR1" + bytes(100), "thigh.csv: this is not a whole Parquet file"),
        (csv_text(thigh_columns()).encode() + b"1,2,3,4,5,6,\xff\xfe\n", "thigh.csv: the text cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_named_with_its_remedy(folder: Path, content: bytes, said: str) -> None:
    (folder / "thigh.csv").write_bytes(content)
    assert said in problem(folder)


def test_parquet_columns_of_text_are_refused(folder: Path) -> None:
    columns = {name: pa.array(values) for name, values in thigh_columns().items()}
    pq.write_table(pa.table(columns | {"ax": pa.array(["x"] * N)}), folder / "thigh.parquet")
    rewrite(folder / "session.toml", ('"thigh.csv"', '"thigh.parquet"'))
    assert "thigh.parquet: column ax holds string, not numbers" in problem(folder)


def test_quaternions_in_another_order_or_scale_are_refused(folder: Path) -> None:
    columns = thigh_columns() | dict.fromkeys("wxyz", np.full(N, 0.7))
    (folder / "thigh.csv").write_text(csv_text(columns))
    rewrite(
        folder / "session.toml", ('gyr = ["gx", "gy", "gz"]', 'gyr = ["gx", "gy", "gz"], quat = ["w", "x", "y", "z"]')
    )
    assert "quat must be of unit length, but in row 1 it is 1.4 long" in problem(folder)


def test_a_folder_without_a_session_toml_says_what_to_do(tmp_path: Path) -> None:
    assert "there is no session.toml in this folder: write one" in problem(tmp_path)


# Units


@given(st.sampled_from(sorted(FACTORS)), st.data())
def test_a_quantity_means_the_same_in_each_of_its_units(quantity: str, data: st.DataObject) -> None:
    units = sorted(set(FACTORS[quantity]) - {"counts", "au"})
    one, other = data.draw(st.sampled_from(units)), data.draw(st.sampled_from(units))
    value = data.draw(st.floats(-1e6, 1e6))
    there = value * FACTORS[quantity][one] / FACTORS[quantity][other]
    assert there * FACTORS[quantity][other] == pytest.approx(value * FACTORS[quantity][one])


@pytest.mark.parametrize(("true", "declared"), [("g", "m/s2"), ("m/s2", "g"), ("mg", "g"), ("g", "mg")])
def test_a_wrong_unit_of_acceleration_is_suspected_by_gravity(true: str, declared: str) -> None:
    at_rest = np.tile([0.0, 0.3, 1.0], (50, 1)) * GRAVITY
    as_read = at_rest / FACTORS["acc"][true] * FACTORS["acc"][declared]
    assert suspicion("acc", true, at_rest) is None
    assert f"probably {true}" in (suspicion("acc", declared, as_read) or "")


def test_nothing_is_suspected_where_no_other_unit_fits_either() -> None:
    assert suspicion("acc", "g", np.zeros((50, 3))) is None
    assert suspicion("emg", "counts", np.full((50, 1), 4000.0)) is None
