"""The kinematic chain: from joint angles to orientation and position of the 17 segments.

Segment frames follow ISB: x anterior, y proximal (up in the standing pose), z right, on both sides of the body.
Joint rotations are Grood and Suntay's with the signs of docs/conventions.md; the left side mirrors the right, so its
rotations about x and y (and, for the shoulder's Y-X-Y, the plane) change sign. Quaternions are segment-to-earth,
earth is ENU.

Lengths are fractions of the body height after Drillis and Contini 1966 (in Winter, "Biomechanics and Motor Control
of Human Movement"). The pelvis is carried by the feet: the lowest of heels and toes touches the floor,
and the middle of the ankles stays where it is, but in walking the pelvis moves evenly and the feet sweep below it (on a
treadmill, unless the script gives a speed over ground). A heel strike jolts the segments above it less and less, as if
the joints gave way by millimetres.
"""

from dataclasses import dataclass

import numpy as np

from simulators.person.motion.channels import INDEX, SIDES
from simulators.person.rotation import Floats, X, Y, Z, about, multiply, rotate

SEGMENTS = (
    "pelvis",
    "trunk",
    "head",
    *(
        f"{name}_{side}"
        for name in ("thigh", "shank", "foot", "upper_arm", "forearm", "hand", "scapula")
        for side in SIDES
    ),
)

PARENTS = {
    "trunk": "pelvis",
    "head": "trunk",
    "scapula": "trunk",
    "upper_arm": "trunk",
    "forearm": "upper_arm",
    "hand": "forearm",
    "thigh": "pelvis",
    "shank": "thigh",
    "foot": "shank",
}
CENTRAL = ("pelvis", "trunk", "head")

CONTACT_SOFTNESS_M = 0.03
"""Over this height the load passes from one contact of the feet to another; less shakes the walking pelvis more."""
SCAPULAR_RHYTHM = 0.33
"""Upward rotation of the scapula per elevation of the arm (Inman 1944)."""
SHOCK = {"foot": 30.0, "shank": 18.0, "thigh": 9.0, "pelvis": 3.0, "trunk": 2.0, "head": 1.0}
"""Peak vertical acceleration at heel strike [m/s2], as worn sensors see it in natural walking; arms as the trunk."""


@dataclass(frozen=True, slots=True)
class Build:
    """Size of a person."""

    height_m: float = 1.75
    carrying_angle_deg: float = 8.0
    """Fixed abduction of the forearm at the elbow."""

    def __post_init__(self) -> None:
        """Refuse a person nobody could be."""
        if not 0.5 <= self.height_m <= 2.5:
            raise ValueError(f"height_m is {self.height_m}: give the body height in metres, 0.5 to 2.5")


@dataclass(frozen=True, slots=True)
class Pose:
    """Orientation and origin of one segment; the origin is its proximal joint (pelvis: the middle of the hips)."""

    quat: Floats
    """Segment to earth, shape (N, 4)."""
    position: Floats
    """Earth, z = 0 is the floor [m], shape (N, 3)."""


OFFSETS = {
    "trunk": (0.0, 0.06, 0.0),
    "head": (0.0, 0.28, 0.0),
    "scapula": (-0.03, 0.21, 0.08),
    "thigh": (0.0, 0.0, 0.05),
    "shank": (0.0, -0.245, 0.0),
    "foot": (0.0, -0.246, 0.0),
    "upper_arm": (0.0, 0.228, 0.115),
    "forearm": (0.0, -0.186, 0.0),
    "hand": (0.0, -0.146, 0.0),
}
"""Where each segment's origin lies in its parent's frame, fractions of the body height; z is outward on both sides."""
CONTACTS = ((-0.025, -0.039, 0.0), (0.085, -0.039, 0.0))
"""Heel and ball of the foot in its frame, fractions of the body height."""


class Body:
    """The chain of one person who faces one way."""

    def __init__(self, build: Build, heading_deg: float) -> None:
        """heading_deg: compass direction the person faces, clockwise from north [deg]."""
        self._build = build
        east, north = np.sin(np.radians(heading_deg)), np.cos(np.radians(heading_deg))
        self._forward, self._right = np.array([east, north, 0.0]), np.array([north, -east, 0.0])
        upright = about(X, np.array(90.0))
        self._lab = multiply(about(Z, np.array(90.0 - heading_deg)), upright)

    def orientation(self, segment: str, channels: Floats) -> Floats:
        """Return segment-to-earth quaternions of one segment, shape (N, 4), for channels of shape (N, channels)."""
        return self._orient(segment, _Angles(channels), {})

    def _orient(self, segment: str, angle: "_Angles", known: dict[str, Floats]) -> Floats:
        if segment not in known:
            if segment == "pelvis":
                known[segment] = multiply(self._lab, _pelvis(angle))
            else:
                above = self._orient(parent_of(segment), angle, known)
                known[segment] = multiply(above, _joint(angle, segment, self._build.carrying_angle_deg))
        return known[segment]

    def poses(self, channels: Floats) -> dict[str, Pose]:
        """Return orientation and position of all segments for channels of shape (N, channels)."""
        angle = _Angles(channels)
        quats: dict[str, Floats] = {}
        for segment in SEGMENTS:
            self._orient(segment, angle, quats)
        places = self._chain(quats)
        pelvis = self._carry(quats, places, angle)
        shocks = {side: channels[:, INDEX[f"shock_{side}"]] for side in SIDES}
        poses = {}
        for name, place in places.items():
            position = pelvis + place
            position[:, 2] += _jolt(name, shocks)
            poses[name] = Pose(quats[name], position)
        return poses

    def _chain(self, quats: dict[str, Floats]) -> dict[str, Floats]:
        """Return all origins relative to the pelvis, in earth axes [m]."""
        places = {"pelvis": np.zeros_like(quats["pelvis"][:, :3])}
        for segment in SEGMENTS[1:]:
            above = parent_of(segment)
            places[segment] = places[above] + rotate(quats[above], _offset(segment, self._build.height_m))
        return places

    def _carry(self, quats: dict[str, Floats], places: dict[str, Floats], angle: "_Angles") -> Floats:
        """Return the position of the pelvis that keeps the feet on the floor [m]."""
        middle = 0.5 * (places["foot_left"] + places["foot_right"])
        standing = 1.0 - angle["gait"]
        pelvis = (
            -standing[:, None] * middle
            + self._forward * angle["travel"][:, None]
            + self._right * angle["lateral"][:, None]
        )
        needed = [
            -(places[f"foot_{side}"] + rotate(quats[f"foot_{side}"], self._build.height_m * np.array(point)))[:, 2]
            for side in SIDES
            for point in CONTACTS
        ]
        pelvis[:, 2] = _soft_maximum(needed)
        return pelvis


MIRROR = {"right": 1.0, "left": -1.0, "": 1.0}
"""Sign of outward directions along z."""


def split(segment: str) -> tuple[str, str]:
    """Return the name of a segment without its side, and the side ("" for the segments of the middle)."""
    if segment in CENTRAL:
        return segment, ""
    name, _, side = segment.rpartition("_")
    return name, side


def parent_of(segment: str) -> str:
    """Return the segment that carries this one."""
    name, side = split(segment)
    above = PARENTS[name]
    return above if above in CENTRAL else f"{above}_{side}"


def _offset(segment: str, height_m: float) -> Floats:
    name, side = split(segment)
    return np.asarray(height_m * np.array(OFFSETS[name]) * (1.0, 1.0, MIRROR[side]))


class _Angles:
    """Channels by name."""

    def __init__(self, channels: Floats) -> None:
        self._channels = channels

    def __getitem__(self, name: str) -> Floats:
        return np.ascontiguousarray(self._channels[:, INDEX[name]])


def _cardan(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return Rz(a) Rx(b) Ry(c), angles in degrees."""
    return multiply(multiply(about(Z, a), about(X, b)), about(Y, c))


def _pelvis(angle: _Angles) -> Floats:
    turned = multiply(about(Y, angle["pelvis_rotation"]), about(X, -angle["pelvis_obliquity"]))
    return multiply(turned, about(Z, -angle["pelvis_tilt"]))


def _spine(angle: _Angles, part: str) -> Floats:
    return _cardan(-angle[f"{part}_flexion"], angle[f"{part}_lateral_bend"], angle[f"{part}_rotation"])


def _joint(angle: _Angles, segment: str, carrying_deg: float) -> Floats:
    """Return the rotation of a segment against its parent; the left side is the mirror image of the right."""
    if segment == "trunk":
        return _spine(angle, "trunk")
    if segment == "head":
        return _spine(angle, "neck")
    name, side = split(segment)
    mirror = MIRROR[side]

    def of(joint: str) -> Floats:
        return angle[f"{joint}_{side}"]

    if name == "thigh":
        return _cardan(of("hip_flexion"), mirror * of("hip_adduction"), mirror * of("hip_rotation"))
    if name == "shank":
        return _cardan(-of("knee_flexion"), -mirror * of("knee_valgus"), mirror * of("knee_rotation"))
    if name == "foot":
        return _cardan(of("ankle_dorsiflexion"), mirror * of("ankle_inversion"), mirror * of("ankle_rotation"))
    if name == "upper_arm":
        raised = multiply(about(Y, mirror * of("shoulder_plane")), about(X, -mirror * of("shoulder_elevation")))
        return multiply(raised, about(Y, mirror * of("shoulder_rotation")))
    if name == "forearm":
        carrying = np.full_like(of("elbow_flexion"), -mirror * carrying_deg)
        return _cardan(of("elbow_flexion"), carrying, mirror * of("elbow_pronation"))
    if name == "hand":
        deviation = mirror * of("wrist_ulnar_deviation")
        return _cardan(of("wrist_flexion"), deviation, np.zeros_like(deviation))
    return _scapula(of("shoulder_elevation"), mirror)


def _scapula(elevation: Floats, mirror: float) -> Floats:
    """Return protraction of 30 degrees and the upward rotation that goes with the arm (by ISB negative)."""
    upward = SCAPULAR_RHYTHM * (elevation - 10.0)
    return multiply(about(Y, np.full_like(elevation, 30.0 * mirror)), about(X, -mirror * upward))


def _soft_maximum(values: list[Floats]) -> Floats:
    """Return a smooth maximum that is exact where all values are equal."""
    highest = values[0]
    for value in values[1:]:
        highest = np.maximum(highest, value)
    total = np.zeros_like(highest)
    for value in values:
        total += np.exp((value - highest) / CONTACT_SOFTNESS_M)
    return np.asarray(highest + CONTACT_SOFTNESS_M * np.log(total / len(values)))


def _jolt(segment: str, shocks: dict[str, Floats]) -> Floats:
    """Return how far heel strikes lift a segment [m]."""
    name, side = split(segment)
    share = SHOCK.get(name, SHOCK["trunk"])
    return share * (shocks[side] if name in ("foot", "shank", "thigh") else shocks["left"] + shocks["right"])
