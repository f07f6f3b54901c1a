"""`python -m api` as a process: it starts without a broker, says what is wrong, and ends when told."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import websockets

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(folder: Path, variables: Mapping[str, object]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service in a folder of its own, in a session of its own, and leave nothing of it behind."""
    settings = {"KINESTREAM_HOME": folder, "PYTHONPATH": ROOT} | variables
    environment = {"PATH": os.environ["PATH"]} | {name: str(value) for name, value in settings.items()}
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api"),
        cwd=folder,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def answering(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                assert (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_it_starts_without_a_broker_and_ends_within_3_s_with_viewers(tmp_path, port, end) -> None:
    async with process(tmp_path, {"KINESTREAM_API__PORT": port, "KINESTREAM_BUS__PORT": 1}) as running:
        async with asyncio.timeout(30):
            await answering(port)
        async with websockets.connect(f"ws://127.0.0.1:{port}/api/v1/live") as live:
            await live.recv()
            begin = time.monotonic()
            running.send_signal(end)
            _, said = await running.communicate()
        assert time.monotonic() - begin < 3
    assert running.returncode in (0, -end)
    assert b"Traceback" not in said
    assert f"serving at http://127.0.0.1:{port}".encode() in said


async def test_a_token_in_an_address_is_not_logged(tmp_path, port) -> None:
    token = "correct-horse-battery"
    variables = {"KINESTREAM_API__PORT": port, "KINESTREAM_BUS__PORT": 1, "KINESTREAM_API__TOKEN": token}
    async with process(tmp_path, variables) as running:
        async with asyncio.timeout(30):
            await answering(port)
        async with websockets.connect(f"ws://127.0.0.1:{port}/api/v1/live?token={token}") as live:
            await live.recv()
        with pytest.raises(websockets.InvalidStatus):
            async with websockets.connect(f"ws://127.0.0.1:{port}/api/v1/live?token={token}x"):
                pass
        running.terminate()
        _, said = await running.communicate()
    assert token.encode() not in said


async def failed(folder: Path, variables: Mapping[str, object]) -> str:
    async with process(folder, variables) as running, asyncio.timeout(30):
        _, said = await running.communicate()
    assert running.returncode == 2
    assert said.count(b"\n") == 1, "one sentence"
    return said.decode()


async def test_a_taken_port_is_named_with_the_setting_that_chooses_another(tmp_path, port) -> None:
    with socket.create_server(("127.0.0.1", port)):
        said = await failed(tmp_path, {"KINESTREAM_API__PORT": port})
    assert f"127.0.0.1:{port}" in said
    assert "KINESTREAM_API__PORT" in said


async def test_listening_for_all_without_a_token_is_refused_with_the_way_to_set_one(tmp_path) -> None:
    assert "KINESTREAM_API__TOKEN" in await failed(tmp_path, {"KINESTREAM_API__HOST": "0.0.0.0"})


async def test_a_typo_in_the_settings_is_named(tmp_path) -> None:
    (tmp_path / "kinestream.toml").write_text("[api]\nprot = 8480\n")
    assert "prot" in await failed(tmp_path, {})


async def test_a_data_folder_that_cannot_be_used_is_named(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "KINESTREAM_HOME" in await failed(tmp_path, {"KINESTREAM_HOME": tmp_path / "file"})
