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
from fusion.body.angles.joints import MAIN
from fusion.body.seats.report import Calibration
from fusion.body.segments import check
from fusion.body.skeleton import Skeleton
from fusion.emg.exchange import Exchange
from fusion.emg.muscles import Muscles
from fusion.estimates import Batch, Event, Json, Topic
from fusion.grid import Grid, Source, Track
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
        self._exchange = Exchange(s.period_ns)
        self._segments: dict[str, str] = {}
        self._watched: tuple[str, ...] = ()
        self._watchers: list[tuple[int, SlouchDetector | RepCounter]] = []
        """Columns that are watched, and by whom; `_watched` are the names of all."""
        self._batches: list[Batch] = []
        self._events: list[Event] = []
        self._silent = -1
        """While rows are put off: a sensor whose newest sample is older was not waited for [ns]. -1: none are."""

    # What is told

    def place(self, placement: Placement) -> None:
        """Say where a sensor sits, before or after its first sample, and again; the last one on a segment counts.

        Raises:
            ValueError: There is no such segment.
        """
        self._catch_up()
        sensor = placement.sensor
        segment = None if placement.segment is None else check(placement.segment)
        before = self._segments.pop(sensor, None)
        if segment is not None:
            if segment != before and segment in self._segments.values():
                self.skeleton.take_off(segment)  # the sensor that sat there sits nowhere now
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
        self._catch_up()
        if what == "posture":
            self.slouch.set_upright(t)
        else:
            self.skeleton.calibration.ask(t, pose)

    def normalise(self, t: int, data: Mapping[str, Json]) -> None:
        """Begin or end a rest or an MVC trial at `t` [ns], or take or forget a normaliser: `Muscles.calibrate`."""
        self._catch_up()
        self._events += self.muscles.calibrate(t, data)

    def zones(self, zones: Json) -> None:
        """Put these target zones of muscles in place of those before."""
        self._catch_up()
        self._events += self.muscles.set_zones(zones)

    def reset(self, t: int, what: str) -> None:
        """Find the headings between segments anew ("heading"), or forget the seats and orientations too ("full")."""
        self._catch_up()
        if what == "heading":
            self.skeleton.calibration.reset_heading()
        else:
            self.skeleton.calibration.reset()
            self.motion.restart()
        self._events.append(Event(t, "reset", data={"what": what}))

    def imu(self, samples: TimedImu) -> None:
        """Take inertial samples."""
        lane = self.motion.lanes.get(samples.sensor)
        if lane is None or self.motion.heard[lane] < self._silent:
            self._catch_up()
        self._events += self.motion.take(samples)
        if lane is None:
            self._wear(samples.sensor)

    def emg(self, samples: TimedEmg) -> None:
        """Take EMG samples."""
        if self._silent >= 0:
            known = self.muscles.sensors.get(samples.sensor)
            kind = (samples.rate_hz, samples.unit, samples.emg.shape[1])
            same = known is not None and (known.rate_hz, known.unit, known.chain.channels) == kind
            if known is None or not same or known.track.newest < self._silent:
                self._catch_up()
        self._events += self.muscles.take(samples)

    def angle(self, samples: TimedAngle) -> None:
        """Take angles a device measured itself."""
        if self._silent >= 0 and samples.t.size:
            track = self.angles.tracks.get(samples.sensor)
            if track is None or track.newest < self._silent or not self._goes_on(track, samples):
                self._catch_up()
        self.angles.take(samples)

    def _goes_on(self, track: Track, samples: TimedAngle) -> bool:
        """Say whether these angles are the same ones as before, and not farther apart than a gap."""
        before = samples.t.item(-2) if samples.t.size > 1 else track.newest
        apart = samples.t.item(-1) - before
        return track.x.shape[1] == samples.angle_deg.shape[1] and apart <= round(self.settings.max_gap_s * 1e9)

    def _wear(self, sensor: str) -> None:
        segment, lane = self._segments.get(sensor), self.motion.lanes.get(sensor)
        if segment is not None and lane is not None:
            self.skeleton.wear(segment, lane)

    # What comes out

    def advance(self, now: int) -> Out:
        """Return everything computable from what arrived before `now` [ns UTC]."""
        return self._advance(now, final=False)

    def put_off(self, now: int) -> bool:
        """Leave what is computable from what arrived before `now` to a later call, if that gives the same; say whether.

        A long stretch at once costs a fraction of many short ones. False: `advance` must be called. It is not the same
        where a sensor is new, falls silent or is heard again, see `Grid.put_off`; whatever else would matter is told,
        and makes up for what was put off before it takes effect. The order of events may differ.
        """
        angles = self.angles.tracks.values()
        if not self.motion.settled and self.motion.lanes:
            return False
        if any(track.slow for track in angles):
            return False
        heard = [*self.motion.heard, *(track.newest for track in angles)]
        muscles = [sensor.track.newest for sensor in self.muscles.sensors.values()]
        if not (self._grid.can_wait(heard, now) and self._emg_grid.can_wait(muscles, now)):
            return False
        self._grid.put_off(heard, now)
        self._emg_grid.put_off(muscles, now)
        self._silent = max(now - self._grid.max_wait, 0)
        return True

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
        """How far joints and muscles (`emg_...`) can be trusted: "red", "yellow" or "green", and why no better."""
        found = self.skeleton.lights
        for muscle, (light, why) in self.muscles.lights.items():
            doubt = self._exchange.suspected.get(muscle, "")
            found[f"emg_{muscle}"] = ("yellow", doubt) if doubt and light == "green" else (light, why)
        return found

    def carry(self) -> dict[str, Json]:
        """Return what a recording that begins now needs to know of the past, for `restore`."""
        self._catch_up()
        return carried.carry(self.skeleton.calibration, self.motion, self.muscles, self.slouch)

    def restore(self, t: int, data: Mapping[str, Json]) -> None:
        """Continue at `t` [ns] from what `carry` gave; sensors may come later."""
        self._catch_up()
        carried.restore(data, self.skeleton.calibration, self.motion, self.muscles, self.slouch)
        self._events += self.muscles.norms.tell(t)

    def _advance(self, now: int, *, final: bool) -> Out:
        self._silent = -1
        batches, events = self._batches, self._events
        self._batches, self._events = [], []
        self.motion.estimate()
        body, muscles = self._sources()
        due = self._grid.due(body, now, final=final), self._emg_grid.due(muscles, now, final=final)
        self._give(*due, batches, events)
        if final and self._ends:
            batches += self._quality.due(min(self._ends), max(self._ends))
        return batches, events

    def _catch_up(self) -> None:
        """Compute what was put off, before something changes that it does not depend on."""
        if self._silent < 0:
            return
        self._silent = -1
        self.motion.estimate()
        body, muscles = self._sources()
        self._give(self._grid.promised(body), self._emg_grid.promised(muscles), self._batches, self._events)

    def _sources(self) -> tuple[list[Source], list[Source]]:
        """Return whose samples wait for rows of the body, and of the muscles."""
        return (
            [*self.motion.tracks, *self.angles.tracks.values()],
            [sensor.track for sensor in self.muscles.sensors.values()],
        )

    def _give(self, body: Times, muscles: Times, batches: list[Batch], events: list[Event]) -> None:
        """Compute rows."""
        if body.size:
            for part in _runs(body, self._grid.period):
                self._body(part, batches, events)
            self.motion.trim(self._grid.next)
            for track in self.angles.tracks.values():
                track.trim(self._grid.next)
        if muscles.size:
            events += self._muscle(muscles, batches)
            for sensor in self.muscles.sensors.values():
                sensor.track.trim(self._emg_grid.next)
        if self._ends:  # what muscles say of a second is known with the first sample, and row, of the next
            batches += self._quality.due(min(self._ends) - 1, max(self._ends))

    @property
    def _ends(self) -> list[int]:
        """Return up to where rows were given [ns]."""
        return [grid.next for grid in (self._grid, self._emg_grid) if grid.next >= 0]

    def _body(self, t: Times, batches: list[Batch], events: list[Event]) -> None:
        rows = self.motion.rows(t)
        posed, trusted, found = self.skeleton.rows(rows)
        names, angles = posed.joints, posed.angles
        if self.angles.tracks:
            more, values = self.angles.rows(t)
            names, angles = (*names, *more), np.concatenate([angles, values], axis=1)
        self._add(batches, "joints", t, names, "deg", angles)
        self._add(batches, "orientation", t, posed.orientations, "1", posed.quats)
        events += found
        events += self._movement(t, names, angles)
        if self.muscles.sensors:
            events += self._exchange.joints(t, names, angles)
        self._quality.add(tuple(self.motion.lanes), t, rows.quality)
        for second in trusted:
            self._quality.note(second.t, second.names, second.units, second.values.tolist())

    def _movement(self, t: Times, names: tuple[str, ...], angles: Floats) -> list[Event]:
        """Run what looks at single series."""
        if names != self._watched:
            self._watched, self._watchers = names, self._watch(names)
        events: list[Event] = []
        for column, watcher in self._watchers:
            events += watcher.take(t, angles[:, column])
        return events

    def _watch(self, names: tuple[str, ...]) -> list[tuple[int, SlouchDetector | RepCounter]]:
        found: list[tuple[int, SlouchDetector | RepCounter]] = []
        posture = next((name for name in ("trunk_inclination", "posture_angle") if name in names), None)
        for column, name in enumerate(names):
            if name == posture:
                found.append((column, self.slouch))
            if is_counted(name):
                found.append((column, self._reps.setdefault(name, RepCounter(name, self._rep_params))))
        return found

    def _muscle(self, t: Times, batches: list[Batch]) -> list[Event]:
        names, units, values, quality = self.muscles.rows(t)
        self._add(batches, "emg", t, names, units, values)
        self._quality.add(tuple(self.muscles.sensors), t, quality)
        for note in self.muscles.notes(t.item(-1)):
            self._quality.note(note.t, note.names, ("1",) * len(note.names), note.values)
        return self._exchange.muscles(t, names, values)

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


def is_counted(series: str) -> bool:
    """Say whether repetitions are counted in a series."""
    return series.removesuffix("_left").removesuffix("_right") in COUNTED


def _runs(t: Times, period: int) -> list[Times]:
    """Cut rows where they are not `period` apart."""
    edges = [0, *(np.flatnonzero(np.diff(t) != period) + 1).tolist(), t.size]
    return [t[a:b] for a, b in pairwise(edges)]


def warm() -> None:
    """Compile or load all kernels, so that a service does not wait for them at its first sample."""
    orientation.warm()
    emg.warm()
