"""One sensor's samples out of a file, whatever the file was; and what they must be like to become a session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusion.calibration import SensorCalibration
from gateway.files.problem import ImportProblem
from gateway.files.units import suspicion

Times = NDArray[np.int64]
Floats = NDArray[np.float64]

FEWEST = 10
"""Samples below which nothing can be computed."""
STRIDE = 100
"""Samples over which a rate is measured, so that time stamps rounded to milliseconds do not matter; a tenth of a short
recording, so that a gap lies in few of the stretches."""
RATE_TOLERANCE = 0.02
"""A stated rate and the time stamps may differ by this fraction: `gateway.clock.MAX_PERIOD_ERROR`."""


@dataclass(frozen=True, slots=True)
class Track:
    """Samples of one sensor in SI units on its file's own time line."""

    sensor: str
    """Its id in the session."""
    source: str
    """The file's name, for sentences."""
    kind: Literal["imu", "emg", "angle"]
    t: Times
    """Time of each sample by the file's clock [ns], shape (N,), strictly increasing."""
    rate_hz: float
    fields: Mapping[str, Floats]
    """acc [m/s2], gyr [rad/s], mag and quat (w x y z) of an imu; else emg [V or counts] or angle [deg]; (N, width)."""
    clock: str
    """Tracks with the same clock were timed by the same one, or by synchronised ones."""
    wrap_ns: int = 0
    """The clock restarts after this long [ns]; 0: never."""
    started: int | None = None
    """When the first sample was taken, as far as the file says [ns UTC]."""
    counts: bool = False
    """EMG comes in counts of a converter, whose scale is not known."""
    segment: str | None = None
    channels: Mapping[int, str] = field(default_factory=dict)
    """Channel number to muscle and side, or to the name of an angle."""
    truth: bool = False
    calibration: SensorCalibration | None = None
    """Of the sensor's own errors, which are still in the samples."""
    notes: tuple[str, ...] = ()
    """What is worth knowing about the file, in sentences."""

    @property
    def where(self) -> str:
        """Name file and sensor, for sentences."""
        return f"{self.source}, sensor {self.sensor}"


def checked(track: Track, units: Mapping[str, str] | None = None) -> Track:
    """Return the track if a session can be made of it; raises `ImportProblem`.

    Args:
        units: Units that were declared for the quantities, which are held against the numbers.
    """
    n = track.t.size
    if n < FEWEST:
        raise ImportProblem(track.where, f"{n} samples are too short a recording: at least {FEWEST} are needed")
    _check_numbers(track)
    _check_times(track)
    _check_quaternions(track)
    for quantity, unit in (units or {}).items():
        if quantity in track.fields and (why := suspicion(quantity, unit, track.fields[quantity])):
            raise ImportProblem(track.where, f"{quantity} has {why}; correct units.{quantity}")
    return track


def named(track: Track, muscles: Sequence[str]) -> Track:
    """Return an EMG track whose first channels are these muscles; raises `ImportProblem` if there are fewer."""
    count = track.fields["emg"].shape[1]
    if len(muscles) > count:
        raise ImportProblem(track.where, f"{len(muscles)} muscles are named, but the file has {count} EMG channels")
    return replace(track, channels={**track.channels, **dict(enumerate(muscles))})


def rate_of(t: Times) -> float:
    """Return the rate that time stamps show [Hz], whatever gaps and rounding they have."""
    k = max(1, min(STRIDE, t.size // 10))
    return float(1e9 * k / np.median(t[k:] - t[:-k]))


def check_rate(track: Track, stated_hz: float) -> None:
    """Compare the time stamps with a stated rate; raises `ImportProblem`."""
    found = rate_of(track.t)
    if abs(found / stated_hz - 1) > RATE_TOLERANCE:
        raise ImportProblem(
            track.where,
            f"the time stamps show {found:.4g} Hz, but rate_hz says {stated_hz:g}: correct rate_hz, or the unit of t",
        )


def _check_numbers(track: Track) -> None:
    for name, values in track.fields.items():
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            row = int(np.argmax(bad)) + 1
            raise ImportProblem(
                track.where,
                f"{int(bad.sum())} of {bad.size} rows have no number in {name}, the first is row {row}: "
                "delete these rows (with a time column the gap is handled), or fill them in",
            )


def _check_times(track: Track) -> None:
    back = np.diff(track.t) <= 0
    if back.any():
        row = int(np.argmax(back)) + 2
        said = "repeats the one before" if track.t[row - 1] == track.t[row - 2] else "goes back in time"
        raise ImportProblem(
            track.where,
            f"time must increase, but row {row} {said} ({int(back.sum())} such rows): "
            "sort and clean the rows, or leave the time column out and give rate_hz",
        )


def _check_quaternions(track: Track) -> None:
    if "quat" not in track.fields:
        return
    length = np.linalg.norm(track.fields["quat"], axis=1)
    bad = np.abs(length - 1) > 0.04
    if bad.any():
        row = int(np.argmax(bad))
        raise ImportProblem(
            track.where,
            f"quat must be of unit length, but in row {row + 1} it is {length[row]:.3g} long: "
            "name its four columns in the order w, x, y, z",
        )
