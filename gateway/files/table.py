"""Columns of numbers out of CSV, TSV and Parquet files, and one sentence for everything that can be wrong with them."""

import csv
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gateway.files.problem import ImportProblem

Floats = NDArray[np.float64]

DELIMITERS = ",\t;"
MAGIC = {b"PAR1": "a Parquet file", b"\x89HDF": "an HDF5 file", b"PK\x03\x04": "a ZIP or Excel file"}
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
HEADER_LIMIT = 65536
"""A header is looked for in the first bytes only."""


@dataclass(frozen=True, slots=True)
class Header:
    """How a text table is laid out."""

    names: tuple[str, ...]
    delimiter: str
    line: int
    """Lines before the header."""


def read_columns(path: Path, names: Sequence[str], header: Header | None = None) -> dict[str, Floats]:
    """Return columns by name, each of shape (rows,), with NaN for empty cells.

    Args:
        header: How a text table is laid out, where that is not found out by `header_of`.

    Raises:
        ImportProblem: The file is no table, or has no such columns, or they hold other things than numbers.
    """
    names = list(dict.fromkeys(names))
    if is_parquet(path):
        return _read_parquet(path, names)
    header = header or header_of(path)
    check_names(path, names, header.names)
    return {name: _numbers(path, name, column) for name, column in _read_text(path, header, names).items()}


def is_parquet(path: Path) -> bool:
    """Say whether a file begins like Parquet, or claims to be."""
    return head_of(path).startswith(b"PAR1") or path.suffix.lower() == ".parquet"


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file; raises `ImportProblem` if there are none."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_LIMIT)
    except OSError as error:
        raise ImportProblem(
            path.name, f"the file cannot be read ({error.strerror}): check its name and place"
        ) from None
    if not head.strip():
        raise ImportProblem(path.name, "the file is empty: export it again")
    return head


def text_of(path: Path) -> str:
    """Return the first lines of a text file; raises `ImportProblem` for anything that is no UTF-8 text."""
    head = head_of(path)
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            raise ImportProblem(path.name, f"this is {what}, not a text table: name it as such, or export CSV")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ImportProblem(path.name, "the text is UTF-16: save it as UTF-8")
    if b"\0" in head:
        raise ImportProblem(path.name, "this is binary data, not a table: export CSV, TSV or Parquet")
    return head.decode("utf-8-sig", errors="replace")


def header_of(path: Path, line: int = 0) -> Header:
    """Find delimiter and column names in a line of a text file."""
    lines = text_of(path).splitlines()
    while line < len(lines) and (not lines[line].strip() or lines[line].startswith(("#", "sep="))):
        line += 1
    text = lines[line] if line < len(lines) else ""
    if "\ufffd" in text:
        raise ImportProblem(path.name, "the column names are not UTF-8 text: save the file as UTF-8")
    delimiter = max(DELIMITERS, key=text.count)
    names = tuple(name.strip() for name in next(csv.reader([text], delimiter=delimiter), []))
    if names and all(_is_number(name) for name in names if name):
        raise ImportProblem(path.name, "the first line holds numbers: add a line with the column names above it")
    first = next(csv.reader(lines[line + 1 : line + 2], delimiter=delimiter), [])
    return Header(_as_wide_as(names, first), delimiter, line)


def _as_wide_as(names: tuple[str, ...], first: Sequence[str]) -> tuple[str, ...]:
    """Return the names for rows that end with a delimiter where the header does not, or the other way round."""
    if len(first) == len(names) + 1 and not first[-1].strip():
        return (*names, "")
    if len(first) == len(names) - 1 and not names[-1]:
        return names[:-1]
    return names


def check_names(path: Path, wanted: Iterable[str], there: Sequence[str]) -> None:
    """Raise `ImportProblem` for the first column that is not there, with the most similar one."""
    for name in wanted:
        if name not in there:
            close = difflib.get_close_matches(name, there, 1, 0.5)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(filter(None, there[:30])) or 'none'}"
            raise ImportProblem(path.name, f"there is no column {name}: {hint}")
        if there.count(name) > 1:
            raise ImportProblem(
                path.name, f"{there.count(name)} columns are called {name}: give each a name of its own"
            )


def _read_text(path: Path, header: Header, names: Sequence[str]) -> Mapping[str, pa.ChunkedArray]:
    """Return the wanted columns as text or numbers, as they convert."""
    unique = [name if header.names.count(name) == 1 else f"{name}#{i}" for i, name in enumerate(header.names)]
    for kind in (pa.float64(), pa.string()):
        try:
            table = pa_csv.read_csv(
                path,
                pa_csv.ReadOptions(column_names=unique, skip_rows=header.line + 1),
                pa_csv.ParseOptions(delimiter=header.delimiter),
                pa_csv.ConvertOptions(
                    include_columns=list(names), column_types=dict.fromkeys(names, kind), strings_can_be_null=True
                ),
            )
        except pa.ArrowInvalid as error:
            problem = str(error)
            if "Expected" in problem:
                raise ImportProblem(path.name, _ragged(problem)) from None
            if "Could not skip" in problem:
                raise ImportProblem(path.name, "there are no rows below the column names: export it again") from None
        else:
            return {name: table[name] for name in names}
    raise ImportProblem(path.name, f"the text cannot be read as a table ({problem.splitlines()[0]}): save it as UTF-8")


def _ragged(problem: str) -> str:
    found = re.search(r"Expected (\d+) columns, got (\d+)", problem)
    if found is None:
        return "a row has another number of cells than the header: export it again"
    counts = f"a row has {found[2]} cells where the header has {found[1]}"
    if int(found[2]) < int(found[1]):
        return f"{counts}: the file was cut, or this is no table; export it again"
    return f"{counts}: write decimal points instead of commas, and quote text that holds the delimiter"


def _numbers(path: Path, name: str, column: pa.ChunkedArray) -> Floats:
    """Return a column as numbers; one that came as text holds a cell that is none, at least to the faster reader."""
    if pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy(), np.float64)
    texts = ["nan" if text is None else text for text in column.to_pylist()]
    for row, text in enumerate(texts, 1):
        if DECIMAL_COMMA.fullmatch(text):
            problem = "has a decimal comma: write decimal points"
        elif not _is_number(text):
            problem = "is not a number: correct it, or leave the cell empty"
        else:
            continue
        raise ImportProblem(path.name, f"column {name}, row {row}: {text[:40]!r} {problem}")
    return np.array([float(text) for text in texts])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _read_parquet(path: Path, names: Sequence[str]) -> dict[str, Floats]:
    try:
        file = pq.ParquetFile(path)
        check_names(path, names, file.schema_arrow.names)
        table = file.read(columns=list(names))
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ImportProblem(path.name, f"this is not a whole Parquet file ({reason}): export it again") from None
    columns = {}
    for name in names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = pc.cast(pc.cast(column, pa.timestamp("ns", column.type.tz)), pa.int64())
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            raise ImportProblem(path.name, f"column {name} holds {column.type}, not numbers: convert it")
        columns[name] = column.to_numpy().astype(np.float64)
    return columns
