"""Long computations over a session, in a worker process: the loop that feeds live clients never waits for them.

One at a time: on a laptop the gateway needs the other processor. The worker is started by the first request, stays for
five minutes after the last one, and ends with the service or when nobody waits for its answer any more. This module
imports nothing heavy, because the worker imports it too; `gateway.analysis` brings compiled kernels and is loaded
there alone.
"""

import asyncio
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from anyio import BrokenWorkerProcess, to_process

from fusion.estimates import Json

CACHE_LIMIT = 64
"""Sessions whose results are remembered; some kB each."""
Results = Mapping[str, Json]
Answer = TypeVar("Answer")


class WorkerFailed(RuntimeError):
    """The worker process died, which nothing in our code does by itself."""

    def __init__(self) -> None:
        super().__init__("The process that computes results has died, perhaps for lack of memory: ask again.")


Form = Literal["csv", "parquet"]


class Work:
    """Computes the results of sessions and remembers them; makes files of them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._turn = asyncio.Lock()
        self._known: OrderedDict[Hashable, Results] = OrderedDict()

    async def results(self, session: str, state: Hashable) -> Results:
        """Return what `gateway.analysis.analyse` says of a session.

        Args:
            state: Whatever changes when the session does; results of another state are not given again.

        Raises:
            WorkerFailed: The worker process died.
        """
        if (known := self._known.get((session, state))) is not None:
            return known
        async with self._turn:
            if (known := self._known.get((session, state))) is None:  # somebody else may have waited for the same
                known = await _in_process(partial(_analyse, self._root, session))
                self._known[session, state] = known
                if len(self._known) > CACHE_LIMIT:
                    self._known.popitem(last=False)
        return known

    async def export(self, session: str, form: Form, target: Path) -> None:
        """Write an archive of the tables that `gateway.files.export` makes.

        Raises:
            WorkerFailed: The worker process died.
        """
        async with self._turn:
            await _in_process(partial(_export, self._root, session, form, target))


async def _in_process(work: Callable[[], Answer]) -> Answer:
    try:
        return await to_process.run_sync(work, cancellable=True)
    except (BrokenWorkerProcess, ProcessLookupError):  # anyio's own attempt to end it may find it gone already
        raise WorkerFailed from None


def _analyse(root: Path, session: str) -> Results:
    from gateway.analysis import analyse
    from gateway.store.home import SqliteHome

    with closing(SqliteHome(root)) as home:
        return analyse(home, session)


def _export(root: Path, session: str, form: Form, target: Path) -> None:
    from gateway.files.export import export
    from gateway.store.home import SqliteHome

    with closing(SqliteHome(root)) as home, tempfile.TemporaryDirectory(dir=target.parent) as folder:
        files = export(home, session, form, Path(folder))
        compression = zipfile.ZIP_DEFLATED if form == "csv" else zipfile.ZIP_STORED  # Parquet is compressed already
        with zipfile.ZipFile(target, "w", compression, compresslevel=3) as archive:
            for file in files:
                archive.write(file, file.name)
