"""The body's segments and joints by name, and which angles of a joint are published.

Segment frames follow ISB: x anterior, y proximal, z to the right, on both sides (Wu and Cavanagh 1995).
"""

from dataclasses import dataclass
from typing import Literal

SIDES = ("left", "right")
PAIRED = ("thigh", "shank", "foot", "upper_arm", "forearm", "hand", "scapula")
SEGMENTS: tuple[str, ...] = (
    "pelvis",
    "trunk",
    "head",
    *(f"{part}_{side}" for part in PAIRED for side in SIDES),
)
ALIGNED = ("pelvis", "trunk", "thigh", "shank", "foot")
"""Parts whose seat can be found at present; the others are accepted and wait."""

Kind = Literal["hip", "knee", "ankle", "trunk", "pelvis", "neck", "shoulder", "elbow", "wrist"]
Side = Literal["left", "right", ""]


@dataclass(frozen=True, slots=True)
class Joint:
    """Two neighbouring segments."""

    kind: Kind
    side: Side
    proximal: str
    distal: str
    loose: bool
    """Turns freely about all axes, so that only its mean rotation ties the headings of the two segments."""

    @property
    def name(self) -> str:
        """Return for example knee_left."""
        return f"{self.kind}_{self.side}" if self.side else self.kind


def _of_side(side: Side) -> tuple[Joint, ...]:
    return (
        Joint("hip", side, "pelvis", f"thigh_{side}", loose=True),
        Joint("knee", side, f"thigh_{side}", f"shank_{side}", loose=False),
        Joint("ankle", side, f"shank_{side}", f"foot_{side}", loose=False),
    )


JOINTS: tuple[Joint, ...] = (
    Joint("trunk", "", "pelvis", "trunk", loose=True),
    *_of_side("left"),
    *_of_side("right"),
)
"""In the order from the pelvis outwards."""


def _of_arm(side: Side) -> tuple[Joint, ...]:
    return (
        Joint("shoulder", side, "trunk", f"upper_arm_{side}", loose=True),
        Joint("elbow", side, f"upper_arm_{side}", f"forearm_{side}", loose=True),
        Joint("wrist", side, f"forearm_{side}", f"hand_{side}", loose=True),
    )


EARTH = "earth"
"""Stands for the proximal segment of the pelvis: a level frame that faces a given heading."""
PELVIS = Joint("pelvis", "", EARTH, "pelvis", loose=True)
UPPER_JOINTS: tuple[Joint, ...] = (Joint("neck", "", "trunk", "head", loose=True), *_of_arm("left"), *_of_arm("right"))
"""Joints whose angles are defined, and whose segments cannot be aligned yet; until their headings are tied by the two
axes of elbow and wrist, loose claims the least."""
ALL_JOINTS: tuple[Joint, ...] = (PELVIS, *JOINTS, *UPPER_JOINTS)


def part(segment: str) -> str:
    """Return the segment's name without its side."""
    stem, _, side = segment.rpartition("_")
    return stem if side in SIDES else segment


def check(segment: str) -> str:
    """Return the segment.

    Raises:
        ValueError: There is no such segment.
    """
    if segment not in SEGMENTS:
        raise ValueError(f"unknown segment {segment!r}: use one of {', '.join(SEGMENTS)}")
    return segment
