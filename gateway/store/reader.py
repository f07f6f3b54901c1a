"""Reads one session, also while another process writes it.

A block or a second that is cut or corrupt does not raise: it is left out and listed in `damaged`. Only where the lists
of series or events themselves are broken, `UnreadableSession` says so.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fusion.estimates import Batch, Event, Json, Topic
from gateway.records import Control, Record
from gateway.store import schema
from gateway.store.damage import Damage
from gateway.store.interface import SeriesData, SeriesInfo, SessionInfo
from gateway.store.record_reader import RecordReader
from gateway.store.sensor_use import SensorUse, sensors_of
from gateway.store.series_reader import SeriesReader


class UnknownSeries(LookupError):
    """The session has no series of this name."""

    def __init__(self, session: str, name: str, known: list[str]) -> None:
        listed = ", ".join(known[:40]) if known else "none yet"
        super().__init__(f"session {session} has no series {name}; it has: {listed}")
        self.session = session
        self.name = name


class SessionReader:
    """One session's records, series and events; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises `UnreadableSession`."""
        self.path = path
        self.damaged: list[Damage] = []
        """What could not be read so far."""
        self._db = schema.open_file(path)
        self._recording = RecordReader(self._db, self.damaged)
        self._results = SeriesReader(self._db, self.damaged)

    def __enter__(self) -> "SessionReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def info(self) -> SessionInfo:
        """The description that the file holds now."""
        return schema.session_info(self._db)

    @property
    def settings(self) -> Mapping[str, Json]:
        """The parameters of the pipeline that computed, or is computing, the series."""
        value = schema.meta(self._db, "settings")
        return value if isinstance(value, dict) else {}

    def last_time(self) -> int | None:
        """Return the time of the last record or row [ns UTC], or None of an empty session."""
        return schema.last_time(self._db)

    def records(self) -> Iterator[Record]:
        """Yield all records in the order in which they were appended."""
        return self._recording.records()

    def controls(self) -> Iterator[Control]:
        """Yield the controls alone; blocks without any are not opened."""
        return self._recording.controls()

    def sensors(self) -> list[SensorUse]:
        """List the sensors as they were last described and placed."""
        return sensors_of(self.controls())

    def series(self) -> list[SeriesInfo]:
        """List the stored series in order of topic and name."""
        with self._readable():
            return self._results.series()

    def read(
        self, name: str, start: int | None = None, stop: int | None = None, max_points: int | None = None
    ) -> SeriesData:
        """Return a series from start (inclusive) to stop (exclusive); raises `UnknownSeries`.

        With fewer `max_points` than there are points, minimum and maximum per bucket come instead of the values.
        """
        with self._readable():
            found = self._results.read(name, start, stop, max_points)
        if found is None:
            raise UnknownSeries(self.info.id, name, [info.name for info in self.series()])
        return found

    def columns(self, topic: Topic) -> list[tuple[str, str]]:
        """List name and unit of the series of a topic, in the order in which they first came."""
        with self._readable():
            return self._results.columns(topic)

    def batches(self, topic: Topic) -> Iterator[Batch]:
        """Yield the stored rows of a topic in order of time, one second at most at a time."""
        with self._readable():
            yield from self._results.batches(topic)

    def events(self, start: int | None = None, stop: int | None = None) -> Iterator[Event]:
        """Yield the events that begin in the interval, in order of time."""
        with self._readable():
            yield from self._results.events(start, stop)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say of a file that is broken where nothing can be left out that it cannot be read."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise schema.UnreadableSession(
                self.path, f"{error}; its recording may be whole: analyse it again"
            ) from error
