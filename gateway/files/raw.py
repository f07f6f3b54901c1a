"""The raw samples of a session's sensors, in SI units and on the host's time line.

They are what the pipeline received, but as measured: a calibration that a sensor may have is not applied.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Batch, Event
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import Placement, TimedAngle, TimedEmg, TimedImu
from gateway.engine import Engine
from gateway.records import Control, Record

Timed = TimedImu | TimedEmg | TimedAngle
SETTING_UP = ("sensor", "placement", "clock", "link")
"""Kinds of controls that bear on samples; the others bear on what is computed from them."""
AXES = {"acc": "xyz", "gyr": "xyz", "mag": "xyz", "quat": "wxyz"}
UNITS = {"acc": "m/s2", "gyr": "rad/s", "mag": "as sent", "quat": "1"}


@dataclass(frozen=True, slots=True)
class RawRows:
    """Consecutive samples of one stream of one sensor."""

    sensor: str
    kind: str
    """imu, emg or angle."""
    t: NDArray[np.int64]
    columns: tuple[str, ...]
    units: tuple[str, ...]
    values: NDArray[np.float64]
    """Shape (n, columns)."""


class _Tap(Pipeline):
    """Takes the samples that would enter the pipeline, and computes nothing."""

    def __init__(self) -> None:
        super().__init__(PipelineSettings())
        self.taken: list[Timed] = []

    def place(self, placement: Placement) -> None:
        """Nothing is computed that a place would matter for."""

    def imu(self, samples: TimedImu) -> None:
        self.taken.append(samples)

    def emg(self, samples: TimedEmg) -> None:
        self.taken.append(samples)

    def angle(self, samples: TimedAngle) -> None:
        self.taken.append(samples)

    def advance(self, now: int) -> tuple[list[Batch], list[Event]]:
        return [], []


def raw_rows(records: Iterable[Record]) -> Iterator[RawRows]:
    """Yield the samples that the records hold, in their order."""
    engine, tap = Engine(), _Tap()
    engine.pipeline = tap
    for record in records:
        if isinstance(record, Control) and record.kind not in SETTING_UP:
            continue
        engine.feed(_uncalibrated(record))
        for chunk in tap.taken:
            yield _rows(chunk, engine.sensors[chunk.sensor].channels)
        tap.taken.clear()
        engine.take()


def _uncalibrated(record: Record) -> Record:
    """Return a record that introduces no calibration of a sensor."""
    if isinstance(record, Control) and "calibration" in record.data:
        return replace(record, data={key: value for key, value in record.data.items() if key != "calibration"})
    return record


def _rows(chunk: Timed, channels: dict[int, str]) -> RawRows:
    match chunk:
        case TimedImu():
            parts = {name: value for name in AXES if (value := getattr(chunk, name)) is not None}
            columns = tuple(f"{name}_{axis}" for name in parts for axis in AXES[name])
            units = tuple(UNITS[name] for name in parts for _ in AXES[name])
            return RawRows(chunk.sensor, "imu", chunk.t, columns, units, np.hstack(list(parts.values())))
        case TimedEmg():
            return _channels(chunk.sensor, "emg", chunk.t, chunk.emg, chunk.unit, channels)
        case TimedAngle():
            return _channels(chunk.sensor, "angle", chunk.t, chunk.angle_deg, "deg", channels)


def _channels(
    sensor: str, kind: str, t: NDArray[np.int64], values: NDArray[np.float64], unit: str, channels: dict[int, str]
) -> RawRows:
    count = values.shape[1]
    return RawRows(
        sensor, kind, t, tuple(channels.get(i, f"{kind}_{i + 1}") for i in range(count)), (unit,) * count, values
    )
