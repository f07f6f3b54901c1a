"""The host's clock: UTC that never steps back. The one place where the wall clock is read."""

import time
from collections.abc import Callable


class HostClock:
    """Nanoseconds UTC that advance with the monotonic clock, set by the wall clock once."""

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._base = 0
        self.set()

    def set(self) -> None:
        """Take the wall clock's time anew; only while nothing depends on the old one."""
        self._base = self._wall() - self._monotonic()

    def now(self) -> int:
        """Return the time [ns UTC]."""
        return self._base + self._monotonic()
