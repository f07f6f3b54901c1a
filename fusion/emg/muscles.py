"""All EMG sensors of a gateway: chunks in, envelope and activation at the rows of the grid, and bursts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.emg.bursts import Burst, BurstDetector, BurstParams
from fusion.emg.chain import EmgChain
from fusion.emg.filters import EmgParams, holds_emg
from fusion.emg.kernels import MOST
from fusion.emg.mvc import TRIAL_S, Normalisers, Stretch, normalised, refusal
from fusion.emg.zones import Zone, Zones
from fusion.estimates import Event, Json
from fusion.grid import Track
from fusion.plain import number, numbers, table
from fusion.samples import TimedEmg
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

LEVELS = 5
"""Columns of `BurstState.level`."""
SECOND = 1_000_000_000
"""What is told once a second is told at whole seconds [ns]."""


@dataclass(slots=True)
class MuscleSensor:
    """One EMG sensor; its track holds the envelopes, then the activations."""

    rate_hz: float
    unit: str
    chain: EmgChain
    detector: BurstDetector
    track: Track
    second: int = -1
    """The whole second of its last sample."""


class Muscles:
    """The EMG sensors by their ids, in order of appearance."""

    def __init__(self, settings: PipelineSettings) -> None:
        s = settings
        self._max_gap = round(s.max_gap_s * 1e9)
        self._params = EmgParams(s.emg_high_pass_hz, s.emg_low_pass_hz, s.emg_notch_hz, s.emg_envelope_hz)
        self._bursts = BurstParams(
            ratio=s.burst_ratio, fraction=s.burst_fraction, min_s=s.burst_min_s, pause_s=s.burst_pause_s
        )
        self.sensors: dict[str, MuscleSensor] = {}
        self.names: dict[str, dict[int, str]] = {}
        """Sensor to channel number to muscle and side; channels without a name are not put out."""
        self._restored: dict[str, Any] = {}
        self.norms = Normalisers()
        self.zones = Zones()
        self._peaks: set[str] = set()
        """Muscles whose session's peak was told."""

    def take(self, samples: TimedEmg) -> list[Event]:
        """Process samples as they come; a rate too low to hold any EMG gives nothing."""
        if not samples.t.size or not holds_emg(self._params, samples.rate_hz):
            return []
        sensor = self.sensors.get(samples.sensor)
        channels = samples.emg.shape[1]
        events: list[Event] = []
        kind = (samples.rate_hz, samples.unit, channels)
        if sensor is None:
            sensor = self._add(samples, channels)
        elif (sensor.rate_hz, sensor.unit, sensor.chain.channels) != kind:  # its levels mean nothing any more
            events += self._events(samples.sensor, sensor, sensor.detector.interrupt())
            events += [e for m in self._muscles(samples.sensor) for e in self.norms.finish(m, sensor.unit)]
            sensor = self._add(samples, channels)
        elif samples.gap:
            events += self._events(samples.sensor, sensor, sensor.detector.interrupt())
            sensor.chain.restart()
        if sensor.track.newest >= 0 and samples.t[0] - sensor.track.newest > self._max_gap:
            events.append(Event(sensor.track.newest, "gap", int(samples.t[0]), {"sensor": samples.sensor}))
        for part in self._parts(samples):
            events += self._part(sensor, part)
        return events

    def _part(self, sensor: MuscleSensor, samples: TimedEmg) -> list[Event]:
        """Process samples within one second and within one trial or rest."""
        name, detector = samples.sensor, sensor.detector
        named = self._named(name, sensor.chain.channels)
        events: list[Event] = []
        for channel, muscle in named:
            events += self.norms.advance(muscle, int(samples.t[0]), sensor.unit)
            detector.mvc[channel] = self.norms.value(muscle, sensor.unit)
        if samples.t[0] // SECOND != sensor.second:
            sensor.second = int(samples.t[0] // SECOND)
            events += self._new_peaks(name, sensor, int(samples.t[0]))
        floors = [detector.floor(channel) for channel, _ in named]
        envelope = sensor.chain.update(samples.emg)
        bursts, activation = detector.update(samples.t, envelope)
        sensor.track.append(samples.t, np.concatenate([envelope, activation], axis=1))
        events += self._events(name, sensor, bursts)
        for (channel, muscle), floor in zip(named, floors, strict=True):
            raw, amplitude = samples.emg[:, channel], envelope[:, channel]
            events += self.norms.take(muscle, Stretch(samples.t, raw, amplitude, sensor.rate_hz, sensor.unit, floor))
            events += self.zones.take(muscle, samples.t, activation[:, channel])
        return events

    def finish(self) -> list[Event]:
        """Close the bursts, trials and stays in zones that are still open at the end, and tell the final peaks."""
        events = [e for name, s in self.sensors.items() for e in self._events(name, s, s.detector.interrupt())]
        for name, sensor in self.sensors.items():
            events += [e for m in self._muscles(name) for e in self.norms.finish(m, sensor.unit)]
            self._peaks -= set(self._muscles(name))
            events += self._new_peaks(name, sensor, sensor.track.newest)
        return events + self.zones.finish()

    # What activation is a fraction of, and where it should be

    def calibrate(self, t: int, data: Mapping[str, Any]) -> list[Event]:
        """Begin or end at `t` [ns UTC] what finds a normaliser, or take or forget one: see `fusion.emg.mvc`.

        data: {what: "rest" | "mvc" | "mvc_stop" | "mvc_forget" | "mvc_given", muscles, seconds, values, from}.
        """
        here = self.units
        given, seconds = data.get("muscles"), number(data.get("seconds"), TRIAL_S)
        asked = [m for m in given if isinstance(m, str)] if isinstance(given, list) else list(here)
        match data.get("what"):
            case "rest":
                return self.norms.begin(t, [m for m in asked if m in here], "rest", TRIAL_S)
            case "mvc":
                absent = [
                    refusal(t, m, f"no sensor gives EMG of {m}: place one, or name another")
                    for m in asked
                    if m not in here
                ]
                return absent + self.norms.begin(t, [m for m in asked if m in here], "mvc", seconds)
            case "mvc_stop":
                self.norms.stop(t)
            case "mvc_forget":
                self._peaks -= set(asked)
                return self.norms.forget(t, asked)
            case "mvc_given":
                return self._give(t, table(data.get("values")), here, data.get("from"))
        return []

    @property
    def units(self) -> dict[str, str]:
        """Unit of each muscle that a sensor gives EMG of."""
        return {m: s.unit for name, s in self.sensors.items() for m in self._muscles(name)}

    def describe(self) -> dict[str, Json]:
        """Say what each muscle is normalised by: {by, value, unit, trials, from, under_way}."""
        told: dict[str, Json] = {}
        for name, sensor in self.sensors.items():
            for channel, muscle in self._named(name, sensor.chain.channels):
                norm = self.norms.describe(muscle)
                peak = float(sensor.detector.state.level[channel, MOST])
                if norm["by"] == "peak" and peak > 0.0:
                    norm |= {"value": peak, "unit": sensor.unit}
                told[muscle] = norm
        return told

    def _give(self, t: int, values: Mapping[str, Any], here: Mapping[str, str], origin: object) -> list[Event]:
        fitting, events = {}, []
        for muscle, said in values.items():
            unit = table(said).get("unit")
            if here.get(muscle, unit) == unit:
                fitting[str(muscle)] = said
            else:
                events.append(refusal(t, muscle, f"{muscle} is measured in {here[muscle]}, the value is in {unit}"))
        return events + self.norms.give(t, fitting, origin if isinstance(origin, str) else None)

    def set_zones(self, given: object) -> list[Event]:
        """Put zones in place of those before, as a list of JSON values; what is no zone is left out."""
        zones: list[Zone] = []
        for item in given if isinstance(given, list) else []:
            try:
                zones.append(Zone.from_json(item))
            except ValueError:
                continue
        return self.zones.set(zones)

    def _new_peaks(self, name: str, sensor: MuscleSensor, t: int) -> list[Event]:
        """Tell the peak that stands in for an MVC, once it is there."""
        events = []
        for channel, muscle in self._named(name, sensor.chain.channels):
            peak = float(sensor.detector.state.level[channel, MOST])
            if muscle not in self._peaks and peak > 0.0 and np.isnan(self.norms.value(muscle, sensor.unit)):
                self._peaks.add(muscle)
                events.append(normalised(t, muscle, "peak", peak, sensor.unit))
        return events

    def _parts(self, samples: TimedEmg) -> Iterator[TimedEmg]:
        """Cut samples at whole seconds and where a trial or a rest ends."""
        t = samples.t
        cuts = set((np.flatnonzero(np.diff(t // SECOND)) + 1).tolist())
        cuts |= set(np.searchsorted(t, self.norms.due(self._muscles(samples.sensor))).tolist())
        edges = [0, *sorted(cut for cut in cuts if 0 < cut < t.size), t.size]
        for a, b in pairwise(edges):
            yield samples if b - a == t.size else replace(samples, t=t[a:b], emg=samples.emg[a:b], gap=False)

    def _muscles(self, sensor: str) -> list[str]:
        known = self.sensors.get(sensor)
        return [] if known is None else [muscle for _, muscle in self._named(sensor, known.chain.channels)]

    def rows(self, t: Times) -> tuple[tuple[str, ...], tuple[str, ...], Floats, Floats]:
        """Return names, units and values at the rows, shape (rows, names), and the quality, shape (rows, sensors).

        The quality is the part of a sensor's channels that have a value.
        """
        names: list[str] = []
        units: list[str] = []
        columns: list[Floats] = []
        quality = np.empty((t.size, len(self.sensors)))
        for n, (name, sensor) in enumerate(self.sensors.items()):
            values, _ = sensor.track.sample(t, self._max_gap)
            channels = sensor.chain.channels
            quality[:, n] = np.isfinite(values[:, :channels]).sum(axis=1) / channels
            for channel, muscle in self._named(name, channels):
                names += [f"emg_{muscle}", f"activation_{muscle}"]
                units += [sensor.unit, "1"]
                columns += [values[:, channel], values[:, channels + channel]]
        return tuple(names), tuple(units), np.stack(columns, axis=1) if columns else np.empty((t.size, 0)), quality

    def carry(self) -> dict[str, Json]:
        """Return the levels of all channels as JSON values."""
        return {
            name: {
                "level": s.detector.state.level.tolist(),
            }
            for name, s in self.sensors.items()
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Let the sensors, present or to come, continue from what `carry` gave."""
        self._restored = dict(data)
        for name, sensor in self.sensors.items():
            self._continue(name, sensor)

    def _continue(self, name: str, sensor: MuscleSensor) -> None:
        state, channels = table(self._restored.pop(name, None)), sensor.chain.channels
        level = numbers(state.get("level"), channels, LEVELS)
        if level is None:
            return
        sensor.detector.state.level[:] = level

    def _named(self, sensor: str, channels: int) -> list[tuple[int, str]]:
        return [(c, name) for c, name in sorted(self.names.get(sensor, {}).items()) if c < channels]

    def _add(self, samples: TimedEmg, channels: int) -> MuscleSensor:
        chain = EmgChain(channels, samples.rate_hz, self._params)
        detector = BurstDetector(channels, samples.rate_hz, chain.delay, self._bursts)
        sensor = MuscleSensor(samples.rate_hz, samples.unit, chain, detector, Track(2 * channels))
        self.sensors[samples.sensor] = sensor
        self._continue(samples.sensor, sensor)
        return sensor

    def _events(self, name: str, sensor: MuscleSensor, bursts: list[Burst]) -> list[Event]:
        muscles = self.names.get(name, {})
        return [
            Event(b.onset, "burst", b.offset, {"muscle": muscles[b.channel], "peak": b.peak, "unit": sensor.unit})
            for b in bursts
            if b.channel in muscles
        ]
