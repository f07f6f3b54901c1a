"""What `analyse` says about muscles: co-contraction, balance, fatigue, activation by phase, onsets.

Every muscle is normalised by one value for the whole session: its MVC, or else its largest burst.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusion.emg.metrics import intervals
from fusion.emg.metrics.antagonists import preferred, sided
from fusion.emg.metrics.balance import DEFINITION, balance
from fusion.emg.metrics.cocontraction import UNITS, Index, cocontraction, smoothed
from fusion.emg.metrics.fatigue import Trend, Windows, trend
from fusion.emg.metrics.intervals import Estimate
from fusion.emg.metrics.phases import LEAST_ONSETS, Rep, onset_differences, repetitions
from fusion.emg.muscles import Muscles
from fusion.emg.quality.limits import Limits
from fusion.estimates import Event, Json
from fusion.movement.reps import dominant
from gateway.emg_digest import BIN_NS, EmgDigest

Floats = NDArray[np.float64]
Binned = tuple[NDArray[np.int64], Floats]
"""Numbers of bins of `BIN_NS`, and the mean in each."""
Spans = Sequence[tuple[int, int]]
"""Starts and ends [ns]."""

LEAST_CYCLES = 3
"""Nothing is said about fewer repetitions or bursts. [P]"""
LONGEST_CYCLE_NS = 600_000_000_000
"""Longer ones are not looked at [ns]: a movement that was begun and left. [P]"""
TREND_NOTE = "within this session only: between sessions co-contraction does not repeat (ICC below .65)"
ONSET_PAIRS = (("vastus_medialis", "vastus_lateralis"),)
"""The second muscle's onsets are compared with the first one's."""


@dataclass(frozen=True, slots=True)
class Maximum:
    """What one muscle's amplitude is divided by, for the whole session."""

    value: float
    is_mvc: bool
    delay_ns: int
    """By how much the amplitude is late [ns]."""


def maxima(muscles: Muscles) -> dict[str, Maximum]:
    """Return each muscle's MVC, or else its largest burst; without either it is left out."""
    found: dict[str, Maximum] = {}
    for name, sensor in muscles.sensors.items():
        delay = round(sensor.chain.delay * 1e9)
        for channel, muscle in muscles.names.get(name, {}).items():
            if channel < sensor.chain.channels:
                mvc, largest = sensor.detector.mvc[channel], sensor.detector.largest(channel)
                if np.isfinite(mvc):
                    found[muscle] = Maximum(float(mvc), True, delay)
                elif largest > 0.0:
                    found[muscle] = Maximum(largest, False, delay)
    return found


def metrics(digest: EmgDigest, muscles: Muscles, events: list[Event], *, late: bool = True) -> dict[str, Json]:
    """Return what can be computed at the end of a session.

    late: The amplitude is that of the live chain, which is late; the offline one is not.
    """
    digest.finish()
    means, angles = ({k: m.arrays for k, m in table.items()} for table in (digest.means, digest.angles))
    session = Session(means, angles, maxima(muscles), events, late)
    found = _cocontractions(session) | _balances(session) | _onsets(session)
    for muscle in session.muscles:
        found |= _activation(session, muscle)
    for sensor, spectra in digest.spectra.items():
        for channel, muscle in sorted(muscles.names.get(sensor, {}).items()):
            found |= _fatigue(muscle, spectra.windows(channel), session.bursts(muscle))
            found |= _clipped(muscle, spectra.limits[channel] if channel < spectra.channels else Limits())
    return found


def _clipped(muscle: str, limits: Limits) -> dict[str, Json]:
    count = limits.clipped
    if not count:
        return {}
    note = "samples at a limit of the converter: lower the gain, or fix an electrode that is loose"
    return {
        f"clipped_{muscle}": {
            "value": count, "low": count, "high": count, "unit": "1", "exercise": None, "note": note
        }
    }  # fmt: skip


@dataclass(slots=True)
class Session:
    """One session's amplitudes, maxima and events."""

    means: dict[str, Binned]
    """Amplitude by muscle."""
    angles: dict[str, Binned]
    """By series."""
    maxima: dict[str, Maximum]
    events: list[Event]
    late: bool
    _bursts: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _reps: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        for event in self.events:
            if event.end is None or not 0 < event.end - event.t <= LONGEST_CYCLE_NS:
                continue
            if event.name == "burst":
                self._bursts.setdefault(str(event.data.get("muscle")), []).append((event.t, event.end))
            elif event.name == "rep":
                self._reps.append(event)

    @property
    def muscles(self) -> list[str]:
        """Muscles that have an amplitude and a maximum."""
        return [name for name in self.means if name in self.maxima]

    def bursts(self, muscle: str) -> list[tuple[int, int]]:
        """Return when a muscle was active."""
        return self._bursts.get(muscle, [])

    def reps(self, side: str, joint: str = "") -> tuple[str, list[Rep]]:
        """Return the series that moved most on this side of the body, of the joint if that moved, and its repetitions.

        Muscles of one side and angles of the other are not brought together; a series without a side belongs to both.
        """
        opposite = {"left": "_right", "right": "_left"}.get(side)
        near = [e for e in self._reps if opposite is None or not str(e.data.get("series")).endswith(opposite)]
        own = [e for e in near if joint and str(e.data.get("series")).startswith(f"{joint}_")]
        for events in (own, near):
            series, _ = dominant(events)
            if series in self.angles:
                bins, angle = self.angles[series]
                found = [event for event in events if event.data.get("series") == series]
                reps = repetitions(bins * BIN_NS + BIN_NS // 2, angle, sorted(found, key=lambda event: event.t))
                if len(reps) >= LEAST_CYCLES:
                    return series, reps
        return "", []

    def cycles(self, muscles: Sequence[str], joint: str = "") -> tuple[Spans, str, str | None]:
        """Return repetitions, or else the times when any of these muscles was active; what they are; the exercise."""
        series, reps = self.reps(_side(muscles), joint)
        if reps:
            return [(rep.start, rep.end) for rep in reps], f"repetitions of {series}", "auto"
        return _union([span for muscle in muscles for span in self.bursts(muscle)]), "bursts", None

    def activation(self, muscle: str, span: tuple[int, int]) -> Floats:
        """Return a muscle's activation within a span as means over `BIN_NS`; NaN where there is none."""
        bins, values = self.means[muscle]
        maximum = self.maxima[muscle]
        late = maximum.delay_ns if self.late else 0
        first, last = (-(-(edge + late - BIN_NS // 2) // BIN_NS) for edge in span)  # bins whose middle lies within
        a, b = np.searchsorted(bins, [first, last])
        whole = np.full(max(last - first, 0), np.nan)
        whole[bins[a:b] - first] = values[a:b] / maximum.value
        return whole

    def normalised_by(self, muscles: Sequence[str]) -> str:
        """Say what the activation of these muscles is a fraction of."""
        if all(self.maxima[muscle].is_mvc for muscle in muscles):
            return "as fractions of MVC"
        return "as fractions of the session's largest bursts, not of MVC"


def _cocontractions(session: Session) -> dict[str, Json]:
    found: dict[str, Json] = {}
    indices: tuple[tuple[Index, str], ...] = (("rudolph", ""), ("falconer_winter", "falconer_winter_"))
    for pair in preferred(session.muscles):
        muscles = (pair.first, pair.second)
        cycles, called, exercise = session.cycles(muscles, pair.joint)
        parts = [[smoothed(session.activation(m, span), 1e9 / BIN_NS) for m in muscles] for span in cycles]
        for index, name in indices:
            note = (
                f"{index} index of {pair.first} and {pair.second} over {{n}} {called}, "
                f"{session.normalised_by(muscles)}; {TREND_NOTE}"
            )
            value = intervals.mean([cocontraction(first, second, index) for first, second in parts])
            key = sided(f"cocontraction_{name}{pair.joint}", pair.side)
            found.update(_metric(key, value, UNITS[index], exercise, note))
    return found


def _balances(session: Session) -> dict[str, Json]:
    """Compare the sides of every muscle that has an MVC on both; without, amplitudes cannot be compared."""
    found: dict[str, Json] = {}
    known = [name for name in session.muscles if session.maxima[name].is_mvc]
    for left in known:
        base = left.removesuffix("_left")
        both = (left, f"{base}_right")
        if base == left or both[1] not in known:
            continue
        cycles, called, exercise = session.cycles(both)
        sides = [[_mean(session.activation(muscle, span)) for span in cycles] for muscle in both]
        note = f"{DEFINITION}, of mean activation in fractions of MVC over {{n}} {called}; positive: more on the left"
        found.update(_metric(f"balance_{base}", balance(sides[0], sides[1]), "1", exercise, note))
    return found


def _fatigue(muscle: str, found: Windows, bursts: Spans) -> dict[str, Json]:
    result = trend(found, bursts) if bursts else ""
    if not isinstance(result, Trend):
        return {}
    percent, amplitude = result.median_hz.percent_per_min, result.amplitude.percent_per_min
    of = "windows of one held contraction" if result.held else "contractions, the middle half of each"
    note = (
        f"{percent.value:+.1f} % per minute ({percent.low:+.1f} to {percent.high:+.1f}) of initially "
        f"{result.median_hz.initial:.0f} Hz, standard error {result.median_hz.error:.2g} Hz/s; amplitude "
        f"{amplitude.value:+.1f} % per minute; {result.contractions} {of}"
        f"{f', {result.left_out} clipped windows left out' if result.left_out else ''}: {result.reading}"
    )
    return _metric(f"median_frequency_slope_{muscle}", result.median_hz.slope, "Hz/s", None, note)


def _activation(session: Session, muscle: str) -> dict[str, Json]:
    cycles, called, exercise = session.cycles((muscle,))
    if len(cycles) < LEAST_CYCLES:
        return {}
    phases: list[tuple[str, str, Spans, Callable[[Floats], float]]] = [
        ("mean", "mean over", cycles, _mean),
        ("peak", "largest tenth of a second of", cycles, _peak),
    ]
    if exercise is not None:
        _, reps = session.reps(_side((muscle,)))
        rises, falls = [(rep.start, rep.top) for rep in reps], [(rep.top, rep.end) for rep in reps]
        phases += [
            ("rising", "mean while the angle rises, over", rises, _mean),
            ("falling", "mean while the angle falls, over", falls, _mean),
        ]
    found: dict[str, Json] = {}
    for name, says, spans, reduce in phases:
        value = intervals.mean([reduce(session.activation(muscle, span)) for span in spans])
        note = f"{says} {{n}} {called}, {session.normalised_by((muscle,))}"
        found.update(_metric(f"activation_{name}_{muscle}", value, "1", exercise, note))
    return found


def _onsets(session: Session) -> dict[str, Json]:
    """Compare when muscles of one side become active; see the distribution, single differences are noise."""
    found: dict[str, Json] = {}
    for first, second in ONSET_PAIRS:
        for side in ("left", "right"):
            muscles = [sided(name, side) for name in (first, second)]
            of_first, of_second = ([onset for onset, _ in session.bursts(muscle)] for muscle in muscles)
            apart = onset_differences(of_first, of_second)
            if apart.size < LEAST_ONSETS:
                continue
            lower, upper = np.percentile(apart, [25, 75])
            note = (
                f"median over {{n}} bursts, half of them between {lower:+.3f} and {upper:+.3f} s; positive: {second} "
                f"is later than {first}; onsets are noisy, so look at the distribution"
            )
            key = f"onset_difference_{first}_{second}_{side}"
            found.update(_metric(key, intervals.median(apart), "s", None, note))
    return found


def _metric(name: str, value: Estimate | None, unit: str, exercise: str | None, note: str) -> dict[str, Json]:
    """Return the metric by its name; nothing of too few cycles. `{n}` in the note is their number."""
    if value is None or value.n < LEAST_CYCLES:
        return {}
    said = note.replace("{n}", str(value.n))
    numbers: dict[str, Json] = {"value": value.value, "low": value.low, "high": value.high}
    return {name: {**numbers, "unit": unit, "exercise": exercise, "note": said}}


def _union(spans: Spans) -> list[tuple[int, int]]:
    """Join spans that overlap."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _side(muscles: Sequence[str]) -> str:
    """Return the side that all muscles share, or none."""
    sides = {name.rpartition("_")[2] for name in muscles}
    return sides.pop() if len(sides) == 1 and sides <= {"left", "right"} else ""


def _mean(x: Floats) -> float:
    known = x[np.isfinite(x)]
    return float(known.mean()) if known.size else float("nan")


def _peak(x: Floats) -> float:
    known = x[np.isfinite(x)]
    return float(known.max()) if known.size else float("nan")
