"""Where surface electrodes go: the guide that the dashboard shows, after the SENIAM recommendations, in our own words.

SENIAM (Hermens, Freriks, Disselhorst-Klug and Rau 2000, J Electromyogr Kinesiol 10:361; seniam.org): bipolar,
electrodes of at most 10 mm along the fibres, 20 mm apart from centre to centre. Marks as in docs/emg.md: [V] read in
the source, [M] from memory of it: `verified` is False for those, and whoever shows one says so.
"""

from dataclasses import dataclass
from typing import Literal

SPACING_MM, SIZE_MM = 20, 10
"""Centre to centre, and largest extent along the fibres. [V]"""
REFERENCE = "On a wrist, an ankle or the spine of the seventh neck vertebra, over bone."
"""Where the reference electrode goes, for devices that have one. [V]"""
PREPARATION = (
    "Shave hair where the electrodes will sit, rub the skin with alcohol until it is slightly red, and let it dry.",
    "Set both electrodes along the line that is given, their middle on the point; feel the muscle tense under them.",
    "Tape cables and sensor so that nothing pulls: a moving cable looks like a working muscle.",
    "Let the wearer tense the muscle against your hand and look at the signal before you start.",
)
"""In this order."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One muscle."""

    muscle: str
    """As in series names, without its side."""
    name: str
    """As people say it."""
    view: Literal["front", "back"]
    """From where it is seen."""
    action: str
    """What it does, for choosing it."""
    posture: str
    """How the wearer is while electrodes are set."""
    line: tuple[str, str]
    """Two landmarks."""
    share: float | None
    """Where on the way from the first to the second [fraction]; None: see `where`."""
    where: str
    """The point in words."""
    along: str
    """Direction of the two electrodes."""
    verified: bool
    """The point was read in the source; otherwise it is from memory."""


ASIS = "front hip bone (anterior superior iliac spine)"
LINE = "along the line between the two landmarks"
SIT_THIGH = "Sitting, knee slightly bent, trunk leaning back a little."
PRONE_KNEE = "Lying on the front, thigh on the table, knee bent by less than 90 degrees."

PLACEMENTS: tuple[Placement, ...] = (
    Placement(
        "vastus_lateralis", "Vastus lateralis", "front", "straightens the knee, outer side", SIT_THIGH,
        (ASIS, "outer edge of the kneecap"), 2 / 3, "two thirds of the way down to the kneecap's outer edge",
        "in the direction of the muscle's fibres", True,
    ),
    Placement(
        "vastus_medialis", "Vastus medialis", "front", "straightens the knee, inner side", SIT_THIGH,
        (ASIS, "joint space before the inner knee ligament"), 0.8,
        "four fifths of the way down to the inner joint space", "nearly across that line", True,
    ),
    Placement(
        "rectus_femoris", "Rectus femoris", "front", "straightens the knee and bends the hip", SIT_THIGH,
        (ASIS, "upper edge of the kneecap"), 0.5, "half way down to the kneecap", LINE, True,
    ),
    Placement(
        "biceps_femoris", "Biceps femoris", "back", "bends the knee, outer side", PRONE_KNEE,
        ("sitting bone (ischial tuberosity)", "outer bump of the shin bone at the knee"), 0.5, "half way down", LINE,
        False,
    ),
    Placement(
        "semitendinosus", "Semitendinosus", "back", "bends the knee, inner side", PRONE_KNEE,
        ("sitting bone (ischial tuberosity)", "inner bump of the shin bone at the knee"), 0.5, "half way down", LINE,
        True,
    ),
    Placement(
        "gluteus_medius", "Gluteus medius", "back", "holds the pelvis level on one leg", "Lying on the other side.",
        ("crest of the hip bone", "big bump at the side of the hip (greater trochanter)"), 0.5, "half way down", LINE,
        False,
    ),
    Placement(
        "gluteus_maximus", "Gluteus maximus", "back", "straightens the hip", "Lying on the front.",
        ("sacrum", "big bump at the side of the hip (greater trochanter)"), 0.5,
        "half way, where the buttock is fullest", LINE, False,
    ),
    Placement(
        "tibialis_anterior", "Tibialis anterior", "front", "lifts the foot", "Sitting or lying on the back.",
        ("tip of the fibula below the knee", "tip of the inner ankle"), 1 / 3, "one third of the way down", LINE, False,
    ),
    Placement(
        "gastrocnemius_lateralis", "Gastrocnemius lateralis", "back", "pushes the foot down, outer calf",
        "Lying on the front, foot beyond the end of the table.",
        ("head of the fibula", "heel"), 1 / 3, "one third of the way down", LINE, True,
    ),
    Placement(
        "trapezius_upper", "Trapezius, upper part", "back", "lifts the shoulder", "Sitting upright, arms hanging.",
        ("tip of the shoulder (acromion)", "spine of the seventh neck vertebra"), 0.5, "half way to the neck", LINE,
        True,
    ),
    Placement(
        "trapezius_middle", "Trapezius, middle part", "back", "draws the shoulder blade back",
        "Sitting upright.", ("inner edge of the shoulder blade", "spine at the third chest vertebra"), 0.5,
        "half way to the spine", LINE, True,
    ),
    Placement(
        "biceps_brachii", "Biceps brachii", "front", "bends the elbow", "Sitting, elbow bent by 90 degrees, palm up.",
        ("inner edge of the tip of the shoulder", "hollow of the elbow"), 2 / 3,
        "one third of the way up from the hollow of the elbow", LINE, True,
    ),
    Placement(
        "erector_spinae", "Erector spinae, longissimus", "back", "straightens the back", "Lying on the front.",
        ("spine of the first lumbar vertebra", "side"), None,
        "two fingers beside the spine, at the first lumbar vertebra", "upwards, beside the spine", False,
    ),
)  # fmt: skip
"""From the thigh down, then the back and the arm."""
