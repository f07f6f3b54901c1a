"""How far each joint angle can be trusted: an uncertainty, a light and the reasons, once a second.

The uncertainty is a standard deviation [deg], the root of the sum of squares of what is known to be unsure:

- zero: how well the upright moment was upright (`Seat.zero_sd_deg`);
- axis: an error of the main axis by e turns s degrees of one angle into e * sin(s) of the other;
- tilt: the orientation filter's inclination while moving, 0.5 deg in each of two segments (docs/fusion.md, BROAD);
- heading: how far the ties of the headings scatter, where the segments are tilted, so that heading reaches the angle;
- soft tissue: skin moves over bone, 2.2 deg for thigh and shank [V: Teufl et al. 2018, Sensors 18:1980: error with soft
  tissue beside that without]; the same is assumed elsewhere [P].

It is a model, not a measurement: it knows nothing of a slipped sensor. What it cannot put in degrees makes the light
yellow or red, with a sentence.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import nan, pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from fusion.body.angles.joints import series
from fusion.body.seats.alignment import Seat
from fusion.body.segments import EARTH, Joint
from fusion.estimates import Event, Json

Floats = NDArray[np.float64]

TILT_DEG = 0.5 * sqrt(2.0)
"""Inclination errors of two segments [deg]."""
TISSUE_DEG = 2.2
"""Skin over bone [deg]."""
GREEN_DEG, YELLOW_DEG = 4.0, 8.0
"""Up to these uncertainties the light is green, or yellow [deg]; 5 degrees is the usual limit of clinical use. [P]"""
GREEN_SHARE, YELLOW_SHARE = 0.95, 0.7
"""Share of measured rows in a second from which the light is green, or yellow. [P]"""
RED, YELLOW, GREEN = 0, 1, 2
NAMES = ("red", "yellow", "green")
SECOND = 1_000_000_000
ALARMS = ("slipped", "seem to be exchanged")
"""Reasons with one of these words make a light red; what only may be so does not."""
QUIET = ("told apart by the usual",)
"""Reasons that say what an answer rests on, and do not doubt it."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """One second of all joints."""

    t: int
    """End of the second [ns]."""
    names: tuple[str, ...]
    """`uncertainty_<angle>` [deg] and `light_<joint>` (0 red, 1 yellow, 2 green)."""
    units: tuple[str, ...]
    values: Floats
    """Shape (len(names),)."""


@dataclass(slots=True)
class Trust:
    """Sums up seconds of rows; one whose last rows are missing is left out."""

    joints: tuple[tuple[Joint, int, int], ...] = ()
    """Joint, and the seats of its segments; the pelvis stands twice."""
    _names: tuple[str, ...] = ()
    _units: tuple[str, ...] = ()
    _second: int = -1
    _rows: int = 0
    _quality: Floats = field(default_factory=lambda: np.zeros(0))
    _angles: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    _known: Floats = field(default_factory=lambda: np.zeros(0))
    _lights: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def lights(self) -> dict[str, tuple[str, str]]:
        """Return the last light of each joint by name, and the sentence with it; empty where all is well."""
        return {joint: (NAMES[light], why) for joint, (light, why) in self._lights.items()}

    def join(self, joints: Sequence[tuple[Joint, int, int]], seats: int) -> None:
        """Say which joints there are, and how many seats."""
        self.joints = tuple(joints)
        found = [(*(f"uncertainty_{name}" for name in series(j)), f"light_{j.name}") for j, _, _ in joints]
        self._names = tuple(name for names in found for name in names)
        self._units = ("deg", "deg", "1") * len(joints)
        self._begin(seats)

    def _begin(self, seats: int) -> None:
        self._rows = 0
        self._quality, self._known = np.zeros(seats), np.zeros(len(self.joints))
        self._angles = np.zeros((len(self.joints), 2))

    def add(
        self,
        t: int,
        after: int,
        quality: Floats,
        angles: Floats,
        seats: Sequence[Seat],
        spreads: Sequence[float],
        off: Collection[int] = (),
    ) -> tuple[Trusted | None, list[Event]]:
        """Take rows of one step from t to before `after` [ns]; return their second if it ends with them.

        quality: 1 measured, 0.5 repaired, 0 missing, shape (rows, seats). angles: Published ones [deg], NaN where
        unknown, shape (rows, 2 * joints). spreads: Of the heading ties, by joint [rad]. off: Seats without a sensor;
        their joints have no light.
        """
        if t // SECOND != self._second:
            self._second = t // SECOND
            self._begin(quality.shape[1])
        self._rows += len(quality)
        self._quality += quality.sum(axis=0)
        pairs = angles.reshape(len(angles), -1, 2)
        known = np.isfinite(pairs[..., 0])
        self._known += known.sum(axis=0)
        self._angles += np.nansum(np.abs(np.where(known[..., None], pairs, 0.0)), axis=0)
        if after // SECOND == self._second:
            return None, []
        return self._sum_up(seats, spreads, off)

    def _sum_up(
        self, seats: Sequence[Seat], spreads: Sequence[float], off: Collection[int]
    ) -> tuple[Trusted, list[Event]]:
        t = (self._second + 1) * SECOND
        values: list[float] = []
        events = []
        means = (self._angles / np.maximum(self._known, 1.0)[:, None]).tolist()
        known, quality = self._known.tolist(), self._quality.tolist()
        for j, (joint, a, b) in enumerate(self.joints):
            if a in off or b in off:
                values += (nan, nan, nan)
                self._lights.pop(joint.name, None)
                continue
            spread = spreads[j] if joint.proximal != EARTH else 0.0
            sds = uncertainty_deg(seats[a], seats[b], means[j], spread) if known[j] else (nan, nan)
            share = min(quality[a], quality[b]) / self._rows
            light, why = judge(joint, (seats[a], seats[b]), sds[0], share, bool(known[j]))
            values += [*sds, float(light)]
            before, self._lights[joint.name] = self._lights.get(joint.name), (light, why)
            if before is None or (before != (light, why) and (before[0], _kind(before[1])) != (light, _kind(why))):
                data: dict[str, Json] = {"joint": joint.name, "light": NAMES[light], "reason": why}
                events.append(Event(t, "quality", data=data))
        return Trusted(t, self._names, self._units, np.array(values)), events


def uncertainty_deg(proximal: Seat, distal: Seat, angles: tuple[float, float], spread: float) -> tuple[float, float]:
    """Return the standard deviations of the two published angles [deg], given their mean sizes [deg]."""
    zero2 = 0.5 * (proximal.zero_sd_deg**2 + distal.zero_sd_deg**2)
    axis2 = 0.5 * (proximal.axis_sd_deg**2 + distal.axis_sd_deg**2)
    main, second = (sin(radians(min(angle, 90.0))) for angle in angles)
    turned = min(spread, pi / sqrt(3.0)) * 180.0 / pi
    common = zero2 + TILT_DEG**2 + TISSUE_DEG**2
    beside = axis2 + turned**2
    return sqrt(common + beside * second**2), sqrt(common + beside * main**2)


def judge(joint: Joint, seats: tuple[Seat, Seat], sd: float, share: float, known: bool) -> tuple[int, str]:
    """Return the light and its sentence; empty where there is nothing to say."""
    for seat in seats:
        for reason in seat.reasons:
            if any(word in reason for word in ALARMS):
                return RED, f"{words(seat.segment)} {reason}"
    if share < YELLOW_SHARE:
        return (
            RED,
            f"{words(joint.name)}: {100 * (1 - share):.0f} % of the data are missing: bring sensors and gateway nearer",
        )
    if not known:
        return RED, f"{words(joint.name)} is not calibrated yet"
    if sd > YELLOW_DEG:
        return RED, f"{words(joint.name)}: uncertain by {sd:.0f} degrees: calibrate again"
    if share < GREEN_SHARE:
        return YELLOW, f"{words(joint.name)}: {100 * (1 - share):.0f} % of the data are missing or repaired"
    doubts = (f"{words(s.segment)}: {r}" for s in seats for r in s.reasons if not any(q in r for q in QUIET))
    unsure = next(doubts, "")
    if unsure or sd > GREEN_DEG:
        return YELLOW, unsure or f"{words(joint.name)}: uncertain by {sd:.0f} degrees"
    return GREEN, ""


def _kind(reason: str) -> str:
    """Return a reason without its numbers: a share that changes every second is no news."""
    return "".join(c for c in reason if not c.isdigit())


def words(name: str) -> str:
    """Return a segment or joint as people say it: left shank."""
    stem, _, side = name.rpartition("_")
    return f"{side} {stem.replace('_', ' ')}" if side in ("left", "right") else name.replace("_", " ")
