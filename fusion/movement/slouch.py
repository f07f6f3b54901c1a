"""Slouching: leaning forward beyond one's own upright posture for too long.

Defaults after the field guide's section on posture coaches: a neutral zone of 10 to 15 degrees around one's own
upright, 5 degrees of hysteresis, 30 seconds of delay (5 to 120); all [P], starting values without external authority.
Leaning backward is not slouching. A time without values, up to `forget_s`, neither ends nor lengthens a slouch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Event, Json
from fusion.plain import moment, number


@dataclass(frozen=True, slots=True)
class SlouchParams:
    """When a posture counts as slouching."""

    threshold_deg: float = 15.0
    """Distance from upright [deg]. Lower: stricter. [P]"""
    hysteresis_deg: float = 5.0
    """The slouch ends this much below the threshold [deg]. Higher: fewer changes. [P]"""
    delay_s: float = 30.0
    """Leaning shorter than this is no slouch [s]. Lower: buzzes sooner, on legitimate leaning too. [P]"""
    upright_s: float = 0.5
    """Upright posture is averaged this long when it is set [s]. [P]"""
    forget_s: float = 5.0
    """After this long without values the posture is unknown [s]. [P]"""


class SlouchDetector:
    """The posture of one wearer, row by row."""

    def __init__(self, params: SlouchParams | None = None) -> None:
        self.params = params or SlouchParams()
        self.upright_deg = 0.0
        """The wearer's own upright [deg]; 0 until set: the pose of the calibration, or the device's own zero."""
        self.slouching = False
        self._leaning = 0.0
        """So long has the wearer been leaning [s]."""
        self._last: int | None = None
        self._asked: int | None = None
        self._sum, self._time = 0.0, 0.0

    def set_upright(self, t: int) -> None:
        """Take the posture from `t` on [ns] as upright."""
        self._asked, self._sum, self._time = t, 0.0, 0.0

    def carry(self) -> dict[str, Json]:
        """Return the state as JSON values."""
        return {
            "upright_deg": self.upright_deg,
            "slouching": self.slouching,
            "leaning": self._leaning,
            "asked": self._asked,
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Continue from what `carry` gave."""
        self.upright_deg, self.slouching = number(data.get("upright_deg"), 0.0), data.get("slouching") is True
        self._leaning, self._asked = number(data.get("leaning"), 0.0), moment(data.get("asked"))

    def take(self, t: NDArray[np.int64], angle_deg: NDArray[np.float64]) -> list[Event]:
        """Take the forward inclinations at `t` [ns] and return what has changed."""
        events = [self.step(*row) for row in zip(t.tolist(), angle_deg.tolist(), strict=True)]
        return [event for event in events if event is not None]

    def step(self, t: int, angle_deg: float) -> Event | None:
        """Take the forward inclination at `t` [ns] and return what has changed."""
        if isnan(angle_deg):
            return None
        dt = 0.0 if self._last is None else (t - self._last) * 1e-9
        self._last = t
        if dt > self.params.forget_s:
            self._leaning, dt = 0.0, 0.0
        if self._asked is not None and t >= self._asked:
            return self._learn(t, dt, angle_deg)
        return self._judge(t, dt, angle_deg - self.upright_deg)

    def _learn(self, t: int, dt: float, angle_deg: float) -> Event | None:
        dt = max(dt, 1e-9)
        self._sum, self._time = self._sum + dt * angle_deg, self._time + dt
        if self._time < self.params.upright_s:
            return None
        self.upright_deg, self._asked = self._sum / self._time, None
        self.slouching, self._leaning = False, 0.0
        return Event(t, "calibrated", data={"what": "posture", "upright_deg": round(self.upright_deg, 2)})

    def _judge(self, t: int, dt: float, lean_deg: float) -> Event | None:
        p = self.params
        if lean_deg <= p.threshold_deg - p.hysteresis_deg:
            self._leaning = 0.0
            if self.slouching:
                self.slouching = False
                return Event(t, "upright", data={"angle_deg": round(lean_deg, 1)})
            return None
        if lean_deg > p.threshold_deg or self._leaning > 0.0:
            self._leaning += dt
        if self.slouching or self._leaning < p.delay_s or lean_deg <= p.threshold_deg:
            return None
        self.slouching = True
        data = {
            "angle_deg": round(lean_deg, 1),
            "threshold_deg": p.threshold_deg,
            "duration_s": round(self._leaning, 2),
        }
        return Event(t, "slouch", data=data)
