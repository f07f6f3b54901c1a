"""After the calibration: has a sensor slipped, and are left and right exchanged? It warns and changes nothing.

Slips. Each time everybody stands still, the upward axis of every seat should be up. One that leans although its worn
neighbours do not has slipped, if it does so again at the next standing. Somebody sitting or crouching bends two
neighbours or more, or by more than `MOST_DEG`. A turn about the segment's own long axis cannot be seen that way.

Sides. In walking the pelvis turns forward with the leg that swings forward: to the left with the right leg. If the
rates of pelvis and legs say the opposite for long, the legs are exchanged. Slow walkers turn little or late, so the
result is a warning.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from fusion.body.kernels import about_vertical
from fusion.body.seats.alignment import Seat
from fusion.body.seats.memory import STEP, Step
from fusion.body.segments import JOINTS, part
from fusion.estimates import Event
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

UPRIGHT_DEG = 8.0
"""A segment that leans less stands upright [deg]. [P]"""
LEAST_DEG, MOST_DEG = 12.0, 45.0
"""A lean between these two may be a slip [deg]. [P]"""
SAME_DEG = 6.0
"""Two standings show the same slip if they agree this well [deg]. [P]"""
STEADY = ("pelvis", "thigh", "shank")
"""Parts that are upright whenever somebody stands; heads nod, trunks slouch, arms hang anyhow and feet turn out."""
REST_STEPS = 10
"""So many still steps are a rest. [P]"""
SIDES_TAU = 10.0
"""Memory of the comparison of pelvis and legs [s]. [P]"""
SIDES_SWING = 0.8
"""The legs swing if the difference of their rates is at least this, RMS [rad/s]. [P]"""
SIDES_AGAINST = -0.5
"""A correlation below this says that the sides are exchanged. [P]"""


@dataclass(frozen=True, slots=True)
class Slip:
    """A sensor that has turned on its segment."""

    index: int
    deg: float
    t: int
    """When it was first seen [ns]."""


def neighbours(segments: Sequence[str]) -> dict[int, list[int]]:
    """Return the indices of each steady segment's worn neighbours that are steady; none of the other segments."""
    index = {segment: i for i, segment in enumerate(segments) if part(segment) in STEADY}
    found: dict[int, list[int]] = {i: [] for i in range(len(segments))}
    for joint in JOINTS:
        if joint.proximal in index and joint.distal in index:
            found[index[joint.proximal]].append(index[joint.distal])
            found[index[joint.distal]].append(index[joint.proximal])
    return found


@dataclass(slots=True)
class SlipWatch:
    """Looks at every standing for seats that lean alone."""

    _rest: int = 0
    _moved: bool = True
    _seen: dict[int, tuple[Floats, int]] = field(default_factory=dict)
    """By seat: how it leaned at the last standing, and when that was first so [ns]."""

    def forget(self, index: int) -> None:
        """Begin anew with a seat."""
        self._seen.pop(index, None)

    def step(self, t: int, quat: Floats, still: Bools, align: Floats, near: Mapping[int, list[int]]) -> list[Slip]:
        """Look at one step: sensor-to-earth, shape (seats, 4), and segment-to-sensor, NaN where unknown."""
        known = np.isfinite(quat[:, 0] + align[:, 0])
        resting = still[known]
        if not resting.size or not resting.all():
            self._rest, self._moved = 0, True
            return []
        self._rest += 1
        if self._rest != REST_STEPS or not self._moved:
            return []
        self._moved = False
        up = qt.rotate(qt.conjugate(align), qt.up_in_sensor(quat))
        lean = np.degrees(np.arccos(np.clip(up[:, 1], -1.0, 1.0)))
        slips = []
        for index in np.flatnonzero(known).tolist():
            others = [other for other in near[index] if known[other]]
            if not others or any(lean[other] >= UPRIGHT_DEG for other in others):
                continue
            if not LEAST_DEG <= lean[index] <= MOST_DEG:
                self.forget(index)
                continue
            before = self._seen.get(index)
            if before is not None and np.degrees(np.arccos(np.clip(before[0] @ up[index], -1.0, 1.0))) < SAME_DEG:
                slips.append(Slip(index, float(lean[index]), before[1]))
                self.forget(index)
            else:
                self._seen[index] = up[index], t
        return slips


@dataclass(slots=True)
class SidesWatch:
    """Compares the turning of the pelvis with the swing of the thighs."""

    time: float = 0.0
    """How long the legs have swung, in memory [s]."""
    _pelvis: float = 0.0
    _legs: float = 0.0
    _both: float = 0.0

    def step(self, pelvis: float, legs: float, dt: float) -> None:
        """Take rates [rad/s]: of the pelvis to the left, and of the right thigh less the left one forward."""
        if not (abs(pelvis) < 50.0 and abs(legs) < 100.0):
            return
        keep = exp(-dt / SIDES_TAU)
        self.time = keep * self.time + dt
        self._pelvis = keep * self._pelvis + dt * pelvis * pelvis
        self._legs = keep * self._legs + dt * legs * legs
        self._both = keep * self._both + dt * pelvis * legs

    @property
    def exchanged(self) -> bool:
        """Return whether what was lately seen says so."""
        if self.time < 0.8 * SIDES_TAU or self._legs < SIDES_SWING**2 * self.time or self._pelvis <= 0.0:
            return False
        return self._both / sqrt(self._pelvis * self._legs) < SIDES_AGAINST


class Watch:
    """Both watches over all seats; what they see is told once, as an event, and stands in the seats' reasons."""

    def __init__(self) -> None:
        self._slips, self._sides = SlipWatch(), SidesWatch()
        self._near: dict[int, list[int]] = {}
        self._hips: tuple[int, int, int] | None = None
        """Seats of pelvis, right and left thigh, once all are known."""
        self._exchanged = False

    def seat(self, segments: Sequence[str], worn: Mapping[str, int], known: Collection[int]) -> None:
        """Say which segments there are, which are worn (segment to seat), and which seats are known."""
        self._near = neighbours(segments)
        pelvis, right, left = (worn.get(s) for s in ("pelvis", "thigh_right", "thigh_left"))
        self._hips = None
        if pelvis is not None and right is not None and left is not None and {right, left} <= {*known}:
            self._hips = pelvis, right, left

    def renew(self, index: int) -> None:
        """Begin anew with a seat that another sensor took."""
        self._slips.forget(index)
        self._sides, self._exchanged = SidesWatch(), False

    def posed(self, index: int) -> None:
        """Begin anew with a seat that took a pose."""
        self._slips.forget(index)

    def step(self, step: Step, still: Bools, seats: Sequence[Seat], align: Floats, axes: Floats) -> list[Event]:
        """Look at one step.

        still: Shape (seats,). align: Segment-to-sensor, shape (seats, 4), NaN where unknown.
        axes: Of the segments in their sensors' frames, x y z, shape (seats, 3, 3).
        """
        events = []
        for slip in self._slips.step(step.t, step.quat[-1], still, align, self._near):
            seat = seats[slip.index]
            others = tuple(reason for reason in seat.reasons if not reason.startswith("slipped"))
            if others == seat.reasons:  # told once, not at every standing
                events.append(Event(slip.t, "slip", data={"segment": seat.segment, "deg": round(slip.deg, 1)}))
            seat.reasons = (*others, f"slipped {slip.deg:.0f} deg: calibrate again")
        if self._hips is not None and not self._exchanged:
            pelvis, right, left = self._hips
            gyr, z = step.gyr[-1], axes[:, 2]
            turning = about_vertical(step.quat[-1, pelvis], gyr[pelvis])
            self._sides.step(turning, gyr[right].dot(z[right]) - gyr[left].dot(z[left]), STEP)
            if self._sides.exchanged:
                self._exchanged = True
                for i in (right, left):
                    seats[i].reasons = (*seats[i].reasons, "left and right leg seem to be exchanged")
                events.append(Event(step.t, "swap", data={"segments": ["thigh_left", "thigh_right"]}))
        return events
