"""Target zones of muscles: when the activation enters one, has stayed in it for long enough, and leaves it.

A stay begins with the first sample between `low` and `high`, and ends when the activation has been beyond them by more
than `margin` for `leave_s`; it then ended where that began. Samples without a value neither hold nor end a stay, up to
`forget_s`; after more, the stay ended with the last value. Judged sample by sample on the live activation, so that no
cutting into chunks changes anything.

40 % of the calibration's maximum is the usual threshold where nobody chose one (Egzotech [V]); holds of 0.2 to 3 s, 3
to 120 s and 120 to 300 s are the classes that exist in the field [V]. The rest are starting values of our own [P].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Event, Json
from fusion.plain import LARGEST, moment, table

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

LOW = 0.4
"""Lower limit where none is given, as a fraction of the normaliser. [V]"""
HOLD_S = 3.0
"""A stay counts after so long where nothing is given [s]: the end of the short class. [P]"""
SHORTEST_HOLD_S, LONGEST_HOLD_S = 0.2, 300.0
"""Limits of the classes of holds [s]. [V]"""
MAX_ZONES = 64
"""As many as there are channels of one sensor at most."""


@dataclass(frozen=True, slots=True)
class ZoneParams:
    """How steady the boundaries are."""

    margin: float = 0.05
    """A stay ends beyond the limits by more than this fraction of the normaliser. Higher: calmer, later. [P]"""
    leave_s: float = 0.3
    """... for so long [s]: an envelope of 6 Hz varies by 10 to 20 % within that in a steady contraction. [P]"""
    forget_s: float = 0.5
    """After so long without values a stay is over [s]. [P]"""


@dataclass(frozen=True, slots=True)
class Zone:
    """A target for one muscle."""

    muscle: str
    low: float = LOW
    """Lower limit as a fraction of the normaliser."""
    high: float = inf
    """Upper limit as a fraction of the normaliser."""
    hold_s: float = HOLD_S
    """A stay counts as held after so long [s]."""
    buzz: bool = False
    """Whether the wearer is to feel it."""

    def __post_init__(self) -> None:
        if not 0.0 < self.low < LARGEST:
            raise ValueError(f"a zone begins above 0 of the normaliser, not at {self.low}")
        if not self.low < self.high:
            raise ValueError(f"a zone ends above where it begins, {self.low}: not at {self.high}")
        if not SHORTEST_HOLD_S <= self.hold_s <= LONGEST_HOLD_S:
            raise ValueError(f"a hold lasts {SHORTEST_HOLD_S:g} to {LONGEST_HOLD_S:g} s, not {self.hold_s}")

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON values; no upper limit is None."""
        high = self.high if isfinite(self.high) else None
        return {"muscle": self.muscle, "low": self.low, "high": high, "hold_s": self.hold_s, "buzz": self.buzz}

    @classmethod
    def from_json(cls, value: object) -> "Zone":
        """Read what `to_json` gave; what is not given has its default.

        Raises:
            ValueError: It is no zone; the message says why.
        """
        said = table(value)
        muscle, high, buzz = said.get("muscle"), said.get("high"), said.get("buzz", False)
        if not isinstance(muscle, str) or not muscle:
            raise ValueError("a zone is an object: {muscle, low, high, hold_s, buzz}")
        if not isinstance(buzz, bool):
            raise ValueError(f"buzz is true or false, not {buzz!r}")
        numbers = {key: said.get(key, default) for key, default in (("low", LOW), ("hold_s", HOLD_S))}
        numbers["high"] = inf if high is None else high
        for key, given in numbers.items():
            if isinstance(given, bool) or not isinstance(given, int | float):
                raise ValueError(f"{key} is a number, not {given!r}")
        return cls(muscle, float(numbers["low"]), float(numbers["high"]), float(numbers["hold_s"]), buzz)


@dataclass(slots=True)
class Stays:
    """Where one muscle is, and what it has done so far."""

    zone: Zone
    entered: int | None = None
    """Beginning of the stay that goes on [ns UTC]."""
    held: bool = False
    """Whether it has been long enough."""
    beyond: int | None = None
    """Beyond the limits since [ns UTC]."""
    last: int = -1
    """Time of the last value [ns UTC]."""
    entries: int = 0
    holds: int = 0
    time_ns: int = 0
    """In all stays that ended [ns]."""


@dataclass(slots=True)
class Zones:
    """The zones of all muscles."""

    params: ZoneParams = field(default_factory=ZoneParams)
    stays: dict[str, Stays] = field(default_factory=dict)

    def set(self, zones: Sequence[Zone]) -> list[Event]:
        """Put these zones in place of those before; a zone that stays as it was goes on. Stays of the others end."""
        before, self.stays = self.stays, {}
        for zone in zones[:MAX_ZONES]:
            known = before.get(zone.muscle)
            self.stays[zone.muscle] = known if known is not None and known.zone == zone else Stays(zone)
        gone = [s for s in before.values() if self.stays.get(s.zone.muscle) is not s]
        return [event for s in gone for event in _end(s, s.last)]

    def take(self, muscle: str, t: Times, activation: Floats) -> list[Event]:
        """Take the next activations of a muscle, shape (N,), and return what has changed."""
        stays = self.stays.get(muscle)
        if stays is None:
            return []
        usable = np.isfinite(activation)
        t, x = t[usable], activation[usable]
        if not t.size:
            return []
        events: list[Event] = []
        gaps = np.flatnonzero(np.diff(t, prepend=stays.last if stays.last >= 0 else t[0]) > self.params.forget_s * 1e9)
        edges = [0, *gaps.tolist(), t.size]
        for a, b in pairwise(edges):
            if a in gaps:
                events += _end(stays, stays.last)
            if b > a:
                events += self._run(stays, t[a:b], x[a:b])
                stays.last = int(t[b - 1])
        return events

    def finish(self) -> list[Event]:
        """End the stays that go on, at the end."""
        return [event for stays in self.stays.values() for event in _end(stays, stays.last)]

    def _run(self, s: Stays, t: Times, x: Floats) -> list[Event]:
        """Go through values without a gap, from one change to the next."""
        zone, p = s.zone, self.params
        inside = (x >= zone.low) & (x <= zone.high)
        near = (x >= zone.low - p.margin) & (x <= zone.high + p.margin)
        hold, leave = round(zone.hold_s * 1e9), round(p.leave_s * 1e9)
        events: list[Event] = []
        i = 0
        while i < t.size:
            if s.entered is None:
                i = _next(inside, i)
                if i < t.size:
                    s.entered, s.held, s.beyond = int(t[i]), False, None
                    s.entries += 1
                    events.append(_event(s, "in", s.entered, None, 0))
                continue
            if s.beyond is None:
                to = _next(~near, i)
                if to < t.size:
                    s.beyond = int(t[to])
                events += _hold(s, t[i:to], hold)
            else:
                to = min(_next(near, i), int(np.searchsorted(t, s.beyond + leave)))
                if to < t.size and not near[to]:
                    events += _end(s, s.beyond)
                elif to < t.size:
                    s.beyond = None
            i = to
        return events

    def describe(self) -> list[Json]:
        """Say of each zone what it is, whether the muscle is in it, and what was done: entries, holds, time [s]."""
        return [
            {
                **s.zone.to_json(),
                "state": "out" if s.entered is None else "held" if s.held else "in",
                "entries": s.entries,
                "holds": s.holds,
                "time_s": round((s.time_ns + (0 if s.entered is None else s.last - s.entered)) * 1e-9, 3),
            }
            for s in self.stays.values()
        ]

    def carry(self) -> dict[str, Json]:
        """Return the state as JSON values."""
        return {
            muscle: {
                "zone": s.zone.to_json(), "entered": s.entered, "held": s.held, "beyond": s.beyond, "last": s.last,
            }
            for muscle, s in self.stays.items()
        }  # fmt: skip

    def restore(self, data: Mapping[str, Any], shift: int = 0) -> None:
        """Continue from what `carry` gave, its times moved by `shift` [ns] and with counts of zero.

        What makes no sense is left out.
        """
        for muscle, said in data.items():
            try:
                zone = Zone.from_json(table(said).get("zone"))
            except ValueError:
                continue
            if zone.muscle == muscle:
                self.stays[muscle] = _restored(zone, table(said), shift)


def _restored(zone: Zone, said: Mapping[str, Any], shift: int) -> Stays:
    entered, beyond, last = (moment(said.get(key), shift) for key in ("entered", "beyond", "last"))
    if last is None:
        return Stays(zone)
    if entered is None or entered > last:
        return Stays(zone, last=last)
    return Stays(zone, entered, said.get("held") is True, beyond, last)


def _next(wanted: NDArray[np.bool_], i: int) -> int:
    """Return the first index from `i` on where it is so; the length where it never is."""
    found = int(np.argmax(wanted[i:])) + i
    return found if wanted[found] else wanted.size


def _hold(s: Stays, t: Times, hold: int) -> list[Event]:
    """Look for the moment within `t` at which a stay has been long enough."""
    assert s.entered is not None, "only called in a stay"
    if s.held or not t.size or t[-1] - s.entered < hold:
        return []
    s.held = True
    s.holds += 1
    end = int(t[np.searchsorted(t, s.entered + hold)])
    return [_event(s, "held", s.entered, end, hold)]


def _end(s: Stays, end: int) -> list[Event]:
    """End a stay, if there is one, at `end` [ns UTC]."""
    if s.entered is None:
        return []
    entered, s.entered, s.beyond = s.entered, None, None
    s.time_ns += end - entered
    return [_event(s, "out", entered, end, end - entered)]


def _event(s: Stays, state: Literal["in", "held", "out"], t: int, end: int | None, lasted: int) -> Event:
    z = s.zone
    data: dict[str, Json] = {
        "muscle": z.muscle, "state": state, "low": z.low, "high": z.to_json()["high"],
        "for_s": round(lasted * 1e-9, 3), "buzz": z.buzz,
    }  # fmt: skip
    return Event(t, "zone", end, data)
