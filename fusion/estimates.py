"""What leaves the pipeline: rows of named series on a common grid, and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Topic = Literal["joints", "orientation", "emg", "quality"]
TOPICS: tuple[Topic, ...] = ("joints", "orientation", "emg", "quality")
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Batch:
    """A few consecutive rows of the series of one topic."""

    topic: Topic
    t: NDArray[np.int64]
    """Host time of each row [ns UTC], shape (n,), `period_ns` apart."""
    period_ns: int
    names: tuple[str, ...]
    """Series names as in docs/protocol.md, shape (m,)."""
    units: tuple[str, ...]
    """Unit of each series, shape (m,): deg, V, counts, 1."""
    values: NDArray[np.float64]
    """Shape (n, m); NaN where there is no value."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at one moment, or from one to another."""

    t: int
    """Start [ns UTC]."""
    name: str
    """burst, rep, slouch, upright, calibrated, gap, link, mark, ..."""
    end: int | None = None
    """End [ns UTC]; None for an instant."""
    data: Mapping[str, Json] = field(default_factory=dict)
