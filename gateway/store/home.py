"""The embedded home of sessions: one folder with a catalogue and one file per session.

<root>/catalogue.db
<root>/sessions/<id>.db         the session; <id>.db-wal and <id>.db-shm beside it while it is open
<root>/sessions/.<id>.lock      held by its writer
<root>/sessions/<id>.part       an import in the making, which nobody sees
"""

import difflib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fusion.estimates import Batch, Event, Json
from gateway.hosttime import HostClock
from gateway.store import schema
from gateway.store.catalogue import Catalogue
from gateway.store.claim import is_claimed
from gateway.store.interface import SeriesData, SeriesInfo, SessionInfo
from gateway.store.normalisers import Normaliser, normalisers_of
from gateway.store.reader import SessionReader
from gateway.store.schema import UnreadableSession
from gateway.store.sensor_use import SensorUse
from gateway.store.session_file import SessionWriter, lock_path

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""In order, without those that are easily taken for one another; 31, one for two seconds each of a minute."""


class UnknownSession(LookupError):
    """There is no session of this id."""

    def __init__(self, session: str, close: Sequence[str]) -> None:
        hint = f"did you mean {' or '.join(close)}?" if close else "`kinestream sessions` lists those there are"
        super().__init__(f"there is no session {session}: {hint}")
        self.session = session
        self.close = tuple(close)


class SqliteHome:
    """Sessions below one folder; any number of processes may use it at once."""

    def __init__(self, root: Path, catalogue_url: str | None = None) -> None:
        """Open the home and make its folders; raises `OSError` where that cannot be.

        Args:
            catalogue_url: A database that several machines share; None: the file in the folder.
        """
        self.root = root
        self._sessions = root / "sessions"
        self._sessions.mkdir(parents=True, exist_ok=True)
        self.catalogue = Catalogue(catalogue_url or f"sqlite:///{(root / 'catalogue.db').resolve()}")

    def __enter__(self) -> "SqliteHome":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the catalogue."""
        self.catalogue.close()

    # Making sessions

    def new_id(self, started: int | None = None) -> str:
        """Return a free id that sorts by time, such as 20261122-2311-k3f9: UTC, and the seconds in the first letter.

        Args:
            started: When the session begins [ns UTC]; None: now.
        """
        moment = datetime.fromtimestamp((HostClock().now() if started is None else started) // schema.SECOND, UTC)
        while True:
            tail = LETTERS[moment.second // 2] + "".join(secrets.choice(LETTERS) for _ in range(3))
            session = f"{moment:%Y%m%d-%H%M}-{tail}"
            if not self.path(session).exists():
                return session

    def create(self, info: SessionInfo, settings: Mapping[str, Json] | None = None) -> SessionWriter:
        """Begin a session; raises `FileExistsError` if there is one of this id, `OSError` if the disk refuses.

        Args:
            settings: The parameters of the pipeline that will compute its series.
        """
        writer = SessionWriter.create(self.path(info.id), info, settings, self._closed)
        try:
            self.catalogue.put(info)
        except OSError:
            writer.abandon()
            self._unlink(self.path(info.id))
            raise
        return writer

    def reopen(self, session: str) -> SessionWriter:
        """Go on writing a session, to add or replace its estimates; raises `LookupError`, `Claimed`."""
        return SessionWriter.reopen(self._existing(session), self._closed)

    @contextmanager
    def building(self, info: SessionInfo, settings: Mapping[str, Json] | None = None) -> Iterator[SessionWriter]:
        """Write a session that is there as a whole afterwards, or not at all."""
        self._sweep()
        path, part = self.path(info.id), self._sessions / f"{info.id}.part"
        writer = SessionWriter.create(part, info, settings)
        try:
            yield writer
            final = writer.close("complete")
            part.rename(path)
            self._closed(final, writer.sensors())
        except BaseException:
            writer.abandon()
            self._unlink(part)
            raise

    def describe(self, session: str, title: str, subject: str | None) -> SessionInfo:
        """Change title and subject, also while the session is being recorded."""
        db = schema.connect(self._existing(session))
        with db:
            info = replace(schema.session_info(db), title=title, subject=subject)
            schema.put_meta(db, "info", info)
        db.close()
        self.catalogue.put(info)
        return info

    def discard(self, session: str) -> None:
        """Delete a session for good; raises `LookupError`, `Claimed`."""
        path = self._existing(session)
        SessionWriter.reopen(path).abandon()
        self.catalogue.remove(session)
        self._unlink(path)

    # Finding sessions

    def path(self, session: str) -> Path:
        """Return where the file of a session is, or would be; raises `UnknownSession` if the id cannot be one."""
        if not ID.fullmatch(session):
            raise UnknownSession(session, ())
        return self._sessions / f"{session}.db"

    def open(self, session: str) -> SessionReader:
        """Open a session to read; raises `UnknownSession` with similar ids, `UnreadableSession`."""
        return SessionReader(self._existing(session))

    def sessions(
        self, q: str = "", limit: int = 50, offset: int = 0, subject: str | None = None
    ) -> tuple[list[SessionInfo], int]:
        """Return a page of sessions, the latest first, and how many there are in all: see `Catalogue.find`."""
        return self.catalogue.find(q, limit, offset, subject)

    def interrupted(self) -> list[SessionInfo]:
        """Return the sessions in this folder that were being recorded and that nobody writes any more."""
        return [
            info
            for info in self.catalogue.in_state("recording")
            if self.path(info.id).exists() and not is_claimed(lock_path(self.path(info.id)))
        ]

    def recover(self, session: str) -> SessionInfo:
        """Close a session whose gateway was killed: it ends with its last record.

        One whose file cannot be read is marked as interrupted all the same, and left as it is.
        """
        try:
            writer = SessionWriter.reopen(self._existing(session), self._closed)
        except UnreadableSession:
            info = self.catalogue.get(session)
            if info is None:
                raise
            self.catalogue.put(replace(info, state="interrupted"))
            return replace(info, state="interrupted")
        return writer.close("interrupted")

    def normalisers(self, session: str) -> list[Normaliser]:
        """Return what the muscles of a session were normalised by, known from its end on; raises `UnknownSession`."""
        self._existing(session)
        return self.catalogue.normalisers(session)

    # Series: see `gateway.store.interface.SeriesHome`

    def write(self, session: str, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        """Store rows durably before returning; whoever records the session writes through its `SessionWriter`."""
        writer = self.reopen(session)
        try:
            writer.write(batches, events)
        finally:
            writer.close(None)

    def series(self, session: str) -> list[SeriesInfo]:
        """List what is stored of a session."""
        with self.open(session) as reader:
            return reader.series()

    def read(
        self, session: str, name: str, start: int | None = None, stop: int | None = None, max_points: int | None = None
    ) -> SeriesData:
        """Return a series from start (inclusive) to stop (exclusive); raises `LookupError` if it is unknown."""
        with self.open(session) as reader:
            return reader.read(name, start, stop, max_points)

    def events(self, session: str, start: int | None = None, stop: int | None = None) -> Iterator[Event]:
        """Return the events that begin in the interval, in order of time."""
        with self.open(session) as reader:
            yield from reader.events(start, stop)

    def _existing(self, session: str) -> Path:
        path = self.path(session)
        if not path.exists():
            known = {found.stem for found in self._sessions.glob("*.db")}
            raise UnknownSession(session, difflib.get_close_matches(session, sorted(known), 2, 0.7))
        return path

    def _closed(self, info: SessionInfo, sensors: Sequence[SensorUse]) -> None:
        self.catalogue.put(info)
        self.catalogue.put_sensors(info.id, sensors)
        try:
            with self.open(info.id) as reader:
                found = normalisers_of(reader.events(), reader.settings)
        except UnreadableSession:
            return  # its events are lost; whoever opens it is told
        self.catalogue.put_normalisers(info.id, found)

    def _sweep(self) -> None:
        """Remove what imports left that were killed."""
        for part in self._sessions.glob("*.part"):
            if not is_claimed(lock_path(part)):
                self._unlink(part)

    def _unlink(self, path: Path) -> None:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", lock_path(path).name):
            (self._sessions / name).unlink(missing_ok=True)
