"""The queue between a producer that must not wait and a sink that may be slow: bounded, and it says what it lost."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class DropOldest(Generic[T]):
    """A bounded queue for one reader that makes room by forgetting the oldest item."""

    def __init__(self, limit: int) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._filled = asyncio.Event()
        self.dropped = 0
        """Items forgotten so far."""

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add an item; never waits."""
        if len(self._items) >= self._limit:
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)
        self._filled.set()

    async def get(self) -> T:
        """Wait for the oldest item and take it."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        return self._items.popleft()

    def take_all(self) -> list[T]:
        """Take what is there, now."""
        items = list(self._items)
        self._items.clear()
        return items
