"""Inertial sensors from chunks to rows: orientation of all of them in one call, then interpolation onto the grid."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Event, Json
from fusion.grid import Track
from fusion.orientation import Adaptive, AdaptiveParams, kept
from fusion.orientation import quaternion as qt
from fusion.orientation.kernels.adaptive import ACC_MAX, UP_MIN
from fusion.plain import table
from fusion.samples import TimedImu
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

GRAVITY = 9.80665
"""Stands for the specific force of a device that sends only its orientation [m/s2]."""
QUAT, GYR, ACC, MAG = slice(0, 4), slice(4, 7), slice(7, 10), slice(10, 13)
COLUMNS = 13
MOMENT = 1e-9
"""Stands for an unknown interval over which nothing turns [s]."""
MARGIN = 0.015
"""Gravity turns an orientation faster than the largest bias by this much [rad/s]. [P]"""
REPAIRED = 1.6
"""A row between samples farther apart than this multiple of the usual interval counts as repaired. [P]"""


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
        self.lanes: dict[str, int] = {}
        self.tracks: list[Track] = []
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
        self._usual: list[float] = []
        self._newest: list[int] = []
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
        last, self._newest[lane] = self._newest[lane], int(samples.t[-1])
        if last < 0 or self._newest[lane] - last <= self._max_gap:
            return []
        edges = [last, *samples.t.tolist()]
        return [Event(a, "gap", b, {"sensor": samples.sensor}) for a, b in pairwise(edges) if b - a > self._max_gap]

    def carry(self) -> dict[str, Json]:
        """Return the orientations as JSON values."""
        return {sensor: kept.to_json(self.filter.state[lane]) for sensor, lane in self.lanes.items()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Let the sensors, present or to come, continue from what `carry` gave."""
        self._restored = dict(data)
        for sensor, lane in self.lanes.items():
            self._continue(sensor, lane)

    def _continue(self, sensor: str, lane: int) -> None:
        state = kept.from_json(table(self._restored.pop(sensor, None)))
        if state is not None:
            self.filter.state[lane] = state[0]
            self._carried.add(lane)

    def restart(self) -> None:
        """Let all orientations begin anew."""
        for lane in range(len(self.tracks)):
            self.filter.restart(lane)

    def estimate(self) -> None:
        """Run the filter over everything that has come in, all sensors in one call."""
        count = np.array([sum(s.t.size for s in pending) for pending in self._pending], dtype=np.int64)
        if not count.any():
            return
        steps, lanes = int(count.max()), count.size
        packed = np.full((9 if self._settings.magnetometer else 6, steps, lanes), np.nan)
        dt = np.zeros((steps, lanes))
        for lane, pending in enumerate(self._pending):
            self._pack(packed, dt, lane, pending)
        begun = self.filter.state["age"] >= 0.0
        out = self.filter.update(
            packed[:3], packed[3:6], packed[6:] if self._settings.magnetometer else None, dt, count
        )
        for lane, pending in enumerate(self._pending):
            if pending:
                self._store(lane, pending, out[:, : count[lane], lane], bool(begun[lane]))
                pending.clear()

    def rows(self, t: Times) -> Rows:
        """Return every sensor at the given times."""
        x, quality = np.empty((len(self.tracks), t.size, COLUMNS)), np.empty((len(self.tracks), t.size))
        for lane, track in enumerate(self.tracks):
            x[lane], gap = track.sample(t, self._max_gap, quat=True)
            quality[lane] = np.where(gap <= REPAIRED * self._usual[lane], 1.0, 0.5)
            quality[lane, gap < 0] = 0.0
        return Rows(t, x.transpose(1, 0, 2), quality.T)

    def _add(self, samples: TimedImu) -> int:
        lane = self.lanes[samples.sensor] = len(self.tracks)
        self.tracks.append(Track(COLUMNS))
        self._pending.append([])
        self._last.append(None)
        self._usual.append(0.0)
        self._newest.append(-1)
        self.filter.grow(lane + 1)
        self._continue(samples.sensor, lane)
        return lane

    def _pack(self, packed: Floats, dt: Floats, lane: int, pending: list[TimedImu]) -> None:
        start = 0
        for samples in pending:
            stop = start + samples.t.size
            packed[:3, start:stop, lane] = samples.gyr.T
            packed[3:6, start:stop, lane] = samples.acc.T
            if self._settings.magnetometer and samples.mag is not None:
                packed[6:, start:stop, lane] = samples.mag.T
            dt[start:stop, lane] = samples.dt
            start = stop

    def _store(self, lane: int, pending: list[TimedImu], quat: Floats, begun: bool) -> None:
        """Put oriented samples on the track; a sample without rate is left out, as if it had not come."""
        start = 0
        for samples in pending:
            stop = start + samples.t.size
            x = np.full((samples.t.size, COLUMNS), np.nan)
            x[:, QUAT], x[:, GYR], x[:, ACC] = quat[:, start:stop].T, samples.gyr, samples.acc
            if samples.mag is not None:
                x[:, MAG] = samples.mag
            usable = _whole(samples.gyr)
            if not begun:
                force = np.sqrt((samples.acc**2).sum(axis=1))
                known = np.logical_or.accumulate((force > UP_MIN) & (force < ACC_MAX))
                usable, begun = usable & known, bool(known[-1])
            self._append(lane, samples.t, x, usable)
            start = stop

    def _follow(self, lane: int, samples: TimedImu, quat: Floats) -> None:
        """Take the device's own orientation, with rate and gravity as it implies them."""
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
        self._append(lane, samples.t, x, usable)

    def _append(self, lane: int, t: Times, x: Floats, usable: NDArray[np.bool_]) -> None:
        track = self.tracks[lane]
        if not usable.all():
            t, x = t[usable], x[usable]
        if t.size and track.newest >= 0:
            interval = float(t[0] - track.newest) if t.size == 1 else float(t[-1] - t[0]) / (t.size - 1)
            known = self._usual[lane]
            if interval > 0.0:
                self._usual[lane] = interval if known == 0.0 else known + 0.02 * (interval - known)
        track.append(t, x)


def _whole(x: Floats) -> NDArray[np.bool_]:
    """Return which rows have no NaN."""
    whole: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(x), axis=1)
    return whole
