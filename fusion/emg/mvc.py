"""What a muscle's amplitude is divided by, and the trials and the rest that find it: by muscle, causal, pure.

The amplitude is the series that is normalised, envelope or moving RMS. A trial of a maximum voluntary contraction is
worth its best mean over `window_s`; the MVC is the best trial of the session, from the first accepted one on. The
protocol is three trials of 3 to 5 s with 60 s of rest between them, and another one where the third is still above the
second by 10 % [M/P]. Activation as a fraction of it is not clipped: above 1 the trials were not maximal.

A trial or a rest keeps its samples until it ends and judges them at once, so that no cutting of the stream into chunks
changes a bit. It lasts `MAX_TRIAL_S` at most, which bounds the memory. What it finds counts from its end on: whoever
hands in samples cuts them at `due`.

Without any trial the session's peak stands in, one value for the whole session and never one per trial (CEDE [V]); it
is found by `fusion.emg.bursts` and only told here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, nan, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusion.body.trust import words
from fusion.emg.quality.watch import ENVELOPE_TO_RMS
from fusion.estimates import Event, Json
from fusion.plain import moment, number, table

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
By = Literal["mvc", "given"]

TRIAL_S = 5.0
"""A trial lasts so long unless said otherwise, as does a rest [s]: 3 to 5 [M/P], 5 [P]."""
MIN_TRIAL_S, MAX_TRIAL_S = 1.0, 30.0
"""No trial is asked to be shorter or longer [s]. [P]"""
MAX_TRIALS = 20
"""So many trials of a muscle are kept; beyond, the earliest are forgotten, the best stays."""
SECOND = 1_000_000_000
LEAST = 1e-12
"""An amplitude below this is none, in whatever unit."""
EDGE_SHARE = 0.005
"""So much of a trial at the very largest or smallest value: the amplifier was at its limit; less hardly matters. [P]"""
EDGE_STEPS = 16
"""A signal of fewer different values stands at its edges without being clipped. [P]"""


@dataclass(frozen=True, slots=True)
class MvcParams:
    """When a trial and a rest count."""

    window_s: float = 0.5
    """A trial is worth its best mean over so long [s]. [M/P]"""
    trials: int = 3
    """So many are asked for. [M/P]"""
    rising: float = 0.1
    """Another one is asked for where the last is above the one before by this fraction. [M/P]"""
    pause_s: float = 60.0
    """So long a rest between trials is advised [s]. [M/P]"""
    clear: float = 3.0
    """A contraction rises to this multiple of the resting level, as a burst does; and a rest that varies by as much
    was none. [P]"""
    good_v: float = 5e-6
    """Noise at rest below this is good [V RMS]. [P]"""
    fair_v: float = 10e-6
    """... up to this fair, above to be mended [V RMS]. [P]"""
    max_gap_s: float = 0.1
    """A window does not reach over a longer gap [s]. [P]"""


@dataclass(slots=True)
class Measure:
    """A trial or a rest that is under way."""

    what: Literal["mvc", "rest"]
    begin: int
    """From here [ns UTC] ..."""
    end: int
    """... up to but without here [ns UTC]."""
    floor: float = nan
    """Resting level at the beginning, from the burst detector; NaN: unknown."""
    best: float = nan
    """Best mean so far of what was carried into a recording; the samples behind it are not there."""
    clipped: bool = False
    """Whether those were clipped, or a second of it was by the sensor's own limits."""
    off: bool = False
    """Whether the electrode was off in any second of it."""
    rate_hz: float = nan
    t: list[Times] = field(default_factory=list)
    raw: list[Floats] = field(default_factory=list)
    amplitude: list[Floats] = field(default_factory=list)


@dataclass(slots=True)
class Norm:
    """What is known of one muscle."""

    value: float = nan
    """What its amplitude is divided by; NaN: the session's peak stands in."""
    unit: str = ""
    by: By = "mvc"
    origin: str | None = None
    """The session that a given value was measured in."""
    trials: list[float] = field(default_factory=list)
    """Accepted trials in order."""
    count: int = 0
    """How many trials were accepted, also those that are kept no more."""
    rest: float = nan
    """Mean amplitude at rest."""
    open: Measure | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive samples of one muscle."""

    t: Times
    raw: Floats
    """As it came from the sensor, shape (N,)."""
    amplitude: Floats
    """Envelope or moving RMS, shape (N,), NaN where unusable."""
    rate_hz: float
    unit: str
    floor: float = nan
    """Resting level before these samples; NaN or negative: unknown."""
    off: bool = False
    """The electrode was off in the second before."""
    clipped: bool = False
    """The signal was at a limit of the converter for a part of the second before."""


class Normalisers:
    """The normalisers of all muscles by name."""

    def __init__(self, params: MvcParams | None = None, *, rms: bool = False) -> None:
        """Know nothing yet.

        rms: The amplitude is a moving RMS, not a rectified mean.
        """
        self.params = params or MvcParams()
        self._to_rms = 1.0 if rms else ENVELOPE_TO_RMS
        self.muscles: dict[str, Norm] = {}

    # What is asked

    def begin(self, t: int, muscles: Iterable[str], what: Literal["mvc", "rest"], seconds: float) -> list[Event]:
        """Begin a trial or a rest at `t` [ns UTC]; one that is under way goes on, and says so."""
        events = []
        for muscle in muscles:
            norm = self.muscles.setdefault(muscle, Norm())
            if norm.open is not None:
                under_way = "a trial" if norm.open.what == "mvc" else "the rest"
                events.append(
                    _refusal(t, t, what, muscle, norm, f"{under_way} of {words(muscle)} is under way: let it end")
                )
                continue
            length = round(min(max(seconds, MIN_TRIAL_S), MAX_TRIAL_S) * 1e9)
            norm.open = Measure(what, t, t + length)
        return events

    def stop(self, t: int) -> None:
        """End the trials that are under way at `t` [ns UTC]; they count as far as they went."""
        for norm in self.muscles.values():
            if norm.open is not None and norm.open.what == "mvc":
                norm.open.end = min(norm.open.end, max(t, norm.open.begin))

    def forget(self, t: int, muscles: Iterable[str]) -> list[Event]:
        """Forget trials and given values; the session's peak stands in from here on."""
        events = []
        for muscle in muscles:
            norm = self.muscles.get(muscle)
            if norm is not None:
                self.muscles[muscle] = Norm(rest=norm.rest, unit=norm.unit)
                events.append(normalised(t, muscle, "peak", nan, norm.unit))
        return events

    def give(self, t: int, values: Mapping[str, Any], origin: str | None) -> list[Event]:
        """Take values measured elsewhere, by muscle {value, unit}; trials begin anew. What makes no sense is left."""
        events = []
        for muscle, said in values.items():
            value, unit = number(table(said).get("value"), nan), table(said).get("unit")
            if not value > LEAST or not isinstance(unit, str):
                continue
            norm = self.muscles.setdefault(muscle, Norm())
            norm.value, norm.unit, norm.by, norm.origin = value, unit, "given", origin
            norm.trials, norm.count = [], 0
            events.append(_told_norm(t, muscle, norm))
        return events

    # What is measured

    def due(self, muscles: Iterable[str]) -> list[int]:
        """Return when what is under way ends [ns UTC]: samples are to be cut there."""
        return sorted({n.open.end for m in muscles if (n := self.muscles.get(m)) is not None and n.open is not None})

    def take(self, muscle: str, samples: Stretch) -> list[Event]:
        """Take the next samples of a muscle; what ends before the last of them is judged."""
        norm = self.muscles.get(muscle)
        if norm is None or norm.open is None or not samples.t.size:
            return []
        measure = norm.open
        if not measure.t and not isfinite(measure.floor) and samples.floor >= 0.0:
            measure.floor = samples.floor
        measure.rate_hz = samples.rate_hz
        inside = (samples.t >= measure.begin) & (samples.t < measure.end)
        if inside.any():
            judged = samples.t.item(0) // SECOND * SECOND - SECOND >= measure.begin
            measure.off |= samples.off and judged
            measure.clipped |= samples.clipped and judged
            measure.t.append(samples.t[inside])
            measure.raw.append(samples.raw[inside])
            measure.amplitude.append(samples.amplitude[inside])
        return self._close(muscle, norm, samples.unit) if samples.t[-1] >= measure.end else []

    def advance(self, muscle: str, t: int, unit: str) -> list[Event]:
        """Judge what has ended by `t` [ns UTC], before the samples from there on are taken."""
        norm = self.muscles.get(muscle)
        over = norm is not None and norm.open is not None and norm.open.end <= t
        return self._close(muscle, norm, unit) if norm is not None and over else []

    def finish(self, muscle: str, unit: str) -> list[Event]:
        """Judge what is still under way, at the end or because the sensor is another one now."""
        norm = self.muscles.get(muscle)
        return [] if norm is None or norm.open is None else self._close(muscle, norm, unit)

    def value(self, muscle: str, unit: str) -> float:
        """Return what the amplitude of a muscle is divided by; NaN where nothing in this unit is known."""
        norm = self.muscles.get(muscle)
        return norm.value if norm is not None and norm.unit == unit else nan

    def _close(self, muscle: str, norm: Norm, unit: str) -> list[Event]:
        measure, norm.open = norm.open, None
        assert measure is not None, "only called with one under way"
        if norm.unit != unit:  # the levels of another sensor mean nothing here
            norm.value, norm.rest, norm.trials, norm.count, norm.unit = nan, nan, [], 0, unit
        means = _means(measure, self.params)
        if measure.what == "rest":
            return [self._rest(muscle, norm, measure, means)]
        return self._trial(muscle, norm, measure, means)

    def _rest(self, muscle: str, norm: Norm, measure: Measure, means: Floats) -> Event:
        if measure.off or not means.size:
            return _refusal(measure.begin, measure.end, "rest", muscle, norm, _nothing(muscle))
        amplitude = np.concatenate(measure.amplitude)
        usable = amplitude[np.isfinite(amplitude)]
        rms = self._to_rms * sqrt(float(np.mean(usable * usable)))
        grade, reason = self._grade(muscle, norm.unit, rms, means)
        if rms > LEAST and means.max() <= self.params.clear * means.min():
            norm.rest = float(usable.mean())
        data: dict[str, Json] = {"muscle": muscle, "rms": rms, "unit": norm.unit, "grade": grade, "reason": reason}
        return Event(measure.begin, "rest", measure.end, data)

    def _grade(self, muscle: str, unit: str, rms: float, means: Floats) -> tuple[str | None, str]:
        p = self.params
        if not rms > LEAST:
            return "redo", f"{words(muscle)} gives no signal at all: check that its electrodes and cable are on"
        if means.max() > p.clear * means.min():
            return "redo", f"{words(muscle)} was not at rest all the time: let it hang loose and take the rest again"
        if unit != "V":
            return None, f"the noise of {words(muscle)} cannot be graded: its sensor gives {unit}, not volts"
        if rms < p.good_v:
            return "good", ""
        if rms <= p.fair_v:
            return (
                "fair",
                f"the noise of {words(muscle)} at rest is {_told(rms, unit)}: below {_told(p.good_v, unit)} is good",
            )
        return "redo", (
            f"the noise of {words(muscle)} at rest is {_told(rms, unit)}, above {_told(p.fair_v, unit)}: relax, press "
            "the electrodes on or clean the skin, and take the rest again"
        )

    def _trial(self, muscle: str, norm: Norm, measure: Measure, means: Floats) -> list[Event]:
        p = self.params
        best = float(np.fmax(means.max(), measure.best)) if means.size else measure.best
        quiet = norm.rest if isfinite(norm.rest) else measure.floor
        reason = None
        if measure.off:
            reason = f"the electrode of {words(muscle)} was off, or its cable: press it on, then repeat"
        elif not best > LEAST:
            reason = _nothing(muscle)
        elif measure.clipped or clipped(_all(measure.raw)):
            reason = f"{words(muscle)} went beyond what its sensor can show: choose a lower gain and repeat"
        elif not isfinite(quiet):
            reason = f"the resting level of {words(muscle)} is not known yet: relax, take a rest, then repeat"
        elif best < p.clear * quiet:
            reason = (
                f"{words(muscle)} did not contract clearly: {_told(best, norm.unit)} against {_told(quiet, norm.unit)} "
                "at rest; check the electrodes, relax, then push as hard as you can"
            )
        if reason is not None:
            return [_refusal(measure.begin, measure.end, "mvc", muscle, norm, reason)]
        if norm.by == "given":
            norm.value, norm.by, norm.origin = nan, "mvc", None
        before = norm.trials[-1] if norm.trials else nan
        norm.trials = [*norm.trials, best][-MAX_TRIALS:]
        norm.count += 1
        top = float(np.fmax(norm.value, best))
        rising = norm.count >= p.trials and best > (1.0 + p.rising) * before
        again = norm.count < p.trials or rising
        data: dict[str, Json] = {
            "muscle": muscle, "trial": norm.count, "value": best, "best": top, "unit": norm.unit, "again": again,
            "reason": self._advice(muscle, norm.count, best / before - 1.0, rising=rising),
        }  # fmt: skip
        norm.value = top
        return [Event(measure.begin, "mvc", measure.end, data), _told_norm(measure.end, muscle, norm)]

    def _advice(self, muscle: str, count: int, rise: float, *, rising: bool) -> str:
        p = self.params
        if rising:
            return f"{words(muscle)} is still rising, by {rise:.0%}: rest {p.pause_s:g} s or more, then another trial"
        if count < p.trials:
            return f"trial {count} of {p.trials}: rest {p.pause_s:g} s or more, then the next"
        return ""

    # A recording that begins midway

    def carry(self) -> dict[str, Json]:
        """Return the state as JSON values; of what is under way the best so far, without its samples."""
        return {muscle: self._carried(norm) for muscle, norm in self.muscles.items()}

    def _carried(self, norm: Norm) -> dict[str, Json]:
        under_way: Json = None
        if (m := norm.open) is not None:
            means = _means(m, self.params)
            under_way = {
                "what": m.what, "begin": m.begin, "end": m.end, "floor": _json(m.floor),
                "best": _json(float(np.fmax(means.max(), m.best)) if means.size else m.best),
                "off": m.off, "clipped": m.clipped or clipped(_all(m.raw)),
            }  # fmt: skip
        return {
            "value": _json(norm.value), "unit": norm.unit, "by": norm.by, "origin": norm.origin,
            "trials": list[Json](norm.trials), "count": norm.count, "rest": _json(norm.rest), "open": under_way,
        }  # fmt: skip

    def restore(self, data: Mapping[str, Any], shift: int = 0) -> None:
        """Continue from what `carry` gave, its times moved by `shift` [ns]; what makes no sense is left out."""
        self.muscles = {
            str(muscle): _norm(table(said), shift) for muscle, said in data.items() if isinstance(said, Mapping)
        }

    def tell(self, t: int) -> list[Event]:
        """Say of all muscles what they are normalised by from `t` [ns UTC] on, as far as it is known."""
        return [_told_norm(t, muscle, norm) for muscle, norm in self.muscles.items() if isfinite(norm.value)]

    def describe(self, muscle: str) -> dict[str, Json]:
        """Say what a muscle is normalised by, for people: {by, value, unit, trials, from, under_way}."""
        norm = self.muscles.get(muscle, Norm())
        known = isfinite(norm.value)
        return {
            "by": norm.by if known else "peak",
            "value": norm.value if known else None,
            "unit": norm.unit or None,
            "trials": list[Json](norm.trials),
            "from": norm.origin,
            "under_way": None if norm.open is None else norm.open.what,
        }


def normalised(t: int, muscle: str, by: Literal["mvc", "given", "peak"], value: float, unit: str) -> Event:
    """Say what a muscle's amplitude is divided by from `t` [ns UTC] on; NaN: by a peak that is still to come."""
    return Event(t, "normalised", data={"muscle": muscle, "by": by, "value": _json(value), "unit": unit})


def _told_norm(t: int, muscle: str, norm: Norm) -> Event:
    event = normalised(t, muscle, norm.by, norm.value, norm.unit)
    more: dict[str, Json] = {"from": norm.origin} if norm.by == "given" else {"trials": list[Json](norm.trials)}
    return replace(event, data={**event.data, **more})


def clipped(raw: Floats) -> bool:
    """Say whether a signal stood at its largest or smallest value, as an amplifier at its limit does."""
    usable = raw[np.isfinite(raw)]
    if np.unique(usable).size < EDGE_STEPS:
        return False
    at_edge = max(int((usable == edge).sum()) for edge in (usable.max(), usable.min()))
    return at_edge >= EDGE_SHARE * usable.size


def _all(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)


def _means(measure: Measure, p: MvcParams) -> Floats:
    """Return the mean amplitude over every whole window without a gap."""
    amplitude = _all(measure.amplitude)
    width = max(round(p.window_s * measure.rate_hz), 1) if isfinite(measure.rate_hz) else 1
    if amplitude.size < width:
        return np.empty(0)
    t = np.concatenate(measure.t)
    usable = np.isfinite(amplitude)
    total = np.concatenate([[0.0], np.cumsum(np.where(usable, amplitude, 0.0))])
    missing = np.concatenate([[0], np.cumsum(~usable)])
    torn = np.concatenate([[0], np.cumsum(np.diff(t) > p.max_gap_s * 1e9)])
    whole = (missing[width:] == missing[:-width]) & (torn[width - 1 :] == torn[: t.size - width + 1])
    means: Floats = np.maximum((total[width:] - total[:-width])[whole] / width, 0.0)
    return means


def _refusal(begin: int, end: int, what: Literal["mvc", "rest"], muscle: str, norm: Norm, reason: str) -> Event:
    if what == "rest":
        data: dict[str, Json] = {"rms": None, "unit": norm.unit, "grade": "redo", "reason": reason}
        return Event(begin, "rest", end, {"muscle": muscle, **data})
    best = norm.value if norm.by == "mvc" else nan
    data = {"trial": norm.count + 1, "value": None, "best": _json(best), "unit": norm.unit, "again": True}
    return Event(begin, "mvc", end, {"muscle": muscle, **data, "reason": reason})


def refusal(t: int, muscle: str, reason: str) -> Event:
    """Say of a muscle of which nothing is known that what was asked cannot be."""
    return _refusal(t, t, "mvc", muscle, Norm(), reason)


def _nothing(muscle: str) -> str:
    return f"{words(muscle)} gave no signal for long enough: check that its sensor streams and its electrodes are on"


def _norm(said: Mapping[str, Any], shift: int) -> Norm:
    trials = [number(x, nan) for x in said["trials"]] if isinstance(said.get("trials"), list) else []
    count, unit, origin = said.get("count"), said.get("unit"), said.get("origin")
    value = number(said.get("value"), nan)
    return Norm(
        value if value > LEAST else nan,
        unit if isinstance(unit, str) else "",
        "given" if said.get("by") == "given" else "mvc",
        origin if isinstance(origin, str) else None,
        [x for x in trials if x > LEAST][-MAX_TRIALS:],
        count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 10**6 else 0,
        number(said.get("rest"), nan),
        _measure(table(said.get("open")), shift),
    )


def _measure(said: Mapping[str, Any], shift: int) -> Measure | None:
    begin, end = moment(said.get("begin"), shift), moment(said.get("end"), shift)
    if begin is None or end is None or not begin <= end <= begin + MAX_TRIAL_S * 1e9:
        return None
    what: Literal["mvc", "rest"] = "rest" if said.get("what") == "rest" else "mvc"
    return Measure(
        what,
        begin,
        end,
        number(said.get("floor"), nan),
        number(said.get("best"), nan),
        said.get("clipped") is True,
        said.get("off") is True,
    )


def _json(value: float) -> float | None:
    return value if isfinite(value) else None


def _told(value: float, unit: str) -> str:
    return f"{value * 1e6:.3g} uV" if unit == "V" else f"{value:.3g} {unit}"
