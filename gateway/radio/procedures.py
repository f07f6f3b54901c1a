"""How to wait for Bumble without being harmed by its ways.

Bumble cancels the future of a pending request when the link drops, which would look as if the *caller* had been
cancelled; a request that is sent after the loss is never answered. And a request that its caller gives up must still
run to its end: ATT and HCI answer in order, so an answer that nobody awaits would be taken for that of the next one.
Moreover Bumble waits by `asyncio.wait_for`, which before Python 3.12 can swallow a cancellation. So each of its
procedures gets a task of its own.
"""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import att, core, hci

T = TypeVar("T")

FAREWELL_S = 1.0
"""How long to wait at the end for procedures that were cancelled."""


class Procedures:
    """Bumble's procedures under way on one radio, whether or not somebody still waits for them."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()

    async def run(self, procedure: Coroutine[object, object, T], gone: asyncio.Future[str]) -> T:
        """Return what the procedure returns, or raise `BleakError` as soon as the link or the adapter is gone.

        gone: done, with a sentence, once no answer can come any more.
        """
        if gone.done():
            procedure.close()
            raise BleakError(gone.result())
        task = self.start(procedure)
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        return outcome(task, gone)

    def start(self, procedure: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Let a procedure run in a task that is looked after."""
        task = asyncio.create_task(procedure)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return task

    async def close(self) -> None:
        """Cancel what is still under way and wait for it."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=FAREWELL_S)

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen: its caller may have given up waiting


def outcome(task: asyncio.Task[T], gone: asyncio.Future[str]) -> T:
    """Return the result of a task that has ended, or raise `BleakError`; without one, the task is ended."""
    if not task.done() or task.cancelled():
        task.cancel()
        raise BleakError(gone.result() if gone.done() else "the link was lost during a request")
    try:
        return task.result()
    except att.ATT_Error as error:
        raise BleakGATTProtocolError(error.error_code) from error
    except (core.BaseBumbleError, hci.HCI_Error) as error:
        raise BleakError(str(error) or repr(error)) from error
