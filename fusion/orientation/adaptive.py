"""Madgwick's step with conditioned inputs, live for many sensors at once; a recording is one big chunk.

What is wrong with the filter as published is not its step but what it is fed: every acceleration of the body as if it
were gravity, the gyro bias, and a field that may turn tilt. Here

1. the rates, less their bias, are integrated over the true intervals (prediction first, correction after it);
2. the specific force is averaged in the inertial frame so reached, where gravity stands still and accelerations cancel
   (Laidig and Seel 2023), and Madgwick's step turns the estimate towards that mean: as far as needed, at most `beta`;
3. the bias is learned from rest and, in motion, from what step 2 has to correct: the Kalman filter of the same paper,
   with its three measurements taken one after another;
4. the field turns the heading only. Its weight falls with the rate of turn and with the deviation of its norm; a
   difference beyond `heading_limit` counts as one at the limit; while norm or dip is off, it is ignored (the rules of
   the same paper). A Kalman filter of heading and drift gives the weight against the rates, and the standard deviation.
   Until the usual field is known, one that does not change is believed, and one that does is taken for disturbed. A
   heading found in a field not yet known to be undisturbed is doubted once one is, as far as they differ.

D. Laidig, T. Seel, "VQF: Highly accurate IMU orientation estimation with bias estimation and magnetic disturbance
rejection", Information Fusion 91, 2023, doi:10.1016/j.inffus.2022.10.014. Deviations: slow quantities are corrected
once per `interval`; the low-passes are implicit and take any step; the heading part is our own.

Without usable rate a sample is skipped; over an interval longer than usual the rate is taken to have gone straight from
the last to this one. Specific force and field may come less often: each counts for the time since it last came. A
repeated or backward time stamp is ignored. After a gap the orientation is held, gravity is averaged anew, and the
variances of heading and bias grow. A field within 3 deg of the vertical says nothing of the heading; free fall, and a
tilt that `beta` is still undoing, nothing of the bias.
"""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.orientation.kernels.adaptive import PARAMS, STATE, TRACE, adaptive_update, heading_sigmas
from fusion.orientation.kernels.field import ANYTHING
from fusion.orientation.params import AdaptiveParams

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NO_TRACE = np.zeros((0, 0, 0))
NO_FIELD = np.zeros((3, 0, 0))


@dataclass(frozen=True, slots=True)
class Status:
    """What the filter knows about each sensor beside its orientation."""

    resting: Bools
    """The sensor lies still and its bias is being measured, shape (N,)."""
    disturbed: Bools
    """The field is not the usual one, and is ignored for a while, shape (N,)."""
    converging: Bools
    """Not yet started, or just started or after a gap: gravity is still being averaged, shape (N,)."""
    bias: Floats
    """Gyro bias in the sensor frame [rad/s], shape (N, 3)."""
    bias_sigma: Floats
    """Its standard deviation [rad/s], shape (N, 3)."""
    heading_sigma: Floats
    """Standard deviation of the heading [rad], shape (N,): against magnetic north if the sensor has seen a field, else
    against its own start. pi / sqrt(3) = 1.8 means that nothing is known."""


class Adaptive:
    """The filter of N sensors. `state` is one structured array: copy it to go back there; `kept` makes JSON of it."""

    def __init__(self, count: int, params: AdaptiveParams | None = None) -> None:
        self.params = params or AdaptiveParams()
        self._params = np.array([astuple(self.params)], dtype=PARAMS)
        self._state = np.zeros(0, dtype=STATE)
        self.grow(count)

    @property
    def state(self) -> NDArray[np.void]:
        """Where every sensor is, shape (N,); see `fusion.orientation.kernels.adaptive.STATE`. Setting it copies."""
        return self._state

    @state.setter
    def state(self, state: NDArray[np.void]) -> None:
        if state.dtype != STATE or state.shape != self._state.shape:
            raise ValueError(f"a state of shape {state.shape} is none of {self._state.size} sensors")
        self._state = state.copy()

    def grow(self, count: int) -> None:
        """Make room for `count` sensors; those there keep their state."""
        self._state = np.concatenate([self._state, self._fresh(count - self._state.size)])

    def restart(self, sensor: int) -> None:
        """Let one sensor begin anew."""
        self.state[sensor] = self._fresh(1)[0]

    def _fresh(self, count: int) -> NDArray[np.void]:
        state = np.zeros(count, dtype=STATE)
        state["age"] = -1.0
        state["quat"][:, 0] = 1.0
        state["bias_cov"][:, [0, 3, 5]] = self.params.bias_start**2
        state["heading_var"] = ANYTHING
        return state

    def update(
        self,
        gyr: Floats,
        acc: Floats,
        mag: Floats | None,
        dt: Floats,
        count: NDArray[np.int64] | None = None,
        out: Floats | None = None,
        trace: Floats | None = None,
    ) -> Floats:
        """Take the next samples of all sensors and return their orientations, shape (4, K, N).

        gyr, acc, mag: [rad/s], [m/s2], any unit; shape (3, K, N), C-contiguous; NaN where unusable.
        dt: Interval before each sample [s], shape (K, N); that of a sensor's first sample ever is not used.
        count: Samples of each sensor, shape (N,), all K if None; what stands behind them is ignored.
        out: Where to write, shape (4, K, N); a new array if None.
        trace: Where to write bias, its covariance, rest, disturbance and heading deviation of each sample, shape
            (K, N, 12); None: not at all.
        """
        steps, lanes = dt.shape
        if out is None:
            out = np.zeros((4, steps, lanes))
            if count is not None:
                out[0] = 1.0
        for name, x, rows in (("gyr", gyr, 3), ("acc", acc, 3), ("mag", mag, 3), ("out", out, 4)):
            if x is None:
                continue
            if x.shape != (rows, steps, lanes):
                raise ValueError(f"{name} has shape {x.shape}, not {(rows, steps, lanes)}")
            if x.dtype != np.float64 or not x.flags.carray:
                raise ValueError(f"{name} must be float64, C-contiguous and writable")
        if lanes != self.state.size or (count is not None and count.shape != (lanes,)):
            raise ValueError(f"samples of {lanes} sensors and their count, for {self.state.size}")
        if trace is not None and trace.shape != (steps, lanes, TRACE):
            raise ValueError(f"trace has shape {trace.shape}, not {(steps, lanes, TRACE)}")
        if count is None:
            count = np.full(lanes, steps, dtype=np.int64)
        elif count.dtype != np.int64:
            count = count.astype(np.int64)
        adaptive_update(
            self.state, self._params, gyr, acc, NO_FIELD if mag is None else mag, mag is not None, dt, count, out,
            NO_TRACE if trace is None else trace,
        )  # fmt: skip
        return out

    @property
    def status(self) -> Status:
        """How sure every sensor is, after the last update."""
        s, p = self.state, self.params
        sigma = np.empty(s.size)
        heading_sigmas(s, sigma)
        return Status(
            resting=s["rest_time"] >= p.rest_time,
            disturbed=(s["disturbed"] > 0.0) & (s["ref_norm"] > 0.0),
            converging=s["up_age"] < p.tau_acc,
            bias=s["bias"].copy(),
            bias_sigma=np.sqrt(s["bias_cov"][:, [0, 3, 5]]),
            heading_sigma=sigma,
        )


def estimate_adaptive(
    gyr: Floats, acc: Floats, mag: Floats | None, dt: Floats, params: AdaptiveParams | None = None
) -> Floats:
    """Estimate one sensor's orientation over a recording, shape (n, 4); dt [s], shape (n,)."""
    lanes = [None if x is None else lane(x) for x in (gyr, acc, mag)]
    assert lanes[0] is not None
    assert lanes[1] is not None
    quat = Adaptive(1, params).update(lanes[0], lanes[1], lanes[2], np.ascontiguousarray(dt)[:, None])
    return np.ascontiguousarray(quat[:, :, 0].T)


def lane(x: Floats) -> Floats:
    """Return rows of one sensor, shape (n, 3), as the kernels take them, shape (3, n, 1)."""
    return np.ascontiguousarray(np.asarray(x, dtype=np.float64).T)[:, :, None]
