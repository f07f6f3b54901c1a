"""Metrics, quality and exports: computed in a worker process, from the same code as the command line."""

import asyncio
import io
import json
import os
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fusion.estimates import Batch
from gateway.analysis import analyse
from gateway.records import Control
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo

START = 1_763_853_064_000_000_000
INFO = SessionInfo("20251122-2311-k3f9", "Squats", None, "live", "recording", START, None, "local", "0.1")
PATH = f"/api/v1/sessions/{INFO.id}"


def record(root: Path) -> None:
    t = START + np.arange(60, dtype=np.int64) * 20_000_000
    values = np.column_stack([np.linspace(0, 90, 60), np.full(60, np.nan)])
    writer = SqliteHome(root).create(INFO)
    writer.append([Control(START, "sensor", "thigh", {"model": "movella_dot", "name": "thigh"})])
    writer.write([Batch("joints", t, 20_000_000, ("knee_flexion_left", "knee_flexion_right"), ("deg", "deg"), values)])
    writer.close("complete")


@pytest.fixture
async def recorded(tmp_path: Path) -> None:
    await asyncio.to_thread(record, tmp_path)


async def test_the_results_are_those_of_analyse_and_come_at_once_the_second_time(service, recorded, tmp_path) -> None:
    begin = time.monotonic()
    asked = [service.http.get(f"{PATH}/metrics", timeout=60) for _ in range(3)]
    answers = await asyncio.gather(*asked)
    first = time.monotonic() - begin
    expected = await asyncio.to_thread(lambda: analyse(SqliteHome(tmp_path), INFO.id))
    for answer in answers:
        assert answer.json() == {"metrics": expected["metrics"], "quality": expected["quality"]}
    assert answers[0].json()["quality"]["thigh"]["verdict"] == "poor"
    begin = time.monotonic()
    await service.http.get(f"{PATH}/metrics")
    assert time.monotonic() - begin < first / 3, "remembered"


async def test_the_loop_serves_others_while_results_are_computed(service, recorded) -> None:
    computing = asyncio.create_task(service.http.get(f"{PATH}/metrics", timeout=60))
    longest, served, start = 0.0, 0, time.monotonic()
    while not computing.done():
        begin = time.monotonic()
        assert (await service.http.get("/healthz")).status_code == 200
        longest, served = max(longest, time.monotonic() - begin), served + 1
    assert served > 20
    assert longest < (time.monotonic() - start) / 2, "loading compiled kernels in this process would stop it"
    assert (await computing).status_code == 200


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_the_export_is_an_archive_of_the_tables(service, recorded, form) -> None:
    answer = await service.http.get(f"{PATH}/export?format={form}", timeout=60)
    assert answer.headers["content-type"] == "application/zip"
    assert f'filename="{INFO.id}_{form}.zip"' in answer.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert {f"joints.{form}", f"events.{form}", "metadata.json"} <= set(archive.namelist())
    assert json.loads(archive.read("metadata.json"))["session"] == INFO.id
    if form == "csv":
        lines = archive.read("joints.csv").decode().splitlines()
        assert lines[0] == "t,knee_flexion_left,knee_flexion_right"
        assert len(lines) == 61
        assert lines[1].endswith(","), "a missing value is empty"


async def test_an_unknown_form_or_session_is_named(service, recorded) -> None:
    form = await service.http.get(f"{PATH}/export?format=xlsx")
    assert (form.status_code, form.json()["detail"][:22]) == (422, "The parameter format: ")
    session = await service.http.get("/api/v1/sessions/nothing/export")
    assert session.status_code == 404


async def test_an_export_leaves_no_file_behind(service, recorded, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    await service.http.get(f"{PATH}/export", timeout=60)
    async with asyncio.timeout(5):
        while list(folder.iterdir()):  # noqa: ASYNC110 - removed after the answer, by the server
            await asyncio.sleep(0.02)


async def test_a_worker_that_dies_is_reported_and_replaced(service, recorded) -> None:
    computing = asyncio.create_task(service.http.get(f"{PATH}/metrics", timeout=60))
    async with asyncio.timeout(20):
        while not (workers := await asyncio.to_thread(worker_processes)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    answer = await computing
    assert answer.status_code == 503
    assert "ask again" in answer.json()["detail"]
    assert (await service.http.get(f"{PATH}/metrics", timeout=60)).status_code == 200


def worker_processes() -> list[int]:
    """Return the ids of the worker processes that this process started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True)
    lines = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, parent, command in lines if int(parent) == os.getpid() and "anyio.to_process" in command]
