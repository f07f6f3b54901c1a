"""Which muscles work against each other, by joint; names as in placements, with the side behind them."""

from collections.abc import Collection
from dataclasses import dataclass

SIDES = ("left", "right", "")


@dataclass(frozen=True, slots=True)
class Antagonists:
    """Two groups of muscles that turn a joint in opposite directions; the first that is worn stands for its group."""

    joint: str
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two antagonists of one side, by their full names."""

    joint: str
    side: str
    first: str
    second: str


ANTAGONISTS = (
    Antagonists(
        "knee",
        ("vastus_lateralis", "vastus_medialis", "rectus_femoris"),
        ("biceps_femoris", "semitendinosus", "semimembranosus"),
    ),
    Antagonists("ankle", ("tibialis_anterior",), ("gastrocnemius_medialis", "gastrocnemius_lateralis", "soleus")),
    Antagonists(
        "elbow",
        ("biceps_brachii", "brachioradialis"),
        ("triceps_brachii", "triceps_brachii_lateralis", "triceps_brachii_longus"),
    ),
    Antagonists("wrist", ("flexor_carpi_radialis", "flexor_carpi_ulnaris"), ("extensor_carpi_radialis",)),
    Antagonists("trunk", ("rectus_abdominis",), ("erector_spinae",)),
)
"""Anatomy of the joints; the order within a group is ours [P]."""


def pairs(muscles: Collection[str]) -> list[Pair]:
    """Return every antagonist pair among the muscles, the preferred one of a joint and side first."""
    return [
        Pair(group.joint, side, first, second)
        for group in ANTAGONISTS
        for side in SIDES
        for a in group.first
        for b in group.second
        if (first := sided(a, side)) in muscles and (second := sided(b, side)) in muscles
    ]


def preferred(muscles: Collection[str]) -> list[Pair]:
    """Return one pair for each joint and side."""
    found: dict[tuple[str, str], Pair] = {}
    for pair in pairs(muscles):
        found.setdefault((pair.joint, pair.side), pair)
    return list(found.values())


def sided(name: str, side: str) -> str:
    """Return the full name: vastus_lateralis and left give vastus_lateralis_left."""
    return f"{name}_{side}" if side else name
