"""The host's clock: UTC that never steps back. The one place where the wall clock is read."""

import time
from collections.abc import Callable


class HostClock:
    """Nanoseconds UTC that advance with the monotonic clock, set by the wall clock once."""

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._monotonic = monotonic
        self._base = wall() - monotonic()

    def now(self) -> int:
        """Return the time [ns UTC]."""
        return self._base + self._monotonic()
