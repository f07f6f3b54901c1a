"""What `kinestream record` does: asks a running gateway to record, and to stop."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable

from api.bus import Bus, CommandFailed
from api.commands.terminal import Problem, progress_bar, screen
from gateway.hosttime import HostClock
from gateway.settings import BusSettings, Settings
from gateway.tasks import end

REACH_S = 3.0
"""A broker on this machine or in this house answers within [s]."""


async def record_visit(settings: Settings, title: str, subject: str | None, seconds: float | None) -> str:
    """Record until Ctrl-C or for so long; returns the session's id.

    Raises:
        Problem: No gateway answers, or it refuses.
    """
    gateway = settings.gateway.id
    stop = _stop_signal()
    async with connected(settings.bus) as bus:
        try:
            answer = await bus.ask(gateway, "record", {"title": title, "subject": subject})
            session = str(answer["session"])
            screen.print(f"recording {session}; Ctrl-C stops it")
            with progress_bar("recording") as progress:
                await _until(stop, seconds, progress)
            await bus.ask(gateway, "stop", {})
        except CommandFailed as failure:
            raise Problem(str(failure)) from None
        return session


@contextlib.asynccontextmanager
async def connected(
    settings: BusSettings, receive: Callable[[str, bytes], None] = lambda *_: None
) -> AsyncIterator[Bus]:
    """Reach the bus that a running gateway is on.

    receive: Takes topic and payload of what is published there.

    Raises:
        Problem: There is none.
    """
    bus = Bus(settings, receive, lambda: None)
    talking = asyncio.create_task(bus.run())
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REACH_S):
                while bus.problem:  # noqa: ASYNC110 - a moment, once
                    await asyncio.sleep(0.05)
        if bus.problem:
            raise Problem(f"no gateway can be reached at {bus.where}: start one with `kinestream serve`")
        yield bus
    finally:
        await end([talking])


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    return stop


async def _until(stop: asyncio.Event, seconds: float | None, progress: Callable[[float], None]) -> None:
    """Wait for the signal, or for the time to pass."""
    clock = HostClock()
    began = clock.now()
    while not stop.is_set() and (seconds is None or clock.now() - began < seconds * 1e9):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await stop.wait()
        if seconds:
            progress((clock.now() - began) / 1e9 / seconds)
