"""Computing a recorded session again: the same causal pipeline over the same records gives the same numbers as live.

`analyse` sums up for people and programs (the shape is contracts of docs/protocol.md), with offline numbers where it is
asked for refined ones; `derive` stores the series, for
imports and after a new version of the pipeline.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from fusion.estimates import Batch, Event, Json
from fusion.samples import TimedEmg
from gateway import emg_metrics
from gateway.emg_digest import EmgDigest
from gateway.engine import Engine, SensorState
from gateway.records import Packet, Record
from gateway.refined import REFINED, RefinedEmg
from gateway.store.home import SqliteHome
from gateway.store.reader import SessionReader
from gateway.version import version

Progress = Callable[[float], None]
"""Called with the fraction done."""
GOOD_LOSS, FAIR_LOSS = 0.01, 0.05
"""Share of lost samples up to which a sensor's verdict is good, or fair; proposals of this project."""
STRIDE_S = 2.0
"""The pipeline runs over so much at once where that gives the same numbers [s]."""
TAKE_EVERY = 500
"""Records between two looks at what came out."""


@dataclass(slots=True)
class Summary:
    """Running statistics of one series; NaN does not count."""

    unit: str
    period_ns: int
    count: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    total: float = 0.0

    def add(self, count: int, minimum: float, maximum: float, total: float) -> None:
        """Take the statistics of more values."""
        self.count += count
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        self.total += total

    def describe(self, name: str) -> dict[str, Json]:
        """Return the statistics as the protocol shows them."""
        known = self.count > 0
        return {
            "name": name,
            "unit": self.unit,
            "rate_hz": 1e9 / self.period_ns,
            "n": self.count,
            "min": self.minimum if known else None,
            "max": self.maximum if known else None,
            "mean": self.total / self.count if known else None,
        }


@dataclass(slots=True)
class Findings:
    """What a run over a session brought out."""

    series: dict[str, Summary] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def add(self, batches: list[Batch], events: list[Event]) -> None:
        """Take what the engine gave."""
        self.events += events
        for batch in batches:
            known = np.isfinite(batch.values)
            counts = known.sum(axis=0).tolist()
            low = np.where(known, batch.values, np.inf).min(axis=0).tolist()
            high = np.where(known, batch.values, -np.inf).max(axis=0).tolist()
            total = np.where(known, batch.values, 0.0).sum(axis=0).tolist()
            for name, unit, *statistics in zip(batch.names, batch.units, counts, low, high, total, strict=True):
                if name not in self.series:
                    self.series[name] = Summary(unit, batch.period_ns)
                self.series[name].add(*statistics)

    def scale(self, maxima: Mapping[str, float]) -> None:
        """Add each muscle's activation as its amplitude divided by its maximum."""
        for muscle, maximum in maxima.items():
            amplitude = self.series.get(f"emg_{muscle}")
            if amplitude is not None:
                scaled = (x / maximum for x in (amplitude.minimum, amplitude.maximum, amplitude.total))
                self.series[f"activation_{muscle}"] = Summary("1", amplitude.period_ns, amplitude.count, *scaled)


def estimates(
    reader: SessionReader, progress: Progress | None = None, hear_emg: Callable[[TimedEmg], None] | None = None
) -> Iterator[tuple[Engine, list[Batch], list[Event]]]:
    """Run a session through a fresh engine; yields what comes out, and the engine as it is then."""
    engine = Engine(stride_s=STRIDE_S, hear_emg=hear_emg)
    info = reader.info
    last = reader.last_time() or info.started
    for number, record in enumerate(reader.records(), 1):
        engine.feed(record)
        if number % TAKE_EVERY == 0:
            yield engine, *engine.take()
            if progress:
                progress((_time(record) - info.started) / max(last - info.started, 1))
    engine.finish()
    yield engine, *engine.take()
    if progress:
        progress(1.0)


def analyse(
    home: SqliteHome, session: str, progress: Progress | None = None, *, refined: bool = False
) -> dict[str, Json]:
    """Compute a session again and sum it up.

    refined: With the offline numbers of `gateway.refined` in place of the live ones, where there are any.

    Raises:
        LookupError: There is no such session.
    """
    with home.open(session) as reader:
        findings, digest, offline, engine = Findings(), EmgDigest(), RefinedEmg() if refined else None, Engine()

        def hear(samples: TimedEmg) -> None:
            digest.hear(samples)
            if offline is not None:
                offline.hear(samples)

        for engine, live, events in estimates(reader, progress, hear):
            batches = (
                live if offline is None else _exchanged(live, offline.take(engine.pipeline.muscles, engine.settings))
            )
            findings.add(batches, events)
            digest.add(batches)
        muscles = engine.pipeline.muscles
        if offline is not None:
            rest = offline.take(muscles, engine.settings, final=True)
            findings.add(rest, [])
            digest.add(rest)
            findings.scale({name: maximum.value for name, maximum in emg_metrics.maxima(muscles).items()})
        info = reader.info
        start = info.started
        lights = {joint: {"light": light, "reason": why} for joint, (light, why) in engine.pipeline.lights.items()}
        return {
            "session": info.id,
            "subject": info.subject,
            "mode": "refined" if refined else "live",
            "refined": list(REFINED) if refined else [],
            "version": version(),
            "recorded_by": info.version,
            "title": info.title,
            "state": info.state,
            "series": [summary.describe(name) for name, summary in sorted(findings.series.items())],
            "events": [_event(event, start) for event in sorted(findings.events, key=lambda event: event.t)],
            "metrics": metrics(findings.events)
            | emg_metrics.metrics(digest, muscles, findings.events, late=not refined),
            "calibration": _plain(asdict(engine.pipeline.calibration) | {"lights": lights}),
            "quality": {name: quality(state, start) for name, state in engine.sensors.items()},
            "problems": [str(damage) for damage in reader.damaged],
        }


def _exchanged(live: list[Batch], refined: list[Batch]) -> list[Batch]:
    """Return refined rows in place of the live ones of their topics."""
    return [batch for batch in live if batch.topic not in REFINED] + refined


def derive(home: SqliteHome, session: str, by: str, progress: Progress | None = None) -> None:
    """Compute a session again and store its series and events in place of those it had."""
    with home.open(session) as reader:
        writer = home.reopen(session)
        try:
            writer.clear_estimates(by, reader.settings)
            for _, batches, events in estimates(reader, progress):
                writer.write(batches, events)
        finally:
            writer.close(None)


def metrics(events: list[Event]) -> dict[str, Json]:
    """Count what can be counted; a metric that cannot be computed is absent."""
    found: dict[str, Json] = {}
    reps = Counter(str(event.data.get("series")) for event in events if event.name == "rep")
    if reps:
        series, count = reps.most_common(1)[0]
        found["reps"] = _count(count, "auto", f"counted on {series}")
    for muscle, count in Counter(str(event.data.get("muscle")) for event in events if event.name == "burst").items():
        found[f"bursts_{muscle}"] = _count(count, None, "bursts of muscle activity above the noise floor")
    found |= _zones(events)
    slouches = sum(event.name == "slouch" for event in events)
    if slouches:
        found["slouches"] = _count(slouches, None, "times the posture threshold was exceeded for longer than the delay")
    return found


def _zones(events: list[Event]) -> dict[str, Json]:
    """Count the targets that were held, and add up the time in them, by muscle."""
    found: dict[str, Json] = {}
    zones = [event for event in events if event.name == "zone"]
    for muscle in sorted({str(event.data.get("muscle")) for event in zones}):
        mine = [event for event in zones if event.data.get("muscle") == muscle]
        holds = sum(event.data.get("state") == "held" for event in mine)
        seconds = sum((e.end - e.t) / 1e9 for e in mine if e.data.get("state") == "out" and e.end is not None)
        found[f"zone_holds_{muscle}"] = _count(holds, None, "times the target was held for long enough")
        note = "time within the target"
        found[f"zone_time_{muscle}"] = {
            "value": seconds, "low": seconds, "high": seconds, "unit": "s", "exercise": None, "note": note
        }  # fmt: skip
    return found


def _count(value: int, exercise: str | None, note: str) -> Json:
    return {"value": value, "low": value, "high": value, "unit": "1", "exercise": exercise, "note": note}


def quality(state: SensorState, start: int) -> Json:
    """Judge a sensor's data: how much is there, and what is wrong with the rest."""
    total = state.received + state.lost
    share = state.lost / total if total else 1.0
    reasons: list[Json] = []
    if not total:
        reasons.append("it sent no samples that could be used")
    if state.lost:
        reasons.append(
            f"{state.lost} of {total} samples ({share:.1%}) are missing: keep the sensor nearer to the gateway"
        )
    if state.skipped:
        reasons.append(f"{state.skipped} packets made no sense and were left out")
    if total and state.segment is None and not state.channels:
        reasons.append("it is not placed on the body, so nothing is computed from it: give it a segment or muscles")
    verdict = "good" if share <= GOOD_LOSS and not state.skipped else "fair" if share <= FAIR_LOSS else "poor"
    gaps: list[Json] = [[(a - start) / 1e9, (b - start) / 1e9] for a, b in state.gaps]
    return {"verdict": verdict, "received": state.received, "lost": state.lost, "gaps": gaps, "reasons": reasons}


def _event(event: Event, start: int) -> Json:
    end = None if event.end is None else (event.end - start) / 1e9
    return {"t": (event.t - start) / 1e9, "end": end, "name": event.name, "data": dict(event.data)}


def _plain(value: object) -> Json:
    """Turn tuples into lists, as JSON has them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    assert value is None or isinstance(value, str | int | float | bool)
    return value


def _time(record: Record) -> int:
    return record.arrival if isinstance(record, Packet) else record.t
