"""The samples of one inertial sensor of a session, whole and as measured, to calibrate it by."""

from collections.abc import Callable, Iterator

import numpy as np

from fusion.calibration import Recording
from gateway.files.raw import RawRows, raw_rows
from gateway.files.track import FEWEST, rate_of
from gateway.records import Packet, Record
from gateway.store.reader import SessionReader
from gateway.visits.replay import time_of

TOLD_EVERY = 1000
"""Records between two calls of `progress`."""


def recording_of(reader: SessionReader, sensor: str, progress: Callable[[float], None] | None = None) -> Recording:
    """Return what a sensor of a session measured; times are since the session's start.

    Args:
        progress: Called with the fraction of the session read.

    Raises:
        LookupError: The session has no such sensor.
        ValueError: It sent no motion, or too little.
    """
    info = reader.info
    names = [use.id for use in reader.sensors()]
    if sensor not in names:
        raise LookupError(f"session {info.id} has no sensor {sensor}; it has: {', '.join(names) or 'none'}")
    found = [rows for rows in raw_rows(_of_sensor(reader, sensor, progress)) if rows.kind == "imu"]
    t = np.concatenate([np.empty(0, np.int64), *(rows.t for rows in found)])
    if t.size < FEWEST:
        raise ValueError(f"sensor {sensor} sent {t.size} samples of motion in session {info.id}: record it for longer")
    signals = {name: np.concatenate([_axes(rows, name) for rows in found]) for name in ("gyr", "acc", "mag")}
    mag = None if np.isnan(signals["mag"]).all() else signals["mag"]
    return Recording.of((t - info.started) / 1e9, signals["gyr"], signals["acc"], mag, rate_hz=rate_of(t))


def _of_sensor(reader: SessionReader, sensor: str, progress: Callable[[float], None] | None) -> Iterator[Record]:
    """Yield the controls, and the packets of one sensor."""
    info = reader.info
    last = reader.last_time() or info.started
    for number, record in enumerate(reader.records()):
        if progress and number % TOLD_EVERY == 0:
            progress((time_of(record) - info.started) / max(last - info.started, 1))
        if not isinstance(record, Packet) or record.sensor == sensor:
            yield record


def _axes(rows: RawRows, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return three columns, of NaN where they are missing."""
    columns = [f"{name}_{axis}" for axis in "xyz"]
    if columns[0] not in rows.columns:
        return np.full((rows.t.size, 3), np.nan)
    first = rows.columns.index(columns[0])
    return rows.values[:, first : first + 3]
