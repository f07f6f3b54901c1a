"""Ending tasks for good: before Python 3.12 `asyncio.wait_for`, which aiomqtt uses, can swallow a cancellation."""

import asyncio
from collections.abc import Iterable

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
