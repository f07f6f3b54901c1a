"""Channels of a followed session, and the binary frames that carry their values.

A frame is one row, little endian: `<u32 sequence, f64 UTC seconds, u16 first channel, u16 count>` (16 bytes), then
count float32, NaN for no value. The sequence counts the frames of the session, so a client sees in it what it missed.

A channel keeps its index as long as the session is followed: series that appear later go behind the others. A row whose
channels are not consecutive therefore becomes one frame per run of consecutive channels.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.live.messages import Rows
from fusion.estimates import Json

SECOND = 1_000_000_000
HEADER = struct.Struct("<IdHH")
CHANNEL_LIMIT = 4096
"""Most channels of one session: 17 segments with all angles and 16 muscles need about 250."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One series as a WebSocket client knows it."""

    index: int
    name: str
    unit: str
    topic: str

    def as_json(self) -> dict[str, Json]:
        """Return the entry of the client's channel list."""
        return {"index": self.index, "name": self.name, "unit": self.unit, "topic": self.topic}


@dataclass(frozen=True, slots=True)
class Run:
    """Columns of a batch that go to consecutive channels."""

    first: int
    columns: NDArray[np.intp]


class Channels:
    """The channels of one session, in the order in which their series appeared."""

    def __init__(self) -> None:
        self._by_name: dict[str, Channel] = {}
        self._learned: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._runs: dict[tuple[str, ...], tuple[Run, ...]] = {}
        self.sequence = 0
        """Of the next frame."""

    def __len__(self) -> int:
        return len(self._by_name)

    def as_json(self) -> list[Json]:
        """Return the channel list of `hello` and `channels`."""
        return [channel.as_json() for channel in self._by_name.values()]

    def learn(self, topic: str, rows: Rows) -> bool:
        """Give every series an index; returns whether the list changed.

        Raises:
            ValueError: There would be more than `CHANNEL_LIMIT`.
        """
        if self._learned.get(topic) == (rows.names, rows.units):
            return False  # as nearly always: batches repeat their names
        changed = False
        for name, unit in zip(rows.names, rows.units, strict=True):
            known = self._by_name.get(name)
            if known is not None and known.unit == unit and known.topic == topic:
                continue
            if known is None and len(self._by_name) >= CHANNEL_LIMIT:
                raise ValueError(f"more than {CHANNEL_LIMIT} channels in one session")
            self._by_name[name] = Channel(len(self._by_name) if known is None else known.index, name, unit, topic)
            changed = True
        self._learned[topic] = (rows.names, rows.units)
        return changed

    def encode(self, rows: Rows) -> list[bytes]:
        """Return the frames of rows whose series were learned, row by row."""
        runs = [
            (run.first, len(run.columns), np.ascontiguousarray(rows.values[:, run.columns], "<f4"))
            for run in self._plan(rows.names)
        ]
        frames = []
        for index in range(len(rows.values)):
            t = rows.t0 / SECOND + index * rows.dt
            for first, count, values in runs:
                frames.append(HEADER.pack(self.sequence, t, first, count) + values[index].tobytes())
                self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        return frames

    def _plan(self, names: tuple[str, ...]) -> tuple[Run, ...]:
        """Return the runs of a batch's columns, remembered because batches repeat their names."""
        known = self._runs.get(names)
        if known is None:
            if len(self._runs) >= 64:  # sensors come and go: enough for every topic many times over
                self._runs.clear()
            known = self._runs[names] = _runs(np.array([self._by_name[name].index for name in names]))
        return known


def _runs(indexes: NDArray[np.intp]) -> tuple[Run, ...]:
    order = np.argsort(indexes, kind="stable")
    cuts = np.flatnonzero(np.diff(indexes[order]) != 1) + 1
    return tuple(Run(int(indexes[columns[0]]), columns) for columns in np.split(order, cuts))
