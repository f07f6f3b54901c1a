"""From oriented sensors at the rows of the grid to segment orientations, joint angles and inclinations."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fusion.body.angles.joints import series
from fusion.body.kernels import gather, pose, table
from fusion.body.seats.calibration import BodyCalibration
from fusion.body.seats.memory import STEP_NS, Step
from fusion.body.segments import JOINTS, PELVIS
from fusion.body.trust import Trust, Trusted
from fusion.estimates import Event
from fusion.motion import ACC, COLUMNS, GYR, MAG, QUAT, Rows
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

SECOND = 1_000_000_000


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
        self._judged: list[tuple[Floats, Floats]] = []
        """Qualities and angles of the second's rows; seen whole, so that sums never depend on calls."""
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
            self.calibration.take_off(index)
            self._step.clear()

    @property
    def lights(self) -> dict[str, tuple[str, str]]:
        """Return the light of each joint ("red", "yellow", "green") and why it is no better."""
        return self._trust.lights

    def rows(self, rows: Rows) -> tuple[Posed, list[Trusted], list[Event]]:
        """Advance by the next rows, one step of the calibration after the other."""
        n, seats = rows.t.size, len(self._segments)
        angles, quats = np.empty((n, len(self._joint_names))), np.empty((n, 4 * seats))
        x, quality = np.empty((n, seats, COLUMNS)), np.empty((n, seats))
        gather(rows.x, rows.quality, np.array(self._lanes, dtype=np.int64), x, quality)
        events: list[Event] = []
        trusted: list[Trusted] = []
        for start, stop in _pieces(rows.t):
            events += self._finish_step(int(rows.t[start]))
            self._step.append(x[start:stop])
            self._step_t = int(rows.t[stop - 1])
            pose(
                x[start:stop], self.calibration.align, self.calibration.heading, self._joints, self._signs, self._trunk,
                quats[start:stop], angles[start:stop],
            )  # fmt: skip
            if self._worn:
                self._judged.append((quality[start:stop], angles[start:stop, : 2 * len(self._worn)]))
                if (self._step_t + self._period) // SECOND != self._step_t // SECOND:
                    events += self._judge(trusted)
        return Posed(self._joint_names, angles, self._orientation_names, quats), trusted, events

    def _judge(self, out: list[Trusted]) -> list[Event]:
        """Judge the second that ends with these rows."""
        quality, angles = (np.concatenate(parts) for parts in zip(*self._judged, strict=True))
        self._judged.clear()
        headings, seats = self.calibration.headings, self.calibration.seats
        spreads = [headings.spread(joint.name) if joint is not PELVIS else 0.0 for joint in self._worn]
        after = self._step_t + self._period
        off = self.calibration.off
        second, events = self._trust.add(self._step_t, after, quality, angles, seats, spreads, off)
        if second is not None:
            out.append(second)
        return events

    def _finish_step(self, t: int) -> list[Event]:
        """Hand the collected rows to the calibration once a row of the next step has come."""
        if t // SECOND != self._step_t // SECOND:
            self._judged.clear()  # a second whose last rows are missing is not judged
        if not self._step or t // STEP_NS == self._step_t // STEP_NS:
            return []
        x = np.concatenate(self._step)
        self._step.clear()
        end = (self._step_t // STEP_NS + 1) * STEP_NS
        return self.calibration.step(Step(end, x[..., QUAT], x[..., GYR], x[..., ACC], x[..., MAG]))

    def _joined(self) -> None:
        """Find the joints between the segments that are worn, and name what there is."""
        at = self._segments
        joints = [(j, at[j.proximal], at[j.distal]) for j in JOINTS if j.proximal in at and j.distal in at]
        if "pelvis" in at:
            joints.append((PELVIS, at["pelvis"], at["pelvis"]))
        self._worn = tuple(joint for joint, _, _ in joints)
        self._joints, self._signs = table(joints)
        self._trunk = at.get("trunk", -1)
        inclined = ("trunk_inclination", "trunk_side_inclination") if "trunk" in at else ()
        self._joint_names = (*(name for joint in self._worn for name in series(joint)), *inclined)
        self._orientation_names = tuple(f"quat_{segment}_{part}" for segment in at for part in "wxyz")
        self._judged.clear()
        self._trust.join(joints, len(at))


def _pieces(t: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut rows where a new step begins."""
    if not t.size:
        return []
    if t[0] // STEP_NS == t[-1] // STEP_NS:
        return [(0, t.size)]
    cuts = np.flatnonzero(np.diff(t // STEP_NS)) + 1
    return list(pairwise([0, *cuts.tolist(), t.size]))
