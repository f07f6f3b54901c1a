"""When a muscle becomes active, when it rests again, and how active it is: causal, on the envelope.

The noise floor follows the envelope down within `floor_down_s` and up within `floor_up_s`, so it stays at the quiet
level between bursts; the recent peak decays within `peak_s`. A burst needs the envelope above both `ratio` times the
floor and `fraction` of the way from floor to peak for `min_s`, and ends when it has stayed below both lower limits for
`pause_s`. The first condition keeps noise out (its envelope varies by some 10 to 20 % only), the second keeps the small
tone between the bursts of a strong muscle out, and must let a fifth of the maximum pass. All values are our own
starting values [P]; the pattern (threshold above the resting level, held for a time) is Hodges and Bui 1996 [V]. They
were chosen on synthetic contractions (graded from 20 to 100 % of 300 uV, slow, of up to a minute, with 5 to 20 uV of
noise and with heart beats); on the recordings `emg_opensignals` the counts do not change for any `fraction` from 0.05
to 0.5. Onset and offset are refined by `fusion.emg.onset`.

Activation is the envelope as a fraction of the given MVC, or else of the largest envelope in a burst of the session so
far; without an MVC there is none before the first burst, because it would be a fraction of noise.
"""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from fusion.emg import kernels
from fusion.emg import onset as onsets
from fusion.emg.onset import OnsetParams

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BurstParams:
    """When activity counts as a burst."""

    ratio: float = 2.2
    """Onset above this multiple of the noise floor. [P]"""
    release_ratio: float = 1.6
    """Offset below this multiple. [P]"""
    fraction: float = 0.1
    """Onset above this part of the way from floor to recent peak; offset below half of it. [P]"""
    min_s: float = 0.1
    """Shorter activity is ignored [s]. [P]"""
    pause_s: float = 0.15
    """Shorter pauses are bridged [s]. [P]"""
    warm_s: float = 0.5
    """No burst this soon after a start or a gap, while filters and floor settle [s]. [P]"""
    floor_down_s: float = 0.2
    """Time constant with which the floor falls to a quieter signal [s]. [P]"""
    floor_up_s: float = 20.0
    """... and rises with a louder one [s]: must be long against what goes unnoticed. [P]"""
    floor_active_s: float = 300.0
    """... and during a burst [s]: must be long against a contraction. Lower: breaks long ones up. [P]"""
    peak_s: float = 60.0
    """Time constant with which the recent peak is forgotten [s]. [P]"""


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst of one channel."""

    channel: int
    onset: int
    """Host time, corrected for the delays of the filters [ns]."""
    offset: int
    peak: float
    """Largest value of the envelope, in its unit."""


class BurstDetector:
    """The detectors of one sensor's channels."""

    def __init__(
        self,
        channels: int,
        rate_hz: float,
        delay: float = 0.0,
        params: BurstParams | None = None,
        onset: OnsetParams | None = None,
    ) -> None:
        p, q = params or BurstParams(), onset or OnsetParams()
        self.params = p
        dt = 1.0 / rate_hz
        steps = (1.0 - exp(-dt / x) for x in (p.floor_down_s, p.floor_up_s, p.floor_active_s, p.peak_s))
        held = (p.ratio, p.release_ratio, p.fraction, 1e9 * p.min_s, 1e9 * p.pause_s)
        self._onset, late = onsets.coefficients(rate_hz, q)
        self._numbers = np.array([dt, p.warm_s, *steps, *held, round(1e9 * delay), round(1e9 * late)])
        self._delay_ns = round(delay * 1e9)
        self.mvc = np.full(channels, np.nan)
        """Envelope at maximum voluntary contraction, in the envelope's unit; NaN: the session's peak stands in."""
        self.state = BurstState(
            np.tile([-1.0, 0.0, 0.0, 0.0, 0.0], (channels, 1)),
            np.tile([0, -1, 0, 0], (channels, 1)),
            onsets.fresh(channels, rate_hz, q),
        )

    def floor(self, channel: int) -> float:
        """Return the noise floor of a channel; negative before it is known."""
        return float(self.state.level[channel, kernels.FLOOR])

    def largest(self, channel: int) -> float:
        """Return the largest amplitude of a channel in a burst of the session; 0 before the first."""
        return float(self.state.level[channel, kernels.MOST])

    def update(
        self,
        t: NDArray[np.int64],
        envelope: Floats,
        band: Floats | None = None,
        resting: NDArray[np.bool_] | None = None,
    ) -> tuple[list[Burst], Floats]:
        """Take the next amplitudes, shape (N, channels); return the bursts that ended and the activation.

        band: The band-passed signal, of the same shape. Without it, onset and offset are those of the amplitude.
        resting: Is filled with whether no burst is open, C-contiguous, of the same shape.
        """
        activation = np.empty(envelope.shape)
        room = envelope.shape[1] * (1 + len(t))
        found, peaks = np.empty((room, 3), dtype=np.int64), np.empty(room)
        s, o = self.state, self.state.onset
        n = kernels.burst_update(
            np.ascontiguousarray(t), envelope, np.empty((0, 0)) if band is None else band, self._numbers, self._onset,
            s.level, s.time, o.level, o.signal, o.ring, o.number, self.mvc, found, peaks, activation,
            np.empty(envelope.shape, dtype=np.bool_) if resting is None else resting,
        )  # fmt: skip
        bursts = [Burst(int(c), int(on), int(off), float(peaks[i])) for i, (c, on, off) in enumerate(found[:n])]
        return sorted(bursts, key=lambda b: (b.offset, b.channel)), activation

    def interrupt(self) -> list[Burst]:
        """Begin anew, as after a gap or at the end: bursts that are open end with their last active sample."""
        bursts = []
        s = self.state
        for c in range(len(s.level)):
            active, since, onset, last = (int(x) for x in s.time[c])
            if active:
                end = (since if since >= 0 else last) - self._delay_ns
                bursts.append(Burst(c, onset, max(end, onset), float(s.level[c, kernels.TOP])))
            s.level[c, kernels.AGE :] = 0.0
            s.time[c] = (0, -1, 0, last)
        onsets.interrupt(s.onset)
        return bursts


@dataclass(slots=True)
class BurstState:
    """What a detector remembers; copy it to go back there. The columns are named in `fusion.emg.kernels`."""

    level: Floats
    """Floor, recent peak, peak of the session, age [s], top of the burst; shape (channels, 5)."""
    time: NDArray[np.int64]
    """Active, since, onset, last [ns]; shape (channels, 4)."""
    onset: onsets.OnsetState

    def copy(self) -> "BurstState":
        """Return an independent copy."""
        return BurstState(self.level.copy(), self.time.copy(), self.onset.copy())
