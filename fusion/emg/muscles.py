"""All EMG sensors of a gateway: chunks in, amplitude and activation at the rows of the grid, bursts, and quality.

Whatever is decided, second by second, depends on the samples alone and takes effect between two samples: chunks are cut
where a second begins, so that any chunking gives the same bits.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusion.body.trust import NAMES, RED
from fusion.emg.bursts import Burst, BurstDetector, BurstParams
from fusion.emg.chain import EmgChain
from fusion.emg.filters import EmgParams, holds_emg
from fusion.emg.mvc import Normalisers, Stretch, normalised
from fusion.emg.orders import calibrate, zones_of
from fusion.emg.quality import EmgWatch, Flag, Second, Verdict, near_heart, sentence
from fusion.emg.quality.watch import ENVELOPE_TO_RMS
from fusion.emg.zones import Zones
from fusion.estimates import Event, Json
from fusion.grid import Track
from fusion.plain import numbers, table
from fusion.samples import TimedEmg
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

LEVELS = 5
"""Columns of `BurstState.level`."""
SECOND = 1_000_000_000
"""What is told once a second is told at whole seconds [ns]."""
MAINS_HZ = (50, 60)


class Note(NamedTuple):
    """What a second of one sensor says on the quality topic."""

    t: int
    """Its end [ns]."""
    names: tuple[str, ...]
    values: list[float]


class MuscleSensor:
    """One EMG sensor; its track holds the amplitudes, then the activations."""

    def __init__(self, rate_hz: float, unit: str, channels: int, params: EmgParams, bursts: BurstParams) -> None:
        self.rate_hz, self.unit = rate_hz, unit
        self.chain = EmgChain(channels, rate_hz, params)
        self.detector = BurstDetector(channels, rate_hz, self.chain.delay, bursts)
        self.watch = EmgWatch(
            channels,
            rate_hz,
            "V" if unit == "V" else "counts",
            1.0 if params.amplitude == "rms" else ENVELOPE_TO_RMS,
        )
        self.track = Track(2 * channels)
        self.verdicts: tuple[Verdict, ...] = ()
        """Of the last second that was judged."""
        self.off = np.zeros(channels, dtype=np.bool_)
        """Channels whose electrode was off in that second: they have no activation."""
        self.second = -1
        """The whole second of its last sample."""

    def take(self, t: Times, emg: Floats) -> tuple[list[Burst], Floats, Floats]:
        """Process samples of one second; return the bursts that ended, amplitude and activation, (N, channels)."""
        band, resting = np.empty(emg.shape), np.empty(emg.shape, dtype=np.bool_)
        amplitude = self.chain.update(emg, band)
        bursts, activation = self.detector.update(t, amplitude, band, resting)
        self.watch.update(t, emg, amplitude, resting)
        activation[:, self.off] = np.nan
        self.track.append(t, np.concatenate([amplitude, activation], axis=1))
        return bursts, amplitude, activation


class Muscles:
    """The EMG sensors by their ids, in order of appearance."""

    def __init__(self, settings: PipelineSettings) -> None:
        s = settings
        self._max_gap = round(s.max_gap_s * 1e9)
        self._auto = s.emg_notch == "auto"
        self.params = EmgParams(
            s.emg_high_pass_hz,
            s.emg_low_pass_hz,
            float(s.emg_notch) if s.emg_notch.isdigit() else 0.0,
            s.emg_envelope_hz,
            s.emg_amplitude,
            s.emg_rms_s,
        )
        self._bursts = BurstParams(
            ratio=s.burst_ratio, fraction=s.burst_fraction, min_s=s.burst_min_s, pause_s=s.burst_pause_s
        )
        self.sensors: dict[str, MuscleSensor] = {}
        self.names: dict[str, dict[int, str]] = {}
        """Sensor to channel number to muscle and side; channels without a name are not put out."""
        self._told: dict[tuple[str, int], tuple[str, int, tuple[Flag, ...]]] = {}
        """Muscle, light and flags of each sensor's channel as last told."""
        self._notes: list[Note] = []
        self._restored: dict[str, Any] = {}
        self.norms = Normalisers(rms=s.emg_amplitude == "rms")
        self.zones = Zones()
        self._peaks: set[str] = set()
        """Muscles whose session's peak was told."""

    def take(self, samples: TimedEmg) -> list[Event]:
        """Process samples as they come; a rate too low to hold any EMG gives nothing."""
        if not samples.t.size or not holds_emg(self.params, samples.rate_hz):
            return []
        name, channels = samples.sensor, samples.emg.shape[1]
        sensor = self.sensors.get(name)
        events: list[Event] = []
        kind = (samples.rate_hz, samples.unit, channels)
        if sensor is None:
            sensor = self._add(samples, channels)
        elif (sensor.rate_hz, sensor.unit, sensor.chain.channels) != kind:  # its levels mean nothing any more
            events += self._events(name, sensor, sensor.detector.interrupt())
            events += [e for m in self._muscles(name) for e in self.norms.finish(m, sensor.unit)]
            sensor = self._add(samples, channels)
        elif samples.gap:
            events += self._events(name, sensor, sensor.detector.interrupt())
            sensor.chain.restart()
        if sensor.track.newest >= 0 and samples.t[0] - sensor.track.newest > self._max_gap:
            events.append(Event(sensor.track.newest, "gap", int(samples.t[0]), {"sensor": name}))
        for a, b in self._parts(name, samples.t):
            events += self._part(name, sensor, samples.t[a:b], samples.emg[a:b])
        return events

    def _part(self, name: str, sensor: MuscleSensor, t: Times, emg: Floats) -> list[Event]:
        """Process samples within one second and within one trial or rest."""
        start, detector = t.item(0), sensor.detector
        events = [e for second in sensor.watch.over(start) for e in self._judge(name, sensor, second)]
        named = self._named(name, sensor.chain.channels)
        for channel, muscle in named:
            events += self.norms.advance(muscle, start, sensor.unit)
            detector.mvc[channel] = self.norms.value(muscle, sensor.unit)
        if start // SECOND != sensor.second:
            sensor.second = start // SECOND
            events += self._new_peaks(name, sensor, start)
        floors = [detector.floor(channel) for channel, _ in named]
        bursts, amplitude, activation = sensor.take(t, emg)
        events += self._events(name, sensor, bursts)
        for (channel, muscle), floor in zip(named, floors, strict=True):
            verdict = sensor.verdicts[channel] if sensor.verdicts else None
            clipped = verdict is not None and Flag.RAIL in verdict.flags and verdict.light == RED
            off, raw = bool(sensor.off[channel]), emg[:, channel]
            stretch = Stretch(
                t, raw, amplitude[:, channel], sensor.rate_hz, sensor.unit, floor, off=off, clipped=clipped
            )
            events += self.norms.take(muscle, stretch)
            events += self.zones.take(muscle, t, activation[:, channel])
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
        """Do at `t` [ns UTC] what is asked of the normalisers: see `fusion.emg.orders.calibrate`."""
        events = calibrate(self.norms, self.units, t, data)
        self._peaks -= {str(event.data["muscle"]) for event in events if event.data.get("by") == "peak"}
        return events

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
                peak = sensor.detector.largest(channel)
                if norm["by"] == "peak" and peak > 0.0:
                    norm |= {"value": peak, "unit": sensor.unit}
                told[muscle] = norm
        return told

    def set_zones(self, given: object) -> list[Event]:
        """Put zones in place of those before, as a list of JSON values; what is no zone is left out."""
        return self.zones.set(zones_of(given))

    def _new_peaks(self, name: str, sensor: MuscleSensor, t: int) -> list[Event]:
        """Tell the peak that stands in for an MVC, once it is there."""
        events = []
        for channel, muscle in self._named(name, sensor.chain.channels):
            peak = sensor.detector.largest(channel)
            if muscle not in self._peaks and peak > 0.0 and np.isnan(self.norms.value(muscle, sensor.unit)):
                self._peaks.add(muscle)
                events.append(normalised(t, muscle, "peak", peak, sensor.unit))
        return events

    def _parts(self, name: str, t: Times) -> Iterator[tuple[int, int]]:
        """Cut samples where a second begins and where a trial or a rest ends."""
        cuts = set((np.flatnonzero(np.diff(t // SECOND)) + 1).tolist())
        cuts |= set(np.searchsorted(t, self.norms.due(self._muscles(name))).tolist())
        yield from pairwise([0, *sorted(cut for cut in cuts if 0 < cut < t.size), t.size])

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

    def notes(self, until: int) -> list[Note]:
        """Return what the seconds that end at or before `until` [ns] say, and forget it."""
        done = [note for note in self._notes if note.t <= until]
        self._notes = [note for note in self._notes if note.t > until]
        return done

    @property
    def lights(self) -> dict[str, tuple[str, str]]:
        """Return the light of each muscle ("red", "yellow", "green") by its last second, and why it is no better."""
        found = {}
        for name, sensor in self.sensors.items():
            for channel, muscle in self._named(name, len(sensor.verdicts)):
                verdict = sensor.verdicts[channel]
                found[muscle] = NAMES[verdict.light], _reason(muscle, verdict)
        return found

    def carry(self) -> dict[str, Json]:
        """Return the levels of all channels as JSON values."""
        return {
            name: {
                "level": s.detector.state.level.tolist(),
                "notch_hz": s.chain.notch_hz,
                "off": s.off.tolist(),
                "first": s.watch.state.first,
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
        off, first = state.get("off"), state.get("first")
        if self._auto and state.get("notch_hz") in MAINS_HZ:
            sensor.chain.set_notch(float(state["notch_hz"]))
        if isinstance(off, list) and len(off) == channels:
            sensor.off[:] = [v is True for v in off]
        if isinstance(first, int):
            sensor.watch.state.first = max(first, -1)

    def _named(self, sensor: str, channels: int) -> list[tuple[int, str]]:
        return [(c, name) for c, name in sorted(self.names.get(sensor, {}).items()) if c < channels]

    def _add(self, samples: TimedEmg, channels: int) -> MuscleSensor:
        sensor = MuscleSensor(samples.rate_hz, samples.unit, channels, self.params, self._bursts)
        self.sensors[samples.sensor] = sensor
        self._continue(samples.sensor, sensor)
        return sensor

    def _judge(self, name: str, sensor: MuscleSensor, second: Second) -> list[Event]:
        """Take over what a second that has ended says: for people, and for the samples to come."""
        sensor.verdicts = second.verdicts
        sensor.off[:] = [Flag.OFF in verdict.flags for verdict in second.verdicts]
        events: list[Event] = []
        hum = next((v.mains_hz for v in second.verdicts if v.mains_hz), 0)
        if self._auto and hum and sensor.chain.notch_hz != hum:
            sensor.chain.set_notch(float(hum))
            events.append(Event(second.t, "notch", data={"sensor": name, "hz": hum}))
        named = self._named(name, sensor.chain.channels)
        for channel, muscle in named:
            sensor.watch.near_heart[channel] = near_heart(muscle)
            verdict = second.verdicts[channel]
            now = muscle, verdict.light, tuple(flag for flag in verdict.flags if flag is not Flag.WARM)
            if self._told.get((name, channel)) != now:
                self._told[name, channel] = now
                flags: list[Json] = [flag.value for flag in now[2]]
                why = _reason(muscle, verdict)
                light = NAMES[verdict.light]
                events.append(
                    Event(second.t, "quality", data={"muscle": muscle, "light": light, "flags": flags, "reason": why})
                )
        if named:
            lights = [float(second.verdicts[channel].light) for channel, _ in named]
            self._notes.append(Note(second.t, tuple(f"light_emg_{muscle}" for _, muscle in named), lights))
        return events

    def _events(self, name: str, sensor: MuscleSensor, bursts: list[Burst]) -> list[Event]:
        muscles = self.names.get(name, {})
        return [
            Event(b.onset, "burst", b.offset, {"muscle": muscles[b.channel], "peak": b.peak, "unit": sensor.unit})
            for b in bursts
            if b.channel in muscles
        ]


def _reason(muscle: str, verdict: Verdict) -> str:
    """Return the sentence about a muscle; that an electrode is new is no news."""
    return sentence(muscle, verdict) if any(flag is not Flag.WARM for flag in verdict.flags) else ""
