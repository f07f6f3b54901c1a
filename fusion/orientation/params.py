"""What the adaptive filter and the smoother trust: every parameter with unit, default and what turning it does.

Where the defaults come from: [VQF] the default of Laidig and Seel 2023 (doi:10.1016/j.inffus.2022.10.014), whose bias,
rest and disturbance rules these are; [T] tuned on six trials of the BROAD benchmark, see docs/fusion.md; [P] our own.
"""

from dataclasses import dataclass, fields
from math import inf, pi

DEG = pi / 180.0


@dataclass(frozen=True, slots=True)
class AdaptiveParams:
    """Parameters of `adaptive`; one set serves all rates and movements."""

    beta: float = 0.05
    """Fastest turn towards gravity [rad/s], Madgwick's gain. Higher: recovers faster, is misled faster; it must stay
    above `bias_limit`, or gravity could not hold a biased gyroscope. [P]"""
    tau_acc: float = 3.1
    """Time constant of the mean specific force that stands for gravity [s]. Higher: ignores longer accelerations,
    corrects drift later. [T], [VQF] 3"""
    tau_mag: float = 20.0
    """Time constant of the heading towards the field in slow movement [s]. Higher: calmer, later. [T], [VQF] 9"""
    rest_gyr: float = 2.0 * DEG
    """At rest every rate stays this near to the mean [rad/s]. Higher: finds more rest, also false rest. [VQF]"""
    rest_acc: float = 0.5
    """At rest every specific force stays this near to the mean [m/s2]. [VQF]"""
    rest_time: float = 1.5
    """... for this long [s]. Lower: learns the bias in shorter pauses. [VQF]"""
    rest_tau: float = 0.5
    """Time constant of these means [s]. [VQF]"""
    bias_start: float = 0.5 * DEG
    """Standard deviation of the unknown bias at the start [rad/s]. Higher: learns it faster. [VQF]"""
    bias_limit: float = 2.0 * DEG
    """No bias is larger, on any axis [rad/s]; a mean rate above it is no rest. Higher: for poor gyroscopes. [VQF]"""
    bias_walk: float = 0.012 * DEG
    """Random walk of the bias [rad/s per sqrt(s)]. Higher: follows warming, forgets faster. [T], [VQF] 0.01 deg"""
    bias_motion: float = 0.1 * DEG
    """Standard deviation the bias reaches in motion [rad/s]. Lower: gravity corrects the bias faster. [VQF]"""
    bias_vertical: float = 1e-4
    """Weight of holding the bias about the vertical at zero, which nothing measures in motion [1]. [VQF]"""
    bias_rest: float = 0.02 * DEG
    """Standard deviation the bias reaches at rest [rad/s]. Lower: rest corrects it faster. [T], [VQF] 0.03 deg"""
    heading_sigma: float = 1.2 * DEG
    """Standard deviation the heading reaches in a good field [rad]; against `bias_walk` it says how fast a lasting
    drift is learned. [T]"""
    heading_limit: float = 6.0 * DEG
    """A difference between field and heading beyond this counts as this much [rad]. Lower: ignores magnets better,
    returns from a wrong heading later. [T]"""
    mag_rate: float = 1.2
    """At this rate of turn the field's heading is taken to scatter sqrt(2) times as much as at rest [rad/s]. Lower:
    trusts the field less in fast movement. [T]"""
    mag_norm: float = 0.1
    """The field counts as disturbed when its norm differs by this share, and for less the smaller it is [1]. [VQF]"""
    mag_dip: float = 10.0 * DEG
    """... or its dip by this angle [rad]. [VQF]"""
    mag_tau: float = 0.05
    """Time constant of the norm and dip that are compared [s]. [VQF]"""
    mag_ref_tau: float = 20.0
    """Time constant with which the undisturbed norm and dip follow [s]. [VQF]"""
    mag_clear: float = 0.5
    """So long must a field be undisturbed before it is believed again [s]. [VQF]"""
    mag_reject: float = 60.0
    """A disturbed field is ignored for at most this long [s], then half believed. [VQF]"""
    mag_first: float = 5.0
    """The first field is taken as undisturbed after this much movement in it [s]. [VQF]"""
    mag_new: float = 20.0
    """... and another one later after this much [s]. Lower: gets used to a new room faster. [VQF]"""
    mag_new_rate: float = 20.0 * DEG
    """Movement in these two means a rate of turn above this [rad/s]. [VQF]"""
    max_step: float = 0.25
    """A longer interval is a gap [s]: orientation and bias are held, gravity and heading are found anew. [P]"""
    interval: float = 0.02
    """Corrections are made about this often [s], at most once a sample. Higher: less work; on the six trials 0.01 and
    0.04 give the same accuracy. [P]"""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0.0 < getattr(self, field.name) < inf:
                raise ValueError(f"{field.name} must be positive and finite, not {getattr(self, field.name)}")


@dataclass(frozen=True, slots=True)
class SmoothedParams:
    """Parameters of `smoothed`."""

    live: AdaptiveParams = AdaptiveParams()
    """Of the two passes, forwards and backwards, that find bias, rest and disturbances."""
    tau_acc: float = 3.0
    """Time constant of the mean specific force, forwards and backwards [s]. [VQF]"""
    interval: float = 0.02
    """Headings are smoothed in steps of this length [s]. [P]"""
    heading_noise: float = 12.0 * DEG
    """Noise density of the field's heading [rad sqrt(s)]. Higher: smoother. [T]"""
    heading_walk: float = 0.05 * DEG
    """Random walk of the magnetometer-free heading [rad per sqrt(s)]. Higher: follows the field closer. [P]"""
    drift_walk: float = 0.002 * DEG
    """Random walk of its drift [rad/s per sqrt(s)]. Higher: the drift may change faster. [P]"""
    drift_start: float = 0.5 * DEG
    """Standard deviation of its drift at the start [rad/s]. [T]"""
    heading_limit: float = 4.0 * DEG
    """A residual of the field's heading of this size has half weight [rad]. Lower: ignores magnets better. [T]"""
    disturbed_weight: float = 0.1
    """Weight of the field while both passes call it disturbed [1]. [P]"""
    rounds: int = 4
    """How often the heading is smoothed with the weights of the round before. [P]"""

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "live" and not 0.0 < getattr(self, field.name) < inf:
                raise ValueError(f"{field.name} must be positive and finite, not {getattr(self, field.name)}")
        if self.rounds != int(self.rounds):
            raise ValueError(f"rounds must be a whole number, not {self.rounds}")
