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
