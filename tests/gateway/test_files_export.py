"""Exports: tables that any tool reads, whole or not at all, and saying what they are of."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from fusion.estimates import Batch, Event, Topic
from gateway.files.export import export, export_estimates
from gateway.files.importer import import_files
from gateway.records import Control, Packet, Record
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.version import version

T0 = 1_790_000_000_250_000_000
MS = 1_000_000
TABLES = ["joints", "orientation", "emg", "quality", "events"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SqliteHome]:
    home = SqliteHome(tmp_path / "data")
    yield home
    home.close()


def rows(start_ms: int, count: int, *names: str, topic: Topic = "joints") -> Batch:
    """Rows whose value is the milliseconds since T0."""
    t = T0 + (start_ms + 10 * np.arange(count, dtype=np.int64)) * MS
    values = np.repeat((t - T0)[:, None] / MS, len(names), axis=1)
    return Batch(topic, t, 10 * MS, names, ("deg",) * len(names), values)


@pytest.fixture
def session(home: SqliteHome) -> str:
    info = SessionInfo(home.new_id(T0), 'A "title", with ü', "S01", "live", "recording", T0, None, "local", "0.1.0")
    writer = home.create(info)
    batch = rows(0, 150, "knee_flexion_left")
    batch.values[3] = np.nan
    writer.write([batch, rows(1500, 100, "knee_flexion_left", "hip_flexion_left")])
    writer.write([rows(0, 20, "emg_soleus_left", topic="emg")])
    rep = Event(T0 + 500 * MS, "rep", T0 + 900 * MS, {"range_deg": 91.5})
    writer.write([], [rep, Event(T0 + 5 * MS, "mark", None, {"text": 'say "hi", ü'})])
    writer.close()
    return info.id


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_has_one_table_per_topic_with_time_first(home: SqliteHome, session: str, tmp_path: Path) -> None:
    written = export(home, session, "csv", tmp_path / "out")
    assert [path.name for path in written] == [*(f"{name}.csv" for name in TABLES), "metadata.json"]
    header, *table = read_csv(tmp_path / "out" / "joints.csv")
    assert header == ["t", "knee_flexion_left", "hip_flexion_left"]
    assert len(table) == 250
    assert table[0] == ["0", "0", ""]
    assert table[3] == ["0.03", "", ""]
    assert table[200] == ["2", "2000", "2000"]
    assert [row[0] for row in table] == [f"{i / 100:g}" for i in range(250)]
    assert read_csv(tmp_path / "out" / "orientation.csv") == [["t"]]


def test_parquet_holds_the_same_with_nulls(home: SqliteHome, session: str, tmp_path: Path) -> None:
    export(home, session, "parquet", tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "joints.parquet")
    assert table.column_names == ["t", "knee_flexion_left", "hip_flexion_left"]
    assert table["hip_flexion_left"].null_count == 150
    assert table["knee_flexion_left"].null_count == 1
    np.testing.assert_allclose(table["t"].to_numpy(), np.arange(250) / 100)
    events = pq.read_table(tmp_path / "out" / "events.parquet").to_pylist()
    assert events[1] == {"t": 0.5, "end": 0.9, "name": "rep", "data": '{"range_deg":91.5}'}


def test_events_come_in_order_with_their_data_as_json(home: SqliteHome, session: str, tmp_path: Path) -> None:
    export(home, session, "csv", tmp_path / "out")
    header, mark, rep = read_csv(tmp_path / "out" / "events.csv")
    assert header == ["t", "end", "name", "data"]
    assert mark[:3] == ["0.005", "", "mark"]
    assert json.loads(mark[3]) == {"text": 'say "hi", ü'}
    assert rep[:3] == ["0.5", "0.9", "rep"]


def test_the_metadata_says_what_the_tables_are_of(home: SqliteHome, session: str, tmp_path: Path) -> None:
    export(home, session, "csv", tmp_path / "out")
    said = json.loads((tmp_path / "out" / "metadata.json").read_text(encoding="utf-8"))
    assert (said["session"], said["title"]) == (session, 'A "title", with ü')
    assert (said["version"], said["mode"]) == ("0.1.0", "live")
    assert said["started"] == "2026-09-21T14:13:20.250000+00:00"
    assert said["columns"]["joints.csv"] == {"t": "s", "knee_flexion_left": "deg", "hip_flexion_left": "deg"}


def test_rows_of_two_sets_of_series_are_put_into_one_line(home: SqliteHome, tmp_path: Path) -> None:
    class Refined:
        def columns(self, topic: Topic) -> list[tuple[str, str]]:
            return [("a", "deg"), ("b", "deg")] if topic == "joints" else []

        def batches(self, topic: Topic) -> list[Batch]:
            return [rows(10, 20, "a"), rows(0, 20, "b", "late")] if topic == "joints" else []

        def events(self) -> list[Event]:
            return []

    info = SessionInfo("s", "", None, "live", "complete", T0, None, "local", "0.1.0")
    export_estimates(info, Refined(), "csv", tmp_path / "out", mode="refined")
    table = read_csv(tmp_path / "out" / "joints.csv")
    assert table[:3] == [["t", "a", "b"], ["0", "", "0"], ["0.01", "10", "10"]]
    assert table[-1] == ["0.2", "200", ""]
    assert json.loads((tmp_path / "out" / "metadata.json").read_text())["mode"] == "refined"


def test_a_failed_export_leaves_what_was_there_and_no_pieces(home: SqliteHome, session: str, tmp_path: Path) -> None:
    class Broken:
        def columns(self, topic: Topic) -> list[tuple[str, str]]:
            return [("a", "deg")]

        def batches(self, topic: Topic) -> Iterator[Batch]:
            yield rows(0, 10, "a", topic=topic)
            if topic == "quality":
                raise OSError("disk")

        def events(self) -> list[Event]:
            return []

    out = tmp_path / "out"
    export(home, session, "csv", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with home.open(session) as reader:
        info = reader.info
    with pytest.raises(OSError, match="disk"):
        export_estimates(info, Broken(), "csv", out, mode="live")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_unknown_session_writes_nothing(home: SqliteHome, tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        export(home, "20260101-0000-2222", "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.needs("data")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_import_that_was_never_analysed_is_analysed_and_its_raw_samples_come_out(
    home: SqliteHome, recordings: Path, tmp_path: Path, form: str
) -> None:
    folder = recordings / "imu_vendor_exports"
    files = [folder / "walking_xsens_upperLeg.txt", folder / "walking_xsens_lowerLeg.txt"]
    session = import_files(home, files, segments=["thigh_left", "shank_left"], pose="standing")
    told: list[float] = []
    out = tmp_path / "out"
    assert form in ("csv", "parquet")
    export(home, session, form, out, raw=True, progress=told.append)  # type: ignore[arg-type]  # parametrised
    assert told == sorted(told)
    assert told[-1] == 1.0
    source = np.loadtxt(folder / "walking_xsens_lowerLeg.txt", skiprows=5, usecols=range(1, 10))
    if form == "parquet":
        table = pq.read_table(out / "raw_shank_left.parquet")
        raw = np.stack([table[name].to_numpy() for name in table.column_names], axis=1)
        names = pq.read_table(out / "joints.parquet").column_names
    else:
        raw = np.loadtxt(out / "raw_shank_left.csv", delimiter=",", skiprows=1)
        names = read_csv(out / "joints.csv")[0]
    np.testing.assert_allclose(raw[:, 1:], source, atol=1e-5)
    np.testing.assert_allclose(raw[:, 0], np.arange(len(source)) / 120, atol=2e-6)
    assert "knee_flexion_left" in names
    with home.open(session) as reader:
        assert reader.series()


def test_a_sensor_of_two_streams_has_two_raw_tables(home: SqliteHome, tmp_path: Path) -> None:
    info = SessionInfo(home.new_id(T0), "", None, "live", "recording", T0, None, "local", "0.0.1")
    writer = home.create(info)
    writer.append(two_streams())
    writer.close()
    written = export(home, info.id, "csv", tmp_path / "out", raw=True)
    with home.open(info.id) as reader:
        assert reader.info.version == version()  # who computed the series, not who recorded the packets
    assert [path.name for path in written][5:7] == ["raw_arm.csv", "raw_arm_emg.csv"]
    assert read_csv(tmp_path / "out" / "raw_arm.csv")[0] == ["t", "acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"]
    header, first, *_ = read_csv(tmp_path / "out" / "raw_arm_emg.csv")
    assert header == ["t", "biceps_brachii_left", "emg_2"]
    assert [float(cell) for cell in first] == pytest.approx([0, 0.001, 0.002])


def two_streams() -> list[Record]:
    encoder = Encoder([OpenStream(1, "imu", ("acc", "gyr"), 100.0), OpenStream(2, "emg", ("emg",), 1000.0, channels=2)])
    t = T0 + np.arange(5, dtype=np.int64) * 10 * MS
    imu = encoder.packets(1, t, {"acc": np.ones((5, 3)), "gyr": np.zeros((5, 3))})
    emg = encoder.packets(2, t, {"emg": np.tile([0.001, 0.002], (5, 1))})
    controls: list[Record] = [
        Control(T0, "sensor", "arm", {"model": "open_profile"}),
        Control(T0, "placement", "arm", {"channels": {"0": "biceps_brachii_left"}}),
        Control(T0, "clock", "arm", {"source": "file"}),
    ]
    description = Packet(T0, "arm", DESCRIPTION, encoder.description)
    return [*controls, description, *(Packet(int(t[-1]), "arm", DATA, data) for data in (*imu, *emg))]
