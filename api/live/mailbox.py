"""What waits to be sent to one WebSocket client: bounded, newest first to survive, nothing stale kept twice.

Pure: no socket, no clock. A client that reads slowly or not at all costs at most `FRAME_LIMIT` frames, `EVENT_LIMIT`
events and one status per gateway, and never makes another client wait.

Order of delivery: hello, the session that is followed, its channels, statuses, events, the count of drops, frames.
Session and channels overtake frames, which is harmless since channels are only ever added; a change of session empties
what belonged to the previous one.
"""

from collections import deque
from collections.abc import Iterable

FRAME_LIMIT = 512
"""About 3 s of a full body at 60 Hz with four topics, some 200 kB."""
FRAME_CUT = 128
"""Oldest frames that go at once when the box is full, so that a slow reader is told of losses at most this often."""
EVENT_LIMIT = 64
FIRST = ("hello", "session", "channels")
"""States that go before all others, in this order; the others are one status per gateway."""


class Mailbox:
    """Messages for one client."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._events: deque[str] = deque()
        self._frames: deque[bytes] = deque()
        self._dropped = 0
        self.taken = 0
        """Messages that were taken out."""
        self.dropped_total = 0
        """Frames and events that this client never got."""

    def __len__(self) -> int:
        return len(self._states) + len(self._events) + len(self._frames)

    def put_state(self, key: str, text: str) -> None:
        """Keep the latest text of a kind: only that one is worth sending."""
        self._states[key] = text

    def put_session(self, session: str, channels: str) -> None:
        """Follow another session: what waits of the previous one is void."""
        self._events.clear()
        self._frames.clear()
        self._states |= {"session": session, "channels": channels}

    def put_event(self, text: str) -> None:
        """Append an event; the oldest goes if there are too many."""
        if len(self._events) >= EVENT_LIMIT:
            self._events.popleft()
            self._count(1)
        self._events.append(text)

    def put_frames(self, frames: Iterable[bytes]) -> None:
        """Append frames; the oldest go if there are too many."""
        self._frames.extend(frames)
        if len(self._frames) > FRAME_LIMIT:
            excess = len(self._frames) - FRAME_LIMIT + FRAME_CUT
            for _ in range(excess):
                self._frames.popleft()
            self._count(excess)

    def take(self) -> str | bytes | None:
        """Return the next message, text or frame; None when there is nothing."""
        self.taken += 1
        if self._states:
            first = next((key for key in FIRST if key in self._states), next(iter(self._states)))
            return self._states.pop(first)
        if self._events:
            return self._events.popleft()
        if self._dropped:
            notice = f'{{"dropped":{self._dropped}}}'
            self._dropped = 0
            return notice
        return self._frames.popleft() if self._frames else None

    def _count(self, dropped: int) -> None:
        self._dropped += dropped
        self.dropped_total += dropped
