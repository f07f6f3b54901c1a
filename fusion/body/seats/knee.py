"""How thigh and shank sensors sit, from movement alone: no pose is asked for, and no mounting is assumed.

The knee's axis in both sensor frames (`fusion.body.seats.functional.hinge`) leaves two questions. Everything here is
asked of the course of two angles: the tilt of each segment in the plane across the axis, from gravity, so no heading
enters, and their difference, the flexion up to sign and zero.

Which way is flexion? Both answers are tried, and what moving people do decides between them:
- swing and dwell, where the shank swings (walking, running): it swings forward faster than backward, and the straight
  knee is the common end of its range, the bent one the rare one;
- lean: with the foot on the ground the shank leans forward, not backward (squat, chair, landing);
- rest: people stand on straight knees, and rest with bent ones only where they sit;
- place, where it is known on which side of the knee the sensors sit: above it on the thigh, below it on the shank.
Each counts in units of what clearly shows it. With places, the same is asked for exchanged sensors.

Where is zero? A knee is straight at the end of its range, and whoever is upright on straight knees has both segments
along gravity. The mean direction of gravity over the moments with the knee near its straight end is therefore up; of
those moments at rest only, if there are enough of them, because somebody stands then. Without rest, walking knees are
not quite straight: zero is then unsure by `WALKING_ZERO_DEG`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusion.body.angles.inclination import sagittal
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STRAIGHT_DEG = 10.0
"""This near to the end of its range a knee counts as straight [deg]. [P]"""
UPRIGHT_DEG = 30.0
"""Nobody stands with thighs that lean more [deg]. [P]"""
LEAST_RANGE_DEG = 30.0
"""The knee must have moved this far [deg]. [P]"""
DWELL, SWING, LEAN_DEG, REST, PLACE = 0.1, 0.15, 8.0, 1.0, 0.25
"""What clearly shows the sign: difference of shares of time, relative difference of speeds, lean [deg], share of the
rests, cosine between a segment and its sensor's place. [P]"""
CLEAR = 2.0
"""The sum of these votes from which the sign counts as known. [P]"""
REST_STEPS = 10
"""Rest of so many steps of a tenth of a second is a pose. [P]"""
WALKING_ZERO_DEG = 7.0
"""Uncertainty of a zero taken from moving knees [deg]. [P]"""
STANDING_ZERO_DEG = 2.0
"""Uncertainty of a zero taken from standing [deg]. [P]"""
Y = np.array([0.0, 1.0, 0.0])
SWING_RATE = 4.0
"""Shanks whose rates span less do not swing [rad/s]: squats and chairs stay below 3, walking reaches 8. [P]"""


@dataclass(frozen=True, slots=True)
class Course:
    """What one segment's sensor has been through, a row each tenth of a second; NaN where there was nothing."""

    quat: Floats
    """Sensor-to-earth, shape (n, 4)."""
    gyr: Floats
    """[rad/s], shape (n, 3)."""
    still: Bools
    """Shape (n,)."""


@dataclass(frozen=True, slots=True)
class Knee:
    """Both seats of a knee."""

    aligns: tuple[Floats, Floats]
    """Segment-to-sensor of thigh and shank, shape (4,) each."""
    upright: Bools
    """The moments that gave zero, shape (n,)."""
    zero_sd_deg: float
    """Uncertainty of zero [deg]."""
    votes: float
    """How clearly one sign was preferred; at least `CLEAR` is known."""
    range_deg: float
    """How far the knee has moved [deg]."""
    axis_sd_deg: float
    """Uncertainty of the axis [deg]."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what is unsure."""
        zero = () if self.standing else ("zero taken from walking, as nobody stood still",)
        return zero if self.votes >= CLEAR else (*zero, "front and back may be exchanged: too little seen to tell them")

    @property
    def standing(self) -> bool:
        """Zero was taken from standing still."""
        return self.zero_sd_deg <= STANDING_ZERO_DEG


class Places(NamedTuple):
    """On which side of the knee the sensors sit, each in its own frame, across the knee's axis.

    Shape (3,), of length 0 to 1: how sure that is.
    """

    thigh: Floats
    shank: Floats


class Seen(NamedTuple):
    """A knee as the movement shows it."""

    axes: tuple[Floats, Floats]
    """In the frames of thigh and shank, of one sense, shape (3,) each."""
    places: Places | None
    sd_deg: float
    """Standard deviation of the less certain axis [deg]."""
    sure: bool
    """The forces at the knee show that both axes have one sense, and so where the sensors sit."""


class Leg(NamedTuple):
    """What the answers are tried on."""

    axes: tuple[Floats, Floats]
    ups: tuple[Floats, Floats]
    """Up in both sensors, shape (n, 3)."""
    rate: Floats
    """Of the shank [rad/s], shape (n, 3)."""
    places: Places | None


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The sensor that is said to sit on the thigh sits on the shank, and the other way round."""

    votes: float
    """How much more speaks for that."""


def seat_knee(seen: Sequence[Seen], thigh: Course, shank: Course) -> Knee | Exchanged | str:
    """Return how both sensors sit, or what is missing.

    seen: What the movement shows; of several, what people do decides. Exchanged sensors are only found by what is sure.
    """
    known = np.isfinite(thigh.quat[:, 0]) & np.isfinite(shank.quat[:, 0])
    resting = _lasting(known & thigh.still & shank.still)
    moving = known & ~(thigh.still & shank.still)
    if not seen or moving.sum() < 2 * REST_STEPS:
        return "the knee has hardly moved"
    ups = qt.up_in_sensor(thigh.quat), qt.up_in_sensor(shank.quat)
    legs = [Leg(one.axes, ups, shank.gyr, one.places) for one in seen]
    answers = [a for leg, one in zip(legs, seen, strict=True) for a in _both(leg, one.sd_deg, known, resting, moving)]
    (_, less), (knee, more) = sorted(answers, key=lambda answer: answer[1])[-2:]
    if not more > -np.inf or knee.range_deg < LEAST_RANGE_DEG:
        return "the knee has hardly moved"
    places = seen[0].places
    if seen[0].sure and places is not None:
        turned = Leg(seen[0].axes[::-1], ups[::-1], thigh.gyr, Places(places.shank, places.thigh))
        exchanged = max(votes for _, votes in _both(turned, seen[0].sd_deg, known, resting, moving))
        if exchanged > more + CLEAR:
            return Exchanged(exchanged - more)
    return replace(knee, votes=more - less)


def _both(leg: Leg, sd_deg: float, known: Bools, resting: Bools, moving: Bools) -> list[tuple[Knee, float]]:
    """Return the answers for both signs of the axes, and how much speaks for each."""
    return [_answer(sign, leg, sd_deg, known, resting, moving) for sign in (1.0, -1.0)]


def knee_deg(aligns: tuple[Floats, Floats], thigh: Floats, shank: Floats) -> float:
    """Return the flexion in the plane [deg] from gravity alone, sensor-to-earth given, shape (4,) each."""
    tilts = [
        sagittal(qt.rotate(qt.conjugate(a), qt.up_in_sensor(q))) for a, q in zip(aligns, (thigh, shank), strict=True)
    ]
    return float(np.degrees((tilts[0] - tilts[1] + np.pi) % (2.0 * np.pi) - np.pi))


def lean_deg(align: Floats, quat: Floats) -> float:
    """Return how far a segment leans from upright [deg], sensor-to-earth given, shape (4,)."""
    up = qt.rotate(qt.conjugate(align), qt.up_in_sensor(quat))
    return float(np.degrees(np.arccos(np.clip(up[1], -1.0, 1.0))))


def _lasting(at: Bools) -> Bools:
    """Keep runs of at least `REST_STEPS`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], at.astype(np.int8), [0]])))
    out = np.zeros_like(at)
    for start, stop in edges.reshape(-1, 2).tolist():
        out[start:stop] = stop - start >= REST_STEPS
    return out


def _answer(sign: float, leg: Leg, sd_deg: float, known: Bools, resting: Bools, moving: Bools) -> tuple[Knee, float]:
    """Return the seats for one sign of the axes, and how much speaks for it."""
    ups, z = leg.ups, (sign * leg.axes[0], sign * leg.axes[1])
    tilts = [_tilt(up, axis, known) for up, axis in zip(ups, z, strict=True)]
    angle = tilts[0] - tilts[1]
    angle = (angle - np.angle(np.exp(1j * angle[known]).mean()) + np.pi) % (2.0 * np.pi) - np.pi
    angle = np.degrees(angle)
    low, high = np.percentile(angle[moving | resting], [2.0, 98.0])
    straight, bent = angle < low + STRAIGHT_DEG, angle > high - STRAIGHT_DEG
    upright = straight & resting
    standing = bool(upright.sum() >= REST_STEPS)
    if not standing:
        upright = (angle < low + 0.5 * STRAIGHT_DEG) & moving
    aligns = tuple(_frame(up[upright].sum(axis=0), axis) for up, axis in zip(ups, z, strict=True))
    if not np.isfinite(aligns).all():  # gravity lies along the axis, or no moment is upright
        return Knee((aligns[0], aligns[1]), upright, np.inf, -np.inf, 0.0, sd_deg), -np.inf
    lean = np.degrees(sagittal(qt.rotate(qt.conjugate(aligns[1]), ups[1][moving])))
    votes = -0.5 * float(np.sum(np.percentile(lean, [2.0, 98.0]))) / LEAN_DEG
    if resting.any():
        votes += 0.5 * float((straight & resting).sum() - (bent & resting).sum()) / float(resting.sum()) / REST
    back, forth = np.percentile((leg.rate[moving] * z[1]).sum(axis=1), [1.0, 99.0]).tolist()
    if forth - back > SWING_RATE:
        votes += 0.5 * (forth + back) / (forth - back) / SWING
        votes += 0.5 * float((straight & moving).sum() - (bent & moving).sum()) / float(moving.sum()) / DWELL
    if leg.places is not None:
        up_thigh, up_shank = (
            float(qt.rotate(align, Y) @ place) for align, place in zip(aligns, leg.places, strict=True)
        )
        votes += (up_thigh - up_shank) / PLACE
    sd = STANDING_ZERO_DEG if standing else WALKING_ZERO_DEG
    return Knee((aligns[0], aligns[1]), upright & known, sd, votes, float(high - low), sd_deg), votes


def _tilt(up: Floats, z: Floats, known: Bools) -> Floats:
    """Return the turn about z [rad] from gravity, up to a constant, shape (n,)."""
    frame = _frame(up[known].mean(axis=0), z)
    if not np.isfinite(frame).all():
        frame = _frame(np.eye(3)[int(np.argmin(np.abs(z)))], z)
    return sagittal(qt.rotate(qt.conjugate(frame), up))


def _frame(y: Floats, z: Floats) -> Floats:
    """Return segment-to-sensor from z, and y made perpendicular to it; NaN where y lies along z."""
    y = y - (y * z).sum() * z
    size = float(np.sqrt((y * y).sum()))
    if size < 1e-6:
        return np.full(4, np.nan)
    y = y / size
    return qt.from_axes(qt.cross(y, z), y, z)
