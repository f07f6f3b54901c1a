"""How far a calibration is, in words for the wearer: what to do next, and what is missing or unsure of each joint."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from fusion.body.seats.alignment import Pose, Seat, functional_axis
from fusion.body.segments import JOINTS
from fusion.settings import PipelineSettings


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the sensors' seats on the body are known."""

    state: Literal["waiting", "still", "moving", "ready"] = "ready"
    """waiting for stillness, still and taking the pose, waiting for movement, ready."""
    message: str = ""
    """What the wearer should do now, one sentence; empty when nothing."""
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Joint (or lone segment) to what is missing or unsure."""


class Stage(NamedTuple):
    """What the words depend on."""

    seats: Sequence[Seat]
    legs: Mapping[int, float]
    """Seats of thighs and shanks that are found together and are not known yet, and how long they have moved [s]."""
    pose: Pose
    posed: Set[int]
    """Those of them that took a pose that somebody named, or are about to."""
    asked: bool
    """A pose was named and is not taken yet."""
    still: bool
    """Everybody is still at the moment."""
    arms: Mapping[int, float]
    """Seats of arms that are found together and are not known yet, and how long they have moved [s]."""


def report(stage: Stage, settings: PipelineSettings) -> Calibration:
    """Return state, advice and reasons."""
    if not stage.seats:
        return Calibration("ready")
    reasons = _reasons(stage, settings)
    if stage.asked or (not stage.legs and any(s.up is None for s in stage.seats)):
        verb = "Sit" if stage.pose == "sitting" else "Stand"
        return Calibration("still" if stage.still else "waiting", f"{verb} still for two seconds.", reasons)
    open_ = {s.part for s in stage.seats if s.align is None}
    if not open_:
        return Calibration("ready", "", reasons)
    return Calibration("moving", _advice(stage, open_), reasons)


def _advice(stage: Stage, open_: set[str]) -> str:
    if open_ & {"thigh", "shank"}:
        if stage.pose == "sitting":
            return "Now stand up and sit down a few times."
        if stage.posed >= set(stage.legs):
            return "Now bend your knees a few times."
        return "Walk a few steps or bend your knees a few times, then stand still for two seconds."
    if open_ & {"pelvis", "trunk"}:
        return "Now bend forward a few times."
    if open_ & {"upper_arm", "forearm", "hand"}:
        return "Now reach for something a few times: swing your arms, bend elbows and wrists."
    return "Now nod a few times." if "head" in open_ else "Now walk a few steps."


def _reasons(stage: Stage, settings: PipelineSettings) -> dict[str, tuple[str, ...]]:
    index = {seat.segment: i for i, seat in enumerate(stage.seats)}
    out: dict[str, tuple[str, ...]] = {}
    joined: set[str] = set()
    for joint in JOINTS:
        if joint.proximal in index and joint.distal in index:
            both = joint.proximal, joint.distal
            out[joint.name] = tuple(r for segment in both for r in _reason(stage, index[segment], settings))
            joined |= set(both)
    return out | {s: _reason(stage, i, settings) for s, i in index.items() if s not in joined}


def _reason(stage: Stage, index: int, settings: PipelineSettings) -> tuple[str, ...]:
    seat = stage.seats[index]
    if seat.align is not None:
        return tuple(f"{seat.segment}: {reason}" for reason in seat.reasons)
    if index in stage.legs and index not in stage.posed:
        moved = stage.legs[index]
        return (*seat.reasons, f"{seat.segment}: {moved:.0f} s of movement seen, not enough to be sure")
    if seat.up is None:
        return (*seat.reasons, f"{seat.segment}: no upright moment seen yet")
    if index in stage.arms:
        moved = stage.arms[index]
        return (*seat.reasons, f"{seat.segment}: {moved:.0f} s of movement seen, not enough to be sure")
    turn = np.degrees(seat.turn)
    if turn < settings.turn_deg:
        return (*seat.reasons, f"{seat.segment}: moved {turn:.0f} of {settings.turn_deg:.0f} deg")
    explained = functional_axis(seat.power, seat.up)[1]
    if explained < settings.explained:
        return (*seat.reasons, f"{seat.segment}: no clear axis, {100 * explained:.0f} % of the movement lies on it")
    return (*seat.reasons, f"{seat.segment}: its neighbour has moved too little to tell front from back")
