"""Payloads of the bus as values.

A payload is another process's bytes: every shape is checked, and `ValueError` says what is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from fusion.estimates import Json

NAME_LIMIT = 128
"""Longest series name [characters]."""
CELL_LIMIT = 200_000
"""Most values in one message: a second of 400 series at 500 Hz. A batch of the gateway has some hundred."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A few consecutive rows of the series of one topic."""

    t0: int
    """Time of the first row [ns UTC]."""
    dt: float
    """From row to row [s]."""
    names: tuple[str, ...]
    """Shape (m,)."""
    units: tuple[str, ...]
    """Shape (m,)."""
    values: NDArray[np.float32]
    """Shape (n, m); NaN where there is no value."""


def mapping(payload: bytes) -> Mapping[str, Json]:
    """Decode a JSON object."""
    decoded = orjson.loads(payload)
    if not isinstance(decoded, dict):
        raise ValueError(f"a JSON object is needed, got {type(decoded).__name__}")
    return decoded


def rows(payload: bytes) -> Rows:
    """Decode a batch: `{"t0", "dt", "names", "units", "values"}`, null for no value."""
    message = mapping(payload)
    t0, dt = message.get("t0"), message.get("dt")
    if not isinstance(t0, int) or isinstance(t0, bool) or not isinstance(dt, int | float) or isinstance(dt, bool):
        raise ValueError(f"t0 must be an integer [ns] and dt a number [s], got {t0!r} and {dt!r}")
    names = _texts(message.get("names"), "names")
    units = _texts(message.get("units", [""] * len(names)), "units")
    if len(units) != len(names) or len(set(names)) != len(names) or not names:
        raise ValueError(f"{len(names)} names (each once) and {len(units)} units do not go together")
    return Rows(t0, float(dt), names, units, _values(message.get("values"), len(names)))


def _texts(value: Json, what: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{what} must be a list of texts")
    texts = tuple(text for text in value if isinstance(text, str) and len(text) <= NAME_LIMIT)
    if len(texts) != len(value):
        raise ValueError(f"{what} must be texts of at most {NAME_LIMIT} characters")
    return texts


def _values(value: Json, width: int) -> NDArray[np.float32]:
    """Turn a list of rows into an array; numpy reads None as NaN and refuses rows of unequal length."""
    if not isinstance(value, list) or len(value) * width > CELL_LIMIT:
        raise ValueError(f"values must be a list of rows with at most {CELL_LIMIT} values in all")
    try:
        with np.errstate(over="ignore"):  # beyond float32 is infinite, which no screen draws
            table = np.array(value, dtype=np.float32)
        table = table.reshape(len(value), -1) if value else np.empty((0, width), np.float32)
    except TypeError as error:
        raise ValueError(f"values must be numbers or null: {error}") from None
    if table.shape[1] != width:
        raise ValueError(f"{width} names but rows of {table.shape[1]} values")
    return table
