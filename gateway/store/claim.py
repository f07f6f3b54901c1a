"""Who writes a session: a lock that ends with the process that holds it, however that process ends.

The lock is the one SQLite itself takes for an exclusive transaction on an empty file beside the session. It needs no
code per platform, works between threads and processes, and the kernel lets go of it when a process is killed. A process
number in a file would not do: numbers come back after a restart. The empty file stays: removing it could let two
writers hold two files of the same name.
"""

import sqlite3
from pathlib import Path

PATIENCE_S = 0.5
"""How long a claim waits, because `is_claimed` holds the lock for an instant while it asks."""


class Claimed(RuntimeError):
    """Another writer is at work on this session."""

    def __init__(self, session: str) -> None:
        super().__init__(f"session {session} is being written by a running gateway or command: wait until it has ended")
        self.session = session


class Claim:
    """Holds a session for one writer until `release`, or until the process ends."""

    def __init__(self, path: Path, patience_s: float = PATIENCE_S) -> None:
        try:
            self._db = sqlite3.connect(path, timeout=patience_s, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise OSError(f"{path.parent} cannot be written: {error}") from error
        try:
            self._db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._db.close()
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise OSError(f"{path.parent} cannot be written: {error}") from error
            raise Claimed(path.stem.lstrip(".")) from error

    def release(self) -> None:
        """Let the next writer in."""
        self._db.close()


def is_claimed(path: Path) -> bool:
    """Say whether a living process holds the lock."""
    if not path.exists():
        return False
    try:
        claim = Claim(path, patience_s=0.0)
    except Claimed:
        return True
    claim.release()
    return False
