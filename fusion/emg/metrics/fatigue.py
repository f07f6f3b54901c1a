"""Signs of fatigue: median frequency and amplitude of like contractions against time.

The median frequency halves the power between the band's edges; it is taken from windows of `window_s` (0.5 to 1 s in
isometric contractions [V]). In movement the muscle shifts under the electrode and its length changes, so only windows
in the same phase may be compared (Bonato 2001 [V]): from each burst the windows of its middle half, of bursts of
similar duration. A contraction held for `hold_s` or longer is isometric enough to be a series of windows of its own.

Both numbers against time are fitted by a straight line. Read together they are consistent with fatigue, more or less
force, or recovery (joint analysis of spectrum and amplitude, JASA [M]): words about signals, no diagnosis.

Below 10 dB between contraction and rest the error of the mean frequency is unacceptable [V]: then there is no result.
A window with more than `CLIPPED` of its samples at the rails of the converter is left out, because clipping lowers the
amplitude and adds frequencies. Rails are where several samples of a window stand exactly at the session's largest or
smallest value.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.emg.metrics.intervals import Estimate, Line, line

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

WINDOW_S = 0.5
"""Length of a window [s]: 0.5 to 1 s [V]."""
BAND_HZ = (20.0, 450.0)
"""The band whose power is halved [Hz], as the default band of the chain."""
LEAST_SNR_DB = 10.0
"""Below this the error of the mean frequency is unacceptable. [V]"""
CLIPPED = 0.01
"""A window with more of its samples at the rails is left out. [P]"""
MIDDLE = 0.5
"""This part of a burst counts, around its middle. [P]"""
SIMILAR = 2.0
"""Bursts longer or shorter than the median one by more than this factor are another movement. [P]"""
LEAST_CONTRACTIONS = 5
"""A trend needs so many contractions. [P]"""
HOLD_S = 10.0
"""A burst as long as this is a held contraction [s]. [P]"""
QUIET_PERCENTILE = 10.0
"""The resting level is this percentile of the windows outside bursts. [P]"""


@dataclass(frozen=True, slots=True)
class Windows:
    """Consecutive windows of one channel, overlapping by half; arrays of shape (n,)."""

    length_s: float
    t: Times
    """Middle [ns]."""
    median_hz: Floats
    rms: Floats
    """Within the band, in the signal's unit."""
    low: Floats
    high: Floats
    """Smallest and largest sample."""
    at_low: Floats
    at_high: Floats
    """Fraction of samples that stand there."""

    @property
    def clipped(self) -> NDArray[np.bool_]:
        """Windows with more than `CLIPPED` of their samples at the rails."""
        if not self.t.size:
            return np.zeros(0, dtype=np.bool_)
        bottom = np.where(self.low <= self.low.min(), self.at_low, 0.0)
        top = np.where(self.high >= self.high.max(), self.at_high, 0.0)
        return bottom + top > CLIPPED


@dataclass(frozen=True, slots=True)
class Trend:
    """Median frequency and amplitude of like contractions over time."""

    median_hz: Line
    amplitude: Line
    contractions: int
    """Fitted contractions; of a held one, its windows that do not overlap."""
    held: bool
    """The windows of one held contraction were fitted."""
    snr_db: float
    left_out: int
    """Clipped windows that do not count."""

    @property
    def reading(self) -> str:
        """What both lines together are consistent with [M]; a line whose interval holds zero has no direction."""
        return reading(self.median_hz.slope, self.amplitude.slope)


def spectrum(x: Floats, rate_hz: float, band_hz: tuple[float, float] = BAND_HZ) -> tuple[Floats, Floats]:
    """Return median frequency [Hz] and RMS within the band of windows, each shape (k,), of samples (k, n).

    The frequency is interpolated within its bin; it is NaN, and the RMS zero, where there is no power.
    """
    n = x.shape[1]
    taper = np.hanning(n + 1)[:-1]
    centred = (x - x.mean(axis=1, keepdims=True)) * taper
    power = np.abs(np.fft.rfft(centred, axis=1)) ** 2
    hz = np.fft.rfftfreq(n, 1.0 / rate_hz)
    inside = (hz >= band_hz[0]) & (hz <= min(band_hz[1], 0.45 * rate_hz))
    power, hz = power[:, inside], hz[inside]
    total = power.sum(axis=1)
    before = np.cumsum(power, axis=1)
    k = (before < 0.5 * total[:, None]).sum(axis=1).clip(max=hz.size - 1)
    row = np.arange(len(x))
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (0.5 * total - before[row, k] + power[row, k]) / power[row, k]
    step = rate_hz / n
    rms = np.sqrt(2.0 * total / (n * float(taper @ taper)))
    return hz[k] + (part - 0.5) * step, rms


def windows(t: Times, x: Floats, rate_hz: float, band_hz: tuple[float, float] = BAND_HZ) -> Windows:
    """Cut one channel into windows, overlapping by half; `t` [ns] and `x` of shape (n,) without gaps.

    Windows with a sample that is not finite are left out.
    """
    n = round(WINDOW_S * rate_hz)
    if x.size < n:
        return Windows(n / rate_hz, np.empty(0, dtype=np.int64), *(np.empty(0) for _ in range(6)))
    rows = np.lib.stride_tricks.sliding_window_view(x, n)[:: n // 2]
    middle = t[n // 2 :: n // 2][: len(rows)]
    whole = np.isfinite(rows).all(axis=1)
    rows, middle = rows[whole], middle[whole]
    low, high = rows.min(axis=1, initial=np.inf), rows.max(axis=1, initial=-np.inf)
    at_low, at_high = ((rows == edge[:, None]).sum(axis=1) for edge in (low, high))
    repeated = [np.where(count > 1, count / n, 0.0) for count in (at_low, at_high)]
    median_hz, rms = spectrum(rows, rate_hz, band_hz)
    return Windows(n / rate_hz, middle, median_hz, rms, low, high, repeated[0], repeated[1])


def trend(found: Windows, bursts: Sequence[tuple[int, int]]) -> Trend | str:
    """Fit median frequency and amplitude of a muscle's contractions over time, or say why not.

    Args:
        bursts: Onset and offset [ns] of each.
    """
    bursts = sorted(bursts)
    snr = snr_db(found, bursts)
    if snr is None:
        return "there is no rest between the contractions to compare with"
    if snr < LEAST_SNR_DB:
        return f"contractions are only {snr:.0f} dB above rest: below {LEAST_SNR_DB:.0f} dB the spectrum is noise"
    alike = similar(bursts)
    clipped = found.clipped
    if len(alike) >= LEAST_CONTRACTIONS:
        rows = [_middle(found, burst) for burst in alike]
        means = np.array([_means(found, row[~clipped[row]]) for row in rows])
        held = False
    else:
        longest = max(bursts, key=lambda burst: burst[1] - burst[0])
        rows = [_middle(found, longest, 1.0)[1::2]]  # every other: they do not overlap
        means = np.array([_means(found, np.array([i])) for i in rows[0][~clipped[rows[0]]]]).reshape(-1, 3)
        held = True
        if (longest[1] - longest[0]) * 1e-9 < HOLD_S:
            return f"a trend needs {LEAST_CONTRACTIONS} similar contractions or one held for {HOLD_S:.0f} s"
    means = means[np.isfinite(means).all(axis=1)]
    if len(means) < LEAST_CONTRACTIONS:
        return "too few contractions have a window that is long enough and not clipped"
    t = means[:, 0] - means[0, 0]
    frequency, amplitude = line(t, means[:, 1]), line(t, means[:, 2])
    if frequency is None or amplitude is None:
        return "all contractions are at one time"
    left_out = int(sum(clipped[row].sum() for row in rows))
    return Trend(frequency, amplitude, len(means), held, snr, left_out)


def similar(bursts: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the bursts whose duration is within a factor of `SIMILAR` of the median."""
    if not bursts:
        return []
    middle = float(np.median([off - on for on, off in bursts]))
    return [(on, off) for on, off in bursts if middle / SIMILAR <= off - on <= middle * SIMILAR]


def snr_db(found: Windows, bursts: Sequence[tuple[int, int]]) -> float | None:
    """Return how far the windows in bursts are above rest [dB]; None where either is missing."""
    half = round(0.5e9 * found.length_s)
    state = np.zeros(found.t.size, dtype=np.int64)  # 0: rest, 1: at an edge, 2: in a burst
    for on, off in bursts:
        a, b = np.searchsorted(found.t, [on - half, off + half])
        state[a:b] = np.maximum(state[a:b], 1)
        a, b = np.searchsorted(found.t, [on + half, off - half])
        state[a:b] = 2
    quiet, active = found.rms[state == 0], found.rms[state == 2]
    if not quiet.size or not active.size:
        return None
    rest = float(np.percentile(quiet, QUIET_PERCENTILE))
    return 20.0 * float(np.log10(np.median(active) / rest)) if rest > 0.0 else float("inf")


def reading(median_hz: Estimate, amplitude: Estimate) -> str:
    """Say what a change of both is consistent with, by joint analysis of spectrum and amplitude [M]."""
    match _direction(amplitude), _direction(median_hz):
        case 1, -1:
            return "amplitude up and median frequency down: consistent with fatigue"
        case 1, 1:
            return "amplitude and median frequency up: consistent with more force"
        case -1, -1:
            return "amplitude and median frequency down: consistent with less force"
        case -1, 1:
            return "amplitude down and median frequency up: consistent with recovery"
        case 0, -1:
            return "median frequency down with no clear change of amplitude"
        case 0, 1:
            return "median frequency up with no clear change of amplitude"
        case _, _:
            return "no clear change of median frequency"


def _direction(slope: Estimate) -> int:
    return 1 if slope.low > 0.0 else -1 if slope.high < 0.0 else 0


def _middle(found: Windows, burst: tuple[int, int], part: float = MIDDLE) -> NDArray[np.int64]:
    """Return the windows that lie in a burst and have their middle in its middle part."""
    on, off = burst
    margin = max(round(0.5 * (1.0 - part) * (off - on)), round(0.5e9 * found.length_s))
    a, b = np.searchsorted(found.t, [on + margin, off - margin + 1])
    return np.arange(a, b)


def _means(found: Windows, rows: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return the mean time [s], median frequency and amplitude of some windows; NaN of none."""
    if not rows.size:
        return (np.nan, np.nan, np.nan)
    return (
        float(found.t[rows].mean() * 1e-9),
        float(found.median_hz[rows].mean()),
        float(np.sqrt((found.rms[rows] ** 2).mean())),
    )
