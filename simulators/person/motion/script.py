"""A script: activities one after the other, repeated for ever, and the motion that they make."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from simulators.person.motion.activities import (
    Activity,
    Bump,
    Move,
    raise_arms,
    sit,
    sit_down,
    slouch,
    squat,
    stand,
    stand_up,
    walk,
)
from simulators.person.motion.channels import CHANNELS, INDEX, standing
from simulators.person.motion.gait import Walk, pattern
from simulators.person.motion.muscles import NAMES, Activation, Burst
from simulators.person.motion.steps import smooth_step
from simulators.person.rotation import Floats

SWAY_HZ, BREATH_HZ = 0.4, 0.25
"""Body sway about the ankles and breathing, rounded to whole periods per loop."""


@dataclass(frozen=True, slots=True)
class Script:
    """Activities that begin and end in the standing pose, so that they can repeat."""

    activities: tuple[Activity, ...]

    @property
    def period(self) -> float:
        """Duration of one loop [s]."""
        return float(sum(activity.duration for activity in self.activities))

    def starts(self) -> list[tuple[str, float, float]]:
        """Return name, start and end of each activity in the first loop [s]."""
        ends = list(accumulate(activity.duration for activity in self.activities))
        return [(a.name, end - a.duration, end) for a, end in zip(self.activities, ends, strict=True)]


def demo_script() -> Script:
    """Return 90 s of everything: stand, five squats, walk, sit, slouch, sit upright, rise, raise the arms, rest."""
    return Script(
        (
            stand(5.0),
            squat(reps=5),
            stand(1.5),
            walk(15.4),
            stand(2.0),
            sit_down(2.2),
            sit(6.0),
            slouch(15.0),
            sit(5.0),
            stand_up(2.0),
            stand(3.0),
            raise_arms(6.0),
            stand(10.4),
        )
    )


@dataclass(frozen=True, slots=True)
class _Step:
    channel: int
    start: float
    duration: float
    change: float


class Motion:
    """All channels of a person who follows a script, as formulas of time."""

    def __init__(self, script: Script, sway_deg: float = 0.2) -> None:
        """Work out the steps of all activities. sway_deg: amplitude of sway and breathing; 0 for a statue."""
        self.period = script.period
        self._sway_deg = sway_deg
        self._base = np.array([standing()[name] for name in CHANNELS])
        self._steps: list[_Step] = []
        self.walks: list[Walk] = []
        self._bursts: dict[str, list[Burst]] = {name: [] for name in NAMES}
        pose = self._base.copy()
        for activity, (_, start, _) in zip(script.activities, script.starts(), strict=True):
            self._add(activity, start, pose)
        if not np.allclose(pose, self._base):
            moved = CHANNELS[int(np.argmax(np.abs(pose - self._base)))]
            raise ValueError(f"the script ends with {moved} away from standing: a script must end as it began")
        self.travel = float(sum(bout.distance(np.array([self.period]))[0] for bout in self.walks))
        """Way walked in one loop [m]."""

    def _add(self, activity: Activity, start: float, pose: Floats) -> None:
        for move in activity.moves:
            self._move(move, start, pose)
        for bump in activity.bumps:
            self._bump(bump, start)
        self.walks += [Walk(start + w.start, w.duration, w.stride, w.speed) for w in activity.walks]
        for one in activity.bursts:
            self._bursts[one.muscle].append(one.later(start))

    def _move(self, move: Move, start: float, pose: Floats) -> None:
        for name, target in move.to.items():
            channel = INDEX[name]
            self._steps.append(_Step(channel, start + move.start, move.duration, target - pose[channel]))
            pose[channel] = target

    def _bump(self, bump: Bump, start: float) -> None:
        for name, amount in bump.by.items():
            there = start + bump.start
            self._steps.append(_Step(INDEX[name], there, bump.out, amount))
            self._steps.append(_Step(INDEX[name], there + bump.out, bump.back, -amount))

    def activations(self) -> dict[str, Activation]:
        """Return the activation of every muscle."""
        return {name: Activation(name, bursts, self.period) for name, bursts in self._bursts.items()}

    def channels(self, t: Floats) -> Floats:
        """Return all channels at times t [s], shape (N, channels); `travel` goes on from loop to loop."""
        loops = np.floor(t / self.period)
        u = np.mod(t, self.period)
        values = np.repeat(self._base[:, None], len(u), axis=1)
        for step in self._steps:
            if step.change:
                values[step.channel] += step.change * smooth_step((u - step.start) / step.duration)
        for bout in self.walks:
            for name, change in pattern(bout, u):
                values[INDEX[name]] += change
        self._sway(values, u)
        values[INDEX["travel"]] += loops * self.travel
        return values.T

    def _sway(self, values: Floats, u: Floats) -> None:
        """Sway as one stiff body about the ankles, with flat feet, and breathe."""
        turns = 2.0 * np.pi * u / self.period
        sway = self._sway_deg * np.sin(turns * round(SWAY_HZ * self.period))
        for name in ("pelvis_tilt", "ankle_dorsiflexion_left", "ankle_dorsiflexion_right"):
            values[INDEX[name]] += sway
        breath = self._sway_deg * np.sin(turns * round(BREATH_HZ * self.period))
        values[INDEX["trunk_flexion"]] -= breath
        values[INDEX["neck_flexion"]] += breath
