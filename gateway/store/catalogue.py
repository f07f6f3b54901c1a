"""The catalogue: which sessions there are, of whom, and which sensors were worn where.

SQLite by default, any database that SQLAlchemy speaks where several machines share it. Several processes use it at
once; every call is one short transaction. The files of the sessions hold all of this too, so a lost catalogue costs
the list, not the data.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import JSON, BigInteger, Engine, ForeignKey, Select, create_engine, event, func, or_, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.schema import CreateIndex, CreateTable

from fusion.estimates import Json
from gateway.store.interface import SessionInfo, SessionKind, SessionState
from gateway.store.normalisers import Normaliser
from gateway.store.sensor_use import SensorUse

BUSY_TIMEOUT_MS = 10_000
"""How long SQLite waits for another process's transaction."""


class CatalogueProblem(OSError):
    """The catalogue could not be read or written."""


class Base(DeclarativeBase):
    """What the tables have in common."""

    type_annotation_map = {int: BigInteger, Mapping[str, str]: JSON, Mapping[str, Json]: JSON, list[float]: JSON}  # noqa: RUF012  (SQLAlchemy's own declaration)


class SubjectRow(Base):
    """A person, by the label under which the sessions know them."""

    __tablename__ = "subject"
    label: Mapped[str] = mapped_column(primary_key=True)
    note: Mapped[str] = mapped_column(default="")


class SessionRow(Base):
    """One `SessionInfo`."""

    __tablename__ = "session"
    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    subject: Mapped[str | None] = mapped_column(ForeignKey("subject.label"), index=True)
    kind: Mapped[SessionKind]
    state: Mapped[SessionState] = mapped_column(index=True)
    started: Mapped[int] = mapped_column(index=True)
    ended: Mapped[int | None]
    gateway: Mapped[str]
    version: Mapped[str]
    origin: Mapped[str | None]
    placements: Mapped[list["PlacementRow"]] = relationship(
        cascade="all, delete-orphan", order_by="PlacementRow.sensor"
    )
    normalisers: Mapped[list["MvcRow"]] = relationship(cascade="all, delete-orphan", order_by="MvcRow.muscle")


class SensorRow(Base):
    """A sensor that some session used."""

    __tablename__ = "sensor"
    id: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str]
    address: Mapped[str | None]


class PlacementRow(Base):
    """Where a sensor was worn in a session."""

    __tablename__ = "placement"
    session: Mapped[str] = mapped_column(ForeignKey("session.id"), primary_key=True)
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.id"), primary_key=True, index=True)
    segment: Mapped[str | None]
    channels: Mapped[Mapping[str, str]]
    truth: Mapped[bool]
    worn: Mapped[SensorRow] = relationship()


class MvcRow(Base):
    """What a muscle was normalised by in a session: one value for both."""

    __tablename__ = "mvc"
    session: Mapped[str] = mapped_column(ForeignKey("session.id"), primary_key=True)
    muscle: Mapped[str] = mapped_column(primary_key=True, index=True)
    value: Mapped[float]
    unit: Mapped[str]
    by: Mapped[str]
    amplitude: Mapped[Mapping[str, Json]]
    trials: Mapped[list[float]]
    origin: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class SubjectInfo:
    """A person and how much there is of them."""

    label: str
    note: str
    sessions: int
    last: int | None
    """Start of the latest session [ns UTC]."""


class Catalogue:
    """The tables behind one database URL."""

    def __init__(self, url: str) -> None:
        """Open the catalogue and make what tables are missing; raises `CatalogueProblem`."""
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            _tune_sqlite(self._engine)
        with self._transaction() as session:
            for table in Base.metadata.sorted_tables:
                session.execute(CreateTable(table, if_not_exists=True))
                for index in sorted(table.indexes, key=lambda index: str(index.name)):
                    session.execute(CreateIndex(index, if_not_exists=True))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def put(self, info: SessionInfo) -> None:
        """Add a session, or replace what is known of it; a subject that is new is added."""
        with self._transaction() as session:
            if info.subject is not None and session.get(SubjectRow, info.subject) is None:
                session.add(SubjectRow(label=info.subject))
                session.flush()
            session.merge(_row(info))

    def put_sensors(self, session_id: str, uses: Sequence[SensorUse]) -> None:
        """Keep the sensors of a session, in place of those kept before."""
        with self._transaction() as session:
            row = session.get_one(SessionRow, session_id)
            for use in uses:
                session.merge(SensorRow(id=use.id, model=use.model, address=use.address))
            session.flush()
            row.placements = [session.merge(_placement(session_id, use)) for use in uses]

    def get(self, session_id: str) -> SessionInfo | None:
        """Return what is known of a session."""
        with self._transaction() as session:
            row = session.get(SessionRow, session_id)
            return None if row is None else _info(row)

    def find(
        self, q: str = "", limit: int = 50, offset: int = 0, subject: str | None = None
    ) -> tuple[list[SessionInfo], int]:
        """Return a page of sessions, the latest first, and how many there are in all.

        Args:
            q: Words that must all occur in title, subject or id, in any case of letters.
        """
        query = _matching(q)
        if subject is not None:
            query = query.where(SessionRow.subject == subject)
        page = query.order_by(SessionRow.started.desc(), SessionRow.id.desc()).limit(limit).offset(offset)
        with self._transaction() as session:
            total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
            return [_info(row) for row in session.scalars(page)], total

    def in_state(self, state: SessionState) -> list[SessionInfo]:
        """Return the sessions in a state, the earliest first."""
        query = select(SessionRow).where(SessionRow.state == state).order_by(SessionRow.started)
        with self._transaction() as session:
            return [_info(row) for row in session.scalars(query)]

    def ids(self) -> list[str]:
        """Return all ids."""
        with self._transaction() as session:
            return list(session.scalars(select(SessionRow.id)))

    def sensors(self, session_id: str) -> list[SensorUse]:
        """Return the sensors of a session in order of their ids."""
        with self._transaction() as session:
            row = session.get(SessionRow, session_id)
            return [] if row is None else [_use(placement) for placement in row.placements]

    def put_normalisers(self, session_id: str, found: Sequence[Normaliser]) -> None:
        """Keep what the muscles of a session were normalised by, in place of what was kept before."""
        with self._transaction() as session:
            row = session.get_one(SessionRow, session_id)
            row.normalisers = [session.merge(_mvc(session_id, one)) for one in found]

    def normalisers(self, session_id: str) -> list[Normaliser]:
        """Return what the muscles of a session were normalised by, in order of their names."""
        with self._transaction() as session:
            row = session.get(SessionRow, session_id)
            return [] if row is None else [_normaliser(one) for one in row.normalisers]

    def normalisers_of_subject(self, label: str) -> list[tuple[SessionInfo, list[Normaliser]]]:
        """Return the same for each session of a subject that has any, the latest first."""
        query = (
            select(SessionRow)
            .where(SessionRow.subject == label, SessionRow.normalisers.any())
            .order_by(SessionRow.started.desc(), SessionRow.id.desc())
        )
        with self._transaction() as session:
            return [(_info(row), [_normaliser(one) for one in row.normalisers]) for row in session.scalars(query)]

    def worn(self, sensor: str) -> list[str]:
        """Return the ids of the sessions that used a sensor, the latest first."""
        query = (
            select(SessionRow.id)
            .join(PlacementRow, PlacementRow.session == SessionRow.id)
            .where(PlacementRow.sensor == sensor)
            .order_by(SessionRow.started.desc())
        )
        with self._transaction() as session:
            return list(session.scalars(query))

    def remove(self, session_id: str) -> None:
        """Forget a session; its subject stays."""
        with self._transaction() as session:
            row = session.get(SessionRow, session_id)
            if row is not None:
                session.delete(row)

    def put_subject(self, label: str, note: str = "") -> None:
        """Add a subject, or change the note."""
        with self._transaction() as session:
            session.merge(SubjectRow(label=label, note=note))

    def subjects(self) -> list[SubjectInfo]:
        """Return the subjects in order of their labels."""
        query = (
            select(SubjectRow, func.count(SessionRow.id), func.max(SessionRow.started))
            .outerjoin(SessionRow, SessionRow.subject == SubjectRow.label)
            .group_by(SubjectRow.label, SubjectRow.note)
            .order_by(SubjectRow.label)
        )
        with self._transaction() as session:
            return [SubjectInfo(row.label, row.note, count, last) for row, count, last in session.execute(query)]

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        try:
            with Session(self._engine) as session, session.begin():
                yield session
        except DBAPIError as error:
            where = self._engine.url.render_as_string(hide_password=True)
            raise CatalogueProblem(f"the catalogue {where} cannot be used: {error.orig}") from error


def _tune_sqlite(engine: Engine) -> None:
    """Let processes read while one writes, and take the write lock at the start, when waiting for it is possible."""

    def connected(connection: DBAPIConnection, _: object) -> None:
        connection.isolation_level = None  # the transactions are begun below, not by the driver
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def _matching(q: str) -> Select[SessionRow]:
    query = select(SessionRow)
    columns = (SessionRow.title, SessionRow.subject, SessionRow.id)
    for word in q.split():
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return query


def _row(info: SessionInfo) -> SessionRow:
    return SessionRow(
        id=info.id,
        title=info.title,
        subject=info.subject,
        kind=info.kind,
        state=info.state,
        started=info.started,
        ended=info.ended,
        gateway=info.gateway,
        version=info.version,
        origin=info.origin,
    )


def _info(row: SessionRow) -> SessionInfo:
    return SessionInfo(
        row.id,
        row.title,
        row.subject,
        row.kind,
        row.state,
        row.started,
        row.ended,
        row.gateway,
        row.version,
        row.origin,
    )


def _placement(session_id: str, use: SensorUse) -> PlacementRow:
    channels = {str(channel): name for channel, name in use.channels.items()}
    return PlacementRow(session=session_id, sensor=use.id, segment=use.segment, channels=channels, truth=use.truth)


def _mvc(session_id: str, one: Normaliser) -> MvcRow:
    return MvcRow(
        session=session_id,
        muscle=one.muscle,
        value=one.value,
        unit=one.unit,
        by=one.by,
        amplitude=dict(one.amplitude),
        trials=list(one.trials),
        origin=one.origin,
    )


def _normaliser(row: MvcRow) -> Normaliser:
    return Normaliser(row.muscle, row.value, row.unit, row.by, row.amplitude, tuple(row.trials), row.origin)


def _use(row: PlacementRow) -> SensorUse:
    channels = {int(channel): name for channel, name in row.channels.items()}
    return SensorUse(row.sensor, row.worn.model, row.segment, channels, row.truth, row.worn.address)
