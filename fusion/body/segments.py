"""The body's segments and joints by name, and which angles of a joint are published.

Segment frames follow ISB: x anterior, y proximal, z to the right, on both sides (Wu and Cavanagh 1995).
"""

from dataclasses import dataclass
from typing import Literal

SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
PAIRED = ("thigh", "shank", "foot", "upper_arm", "forearm", "hand", "scapula")
SEGMENTS: tuple[str, ...] = (
    "pelvis",
    "trunk",
    "head",
    *(f"{part}_{side}" for part in PAIRED for side in SIDES),
)
ALIGNED = ("pelvis", "trunk", "head", "thigh", "shank", "foot", "upper_arm", "forearm", "hand")
"""Parts whose seat can be found; a shoulder blade is accepted, and nothing is computed from it."""

Kind = Literal["hip", "knee", "ankle", "trunk", "pelvis", "neck", "shoulder", "elbow", "wrist"]
Side = Literal["left", "right", ""]


Tie = Literal["hinge", "two_y", "two_x", "free"]
TIES: dict[Kind, Tie] = {
    "hip": "free",
    "knee": "hinge",
    "ankle": "two_x",
    "trunk": "free",
    "pelvis": "free",
    "neck": "free",
    "shoulder": "free",
    "elbow": "two_y",
    "wrist": "two_x",
}
"""What ties the headings of the two segments of a joint, see `fusion.body.heading`."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Two neighbouring segments."""

    kind: Kind
    side: Side
    proximal: str
    distal: str

    @property
    def name(self) -> str:
        """Return for example knee_left."""
        return f"{self.kind}_{self.side}" if self.side else self.kind

    @property
    def loose(self) -> bool:
        """Turns freely about all axes, so that only its mean rotation ties the headings of the two segments."""
        return TIES[self.kind] == "free"


def _of_side(side: Side) -> tuple[Joint, ...]:
    return (
        Joint("hip", side, "pelvis", f"thigh_{side}"),
        Joint("knee", side, f"thigh_{side}", f"shank_{side}"),
        Joint("ankle", side, f"shank_{side}", f"foot_{side}"),
    )


def _of_arm(side: Side) -> tuple[Joint, ...]:
    return (
        Joint("shoulder", side, "trunk", f"upper_arm_{side}"),
        Joint("elbow", side, f"upper_arm_{side}", f"forearm_{side}"),
        Joint("wrist", side, f"forearm_{side}", f"hand_{side}"),
    )


JOINTS: tuple[Joint, ...] = (
    Joint("trunk", "", "pelvis", "trunk"),
    *_of_side("left"),
    *_of_side("right"),
    Joint("neck", "", "trunk", "head"),
    *_of_arm("left"),
    *_of_arm("right"),
)
"""In the order from the pelvis outwards."""
EARTH = "earth"
"""Stands for the proximal segment of the pelvis: a level frame that faces a given heading."""
PELVIS = Joint("pelvis", "", EARTH, "pelvis")
ALL_JOINTS: tuple[Joint, ...] = (PELVIS, *JOINTS)


def chain(side: Side) -> tuple[str, ...]:
    """Return the segments of an arm from the trunk outwards."""
    return "trunk", f"upper_arm_{side}", f"forearm_{side}", f"hand_{side}"


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
