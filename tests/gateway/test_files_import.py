"""Recorded files become sessions: real exports of other makers, their alignment, and nothing half done."""

import struct
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.chunks import EmgChunk, ImuChunk
from devices.open_profile import DESCRIPTION, DRIVER
from devices.profile import StreamOptions
from gateway.engine import Engine
from gateway.files import movella_dot_csv, opensignals_h5, xsens_txt
from gateway.files.alignment import aligned
from gateway.files.importer import import_files, records_of
from gateway.files.problem import ImportProblem
from gateway.files.raw import raw_rows
from gateway.files.track import Track
from gateway.records import Control, Packet
from gateway.store.home import SqliteHome

NOW = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SqliteHome]:
    home = SqliteHome(tmp_path / "data")
    yield home
    home.close()


def samples(home: SqliteHome, session: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return times [s from the start] and values of each sensor, as the pipeline receives them."""
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    with home.open(session) as reader:
        for rows in raw_rows(reader.records()):
            parts.setdefault(rows.sensor, []).append(((rows.t - reader.info.started) / 1e9, rows.values))
        assert not reader.damaged
    return {
        sensor: (np.concatenate([t for t, _ in part]), np.concatenate([values for _, values in part]))
        for sensor, part in parts.items()
    }


def track(sensor: str, t: np.ndarray, clock: str = "one", started: int | None = None, wrap_ns: int = 0) -> Track:
    fields = {"acc": np.tile([0, 0, 9.81], (t.size, 1)), "gyr": np.zeros((t.size, 3))}
    return Track(sensor, f"{sensor}.csv", "imu", t, 100.0, fields, clock, wrap_ns, started)


# Real recordings


@pytest.mark.needs("data")
def test_xsens_thigh_and_shank_walk_on_one_counter(home: SqliteHome, recordings: Path) -> None:
    folder = recordings / "imu_vendor_exports"
    files = [folder / "walking_xsens_upperLeg.txt", folder / "walking_xsens_lowerLeg.txt"]
    session = import_files(home, files, segments=["thigh_left", "shank_left"], pose="standing", now=NOW)
    found = samples(home, session)
    assert set(found) == {"thigh_left", "shank_left"}
    for t, values in found.values():
        assert t.size == 3511
        np.testing.assert_allclose(t, np.arange(3511) / 120, atol=2e-6)
        assert values.shape[1] == 9
    np.testing.assert_allclose(
        found["thigh_left"][1][0, :6], [-9.617241, -1.890491, -0.826315, -0.014048, 0.009609, -0.002849], rtol=1e-6
    )
    with home.open(session) as reader:
        assert reader.info.kind == "import"
        assert reader.info.started == NOW
        assert reader.info.ended == NOW + round(3510 / 120 * SECOND)
        assert [(use.id, use.model, use.segment) for use in reader.sensors()] == [
            ("thigh_left", "open_profile", "thigh_left"),
            ("shank_left", "open_profile", "shank_left"),
        ]
        assert [c.data for c in reader.controls() if c.kind == "calibrate"] == [{"what": "pose", "pose": "standing"}]
    assert [use.segment for use in home.catalogue.sensors(session)] == ["shank_left", "thigh_left"]


@pytest.mark.needs("data")
def test_xsens_quaternions_come_along(home: SqliteHome, recordings: Path) -> None:
    track = xsens_txt.read(recordings / "imu_vendor_exports" / "data_xsens.txt", "a")
    assert (track.t.size, track.rate_hz, list(track.fields)) == (953, 50, ["acc", "gyr", "mag", "quat"])
    np.testing.assert_allclose(track.fields["quat"][0], [0.567189, 0.769786, 0.003829, 0.292765])
    session = import_files(home, [recordings / "imu_vendor_exports" / "data_xsens.txt"], now=NOW)
    assert samples(home, session)["data_xsens"][1].shape == (953, 13)


@pytest.mark.needs("data")
@pytest.mark.parametrize(
    ("pair", "lead", "rows"),
    [
        (("imt_knee_tracking1/femur.csv", "imt_knee_tracking1/tibia.csv"), 0.016667, (3263, 3262)),
        (("imt_shoulder_tracking/upperarm.csv", "imt_shoulder_tracking/chest.csv"), 4.185806, (4729, 4729)),
    ],
)
def test_a_pair_of_dots_is_aligned_by_its_common_clock(
    home: SqliteHome, recordings: Path, pair: tuple[str, str], lead: float, rows: tuple[int, int]
) -> None:
    session = import_files(home, [recordings / "movella_dot_exports" / name for name in pair], now=NOW)
    (first, early), (second, late) = samples(home, session).items()
    assert (first, second) == tuple(Path(name).stem for name in pair)
    assert early[0][0] == 0
    assert late[0][0] == pytest.approx(lead, abs=1e-9)
    assert (early[0].size, late[0].size) == rows
    for t, values in (early, late):
        assert 1 / np.diff(t).mean() == pytest.approx(60, rel=1e-3)
        assert 9 < np.median(np.linalg.norm(values[:, :3], axis=1)) < 11  # m/s2
        assert np.abs(values[:, 3:6]).max() < 35  # rad/s
    with home.open(session) as reader:
        assert 1733616000 * SECOND < reader.info.started < 1733875200 * SECOND  # 8 to 11 December 2024


@pytest.mark.needs("data")
def test_dot_rates_are_degrees_in_the_file_and_radians_here(recordings: Path) -> None:
    track = movella_dot_csv.read(recordings / "movella_dot_exports" / "imt_knee_tracking1" / "femur.csv", "a")
    np.testing.assert_allclose(track.fields["gyr"][0], np.deg2rad([2.072689, -1.641915, -0.745944]))
    np.testing.assert_allclose(track.fields["acc"][0], [0.642831, 0.249669, 9.823106])
    assert track.started == 1733761867_886000000  # 17:31:07.886 CET


@pytest.mark.needs("data")
def test_opensignals_bursts_are_volts_at_a_kilohertz(home: SqliteHome, recordings: Path) -> None:
    path = recordings / "emg_opensignals" / "emg_bursts.h5"
    with h5py.File(path) as file:
        counts = file["00:07:80:3B:46:61/raw/channel_3"][:, 0].astype(float)
    session = import_files(home, [path], muscles=["biceps_brachii_right"], now=NOW)
    t, values = samples(home, session)["emg_bursts"]
    np.testing.assert_allclose(t, np.arange(28519) / 1000, atol=1e-9)
    np.testing.assert_allclose(values[:, 0], (counts / 65536 - 0.5) * 3e-3, rtol=1e-6, atol=1e-12)
    with home.open(session) as reader:
        assert reader.sensors()[0].channels == {0: "biceps_brachii_right"}
        assert reader.info.started == 1485167331_690000000  # 2017-01-23 10:28:51.69


@pytest.mark.needs("data")
def test_a_stuck_sequence_number_loses_nothing_and_clipping_is_noted(home: SqliteHome, recordings: Path) -> None:
    session = import_files(home, [recordings / "emg_opensignals" / "emg_fatigue.h5"], now=NOW)
    t, values = samples(home, session)["emg_fatigue"]
    assert (t.size, t[-1]) == (126_900, pytest.approx(126.899))
    assert values.min() == pytest.approx(-1.5e-3)
    with home.open(session) as reader:
        marks = [control.data["text"] for control in reader.controls() if control.kind == "mark"]
    assert marks == ["emg_fatigue.h5: 195 of 126900 samples of channel_2 are clipped at the converter's limits"]


@pytest.mark.needs("data")
def test_records_are_in_order_and_begin_with_what_a_sensor_is(home: SqliteHome, recordings: Path) -> None:
    folder = recordings / "movella_dot_exports" / "imt_shoulder_tracking"
    session = import_files(home, [folder / "chest.csv", folder / "upperarm.csv"], segments=["trunk", "upper_arm_left"])
    with home.open(session) as reader:
        records = list(reader.records())
        start = reader.info.started
    kinds = [record.kind if isinstance(record, Control) else record.characteristic for record in records[:8]]
    assert kinds == ["sensor", "placement", "clock", DESCRIPTION] * 2
    times = [record.arrival if isinstance(record, Packet) else record.t for record in records]
    assert times == sorted(times)
    assert times[0] == start
    assert isinstance(records[-1], Control)
    assert records[-1].kind == "end"
    parser = DRIVER.parser(StreamOptions())
    spans = []
    for record in records:
        if isinstance(record, Packet) and record.sensor == "trunk":
            for chunk in parser.feed(record.characteristic, record.data):
                assert isinstance(chunk, ImuChunk)
                assert chunk.timing.ticks is not None
                assert chunk.timing.ticks[-1] == record.arrival
                spans.append(chunk.timing.ticks.size / 60)
    assert parser.skipped == 0
    assert max(spans) <= 0.05


@pytest.mark.needs("data")
def test_the_engine_takes_an_import_without_loss(home: SqliteHome, recordings: Path) -> None:
    folder = recordings / "movella_dot_exports" / "imt_knee_tracking1"
    session = import_files(home, [folder / "femur.csv", folder / "tibia.csv"], segments=["thigh_left", "shank_left"])
    engine = Engine()
    with home.open(session) as reader:
        for record in reader.records():
            engine.feed(record)
    states = engine.sensors.values()
    assert [(state.received, state.lost, state.skipped) for state in states] == [(3263, 0, 0), (3262, 0, 0)]
    assert engine.unknown == 0


# Making up vendor files


def xsens_text(first: int, count: int, rate: float = 100.0) -> str:
    lines = ["// Start Time: 0", f"// Sample rate: {rate}Hz", "Counter\tAcc_X\tAcc_Y\tAcc_Z\tGyr_X\tGyr_Y\tGyr_Z\t"]
    lines += [f"{(first + i) % 65536}\t0.1\t0.2\t9.8\t0.0\t0.1\t0.0\t" for i in range(count)]
    return "\r\n".join(lines)


def test_the_xsens_counter_may_wrap_within_and_between_files(home: SqliteHome, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(xsens_text(65500, 200))
    (tmp_path / "b.txt").write_text(xsens_text(10, 200))
    session = import_files(home, [tmp_path / "a.txt", tmp_path / "b.txt"], now=NOW)
    found = samples(home, session)
    np.testing.assert_allclose(found["a"][0], np.arange(200) / 100)
    np.testing.assert_allclose(found["b"][0], 0.46 + np.arange(200) / 100)


def test_samples_that_the_counter_skips_are_a_gap(tmp_path: Path) -> None:
    lines = xsens_text(0, 100).splitlines()
    del lines[50:60]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    assert np.diff(xsens_txt.read(tmp_path / "a.txt", "a").t).max() == 110_000_000


def dot_text(fine: list[int], synced: str = "Synced", tag: str = "Left knee") -> str:
    head = (
        f"sep=,\nDeviceTag:,{tag}\nSyncStatus:,{synced}\nOutputRate:,60Hz\nStartTime: ,2024-12-09_17:31:07_886 XYZ\n\n"
    )
    head += "PacketCounter,SampleTimeFine,Quat_W,Quat_X,Quat_Y,Quat_Z,FreeAcc_X,FreeAcc_Y,FreeAcc_Z\n"
    return head + "".join(f"{i + 1},{t % 2**32},1.0,0.0,0.0,0.0,0.1,0.1,0.1\n" for i, t in enumerate(fine))


def test_the_dot_clock_may_wrap_and_an_unknown_time_zone_is_noted(home: SqliteHome, tmp_path: Path) -> None:
    start = 2**32 - 500_000
    (tmp_path / "a.csv").write_text(dot_text([start + i * 16667 for i in range(120)]))
    (tmp_path / "b.csv").write_text(dot_text([start + 1_000_000 + i * 16667 for i in range(120)]))
    session = import_files(home, [tmp_path / "a.csv", tmp_path / "b.csv"], now=NOW)
    found = samples(home, session)
    assert list(found) == ["left_knee", "left_knee_2"]
    np.testing.assert_allclose(found["left_knee"][0], np.arange(120) * 0.016667, atol=1e-9)
    assert found["left_knee_2"][0][0] == pytest.approx(1.0)
    with home.open(session) as reader:
        marks = [control.data["text"] for control in reader.controls() if control.kind == "mark"]
    assert marks[0] == "the time zone XYZ is not known here, so the start was taken as UTC"


def test_dots_without_synchronisation_have_clocks_of_their_own(home: SqliteHome, tmp_path: Path) -> None:
    for name, first in (("a", 5), ("b", 900_000_000)):
        (tmp_path / f"{name}.csv").write_text(dot_text([first + i * 16667 for i in range(60)], "Not Synced", name))
    session = import_files(home, [tmp_path / "a.csv", tmp_path / "b.csv"], now=NOW)
    assert [t[0] for t, _ in samples(home, session).values()] == [0, 0]
    with home.open(session) as reader:
        marks = [str(control.data["text"]) for control in reader.controls() if control.kind == "mark"]
    assert marks[0].startswith("the files have clocks of their own, and were put together by their start times")


def opensignals(path: Path, sensor: str = "EMG", sequence: np.ndarray | None = None, bits: int = 12) -> Path:
    with h5py.File(path, "w") as file:
        device = file.create_group("00:11")
        device.attrs.update(
            {"sampling rate": 1000, "channels": [1, 4], "resolution": [bits, 8], "date": "2020-2-3", "time": "4:5:6.7"}
        )
        raw = device.create_group("raw")
        raw["nSeq"] = (np.arange(200) if sequence is None else sequence).astype("u2")[:, None]
        for name, kind, level in (("channel_1", sensor, 1024), ("channel_4", "ECG", 9)):
            raw[name] = np.full((200, 1), level, "u2")
            raw[name].attrs["sensor"] = kind
    return path


def test_only_emg_channels_of_opensignals_are_taken(tmp_path: Path) -> None:
    track = opensignals_h5.read(opensignals(tmp_path / "a.h5"), "a")
    np.testing.assert_allclose(track.fields["emg"], (0.25 - 0.5) * 3e-3)
    assert track.channels == {0: "channel_1_a"}
    assert track.notes == ("a.h5: the channels channel_4 are no EMG and were left out",)
    assert track.started == 1580702706_700000000


def test_a_wrapping_sequence_counts_what_is_missing() -> None:
    sequence = np.array([65533, 65534, 65535, 0, 1, 5, 5, 5], "u2")
    assert opensignals_h5.sequence_steps(sequence).tolist() == [1, 1, 1, 1, 1, 4, 1, 1]


# Alignment


@given(st.lists(st.integers(0, 900), min_size=1, max_size=5), st.integers(-(10**6), 10**6), st.booleans())
def test_tracks_of_one_clock_keep_their_distance(starts: list[int], offset: int, knows_start: bool) -> None:
    grid = np.arange(100, dtype=np.int64) * 10_000_000
    begun = NOW - 77 * SECOND if knows_start else None
    tracks = [track(f"s{i}", grid + (offset + start) * 1_000_000, "one", begun) for i, start in enumerate(starts)]
    placed, notes = aligned(tracks, NOW)
    assert not notes
    for i, start in enumerate(starts):
        assert placed[i].t[0] - placed[0].t[0] == (start - starts[0]) * 1_000_000
    if not knows_start:
        assert min(part.t[0] for part in placed) == NOW


def test_of_several_clocks_without_a_start_all_begin_together() -> None:
    grid = np.arange(100, dtype=np.int64) * 10_000_000
    placed, notes = aligned(
        [track("a", grid + 5 * SECOND, "one"), track("b", grid + 900 * SECOND, "two", NOW)], NOW + 1
    )
    assert [part.t[0] for part in placed] == [NOW, NOW]
    assert notes == ("the files have clocks of their own, and were taken to begin together",)


def test_files_that_were_never_recorded_together_are_refused() -> None:
    grid = np.arange(100, dtype=np.int64) * 10_000_000
    with pytest.raises(
        ImportProblem,
        match=r"a\.csv, sensor a: it begins 100 s from b of b\.csv and never overlaps with it",
    ):
        aligned([track("a", grid), track("b", grid + 100 * SECOND)], NOW)


@given(st.lists(st.integers(2_000_000, 60_000_000), min_size=20, max_size=80))
def test_any_spacing_of_samples_comes_through_the_packets(steps: list[int]) -> None:
    t = NOW + np.cumsum(np.array(steps, np.int64))
    (rows,) = [np.concatenate([part.t for part in raw_rows(records_of([track("a", t)]))])]
    assert rows.size == t.size
    assert np.abs(rows - t).max() <= 1000


def test_an_emg_of_many_channels_fits_its_packets() -> None:
    t = NOW + np.arange(100, dtype=np.int64) * 1_000_000
    emg = np.random.default_rng(1).normal(0, 1e-4, (100, 64))
    wide = Track("a", "a.csv", "emg", t, 1000.0, {"emg": emg}, "one", counts=True)
    parser, found = DRIVER.parser(StreamOptions()), []
    for record in records_of([wide]):
        if isinstance(record, Packet):
            found += parser.feed(record.characteristic, record.data)
    assert all(isinstance(chunk, EmgChunk) and chunk.unit == "counts" for chunk in found)
    np.testing.assert_allclose(np.concatenate([c.emg for c in found if isinstance(c, EmgChunk)]), emg, rtol=1e-6)


# Refusals


JUNK = {
    "junk.bin": struct.pack("<100d", *range(100)),
    "notes.txt": b"Dear diary, today I walked.",
    "short.txt": xsens_text(0, 3).encode(),
    "fast.csv": dot_text([i * 33333 for i in range(60)]).encode(),
    "no_rate.txt": xsens_text(0, 99).replace("Sample rate", "Sample").encode(),
    "no_gyr.txt": xsens_text(0, 99).replace("Gyr_", "Rot_").encode(),
    "broken.h5": b"\x89HDF\r\n\x1a\n" + bytes(400),
}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("junk.bin", "junk.bin: this is binary data, not a table"),
        ("notes.txt", "notes.txt: this is no export of Xsens, of the Movella DOT app or of OpenSignals: describe its"),
        ("short.txt", "short.txt, sensor short: 3 samples are too short a recording"),
        ("fast.csv", "fast.csv, sensor left_knee: the time stamps show 30 Hz, but rate_hz says 60"),
        ("no_rate.txt", "no_rate.txt: this is no export of Xsens"),
        ("no_gyr.txt", "no_gyr.txt: there are neither Acc_ and Gyr_ nor Quat_ columns"),
        ("broken.h5", "broken.h5: this is not a whole HDF5 file"),
        ("gone.csv", "gone.csv: the file cannot be read (No such file or directory)"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_nothing_behind(
    home: SqliteHome, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "good.txt").write_text(xsens_text(0, 500))
    if name in JUNK:
        (tmp_path / name).write_bytes(JUNK[name])
    with pytest.raises(ImportProblem) as caught:
        import_files(home, [tmp_path / "good.txt", tmp_path / name])
    assert said in str(caught.value)
    assert home.sessions() == ([], 0)
    assert not list((home.root / "sessions").iterdir())


def test_options_that_fit_no_file_are_refused(home: SqliteHome, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(xsens_text(0, 500))
    with pytest.raises(ImportProblem, match="--segment: no file is left for shank_left"):
        import_files(home, [tmp_path / "a.txt"], segments=["thigh_left", "shank_left"])
    with pytest.raises(ImportProblem, match="--segment: there is no segment leg"):
        import_files(home, [tmp_path / "a.txt"], segments=["leg"])
    with pytest.raises(ImportProblem, match="--muscle: no file is left for soleus_left"):
        import_files(home, [tmp_path / "a.txt"], muscles=["soleus_left"])
    with pytest.raises(ImportProblem, match="import it alone"):
        import_files(home, [tmp_path, tmp_path / "a.txt"])
    with pytest.raises(ImportProblem, match="no file is named"):
        import_files(home, [])


def test_no_emg_channel_is_said_with_what_there_is(home: SqliteHome, tmp_path: Path) -> None:
    path = opensignals(tmp_path / "a.h5", sensor="RESP")
    with pytest.raises(
        ImportProblem, match=r"no channel is an EMG sensor; there are channel_1 \(RESP\), channel_4 \(ECG\)"
    ):
        import_files(home, [path])


def test_progress_goes_from_nothing_to_all(home: SqliteHome, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(xsens_text(0, 30_000))
    told: list[float] = []
    session = import_files(
        home, [tmp_path / "a.txt"], title="Long", subject="S07", version="0.1.0", progress=told.append
    )
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 3
    with home.open(session) as reader:
        assert (reader.info.title, reader.info.subject, reader.info.version) == ("Long", "S07", "0.1.0")


@pytest.mark.needs("data")
def test_one_segment_for_two_files_is_refused(tmp_path: Path, recordings: Path) -> None:
    home = SqliteHome(tmp_path)
    files = [recordings / "imu_vendor_exports" / f"walking_xsens_{part}.txt" for part in ("upperLeg", "lowerLeg")]
    with pytest.raises(ImportProblem, match="thigh_right is given twice"):
        import_files(home, files, segments=["thigh_right", "thigh_right"])
    assert home.sessions()[1] == 0
