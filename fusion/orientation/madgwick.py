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

from fusion.orientation.kernels import madgwick as kernel

Floats = NDArray[np.float64]
NO_FIELD = np.zeros((3, 0, 0))

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


class MadgwickState:
    """Where every sensor is; copy it to go back there."""

    def __init__(self, lanes: Floats) -> None:
        self.quat = lanes[: kernel.AGE]
        """Sensor-to-earth, shape (4, N)."""
        self.age = lanes[kernel.AGE]
        """Time since the start or the last gap [s], shape (N,); negative before the first usable acceleration."""

    def copy(self) -> "MadgwickState":
        """Return an independent copy."""
        return MadgwickState(np.concatenate([self.quat, self.age[None]]))


class Madgwick:
    """The filter of N sensors."""

    def __init__(self, count: int, params: MadgwickParams | None = None, *, magnetometer: bool = False) -> None:
        self.params = params or MadgwickParams()
        self._magnetometer = magnetometer
        self._lanes = _fresh(0, self.params, magnetometer)
        self.grow(count)

    def grow(self, count: int) -> None:
        """Make room for `count` sensors; those there keep their state."""
        more = _fresh(count - self._lanes.shape[1], self.params, self._magnetometer)
        self._lanes = np.concatenate([self._lanes, more], axis=1)
        self._state = MadgwickState(self._lanes)
        self._unlimited = np.full(count, np.iinfo(np.int64).max)

    @property
    def state(self) -> MadgwickState:
        """Where every sensor is now, to be read and written; setting it goes back to a copy."""
        return self._state

    @state.setter
    def state(self, saved: MadgwickState) -> None:
        if saved.age.shape != self._state.age.shape:
            raise ValueError(f"a state of {saved.age.size} sensors for a filter of {self._state.age.size}")
        self._state.quat[:] = saved.quat
        self._state.age[:] = saved.age

    @property
    def beta(self) -> Floats:
        """Gain of each sensor [rad/s], shape (N,), to be read and written."""
        beta: Floats = self._lanes[kernel.BETA]
        return beta

    def restart(self, sensor: int) -> None:
        """Let one sensor begin anew."""
        self._state.quat[:, sensor] = (1.0, 0.0, 0.0, 0.0)
        self._state.age[sensor] = -1.0

    def update(
        self,
        gyr: Floats,
        acc: Floats,
        mag: Floats | None,
        dt: Floats,
        count: NDArray[np.int64] | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Take the next samples of all sensors and return their orientations, shape (4, K, N).

        gyr, acc, mag: [rad/s], [m/s2], any unit; shape (3, K, N), C-contiguous; NaN where unusable.
        dt: Interval before each sample [s], shape (K, N); that of a sensor's first sample ever is not used.
        count: Samples of each sensor, shape (N,), all K if None; what stands behind them is ignored.
        out: Takes the result, and shares no memory with the inputs; None for a fresh array, which takes longer.
        """
        if out is None:
            steps, lanes = dt.shape
            out = np.empty((4, steps, lanes))
        params = self.params
        kernel.madgwick_update(
            self._lanes, gyr, acc, NO_FIELD if mag is None else mag, dt, self._unlimited if count is None else count,
            params.start_beta, params.settle, params.max_step, out,
        )  # fmt: skip
        return out


def estimate_madgwick(
    gyr: Floats, acc: Floats, mag: Floats | None, rate_hz: float, params: MadgwickParams | None = None
) -> Floats:
    """Estimate one sensor's orientation over a recording, shape (n, 4); see `fusion.orientation.estimate`."""
    params = params or MadgwickParams()
    out = np.empty((len(gyr), 4))
    kernel.madgwick_alone(
        _fresh(1, params, mag is not None), 0, _lane(gyr), _lane(acc), NO_FIELD if mag is None else _lane(mag),
        np.broadcast_to(1.0 / rate_hz, (len(gyr), 1)), len(gyr),
        params.start_beta, params.settle, params.max_step, _lane(out),
    )  # fmt: skip
    return out


def _fresh(count: int, params: MadgwickParams, magnetometer: bool) -> Floats:
    """Return the lanes of sensors that have not started."""
    default = BETA_MAG if magnetometer else BETA
    lanes = np.zeros((kernel.ROWS, count))
    lanes[kernel.QUAT], lanes[kernel.AGE] = 1.0, -1.0
    lanes[kernel.BETA] = default if params.beta is None else params.beta
    return lanes


def _lane(x: Floats) -> Floats:
    """View a recording, shape (n, c), as the samples of one sensor, shape (c, n, 1)."""
    return np.asarray(x, dtype=np.float64).T[:, :, None]
