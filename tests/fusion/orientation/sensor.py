"""A simulated sensor whose orientation is known exactly, the real trials, and how far an estimate is off."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusion.orientation import Adaptive, AdaptiveParams
from fusion.orientation import quaternion as qt
from fusion.orientation.kernels.adaptive import TRACE
from gateway.files.broad import Trial, find_trials, read_trial

Floats = NDArray[np.float64]
DEG = np.pi / 180.0
GRAVITY = np.array([0.0, 0.0, 9.81])
FIELD = np.array([0.0, 20.0, -45.0])
"""Of middle Europe, in microtesla."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What a sensor measures, shape (n, 3), its true orientation, shape (n, 4), and its intervals, shape (n,)."""

    quat: Floats
    gyr: Floats
    acc: Floats
    mag: Floats
    dt: Floats

    def biased(self, *bias_deg: float) -> "Samples":
        """Add a constant to the rates [deg/s]."""
        return replace(self, gyr=self.gyr + DEG * np.array(bias_deg))

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> "Samples":
        return Samples(self.quat[rows], self.gyr[rows], self.acc[rows], self.mag[rows], self.dt[rows])


def samples(quat: Floats, rate_hz: float, field: Floats = FIELD) -> Samples:
    """Return what a sensor measures that turns evenly from each orientation to the next."""
    step = qt.multiply(qt.conjugate(quat[:-1]), quat[1:])
    step = np.concatenate([step[:1], step]) * np.where(np.concatenate([step[:1], step])[:, :1] < 0.0, -1.0, 1.0)
    length = np.sqrt((step[:, 1:] ** 2).sum(axis=1, keepdims=True))
    turn = step[:, 1:] * 2.0 * np.arctan2(length, step[:, :1]) / np.maximum(length, 1e-300)
    back = qt.conjugate(quat)
    return Samples(
        quat, turn * rate_hz, qt.rotate(back, GRAVITY), qt.rotate(back, field), np.full(len(quat), 1 / rate_hz)
    )


def turning(
    seconds: float, rate_hz: float = 100.0, seed: int = 0, tilt_deg: float = 60.0, speed: float = 1.0
) -> Samples:
    """Return a sensor that turns about the vertical all the time and tilts by about so much, in slow waves."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    waves = [sum(np.sin(speed * f * t + rng.uniform(0, 6)) for f in (0.7, 1.3, 3.1)) / 3.0 for _ in range(3)]
    quat = qt.about_z(speed * t + 2.0 * waves[0] + rng.uniform(0, 6))
    for axis, wave in zip(np.eye(3), waves[1:], strict=False):
        quat = qt.multiply(quat, qt.from_axis_angle(axis, DEG * tilt_deg * wave))
    return samples(quat, rate_hz)


def still(seconds: float, rate_hz: float = 100.0, quat: Floats = qt.IDENTITY) -> Samples:
    """Return a sensor that lies there."""
    return samples(np.tile(quat, (round(seconds * rate_hz), 1)), rate_hz)


def joined(*parts: Samples) -> Samples:
    """Return one recording after the other, whatever jumps there are between them."""
    fields = ("quat", "gyr", "acc", "mag", "dt")
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def lane(x: Floats) -> Floats:
    """Return rows of one sensor as the filter takes them, shape (3, n, 1)."""
    return np.ascontiguousarray(x.T)[:, :, None]


@dataclass(frozen=True, slots=True)
class Followed:
    """What the filter made of samples."""

    filter: Adaptive
    quat: Floats
    trace: Floats
    """Shape (n, TRACE)."""

    @property
    def heading_sigma_deg(self) -> Floats:
        """Standard deviation of the heading at each sample."""
        return np.degrees(self.trace[:, 11])


def follow(
    s: Samples, params: AdaptiveParams | None = None, filter_: Adaptive | None = None, *, mag: bool = True
) -> Followed:
    """Run the filter of one sensor over samples."""
    filter_ = filter_ or Adaptive(1, params)
    trace = np.zeros((len(s.dt), 1, TRACE))
    out = filter_.update(lane(s.gyr), lane(s.acc), lane(s.mag) if mag else None, s.dt[:, None].copy(), trace=trace)
    return Followed(filter_, out[:, :, 0].T.copy(), trace[:, 0])


def heading_off_deg(quat: Floats, truth: Floats) -> Floats:
    """Return the turn about the vertical from truth to estimate, -180 to 180."""
    e = qt.multiply(quat, qt.conjugate(truth))
    return (np.degrees(2.0 * np.arctan2(e[:, 3], e[:, 0])) + 180.0) % 360.0 - 180.0


def tilt_off_deg(quat: Floats, truth: Floats) -> Floats:
    """Return the angle between the verticals of estimate and truth."""
    e = qt.multiply(quat, qt.conjugate(truth))
    return np.degrees(2.0 * np.arctan2(np.hypot(e[:, 1], e[:, 2]), np.hypot(e[:, 0], e[:, 3])))


@cache
def trials(recordings: Path) -> tuple[Trial, ...]:
    """Return the real trials, by name."""
    return tuple(read_trial(path) for path in find_trials(recordings / "broad"))


def of_trial(trial: Trial) -> Samples:
    """Return a trial as samples."""
    return Samples(
        trial.quat, trial.gyr.copy(), trial.acc.copy(), trial.mag.copy(), np.full(len(trial.gyr), 1.0 / trial.rate_hz)
    )
