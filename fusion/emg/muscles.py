"""All EMG sensors of a gateway: chunks in, envelope and activation at the rows of the grid, and bursts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.emg.bursts import Burst, BurstDetector, BurstParams
from fusion.emg.chain import EmgChain
from fusion.emg.filters import EmgParams, holds_emg
from fusion.estimates import Event, Json
from fusion.grid import Track
from fusion.plain import number, numbers, table
from fusion.samples import TimedEmg
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

LEVELS = 5
"""Columns of `BurstState.level`."""
LEAST_MVC = 1e-12
"""A carried maximum below this is none, in whatever unit."""


@dataclass(slots=True)
class MuscleSensor:
    """One EMG sensor; its track holds the envelopes, then the activations."""

    rate_hz: float
    unit: str
    chain: EmgChain
    detector: BurstDetector
    track: Track


class Muscles:
    """The EMG sensors by their ids, in order of appearance."""

    def __init__(self, settings: PipelineSettings) -> None:
        s = settings
        self._max_gap = round(s.max_gap_s * 1e9)
        self.params = EmgParams(s.emg_high_pass_hz, s.emg_low_pass_hz, s.emg_notch_hz, s.emg_envelope_hz)
        self._bursts = BurstParams(
            ratio=s.burst_ratio, fraction=s.burst_fraction, min_s=s.burst_min_s, pause_s=s.burst_pause_s
        )
        self.sensors: dict[str, MuscleSensor] = {}
        self.names: dict[str, dict[int, str]] = {}
        """Sensor to channel number to muscle and side; channels without a name are not put out."""
        self._restored: dict[str, Any] = {}

    def take(self, samples: TimedEmg) -> list[Event]:
        """Process samples as they come; a rate too low to hold any EMG gives nothing."""
        if not samples.t.size or not holds_emg(self.params, samples.rate_hz):
            return []
        sensor = self.sensors.get(samples.sensor)
        channels = samples.emg.shape[1]
        events: list[Event] = []
        kind = (samples.rate_hz, samples.unit, channels)
        if sensor is None:
            sensor = self._add(samples, channels)
        elif (sensor.rate_hz, sensor.unit, sensor.chain.channels) != kind:  # its levels mean nothing any more
            events += self._events(samples.sensor, sensor, sensor.detector.interrupt())
            sensor = self._add(samples, channels)
        elif samples.gap:
            events += self._events(samples.sensor, sensor, sensor.detector.interrupt())
            sensor.chain.restart()
        if sensor.track.newest >= 0 and samples.t[0] - sensor.track.newest > self._max_gap:
            events.append(Event(sensor.track.newest, "gap", int(samples.t[0]), {"sensor": samples.sensor}))
        band = np.empty(samples.emg.shape)
        envelope = sensor.chain.update(samples.emg, band)
        bursts, activation = sensor.detector.update(samples.t, envelope, band)
        sensor.track.append(samples.t, np.concatenate([envelope, activation], axis=1))
        return events + self._events(samples.sensor, sensor, bursts)

    def finish(self) -> list[Event]:
        """Close the bursts that are still open at the end."""
        return [e for name, s in self.sensors.items() for e in self._events(name, s, s.detector.interrupt())]

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
                "mvc": [None if np.isnan(v) else v for v in s.detector.mvc.tolist()],
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
        mvc = state.get("mvc")
        if isinstance(mvc, list) and len(mvc) == channels:
            given = [number(v, np.nan) for v in mvc]
            sensor.detector.mvc[:] = [v if v > LEAST_MVC else np.nan for v in given]

    def _named(self, sensor: str, channels: int) -> list[tuple[int, str]]:
        return [(c, name) for c, name in sorted(self.names.get(sensor, {}).items()) if c < channels]

    def _add(self, samples: TimedEmg, channels: int) -> MuscleSensor:
        chain = EmgChain(channels, samples.rate_hz, self.params)
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
