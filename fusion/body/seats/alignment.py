"""Where a sensor sits on its segment: the segment's axes in the sensor frame, found from a pose and from movement.

(a) Pose. While the wearer is still, the specific force points up. Standing, up is +y of every segment; sitting, it is
+x of the thighs (their front faces up) and +y of the rest.

(b) Functional axis. Legs, pelvis and trunk turn mostly about their medio-lateral axis z. The horizontal part of the
angular rate (what is left without turning on the spot) is collected as a 3 x 3 sum; its principal direction in the
plane perpendicular to the pose axis is z, up to its sign. It counts when the segment has swung far enough and enough
of the rate's power lies on it, and is then kept until the next calibration, so that numbers do not wander.

(c) Signs. Turning z around turns a standing segment's x around (sitting thigh: y). The tilt phi of a segment in its
sagittal plane (`inclination.sagittal`, from gravity alone, so no heading enters) then becomes -phi (sitting thigh:
180 deg - phi). Knee flexion is phi_thigh - phi_shank and stays within -15 to 160 degrees.
- Walking: phi_thigh is -20 to +30, phi_shank -70 to +20 in opposite course, the knee 0 to 65. Both signs wrong: -65 to
  0; one wrong: the sum of two swings, which reaches well below -15. Range alone decides.
- Squat: phi_thigh 0 to 90, phi_shank 0 to -35. Both wrong: negative. Thigh wrong: negative. Shank wrong: 0 to 55
  instead of 0 to 125, which the range allows. Here the two z axes decide where magnetometers are worn: in earth
  coordinates relative to the field they must agree. Otherwise it is what bodies do: with the foot on the ground the
  shank leans forward far more than backward, and a thigh is lifted forward farther than it extends backward; the
  result says that it rests on this.
- Start in sitting: the pose gives 90 degrees of flexion whatever the signs. With a wrong thigh its proximal end would
  point down as soon as the wearer stands up, and the knee would stretch to 180 degrees: range and gravity decide. If
  only the shank moves (knee extension in a chair), the thigh never shows an axis; the wearer is asked to stand up.
A pose that was taken by itself counts as standing. That somebody sat cannot be told afterwards: rising from a chair is
then the mirror image of sitting down. The reasons say that the pose was taken by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusion.body.angles.inclination import sagittal
from fusion.body.segments import part
from fusion.estimates import Json
from fusion.orientation import quaternion as qt
from fusion.plain import number, numbers, unit

Floats = NDArray[np.float64]
Pose = Literal["standing", "sitting"]

KNEE_RANGE_DEG = (-15.0, 160.0)
"""What a knee can do [deg], with room for a pose that was not quite straight. [P]"""
LEAST_KNEE_DEG = 30.0
"""The knee must have moved this far before signs are decided [deg]. [P]"""
TOLERANCE_DEG = 1.0
"""Mean violation of the range within which two answers count as equally possible [deg]. [P]"""
CLEAR_LEAN_DEG = 15.0
"""Two answers that differ less in the direction of lean are not told apart by it [deg]. [P]"""
CLEAR_FIELD = 0.5
"""Mean cosine between the z axes, by the magnetic field, from which that decides. [P]"""
UNKNOWN_AXIS_DEG = 4.0
"""Uncertainty of a main axis that nothing measured [deg]. [P]"""
LEANS = {"thigh": 1.0, "shank": -1.0, "foot": -1.0, "pelvis": -1.0, "trunk": -1.0, "head": -1.0}
LEANS |= {"upper_arm": 1.0, "forearm": 1.0, "hand": 1.0}
"""The sense of phi in which a segment leans farther in everyday movement. [P]"""


@dataclass(slots=True)
class Seat:
    """One segment's sensor and what is known of how it sits."""

    segment: str
    up: Floats | None = None
    """Up at the pose, in the sensor frame, shape (3,)."""
    pose_quat: Floats | None = None
    """Sensor-to-earth at the pose."""
    power: Floats = field(default_factory=lambda: np.zeros((3, 3)))
    """Integral of the outer product of the horizontal angular rate [rad2/s]."""
    turn: float = 0.0
    """Integral of its magnitude [rad]."""
    align: Floats | None = None
    """Segment-to-sensor, shape (4,); None until found."""
    reasons: tuple[str, ...] = ()
    """What is unsure about `align`."""
    standing: bool = False
    """The upright moment was named by somebody, or seen on the knees; otherwise it is a guess."""
    zero_sd_deg: float = 2.0
    """Uncertainty of the upward axis, and so of the angles' zero [deg]. [P]"""
    axis_sd_deg: float = UNKNOWN_AXIS_DEG
    """Uncertainty of the main axis [deg]."""

    carrying: float = 0.0
    """Of a forearm: sine of the angle by which its y is not perpendicular to the upper arm's z."""

    @property
    def part(self) -> str:
        """Return the segment without its side."""
        return part(self.segment)

    def carry(self, root: float) -> dict[str, Json]:
        """Return it as JSON values."""
        return {
            "up": _listed(self.up),
            "pose_quat": _listed(self.pose_quat),
            "power": self.power.tolist(),
            "turn": self.turn,
            "align": _listed(self.align),
            "reasons": list(self.reasons),
            "standing": self.standing,
            "zero_sd_deg": self.zero_sd_deg,
            "axis_sd_deg": self.axis_sd_deg,
            "carrying": self.carrying,
            "root": root,
        }

    @classmethod
    def restored(cls, segment: str, data: Mapping[str, Any]) -> "Seat | None":
        """Return what `carry` was called on; None where the data cannot come from it."""
        lengths = {"up": 3, "pose_quat": 4, "align": 4}
        known = {key: unit(data.get(key), length) for key, length in lengths.items()}
        power, reasons = numbers(data.get("power"), 3, 3), data.get("reasons")
        if power is None or any(known[key] is None and data.get(key) is not None for key in lengths):
            return None
        return cls(
            segment,
            known["up"],
            known["pose_quat"],
            power,
            number(data.get("turn"), 0.0),
            known["align"],
            tuple(map(str, reasons)) if isinstance(reasons, list) else (),
            data.get("standing") is True,
            abs(number(data.get("zero_sd_deg"), 2.0)),
            abs(number(data.get("axis_sd_deg"), 4.0)),
            number(data.get("carrying"), 0.0),
        )

    def forget_movement(self) -> None:
        """Begin to collect anew."""
        self.power, self.turn = np.zeros((3, 3)), 0.0


@dataclass(frozen=True, slots=True)
class Past:
    """What two seats have lately been through, a row each tenth of a second."""

    quat: Floats
    """Sensor-to-earth, shape (n, 4)."""
    mag: Floats
    """Field in the sensor frame, shape (n, 3); NaN where there is none."""


def _listed(x: Floats | None) -> Json:
    return None if x is None else list(x.tolist())


def functional_axis(power: Floats, up: Floats) -> tuple[Floats, float]:
    """Return the main axis of rotation perpendicular to `up`, shape (3,), sign open, and its part of the power."""
    other = np.eye(3)[int(np.argmin(np.abs(up)))]
    a = qt.cross(up, other)
    a = a / np.sqrt((a * a).sum())
    b = qt.cross(up, a)
    basis = np.stack([a, b])
    values, vectors = np.linalg.eigh(basis @ power @ basis.T)
    total = float(values.sum())
    return vectors[:, 1] @ basis, float(values[1]) / total if total > 0.0 else 0.0


def pose_axis(part_name: str, pose: Pose) -> Literal["x", "y"]:
    """Return the segment axis that points up in a pose."""
    return "x" if pose == "sitting" and part_name == "thigh" else "y"


def frame(up: Floats, z: Floats, upward: Literal["x", "y"]) -> Floats:
    """Return segment-to-sensor from the axis that was up and the z axis, made perpendicular to it."""
    up = up / np.sqrt((up * up).sum())
    z = z - (z * up).sum() * up
    z = z / np.sqrt((z * z).sum())
    if upward == "y":
        return qt.from_axes(qt.cross(up, z), up, z)
    return qt.from_axes(up, qt.cross(z, up), z)


@dataclass(frozen=True, slots=True)
class Answer:
    """One consistent set of seats."""

    aligns: tuple[Floats, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    aligns: tuple[Floats, ...]
    signs: tuple[float, ...]
    violation: float
    """Mean distance from what a body can do [deg]."""
    lean: float
    """How far the segments lean in their usual sense beyond the other one [deg]."""
    span: float
    """How far the joint has moved [deg]."""


def solve(seats: tuple[Seat, ...], memory: tuple[Past, ...], pose: Pose) -> Answer | str:
    """Decide the signs of one segment, or of a thigh and its shank together; or say what is missing."""
    rows = np.logical_and.reduce([np.isfinite(m.quat[:, 0]) for m in memory])
    ups = [qt.up_in_sensor(m.quat[rows]) for m in memory]
    if not rows.any():
        return "no movement seen yet"
    candidates = [_candidate(seats, ups, signs, pose) for signs in product((1.0, -1.0), repeat=len(seats))]
    least = min(c.violation for c in candidates)
    possible = [c for c in candidates if c.violation <= least + TOLERANCE_DEG]
    if len(seats) == 2 and max(c.span for c in possible) < LEAST_KNEE_DEG:
        return "the knee has hardly moved"
    reasons = []
    if least > 5.0:
        reasons.append(f"movement leaves the possible range by {least:.0f} deg: check the pose and the sensors' places")
    field_ = _field_agreement(seats, memory, possible[0]) if len(seats) == 2 else 0.0
    if abs(field_) >= CLEAR_FIELD:
        same = [c for c in possible if c.signs[0] * c.signs[1] * field_ > 0.0]
        possible = same or possible
    best = max(possible, key=lambda c: c.lean)
    others = [c.lean for c in possible if c is not best]
    if others and best.lean - max(others) < CLEAR_LEAN_DEG:
        reasons.append("front and back may be exchanged: too little difference between the two in what was seen")
    elif others:
        reasons.append("front and back told apart by the usual direction of lean")
    return Answer(best.aligns, tuple(reasons))


def _candidate(seats: tuple[Seat, ...], ups: list[Floats], signs: tuple[float, ...], pose: Pose) -> _Candidate:
    aligns, tilts, violation, lean = [], [], 0.0, 0.0
    for seat, up, sign in zip(seats, ups, signs, strict=True):
        assert seat.up is not None
        axis, _ = functional_axis(seat.power, seat.up)
        align = frame(seat.up, sign * axis, pose_axis(seat.part, pose))
        inside = qt.rotate(qt.conjugate(align), up)
        tilt = np.degrees(sagittal(inside))
        low, high = np.percentile(tilt, [2, 98])
        lean += LEANS[seat.part] * float(high + low)
        violation += float(np.maximum(-0.3 - inside[:, 1], 0.0).mean()) * 90.0
        aligns.append(align)
        tilts.append(tilt)
    angle = tilts[0] if len(tilts) == 1 else (tilts[0] - tilts[1] + 180.0) % 360.0 - 180.0
    if len(tilts) == 2:
        violation += float(
            (np.maximum(KNEE_RANGE_DEG[0] - angle, 0.0) + np.maximum(angle - KNEE_RANGE_DEG[1], 0.0)).mean()
        )
    low, high = np.percentile(angle, [2, 98])
    return _Candidate(tuple(aligns), signs, violation, lean, float(high - low))


def _field_agreement(seats: tuple[Seat, ...], memory: tuple[Past, ...], of: _Candidate) -> float:
    """Return the mean cosine between two z axes, each measured from north, for positive signs; 0 if unknown."""
    headings = []
    for _, m, align, sign in zip(seats, memory, of.aligns, of.signs, strict=True):
        z = qt.rotate(m.quat, sign * qt.rotate(align, np.array([0.0, 0.0, 1.0])))
        north = qt.rotate(m.quat, m.mag)
        headings.append(np.arctan2(z[:, 1], z[:, 0]) - np.arctan2(north[:, 1], north[:, 0]))
    cosine = np.cos(headings[0] - headings[1])
    cosine = cosine[np.isfinite(cosine)]
    return float(cosine.mean()) if cosine.size >= 10 else 0.0
