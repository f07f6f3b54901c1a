"""Reads the recording of one session: its blocks in order, as far as they are whole.

A page of blocks is fetched at a time, so that neither memory nor an open transaction grows with the session. Where the
file itself is broken, block after block is tried.
"""

import sqlite3
from collections.abc import Iterator

from gateway.records import Control, Record
from gateway.store import codec
from gateway.store.blocks import decode_block
from gateway.store.damage import Damage

PAGE = 32
"""Blocks fetched at once."""

Row = tuple[int, int, bytes]
"""Number, CRC and content of a block."""


class RecordReader:
    """The packets and controls of a session file."""

    def __init__(self, db: sqlite3.Connection, damaged: list[Damage]) -> None:
        self._db = db
        self._damaged = damaged

    def records(self) -> Iterator[Record]:
        """Yield all records in the order in which they were appended."""
        return self._blocks("controls >= 0")

    def controls(self) -> Iterator[Control]:
        """Yield the controls alone; blocks without any are not opened."""
        return (record for record in self._blocks("controls > 0") if isinstance(record, Control))

    def _blocks(self, condition: str) -> Iterator[Record]:
        after = 0
        query = f"SELECT seq, crc, data FROM block WHERE {condition} AND seq > ? ORDER BY seq LIMIT {PAGE}"
        while True:
            try:
                rows: list[Row] = self._db.execute(query, (after,)).fetchall()
                last = rows[-1][0] if rows else after
            except sqlite3.DatabaseError:
                rows, last = self._one_by_one(condition, after)
            for row in rows:
                yield from self._decoded(*row)
            if last == after:
                return
            after = last

    def _one_by_one(self, condition: str, after: int) -> tuple[list[Row], int]:
        """Return what can be read of the next page of a file with broken pages, and the last number tried."""
        rows: list[Row] = []
        try:
            last = min(after + PAGE, self._db.execute("SELECT max(seq) FROM block").fetchone()[0])
        except sqlite3.DatabaseError as error:
            self._damaged.append(Damage(f"all blocks after {after}", str(error)))
            return rows, after
        for number in range(after + 1, last + 1):
            try:
                query = f"SELECT seq, crc, data FROM block WHERE {condition} AND seq = ?"
                rows += self._db.execute(query, (number,)).fetchall()
            except sqlite3.DatabaseError as error:
                self._damaged.append(Damage(f"block {number}", str(error)))
        return rows, last

    def _decoded(self, number: int, crc: int, data: bytes) -> list[Record]:
        if codec.checksum(data) != crc:
            self._damaged.append(Damage(f"block {number}", "its checksum does not fit"))
            return []
        try:
            return decode_block(data)
        except codec.DamagedBlob as error:
            self._damaged.append(Damage(f"block {number}", str(error)))
            return []
