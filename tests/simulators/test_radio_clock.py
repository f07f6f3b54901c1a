"""The virtual clock jumps to the next timer, keeps their order, repeats exactly and waits for threads."""

import asyncio
import time

import pytest

from simulators.clock import run_virtual


def test_an_hour_passes_at_once():
    async def scenario():
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    before = time.perf_counter()
    assert run_virtual(scenario()) == pytest.approx(3600)
    assert time.perf_counter() - before < 5


def test_timers_fire_in_order_at_their_times():
    async def scenario():
        loop, fired = asyncio.get_running_loop(), []
        for delay in (3.0, 1.0, 2.5):
            loop.call_later(delay, lambda: fired.append(loop.time()))
        await asyncio.sleep(4)
        return fired

    assert run_virtual(scenario()) == pytest.approx([1.0, 2.5, 3.0])


def test_timeouts_count_virtual_time():
    async def scenario():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == pytest.approx(30)


def test_work_in_a_thread_takes_no_virtual_time():
    async def scenario():
        async with asyncio.timeout(0.01):
            await asyncio.to_thread(time.sleep, 0.1)
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == 0.0


def test_sockets_work_on_virtual_time():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()

    async def scenario():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
        return line

    assert run_virtual(scenario()) == b"hello\n"


def test_every_run_starts_at_zero_and_ends_its_tasks():
    async def scenario():
        leftover = asyncio.create_task(asyncio.sleep(1e6))
        await asyncio.sleep(1)
        return asyncio.get_running_loop().time(), leftover

    for _ in range(2):
        at, leftover = run_virtual(scenario())
        assert at == 1.0
        assert leftover.cancelled()
