"""Moments and stretches of recorded sessions as callers name them: seconds from the start, or ISO 8601.

Pure: the store is read by the routes.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.store.interface import SeriesInfo

SECOND = 1_000_000_000
LONGEST_S = 1e9
"""Seconds from the start beyond which a number is a mistake, perhaps a Unix time in ms."""
FIRST_NS, LAST_NS = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a session, [start, stop) in ns UTC; None is open."""

    start: int | None
    stop: int | None

    def __post_init__(self) -> None:
        if self.start is not None and self.stop is not None and self.stop <= self.start:
            raise ValueError("it must be later than from")


def moment(text: str, started: int) -> int:
    """Return the time that a caller means [ns UTC].

    Args:
        text: Seconds from the session's start, or ISO 8601 with a time zone.
        started: The session's start [ns UTC].

    Raises:
        ValueError: It is neither; the message completes `The parameter from: ...`.
    """
    try:
        seconds = float(text)
    except ValueError:
        return _absolute(text)
    if not abs(seconds) <= LONGEST_S:
        raise ValueError(f"{text} is not a number of seconds from the session's start")
    return _clamped(started + round(seconds * SECOND))


def _absolute(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither seconds from the session's start nor ISO 8601 such as 2026-11-22T23:19:05Z "
            "(in an address, write + as %2B)"
        ) from None
    if when.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: append Z for UTC")
    since = when - datetime(1970, 1, 1, tzinfo=UTC)
    return _clamped((since.days * 86400 + since.seconds) * SECOND + since.microseconds * 1000)


def _clamped(t: int) -> int:
    return min(max(t, FIRST_NS), LAST_NS)


def iso(t: int) -> str:
    """Return a time [ns UTC] as ISO 8601 with milliseconds."""
    when = datetime.fromtimestamp(t // SECOND, UTC).replace(microsecond=t % SECOND // 1000)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(t: int, started: int) -> float:
    """Return a time [ns UTC] as seconds from the session's start."""
    return (t - started) / SECOND


def finite(value: float) -> float | None:
    """Return a number that JSON can say, None for one that it cannot."""
    return value if math.isfinite(value) else None


def points_in(series: SeriesInfo, stretch: Stretch) -> int:
    """Estimate how many points of a series lie in a stretch, never fewer than there are at its nominal rate."""
    first = max(series.first, stretch.start if stretch.start is not None else FIRST_NS)
    last = min(series.last, stretch.stop if stretch.stop is not None else LAST_NS)
    return max(0, min(series.count, math.ceil((last - first) / SECOND * series.rate_hz) + 1))
