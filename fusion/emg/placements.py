"""Where surface electrodes go: the guide that the dashboard shows, after the SENIAM recommendations, in our own words.

SENIAM (Hermens, Freriks, Disselhorst-Klug and Rau 2000, J Electromyogr Kinesiol 10:361; seniam.org): bipolar,
electrodes of at most 10 mm along the fibres, 20 mm apart from centre to centre. Marks as in docs/emg.md: [V] read in
the source, [M] from memory of it: `verified` is False for those, and whoever shows one says so. The movements to check
the signal with are the usual tests of single muscles against a hand, all from memory [M].
"""

from dataclasses import dataclass
from typing import Literal

SPACING_MM, SIZE_MM = 20, 10
"""Centre to centre, and largest extent along the fibres. [V]"""
REFERENCE = (
    "Over bone, away from the muscle: an ankle for the leg, a wrist or the spine of the seventh neck vertebra for arm "
    "and back."
)
"""Where the reference electrode goes, for devices that have one. [V]"""
CHECKS_VERIFIED = False
"""Whether the movements to check the signal with were read in a source. [M]"""
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
    check: str
    """What the wearer does, against a hand, while somebody looks at the signal. [M]"""
    verified: bool
    """Point and posture were read in the source; otherwise they are from memory."""


ASIS = "front hip bone (anterior superior iliac spine)"
LINE = "along the line between the two landmarks"
SIT_THIGH = "Sitting, knee slightly bent, trunk leaning back a little."
PRONE_KNEE = "Lying on the front, thigh on the table, knee bent by less than 90 degrees."
KICK = "Straighten the knee against a hand above the ankle, without turning the thigh."
HEEL = "Point the foot and pull the heel up against a hand that pushes the forefoot up."

PLACEMENTS: tuple[Placement, ...] = (
    Placement(
        "vastus_lateralis", "Vastus lateralis", "front", "straightens the knee, outer side", SIT_THIGH,
        (ASIS, "outer edge of the kneecap"), 2 / 3, "two thirds of the way down to the kneecap's outer edge",
        "in the direction of the muscle's fibres", KICK, True,
    ),
    Placement(
        "vastus_medialis", "Vastus medialis", "front", "straightens the knee, inner side", SIT_THIGH,
        (ASIS, "joint space before the inner knee ligament"), 0.8,
        "four fifths of the way down to the inner joint space", "nearly across that line", KICK, True,
    ),
    Placement(
        "rectus_femoris", "Rectus femoris", "front", "straightens the knee and bends the hip", SIT_THIGH,
        (ASIS, "upper edge of the kneecap"), 0.5, "half way down to the kneecap", LINE, KICK, True,
    ),
    Placement(
        "biceps_femoris", "Biceps femoris", "back", "bends the knee, outer side", PRONE_KNEE,
        ("sitting bone (ischial tuberosity)", "outer bump of the shin bone at the knee"), 0.5, "half way down", LINE,
        "Bend the knee, toes turned out a little, against a hand above the ankle.", False,
    ),
    Placement(
        "semitendinosus", "Semitendinosus", "back", "bends the knee, inner side", PRONE_KNEE,
        ("sitting bone (ischial tuberosity)", "inner bump of the shin bone at the knee"), 0.5, "half way down", LINE,
        "Bend the knee, toes turned in a little, against a hand above the ankle.", True,
    ),
    Placement(
        "gluteus_medius", "Gluteus medius", "back", "holds the pelvis level on one leg", "Lying on the other side.",
        ("crest of the hip bone", "big bump at the side of the hip (greater trochanter)"), 0.5, "half way down", LINE,
        "Lift the upper, straight leg sideways against a hand at the ankle.", False,
    ),
    Placement(
        "gluteus_maximus", "Gluteus maximus", "back", "straightens the hip", "Lying on the front.",
        ("sacrum", "big bump at the side of the hip (greater trochanter)"), 0.5,
        "half way, where the buttock is fullest", LINE,
        "Lift the whole leg off the table against a hand on the thigh.", False,
    ),
    Placement(
        "tibialis_anterior", "Tibialis anterior", "front", "lifts the foot", "Sitting or lying on the back.",
        ("tip of the fibula below the knee", "tip of the inner ankle"), 1 / 3, "one third of the way down", LINE,
        "Lift foot and inner edge, big toe loose, against a hand on the inner back of the foot.", False,
    ),
    Placement(
        "gastrocnemius_lateralis", "Gastrocnemius lateralis", "back", "pushes the foot down, outer calf",
        "Lying on the front, foot beyond the end of the table.",
        ("head of the fibula", "heel"), 1 / 3, "one third of the way down", LINE, HEEL, True,
    ),
    Placement(
        "gastrocnemius_medialis", "Gastrocnemius medialis", "back", "pushes the foot down, inner calf",
        "Lying on the front, foot beyond the end of the table.",
        ("inner side of the hollow of the knee", "heel"), None, "on the fullest part of the inner calf",
        "along the leg", HEEL, False,
    ),
    Placement(
        "soleus", "Soleus", "back", "pushes the foot down, knee bent",
        "Sitting, knee bent by 90 degrees, foot flat on the floor.",
        ("inner bump of the thigh bone at the knee", "tip of the inner ankle"), 2 / 3, "two thirds of the way down",
        LINE,
        "Lift the heel, forefoot on the floor, against a hand on the knee.", False,
    ),
    Placement(
        "trapezius_upper", "Trapezius, upper part", "back", "lifts the shoulder", "Sitting upright, arms hanging.",
        ("tip of the shoulder (acromion)", "spine of the seventh neck vertebra"), 0.5, "half way to the neck", LINE,
        "Shrug the shoulder towards the ear against a hand that pushes it down.", True,
    ),
    Placement(
        "trapezius_middle", "Trapezius, middle part", "back", "draws the shoulder blade back",
        "Sitting upright.", ("inner edge of the shoulder blade", "spine at the third chest vertebra"), 0.5,
        "half way to the spine", LINE,
        "Draw the shoulder blade to the spine, arm lifted sideways, against a hand that pushes the arm forward.", True,
    ),
    Placement(
        "deltoideus_medius", "Deltoideus, middle part", "front", "lifts the arm sideways", "Sitting, arms hanging.",
        ("tip of the shoulder (acromion)", "outer bump of the elbow"), None, "on the fullest part of the shoulder",
        LINE,
        "Lift the arm sideways, elbow bent, against a hand on the upper arm.", False,
    ),
    Placement(
        "biceps_brachii", "Biceps brachii", "front", "bends the elbow", "Sitting, elbow bent by 90 degrees, palm up.",
        ("inner edge of the tip of the shoulder", "hollow of the elbow"), 2 / 3,
        "one third of the way up from the hollow of the elbow", LINE,
        "Bend the elbow, palm up, against a hand on the forearm.", True,
    ),
    Placement(
        "erector_spinae", "Erector spinae, longissimus", "back", "straightens the back", "Lying on the front.",
        ("spine of the first lumbar vertebra", "two fingers to its side"), None,
        "two fingers beside the spine, at the first lumbar vertebra", "upwards, beside the spine",
        "Lift the trunk a little off the table.", False,
    ),
)  # fmt: skip
"""From the thigh down, then the back and the arm."""
