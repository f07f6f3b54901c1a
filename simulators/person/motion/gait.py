"""Walking: joint angles over the stride, heel strikes, and the muscles of each phase.

The curves are the means of healthy adults at natural cadence, read at every 5 % of the stride (heel strike at 0 %)
and smoothed to six harmonics: hip, knee and ankle in the sagittal plane after Winter 1991, "The Biomechanics and
Motor Control of Human Gait"; pelvis, trunk and the phases of the muscles after Perry 1992, "Gait Analysis". Rounded
values: good for a plausible person, not for comparing a patient with.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulators.person.motion.muscles import Burst, burst
from simulators.person.motion.steps import smooth_step, smooth_step_integral
from simulators.person.rotation import Floats

HARMONICS = 6
RAMP = 1.0
"""Time to start and to stop walking [s]."""

HIP = (30, 29, 26, 22, 17, 11, 5, 0, -4, -8, -10, -9, -4, 5, 15, 23, 29, 32, 33, 32)
KNEE = (5, 10, 16, 18, 16, 13, 9, 6, 5, 7, 12, 21, 36, 51, 60, 61, 53, 37, 18, 6)
ANKLE = (0, -5, -3, 1, 4, 6, 7, 9, 10, 10, 7, -3, -15, -17, -10, -3, 1, 2, 1, 1)
"""Flexion, flexion and dorsiflexion at 0, 5, ... 95 % of the stride [deg]."""

SHOCK_SIGMA = 0.015
"""Width of a heel strike's jolt [s]: the upward peak lasts about 30 ms, as at a foot-worn sensor."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One bout of walking; the right heel strikes at its start."""

    start: float
    duration: float
    stride: float
    """Duration of a stride, right heel strike to right heel strike [s]."""
    speed: float
    """Speed over ground [m/s]; 0 on a treadmill."""

    def strikes(self, side: str) -> Floats:
        """Return the times of the heel strikes of one foot while walking is at full swing [s]."""
        first = self.start + (0.0 if side == "right" else 0.5 * self.stride)
        times = first + self.stride * np.arange(int(self.duration / self.stride) + 1)
        return np.asarray(times[(times > self.start + 0.5 * RAMP) & (times < self.start + self.duration - 0.5 * RAMP)])

    def share(self, t: Floats) -> Floats:
        """Return how much of the gait pattern is mixed into standing, 0 to 1."""
        end = self.start + self.duration
        return smooth_step((t - self.start) / RAMP) - smooth_step((t - end + RAMP) / RAMP)

    def distance(self, t: Floats) -> Floats:
        """Return the way travelled since the start [m]."""
        end = self.start + self.duration
        gone = smooth_step_integral((t - self.start) / RAMP) - smooth_step_integral((t - end + RAMP) / RAMP)
        return self.speed * RAMP * gone


def _harmonics(curve: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return the cosine and sine coefficients of a curve given at even phases."""
    spectrum = np.fft.rfft(np.asarray(curve, dtype=np.float64)) / len(curve)
    cosines = 2.0 * spectrum.real[: HARMONICS + 1]
    cosines[0] /= 2.0
    return cosines, -2.0 * spectrum.imag[: HARMONICS + 1]


_CURVES = {"hip_flexion": _harmonics(HIP), "knee_flexion": _harmonics(KNEE), "ankle_dorsiflexion": _harmonics(ANKLE)}


def _curve(name: str, phase: Floats) -> Floats:
    cosines, sines = _CURVES[name]
    turn = 2.0 * np.pi * phase
    total = np.full_like(phase, cosines[0])
    for k in range(1, HARMONICS + 1):
        total += cosines[k] * np.cos(k * turn) + sines[k] * np.sin(k * turn)
    return total


def pattern(walk: Walk, t: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield, for each channel that walking moves, what it adds to standing at times t."""
    share = walk.share(t)
    right = (t - walk.start) / walk.stride
    turn = 2.0 * np.pi * right
    for side, phase in (("right", right), ("left", right + 0.5)):
        for name in _CURVES:
            yield f"{name}_{side}", share * _curve(name, phase)
        yield from _arm(side, share, phase)
        yield f"shock_{side}", _shocks(walk, side, t)
    sign = np.cos(turn)
    yield "pelvis_rotation", share * 4.0 * sign
    yield "trunk_rotation", share * -7.0 * sign
    yield "pelvis_obliquity", share * 3.0 * np.sin(turn)
    yield "hip_adduction_right", share * 3.0 * np.sin(turn)
    yield "hip_adduction_left", share * -3.0 * np.sin(turn)
    yield "pelvis_tilt", share * (3.0 + 1.0 * np.cos(2.0 * turn))
    yield "trunk_flexion", share * (1.0 - 1.5 * np.cos(2.0 * turn))
    yield "gait", share
    yield "lateral", share * 0.02 * np.sin(turn)
    yield "travel", walk.distance(t)


def _arm(side: str, share: Floats, phase: Floats) -> Iterator[tuple[str, Floats]]:
    """Swing the hanging arm against the leg of its side: 10 degrees outward, 18 forward and back."""
    forward = np.sin(np.radians(share * (4.0 - 18.0 * np.cos(2.0 * np.pi * phase))))
    outward = np.sin(np.radians(10.0))
    plane = np.degrees(np.arctan2(forward, outward))
    yield f"shoulder_plane_{side}", plane
    yield f"shoulder_rotation_{side}", -plane
    yield f"shoulder_elevation_{side}", np.degrees(np.arcsin(np.sqrt(forward**2 + outward**2))) - 10.0
    yield f"elbow_flexion_{side}", share * (10.0 - 8.0 * np.cos(2.0 * np.pi * phase))


def _shocks(walk: Walk, side: str, t: Floats) -> Floats:
    """Return the height whose second derivative is a heel strike of unit peak acceleration [m per m/s2]."""
    total = np.zeros_like(t)
    for strike in walk.strikes(side):
        total -= SHOCK_SIGMA**2 * np.exp(-0.5 * ((t - strike) / SHOCK_SIGMA) ** 2)
    return total


_PHASES = (
    ("tibialis_anterior", 0.58, 1.12, (0.20, 0.15, 0.40)),
    ("vastus_lateralis", 0.90, 1.16, (0.20, 0.30)),
    ("vastus_medialis", 0.90, 1.16, (0.20, 0.30)),
    ("rectus_femoris", 0.92, 1.12, (0.15, 0.15)),
    ("biceps_femoris", 0.82, 1.08, (0.30, 0.20)),
    ("semitendinosus", 0.82, 1.05, (0.30, 0.15)),
    ("gluteus_maximus", 0.92, 1.16, (0.20, 0.25)),
    ("gluteus_medius", 0.95, 1.35, (0.30, 0.20)),
    ("gastrocnemius_lateralis", 0.12, 0.52, (0.15, 0.30, 0.60)),
    ("gastrocnemius_medialis", 0.12, 0.52, (0.15, 0.30, 0.60)),
    ("soleus", 0.08, 0.54, (0.15, 0.30, 0.60)),
)
"""Onset and offset as fractions of the stride of the same side (above 1: into the next), and levels."""
_BOTH_SIDES = (("erector_spinae", 0.95, 1.12, (0.15, 0.10)), ("erector_spinae", 0.45, 0.62, (0.15, 0.10)))


def stride_bursts(walk: Walk) -> Iterator[Burst]:
    """Yield the bursts of every stride that lie within the bout."""
    for side, shift in (("right", 0.0), ("left", 0.5)):
        for stride in range(-2, int(walk.duration / walk.stride) + 1):
            for muscle, on, off, levels in (*_PHASES, *_BOTH_SIDES):
                start = (stride + shift + on) * walk.stride
                end = (stride + shift + off) * walk.stride
                if start >= 0.0 and end <= walk.duration:
                    yield burst(muscle, start, end, *levels).on(side)
