"""session.toml, version 1: what the columns of somebody's own tables are. docs/protocol.md shows an example.

A sensor without a time column of its own takes that of another sensor of the same file; without any, rows are
`rate_hz` apart and begin with the session. Time columns of one session.toml are of one clock.
"""

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusion.body.segments import SEGMENTS
from gateway.files import movella_dot_csv, opensignals_h5, xsens_txt
from gateway.files.calibration import UnusableCalibration, read_calibration
from gateway.files.problem import ImportProblem
from gateway.files.table import read_columns
from gateway.files.track import Floats, Track, check_rate, checked, named, rate_of
from gateway.files.units import DEFAULTS, FACTORS

NAME = "session.toml"
EPOCH_NS = (946_684_800 * 10**9, 4_102_444_800 * 10**9)
"""Times between the years 2000 and 2100 count from 1970, others from a device's start."""
Snake = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
Axes = Annotated[tuple[str, str, str], Field()]


class Part(BaseModel):
    """What all tables of the file share: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(Part):
    """Which columns hold what."""

    t: str | None = None
    acc: Axes | None = None
    gyr: Axes | None = None
    mag: Axes | None = None
    quat: tuple[str, str, str, str] | None = None


class SensorPart(Part):
    """One `[[sensor]]`."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    kind: Literal["imu", "emg", "angle"]
    file: str
    segment: str | None = None
    format: Literal["xsens_txt", "movella_dot_csv", "opensignals_h5"] | None = None
    rate_hz: float | None = Field(None, gt=0, le=100_000)
    columns: Columns = Columns()
    channels: Mapping[str, Snake] = Field(default_factory=dict)
    units: Mapping[str, str] = Field(default_factory=dict)
    truth: bool = False
    calibration: str | None = None


class SessionPart(Part):
    """The whole file."""

    version: Literal[1]
    subject: str | None = Field(None, max_length=100)
    title: str = Field("", max_length=200)
    sensor: tuple[SensorPart, ...] = Field(min_length=1)


def read(path: Path, progress: Callable[[float], None] | None = None) -> tuple[SessionPart, list[Track]]:
    """Return what a session.toml says and the tracks of its sensors; raises `ImportProblem`.

    Args:
        progress: Called with the fraction of the sensors read.
    """
    described = parse(path)
    times = {sensor.file: sensor for sensor in described.sensor if sensor.columns.t}
    tracks = []
    for i, sensor in enumerate(described.sensor):
        track = _vendor(path, sensor) if sensor.format else _table(path, sensor, times.get(sensor.file))
        tracks.append(_calibrated(path, sensor, track))
        if progress:
            progress((i + 1) / len(described.sensor))
    return described, tracks


def parse(path: Path) -> SessionPart:
    """Return what a session.toml says, with its names and units checked; raises `ImportProblem`."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ImportProblem(
            str(path.parent), f"there is no {NAME} in this folder: write one, or name the files themselves"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ImportProblem(path.name, f"this is not TOML in UTF-8: {error}") from None
    try:
        described = SessionPart.model_validate(content)
    except ValidationError as error:
        _complain(path, content, error)
    names = [sensor.name for sensor in described.sensor]
    for sensor in described.sensor:
        where = _where(path, sensor)
        if names.count(sensor.name) > 1:
            raise ImportProblem(where, "two sensors have this name: give each its own")
        _check(where, sensor)
    return described


def _complain(path: Path, content: Mapping[str, Any], error: ValidationError) -> NoReturn:
    """Put the first complaint into one sentence that names sensor, key and remedy."""
    first = error.errors(include_url=False)[0]
    place = list(first["loc"])
    where = path.name
    if len(place) > 1 and place[0] == "sensor" and isinstance(place[1], int):
        entry = content["sensor"][place[1]]
        named = entry.get("name") if isinstance(entry, dict) else None
        where = f"{path.name}, sensor {named or place[1] + 1}"
        place = place[2:]
    key = ".".join(str(part) for part in place)
    if first["type"] == "extra_forbidden":
        known = (Columns if "columns" in place[:-1] else SensorPart if where != path.name else SessionPart).model_fields
        close = difflib.get_close_matches(str(place[-1]), list(known), 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(known)}"
        raise ImportProblem(where, f"there is no key {key}: {hint}") from None
    if first["type"] == "missing":
        raise ImportProblem(where, f"the key {key} is missing: add it") from None
    given = first["input"] if isinstance(first["input"], str | int | float | bool) else None
    said = f" = {given!r}" if given is not None else ""
    message = first["msg"][0].lower() + first["msg"][1:]
    raise ImportProblem(where, f"{key}{said}: {message}") from None


def _check(where: str, sensor: SensorPart) -> None:
    """Check what the types do not say."""
    if sensor.segment is not None and sensor.segment not in SEGMENTS:
        close = difflib.get_close_matches(sensor.segment, SEGMENTS, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SEGMENTS)}"
        raise ImportProblem(where, f"there is no segment {sensor.segment}: {hint}")
    for quantity, unit in sensor.units.items():
        if quantity not in FACTORS:
            raise ImportProblem(where, f"units.{quantity}: there is no such quantity, only {', '.join(FACTORS)}")
        if unit not in FACTORS[quantity]:
            raise ImportProblem(where, f"units.{quantity} = {unit!r}: use {', '.join(FACTORS[quantity])}")
    if sensor.format:
        return
    axes = {name for name in ("acc", "gyr", "mag", "quat") if getattr(sensor.columns, name) is not None}
    if sensor.kind == "imu":
        if not {"acc", "gyr"} <= axes and "quat" not in axes:
            raise ImportProblem(where, "columns must name acc and gyr, or quat")
    elif not sensor.channels:
        raise ImportProblem(where, f"channels must name the columns of an {sensor.kind} sensor")
    for quantity in sorted(axes - {"quat"}) if sensor.kind == "imu" else [sensor.kind]:
        if quantity not in sensor.units and quantity not in DEFAULTS:
            raise ImportProblem(where, f"units.{quantity} is missing: say {' or '.join(FACTORS[quantity])}")


def _vendor(path: Path, sensor: SensorPart) -> Track:
    """Read a file of a known format and place it as described."""
    file = path.parent / sensor.file
    kind = "emg" if sensor.format == "opensignals_h5" else "imu"
    if sensor.kind != kind:
        raise ImportProblem(_where(path, sensor), f"a file of format {sensor.format} is kind = {kind!r}")
    match sensor.format:
        case "xsens_txt":
            track = xsens_txt.read(file, sensor.name)
        case "movella_dot_csv":
            track = movella_dot_csv.read(file, sensor.name)
        case _:
            track = named(opensignals_h5.read(file, sensor.name), tuple(sensor.channels.values()))
    if sensor.rate_hz:
        check_rate(track, sensor.rate_hz)
    return replace(track, segment=sensor.segment, truth=sensor.truth)


def _table(path: Path, sensor: SensorPart, timed: SensorPart | None) -> Track:
    """Read the columns of a sensor.

    Args:
        timed: The sensor of the same file whose time column counts, if any does.
    """
    file, where = path.parent / sensor.file, f"{sensor.file}, sensor {sensor.name}"
    if timed is None and sensor.rate_hz is None:
        raise ImportProblem(where, "without a time column rate_hz is needed: add columns.t or rate_hz")
    wanted = _wanted(sensor)
    t_name = timed.columns.t if timed else None
    columns = read_columns(file, [*(c for names in wanted.values() for c in names), *([t_name] if t_name else [])])
    fields = {
        name: np.stack([columns[column] for column in names], axis=1) * _factor(sensor, name)
        for name, names in wanted.items()
    }
    inside = _inside(fields)
    n = next(iter(fields.values())).shape[0]
    if timed and t_name:
        t = _times(where, columns[t_name] * _factor(timed, "t"), inside)
    else:
        t = np.rint(np.arange(n) * 1e9 / (sensor.rate_hz or 1.0)).astype(np.int64)[inside]
    track = Track(
        sensor.name,
        file.name,
        sensor.kind,
        t,
        sensor.rate_hz or (rate_of(t) if t.size > 1 else 1.0),
        {name: values[inside] for name, values in fields.items()},
        clock=f"the time columns of {path.name}" if timed else f"the rows of {sensor.file}",
        started=int(t[0]) if timed and t.size and EPOCH_NS[0] <= t[0] <= EPOCH_NS[1] else None,
        counts=sensor.units.get("emg") == "counts",
        segment=sensor.segment,
        channels=dict(enumerate(sensor.channels.values())),
        truth=sensor.truth,
    )
    checked(track, {**DEFAULTS, **sensor.units})
    if timed and sensor.rate_hz:
        check_rate(track, sensor.rate_hz)
    return track


def _calibrated(path: Path, sensor: SensorPart, track: Track) -> Track:
    """Return the track with the calibration that the sensor names, if it names one."""
    if sensor.calibration is None:
        return track
    if not {"acc", "gyr", "mag"} & set(track.fields):
        raise ImportProblem(_where(path, sensor), "there is no acc, gyr or mag to calibrate: leave calibration out")
    try:
        return replace(track, calibration=read_calibration(path.parent / sensor.calibration))
    except UnusableCalibration as problem:
        raise ImportProblem(_where(path, sensor), str(problem)) from None


def _wanted(sensor: SensorPart) -> dict[str, tuple[str, ...]]:
    """Return the fields of a sensor, in the order of the open profile, and their columns."""
    if sensor.kind != "imu":
        return {sensor.kind: tuple(sensor.channels)}
    named = {name: getattr(sensor.columns, name) for name in ("acc", "gyr", "mag", "quat")}
    return {name: columns for name, columns in named.items() if columns is not None}


def _factor(sensor: SensorPart, quantity: str) -> float:
    unit = sensor.units.get(quantity, DEFAULTS.get(quantity))
    return FACTORS[quantity][unit] if unit else 1.0


def _inside(fields: Mapping[str, Floats]) -> slice:
    """Return the rows from the first to the last in which the sensor has any number: its file may be longer."""
    filled = np.flatnonzero(np.isfinite(np.hstack(list(fields.values()))).any(axis=1))
    return slice(int(filled[0]), int(filled[-1]) + 1) if filled.size else slice(0, 0)


def _times(where: str, t_ns: Floats, inside: slice) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    t = t_ns[inside]
    missing = ~np.isfinite(t)
    if missing.any():
        row = int(np.argmax(missing)) + 1 + inside.start
        raise ImportProblem(where, f"the time column is empty in row {row}: fill it in, or delete the row")
    return np.rint(t).astype(np.int64)


def _where(path: Path, sensor: SensorPart) -> str:
    return f"{path.name}, sensor {sensor.name}"
