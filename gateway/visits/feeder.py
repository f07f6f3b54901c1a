"""Feeding derived series to a database: on a thread of its own, so that a slow server holds nothing up."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fusion.estimates import Batch, Event
from gateway.queues import DropOldest
from gateway.store.interface import SeriesHome

log = logging.getLogger(__name__)

BACKLOG = 6000
"""Batches that may wait: half a minute of a body. Beyond, the oldest are left to the session's own file."""
COLLECT_S = 0.5
"""Batches of so long go in one request [s]."""


class Feeder:
    """Writes the series of one session to a database; its trouble is told and never ends the recording."""

    def __init__(self, session: str, database: SeriesHome) -> None:
        self.problem: str | None = None
        """Why the database does not take them, in words."""
        self._session, self._database = session, database
        self._waiting: DropOldest[Batch | Event] = DropOldest(BACKLOG)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    def put(self, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        """Take estimates; never waits."""
        for batch in batches:
            self._waiting.put(batch)
        for event in events:
            self._waiting.put(event)

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            while True:
                await asyncio.sleep(COLLECT_S)
                await self._write(self._waiting.take_all())
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _write(self, items: list[Batch | Event]) -> None:
        batches = [item for item in items if isinstance(item, Batch)]
        events = [item for item in items if isinstance(item, Event)]
        if not items:
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._database.write, self._session, batches, events)
        except OSError as error:
            if self.problem is None:
                log.warning("the database does not take series: %s", error)
            self.problem = f"The database does not take series ({error}); the session's own file has them"
        else:
            self.problem = None
