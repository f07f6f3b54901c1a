"""Madgwick's gradient-descent filter as published, live for many sensors at once; a recording is one big chunk.

S. Madgwick, "An efficient orientation filter for inertial and inertial/magnetic sensor arrays", 2010; S. Madgwick,
A. Harrison, R. Vaidyanathan, ICORR 2011, doi:10.1109/ICORR.2011.5975346: equations 11 to 13 (rate), 15 to 20 and 25, 26
(gravity), 29 to 34 (field), 42 to 44 (fusion).

Deviations: the earth frame is ENU, so the reference field is (0, b_y, b_z) instead of (b_x, 0, b_z), which turns the
result by 90 degrees about the vertical and changes nothing else. The reference field is taken at its full length; the
often copied C code halves it. The gain starts high and falls linearly to `beta` within `settle` seconds, because the
first sample may be an accelerated one. After a step longer than `max_step` the orientation is held and the gain starts
anew. A sample whose gyr is NaN corrects only, one whose acc is NaN integrates only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.orientation.kernels.madgwick import madgwick_update

Floats = NDArray[np.float64]

BETA = 0.035
"""Default gain without magnetometer [rad/s]: smallest inclination error over 30 trials of the BROAD benchmark."""
BETA_MAG = 0.08
"""Default gain with magnetometer [rad/s]: smallest total error over 30 trials of the BROAD benchmark."""


@dataclass(frozen=True, slots=True)
class MadgwickParams:
    """What the filter trusts."""

    beta: float | None = None
    """Gain [rad/s]; None: `BETA` or `BETA_MAG`. Higher: gyro drift is corrected faster, acceleration disturbs more."""
    start_beta: float = 0.4
    """Gain at the start and after a gap [rad/s]; at or below `beta` there is no settling. [P]"""
    settle: float = 1.5
    """Time in which `start_beta` falls to `beta` [s]. [P]"""
    max_step: float = 0.25
    """A longer interval between two samples is a gap [s]: the orientation is held over it. [P]"""


@dataclass(slots=True)
class MadgwickState:
    """Where every sensor is; copy it to go back there."""

    quat: Floats
    """Sensor-to-earth, shape (4, N)."""
    age: Floats
    """Time since the start or the last gap [s], shape (N,); negative before the first usable acceleration."""

    def copy(self) -> "MadgwickState":
        """Return an independent copy."""
        return MadgwickState(self.quat.copy(), self.age.copy())


class Madgwick:
    """The filter of N sensors."""

    def __init__(self, count: int, params: MadgwickParams | None = None, *, magnetometer: bool = False) -> None:
        self.params = params or MadgwickParams()
        default = BETA_MAG if magnetometer else BETA
        self._beta = default if self.params.beta is None else self.params.beta
        self.beta = np.zeros(0)
        """Gain of each sensor [rad/s], shape (N,); may be set."""
        self.state = MadgwickState(np.zeros((4, 0)), np.zeros(0))
        self.grow(count)

    def grow(self, count: int) -> None:
        """Make room for `count` sensors; those there keep their state."""
        more = count - self.state.age.size
        fresh = np.zeros((4, more))
        fresh[0] = 1.0
        quat = np.ascontiguousarray(np.concatenate([self.state.quat, fresh], axis=1))
        self.state = MadgwickState(quat, np.concatenate([self.state.age, np.full(more, -1.0)]))
        self.beta = np.concatenate([self.beta, np.full(more, self._beta)])

    def restart(self, sensor: int) -> None:
        """Let one sensor begin anew."""
        self.state.quat[:, sensor] = (1.0, 0.0, 0.0, 0.0)
        self.state.age[sensor] = -1.0

    def update(
        self, gyr: Floats, acc: Floats, mag: Floats | None, dt: Floats, count: NDArray[np.int64] | None = None
    ) -> Floats:
        """Take the next samples of all sensors and return their orientations, shape (4, K, N).

        gyr, acc, mag: [rad/s], [m/s2], any unit; shape (3, K, N), C-contiguous; NaN where unusable.
        dt: Interval before each sample [s], shape (K, N); that of a sensor's first sample ever is not used.
        count: Samples of each sensor, shape (N,), all K if None; what stands behind them is ignored.
        """
        steps, lanes = dt.shape
        params = self.params
        out = np.zeros((4, steps, lanes))
        out[0] = 1.0
        counts = np.full(lanes, steps, dtype=np.int64) if count is None else count
        madgwick_update(
            self.state.quat, self.state.age, gyr, acc, np.zeros((3, 0, 0)) if mag is None else mag, mag is not None,
            dt, counts, self.beta, params.start_beta, params.settle, params.max_step, out,
        )  # fmt: skip
        return out


def estimate_madgwick(
    gyr: Floats, acc: Floats, mag: Floats | None, rate_hz: float, params: MadgwickParams | None = None
) -> Floats:
    """Estimate one sensor's orientation over a recording, shape (n, 4); see `fusion.orientation.estimate`."""
    filter_ = Madgwick(1, params, magnetometer=mag is not None)
    lanes = [None if x is None else _lane(x) for x in (gyr, acc, mag)]
    assert lanes[0] is not None
    assert lanes[1] is not None
    quat = filter_.update(lanes[0], lanes[1], lanes[2], np.full((len(gyr), 1), 1.0 / rate_hz))
    return np.ascontiguousarray(quat[:, :, 0].T)


def _lane(x: Floats) -> Floats:
    return np.ascontiguousarray(np.asarray(x, dtype=np.float64).T)[:, :, None]
