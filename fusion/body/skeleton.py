"""From oriented sensors at the rows of the grid to segment orientations, joint angles and inclinations."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fusion.body.calibration import STEP_NS, BodyCalibration, Step
from fusion.body.inclination import inclination_deg
from fusion.body.joints import Published
from fusion.body.segments import JOINTS, PELVIS
from fusion.body.trust import Trust, Trusted
from fusion.estimates import Event
from fusion.motion import ACC, COLUMNS, GYR, MAG, QUAT, Rows
from fusion.orientation import quaternion as qt
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Posed:
    """Rows of the body; NaN where a value is not known."""

    joints: tuple[str, ...]
    angles: Floats
    """[deg], shape (rows, len(joints))."""
    orientations: tuple[str, ...]
    quats: Floats
    """Shape (rows, len(orientations))."""


class Skeleton:
    """The worn segments, each on the lane of its sensor."""

    def __init__(self, settings: PipelineSettings) -> None:
        self.calibration = BodyCalibration(settings)
        self._segments: dict[str, int] = {}
        self._lanes: list[int] = []
        self._step: list[Floats] = []
        self._step_t = 0
        self._period = settings.period_ns
        self._trust = Trust()
        self._joined()

    def wear(self, segment: str, lane: int) -> None:
        """Say that the sensor of this lane sits on this segment."""
        index = self._segments.get(segment)
        if index is None:
            index = self.calibration.add(segment)
            if index is None:
                return
            self._segments[segment] = index
            self._lanes.append(lane)
            self._joined()
        elif self._lanes[index] != lane:
            self._lanes[index] = lane
            self.calibration.renew(index)
        self._step.clear()

    def take_off(self, segment: str) -> None:
        """Say that no sensor sits on this segment any more; its series stay, empty."""
        index = self._segments.get(segment)
        if index is not None:
            self._lanes[index] = -1
            self.calibration.renew(index)
            self._step.clear()

    @property
    def lights(self) -> dict[str, tuple[str, str]]:
        """Return the light of each joint ("red", "yellow", "green") and why it is no better."""
        return self._trust.lights

    def rows(self, rows: Rows) -> tuple[Posed, list[Trusted], list[Event]]:
        """Advance by the next rows, one step of the calibration after the other."""
        joints, orientations = self._joint_names(), self._orientation_names()
        angles, quats = np.empty((rows.t.size, len(joints))), np.empty((rows.t.size, len(orientations)))
        events: list[Event] = []
        trusted: list[Trusted] = []
        x, quality = self._seats(rows)
        for start, stop in _pieces(rows.t):
            events += self._finish_step(int(rows.t[start]))
            self._step.append(x[start:stop])
            self._step_t = int(rows.t[stop - 1])
            angles[start:stop], quats[start:stop] = self._pose(x[start:stop])
            events += self._judge(rows.t[start:stop], quality[start:stop], angles[start:stop], trusted)
        return Posed(joints, angles, orientations, quats), trusted, events

    def _judge(self, t: Times, quality: Floats, angles: Floats, out: list[Trusted]) -> list[Event]:
        """Take a step's rows into the trust of the second."""
        if not self._worn:
            return []
        headings = self.calibration.headings
        spreads = [headings.spread(joint.name) if joint is not PELVIS else 0.0 for joint in self._worn]
        count = len(self._published.names)
        after = int(t[-1]) + self._period
        seats = self.calibration.seats
        second, events = self._trust.add(int(t[0]), after, quality, angles[:, :count], seats, spreads)
        if second is not None:
            out.append(second)
        return events

    def _seats(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the worn sensors' values and qualities, in the order of the seats."""
        padded = np.concatenate([rows.x, np.full((rows.t.size, 1, COLUMNS), np.nan)], axis=1)
        quality = np.concatenate([rows.quality, np.zeros((rows.t.size, 1))], axis=1)
        worn = [lane if 0 <= lane < rows.x.shape[1] else -1 for lane in self._lanes]
        return padded[:, worn], quality[:, worn]

    def _finish_step(self, t: int) -> list[Event]:
        """Hand the collected rows to the calibration once a row of the next step has come."""
        if not self._step or t // STEP_NS == self._step_t // STEP_NS:
            return []
        x = np.concatenate(self._step)
        self._step.clear()
        end = (self._step_t // STEP_NS + 1) * STEP_NS
        return self.calibration.step(Step(end, x[..., QUAT], x[..., GYR], x[..., ACC], x[..., MAG]))

    def _pose(self, x: Floats) -> tuple[Floats, Floats]:
        turn = qt.about_z(self.calibration.heading)
        quat = qt.multiply(turn, qt.multiply(x[..., QUAT], self.calibration.align))
        columns = []
        if self._published.names:
            columns.append(self._published.degrees(quat[:, self._proximal], quat[:, self._distal]))
        if "trunk" in self._segments:
            columns.append(inclination_deg(qt.up_in_sensor(quat[:, self._segments["trunk"]])))
        return np.concatenate(columns, axis=1) if columns else np.empty((len(x), 0)), quat.reshape(len(x), -1)

    def _joined(self) -> None:
        """Find the joints between the segments that are worn."""
        at = self._segments
        worn = [j for j in JOINTS if j.proximal in at and j.distal in at]
        pelvis = [PELVIS] if "pelvis" in at else []
        self._published = Published([*worn, *pelvis])
        self._proximal = [at[j.proximal] for j in worn] + [at[j.distal] for j in pelvis]
        self._distal = [at[j.distal] for j in [*worn, *pelvis]]
        self._worn = (*worn, *pelvis)
        self._trust.join(list(zip(self._worn, self._proximal, self._distal, strict=True)), len(self._segments))

    def _joint_names(self) -> tuple[str, ...]:
        inclined = ("trunk_inclination", "trunk_side_inclination") if "trunk" in self._segments else ()
        return self._published.names + inclined

    def _orientation_names(self) -> tuple[str, ...]:
        return tuple(f"quat_{segment}_{part}" for segment in self._segments for part in "wxyz")


def _pieces(t: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut rows where a new step begins."""
    if not t.size:
        return []
    cuts = np.flatnonzero(np.diff(t // STEP_NS)) + 1
    edges = [0, *cuts.tolist(), t.size]
    return list(pairwise(edges))
