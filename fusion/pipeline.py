"""From timed samples of many sensors to rows of named series and events: everything that runs live.

Samples are kept or filtered as they come; rows are computed in `advance`. A row is given when every live sensor has a
sample at or after it, or has been silent for `max_wait_s` before `now` (see `fusion.grid`).

Determinism: the same sequence of calls gives bit-identical output. What `advance` is told decides only when a row comes
and whether a silent sensor was waited for: as long as no sensor stays silent beyond `max_wait_s`, any spacing of the
calls and any cutting of the chunks gives the same rows. Memory is bounded: no buffer grows with the length of a
session.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusion import carried, emg, orientation
from fusion.angles import Angles
from fusion.body.calibration import Calibration
from fusion.body.joints import MAIN
from fusion.body.segments import check
from fusion.body.skeleton import Posed, Skeleton
from fusion.emg.muscles import Muscles
from fusion.estimates import Batch, Event, Json, Topic
from fusion.grid import Grid
from fusion.motion import Motion
from fusion.movement.reps import RepCounter, RepParams
from fusion.movement.slouch import SlouchDetector, SlouchParams
from fusion.quality import Quality
from fusion.samples import Placement, TimedAngle, TimedEmg, TimedImu
from fusion.settings import PipelineSettings

__all__ = ["Calibration", "Pipeline", "PipelineSettings", "warm"]

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Out = tuple[list[Batch], list[Event]]

COUNTED = (*MAIN, "trunk_inclination")
"""Series in which repetitions are counted, on either side."""


class Pipeline:
    """The live pipeline of one gateway."""

    def __init__(self, settings: PipelineSettings) -> None:
        s = self.settings = settings
        self.motion, self.muscles, self.angles, self.skeleton = Motion(s), Muscles(s), Angles(s), Skeleton(s)
        self.slouch = SlouchDetector(SlouchParams(s.posture_threshold_deg, s.posture_hysteresis_deg, s.posture_delay_s))
        self._reps: dict[str, RepCounter] = {}
        self._rep_params = RepParams(s.rep_prominence_deg, s.rep_fraction)
        max_wait = round(s.max_wait_s * 1e9)
        self._grid, self._emg_grid = Grid(s.period_ns, max_wait), Grid(s.period_ns, max_wait)
        self._quality = Quality()
        self._segments: dict[str, str] = {}
        self._events: list[Event] = []

    # What is told

    def place(self, placement: Placement) -> None:
        """Say where a sensor sits, before or after its first sample, and again; the last one on a segment counts.

        Raises:
            ValueError: There is no such segment.
        """
        sensor = placement.sensor
        segment = None if placement.segment is None else check(placement.segment)
        before = self._segments.pop(sensor, None)
        if segment is not None:
            self._segments = {s: worn for s, worn in self._segments.items() if worn != segment}
            self._segments[sensor] = segment
        if before is not None and before not in self._segments.values():
            self.skeleton.take_off(before)
        self.muscles.names[sensor] = dict(placement.channels)
        self.angles.place(placement)
        self._wear(sensor)

    def calibrate(self, t: int, what: Literal["pose", "posture"], pose: str = "standing") -> None:
        """Take the first still moment from `t` [ns] on as the named pose, or the posture from `t` on as upright.

        Raises:
            ValueError: There is no such pose.
        """
        if what == "posture":
            self.slouch.set_upright(t)
        else:
            self.skeleton.calibration.ask(t, pose)

    def reset(self, t: int, what: str) -> None:
        """Find the headings between segments anew ("heading"), or forget the seats and orientations too ("full")."""
        if what == "heading":
            self.skeleton.calibration.reset_heading()
        else:
            self.skeleton.calibration.reset()
            self.motion.restart()
        self._events.append(Event(t, "reset", data={"what": what}))

    def imu(self, samples: TimedImu) -> None:
        """Take inertial samples."""
        new = samples.sensor not in self.motion.lanes
        self._events += self.motion.take(samples)
        if new:
            self._wear(samples.sensor)

    def emg(self, samples: TimedEmg) -> None:
        """Take EMG samples."""
        self._events += self.muscles.take(samples)

    def angle(self, samples: TimedAngle) -> None:
        """Take angles a device measured itself."""
        self.angles.take(samples)

    def _wear(self, sensor: str) -> None:
        segment, lane = self._segments.get(sensor), self.motion.lanes.get(sensor)
        if segment is not None and lane is not None:
            self.skeleton.wear(segment, lane)

    # What comes out

    def advance(self, now: int) -> Out:
        """Return everything computable from what arrived before `now` [ns UTC]."""
        return self._advance(now, final=False)

    def finish(self, now: int) -> Out:
        """Return what is left at the end: rows that waited for a sensor, and bursts that are still open."""
        batches, events = self._advance(now, final=True)
        return batches, events + self.muscles.finish()

    @property
    def calibration(self) -> Calibration:
        """How far the alignment is, and what the wearer should do."""
        return self.skeleton.calibration.report

    @property
    def lights(self) -> dict[str, tuple[str, str]]:
        """How far each joint's angles can be trusted: "red", "yellow" or "green", and why it is no better."""
        return self.skeleton.lights

    def carry(self) -> dict[str, Json]:
        """Return what a recording that begins now needs to know of the past, for `restore`."""
        return carried.carry(self.skeleton.calibration, self.motion, self.muscles, self.slouch)

    def restore(self, t: int, data: Mapping[str, Json]) -> None:
        """Continue at `t` [ns] from what `carry` gave; sensors may come later."""
        carried.restore(data, self.skeleton.calibration, self.motion, self.muscles, self.slouch)

    def _advance(self, now: int, *, final: bool) -> Out:
        events, self._events = self._events, []
        self.motion.estimate()
        batches: list[Batch] = []
        tracks = [*self.motion.tracks, *self.angles.tracks.values()]
        rows = self._grid.due(tracks, now, final=final)
        if rows.size:
            for part in _runs(rows, self._grid.period):
                self._body(part, batches, events)
            for track in tracks:
                track.trim(self._grid.next)
        emg_tracks = [sensor.track for sensor in self.muscles.sensors.values()]
        rows = self._emg_grid.due(emg_tracks, now, final=final)
        if rows.size:
            self._muscle(rows, batches)
            for track in emg_tracks:
                track.trim(self._emg_grid.next)
        done = [grid.next for grid in (self._grid, self._emg_grid) if grid.next >= 0]
        if done:
            batches += self._quality.due(min(done), max(done))
        return batches, events

    def _body(self, t: Times, batches: list[Batch], events: list[Event]) -> None:
        rows = self.motion.rows(t)
        posed, trusted, found = self.skeleton.rows(rows)
        names, values = self.angles.rows(t)
        joints = Posed((*posed.joints, *names), np.concatenate([posed.angles, values], axis=1), (), posed.quats)
        self._add(batches, "joints", t, joints.joints, "deg", joints.angles)
        self._add(batches, "orientation", t, posed.orientations, "1", posed.quats)
        events += found
        events += self._movement(t, joints.joints, joints.angles)
        self._quality.add(tuple(self.motion.lanes), t, rows.quality)
        for second in trusted:
            self._quality.note(second.t, second.names, second.units, second.values.tolist())

    def _movement(self, t: Times, names: tuple[str, ...], values: Floats) -> list[Event]:
        """Run what looks at single series, row by row."""
        events = []
        times = t.tolist()
        posture = next((name for name in ("trunk_inclination", "posture_angle") if name in names), None)
        for column, name in enumerate(names):
            if name == posture:
                events += [self.slouch.step(*row) for row in zip(times, values[:, column].tolist(), strict=True)]
            if name.removesuffix("_left").removesuffix("_right") in COUNTED:
                counter = self._reps.get(name)
                if counter is None:
                    counter = self._reps[name] = RepCounter(name, self._rep_params)
                events += [counter.step(*row) for row in zip(times, values[:, column].tolist(), strict=True)]
        return [event for event in events if event is not None]

    def _muscle(self, t: Times, batches: list[Batch]) -> None:
        names, units, values, quality = self.muscles.rows(t)
        self._add(batches, "emg", t, names, units, values)
        self._quality.add(tuple(self.muscles.sensors), t, quality)

    def _add(
        self,
        batches: list[Batch],
        topic: Topic,
        t: Times,
        names: tuple[str, ...],
        unit: str | tuple[str, ...],
        values: Floats,
    ) -> None:
        if names and t.size:
            units = (unit,) * len(names) if isinstance(unit, str) else unit
            batches.append(Batch(topic, t, self.settings.period_ns, names, units, values))


def _runs(t: Times, period: int) -> list[Times]:
    """Cut rows where they are not `period` apart."""
    edges = [0, *(np.flatnonzero(np.diff(t) != period) + 1).tolist(), t.size]
    return [t[a:b] for a, b in pairwise(edges)]


def warm() -> None:
    """Compile or load all kernels, so that a service does not wait for them at its first sample."""
    orientation.warm()
    emg.warm()
