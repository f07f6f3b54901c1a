"""The topics of the bus under `kinestream/v1/<gateway>/`, taken apart and put together.

`status`, `reply` and `command` belong to the gateway; `joints`, `orientation`, `emg`, `quality` and `events` belong to
one of its sessions, whose id is the level between: `kinestream/v1/local/live/joints`.
"""

from dataclasses import dataclass

from fusion.estimates import TOPICS
from gateway.bus.messages import ROOT, gateway_topic

OF_SESSIONS = f"{ROOT}/+/+/+"
STATUS = f"{ROOT}/+/status"
REPLY = f"{ROOT}/+/reply"
LEVEL_LIMIT = 64
"""Longest gateway or session id that is accepted [characters]; longer ones are somebody else's messages."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message came from and what it is."""

    gateway: str
    session: str | None
    """None for what concerns the whole gateway."""
    what: str
    """status, reply, events, or one of `fusion.estimates.TOPICS`."""


def parse(topic: str) -> Address | None:
    """Take a topic apart; None where it is none of ours."""
    levels = topic.split("/")
    if levels[:2] != ROOT.split("/") or any(not 0 < len(level) <= LEVEL_LIMIT for level in levels):
        return None
    match levels[2:]:
        case [gateway, ("status" | "reply") as what]:
            return Address(gateway, None, what)
        case [gateway, session, what] if what == "events" or what in TOPICS:
            return Address(gateway, session, what)
        case _:
            return None


def command(gateway: str) -> str:
    """Return the topic on which a gateway takes commands."""
    return gateway_topic(gateway, "command")
