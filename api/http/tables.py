"""A stretch of one series as JSON, CSV or an Arrow stream: the same numbers in all three.

`t` is float64 seconds from the session's start; values are float32, as they are stored, so that texts stay short. A
missing value is null in JSON and Arrow, and empty in CSV. Columns are `t, value`, or `t, min, max` where points were
asked to be fewer than there are.
"""

import io
from typing import Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from gateway.store.interface import SeriesData

Format = Literal["json", "csv", "arrow"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
}
SECOND = 1_000_000_000


def encode(data: SeriesData, started: int, form: Format) -> bytes:
    """Return the table of a series.

    Args:
        started: The session's start [ns UTC], where `t` is 0.
    """
    columns = _columns(data, started)
    if form == "json":
        return orjson.dumps({"name": data.name, "unit": data.unit, **columns}, option=orjson.OPT_SERIALIZE_NUMPY)
    table = _table(data, columns, started)
    sink = io.BytesIO()
    if form == "csv":
        sink.write(f"{','.join(columns)}\n".encode())  # pyarrow would put the names in quotes
        pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=False))
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def chosen(form: str | None, accept: str) -> Format:
    """Return the format that a caller wants: the parameter, else the first of the Accept header that is offered."""
    for offered in MEDIA_TYPES:
        if form == offered:
            return offered
    for wanted in accept.split(","):
        for offered, media_type in MEDIA_TYPES.items():
            if wanted.partition(";")[0].strip().lower() == media_type:
                return offered
    return "json"


def _columns(data: SeriesData, started: int) -> dict[str, NDArray[np.floating]]:
    columns: dict[str, NDArray[np.floating]] = {"t": (data.t - started) / SECOND}
    for name, values in (("value", data.value), ("min", data.minimum), ("max", data.maximum)):
        if values is not None:
            columns[name] = values.astype(np.float32)
    return columns


def _table(data: SeriesData, columns: dict[str, NDArray[np.floating]], started: int) -> pa.Table:
    """Return an Arrow table whose metadata say what it is."""
    metadata = {"name": data.name, "unit": data.unit, "started_ns": str(started)}
    arrays = [pa.array(values, from_pandas=True) for values in columns.values()]  # from_pandas: NaN is null
    return pa.table(arrays, names=list(columns)).replace_schema_metadata(metadata)
