"""The WebSocket from end to end: a real broker, a real server, real clients."""

import asyncio
import itertools
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import websockets

from api.live.mailbox import EVENT_LIMIT, FRAME_LIMIT

Frame = tuple[int, float, int, tuple[float, ...]]


async def until_closed(live: websockets.ClientConnection) -> AsyncIterator[str | bytes]:
    try:
        while True:
            yield await live.recv()
    except websockets.ConnectionClosed:
        return


async def text_of(live: websockets.ClientConnection, kind: str) -> Any:
    """Return what the next control message of a kind says."""
    async for message in until_closed(live):
        if isinstance(message, str) and kind in (decoded := orjson.loads(message)):
            return decoded[kind]
    raise AssertionError(f"closed before {kind}")


async def frame_of(live: websockets.ClientConnection) -> Frame:
    """Return the next frame: sequence, time, first channel, values."""
    async for message in until_closed(live):
        if isinstance(message, bytes):
            sequence, t, first, count = struct.unpack("<IdHH", message[:16])
            return sequence, t, first, struct.unpack(f"<{count}f", message[16:])
    raise AssertionError("closed before a frame")


async def test_a_newcomer_is_told_the_session_its_channels_and_every_gateway(service, gateway) -> None:
    await gateway.rows([[1.0, 2.0]], names=["knee_flexion_left", "trunk_inclination"])
    await service.until("/metrics", lambda answer: 'topic="joints"} 1.0' in answer.text)
    async with service.live() as live:
        hello = await text_of(live, "hello")
    assert hello["session"] == "live"
    assert hello["channels"] == [
        {"index": 0, "name": "knee_flexion_left", "unit": "deg", "topic": "joints"},
        {"index": 1, "name": "trunk_inclination", "unit": "deg", "topic": "joints"},
    ]
    assert [status["gateway"] for status in hello["gateways"]] == ["local"]
    assert [sensor["id"] for sensor in hello["gateways"][0]["sensors"]] == ["thigh", "posture"]


async def test_each_row_of_a_batch_is_a_frame_at_its_own_time_with_nan_for_null(service, gateway) -> None:
    async with service.live() as live:
        await text_of(live, "hello")
        await gateway.rows([[1.0, None], [3.0, 4.0]], t0=1_700_000_000_000_000_000, dt=0.02)
        assert [entry["index"] for entry in await text_of(live, "channels")] == [0, 1]
        first, second = await frame_of(live), await frame_of(live)
    assert first[1:3] == (1_700_000_000.0, 0)
    assert first[3][0] == 1.0
    assert first[3][1] != first[3][1], "null is NaN"
    assert second == (first[0] + 1, 1_700_000_000.02, 0, (3.0, 4.0))


async def test_a_series_that_appears_later_gets_a_channel_behind_the_others(service, gateway) -> None:
    async with service.live() as live:
        await text_of(live, "hello")
        await gateway.rows([[1.0]], names=["a"])
        await frame_of(live)
        await gateway.rows([[9.0, 2.0]], names=["new", "a"])
        channels = await text_of(live, "channels")
        frame = await frame_of(live)
    assert [(entry["index"], entry["name"]) for entry in channels] == [(0, "a"), (1, "new")]
    assert frame[2:] == (0, (2.0, 9.0))


async def test_clients_of_a_session_get_the_same_frames_and_a_late_one_the_same_indexes(service, gateway) -> None:
    async with service.live() as one:
        await gateway.rows([[1.0]], names=["a"])
        await gateway.rows([[2.0]], names=["b"], topic="emg")
        await frame_of(one)
        async with service.live() as other:
            hello = await text_of(other, "hello")
            await gateway.rows([[3.0]], names=["b"], topic="emg")
            await frame_of(one)
            assert await frame_of(one) == await frame_of(other)
    assert {entry["name"]: entry["index"] for entry in hello["channels"]} == {"a": 0, "b": 1}


async def test_events_come_in_seconds_and_name_their_session(service, gateway) -> None:
    async with service.live() as live:
        await text_of(live, "hello")
        start = 1_700_000_000_500_000_000
        await gateway.send(
            "live/events", {"t": start, "end": None, "name": "slouch", "data": {"angle_deg": 31.5}}, qos=1
        )
        event = await text_of(live, "event")
    assert event == {
        "session": "live", "t": 1_700_000_000.5, "end": None, "name": "slouch", "data": {"angle_deg": 31.5},
    }  # fmt: skip


async def test_the_view_goes_along_when_a_recording_begins_and_ends(service, gateway) -> None:
    async with service.live() as live:
        await text_of(live, "hello")
        await gateway.rows([[1.0]], names=["only_live"])
        await frame_of(live)
        await gateway.status("20261122-2311-k3f9", recording=True)
        assert await text_of(live, "session") == "20261122-2311-k3f9"
        assert await text_of(live, "channels") == []
        await gateway.rows([[2.0]], names=["recorded"], session="20261122-2311-k3f9")
        assert [entry["name"] for entry in await text_of(live, "channels")] == ["recorded"]
        assert (await frame_of(live))[3] == (2.0,)
        await gateway.status("live")
        assert await text_of(live, "session") == "live"
        assert [entry["name"] for entry in await text_of(live, "channels")] == ["only_live"]


async def test_a_replay_is_followed_by_its_id_and_nothing_else_comes(service, gateway) -> None:
    async with service.live("?session=replay-1") as live:
        assert (await text_of(live, "hello"))["session"] == "replay-1"
        await gateway.rows([[1.0]], names=["from_live"])
        await gateway.rows([[2.0]], names=["from_replay"], session="replay-1")
        assert [entry["name"] for entry in await text_of(live, "channels")] == ["from_replay"]
        await gateway.status("20261122-2311-k3f9", recording=True)
        await text_of(live, "status")
        await gateway.rows([[3.0]], names=["from_replay"], session="replay-1")
        assert [(await frame_of(live))[3]] == [(3.0,)]


async def test_the_last_will_of_a_gateway_shows_its_sensors_as_lost(service, gateway) -> None:
    async with service.live() as live:
        await text_of(live, "hello")
        await gateway.send("status", {"gateway": "local", "online": False}, qos=1, retain=True)
        status = await text_of(live, "status")
    assert status["online"] is False
    assert {sensor["id"]: sensor["state"] for sensor in status["sensors"]} == {"thigh": "lost", "posture": "lost"}


async def test_what_cannot_be_read_is_counted_and_stops_nothing(service, gateway) -> None:
    async with service.live() as live:
        await text_of(live, "hello")
        for payload in (b"\xff", b"[]", b"{}", b'{"t0":1,"dt":1,"names":["a"],"values":[[[[1]]],2]}'):
            for topic in ("live/joints", "live/events", "status"):
                await gateway.client.publish(f"kinestream/v1/local/{topic}", payload)
        await gateway.rows([[7.0]])
        assert (await frame_of(live))[3] == (7.0,)
    metrics = (await service.http.get("/metrics")).text
    malformed = next(
        float(line.split()[1]) for line in metrics.splitlines() if line.startswith("kinestream_api_bus_mal")
    )
    assert malformed == 10, "all but the two statuses that are objects"


async def test_a_client_that_never_reads_neither_slows_others_nor_grows_memory(service, gateway) -> None:
    sent, wide = 6000, [0.5] * 200
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(stuck, ("127.0.0.1", service.port))
        await loop.sock_sendall(stuck, handshake(service.port))
        async with service.live(max_queue=None) as live:
            await text_of(live, "hello")
            sequences: list[int] = []
            async with asyncio.timeout(30):
                for published in range(0, sent, 20):
                    await gateway.rows([wide] * 20)
                    while len(sequences) < published - 100:  # as fast as the healthy one reads
                        sequences.append((await frame_of(live))[0])
                while len(sequences) < sent:
                    sequences.append((await frame_of(live))[0])
            metrics = (await service.http.get("/metrics")).text
        assert sequences == list(range(sent)), "the healthy client has every frame"
        dropped, waiting = (value_of(metrics, f"kinestream_api_live_{name}") for name in ("dropped_total", "waiting"))
        assert waiting <= FRAME_LIMIT + EVENT_LIMIT + 4
        assert dropped > 0
        notices, delivered = await drain(stuck)
    assert notices > 0
    assert notices + delivered == sent, "it is told of every frame that it did not get"


def value_of(metrics: str, name: str) -> float:
    return next(float(line.split()[1]) for line in metrics.splitlines() if line.startswith(f"{name} "))


def handshake(port: int) -> bytes:
    return (
        f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


async def drain(stuck: socket.socket) -> tuple[int, int]:
    """Read what a stuck client would get after all: the sum of its notices, and its number of frames."""
    loop = asyncio.get_running_loop()
    data = bytearray()
    try:
        while True:
            data += await asyncio.wait_for(loop.sock_recv(stuck, 1 << 20), 0.5)
    except TimeoutError:
        pass
    at = data.index(b"\r\n\r\n") + 4
    dropped = frames = 0
    while at < len(data):
        opcode, length = data[at] & 15, data[at + 1]
        at += 2
        if length == 126:
            length = int.from_bytes(data[at : at + 2], "big")
            at += 2
        if opcode == 2:
            frames += 1
        elif opcode == 1 and data[at : at + 10] == b'{"dropped"':
            dropped += orjson.loads(data[at : at + length])["dropped"]
        at += length
    return dropped, frames


async def test_a_service_without_a_broker_waits_for_it_and_comes_back_after_a_restart(
    serve, port, run_broker, publisher
) -> None:
    async with serve(port) as service, service.live() as live:
        assert (await text_of(live, "hello"))["session"] is None
        away = await service.http.get("/readyz")
        assert (away.status_code, away.json()["bus"], away.json()["store"]) == (503, False, True)
        assert f"127.0.0.1:{port}" in away.json()["detail"]
        for _ in range(2):
            async with run_broker(port):
                await service.until("/readyz", lambda answer: answer.status_code == 200)
                async with publisher(port) as gateway:
                    await gateway.status()
                    while not (await text_of(live, "status"))["online"]:
                        pass
                    await gateway.rows([[5.0]])
                    assert (await frame_of(live))[3] == (5.0,)
            await service.until("/readyz", lambda answer: answer.status_code == 503)
            assert (await text_of(live, "status"))["online"] is False


async def test_clients_that_come_and_go_leave_nothing_behind(service, gateway) -> None:
    for query in itertools.islice(itertools.cycle(["", "?session=live", "?session=other", "?gateway=none"]), 40):
        async with service.live(query) as live:
            await text_of(live, "hello")
    await service.until("/metrics", lambda answer: value_of(answer.text, "kinestream_api_live_clients") == 0)
    await asyncio.sleep(0.05)
    live_tasks = [task for task in asyncio.all_tasks() if "_write" in repr(task.get_coro())]
    assert live_tasks == []


@pytest.mark.parametrize("said", ["text", b"bytes"])
async def test_a_client_that_talks_is_not_listened_to_and_one_that_floods_is_closed(service, gateway, said) -> None:
    async with service.live() as live:
        await text_of(live, "hello")
        await live.send(said)
        await gateway.rows([[1.0]])
        await frame_of(live)
        await live.send(said * 5000)
        with pytest.raises(AssertionError, match="closed"):
            await text_of(live, "nothing of the kind")
        assert live.close_code == 1009
