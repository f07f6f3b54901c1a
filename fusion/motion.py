"""Inertial sensors from chunks to rows: orientation of all of them in one call, then interpolation onto the grid."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Event, Json
from fusion.lanes import ACC, COLUMNS, GYR, MAG, NEWEST, QUAT, Lane, Lanes, pack
from fusion.orientation import Adaptive, AdaptiveParams, kept
from fusion.orientation import quaternion as qt
from fusion.plain import table
from fusion.samples import TimedImu
from fusion.settings import PipelineSettings

__all__ = ["ACC", "COLUMNS", "GYR", "MAG", "QUAT", "Motion", "Rows"]

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

GRAVITY = 9.80665
"""Stands for the specific force of a device that sends only its orientation [m/s2]."""
MOMENT = 1e-9
"""Stands for an unknown interval over which nothing turns [s]."""
MARGIN = 0.015
"""Gravity turns an orientation faster than the largest bias by this much [rad/s]. [P]"""


@dataclass(frozen=True, slots=True)
class Rows:
    """All sensors at the rows of one call; NaN where a sensor has no value."""

    t: Times
    x: Floats
    """Columns `QUAT`, `GYR`, `ACC`, `MAG`; shape (rows, sensors, 13)."""
    quality: Floats
    """1 measured, 0.5 repaired, 0 missing; shape (rows, sensors)."""


class Motion:
    """The inertial sensors of one gateway; a sensor is known by its lane, in order of appearance."""

    def __init__(self, settings: PipelineSettings) -> None:
        self._settings = settings
        self._max_gap = round(settings.max_gap_s * 1.1e9)  # a tenth more: ten samples per second are no gap at 0.1 s
        self._lanes = Lanes(self._max_gap)
        self.lanes: dict[str, int] = {}
        self.tracks: list[Lane] = []
        self.heard: list[int] = []
        """Time of each sensor's newest sample that gives rows [ns], estimated or not; exact if `settled`."""
        self.settled = False
        """All orientations have begun, so that what has come says when rows are due."""
        self.filter = Adaptive(
            0,
            AdaptiveParams(
                tau_acc=settings.gravity_tau_s,
                tau_mag=settings.field_tau_s,
                bias_limit=np.radians(settings.bias_limit_deg_s),
                beta=np.radians(settings.bias_limit_deg_s) + MARGIN,
            ),
        )
        self._pending: list[list[TimedImu]] = []
        self._last: list[Floats | None] = []
        self._newest: list[int] = []
        self._follows: list[bool] = []
        """Takes the device's own orientation."""
        self._restored: dict[str, Any] = {}
        self._carried: set[int] = set()
        """Lanes whose next sample continues an orientation from before; its interval is unknown and no gap."""

    def take(self, samples: TimedImu) -> list[Event]:
        """Keep samples for the next call of `estimate`, and return the gap before or within them."""
        if not samples.t.size:
            return []
        lane = self.lanes.get(samples.sensor)
        if lane is None:
            lane = self._add(samples)
        if lane in self._carried:
            self._carried.discard(lane)
            samples = replace(samples, dt=np.where(np.isnan(samples.dt), MOMENT, samples.dt))
        if samples.quat is not None and not np.isfinite(samples.gyr).any():
            self._follow(lane, samples, samples.quat)
        else:
            self._pending[lane].append(samples)
            self._last[lane] = None  # no turn is measured across a time without the device's own orientation
            self._hear(lane, samples.t, samples.gyr)
            if self._follows[lane]:
                self._follows[lane] = self.settled = False
        last, self._newest[lane] = self._newest[lane], int(samples.t[-1])
        if last < 0 or self._newest[lane] - last <= self._max_gap:
            return []
        edges = [last, *samples.t.tolist()]
        return [Event(a, "gap", b, {"sensor": samples.sensor}) for a, b in pairwise(edges) if b - a > self._max_gap]

    def _hear(self, lane: int, t: Times, x: Floats) -> None:
        """Note the newest sample whose numbers are all there."""
        if isfinite(sum([x.item(i) for i in range(-x.shape[1], 0)])):
            self.heard[lane] = t.item(-1)
        else:
            known = np.flatnonzero(_whole(x))
            if known.size:
                self.heard[lane] = t.item(known[-1])

    def carry(self) -> dict[str, Json]:
        """Return the orientations as JSON values."""
        return {sensor: kept.to_json(self.filter.state[lane]) for sensor, lane in self.lanes.items()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Let the sensors, present or to come, continue from what `carry` gave."""
        self.estimate()
        self._restored = dict(data)
        for sensor, lane in self.lanes.items():
            self._continue(sensor, lane)

    def _continue(self, sensor: str, lane: int) -> None:
        state = kept.from_json(table(self._restored.pop(sensor, None)))
        if state is not None:
            self.filter.state[lane] = state[0]
            self._carried.add(lane)

    def restart(self) -> None:
        """Let all orientations begin anew; what has come so far, or waits for its sensor, belongs to the old ones."""
        self.estimate()
        self._restored.clear()
        self._carried.clear()
        self.settled = False
        for lane in range(len(self.tracks)):
            self.filter.restart(lane)

    def estimate(self) -> None:
        """Run the filter over everything that has come in, all sensors in one call."""
        chunks = [samples for pending in self._pending for samples in pending]
        if not chunks:
            return
        count = np.array([sum([len(s.t) for s in pending]) for pending in self._pending], dtype=np.int64)
        t, dt = np.concatenate([s.t for s in chunks]), np.concatenate([s.dt for s in chunks])
        gyr, acc = np.concatenate([s.gyr for s in chunks]), np.concatenate([s.acc for s in chunks])
        mag = None
        if any(s.mag is not None for s in chunks):
            mag = np.concatenate([np.full((s.t.size, 3), np.nan) if s.mag is None else s.mag for s in chunks])
        begun = self.filter.state["age"] >= 0.0
        quat = self._orient(gyr, acc, mag, dt, count)
        self._lanes.store(t, gyr, acc, mag, quat, count, begun)
        for pending in self._pending:
            pending.clear()
        known = self._lanes.at[:, NEWEST] >= 0
        self.settled = bool((known & ((self.filter.state["age"] >= 0.0) | np.array(self._follows))).all())

    def _orient(self, gyr: Floats, acc: Floats, mag: Floats | None, dt: Floats, count: Times) -> Floats:
        """Return orientations, shape (4, K, N), of samples that stand those of one sensor after those of the other."""
        steps, lanes = int(count.max()), count.size
        with_mag = self._settings.magnetometer
        packed, intervals = np.full((9 if with_mag else 6, steps, lanes), np.nan), np.zeros((steps, lanes))
        known = with_mag and mag is not None
        pack(gyr, acc, gyr if mag is None else mag, known, dt, count, packed, intervals)
        return self.filter.update(packed[:3], packed[3:6], packed[6:] if with_mag else None, intervals, count)

    def rows(self, t: Times) -> Rows:
        """Return every sensor at the given times."""
        x, quality = self._lanes.sample(t)
        if self._settings.ahead_s > 0.0:
            x[..., QUAT] = qt.multiply(x[..., QUAT], _turned(x[..., GYR], self._settings.ahead_s))
        return Rows(t, x, quality)

    def trim(self, row: int) -> None:
        """Let go what lies before the last samples at or before `row` [ns]."""
        self._lanes.trim(row)

    def _add(self, samples: TimedImu) -> int:
        lane = self.lanes[samples.sensor] = len(self.tracks)
        self._lanes.add()
        self.tracks.append(Lane(self._lanes, lane))
        self.heard.append(-1)
        self.settled = False
        self._pending.append([])
        self._last.append(None)
        self._newest.append(-1)
        self._follows.append(False)
        self.filter.grow(lane + 1)
        self._continue(samples.sensor, lane)
        return lane

    def _follow(self, lane: int, samples: TimedImu, quat: Floats) -> None:
        """Take the device's own orientation, with rate and gravity as it implies them."""
        if self._pending[lane]:
            self.estimate()  # what came before must not come behind
        self._follows[lane] = True
        last = self._last[lane]
        before = np.concatenate([quat[:1] if last is None else last, quat[:-1]])
        turn = qt.multiply(qt.conjugate(before), quat)
        turn = np.where(turn[:, :1] < 0.0, -turn, turn)
        x = np.full((samples.t.size, COLUMNS), np.nan)
        x[:, QUAT], x[:, GYR] = quat, 2.0 * turn[:, 1:] / np.where(samples.dt > 0.0, samples.dt, np.inf)[:, None]
        x[:, ACC] = GRAVITY * qt.up_in_sensor(quat)
        usable = _whole(quat)
        if usable.any():
            self._last[lane] = quat[usable][-1:]
            self._hear(lane, samples.t, quat)
            self._lanes.append(lane, samples.t[usable], x[usable])


def _turned(gyr: Floats, seconds: float) -> Floats:
    """Return the turn of so many seconds at a steady rate [rad/s], shape (..., 3), as a quaternion."""
    half = 0.5 * seconds * np.sqrt((gyr * gyr).sum(axis=-1, keepdims=True))
    return np.concatenate([np.cos(half), 0.5 * seconds * np.sinc(half / np.pi) * gyr], axis=-1)


def _whole(x: Floats) -> NDArray[np.bool_]:
    """Return which rows have no NaN."""
    whole: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(x), axis=1)
    return whole
