"""Xsens text exports, as MT Manager writes them for MTw and MTi sensors.

Comment lines that begin with // name the sample rate; then come a header and tab-separated rows. `Counter` counts
samples at that rate, in 16 bits, and is the same for all sensors of one recording. Accelerations are in m/s2, rates in
rad/s, the magnetic field in the sensor's own unit, quaternions w x y z, sensor to earth.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from gateway.files.problem import ImportProblem
from gateway.files.table import Header, header_of, read_columns, text_of
from gateway.files.track import Floats, Track, checked

COUNTER_PERIOD = 2**16
RATE = re.compile(r"//\s*(?:Sample|Update) rate:\s*([0-9.]+)\s*Hz", re.IGNORECASE)
COUNTERS = ("Counter", "PacketCounter")
FIELDS = {
    "acc": (("Acc_X", "Acc_Y", "Acc_Z"),),
    "gyr": (("Gyr_X", "Gyr_Y", "Gyr_Z"),),
    "mag": (("Mag_X", "Mag_Y", "Mag_Z"),),
    "quat": (("Quat_w", "Quat_x", "Quat_y", "Quat_z"), ("Quat_q0", "Quat_q1", "Quat_q2", "Quat_q3")),
}
"""Our fields and the columns that hold them, by the versions of the software."""


def is_xsens(text: str) -> bool:
    """Say whether a text begins as such an export does."""
    return text.startswith("//") and RATE.search(text) is not None


def read(path: Path, sensor: str, segment: str | None = None) -> Track:
    """Return the samples of one export; raises `ImportProblem`."""
    text = text_of(path)
    rate = RATE.search(text)
    if rate is None:
        raise ImportProblem(path.name, "no line '// Sample rate: ...Hz' says the rate: export it with the header lines")
    lines = text.splitlines()
    header = header_of(path, next((i for i, line in enumerate(lines) if not line.startswith("//")), len(lines)))
    found = {
        name: columns
        for name, versions in FIELDS.items()
        for columns in versions
        if all(column in header.names for column in columns)
    }
    if not {"acc", "gyr"} <= found.keys() and "quat" not in found:
        raise ImportProblem(path.name, "there are neither Acc_ and Gyr_ nor Quat_ columns: include them in the export")
    return checked(
        replace(_track(path, sensor, header, float(rate[1]), found), segment=segment), {"acc": "m/s2", "gyr": "rad/s"}
    )


def _track(path: Path, sensor: str, header: Header, rate_hz: float, found: dict[str, tuple[str, ...]]) -> Track:
    counter = next((name for name in COUNTERS if name in header.names), None)
    names = [column for columns in found.values() for column in columns]
    columns = read_columns(path, [*names, *([counter] if counter else [])], header)
    n = columns[names[0]].size
    count = unwrapped(columns[counter]) if counter else np.arange(n, dtype=np.float64)
    return Track(
        sensor,
        path.name,
        "imu",
        np.rint(count * 1e9 / rate_hz).astype(np.int64),
        rate_hz,
        {name: np.stack([columns[column] for column in found[name]], axis=1) for name in FIELDS if name in found},
        clock=f"the Xsens counter at {rate_hz:g} Hz" if counter else f"the rows of {path.name}",
        wrap_ns=round(COUNTER_PERIOD * 1e9 / rate_hz) if counter else 0,
    )


def unwrapped(counter: Floats) -> Floats:
    """Return a 16-bit counter that goes on counting where it began anew."""
    turns = np.cumsum(np.diff(counter, prepend=counter[:1]) < -COUNTER_PERIOD / 2)
    return np.asarray(counter + COUNTER_PERIOD * turns, np.float64)
