"""A session's file: what is written is read, in another process too, and damage costs only what it hit."""

import multiprocessing as mp
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from fusion.estimates import Batch, Event
from gateway.records import Control, Packet, Record
from gateway.store.claim import Claimed, is_claimed
from gateway.store.interface import SessionInfo
from gateway.store.reader import SessionReader, UnknownSeries
from gateway.store.schema import UnreadableSession
from gateway.store.session_file import SessionWriter, lock_path

T0 = 1_790_000_000_000_000_000
MS = 1_000_000
SECOND = 1000 * MS
INFO = SessionInfo("20260921-1413-abcd", "Squats", "S01", "live", "recording", T0, None, "local", "0.1.0")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{INFO.id}.db"


def packets(count: int, step: int = 10 * MS, start: int = T0) -> list[Record]:
    """Packets that hold their own number."""
    times = range(start, start + count * step, step)
    return [Packet(t, "thigh_left", "data", ((t - T0) // step).to_bytes(4, "little") * 5) for t in times]


def rows(start: int, count: int, names: tuple[str, ...] = ("knee_flexion_left",), period: int = 10 * MS) -> Batch:
    """Rows whose value is the milliseconds since T0, plus a tenth per column."""
    t = start + np.arange(count, dtype=np.int64) * period
    values = ((t - T0) / MS)[:, None] + np.arange(len(names)) / 10
    return Batch("joints", t, period, names, ("deg",) * len(names), values)


def hour(path: Path, *, rate_hz: int = 100) -> None:
    """Write an hour of two series in one go."""
    writer = SessionWriter.create(path, INFO)
    for minute in range(60):
        writer.write([rows(T0 + minute * 60 * SECOND, 60 * rate_hz, ("a", "b"), SECOND // rate_hz)])
    writer.close()


def test_records_come_back_in_the_order_in_which_they_were_appended(path: Path) -> None:
    mixed: list[Record] = packets(300)
    mixed.insert(0, Control(T0, "sensor", "thigh_left", {"model": "movella_dot", "address": "aa:bb"}))
    mixed.insert(7, Control(T0 + 5 * MS, "mark", None, {"text": "start"}))
    mixed.insert(200, Control(T0, "calibrate", None, {"what": "pose", "pose": "standing"}))  # late, but ordered here
    writer = SessionWriter.create(path, INFO)
    for at in range(0, len(mixed), 37):
        writer.append(mixed[at : at + 37])
    writer.close()
    with SessionReader(path) as reader:
        assert list(reader.records()) == mixed
        assert [control.kind for control in reader.controls()] == ["sensor", "mark", "calibrate"]
        assert not reader.damaged


def test_a_block_spans_half_a_second(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    writer.append(packets(300))
    writer.close()
    with sqlite3.connect(path) as db:
        spans = db.execute("SELECT last - first, records FROM block").fetchall()
    db.close()
    assert all(span <= 500 * MS for span, _ in spans)
    assert [records for _, records in spans] == [50] * 6


def test_controls_are_read_without_opening_the_other_blocks(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    writer.append([*packets(300), Control(T0 + 4 * SECOND, "mark", None, {"text": "x"})])
    writer.close()
    spoil(path, "UPDATE block SET data = x'00' WHERE controls = 0")
    with SessionReader(path) as reader:
        assert [control.data["text"] for control in reader.controls()] == ["x"]
        assert not reader.damaged


def test_sensors_are_known_by_their_last_placement(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    writer.append(
        [
            Control(T0, "sensor", "a", {"model": "myo", "address": "aa"}),
            Control(T0, "sensor", "b", {"model": "movella_dot"}),
            Control(T0, "placement", "b", {"segment": "shank_left"}),
            Control(T0, "placement", "a", {"channels": {"0": "biceps_brachii_right"}}),
            Control(T0 + 1, "placement", "b", {"segment": "thigh_left"}),
        ]
    )
    writer.close()
    with SessionReader(path) as reader:
        a, b = reader.sensors()
    assert (a.model, a.channels, a.segment, a.address) == ("myo", {0: "biceps_brachii_right"}, None, "aa")
    assert (b.model, b.segment) == ("movella_dot", "thigh_left")


def test_rows_come_back_whatever_the_batches_were(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    start, rng = T0 + 130 * MS, random.Random(1)
    at = 0
    while at < 1000:
        n = min(rng.randint(1, 170), 1000 - at)
        writer.write([rows(start + at * 10 * MS, n, ("a", "b"))])
        at += n
        if rng.random() < 0.2:
            writer.flush()
    writer.close()
    with SessionReader(path) as reader:
        data = reader.read("b")
        assert data.value is not None
        np.testing.assert_array_equal(data.t, start + np.arange(1000) * 10 * MS)
        np.testing.assert_allclose(data.value, (data.t - T0) / MS + 0.1, rtol=1e-6)
        assert [(s.name, s.unit, s.count, s.rate_hz, s.first, s.last) for s in reader.series()] == [
            (name, "deg", 1000, 100.0, start, start + 9990 * MS) for name in ("a", "b")
        ]
        joined = np.concatenate([batch.t for batch in reader.batches("joints")])
        np.testing.assert_array_equal(joined, data.t)


def test_a_range_includes_its_start_and_not_its_end(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    writer.write([rows(T0, 300)])
    writer.close()
    with SessionReader(path) as reader:
        data = reader.read("knee_flexion_left", T0 + 500 * MS, T0 + 1500 * MS)
        assert (data.t[0], data.t[-1], data.t.size) == (T0 + 500 * MS, T0 + 1490 * MS, 100)
        assert reader.read("knee_flexion_left", T0 + SECOND, T0 + SECOND).t.size == 0
        assert reader.read("knee_flexion_left", T0 + 9 * SECOND, None, 10).t.size == 0


def test_names_may_grow_while_a_session_runs(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    writer.write([rows(T0, 130, ("a",)), rows(T0 + 1300 * MS, 100, ("a", "b"))])
    writer.close()
    with SessionReader(path) as reader:
        assert reader.read("a").t.size == 230
        assert reader.read("b").t[0] == T0 + 1300 * MS
        assert reader.columns("joints") == [("a", "deg"), ("b", "deg")]
        assert {info.name: info.count for info in reader.series()} == {"a": 230, "b": 100}


def test_uneven_rows_keep_their_times(path: Path) -> None:
    t = T0 + np.array([0, 10, 20, 55, 990, 1400], np.int64) * MS
    writer = SessionWriter.create(path, INFO)
    writer.write([Batch("quality", t, 10 * MS, ("quality_a",), ("1",), np.arange(6.0)[:, None])])
    writer.close()
    with SessionReader(path) as reader:
        np.testing.assert_array_equal(reader.read("quality_a").t, t)


def test_rows_written_again_replace_the_earlier_ones_also_after_reopening(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    writer.write([rows(T0, 150)])
    writer.close()
    again = SessionWriter.reopen(path)
    later = rows(T0 + 1200 * MS, 100)
    again.write([Batch("joints", later.t, later.period_ns, later.names, later.units, later.values + 1000)])
    again.close(None)
    with SessionReader(path) as reader:
        data = reader.read("knee_flexion_left")
        assert data.value is not None
        assert data.t.size == 220
        expected = (data.t - T0) / MS + np.where(data.t >= T0 + 1200 * MS, 1000, 0)
        np.testing.assert_array_equal(data.value, expected)


def test_missing_values_stay_missing_and_out_of_the_bounds(path: Path) -> None:
    batch = rows(T0, 200, ("a", "gone"))
    batch.values[50:60, 0] = np.nan
    batch.values[:, 1] = np.nan
    writer = SessionWriter.create(path, INFO)
    writer.write([batch])
    writer.close()
    with SessionReader(path) as reader:
        value = reader.read("a").value
        assert value is not None
        assert np.isnan(value).sum() == 10
        a, gone = reader.series()
        assert (a.minimum, a.maximum) == (0, 1990)
        assert np.isnan([gone.minimum, gone.maximum]).all()
        few = reader.read("gone", max_points=4)
        assert few.minimum is not None
        assert np.isnan(few.minimum).all()


def test_few_points_hold_every_peak(path: Path) -> None:
    batch = rows(T0, 6000)
    batch.values[3333] = 1e6
    batch.values[1111] = -1e6
    writer = SessionWriter.create(path, INFO)
    writer.write([batch])
    writer.close()
    with SessionReader(path) as reader:
        for points in (1, 7, 60, 100, 1000, 5999):
            data = reader.read("knee_flexion_left", max_points=points)
            assert data.minimum is not None
            assert data.maximum is not None
            assert 0 < data.t.size <= points
            assert (data.minimum.min(), data.maximum.max()) == (-1e6, 1e6)
            assert (np.diff(data.t) > 0).all()
        assert reader.read("knee_flexion_left", max_points=6000).value is not None


def test_an_overview_of_an_hour_opens_no_samples(path: Path) -> None:
    hour(path)
    spoil(path, "DELETE FROM samples")
    with SessionReader(path) as reader:
        data = reader.read("b", max_points=1000)
        assert data.maximum is not None
        assert 900 <= data.t.size <= 1000
        assert data.maximum[-1] == pytest.approx(3_599_990.1)
        assert reader.series()[1].count == 360_000
        assert not reader.damaged


def test_a_cut_overview_opens_only_the_seconds_that_the_range_cuts(path: Path) -> None:
    hour(path)
    edges = T0 // SECOND + 10, T0 // SECOND + 3000
    spoil(path, f"DELETE FROM samples WHERE second NOT IN {edges}")
    with SessionReader(path) as reader:
        data = reader.read("a", T0 + 10 * SECOND + 500 * MS, T0 + 3000 * SECOND + 500 * MS, max_points=1000)
        assert data.minimum is not None
        assert data.maximum is not None
        assert (data.minimum[0], data.maximum[-1]) == (10_500, 3_000_490)
        assert not reader.damaged


def test_an_unknown_series_is_named_with_the_known_ones(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    writer.write([rows(T0, 3)])
    writer.close()
    with SessionReader(path) as reader, pytest.raises(UnknownSeries, match="no series knee; it has: knee_flexion_left"):
        reader.read("knee")


def test_events_come_in_order_of_time_and_by_range(path: Path) -> None:
    events = [
        Event(T0 + 2 * SECOND, "rep", T0 + 3 * SECOND, {"range_deg": 91.5}),
        Event(T0, "mark", None, {"text": "ü"}),
    ]
    writer = SessionWriter.create(path, INFO)
    writer.write([], events)
    writer.write([], [Event(T0, "gap")] * 1500)
    writer.close()
    with SessionReader(path) as reader:
        found = list(reader.events())
        assert found[0] == events[1]
        assert found[-1] == events[0]
        assert len(found) == 1502
        assert list(reader.events(T0 + 1)) == [events[0]]
        assert len(list(reader.events(None, T0 + 1))) == 1501


def test_estimates_can_be_cleared_for_another_version(path: Path) -> None:
    writer = SessionWriter.create(path, INFO, {"beta": 0.1})
    writer.append(packets(3))
    writer.write([rows(T0, 30)], [Event(T0, "rep")])
    writer.clear_estimates("0.2.0", {"beta": 0.2})
    writer.write([rows(T0, 20)])
    writer.close()
    with SessionReader(path) as reader:
        assert reader.read("knee_flexion_left").t.size == 20
        assert not list(reader.events())
        assert (reader.info.version, reader.settings) == ("0.2.0", {"beta": 0.2})
        assert len(list(reader.records())) == 3


def test_closing_says_how_and_when_a_session_ended(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    writer.append(packets(11))
    assert writer.close().ended == T0 + 100 * MS
    with SessionReader(path) as reader:
        assert (reader.info.state, reader.info.ended) == ("complete", T0 + 100 * MS)


# Other processes


def test_only_one_writer_at_a_time(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    assert is_claimed(lock_path(path))
    with pytest.raises(Claimed, match=f"session {INFO.id} is being written"):
        SessionWriter.reopen(path)
    writer.close()
    assert not is_claimed(lock_path(path))
    SessionWriter.reopen(path).close(None)


def write_until_killed(path: Path, told: "mp.connection.Connection") -> None:
    """Write ten milliseconds of data at a time and tell what has been flushed."""
    writer = SessionWriter.create(path, INFO)
    for step in range(1_000_000):
        writer.append(packets(1, start=T0 + step * 10 * MS))
        writer.write([rows(T0 + step * 10 * MS, 1)])
        if step % 30 == 29:
            writer.flush()
            told.send(step + 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_writer_loses_at_most_what_was_not_flushed(path: Path, seed: int) -> None:
    context = mp.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    process = context.Process(target=write_until_killed, args=(path, told))
    process.start()
    flushed = heard.recv()
    end = time.monotonic() + random.Random(seed).uniform(0.0, 0.4)
    while time.monotonic() < end:
        if heard.poll(0.001):
            flushed = heard.recv()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    told.close()
    while heard.poll():
        try:
            flushed = heard.recv()
        except EOFError:
            break
    assert not is_claimed(lock_path(path))
    with SessionReader(path) as reader:
        found = list(reader.records())
        assert len(found) >= flushed
        assert found == packets(len(found))
        data = reader.read("knee_flexion_left")
        assert data.t.size >= flushed
        np.testing.assert_array_equal(data.t, T0 + np.arange(data.t.size) * 10 * MS)
        assert not reader.damaged
        assert reader.info.state == "recording"
    SessionWriter.reopen(path).close("interrupted")


def test_another_process_reads_while_one_writes(path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from gateway.store.reader import SessionReader
        last = 0
        with SessionReader(Path({str(path)!r})) as reader:
            print("ready", flush=True)
            while last < 400:
                assert not reader.damaged, reader.damaged
                names = [info.name for info in reader.series()]
                count = reader.read("knee_flexion_left").t.size if names else 0
                assert count >= last
                assert len(list(reader.records())) % 40 == 0
                last = count
        print("all", flush=True)
        """
    )
    writer = SessionWriter.create(path, INFO)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        for step in range(0, 400, 40):
            writer.append(packets(40, start=T0 + step * 10 * MS))
            writer.write([rows(T0 + step * 10 * MS, 40)])
            writer.flush()
            time.sleep(0.02)
        assert child.stdout.readline() == "all\n"
    writer.close()


# Damage


def spoil(path: Path, statement: str) -> None:
    db = sqlite3.connect(path)
    db.execute(statement)
    db.commit()
    db.close()


@pytest.fixture
def recorded(path: Path) -> Path:
    """Ten blocks of fifty packets, and five seconds of rows."""
    writer = SessionWriter.create(path, INFO)
    writer.append(packets(500))
    writer.write([rows(T0, 500)])
    writer.close()
    return path


def test_a_corrupt_block_costs_only_itself(recorded: Path) -> None:
    spoil(recorded, "UPDATE block SET data = zeroblob(length(data)) WHERE seq = 4")
    with SessionReader(recorded) as reader:
        assert list(reader.records()) == packets(500)[:150] + packets(500)[200:]
        assert [(damage.what, damage.reason) for damage in reader.damaged] == [("block 4", "its checksum does not fit")]


def test_a_corrupt_second_costs_only_itself(recorded: Path) -> None:
    spoil(recorded, f"UPDATE samples SET data = x'aa' WHERE second = {T0 // SECOND + 2}")
    with SessionReader(recorded) as reader:
        t = reader.read("knee_flexion_left").t
        assert t.size == 400
        assert not ((t >= T0 + 2 * SECOND) & (t < T0 + 3 * SECOND)).any()
        assert reader.damaged[0].what == f"second {T0 // SECOND + 2} of joints"


def test_overwritten_pages_of_the_file_never_raise(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    noise = np.random.default_rng(3)
    sent: list[Record] = [Packet(T0 + i * 10 * MS, "a", "data", noise.bytes(200)) for i in range(4000)]
    writer.append(sent)
    writer.close()
    content = bytearray(path.read_bytes())
    pages = len(content) // 4096
    for page in (pages // 3, pages // 2, pages - 3):
        content[page * 4096 : (page + 1) * 4096] = bytes(range(256)) * 16
    path.write_bytes(content)
    with SessionReader(path) as reader:
        found = list(reader.records())
        assert 0.5 * len(sent) < len(found) < len(sent)
        assert all(record in sent for record in found)
        assert reader.damaged


def test_a_broken_list_of_series_is_said(recorded: Path) -> None:
    spoil(recorded, "DROP TABLE overview")
    with SessionReader(recorded) as reader:
        assert len(list(reader.records())) == 500
        for ask in (reader.series, lambda: reader.read("knee_flexion_left"), lambda: list(reader.batches("joints"))):
            with pytest.raises(UnreadableSession, match="no such table: overview; its recording may be whole"):
                ask()


def test_a_session_that_could_not_be_closed_lets_go_of_its_lock(path: Path) -> None:
    writer = SessionWriter.create(path, INFO)
    spoil(path, "DROP TABLE block")
    writer.append(packets(3))
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        writer.close()
    assert not is_claimed(lock_path(path))


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_write_ahead_log_costs_its_tail(path: Path, tmp_path: Path, kept: float) -> None:
    writer = SessionWriter.create(path, INFO)
    for step in range(20):
        writer.append(packets(50, start=T0 + step * 500 * MS))
        writer.flush()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (path.name, f"{path.name}-wal"):
        (copy / name).write_bytes((path.parent / name).read_bytes())
    writer.close()
    log = copy / f"{path.name}-wal"
    os.truncate(log, int(log.stat().st_size * kept))
    with SessionReader(copy / path.name) as reader:
        found = list(reader.records())
    assert found == packets(len(found))
    assert len(found) >= 1000 * kept - 50


def test_a_file_that_is_no_session_is_refused_in_one_sentence(tmp_path: Path) -> None:
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"not a database, and long enough to be taken for one" * 50)
    with pytest.raises(UnreadableSession, match="cannot be read as a session: file is not a database"):
        SessionReader(junk)
    with pytest.raises(UnreadableSession, match="there is no such file"):
        SessionReader(tmp_path / "none.db")


def test_a_session_of_a_newer_version_says_so(recorded: Path) -> None:
    spoil(recorded, "UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(UnreadableSession, match="has schema 99, this version knows 1; install a newer kinestream"):
        SessionReader(recorded)
