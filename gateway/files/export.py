"""A session as tables that any tool reads: series by topic, events, and raw samples if asked for.

First column `t`, seconds from the session's start; missing values are empty (null in Parquet). What the tables are of
stands in `metadata.json` beside them, so that nothing but the table is in a table. Memory holds a second of rows, and
the files appear when all of them are whole.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import TOPICS, Batch, Event, Json, Topic
from gateway.analysis import derive
from gateway.files.raw import raw_rows
from gateway.files.table_writer import Format, TableWriter
from gateway.records import Record
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.store.schema import SECOND
from gateway.version import version

Mode = Literal["live", "refined"]
Progress = Callable[[float], None]
"""Called with the fraction done."""

Column = tuple[str, str]
"""Name and unit."""


class Estimates(Protocol):
    """Where the rows and events come from: a stored session, or a computation that is not stored."""

    def columns(self, topic: Topic) -> Sequence[Column]:
        """List name and unit of the series of a topic."""
        ...

    def batches(self, topic: Topic) -> Iterable[Batch]:
        """Yield the rows of a topic in order of time, to the second."""
        ...

    def events(self) -> Iterable[Event]:
        """Yield the events in order of time."""
        ...


def export(
    home: SqliteHome,
    session: str,
    form: Format,
    directory: Path,
    *,
    raw: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the live results of a session, which are computed first if there are none; return the files.

    Raises:
        LookupError: There is no such session.
        OSError: The folder cannot be written.
    """
    with home.open(session) as reader:
        info, is_computed = reader.info, bool(reader.series())
    if not is_computed and info.state != "recording":
        derive(home, session, version())
    with home.open(session) as reader:
        records = reader.records() if raw else None
        return export_estimates(reader.info, reader, form, directory, mode="live", records=records, progress=progress)


def export_estimates(
    info: SessionInfo,
    estimates: Estimates,
    form: Format,
    directory: Path,
    *,
    mode: Mode,
    records: Iterable[Record] | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write series and events, and raw samples if records are given; return the files, `metadata.json` last.

    Args:
        mode: How the estimates were computed, for the metadata.
        records: The recording, for `raw_<sensor>` tables.
    """
    report = progress or (lambda _: None)
    directory.mkdir(parents=True, exist_ok=True)
    written: list[tuple[TableWriter, str]] = []
    with ExitStack() as unfinished:
        for i, topic in enumerate(TOPICS):
            table = unfinished.enter_context(TableWriter(directory, topic, estimates.columns(topic), form))
            for t, values in _wide(estimates.batches(topic), table.names):
                table.write((t - info.started) / 1e9, values)
            written.append((table, topic))
            report((i + 1) / (len(TOPICS) + 2))
        events = unfinished.enter_context(TableWriter.of_events(directory, estimates.events(), info.started, form))
        written.append((events, "events"))
        written += _raw(directory, info.started, form, records or (), unfinished)
        report(0.99)
        paths = [table.finish(name) for table, name in written]
        contents: dict[str, Json] = {
            path.name: dict(table.columns) for path, (table, _) in zip(paths, written, strict=True)
        }
        paths.append(_metadata(directory, info, mode, contents))
    report(1.0)
    return paths


def _wide(batches: Iterable[Batch], names: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield times and rows of all series of a topic, second by second; NaN where a batch lacks a series."""
    place = {name: i for i, name in enumerate(names)}
    for _, group in itertools.groupby(batches, key=lambda batch: int(batch.t[0]) // SECOND):
        second = list(group)
        t = np.unique(np.concatenate([batch.t for batch in second]))
        values = np.full((t.size, len(names)), np.nan)
        for batch in second:
            known = [
                i for i, name in enumerate(batch.names) if name in place
            ]  # others came after the columns were asked
            columns = [place[batch.names[i]] for i in known]
            values[np.searchsorted(t, batch.t)[:, None], columns] = batch.values[:, known]
        yield t, values


def _raw(
    directory: Path, started: int, form: Format, records: Iterable[Record], unfinished: ExitStack
) -> list[tuple[TableWriter, str]]:
    """Write the samples of each sensor; a sensor with several streams has a table for each."""
    tables: dict[tuple[str, str, tuple[str, ...]], TableWriter] = {}
    for rows in raw_rows(records):
        key = (rows.sensor, rows.kind, rows.columns)
        if key not in tables:
            columns = list(zip(rows.columns, rows.units, strict=True))
            name = f"raw_{rows.sensor}_{len(tables)}"
            tables[key] = unfinished.enter_context(TableWriter(directory, name, columns, form))
        tables[key].write((rows.t - started) / 1e9, rows.values)
    names: list[str] = []
    for sensor, kind, _ in tables:
        wanted = (f"raw_{sensor}", f"raw_{sensor}_{kind}", *(f"raw_{sensor}_{kind}_{i}" for i in range(2, 1000)))
        names.append(next(name for name in wanted if name not in names))
    return list(zip(tables.values(), names, strict=True))


def _metadata(directory: Path, info: SessionInfo, mode: Mode, contents: Mapping[str, Json]) -> Path:
    """Write where the tables come from, and the unit of each column."""
    description: dict[str, Json] = {
        "session": info.id,
        "title": info.title,
        "subject": info.subject,
        "kind": info.kind,
        "state": info.state,
        "started": datetime.fromtimestamp(info.started / 1e9, UTC).isoformat(),
        "origin": info.origin,
        "software": "kinestream",
        "version": info.version,
        "mode": mode,
        "time": "t: seconds from the session's start",
        "columns": dict(contents),
    }
    path, part = directory / "metadata.json", directory / ".metadata.json.part"
    part.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return part.replace(path)
