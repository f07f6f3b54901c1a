"""The judge of one EMG sensor, second by second of host time.

Limits of the converter. Nobody tells a pipeline the full scale, so it is learnt: an extreme of the session that was
reached at least `RAIL_VISITS` separate times without being exceeded by more than one step is a limit, provided both
extremes lie at least `RAIL_SPAN` steps apart (a quiet signal of a few steps stays at its extreme by chance). The step
is the smallest difference of neighbouring samples seen. Clipped are samples within one step of a limit. So the first
few that reach a limit are not told, unless the rest of them comes in the same second; and an unclipped signal of 8 bits
that comes near its limits may be told as clipped until it goes beyond (simulated: in 2 to 5 of 100 sessions of 5
minutes; of 9 bits and more in none of 240).

Seconds in which more than half of the samples repeat the one before were held or quantised away: their spectrum is that
of the holding, so mains and motion are not looked for.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf, pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusion.emg.quality import heart
from fusion.emg.quality import kernels as k
from fusion.emg.quality.spectrum import MAINS_HZ, Spectrum
from fusion.emg.quality.verdict import FLAGS, Flag, Second, Verdict

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Bools = NDArray[np.bool_]
Unit = Literal["V", "counts"]

SECOND = 1_000_000_000

FLAT_V = 0.5e-6
"""An RMS below this is no electrode on skin [V]. [P]"""
FLAT_REPEATED = 0.99
"""Nor is a signal whose samples are the one before more often than this. [P]"""
STUCK = 0.5
"""Nor one that is at the limits of the converter for so much of a second. [P]"""
HUM_ONLY, HUM_ONLY_V = 0.8, 100e-6
"""Nor one that is hum for this part of its power and with this RMS [V]: an open input is an aerial. [P]"""
RAIL_VISITS, RAIL_SPAN = 5.0, 128.0
"""See above; the span is in steps. [P]"""
HELD = 0.5
"""Above this share of repeated samples the spectrum is not looked at. [P]"""
HUM_S = 5
"""Hum is steady and muscles are not, so it is what stands out in the median of so many seconds ... [P]"""
CONTRAST = 3.5
"""... by this factor at the least, which muscle reaches in some seconds, but not in most. [P]"""
HUM_SHARE = 0.3
"""Mains disturbs from this part of the power on ... [P]"""
HUM_V, HUM_STEPS = 5e-6, 3.0
"""... if its RMS is above good noise [V], or without a scale above so many steps ... [P]"""
HUM_SHARE_WORKING = 1.0 / (1.0 + 10.0**0.9)
"""... or, of a working muscle, if the signal is less than 9 dB above it. [P] (CleanEMG: above about 9 dB, subtraction
adds noise [V])"""
HUM_HELD = 0.5
"""Found once, it is found again down to this part of all of these limits, so that the light does not flicker. [P]"""
SLOW_SHARE = 0.3
"""Motion from this part of the power on ... [P]"""
SLOW_V, SLOW_STEPS = 10e-6, 5.0
"""... if its RMS is above poor noise [V], or without a scale above so many steps: a quiet muscle has little of
everything. [P]"""
REST_V = 10e-6
"""Noise at rest above this asks for a better electrode [V]. [P]"""
REST_S, REST_KNOWN = 30, 10
"""The quietest of so many seconds counts, once so many are known. [P]"""
REST_SHARE = 0.2
"""A second tells the rest if so much of it is resting. [P]"""
LOST = 0.05
"""So much may be missing of a second. [P]"""
SPECTRUM_LOST = 0.1
"""With more missing there is no spectrum. [P]"""
WARM_S = 60
"""After skin preparation an electrode settles for so long [s]. [P]"""
MEMORY = 3
SHOWN: dict[Flag, tuple[int, int]] = {Flag.MAINS: (2, 3), Flag.MOTION: (2, 3), Flag.ECG: (2, 3)}
"""A flag is shown if it was found in so many of the last so many seconds; others in 1 of 1. [P]"""
NEED = np.array([SHOWN.get(flag, (1, 1))[0] for flag in FLAGS])
RECENT = np.array([[age < SHOWN.get(flag, (1, 1))[1] for age in range(MEMORY)] for flag in FLAGS])
ON_SKIN_ONLY = np.array([flag in (Flag.MAINS, Flag.MOTION, Flag.ECG, Flag.BASE) for flag in FLAGS])
"""What an electrode that is off says nothing of."""

ENVELOPE_TO_RMS = sqrt(pi / 2.0)
"""RMS of Gaussian noise over its mean absolute value, which the envelope is."""


@dataclass(slots=True)
class WatchState:
    """What a watch remembers; copy it to go back there."""

    rails: Floats
    """Shape (channels, 5), columns as in `fusion.emg.quality.kernels`."""
    found: Bools
    """Newest first, shape (channels, flags, MEMORY)."""
    rest: Floats
    """RMS at rest of the last seconds, newest first, NaN where unknown, shape (channels, REST_S)."""
    levels: Floats
    """Shape (channels, heart.MEMORY_S * heart.LEVELS)."""
    resting: Floats
    """Resting share of the last seconds, shape (channels, heart.MEMORY_S)."""
    hums: Floats
    """What stands out at 50 and at 60 Hz, and its contrast, of the last seconds, shape (HUM_S, 2, channels, 2)."""
    mains_hz: NDArray[np.int64]
    """Last found, shape (channels,)."""
    first: int = -1
    """Second of the first sample; -1 before any."""
    second: int = -1
    """The second that is being gathered."""
    last: int = -1
    """The last judged."""
    run: int = 0
    """How many seconds in a row were judged."""
    whole: bool = False
    """The gathered second has begun with its first sample; the first of a stream may not have."""
    count: int = 0
    """Samples gathered."""
    pieces: list[tuple[Times, Floats, Floats, Bools]] = field(default_factory=list)

    def copy(self) -> "WatchState":
        """Return an independent copy; gathered samples are shared, they are never written to."""
        arrays = ("rails", "found", "rest", "levels", "resting", "hums", "mains_hz")
        copies = {name: getattr(self, name).copy() for name in arrays}
        return replace(self, **copies, pieces=list(self.pieces))


class EmgWatch:
    """Judges the seconds of one sensor. Gaps need no word: they are seen by the times."""

    def __init__(self, channels: int, rate_hz: float, unit: Unit, amplitude_to_rms: float = ENVELOPE_TO_RMS) -> None:
        """amplitude_to_rms: What the amplitude is multiplied by to be an RMS: 1 where it is one already."""
        self.channels, self.rate_hz, self.unit = channels, rate_hz, unit
        self._to_rms = amplitude_to_rms
        self.near_heart = np.ones(channels, dtype=np.bool_)
        """In which channels to look for the heart; the jolts of steps look like it in legs (`near_heart`)."""
        self._spectrum = Spectrum(rate_hz)
        self._room = int(2.0 * rate_hz) + 8
        """A second has no more samples than this; what comes beyond is not looked at."""
        self.state = WatchState(
            rails=np.tile([np.nan, np.nan, 0.0, 0.0, inf], (channels, 1)),
            found=np.zeros((channels, len(FLAGS), MEMORY), dtype=np.bool_),
            rest=np.full((channels, REST_S), np.nan),
            levels=np.zeros((channels, heart.MEMORY_S * heart.LEVELS)),
            resting=np.zeros((channels, heart.MEMORY_S)),
            hums=np.full((HUM_S, 2, channels, 2), np.nan),
            mains_hz=np.zeros(channels, dtype=np.int64),
        )

    def update(self, t: Times, raw: Floats, amplitude: Floats, resting: Bools) -> list[Second]:
        """Take the next samples; return the seconds that are over.

        t: Host time [ns], strictly increasing, shape (N,); a sample of the next second ends one. raw: In the sensor's
        unit before any filter, NaN where unusable; amplitude: As published, after the filters; resting: No burst is
        open; each of shape (N, channels). None of them may be written to afterwards.
        """
        if not t.size:
            return []
        first, last = int(t[0]) // SECOND, int(t[-1]) // SECOND
        if first == last:
            return self._gather(first, t, raw, amplitude, resting)
        out: list[Second] = []
        cuts = [0, *np.flatnonzero(np.diff(t // SECOND)) + 1, t.size]
        for a, b in pairwise(cuts):
            out += self._gather(int(t[a]) // SECOND, t[a:b], raw[a:b], amplitude[a:b], resting[a:b])
        return out

    def over(self, t: int) -> list[Second]:
        """Return the second that is over when the next sample comes at `t` [ns]; `update` would return it then."""
        s = self.state
        if t // SECOND == s.second or not (s.whole and s.pieces):
            return []
        judged = self._judge()
        s.pieces = []
        return [judged]

    def _gather(self, second: int, t: Times, raw: Floats, amplitude: Floats, resting: Bools) -> list[Second]:
        s = self.state
        out = self.over(int(t[0]))
        if second != s.second:
            starts = (int(t[0]) - second * SECOND) * 1e-9 * self.rate_hz < 1.5
            s.whole = s.first >= 0 or starts
            s.first = second if s.first < 0 else s.first
            s.second, s.count, s.pieces = second, 0, []
        if s.count < self._room:
            s.pieces.append((t, raw, amplitude, resting))
            s.count += t.size
        return out

    def _judge(self) -> Second:
        s = self.state
        parts = list(zip(*s.pieces, strict=True))
        t = np.concatenate(parts[0])
        raw, amplitude, resting = (np.ascontiguousarray(np.concatenate(p).T) for p in parts[1:])
        k.extremes(raw, s.rails)
        seen = np.empty((self.channels, 6))
        k.samples(raw, amplitude, resting, s.rails, RAIL_VISITS, RAIL_SPAN, REST_SHARE * self.rate_hz, seen)
        if s.second != s.last + 1:
            s.run = 0
            s.found[:] = False
            s.hums[:] = np.nan
        s.last, s.run = s.second, s.run + 1
        return self._sum_up(t, raw, seen)

    def _sum_up(self, t: Times, raw: Floats, seen: Floats) -> Second:
        s, volts = self.state, self.unit == "V"
        step = np.where(np.isfinite(s.rails[:, k.STEP]), s.rails[:, k.STEP], 0.0)
        missing = np.maximum(1.0 - seen[:, k.USABLE] / self.rate_hz, 0.0)
        working = seen[:, k.RESTING] < 0.5
        spectral = (missing <= SPECTRUM_LOST) & (seen[:, k.REPEATED] <= HELD)
        p = self._spectrum.powers(raw)
        power, contrast, hz = self._mains(np.stack((p.hum, p.contrast)), spectral)
        with np.errstate(divide="ignore", invalid="ignore"):
            hum_share, slow_share = np.minimum(power / p.band, 1.0), p.slow / (p.slow + p.band)
        hum, slow = np.sqrt(power), np.sqrt(p.slow)
        ease = np.where(s.found[:, FLAGS.index(Flag.MAINS), 0], HUM_HELD, 1.0)
        disturbed = (contrast >= CONTRAST * ease) & (
            (working & (hum_share > HUM_SHARE_WORKING * ease))
            | ((hum_share > HUM_SHARE * ease) & (hum > (HUM_V if volts else HUM_STEPS * step) * ease))
        )
        off = (seen[:, k.REPEATED] > FLAT_REPEATED) | (seen[:, k.CLIPPED] > STUCK)
        if volts:
            now = p.hum.max(axis=1)
            off |= (seen[:, k.RMS] < FLAT_V) | (spectral & (now > HUM_ONLY * p.band) & (now > HUM_ONLY_V**2))
        off &= missing < 0.5
        self._remember_rest(np.where(off, np.nan, self._to_rms * seen[:, k.REST]))
        rest = np.fmin.reduce(s.rest, axis=1)
        known = np.isfinite(s.rest).sum(axis=1) >= REST_KNOWN
        ecg = self._beats(t, raw, seen[:, k.RESTING], spectral, slow_share > SLOW_SHARE)
        moved = spectral & (slow_share > SLOW_SHARE) & (slow > (SLOW_V if volts else SLOW_STEPS * step))
        found = {
            Flag.OFF: off,
            Flag.LOST: missing > LOST,
            Flag.RAIL: seen[:, k.CLIPPED] > 0.0,
            Flag.MAINS: spectral & disturbed,
            Flag.MOTION: moved & ~ecg,
            Flag.ECG: ecg,
            Flag.BASE: known & (rest > REST_V) if volts else np.zeros(self.channels, dtype=np.bool_),
            Flag.WARM: np.full(self.channels, s.second < s.first + WARM_S),
        }
        s.found[:, :, 1:] = s.found[:, :, :-1]
        s.found[:, :, 0] = np.stack([found[flag] for flag in FLAGS], axis=1)
        s.found &= ~(off[:, None] & ON_SKIN_ONLY)[:, :, None]
        s.mains_hz = np.where(s.found[:, FLAGS.index(Flag.MAINS), 0], hz, s.mains_hz)
        shown = (s.found & RECENT).sum(axis=2) >= NEED
        nothing = np.where(spectral, 0.0, np.nan)
        columns = (
            seen[:, k.RMS], rest, hum + nothing, hum_share + nothing, slow_share + nothing, seen[:, k.CLIPPED], missing
        )  # fmt: skip
        numbers = np.stack(columns, axis=1).tolist()
        verdicts = [
            Verdict(
                tuple(flag for flag, is_shown in zip(FLAGS, row, strict=True) if is_shown),
                mains_hz if row[FLAGS.index(Flag.MAINS)] else 0,
                busy,
                *values,
            )
            for row, mains_hz, busy, values in zip(
                shown.tolist(), s.mains_hz.tolist(), working.tolist(), numbers, strict=True
            )
        ]
        return Second((s.second + 1) * SECOND, tuple(verdicts))

    def _remember_rest(self, rest: Floats) -> None:
        self.state.rest[:, 1:] = self.state.rest[:, :-1]
        self.state.rest[:, 0] = rest

    def _mains(self, hum: Floats, usable: Bools) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Return power, contrast and frequency of the hum, each of shape (channels,); 0 while too little is known."""
        s = self.state
        s.hums[1:] = s.hums[:-1]
        s.hums[0] = np.where(usable[:, None], hum, 0.0)
        middle = np.median(np.nan_to_num(s.hums), axis=0)
        second = (middle[0, :, 1] > middle[0, :, 0]).astype(np.int64)
        power, contrast = middle[:, np.arange(self.channels), second]
        return np.maximum(power, 0.0), contrast, np.array(MAINS_HZ)[second]

    def _beats(self, t: Times, raw: Floats, resting: Floats, usable: Bools, is_slow: Bools) -> Bools:
        """Return which channels hold the beat of a heart, from the last seconds."""
        s = self.state
        s.levels[:, : -heart.LEVELS] = s.levels[:, heart.LEVELS :]
        s.levels[:, -heart.LEVELS :] = heart.levels_of(t, raw, self.rate_hz)
        s.resting[:, :-1] = s.resting[:, 1:]
        s.resting[:, -1] = np.where(usable, resting, -inf)
        if s.run < heart.MEMORY_S:
            return np.zeros(self.channels, dtype=np.bool_)
        return heart.found(s.levels, s.resting.mean(axis=1), is_slow, self.near_heart)
