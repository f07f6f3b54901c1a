"""Recording: everything of a session to disk within half a second, by one writer thread, never holding the rest up."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fusion.estimates import Batch, Event
from gateway.records import Record
from gateway.store.session_file import SessionWriter
from gateway.visits.feeder import Feeder

log = logging.getLogger(__name__)

BACKLOG_RECORDS = 200_000
"""Records kept while the disk is slow: two minutes of the radio body. Beyond, recording ends and says so."""


class Recorder:
    """Writes one session."""

    def __init__(self, session: str, writer: SessionWriter, flush_s: float, feeder: Feeder | None = None) -> None:
        """Prepare; `run` writes.

        Args:
            feeder: Takes series and events to a database besides.
        """
        self.session = session
        self._feeder = feeder
        self.problem: str | None = None
        """Why recording ended before it was asked to, in words."""
        self._writer = writer
        self._flush_s = flush_s
        self._records: list[Record] = []
        self._batches: list[Batch] = []
        self._events: list[Event] = []
        self._stop = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")

    def add(self, records: Sequence[Record], batches: Sequence[Batch], events: Sequence[Event]) -> None:
        """Take what is to be written; never waits."""
        if self.problem:
            return
        self._records += records
        self._batches += batches
        self._events += events
        if self._feeder:
            self._feeder.put(batches, events)
        if len(self._records) > BACKLOG_RECORDS:
            self._fail("the disk did not keep up")

    async def run(self) -> None:
        """Write until `finish` is called; what was handed in by then is written."""
        try:
            while not self._stop.is_set() and not self.problem:
                try:
                    async with asyncio.timeout(self._flush_s):
                        await self._stop.wait()
                except TimeoutError:
                    pass
                await self._write()
        finally:
            await self._close()

    def finish(self) -> None:
        """End the recording at its next write."""
        self._stop.set()

    async def _write(self) -> None:
        records, batches, events = self._records, self._batches, self._events
        self._records, self._batches, self._events = [], [], []
        if records or batches or events:
            await self._in_thread(self._write_now, records, batches, events)

    def _write_now(self, records: list[Record], batches: list[Batch], events: list[Event]) -> None:
        self._writer.append(records)
        self._writer.write(batches, events)
        self._writer.flush()

    async def _close(self) -> None:
        """Write the rest and close, also when the whole gateway is being cancelled."""
        records, batches, events = self._records, self._batches, self._events
        self._records, self._batches, self._events = [], [], []

        def last() -> None:
            if not self.problem:
                self._write_now(records, batches, events)
            try:
                done = self._stop.is_set() and not self.problem
                self._writer.close("complete" if done else "interrupted")
            except (OSError, sqlite3.Error):
                self._writer.abandon()  # the next start closes it, when there is space again
                raise

        await self._in_thread(last)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work, *arguments) -> None:  # type: ignore[no-untyped-def]
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except (OSError, sqlite3.Error) as error:
            self._fail(f"{error}: free some space or mend the disk, then start a new recording")

    def _fail(self, reason: str) -> None:
        if self.problem:
            return
        self.problem = f"Recording of {self.session} ended: {reason}. What was recorded before is kept"
        self._records, self._batches, self._events = [], [], []
        log.error("%s", self.problem)
