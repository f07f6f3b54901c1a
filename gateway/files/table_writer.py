"""One table on its way to the disk, as CSV or Parquet: under a hidden name until it is finished."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fusion.estimates import Event

Format = Literal["csv", "parquet"]
EVENTS = (("t", "s"), ("end", "s"), ("name", ""), ("data", "JSON"))
ROW_GROUP = 65536
"""Rows gathered before they are written: a Parquet row group, some MB."""


class TableWriter:
    """A table of a time column and float columns; leaving the context without `finish` removes it."""

    def __init__(self, directory: Path, name: str, columns: Sequence[tuple[str, str]], form: Format) -> None:
        """Begin a table.

        Args:
            columns: Name and unit of each column after `t`.
        """
        self.columns = (("t", "s"), *columns)
        self.names = tuple(column for column, _ in columns)
        fields = [pa.field("t", pa.float64()), *(pa.field(column, pa.float32()) for column in self.names)]
        self._begin(directory, name, form, pa.schema(fields))

    @classmethod
    def of_events(cls, directory: Path, events: Iterable[Event], started: int, form: Format) -> "TableWriter":
        """Write the table of events: t, end, name, and data as JSON."""
        self = cls.__new__(cls)
        self.columns, self.names = EVENTS, ()
        types = (pa.float64(), pa.float64(), pa.string(), pa.string())
        schema = pa.schema([pa.field(name, kind) for (name, _), kind in zip(EVENTS, types, strict=True)])
        self._begin(directory, "events", form, schema)
        rows = [
            (
                (e.t - started) / 1e9,
                None if e.end is None else (e.end - started) / 1e9,
                e.name,
                orjson.dumps(dict(e.data)).decode(),
            )
            for e in events
        ]
        columns = zip(*rows, strict=True) if rows else [()] * len(EVENTS)
        self._gather([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)])
        return self

    def write(self, t: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Add rows; t in seconds, shape (n,); values of shape (n, columns), NaN where there is none."""
        columns = (values[:, i].astype(np.float32) for i in range(values.shape[1]))
        self._gather([pa.array(t), *(pa.array(column, mask=np.isnan(column)) for column in columns)])

    def finish(self, name: str) -> Path:
        """Write what is left, and give the file its final name."""
        self._flush()
        self._close()
        path = self._part.with_name(f"{name}.{self._form}")
        self._part.replace(path)
        return path

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._part.unlink(missing_ok=True)

    def _begin(self, directory: Path, name: str, form: Format, schema: pa.Schema) -> None:
        self._form: Format = form
        self._schema = schema
        self._part = directory / f".{name}.{form}.part"
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._file = self._part.open("wb")
        if form == "parquet":
            self._writer = pq.ParquetWriter(self._file, schema, compression="zstd")
        else:
            self._file.write((",".join(map(_quoted, schema.names)) + "\n").encode())
            options = pa_csv.WriteOptions(include_header=False, quoting_style="needed")
            self._writer = pa_csv.CSVWriter(self._file, schema, write_options=options)

    def _gather(self, arrays: list[pa.Array]) -> None:
        self._waiting.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows += len(arrays[0])
        if self._rows >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_batches(self._waiting).combine_chunks())
        self._waiting.clear()
        self._rows = 0

    def _close(self) -> None:
        if not self._file.closed:
            self._writer.close()
            self._file.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(sign in name for sign in ',"\n') else name
