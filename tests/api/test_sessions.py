"""Recorded sessions over HTTP, from a store that is also being written."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from fusion.estimates import Batch, Event
from gateway.records import Control
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.store.session_file import SessionWriter

START = 1_763_853_064_250_000_000
PERIOD = 16_666_667
INFO = SessionInfo(
    "20251122-2311-k3f9", "Squats, second visit", "S01", "live", "recording", START, None, "local", "0.1"
)
SENSOR = Control(START, "sensor", "thigh", {"model": "movella_dot", "name": "thigh"})
PLACEMENT = Control(START, "placement", "thigh", {"segment": "thigh_left", "channels": {"0": "vastus_lateralis_left"}})
SERIES = f"/api/v1/sessions/{INFO.id}/series/knee_flexion_left"


def knee(rows: int) -> Batch:
    """Return 60 Hz of a knee that bends, with a gap of one second from second 2 on."""
    t = START + np.arange(rows, dtype=np.int64) * PERIOD
    angle = 45 - 45 * np.cos(np.arange(rows) / 20)
    angle[120:180] = np.nan
    values = np.column_stack([angle, np.full(rows, np.nan)])
    return Batch("joints", t, PERIOD, ("knee_flexion_left", "hip_flexion_left"), ("deg", "deg"), values)


def write(root: Path, info: SessionInfo = INFO, rows: int = 600) -> SessionWriter:
    writer = SqliteHome(root).create(info)
    writer.append([SENSOR, PLACEMENT])
    events = [
        Event(START + 10**9, "rep", START + 2 * 10**9, {"series": "knee_flexion_left", "range_deg": 88.5}),
        Event(START + 5 * 10**9, "mark", None, {"text": "second set"}),
    ]
    writer.write([knee(rows)], events)
    writer.flush()
    return writer


@pytest.fixture
async def recorded(tmp_path: Path) -> SessionInfo:
    """A finished session of ten seconds."""
    return await asyncio.to_thread(lambda: write(tmp_path).close("complete", START + 10 * 10**9))


async def test_the_list_is_paged_searched_and_counts_all(service, recorded, tmp_path) -> None:
    for number in range(3):
        other = replace(
            INFO, id=f"20251123-000{number}-aaaa", title=f"Walking {number}", started=START + 10**9 * number
        )
        await asyncio.to_thread(lambda info=other: write(tmp_path, info).close("complete"))
    page = (await service.http.get("/api/v1/sessions?limit=2&offset=1")).json()
    assert (len(page["sessions"]), page["total"]) == (2, 4)
    found = (await service.http.get("/api/v1/sessions?q=squats")).json()
    assert found["total"] == 1
    assert found["sessions"] == [
        {
            "id": INFO.id,
            "title": "Squats, second visit",
            "subject": "S01",
            "kind": "live",
            "state": "complete",
            "started": "2025-11-22T23:11:04.250Z",
            "duration_s": 10.0,
            "origin": None,
            "gateway": "local",
            "version": "0.1",
        }
    ]


async def test_a_session_shows_its_sensors_and_where_they_were_worn(service, recorded) -> None:
    answer = (await service.http.get(f"/api/v1/sessions/{INFO.id}")).json()
    assert answer["title"] == "Squats, second visit"
    assert answer["sensors"] == [
        {"id": "thigh", "model": "movella_dot", "segment": "thigh_left", "channels": {"0": "vastus_lateralis_left"}}
    ]


async def test_the_series_are_described_with_null_for_bounds_that_do_not_exist(service, recorded) -> None:
    described = (await service.http.get(f"/api/v1/sessions/{INFO.id}/series")).json()["series"]
    by_name = {series.pop("name"): series for series in described}
    knee_series = by_name["knee_flexion_left"]
    assert knee_series["topic"] == "joints"
    assert knee_series["unit"] == "deg"
    assert knee_series["n"] == 600
    assert knee_series["rate_hz"] == pytest.approx(60, abs=0.001)
    assert (knee_series["t0"], knee_series["t1"]) == (0.0, pytest.approx(599 * PERIOD / 1e9))
    assert 0 <= knee_series["min"] < 1 < 89 < knee_series["max"] <= 90
    assert (by_name["hip_flexion_left"]["min"], by_name["hip_flexion_left"]["max"]) == (None, None)


async def test_a_whole_series_is_what_was_stored(service, recorded) -> None:
    answer = (await service.http.get(SERIES)).json()
    stored = knee(600).values[:, 0].astype(np.float32)
    assert (answer["name"], answer["unit"]) == ("knee_flexion_left", "deg")
    assert answer["t"] == [index * PERIOD / 1e9 for index in range(600)]
    np.testing.assert_array_equal(np.array(answer["value"], np.float32), stored)
    assert answer["value"][120:180] == [None] * 60


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("from=1&to=2", 60, 119),
        ("from=9", 540, 599),
        ("to=0.5", 0, 29),
        (f"from={quote('2025-11-22T23:11:05.25Z')}&to={quote('2025-11-23T00:11:06.25+01:00')}", 60, 119),
    ],
)
async def test_a_stretch_holds_its_beginning_and_not_its_end(service, recorded, query, first, last) -> None:
    answer = (await service.http.get(f"{SERIES}?{query}")).json()
    assert (answer["t"][0], answer["t"][-1]) == (first * PERIOD / 1e9, last * PERIOD / 1e9)


async def test_few_points_come_as_bounds_that_hold_every_value(service, recorded) -> None:
    answer = (await service.http.get(f"{SERIES}?max_points=20")).json()
    assert set(answer) == {"name", "unit", "t", "min", "max"}
    assert 0 < len(answer["t"]) <= 20
    angle = knee(600).values[:, 0]
    assert min(low for low in answer["min"] if low is not None) == pytest.approx(np.nanmin(angle), abs=1e-5)
    assert max(high for high in answer["max"] if high is not None) == pytest.approx(np.nanmax(angle), abs=1e-5)
    enough = (await service.http.get(f"{SERIES}?max_points=600")).json()
    assert "value" in enough


async def test_csv_and_arrow_come_with_a_name_to_save_them_under(service, recorded) -> None:
    table = await service.http.get(f"{SERIES}?to=0.04&format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.headers["content-disposition"] == f'attachment; filename="{INFO.id}_knee_flexion_left.csv"'
    assert table.text.splitlines()[:2] == ["t,value", "0,0"]
    assert len(table.text.splitlines()) == 4
    stream = await service.http.get(SERIES, headers={"accept": "application/vnd.apache.arrow.stream"})
    assert stream.headers["content-type"] == "application/vnd.apache.arrow.stream"


async def test_events_are_told_in_seconds_and_a_stretch_of_them_by_their_beginning(service, recorded) -> None:
    path = f"/api/v1/sessions/{INFO.id}/events"
    everything = (await service.http.get(path)).json()["events"]
    assert everything == [
        {"t": 1.0, "end": 2.0, "name": "rep", "data": {"series": "knee_flexion_left", "range_deg": 88.5}},
        {"t": 5.0, "end": None, "name": "mark", "data": {"text": "second set"}},
    ]
    assert (await service.http.get(f"{path}?from=1.5")).json()["events"] == everything[1:]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("from=soon", "from"),
        ("to=2025-11-22T23:11:04", "to"),
        ("from=5&to=4", "to"),
        ("max_points=0", "max_points"),
        ("max_points=many", "max_points"),
        ("format=xlsx", "format"),
    ],
)
async def test_a_bad_parameter_is_named_in_one_sentence(service, recorded, query, named) -> None:
    answer = await service.http.get(f"{SERIES}?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"The parameter {named}: ")
    assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "offset=-1", "limit=ten"])
async def test_a_bad_page_is_refused_by_name(service, query) -> None:
    answer = await service.http.get(f"/api/v1/sessions?{query}")
    assert answer.status_code == 422
    assert f"parameter {query.split('=')[0]}:" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "/series", "/series/a", "/events", "/metrics", "/stop"])
async def test_an_unknown_session_is_not_found_and_a_similar_one_is_offered(service, recorded, path) -> None:
    method = "POST" if path == "/stop" else "GET"
    answer = await service.http.request(method, f"/api/v1/sessions/20251122-2311-k3f8{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"There is no session 20251122-2311-k3f8: did you mean {INFO.id}?"


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2F..%2Fetc", "a.b", "%00", "x" * 65])
async def test_an_id_that_cannot_be_one_never_reaches_the_disk(service, name) -> None:
    answer = await service.http.get(f"/api/v1/sessions/{name}/series")
    assert answer.status_code in (404, 422)


async def test_an_unknown_series_is_not_found_and_those_there_are_are_named(service, recorded) -> None:
    answer = await service.http.get(f"/api/v1/sessions/{INFO.id}/series/elbow")
    assert answer.status_code == 404
    assert "knee_flexion_left" in answer.json()["detail"]


async def test_a_series_too_long_for_one_answer_is_refused_with_the_two_ways_out(
    service, recorded, monkeypatch
) -> None:
    monkeypatch.setattr("api.http.series.POINTS_LIMIT", 500)
    answer = await service.http.get(SERIES)
    assert answer.status_code == 413
    assert "from and to" in answer.json()["detail"]
    assert "max_points" in answer.json()["detail"]
    assert (await service.http.get(f"{SERIES}?to=5")).status_code == 200
    assert (await service.http.get(f"{SERIES}?max_points=100")).status_code == 200


async def test_a_session_is_read_while_it_is_being_recorded(service, tmp_path) -> None:
    writer = await asyncio.to_thread(write, tmp_path, INFO, 300)
    before = (await service.http.get(SERIES)).json()
    listed = (await service.http.get("/api/v1/sessions")).json()["sessions"][0]
    assert (len(before["t"]), listed["state"], listed["duration_s"]) == (300, "recording", None)
    refused = await service.http.get(f"/api/v1/sessions/{INFO.id}/metrics")
    assert (refused.status_code, "stop it first" in refused.json()["detail"]) == (409, True)
    await asyncio.to_thread(writer.close, "complete")


async def test_a_finished_session_cannot_be_stopped(service, recorded) -> None:
    answer = await service.http.post(f"/api/v1/sessions/{INFO.id}/stop")
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"The session {INFO.id} is not being recorded: it is complete."


async def test_a_damaged_file_is_named_and_the_others_still_open(service, recorded, tmp_path) -> None:
    (tmp_path / "sessions" / "broken-one.db").write_bytes(b"this is no database" * 1000)
    broken = await service.http.get("/api/v1/sessions/broken-one")
    assert broken.status_code == 500
    assert "broken-one" in broken.json()["detail"]
    assert (await service.http.get(f"/api/v1/sessions/{INFO.id}")).status_code == 200


def break_catalogue(root: Path) -> None:
    with closing(sqlite3.connect(root / "catalogue.db")) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            db.execute(f"DROP TABLE {table}")


async def test_a_store_that_cannot_be_read_makes_the_service_not_ready(service, tmp_path) -> None:
    assert (await service.http.get("/readyz")).json() == {"status": "ready", "bus": True, "store": True, "detail": None}
    await asyncio.to_thread(break_catalogue, tmp_path)
    answer = await service.http.get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["store"]) == (503, "degraded", False)
    assert str(tmp_path) in answer.json()["detail"]
