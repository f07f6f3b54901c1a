"""What a simulated person can do: each function returns one activity of a script, with its movement and its muscles.

An activity moves named channels to absolute targets (`Move`) or out and back again (`Bump`), by steps that start and
end without velocity, acceleration or jerk; what it does not name stays as it is. Levels of activation are fractions
of MVC, in proportions typical of surface EMG (squat: Escamilla 2001; sit-to-stand: Roebroeck 1994; gait: Perry
1992); they are a stimulus of known shape, not a model of muscle force. Muscles lead the movement by about 60 ms.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from simulators.person.motion.channels import SIDES, arms_hanging, both, legs, standing, trunk
from simulators.person.motion.gait import Walk, stride_bursts
from simulators.person.motion.muscles import Burst, burst

LEAD = 0.06
"""Activation starts this long before the movement [s] (electromechanical delay)."""


@dataclass(frozen=True, slots=True)
class Move:
    """Channels go to targets."""

    start: float
    """Seconds after the start of the activity."""
    duration: float
    to: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Bump:
    """Channels go out by some amount and come back, on top of what else they do."""

    start: float
    out: float
    """Duration of the way out [s]."""
    back: float
    """Duration of the way back [s]."""
    by: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Activity:
    """One part of a script; all times from its own start [s]."""

    name: str
    duration: float
    moves: tuple[Move, ...] = ()
    bumps: tuple[Bump, ...] = ()
    walks: tuple[Walk, ...] = ()
    bursts: tuple[Burst, ...] = ()


def stand(seconds: float) -> Activity:
    """Stand still."""
    return Activity("stand", seconds)


def squat(reps: int = 5, depth_deg: float = 100.0, down: float = 1.4, hold: float = 0.2, up: float = 1.2) -> Activity:
    """Squat to a knee flexion of depth_deg, with 0.5 s of standing before each repetition."""
    pause = 0.5
    share = depth_deg / 100.0
    bottom = (
        legs(thigh=72.0 * share, shank=28.0 * share, tilt=30.0 * share)
        | trunk(inclination=40.0 * share, tilt=30.0 * share)
        | both(shoulder_plane=75.0 * share, shoulder_elevation=10.0 + 60.0 * share, shoulder_rotation=-75.0 * share)
    )
    top = {name: standing()[name] for name in bottom}
    moves: list[Move] = []
    bursts: list[Burst] = []
    period = pause + down + hold + up
    for rep in range(reps):
        start = rep * period + pause
        moves += [Move(start, down, bottom), Move(start + down + hold, up, top)]
        bursts += _rise_bursts(start, down, hold, up, share)
    return Activity("squat", reps * period, tuple(moves), bursts=tuple(bursts))


def _rise_bursts(start: float, down: float, hold: float, up: float, share: float) -> list[Burst]:
    on, turn, end = start - LEAD, start + down + hold - LEAD, start + down + hold + 0.9 * up
    late = start + 0.4 * down
    return _sided(
        burst("vastus_lateralis", on, end, 0.25 * share, 0.45 * share, 0.65 * share, 0.30 * share),
        burst("vastus_medialis", on, end, 0.25 * share, 0.45 * share, 0.65 * share, 0.30 * share),
        burst("rectus_femoris", on, end, 0.20 * share, 0.40 * share, 0.45 * share, 0.15 * share),
        burst("gluteus_maximus", late, end, 0.12 * share, 0.30 * share, 0.20 * share),
        burst("biceps_femoris", turn, end, 0.22 * share, 0.15 * share),
        burst("semitendinosus", turn, end, 0.18 * share, 0.12 * share),
        burst("erector_spinae", late, end, 0.25 * share, 0.40 * share, 0.20 * share),
        burst("tibialis_anterior", on, late + 0.4 * down, 0.20 * share, 0.12 * share),
        burst("soleus", turn, end, 0.15 * share, 0.20 * share),
    )


def walk(seconds: float, stride: float = 1.1, speed: float = 0.0) -> Activity:
    """Walk on a treadmill, or forward at `speed` [m/s], with one second each to start and to stop."""
    walking = Walk(0.0, seconds, stride, speed)
    return Activity("walk", seconds, walks=(walking,), bursts=tuple(stride_bursts(walking)))


SEAT = legs(thigh=88.0, shank=0.0, tilt=-5.0) | trunk(inclination=0.0, tilt=-5.0)
"""Upright on a chair of knee height."""


def _lean(start: float, out: float, back: float) -> Bump:
    """Bend forward over the feet while getting up or down, at the hips and in the trunk."""
    by = {"pelvis_tilt": 20.0, "trunk_flexion": 12.0, "neck_flexion": -16.0}
    return Bump(start, out, back, by | both(hip_flexion=20.0, knee_flexion=12.0, ankle_dorsiflexion=12.0))


def sit_down(seconds: float = 2.2) -> Activity:
    """Lower the body to a chair."""
    bursts = _sided(
        burst("vastus_lateralis", 0.10 * seconds, 0.85 * seconds, 0.20, 0.40, 0.25),
        burst("vastus_medialis", 0.10 * seconds, 0.85 * seconds, 0.20, 0.40, 0.25),
        burst("rectus_femoris", 0.10 * seconds, 0.80 * seconds, 0.15, 0.30, 0.15),
        burst("gluteus_maximus", 0.25 * seconds, 0.80 * seconds, 0.12, 0.20),
        burst("erector_spinae", 0.20 * seconds, 0.95 * seconds, 0.20, 0.25),
    )
    lean = _lean(0.0, 0.55 * seconds, 0.45 * seconds)
    return Activity("sit_down", seconds, (Move(0.05 * seconds, 0.9 * seconds, SEAT),), (lean,), bursts=tuple(bursts))


def sit(seconds: float) -> Activity:
    """Sit still."""
    return Activity("sit", seconds)


def stand_up(seconds: float = 2.0) -> Activity:
    """Rise from a chair."""
    up = {name: standing()[name] for name in SEAT}
    bursts = _sided(
        burst("vastus_lateralis", 0.15 * seconds, 0.85 * seconds, 0.40, 0.65, 0.25),
        burst("vastus_medialis", 0.15 * seconds, 0.85 * seconds, 0.40, 0.65, 0.25),
        burst("rectus_femoris", 0.10 * seconds, 0.80 * seconds, 0.30, 0.45, 0.15),
        burst("gluteus_maximus", 0.25 * seconds, 0.85 * seconds, 0.30, 0.35, 0.15),
        burst("biceps_femoris", 0.25 * seconds, 0.85 * seconds, 0.20, 0.25, 0.10),
        burst("semitendinosus", 0.25 * seconds, 0.85 * seconds, 0.18, 0.20, 0.10),
        burst("erector_spinae", 0.15 * seconds, 0.80 * seconds, 0.35, 0.25),
        burst("tibialis_anterior", 0.05 * seconds, 0.45 * seconds, 0.30, 0.15),
        burst("soleus", 0.40 * seconds, 0.90 * seconds, 0.15, 0.20),
    )
    lean = _lean(0.0, 0.45 * seconds, 0.55 * seconds)
    return Activity("stand_up", seconds, (Move(0.1 * seconds, 0.85 * seconds, up),), (lean,), bursts=tuple(bursts))


def slouch(seconds: float = 15.0, inclination_deg: float = 30.0) -> Activity:
    """Sink slowly into a slouch while sitting, stay, and straighten up again."""
    down, back, tilt = 0.3 * seconds, 0.12 * seconds, -15.0
    slumped = {
        "pelvis_tilt": tilt,
        "trunk_flexion": inclination_deg - tilt,
        "neck_flexion": -0.8 * inclination_deg,
    } | both(hip_flexion=88.0 + tilt, shoulder_rotation=10.0)
    upright = {name: (standing() | SEAT)[name] for name in slumped}
    late = 0.97 * seconds
    bursts = _sided(
        burst("erector_spinae", late - back - LEAD, late, 0.30, 0.20),
        burst("trapezius_upper", late - back - LEAD, late, 0.15, 0.10),
    )
    moves = (Move(0.0, down, slumped), Move(late - back, back, upright))
    return Activity("slouch", seconds, moves, bursts=tuple(bursts))


def raise_arms(seconds: float = 6.0, elevation_deg: float = 120.0) -> Activity:
    """Raise both arms in the plane of the scapula (40 degrees forward) and lower them."""
    leg = 0.35 * seconds
    high = both(
        shoulder_plane=40.0,
        shoulder_elevation=elevation_deg,
        shoulder_rotation=-40.0,
        elbow_flexion=5.0,
        elbow_pronation=20.0,
    )
    moves = (Move(0.05 * seconds, leg, high), Move(0.6 * seconds, leg, arms_hanging()))
    on, end = 0.05 * seconds - LEAD, 0.9 * seconds
    bursts = _sided(
        burst("deltoideus_medius", on, end, 0.25, 0.40, 0.40, 0.15),
        burst("trapezius_upper", on + 0.15, end, 0.20, 0.35, 0.35, 0.12),
        burst("biceps_brachii", on, on + leg, 0.10, 0.12),
    )
    return Activity("raise_arms", seconds, moves, bursts=tuple(bursts))


def _sided(*bursts: Burst) -> list[Burst]:
    return [b.on(side) for b in bursts for side in SIDES]
