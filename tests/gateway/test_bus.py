"""The bus of one process: messages there and back, a broker that comes and goes, connections that are none."""

import asyncio
import gc
import json
import socket
from dataclasses import replace

import numpy as np
import pytest

from fusion.estimates import Batch, Event
from gateway.bus.broker import PortTaken, embedded_broker
from gateway.bus.client import BusClient
from gateway.bus.messages import Outgoing, batch_message, decode, event_message
from gateway.queues import DropOldest
from gateway.settings import BusSettings
from gateway.tasks import end

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def listener(port: int) -> tuple[BusClient, list[tuple[str, bytes]]]:
    heard: list[tuple[str, bytes]] = []
    client = BusClient(BusSettings(port=port), f"listener-{port}", (("k/#", 1),), lambda *what: heard.append(what))
    return client, heard


async def until(condition, seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another task
            await asyncio.sleep(0.02)


async def test_a_client_comes_back_with_its_subscriptions_when_the_broker_does():
    port = free_port()
    client, heard = listener(port)
    running = asyncio.create_task(client.run())
    try:
        async with embedded_broker(port):
            await until(lambda: client.connected)
            client.publish(Outgoing("k/a", b"1", qos=1))
            await until(lambda: heard == [("k/a", b"1")])
        await until(lambda: not client.connected)
        assert str(port) in str(client.problem)
        client.publish(Outgoing("k/a", b"2", qos=1))
        async with embedded_broker(port):
            await until(lambda: heard[-1] == ("k/a", b"2"))
            assert client.problem is None
    finally:
        await end([running])


async def test_a_full_outbox_forgets_the_oldest_and_counts():
    client, _ = listener(free_port())
    for number in range(1500):
        client.publish(Outgoing("k/a", b"%d" % number))
    assert len(client.outbox) == 1000
    assert client.outbox.dropped == 500
    assert (await client.outbox.get()).payload == b"500"


async def test_the_broker_says_which_port_is_taken_and_what_to_do():
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"{port}.*KINESTREAM_BUS__PORT"):
            async with embedded_broker(port):
                pass


async def test_connections_that_never_speak_are_closed_and_the_broker_goes_on():
    port = free_port()
    client, heard = listener(port)
    async with embedded_broker(port):
        for greeting in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff", bytes(64)):
            with socket.create_connection((HOST, port)) as stranger:
                stranger.sendall(greeting)
            await asyncio.sleep(0.05)
        gc.collect()  # a forgotten socket would warn here, and a warning is an error
        running = asyncio.create_task(client.run())
        await until(lambda: client.connected)
        client.publish(Outgoing("k/b", b"still here", qos=1))
        await until(lambda: ("k/b", b"still here") in heard)
        await end([running])


def batch() -> Batch:
    t = np.array([10, 20], np.int64) * 10_000_000
    return Batch("joints", t, 10_000_000, ("a", "b"), ("deg", "V"), np.array([[1.25, np.nan], [2.0, 1e-5]]))


def test_a_batch_is_written_as_the_protocol_says():
    message = batch_message("local", "live", batch())
    assert message.topic == "kinestream/v1/local/live/joints"
    written = json.loads(message.payload)
    assert written.pop("values") == [[1.25, None], [2.0, pytest.approx(1e-5)]]
    assert written == {"t0": 100_000_000, "dt": 0.01, "names": ["a", "b"], "units": ["deg", "V"]}


def test_small_voltages_keep_their_digits():
    tiny = replace(batch(), values=np.array([[1.234567e-6, 2.5e-7], [0.0, 1.0]]))
    values = json.loads(batch_message("local", "live", tiny).payload)["values"]
    assert values[0] == pytest.approx([1.234567e-6, 2.5e-7], rel=1e-5)


def test_an_event_is_written_as_the_protocol_says():
    message = event_message("local", "s1", Event(5, "rep", 9, {"series": "knee_flexion_left"}))
    assert message.topic == "kinestream/v1/local/s1/events"
    assert decode(message.payload) == {"t": 5, "end": 9, "name": "rep", "data": {"series": "knee_flexion_left"}}


@pytest.mark.parametrize("junk", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_junk_on_the_bus_is_nothing(junk):
    assert decode(junk) is None


async def test_a_queue_wakes_its_reader_and_keeps_order():
    queue: DropOldest[int] = DropOldest(3)
    reader = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    for number in range(5):
        queue.put(number)
    assert await reader == 2
    assert queue.take_all() == [3, 4]
    assert queue.dropped == 2
