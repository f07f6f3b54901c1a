"""An event loop whose time jumps to the next timer, so that minutes of radio traffic take a second and repeat exactly.

`loop.time()` is the only clock: nothing below reads another one. Work in threads takes no virtual time: while an
executor is busy the loop waits for it and does not jump.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

THREAD_POLL_S = 0.05
"""Real time between looks at a busy executor."""


class JumpingSelector(selectors.DefaultSelector):
    """Reports what is ready, and skips the time until the next timer when nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.busy = 0
        """Executor jobs under way."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; `timeout` passes at once unless threads work or there is no timer at all."""
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            if self.busy:
                return super().select(THREAD_POLL_S)
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, starting at 0 s."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time [s]."""
        return self._jumping.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run in a thread as usual, and hold the clock meanwhile."""
        self._jumping.busy += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._rested)
        return future

    def _rested(self, _future: asyncio.Future[Any]) -> None:
        self._jumping.busy -= 1


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a virtual clock of its own, and return what it returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
