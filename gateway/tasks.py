"""Ending tasks for good, and threads that outlive nobody who asked them.

Before Python 3.12 `asyncio.wait_for`, which aiomqtt uses, can swallow a cancellation.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")

AGAIN_S = 0.1
"""A task that has not ended by then is cancelled again [s]."""


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended; their own errors stay theirs to report."""
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=AGAIN_S)


def obey_cancellation(error: BaseException) -> None:
    """Raise `CancelledError` if this task is being cancelled and an error of what it was leaving came in between."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


async def in_thread(work: Callable[[], Result]) -> Result:
    """Return what work returns in a thread; if cancelled, leave only once the thread is done with what it uses."""
    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        running.exception()  # of a thread that nobody waits for any more
        raise
