"""The file of one session: its tables, and how it is opened.

| table | a row is |
|---|---|
| meta | one JSON value by key: `schema`, `info` (`SessionInfo`), `settings` (the pipeline's parameters) |
| block | up to half a second of the recording (`gateway.store.blocks`), with its CRC |
| stream | one set of series that come together: topic, period, names, units |
| overview | one second of one stream: first and last time, rows, minimum and maximum of each series |
| samples | the rows themselves of that second, with their CRC |
| event | one event |

SQLite in WAL mode lets any process read while one writes. `synchronous=FULL` puts every commit on the disk before it
returns, so neither a killed process nor a power cut takes back what was committed. An overview never touches
`samples`, whose blobs are a hundred times larger than the bounds.
"""

import sqlite3
from pathlib import Path

import orjson

from gateway.store.interface import SessionInfo

SCHEMA = 1
SECOND = 1_000_000_000
"""Length of a row of `overview` and `samples` [ns]."""
BUSY_TIMEOUT_S = 10.0
"""How long a connection waits for another one's commit."""
MIN_NS, MAX_NS = -(2**63), 2**63 - 1
"""What stands for "from the beginning" and "to the end" in queries."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE block (
    seq INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
    records INTEGER NOT NULL, controls INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX block_controls ON block (seq) WHERE controls > 0;
CREATE TABLE stream (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, period_ns INTEGER NOT NULL, names BLOB NOT NULL, units BLOB NOT NULL,
    UNIQUE (topic, period_ns, names, units)
);
CREATE TABLE overview (
    stream INTEGER NOT NULL, second INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    rows INTEGER NOT NULL, bounds BLOB NOT NULL, PRIMARY KEY (stream, second)
) WITHOUT ROWID;
CREATE TABLE samples (
    stream INTEGER NOT NULL, second INTEGER NOT NULL, crc INTEGER NOT NULL, times BLOB, data BLOB NOT NULL,
    UNIQUE (stream, second)
);
CREATE TABLE event (id INTEGER PRIMARY KEY, t INTEGER NOT NULL, "end" INTEGER, name TEXT NOT NULL, data BLOB NOT NULL);
CREATE INDEX event_t ON event (t);
"""
"""`bounds` holds (minimum, maximum) of each series, float32, shape (series, 2); `times` is NULL where the rows are
`period_ns` apart, else their times as the compressed integers of `codec`."""


class UnreadableSession(OSError):
    """The file of a session cannot be opened as one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be read as a session: {reason}")
        self.path = path
        self.reason = reason


def create_file(path: Path, info: SessionInfo, settings: object) -> sqlite3.Connection:
    """Make the file of a new session and return a connection that writes it; raises `FileExistsError`."""
    path.open("xb").close()
    try:
        db = sqlite3.connect(path)
        with db:  # before there is a write-ahead log, so that a lost log never costs the tables
            db.executescript(f"BEGIN; {TABLES}")
            put_meta(db, "schema", SCHEMA)
            put_meta(db, "info", info)
            put_meta(db, "settings", settings)
        db.close()
        return connect(path)
    except sqlite3.Error as error:
        db.close()
        path.unlink()
        raise OSError(f"{path} cannot be written: {error}") from error


def open_file(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """Open the file of a session; raises `UnreadableSession` with the reason."""
    if not path.is_file():
        raise UnreadableSession(path, "there is no such file")
    where = path if write else f"{path.resolve().as_uri()}?mode=ro"
    db = sqlite3.connect(where, timeout=BUSY_TIMEOUT_S, check_same_thread=False, uri=not write)
    try:
        _tune(db, write=write)
        found = meta(db, "schema")
    except sqlite3.DatabaseError as error:
        db.close()
        raise UnreadableSession(path, f"{error}; restore it from a copy") from error
    if found != SCHEMA:
        db.close()
        raise UnreadableSession(path, f"it has schema {found}, this version knows {SCHEMA}; install a newer kinestream")
    return db


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that may write; it may be handed to another thread, one thread at a time uses it."""
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    _tune(db, write=True)
    return db


def _tune(db: sqlite3.Connection, *, write: bool) -> None:
    """Let others read while this one writes, with nothing committed that a power cut could take back."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL") if write else ("query_only=ON",):
        db.execute(f"PRAGMA {pragma}")


def put_meta(db: sqlite3.Connection, key: str, value: object) -> None:
    """Set one value; the caller commits."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, orjson.dumps(value)))


def meta(db: sqlite3.Connection, key: str) -> object:
    """Return one value, or None."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else orjson.loads(row[0])


def session_info(db: sqlite3.Connection) -> SessionInfo:
    """Return the description that the file itself holds."""
    value = meta(db, "info")
    assert isinstance(value, dict)
    return SessionInfo(**value)


def last_time(db: sqlite3.Connection) -> int | None:
    """Return the time of the last record or row [ns UTC], or None of an empty session."""
    query = (
        "SELECT max(x) FROM (SELECT * FROM (SELECT last AS x FROM block ORDER BY seq DESC LIMIT 1)"
        " UNION ALL SELECT max(last) FROM overview)"
    )
    last = db.execute(query).fetchone()[0]
    return None if last is None else int(last)
