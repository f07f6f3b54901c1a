"""The pipeline's parameters: every one with its unit, its default and what turning it does.

Marks of the defaults: [V] read in the named source, [M] from memory of a known publication, [P] our own starting value.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

LEAST_RATE_HZ = 10.0
"""Calibration and headings work in steps of a tenth of a second [Hz]."""
LONGEST_RMS_S = 2.0
"""A window longer than this says nothing of one contraction [s]. [P]"""
LONGEST_AHEAD_S = 0.2
"""Farther ahead nobody knows how a body goes on turning [s]. [P]"""


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What the results depend on besides the samples; stored with every session."""

    rate_hz: float = 100.0
    """Output rate [Hz], at least 10: rows lie on whole multiples of its period. Higher: smoother, more data."""
    max_wait_s: float = 0.25
    """A sensor silent for longer [s] no longer holds back the others. Higher: more complete rows, later. [P]"""
    max_gap_s: float = 0.1
    """Gaps up to this long [s] are interpolated and flagged, longer ones stay empty. [P]"""
    hold_s: float = 2.0
    """A value of a device that measures angles slower than 1 / max_gap_s stands this long [s]. [P]"""
    ahead_s: float = 0.0
    """Orientations are turned on by their own rates for so long [s], to show now what takes that long to arrive; 0:
    not at all. Higher: less late, noisier; beyond 0.05 s it overshoots at turning points. [P]"""
    magnetometer: bool = False
    """Use magnetometers for the heading; otherwise only gravity, rates and the joints decide."""
    gravity_tau_s: float = 3.1
    """Specific force is averaged about this long to find gravity [s]; see docs/fusion.md. Higher: calmer, later."""
    field_tau_s: float = 20.0
    """With magnetometer: time constant of the heading towards the field [s]. Higher: calmer, later."""
    bias_limit_deg_s: float = 2.0
    """No gyroscope is biased by more [deg/s]. Higher: for poor ones, at the price of rest seen in slow turns."""
    still_s: float = 1.0
    """So long must all sensors be still for a pose to be taken [s]; the wearer is asked for twice that. [P]"""
    turn_deg: float = 120.0
    """A segment must swing this far about its main axis before the axis counts [deg]. Higher: surer, later. [P]"""
    explained: float = 0.75
    """This much of its horizontal angular rate must lie on that axis [fraction]. Higher: asks for purer motion. [P]"""
    heading_tau_s: float = 5.0
    """Memory of the heading correction of joints that do not turn freely, knee, ankle, elbow and wrist [s]
    (Laidig 2017: 5 s). Lower: faster, noisier."""
    loose_heading_tau_s: float = 20.0
    """The same for joints that turn freely, hip, spine, neck and shoulder [s]: their mean rotation counts as zero.
    [P]"""
    emg_high_pass_hz: float = 20.0
    """EMG high-pass [Hz]; De Luca 2010: 20 Hz. Higher: less motion artefact, less signal. [V]"""
    emg_low_pass_hz: float = 450.0
    """EMG low-pass [Hz], at most 0.45 of the rate; not applied below 1000 Hz sampling. [V]"""
    emg_notch: Literal["auto", "off", "50", "60"] = "auto"
    """Removal of mains hum, 3 Hz wide: where hum of 50 or 60 Hz was measured ("auto"), never, or always at that
    frequency [Hz]. It also removes signal. [V]"""
    emg_amplitude: Literal["envelope", "rms"] = "envelope"
    """What the size of EMG is: its rectified signal, low-passed, or the root mean square of a moving window."""
    emg_rms_s: float = 0.1
    """The window of the latter [s]. Higher: smoother, later. [M]"""
    emg_envelope_hz: float = 6.0
    """Low-pass of the rectified EMG [Hz]. Lower: smoother, later. [V]"""
    burst_ratio: float = 2.2
    """A burst rises to this multiple of the noise floor. Higher: misses weak bursts, ignores more noise. [P]"""
    burst_fraction: float = 0.1
    """... and to this fraction of the way from the floor to the recent peak. [P]"""
    burst_min_s: float = 0.1
    """Shorter bursts are ignored [s]. [P]"""
    burst_pause_s: float = 0.15
    """Shorter pauses do not end a burst [s]. [P]"""
    posture_threshold_deg: float = 15.0
    """Slouching begins this far from one's own upright [deg] (field: 10 to 15). Lower: stricter. [P]"""
    posture_hysteresis_deg: float = 5.0
    """... and ends this much below the threshold [deg]. [P]"""
    posture_delay_s: float = 30.0
    """A slouch must last this long before it is reported [s] (5 to 120). [P]"""
    rep_prominence_deg: float = 20.0
    """A repetition moves at least this far and back [deg]. Higher: ignores small movements. [P]"""
    rep_fraction: float = 0.5
    """... and at least this fraction of the larger repetitions seen. [P]"""

    def __post_init__(self) -> None:
        if not LEAST_RATE_HZ <= self.rate_hz < inf:
            raise ValueError(f"rate_hz must be at least {LEAST_RATE_HZ:g} and finite, not {self.rate_hz}")
        positive = (
            "max_wait_s",
            "max_gap_s",
            "still_s",
            "turn_deg",
            "heading_tau_s",
            "loose_heading_tau_s",
            "gravity_tau_s",
            "field_tau_s",
            "bias_limit_deg_s",
        )
        for name in positive:
            if not 0.0 < getattr(self, name) < inf:
                raise ValueError(f"{name} must be positive and finite, not {getattr(self, name)}")
        if not 0.0 <= self.ahead_s <= LONGEST_AHEAD_S:
            raise ValueError(f"ahead_s must lie between 0 and {LONGEST_AHEAD_S}, not {self.ahead_s}")
        if self.emg_notch not in ("auto", "off", "50", "60"):
            raise ValueError(f'emg_notch is "auto", "off", "50" or "60", not {self.emg_notch!r}')
        if self.emg_amplitude not in ("envelope", "rms"):
            raise ValueError(f'emg_amplitude is "envelope" or "rms", not {self.emg_amplitude!r}')
        if not 0.0 < self.emg_rms_s <= LONGEST_RMS_S:
            raise ValueError(f"emg_rms_s must lie above 0 and up to {LONGEST_RMS_S}, not {self.emg_rms_s}")
        if not 0.0 < self.explained < 1.0:
            raise ValueError(f"explained must lie between 0 and 1, not {self.explained}")

    @property
    def period_ns(self) -> int:
        """Distance of two output rows [ns]."""
        return round(1e9 / self.rate_hz)
