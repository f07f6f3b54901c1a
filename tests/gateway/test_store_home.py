"""The home of sessions: ids, the catalogue, interrupted sessions, and imports that are there as a whole or not."""

import multiprocessing as mp
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fusion.estimates import Batch, Event
from gateway.records import Control, Packet
from gateway.store.catalogue import Catalogue, CatalogueProblem
from gateway.store.claim import Claimed
from gateway.store.home import SqliteHome, UnknownSession
from gateway.store.interface import SeriesHome, SessionInfo
from gateway.store.sensor_use import SensorUse

T0 = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SqliteHome]:
    home = SqliteHome(tmp_path / "data")
    yield home
    home.close()


def info(home: SqliteHome, start_s: int = 0, title: str = "Squats", subject: str | None = "S01") -> SessionInfo:
    started = T0 + start_s * SECOND
    return SessionInfo(home.new_id(started), title, subject, "live", "recording", started, None, "local", "0.1.0")


def batch(start: int = T0, count: int = 10) -> Batch:
    t = start + np.arange(count, dtype=np.int64) * SECOND // 10
    return Batch("joints", t, SECOND // 10, ("knee_flexion_left",), ("deg",), np.arange(float(count))[:, None])


# Ids


def test_ids_are_readable_and_sort_by_time(home: SqliteHome) -> None:
    ids = [home.new_id(T0 + 2 * i * SECOND) for i in range(200)]
    assert ids == sorted(ids)
    assert ids[0].startswith("20260921-1413-")
    assert len(ids[0]) == 18
    assert home.new_id() > "20260101"


def test_an_unknown_id_is_answered_with_similar_ones(home: SqliteHome) -> None:
    known = info(home)
    home.create(known).close()
    typo = known.id[:-1] + ("2" if known.id[-1] != "2" else "3")
    with pytest.raises(UnknownSession, match=f"there is no session {typo}: did you mean {known.id}\\?"):
        home.open(typo)
    with pytest.raises(LookupError, match="`kinestream sessions` lists"):
        home.open("zzz")


@pytest.mark.parametrize("session", ["../catalogue", "a/b", "", "a.db", "x" * 65])
def test_an_id_never_leads_out_of_the_folder(home: SqliteHome, session: str) -> None:
    with pytest.raises(UnknownSession):
        home.open(session)


def test_an_id_is_given_once(home: SqliteHome) -> None:
    taken = info(home)
    home.create(taken).close()
    with pytest.raises(FileExistsError):
        home.create(taken)
    assert home.sessions()[1] == 1


# Sessions and their series


def test_it_is_a_home_for_series(home: SqliteHome) -> None:
    stored: SeriesHome = home
    session = info(home)
    home.create(session).close()
    stored.write(session.id, [batch()], [Event(T0, "rep", T0 + 5)])
    stored.write(session.id, [batch(T0 + SECOND)], [])
    assert [(found.name, found.count) for found in stored.series(session.id)] == [("knee_flexion_left", 20)]
    assert stored.read(session.id, "knee_flexion_left", T0 + SECOND).t.size == 10
    assert [event.name for event in stored.events(session.id)] == ["rep"]
    assert home.open(session.id).info.state == "complete"


def test_a_running_recording_is_not_written_by_anybody_else(home: SqliteHome) -> None:
    session = info(home)
    writer = home.create(session)
    with pytest.raises(Claimed):
        home.write(session.id, [batch()], [])
    with pytest.raises(Claimed):
        home.discard(session.id)
    writer.close()


def test_closing_a_session_puts_its_end_and_its_sensors_into_the_catalogue(home: SqliteHome) -> None:
    session = info(home)
    writer = home.create(session)
    writer.append(
        [
            Control(T0, "sensor", "thigh", {"model": "movella_dot", "address": "aa:bb"}),
            Control(T0, "placement", "thigh", {"segment": "thigh_left"}),
            Control(T0, "sensor", "arm", {"model": "myo"}),
            Control(T0, "placement", "arm", {"channels": {"3": "biceps_brachii_right"}}),
            Packet(T0 + 7 * SECOND, "thigh", "data", b"x"),
        ]
    )
    assert home.catalogue.get(session.id) == session
    writer.close()
    found = home.catalogue.get(session.id)
    assert found is not None
    assert (found.state, found.ended) == ("complete", T0 + 7 * SECOND)
    assert home.catalogue.sensors(session.id) == [
        SensorUse("arm", "myo", None, {3: "biceps_brachii_right"}),
        SensorUse("thigh", "movella_dot", "thigh_left", address="aa:bb"),
    ]
    assert home.catalogue.worn("thigh") == [session.id]
    home.write(session.id, [batch()], [])
    assert len(home.catalogue.sensors(session.id)) == 2


def test_sessions_are_found_by_words_page_by_page(home: SqliteHome) -> None:
    for i, (title, subject) in enumerate([("Squats", "Ann"), ("Gait 100 %", "Bob"), ("squat test", "Bob"), ("", None)]):
        home.create(info(home, 60 * i, title, subject)).close()
    assert [found.title for found in home.sessions()[0]] == ["", "squat test", "Gait 100 %", "Squats"]
    assert [found.title for found in home.sessions("SQUAT")[0]] == ["squat test", "Squats"]
    assert [found.title for found in home.sessions("bob squat")[0]] == ["squat test"]
    assert [found.title for found in home.sessions("100 %")[0]] == ["Gait 100 %"]
    assert home.sessions("_")[1] == 0
    page, total = home.sessions(limit=2, offset=1)
    assert ([found.title for found in page], total) == (["squat test", "Gait 100 %"], 4)
    assert home.sessions(page[0].id)[1] == 1
    assert home.sessions(subject="Bob")[1] == 2


def test_subjects_know_how_many_sessions_they_have(home: SqliteHome) -> None:
    home.create(info(home, 0, subject="Ann")).close()
    home.create(info(home, 60, subject="Ann")).close()
    home.catalogue.put_subject("Zoe", "left knee")
    ann, zoe = home.catalogue.subjects()
    assert (ann.label, ann.sessions, ann.last) == ("Ann", 2, T0 + 60 * SECOND)
    assert (zoe.label, zoe.note, zoe.sessions, zoe.last) == ("Zoe", "left knee", 0, None)


def test_a_new_title_given_while_recording_survives_the_end(home: SqliteHome) -> None:
    session = info(home)
    writer = home.create(session)
    home.describe(session.id, "Lunges", "S02")
    writer.append([Packet(T0 + SECOND, "a", "b", b"")])
    writer.close()
    with home.open(session.id) as reader:
        assert (reader.info.title, reader.info.subject, reader.info.state) == ("Lunges", "S02", "complete")
    assert home.sessions()[0] == [reader_info(home, session.id)]


def reader_info(home: SqliteHome, session: str) -> SessionInfo:
    with home.open(session) as reader:
        return reader.info


def test_a_discarded_session_leaves_nothing(home: SqliteHome) -> None:
    session = info(home)
    writer = home.create(session)
    writer.append([Control(T0, "sensor", "a", {"model": "myo"})])
    writer.close()
    home.discard(session.id)
    assert home.sessions() == ([], 0)
    assert not list((home.root / "sessions").iterdir())


# Interrupted sessions


def record_until_killed(root: Path, told: "mp.connection.Connection") -> None:
    home = SqliteHome(root)
    session = info(home)
    writer = home.create(session)
    writer.append([Control(T0, "sensor", "thigh", {"model": "myo"}), Packet(T0 + 3 * SECOND, "thigh", "data", b"x")])
    writer.flush()
    told.send(session.id)
    threading.Event().wait()


def test_a_session_is_interrupted_only_once_its_gateway_is_gone(home: SqliteHome) -> None:
    context = mp.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    process = context.Process(target=record_until_killed, args=(home.root, told))
    process.start()
    session = heard.recv()
    assert home.interrupted() == []
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert [found.id for found in home.interrupted()] == [session]
    recovered = home.recover(session)
    assert (recovered.state, recovered.ended) == ("interrupted", T0 + 3 * SECOND)
    assert home.interrupted() == []
    assert home.sessions()[0] == [recovered]
    assert [use.id for use in home.catalogue.sensors(session)] == ["thigh"]
    with home.open(session) as reader:
        assert len(list(reader.records())) == 2


def test_an_unreadable_session_is_set_aside_and_kept(home: SqliteHome) -> None:
    session = info(home)
    home.create(session).abandon()
    home.path(session.id).write_bytes(b"no database" * 1000)
    assert home.recover(session.id).state == "interrupted"
    assert home.interrupted() == []
    assert home.path(session.id).exists()


# Imports


def test_a_session_in_the_making_is_not_seen_until_it_is_whole(home: SqliteHome) -> None:
    session = info(home)
    with home.building(session) as writer:
        writer.append([Packet(T0 + SECOND, "a", "b", b"x")])
        assert home.sessions() == ([], 0)
        with pytest.raises(UnknownSession):
            home.open(session.id)
    found = home.sessions()[0][0]
    assert (found.id, found.state, found.ended) == (session.id, "complete", T0 + SECOND)
    with home.open(session.id) as reader:
        assert len(list(reader.records())) == 1


def break_off(home: SqliteHome) -> None:
    with home.building(info(home)) as writer:
        writer.append([Packet(T0, "a", "b", b"x")])
        writer.flush()
        raise ValueError("broken")


def test_a_session_that_could_not_be_finished_leaves_nothing(home: SqliteHome) -> None:
    with pytest.raises(ValueError, match="broken"):
        break_off(home)
    assert home.sessions() == ([], 0)
    assert not list((home.root / "sessions").iterdir())


def test_what_a_killed_import_left_is_swept_up(home: SqliteHome) -> None:
    orphan = home.root / "sessions" / "20260101-0000-2222.part"
    orphan.write_bytes(b"half")
    with home.building(info(home)):
        pass
    assert not orphan.exists()


# Trouble


def test_gateway_and_api_open_a_new_home_at_the_same_moment(tmp_path: Path) -> None:
    context = mp.get_context("spawn")
    with context.Pool(4) as pool:
        counts = pool.map(open_and_add, [tmp_path / "data"] * 8)
    assert all(counts)
    home = SqliteHome(tmp_path / "data")
    assert home.sessions()[1] == 8
    home.close()


def open_and_add(root: Path) -> int:
    home = SqliteHome(root)
    home.create(info(home)).close()
    count = home.sessions()[1]
    home.close()
    return count


def test_a_catalogue_that_is_none_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").write_bytes(b"this is no database at all, sorry" * 40)
    with pytest.raises(CatalogueProblem, match=r"the catalogue sqlite:.*cannot be used: file is not a database"):
        SqliteHome(tmp_path)


def test_a_catalogue_locked_for_too_long_is_a_problem_of_the_disk(
    home: SqliteHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.catalogue.BUSY_TIMEOUT_MS", 50)
    impatient = Catalogue(f"sqlite:///{home.root / 'catalogue.db'}")
    db = sqlite3.connect(home.root / "catalogue.db", isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CatalogueProblem, match="database is locked"):
        impatient.put(info(home))
    db.close()
    impatient.close()


def test_a_folder_that_cannot_be_written_is_an_os_error(home: SqliteHome) -> None:
    wanted = info(home)
    (home.root / "sessions").rmdir()
    with pytest.raises(OSError, match="cannot be written"):
        home.create(wanted)
