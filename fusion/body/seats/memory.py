"""The last minute of all seats, a row each tenth of a second."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.body.kernels import remember

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STEP_NS = 100_000_000
STEP = 0.1
"""Length of a step [s]."""
STILL_RATE = 0.1
"""Mean angular rate below which a sensor is still [rad/s]: quiet standing sways less. [P]"""
STILL_ACC = 0.8
"""Range of the acceleration's magnitude within a step below which it is still [m/s2]. [P]"""
KEPT = 600
"""Steps remembered: the last minute."""
QUAT, MAG, GYR, STILL = slice(0, 4), slice(4, 7), slice(7, 10), 10
COLUMNS = 11
"""Of the memory."""


@dataclass(frozen=True, slots=True)
class Step:
    """All seats during one step, NaN where there was no value."""

    t: int
    """End of the step [ns]."""
    quat: Floats
    """Sensor-to-earth, shape (rows, seats, 4)."""
    gyr: Floats
    acc: Floats
    mag: Floats


class Memory:
    """What the seats' sensors lately measured, and who was still."""

    def __init__(self) -> None:
        self.steps = 0
        """Steps so far."""
        self._rows = np.full((KEPT, 0, COLUMNS), np.nan)

    def add(self) -> None:
        """Make room for one more seat."""
        self._rows = np.concatenate([self._rows, np.full((KEPT, 1, COLUMNS), np.nan)], axis=1)

    def forget(self, seat: int) -> None:
        """Let a seat begin anew."""
        self._rows[:, seat] = np.nan

    def take(self, step: Step) -> Bools:
        """Keep the step's last moment, and return who was still, shape (seats,)."""
        still = np.empty(self._rows.shape[1], dtype=np.bool_)
        slot = self._rows[self.steps % KEPT]
        remember(step.quat, step.gyr, step.acc, step.mag, STILL_RATE, STILL_ACC, slot, still)
        self.steps += 1
        return still

    @property
    def last(self) -> Floats:
        """Return the orientations of the last step, shape (seats, 4)."""
        return self._rows[(self.steps - 1) % KEPT, :, QUAT]

    @property
    def rows(self) -> Floats:
        """Return all there is, oldest first, shape (n, seats, COLUMNS)."""
        if self.steps < KEPT:
            return self._rows[: self.steps]
        return np.roll(self._rows, -(self.steps % KEPT), axis=0)
