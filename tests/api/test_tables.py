"""JSON, CSV and Arrow of the same stretch."""

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from api.http.tables import chosen, encode
from gateway.store.interface import SeriesData

START = 1_763_853_064_250_000_000
values = hnp.arrays(np.float32, st.integers(0, 20), elements=st.floats(width=32, allow_infinity=False))


def from_json(content: bytes, names: list[str]) -> dict[str, list[float | None]]:
    table = json.loads(content)
    assert list(table) == ["name", "unit", *names]
    return {name: table[name] for name in names}


def from_csv(content: bytes, names: list[str]) -> dict[str, list[float | None]]:
    header, *rows = csv.reader(io.StringIO(content.decode()))
    assert header == names
    return {name: [float(row[i]) if row[i] else None for row in rows] for i, name in enumerate(names)}


def from_arrow(content: bytes, names: list[str]) -> dict[str, list[float | None]]:
    table = pa.ipc.open_stream(content).read_all()
    assert table.column_names == names
    assert table.schema.metadata == {b"name": b"a", b"unit": b"deg", b"started_ns": str(START).encode()}
    return {name: table[name].to_pylist() for name in names}


@given(values)
def test_all_three_say_the_same_to_the_last_bit_and_leave_out_what_is_missing(stored: np.ndarray) -> None:
    t = START + np.arange(stored.size, dtype=np.int64) * 16_666_667
    data = SeriesData("a", "deg", t, value=stored.astype(np.float64))
    names = ["t", "value"]
    tables = [
        from_json(encode(data, START, "json"), names),
        from_csv(encode(data, START, "csv"), names),
        from_arrow(encode(data, START, "arrow"), names),
    ]
    for table in tables:
        assert table["t"] == [index * 16_666_667 / 1e9 for index in range(stored.size)]
        assert [value is None for value in table["value"]] == np.isnan(stored).tolist()
        known = np.array([value for value in table["value"] if value is not None], np.float32)
        np.testing.assert_array_equal(known, stored[~np.isnan(stored)])


def test_bounds_take_the_place_of_values() -> None:
    t = np.array([START, START + 10**9])
    data = SeriesData("a", "deg", t, minimum=np.array([1.0, np.nan]), maximum=np.array([2.0, np.nan]))
    expected = {"t": [0.0, 1.0], "min": [1.0, None], "max": [2.0, None]}
    for read, form in ((from_json, "json"), (from_csv, "csv"), (from_arrow, "arrow")):
        assert read(encode(data, START, form), list(expected)) == expected


@pytest.mark.parametrize(
    ("parameter", "accept", "form"),
    [
        (None, "", "json"),
        (None, "*/*", "json"),
        (None, "text/csv", "csv"),
        (None, "text/html, application/vnd.apache.arrow.stream;q=0.9, text/csv;q=0.1", "arrow"),
        ("json", "text/csv", "json"),
        ("arrow", "", "arrow"),
    ],
)
def test_the_parameter_wins_over_the_accept_header(parameter: str | None, accept: str, form: str) -> None:
    assert chosen(parameter, accept) == form
