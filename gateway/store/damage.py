"""What reading a session reports instead of raising."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a session that could not be read."""

    what: str
    """"block 17" or "second 1790000000 of joints"."""
    reason: str
