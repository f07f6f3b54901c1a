"""What a home for derived series can do, whichever it is; and the small records that describe a session.

Times are int64 nanoseconds UTC everywhere here; callers turn them into seconds from the start.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Batch, Event, Topic

SessionState = Literal["recording", "complete", "interrupted"]
SessionKind = Literal["live", "import", "replay"]


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A row of the catalogue."""

    id: str
    title: str
    subject: str | None
    kind: SessionKind
    state: SessionState
    started: int
    """[ns UTC]"""
    ended: int | None
    """[ns UTC]; None while recording."""
    gateway: str
    version: str
    """Of the pipeline that computed the stored series."""
    origin: str | None = None
    """The session a replay plays, or the path an import came from."""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """One stored series of a session."""

    name: str
    topic: Topic
    unit: str
    rate_hz: float
    count: int
    first: int
    last: int
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class SeriesData:
    """Points of one series. Either `value`, or `minimum` and `maximum` per bucket where points were asked to be few."""

    name: str
    unit: str
    t: NDArray[np.int64]
    value: NDArray[np.float64] | None = None
    minimum: NDArray[np.float64] | None = None
    maximum: NDArray[np.float64] | None = None


class SeriesHome(Protocol):
    """Derived series and events of sessions; SQLite and InfluxDB both offer this."""

    def write(self, session: str, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        """Store rows durably before returning."""
        ...

    def series(self, session: str) -> list[SeriesInfo]:
        """List what is stored of a session."""
        ...

    def read(
        self, session: str, name: str, start: int | None = None, stop: int | None = None, max_points: int | None = None
    ) -> SeriesData:
        """Return a series from start (inclusive) to stop (exclusive); raises `LookupError` if it is unknown."""
        ...

    def events(self, session: str, start: int | None = None, stop: int | None = None) -> Iterator[Event]:
        """Return the events that begin in the interval, in order of time."""
        ...
