"""CSV exports of the Movella (Xsens) DOT app.

A preamble of `Key:,value` lines, among them `DeviceTag`, `SyncStatus`, `OutputRate` and `StartTime`, then a header and
rows. `SampleTimeFine` counts microseconds in 32 bits; sensors that the app has synchronised share it, however long
after one another their recordings began. Accelerations are in m/s2, rates in deg/s, quaternions w x y z, sensor to
earth. `FreeAcc_` columns lack gravity and are of no use here.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from gateway.files.problem import ImportProblem
from gateway.files.table import check_names, header_of, read_columns, text_of
from gateway.files.track import Floats, Track, check_rate, checked, rate_of
from gateway.files.units import FACTORS

WRAP_US = 2**32
FIELDS = {
    "acc": ("Acc_X", "Acc_Y", "Acc_Z"),
    "gyr": ("Gyr_X", "Gyr_Y", "Gyr_Z"),
    "mag": ("Mag_X", "Mag_Y", "Mag_Z"),
    "quat": ("Quat_W", "Quat_X", "Quat_Y", "Quat_Z"),
}
START = re.compile(r"(\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d)_(\d{3})\s*(\S*)")


def is_movella_dot(text: str) -> bool:
    """Say whether a text begins as such an export does."""
    return "PacketCounter,SampleTimeFine" in text


def read(path: Path, sensor: str, segment: str | None = None) -> Track:
    """Return the samples of one export; raises `ImportProblem`."""
    lines = text_of(path).splitlines()
    line = next((i for i, text in enumerate(lines) if text.startswith("PacketCounter")), None)
    if line is None:
        raise ImportProblem(path.name, "no row begins with PacketCounter: this is not an export of the DOT app")
    header = header_of(path, line)
    check_names(path, ["SampleTimeFine"], header.names)
    found = {name: columns for name, columns in FIELDS.items() if set(columns) <= set(header.names)}
    if not {"acc", "gyr"} <= found.keys() and "quat" not in found:
        raise ImportProblem(path.name, "there are neither Acc_ and Gyr_ nor Quat_ columns: choose another payload mode")
    columns = read_columns(path, ["SampleTimeFine", *(c for names in found.values() for c in names)], header)
    return replace(_track(path, sensor, _preamble(lines[:line]), columns, found), segment=segment)


def tag_of(path: Path) -> str:
    """Return the tag that the user gave the sensor in the app, or nothing."""
    return _preamble(text_of(path).splitlines()[:20]).get("DeviceTag", "")


def _track(
    path: Path,
    sensor: str,
    preamble: Mapping[str, str],
    columns: Mapping[str, Floats],
    found: Mapping[str, tuple[str, ...]],
) -> Track:
    values = {name: np.stack([columns[column] for column in names], axis=1) for name, names in found.items()}
    if "gyr" in values:
        values["gyr"] = values["gyr"] * FACTORS["gyr"]["deg/s"]
    is_synced = preamble.get("SyncStatus") == "Synced"
    started, note = start_time(preamble.get("StartTime", ""))
    t = _times(path, columns["SampleTimeFine"])
    rate = re.match(r"[0-9.]+", preamble.get("OutputRate", ""))
    track = Track(
        sensor,
        path.name,
        "imu",
        t,
        float(rate[0]) if rate else rate_of(t) if t.size > 1 else 60.0,
        values,
        clock="the clock of synchronised DOTs" if is_synced else f"the clock of {path.name}",
        wrap_ns=WRAP_US * 1000,
        started=started,
        notes=(note,) if note else (),
    )
    checked(track, {"acc": "m/s2", "gyr": "deg/s"})
    check_rate(track, track.rate_hz)
    return track


def _times(path: Path, fine: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return microseconds that go on counting where the counter began anew, as ns."""
    if not np.isfinite(fine).all():
        raise ImportProblem(path.name, f"SampleTimeFine is empty in row {int(np.argmax(~np.isfinite(fine))) + 1}")
    turns = np.cumsum(np.diff(fine, prepend=fine[:1]) < -WRAP_US / 2)
    return ((fine + WRAP_US * turns) * 1000).astype(np.int64)


def _preamble(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(",") for line in lines)
    return {key.strip(" :"): value.strip(" ,") for key, _, value in pairs}


def start_time(text: str) -> tuple[int | None, str | None]:
    """Return a start such as `2024-12-09_17:31:07_886 CET` [ns UTC], and what is doubtful about it."""
    found = START.match(text)
    if found is None:
        return None, None
    zone: tzinfo = UTC
    note = None
    try:
        zone = ZoneInfo(found[3]) if found[3] else UTC
    except (ZoneInfoNotFoundError, ValueError):
        note = f"the time zone {found[3]} is not known here, so the start was taken as UTC"
    moment = datetime.strptime(found[1], "%Y-%m-%d_%H:%M:%S").replace(tzinfo=zone)
    return round(moment.timestamp()) * 1_000_000_000 + int(found[2]) * 1_000_000, note
