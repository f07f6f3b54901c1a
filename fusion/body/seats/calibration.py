"""The course of a calibration: where each sensor sits on its segment, from movement, with a pose or without.

Works in steps of a tenth of a second on the absolute time line, each seen whole, so that the result does not depend on
how the samples came in. Everything is causal: a segment has no orientation before its seat is known, and a seat once
found stays until the next calibration, so that numbers do not wander.

- A thigh with its shank needs no pose: `fusion.body.seats.knee` finds both seats from how people move, and which
  moments were upright; those give the other segments their upward axis, too.
- Everything else takes its upward axis from such moments, from a pose that was asked for, or, where no knee is worn,
  from the first still moment; and its main axis from movement (`fusion.body.seats.alignment`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.body.heading import Headings
from fusion.body.seats.alignment import (
    UNKNOWN_AXIS_DEG,
    Answer,
    Past,
    Pose,
    Seat,
    frame,
    functional_axis,
    pose_axis,
    solve,
)
from fusion.body.seats.arm import HANGING_SD_DEG, UNSURE, Arm, ArmMovement
from fusion.body.seats.knee import (
    CLEAR,
    STANDING_ZERO_DEG,
    STRAIGHT_DEG,
    UPRIGHT_DEG,
    Course,
    Exchanged,
    Knee,
    knee_deg,
    lean_deg,
    seat_knee,
)
from fusion.body.seats.memory import GYR, MAG, QUAT, STEP, STILL, Memory, Step
from fusion.body.seats.movement import LegMovement
from fusion.body.seats.report import Calibration, Stage, report
from fusion.body.seats.watch import Watch
from fusion.body.segments import ALIGNED, JOINTS, SIDES, chain, part
from fusion.estimates import Event, Json
from fusion.orientation import quaternion as qt
from fusion.plain import moment, number, numbers, table
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOVING_RATE = 0.35
"""Horizontal angular rate from which movement counts for the axis [rad/s]; far above sway and gyro bias. [P]"""
MOVED = 0.2
"""A pose taken by itself is taken again until a segment has swung this far [rad]. [P]"""
SLIP_DEG = 20.0
"""A new pose that differs more than this from the old one means that the sensor has slipped [deg]. [P]"""
SURE_AXIS_DEG, PLANAR_AXIS_DEG = 4.0, 12.0
"""A knee's axis must be known this well before it is used [deg]: at first, and after `PLANAR` steps, as movement in one
plane, such as a squat, shows it no better, and flexion hardly depends on it. [P]"""
PLANAR = 80
PATIENCE, LONG = 150, 300
"""Steps of leg movement after which zero may come from moving knees, and after which an unclear answer is taken. [P]"""
X, Y, Z = np.eye(3)
TAKEN = "pose taken by itself, as standing"
CURED = ("slipped", "zero taken", TAKEN, UNSURE)
"""Doubts that begin so end with a pose that is asked for."""


class BodyCalibration:
    """The seats of all body-worn sensors and the headings between them."""

    def __init__(self, settings: PipelineSettings) -> None:
        self._settings = settings
        self.seats: list[Seat] = []
        self.headings = Headings(JOINTS, settings.heading_tau_s, settings.loose_heading_tau_s)
        self._pose: Pose = "standing"
        self._asked: int | None = None
        """When a pose was asked for and not yet taken [ns]."""
        self._chosen = False
        """The pose was named by somebody; otherwise knees tell, or it is taken by itself, as standing."""
        self._still = 0.0
        self._force = np.zeros((0, 3))
        self._memory = Memory()
        self._legs: dict[tuple[int, int], LegMovement] = {}
        """By the seats of thigh and shank, while not both are known; both are then found, whichever came first."""
        self._arms: dict[tuple[int, ...], ArmMovement] = {}
        """By the seats of trunk, upper arm, forearm and, if worn, hand, until the long axes of the arm are known."""
        self._reached: set[int] = set()
        """Seats of arms whose long axes are known."""
        self._align = np.zeros((0, 4))
        self._watch = Watch()
        self._restored: dict[str, Any] = {}
        self.off: set[int] = set()
        """Seats without a sensor: nobody waits for them."""

    def add(self, segment: str) -> int | None:
        """Begin with a newly worn segment and return its index; None for a part that is not aligned."""
        if part(segment) not in ALIGNED:
            return None
        self.seats.append(Seat(segment))
        self.headings.add()
        self._force = np.concatenate([self._force, np.zeros((1, 3))])
        self._memory.add()
        self._still = 0.0
        self._end_pose()
        self._continue(len(self.seats) - 1)
        self._seated()
        return len(self.seats) - 1

    def renew(self, index: int) -> None:
        """Forget a seat, because another sensor or the same one anew sits there."""
        self.seats[index] = Seat(self.seats[index].segment)
        self._memory.forget(index)
        self._still = 0.0
        self._watch.renew(index)
        self._legs = {leg: movement for leg, movement in self._legs.items() if index not in leg}
        self._arms = {arm: movement for arm, movement in self._arms.items() if index not in arm}
        self._reached.discard(index)
        self.off.discard(index)
        self._end_pose()
        self._seated()

    def take_off(self, index: int) -> None:
        """Forget a seat, because no sensor sits there any more."""
        self.renew(index)
        self.off.add(index)
        self._seated()

    def _end_pose(self) -> None:
        """Forget which pose was named once all who took it are seated: who comes later is found like anybody."""
        if self._asked is None and not self._restored and all(s.up is None or s.align is not None for s in self.seats):
            self._pose, self._chosen = "standing", False

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
        self.headings.forget()
        self.headings.face_east([s.align is not None for s in self.seats], self._memory.last)

    def reset(self) -> None:
        """Forget all seats."""
        self._restored.clear()
        for index in self._worn:
            self.renew(index)
        self.headings.forget()
        self._pose, self._asked, self._chosen = "standing", None, False

    @property
    def align(self) -> Floats:
        """Segment-to-sensor of every seat, shape (seats, 4); NaN where not known."""
        return self._align

    @property
    def heading(self) -> Floats:
        """Turn about the vertical that brings each sensor's earth frame to the common one [rad], shape (seats,)."""
        return self.headings.heading

    def step(self, step: Step) -> list[Event]:
        """Look at the next tenth of a second."""
        if not self.seats:
            return []
        still = self._memory.take(step)
        events = [] if self._settled else self._seek(step, still)
        self.headings.update(step.quat[-1:], STEP)
        return events + self._watch.step(step, still, self.seats, self._align, self.headings.axes)

    @property
    def _settled(self) -> bool:
        return self._asked is None and all(self.seats[i].align is not None for i in self._worn)

    @property
    def _worn(self) -> list[int]:
        return [i for i in range(len(self.seats)) if i not in self.off]

    def _seated(self) -> None:
        """Make known where everything sits now."""
        aligns = [seat.align for seat in self.seats]
        self._align = np.array([np.full(4, np.nan) if q is None else q for q in aligns]).reshape(-1, 4)
        self.headings.seat([seat.segment for seat in self.seats], aligns, [seat.carrying for seat in self.seats])
        at = {self.seats[i].segment: i for i in self._worn}
        done = {i for i, seat in enumerate(self.seats) if seat.align is not None}
        self._watch.seat([seat.segment for seat in self.seats], at, done)
        pairs = [(at.get(f"thigh_{side}"), at.get(f"shank_{side}")) for side in SIDES]
        legs = [(a, b) for a, b in pairs if a is not None and b is not None and not {a, b} <= done]
        self._legs = {leg: self._legs.get(leg) or LegMovement(1.0 / self._settings.rate_hz) for leg in legs}
        arms = [tuple(at[s] for s in chain(side) if s in at) for side in SIDES if {*chain(side)[:3]} <= at.keys()]
        arms = [arm for arm in arms if not {*arm[1:]} & (done | self._reached)]
        self._arms = {arm: self._arms.get(arm) or ArmMovement(1.0 / self._settings.rate_hz) for arm in arms}

    def carry(self) -> dict[str, Json]:
        """Return everything but the memory as JSON values."""
        return {
            "pose": self._pose,
            "chosen": self._chosen,
            "asked": self._asked,
            "seats": {self.seats[i].segment: self.seats[i].carry(float(self.headings.root[i])) for i in self._worn},
            "ties": {name: list[Json](sums) for name, sums in self.headings.carry().items()},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Continue from what `carry` gave, with the segments worn now and those to come."""
        self._pose = "sitting" if data.get("pose") == "sitting" else "standing"
        self._chosen, self._asked = data.get("chosen") is True, moment(data.get("asked"))
        self._restored = dict(table(data.get("seats")))
        for name, value in table(data.get("ties")).items():
            sums = numbers(value, 3)
            if sums is not None:
                self.headings.restore(name, sums)
        for index in range(len(self.seats)):
            self._continue(index)
        self._seated()
        self.headings.settle()

    def _continue(self, index: int) -> None:
        state = table(self._restored.pop(self.seats[index].segment, None))
        seat = Seat.restored(self.seats[index].segment, state) if state else None
        if seat is not None:
            self.seats[index] = seat
            self.headings.root[index] = number(state.get("root"), 0.0)

    # Pose

    def _seek(self, step: Step, still: Bools) -> list[Event]:
        live = np.isfinite(step.quat[-1, :, 0])
        events = self._take_pose(step, live, still)
        self._collect(step)
        events += self._find_knees(step)
        events += self._find_arms(step.t)
        if self._memory.steps % 5 == 0:
            events += self._solve(step.t)
        return events

    def _take_pose(self, step: Step, live: Bools, still: Bools) -> list[Event]:
        wanted = [self._wants_pose(seat) and bool(ok) for seat, ok in zip(self.seats, live, strict=True)]
        if not any(wanted) or (self._asked is not None and step.t < self._asked):
            return []
        if not (still | ~live).all() or not (self._asked is not None or self._may_stand(step)):
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
        self._seated()
        return events

    def _wants_pose(self, seat: Seat) -> bool:
        moved = any(s.turn >= MOVED for s in self.seats)
        return self._asked is not None or seat.up is None or (seat.align is None and not moved)

    def _may_stand(self, step: Step) -> bool:
        """Say whether nothing known of the legs contradicts that a still moment is one of standing."""
        if self._legs:
            return False  # they will tell
        index = {seat.segment: i for i, seat in enumerate(self.seats) if seat.align is not None}
        for side in SIDES:
            a, b = index.get(f"thigh_{side}"), index.get(f"shank_{side}")
            if a is not None and b is not None:
                thigh, shank = step.quat[-1, a], step.quat[-1, b]
                lean = lean_deg(self._align[a], thigh)
                if lean > UPRIGHT_DEG or abs(knee_deg((self._align[a], self._align[b]), thigh, shank)) > STRAIGHT_DEG:
                    return False
        return True

    def _seat_pose(self, index: int, step: Step) -> list[Event]:
        seat = self.seats[index]
        up = self._force[index]
        size = float(np.sqrt((up * up).sum()))
        if not 0.0 < size < np.inf:
            return []
        up = up / size
        seat.up, seat.pose_quat = up, step.quat[-1, index].copy()
        seat.standing, seat.zero_sd_deg = self._chosen, STANDING_ZERO_DEG
        self._watch.posed(index)
        if seat.align is None:
            seat.forget_movement()
            self._memory.forget(index)
            return []
        upward = pose_axis(seat.part, self._pose)
        before = qt.rotate(seat.align, X if upward == "x" else Y)
        slip = float(np.degrees(np.arccos(np.clip((before * up).sum(), -1.0, 1.0))))
        if slip > SLIP_DEG:
            seat.align, seat.axis_sd_deg = None, UNKNOWN_AXIS_DEG
            seat.reasons = (f"slipped by {slip:.0f} deg since the last calibration",)
            seat.forget_movement()
            self._memory.forget(index)
            return []
        seat.align = frame(up, qt.rotate(seat.align, Z), upward)
        seat.reasons = tuple(reason for reason in seat.reasons if not reason.startswith(CURED))
        return [
            Event(step.t, "calibrated", data={"what": "pose", "segment": seat.segment, "moved_deg": round(slip, 1)})
        ]

    # Movement

    def _collect(self, step: Step) -> None:
        up = qt.up_in_sensor(step.quat)
        rate = step.gyr - (step.gyr * up).sum(axis=2, keepdims=True) * up
        size = np.sqrt((rate**2).sum(axis=2))
        rate = np.where((np.isfinite(size) & (size > MOVING_RATE))[..., None], rate, 0.0)
        dt = STEP / len(rate)
        power = np.einsum("rsi,rsj->sij", rate, rate) * dt
        turn = np.sqrt((rate**2).sum(axis=2)).sum(axis=0) * dt
        for index, seat in enumerate(self.seats):
            if seat.align is None and (seat.up is not None or self._legs):
                seat.power = seat.power + power[index]
                seat.turn += float(turn[index])
        for leg, movement in self._legs.items():
            movement.add(step.quat[:, leg], step.gyr[:, leg], step.acc[:, leg])
        for arm, reaching in self._arms.items():
            reaching.add(step.quat[:, arm], step.gyr[:, arm], step.acc[:, arm])

    def _find_knees(self, step: Step) -> list[Event]:
        """Seat thighs and shanks whose movement shows how."""
        events = []
        for leg, movement in list(self._legs.items()):
            if self._by_pose(leg) or not movement.due():
                continue
            knee = self._knee(leg, movement)
            if isinstance(knee, Exchanged):
                events += self._exchange(step.t, leg)
            elif knee is not None:
                events.append(self._settle_knee(step.t, leg, knee))
        return events

    def _by_pose(self, leg: tuple[int, int]) -> bool:
        """Say whether both took a named pose, or are about to."""
        return self._chosen and (self._asked is not None or all(self.seats[i].up is not None for i in leg))

    def _knee(self, leg: tuple[int, int], movement: LegMovement) -> Knee | Exchanged | None:
        limit = SURE_AXIS_DEG if movement.steps < PLANAR else PLANAR_AXIS_DEG
        seen = [one for one in movement.look() if one.sd_deg <= limit]
        thigh, shank = (self._course(i) for i in leg)
        knee = seat_knee(seen, thigh, shank)
        if not isinstance(knee, Knee):
            return None if isinstance(knee, str) else knee
        late = movement.steps >= LONG
        if (knee.votes < CLEAR and not late) or (not knee.standing and movement.steps < PATIENCE):
            return None
        return knee

    def _find_arms(self, t: int) -> list[Event]:
        """Seat arms whose movement shows their long axes; what shows none for long is found like everything else."""
        events = []
        for seats, movement in list(self._arms.items()):
            hung = [self.seats[i].pose_quat for i in seats]
            if self._chosen or any(quat is None for quat in hung) or not movement.due():
                continue
            arm = movement.look(np.array(hung))
            if movement.late or (arm is not None and arm.sure):
                self._reached |= {*seats[1:]}
                self._seated()
                if arm is not None:
                    events.append(self._settle_arm(t, seats[1:], arm))
        return events

    def _settle_arm(self, t: int, arm: tuple[int, ...], found: Arm) -> Event:
        for i, align, sd, reasons in zip(arm, found.aligns, found.sds_deg, found.reasons, strict=True):
            seat = self.seats[i]
            taken = () if seat.standing else (TAKEN,)
            seat.align, seat.up, seat.zero_sd_deg, seat.reasons = align, qt.rotate(align, Y), sd, taken + reasons
        self.seats[arm[1]].carrying = found.carrying
        self._begin(arm)
        return _event(t, [self.seats[i] for i in arm])

    def _exchange(self, t: int, leg: tuple[int, int]) -> list[Event]:
        """Say once that thigh and shank are exchanged; nothing is computed from them until that is mended."""
        said = "sensors of thigh and shank seem to be exchanged: change them, or their places in the settings"
        seats = [self.seats[i] for i in leg]
        if said in seats[0].reasons:
            return []
        for seat in seats:
            seat.reasons = (said,)
        return [Event(t, "swap", data={"segments": [seat.segment for seat in seats]})]

    def _course(self, index: int) -> Course:
        rows = self._memory.rows[:, index]
        return Course(rows[:, QUAT], rows[:, GYR], rows[:, STILL] == 1.0)

    def _settle_knee(self, t: int, leg: tuple[int, int], knee: Knee) -> Event:
        quat = self._memory.rows[knee.upright][..., QUAT]
        for i, align in zip(leg, knee.aligns, strict=True):
            seat = self.seats[i]
            seat.align, seat.up, seat.reasons = align, qt.rotate(align, Y), knee.reasons
            seat.zero_sd_deg, seat.axis_sd_deg = knee.zero_sd_deg, knee.axis_sd_deg
            seat.pose_quat = quat[-1, i]
        for i, seat in enumerate(self.seats):
            mine = quat[np.isfinite(quat[:, i, 0]), i]
            if seat.align is None and seat.up is None and len(mine) >= 5:
                up = qt.up_in_sensor(mine).mean(axis=0)
                seat.up, seat.pose_quat, seat.zero_sd_deg = up / np.sqrt((up * up).sum()), mine[-1], knee.zero_sd_deg
                seat.standing = True
        self._begin(leg)
        return _event(t, [self.seats[i] for i in leg])

    def _begin(self, done: Sequence[int]) -> None:
        """Let newly found seats take part."""
        self._seated()
        fresh = [i in done for i in range(len(self.seats))]
        self.headings.face_east(fresh, np.array([_or_nan(s.pose_quat) for s in self.seats]))
        self.headings.begin(fresh, self._memory.rows[..., QUAT], STEP)

    def _axis_found(self, seat: Seat) -> bool:
        if seat.up is None or seat.turn < np.radians(self._settings.turn_deg):
            return False
        return functional_axis(seat.power, seat.up)[1] >= self._settings.explained

    def _solve(self, t: int) -> list[Event]:
        waiting = set() if self._chosen else {i for arm in self._arms for i in arm[1:]}
        found = [s.align is None and i not in waiting and self._axis_found(s) for i, s in enumerate(self.seats)]
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
        self._begin(done)
        return [_event(t, [self.seats[i] for i in done])]

    def _groups(self) -> list[tuple[int, ...]]:
        """Return what is decided together: a thigh with its shank if both are worn, everything else alone."""
        apart = {i for i, seat in enumerate(self.seats) if seat.align is not None}
        posed = [leg for leg in self._legs if self._by_pose(leg)]
        legs: list[tuple[int, ...]] = [leg for leg in posed if not apart & set(leg)]
        paired = {i for leg in self._legs if leg in legs or leg not in posed for i in leg}
        return legs + [(i,) for i in range(len(self.seats)) if i not in paired]

    def _recall(self, index: int) -> Past:
        rows = self._memory.rows[:, index]
        return Past(rows[:, QUAT], rows[:, MAG])

    def _settle(self, group: Sequence[int], answer: Answer) -> None:
        for i, align in zip(group, answer.aligns, strict=True):
            seat = self.seats[i]
            taken = () if seat.standing else (TAKEN,)
            if seat.part in ("upper_arm", "forearm") and not self._chosen:
                seat.zero_sd_deg, taken = HANGING_SD_DEG[0], (*taken, UNSURE)
            seat.align, seat.reasons = align, taken + answer.reasons

    @property
    def report(self) -> Calibration:
        """How far it is, in words."""
        at = {i: place for place, i in enumerate(self._worn)}
        legs = {at[i]: movement.steps * STEP for leg, movement in self._legs.items() for i in leg}
        posed = {at[i] for leg in self._legs if self._by_pose(leg) for i in leg}
        moved = {} if self._chosen else {at[i]: m.steps * STEP for arm, m in self._arms.items() for i in arm[1:]}
        asked, still = self._asked is not None, self._still > 0.0
        stage = Stage([self.seats[i] for i in at], legs, self._pose, posed, asked, still, moved)
        return report(stage, self._settings)


def _or_nan(quat: Floats | None) -> Floats:
    return np.full(4, np.nan) if quat is None else quat


def _event(t: int, seats: list[Seat]) -> Event:
    segments: list[Json] = [seat.segment for seat in seats]
    unsure: list[Json] = [*dict.fromkeys(reason for seat in seats for reason in seat.reasons)]
    return Event(t, "calibrated", data={"what": "movement", "segments": segments, "reasons": unsure})
