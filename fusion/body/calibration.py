"""The course of a calibration: waiting for stillness, taking the pose, watching the movement, then ready.

Works in steps of a tenth of a second on the absolute time line, each seen whole, so that the result does not depend on
how the samples came in. Everything is causal: a segment has no orientation before its seat is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusion.body import heading as hd
from fusion.body.alignment import Answer, Memory, Pose, Seat, frame, functional_axis, pose_axis, solve
from fusion.body.segments import ALIGNED, JOINTS, Joint, part
from fusion.estimates import Event, Json
from fusion.orientation import quaternion as qt
from fusion.plain import moment, number, numbers, table
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]

STEP_NS = 100_000_000
STEP = 0.1
"""Length of a step [s]."""
STILL_RATE = 0.1
"""Mean angular rate below which a sensor is still [rad/s]: quiet standing sways less. [P]"""
STILL_ACC = 0.8
"""Range of the acceleration's magnitude within a step below which it is still [m/s2]. [P]"""
MOVING_RATE = 0.35
"""Horizontal angular rate from which movement counts for the axis [rad/s]; far above sway and gyro bias. [P]"""
MOVED = 0.2
"""A pose taken by itself is taken again until a segment has swung this far [rad]. [P]"""
SLIP_DEG = 20.0
"""A new pose that differs more than this from the old one means that the sensor has slipped [deg]. [P]"""
MEMORY = 600
"""Steps remembered for the signs: the last minute of movement."""
X, Y, Z = np.eye(3)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the sensors' seats on the body are known."""

    state: Literal["waiting", "still", "moving", "ready"] = "ready"
    """waiting for stillness, still and taking the pose, waiting for movement, ready."""
    message: str = ""
    """What the wearer should do now, one sentence; empty when nothing."""
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Joint (or lone segment) to what is missing or unsure."""


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


class BodyCalibration:
    """The seats of all body-worn sensors and the headings between them."""

    def __init__(self, settings: PipelineSettings) -> None:
        self._settings = settings
        self.seats: list[Seat] = []
        self.heading = np.zeros(0)
        """Turn about the vertical that brings each sensor's earth frame to the common one [rad], shape (seats,)."""
        self._root = np.zeros(0)
        self._ties = {
            j.name: hd.Tie(settings.loose_heading_tau_s if j.loose else settings.heading_tau_s) for j in JOINTS
        }
        self._pose: Pose = "standing"
        self._asked: int | None = None
        """When a pose was asked for and not yet taken [ns]."""
        self._chosen = False
        """The pose was named by somebody; otherwise it is taken by itself, as standing."""
        self._still = 0.0
        self._force = np.zeros((0, 3))
        self._memory = np.full((MEMORY, 0, 7), np.nan)
        self._steps = 0
        self._restored: dict[str, Any] = {}

    def add(self, segment: str) -> int | None:
        """Begin with a newly worn segment and return its index; None for a part that is not aligned yet."""
        if part(segment) not in ALIGNED:
            return None
        self.seats.append(Seat(segment))
        self.heading, self._root = np.append(self.heading, 0.0), np.append(self._root, 0.0)
        self._force = np.concatenate([self._force, np.zeros((1, 3))])
        self._memory = np.concatenate([self._memory, np.full((MEMORY, 1, 7), np.nan)], axis=1)
        self._still = 0.0
        self._continue(len(self.seats) - 1)
        return len(self.seats) - 1

    def renew(self, index: int) -> None:
        """Forget a seat, because another sensor or the same one anew sits there."""
        self.seats[index] = Seat(self.seats[index].segment)
        self._memory[:, index] = np.nan
        self._still = 0.0

    def ask(self, t: int, pose: str) -> None:
        """Take the pose at the first still moment from `t` on.

        Raises:
            ValueError: There is no such pose.
        """
        if pose not in ("standing", "sitting"):
            raise ValueError(f"unknown pose {pose!r}: use standing or sitting")
        self._pose = "sitting" if pose == "sitting" else "standing"
        self._asked, self._chosen, self._still = t, True, 0.0

    def reset_heading(self) -> None:
        """Let the headings between the segments be found anew from now on."""
        for tie in self._ties.values():
            tie.sum = 0.0j
        self._face_east([s.align is not None for s in self.seats], self._memory[(self._steps - 1) % MEMORY, :, :4])

    def reset(self) -> None:
        """Forget all seats."""
        for index in range(len(self.seats)):
            self.renew(index)
        for tie in self._ties.values():
            tie.sum = 0.0j
        self._pose, self._asked, self._chosen = "standing", None, False

    @property
    def align(self) -> Floats:
        """Segment-to-sensor of every seat, shape (seats, 4); NaN where not known."""
        unknown = np.full(4, np.nan)
        return np.array([unknown if s.align is None else s.align for s in self.seats]).reshape(-1, 4)

    def step(self, step: Step) -> list[Event]:
        """Look at the next tenth of a second."""
        if not self.seats:
            return []
        live = np.isfinite(step.quat[-1, :, 0])
        slot = self._memory[self._steps % MEMORY]
        slot[:, :4], slot[:, 4:] = step.quat[-1], step.mag[-1]
        self._steps += 1
        events = [] if self._settled else self._seek(step, live)
        self._tie(step.quat[-1])
        return events

    @property
    def _settled(self) -> bool:
        return self._asked is None and all(s.align is not None for s in self.seats)

    def carry(self) -> dict[str, Json]:
        """Return everything but the memory as JSON values."""
        return {
            "pose": self._pose,
            "chosen": self._chosen,
            "asked": self._asked,
            "seats": {seat.segment: seat.carry(float(self._root[i])) for i, seat in enumerate(self.seats)},
            "ties": {name: [tie.sum.real, tie.sum.imag] for name, tie in self._ties.items()},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Continue from what `carry` gave, with the segments worn now and those to come."""
        self._pose = "sitting" if data.get("pose") == "sitting" else "standing"
        self._chosen, self._asked = data.get("chosen") is True, moment(data.get("asked"))
        self._restored = dict(table(data.get("seats")))
        for name, value in table(data.get("ties")).items():
            parts = numbers(value, 2)
            if name in self._ties and parts is not None:
                self._ties[name].sum = complex(*parts.tolist())
        for index in range(len(self.seats)):
            self._continue(index)

    def _continue(self, index: int) -> None:
        state = table(self._restored.pop(self.seats[index].segment, None))
        seat = Seat.restored(self.seats[index].segment, state) if state else None
        if seat is not None:
            self.seats[index] = seat
            self._root[index] = number(state.get("root"), 0.0)
            self._tie(np.full((len(self.seats), 4), np.nan))

    # Pose

    def _seek(self, step: Step, live: NDArray[np.bool_]) -> list[Event]:
        events = self._take_pose(step, live)
        self._watch(step)
        if self._steps % 5 == 0:
            events += self._solve(step.t)
        return events

    def _take_pose(self, step: Step, live: NDArray[np.bool_]) -> list[Event]:
        wanted = [self._wants_pose(seat) and bool(ok) for seat, ok in zip(self.seats, live, strict=True)]
        if not any(wanted) or (self._asked is not None and step.t < self._asked):
            return []
        rate = np.sqrt((step.gyr**2).sum(axis=2)).mean(axis=0)
        force = np.sqrt((step.acc**2).sum(axis=2))
        still = (rate < STILL_RATE) & (force.max(axis=0) - force.min(axis=0) < STILL_ACC)
        if not (still | ~live).all():
            self._still = 0.0
            return []
        if self._still == 0.0:
            self._force[:] = 0.0
        self._still += STEP
        self._force += step.acc.mean(axis=0)
        if self._still < self._settings.still_s - 1e-9:
            return []
        events = [e for i, ok in enumerate(wanted) if ok for e in self._seat_pose(i, step)]
        self._asked, self._still = None, 0.0
        return events

    def _wants_pose(self, seat: Seat) -> bool:
        moved = any(s.turn >= MOVED for s in self.seats)
        return self._asked is not None or seat.up is None or (seat.align is None and not moved)

    def _seat_pose(self, index: int, step: Step) -> list[Event]:
        seat = self.seats[index]
        up = self._force[index]
        if not np.isfinite(up).all():
            return []
        up = up / np.sqrt((up * up).sum())
        seat.up, seat.pose_quat = up, step.quat[-1, index].copy()
        if seat.align is None:
            seat.forget_movement()
            self._memory[:, index] = np.nan
            return []
        upward = pose_axis(seat.part, self._pose)
        before = qt.rotate(seat.align, X if upward == "x" else Y)
        slip = float(np.degrees(np.arccos(np.clip((before * up).sum(), -1.0, 1.0))))
        if slip > SLIP_DEG:
            seat.align, seat.reasons = None, (f"slipped by {slip:.0f} deg since the last calibration",)
            seat.forget_movement()
            self._memory[:, index] = np.nan
            return []
        seat.align = frame(up, qt.rotate(seat.align, Z), upward)
        return [
            Event(step.t, "calibrated", data={"what": "pose", "segment": seat.segment, "moved_deg": round(slip, 1)})
        ]

    # Movement

    def _watch(self, step: Step) -> None:
        up = qt.up_in_sensor(step.quat)
        rate = step.gyr - (step.gyr * up).sum(axis=2, keepdims=True) * up
        size = np.sqrt((rate**2).sum(axis=2))
        rate = np.where((np.isfinite(size) & (size > MOVING_RATE))[..., None], rate, 0.0)
        dt = STEP / len(rate)
        power = np.einsum("rsi,rsj->sij", rate, rate) * dt
        turn = np.sqrt((rate**2).sum(axis=2)).sum(axis=0) * dt
        for index, seat in enumerate(self.seats):
            if seat.up is not None and seat.align is None:
                seat.power = seat.power + power[index]
                seat.turn += float(turn[index])

    def _axis_found(self, seat: Seat) -> bool:
        if seat.up is None or seat.turn < np.radians(self._settings.turn_deg):
            return False
        return functional_axis(seat.power, seat.up)[1] >= self._settings.explained

    def _solve(self, t: int) -> list[Event]:
        found = [seat.align is None and self._axis_found(seat) for seat in self.seats]
        done: list[int] = []
        for group in self._groups():
            if not all(found[i] for i in group):
                continue
            answer = solve(tuple(self.seats[i] for i in group), tuple(self._recall(i) for i in group), self._pose)
            if isinstance(answer, Answer):
                self._settle(group, answer)
                done += group
        if not done:
            return []
        now = [i in done for i in range(len(self.seats))]
        self._face_east(now, np.array([_or_nan(s.pose_quat) for s in self.seats]))
        self._begin_ties(now)
        return [_event(t, [self.seats[i] for i in done])]

    def _groups(self) -> list[tuple[int, ...]]:
        """Return what is decided together: a thigh with its shank if both are worn, everything else alone."""
        index = {seat.segment: i for i, seat in enumerate(self.seats)}
        groups, paired = [], set()
        for side in ("left", "right"):
            thigh, shank = index.get(f"thigh_{side}"), index.get(f"shank_{side}")
            if thigh is not None and shank is not None and self.seats[thigh].align is self.seats[shank].align is None:
                groups.append((thigh, shank))
                paired |= {thigh, shank}
        return groups + [(i,) for i in range(len(self.seats)) if i not in paired]

    def _recall(self, index: int) -> Memory:
        rows = self._memory[:, index] if self._steps >= MEMORY else self._memory[: self._steps, index]
        return Memory(rows[:, :4], rows[:, 4:])

    def _settle(self, group: Sequence[int], answer: Answer) -> None:
        for i, align in zip(group, answer.aligns, strict=True):
            taken = () if self._chosen else ("pose taken by itself, as standing",)
            self.seats[i].align, self.seats[i].reasons = align, taken + answer.reasons

    # Heading

    def _face_east(self, which: Sequence[bool], quat: Floats) -> None:
        """Let segments without a neighbour face east at the given moment: z, which points right, then points south."""
        for i, seat in enumerate(self.seats):
            if which[i] and seat.align is not None and np.isfinite(quat[i]).all():
                right = hd.horizontal(quat[i], qt.rotate(seat.align, Z))
                self._root[i] = -0.5 * np.pi - float(np.angle(right))

    def _joints(self) -> list[tuple[Joint, int, int]]:
        index = {seat.segment: i for i, seat in enumerate(self.seats) if seat.align is not None}
        return [(j, index[j.proximal], index[j.distal]) for j in JOINTS if j.proximal in index and j.distal in index]

    def _begin_ties(self, fresh: Sequence[bool]) -> None:
        order = (np.arange(MEMORY) + self._steps) % MEMORY
        quat = self._memory[order, :, :4]
        for joint, a, b in self._joints():
            if fresh[a] or fresh[b]:
                self._ties[joint.name].begin(
                    hd.difference(self._right(quat[:, a], a), self._right(quat[:, b], b)), STEP
                )

    def _right(self, quat: Floats, index: int) -> hd.Complex:
        align = self.seats[index].align
        assert align is not None
        return hd.horizontal(quat, qt.rotate(align, Z))

    def _tie(self, quat: Floats) -> None:
        """Follow the drift between neighbours and update the headings from the pelvis outwards."""
        self.heading = self._root.copy()
        for joint, a, b in self._joints():
            tie = self._ties[joint.name]
            if np.isfinite(quat[a, 0]) and np.isfinite(quat[b, 0]):
                tie.update(complex(hd.difference(self._right(quat[a], a), self._right(quat[b], b))), STEP)
            if tie.known:
                self.heading[b] = self.heading[a] + tie.angle

    # Report

    @property
    def report(self) -> Calibration:
        """How far it is, in words."""
        if not self.seats:
            return Calibration("ready")
        reasons = self._reasons()
        if self._asked is not None or any(s.up is None for s in self.seats):
            verb = "Sit" if self._pose == "sitting" else "Stand"
            state: Literal["still", "waiting"] = "still" if self._still > 0.0 else "waiting"
            return Calibration(state, f"{verb} still for two seconds.", reasons)
        open_ = {s.part for s in self.seats if s.align is None}
        if not open_:
            return Calibration("ready", "", reasons)
        return Calibration("moving", self._movement(open_), reasons)

    def _movement(self, open_: set[str]) -> str:
        if open_ & {"thigh", "shank"}:
            if self._pose == "sitting":
                return "Now stand up and sit down a few times."
            return "Now bend your knees a few times."
        return "Now bend forward a few times." if open_ & {"pelvis", "trunk"} else "Now walk a few steps."

    def _reasons(self) -> dict[str, tuple[str, ...]]:
        index = {seat.segment: seat for seat in self.seats}
        out: dict[str, tuple[str, ...]] = {}
        joined: set[str] = set()
        for joint in JOINTS:
            if joint.proximal in index and joint.distal in index:
                out[joint.name] = tuple(r for s in (joint.proximal, joint.distal) for r in self._reason(index[s]))
                joined |= {joint.proximal, joint.distal}
        return out | {s.segment: self._reason(s) for s in self.seats if s.segment not in joined}

    def _reason(self, seat: Seat) -> tuple[str, ...]:
        if seat.up is None:
            return (*seat.reasons, f"{seat.segment}: no pose taken yet")
        if seat.align is not None:
            return tuple(f"{seat.segment}: {reason}" for reason in seat.reasons)
        turn, wanted = np.degrees(seat.turn), self._settings.turn_deg
        if turn < wanted:
            return (*seat.reasons, f"{seat.segment}: moved {turn:.0f} of {wanted:.0f} deg")
        explained = functional_axis(seat.power, seat.up)[1]
        if explained < self._settings.explained:
            return (*seat.reasons, f"{seat.segment}: no clear axis, {100 * explained:.0f} % of the movement lies on it")
        return (*seat.reasons, f"{seat.segment}: its neighbour has moved too little to tell front from back")


def _or_nan(quat: Floats | None) -> Floats:
    return np.full(4, np.nan) if quat is None else quat


def _event(t: int, seats: list[Seat]) -> Event:
    segments: list[Json] = [seat.segment for seat in seats]
    unsure: list[Json] = [*dict.fromkeys(reason for seat in seats for reason in seat.reasons)]
    return Event(t, "calibrated", data={"what": "movement", "segments": segments, "reasons": unsure})
