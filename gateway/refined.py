"""The muscles of a session with the future known: zero-phase amplitudes in place of the live ones, which are late.

Angles, orientations, events, bursts and the maxima that activation is a fraction of stay those of the live run. Where
this stands beside live numbers it says which it is: `REFINED` names the topics.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fusion.emg.filters import EmgParams, holds_emg
from fusion.emg.muscles import Muscles
from fusion.emg.offline import OfflineEnvelope
from fusion.estimates import Batch, Json
from fusion.samples import TimedEmg
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

REFINED: tuple[Json, ...] = ("emg",)
"""Topics whose numbers are those of offline methods in a refined analysis."""


@dataclass(slots=True)
class _Sensor:
    """One sensor's filter, and its last envelope, from which rows between two blocks are interpolated."""

    envelope: OfflineEnvelope
    channels: int
    unit: str
    t: Times = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    last: Floats = field(default_factory=lambda: np.empty((0, 0)))


class RefinedEmg:
    """Raw samples in, rows of zero-phase amplitudes on the grid of the pipeline out."""

    def __init__(self) -> None:
        self._heard: list[TimedEmg] = []
        self._sensors: dict[str, _Sensor] = {}

    def hear(self, samples: TimedEmg) -> None:
        """Take raw samples, as the pipeline does."""
        if samples.t.size:
            self._heard.append(samples)

    def take(self, muscles: Muscles, settings: PipelineSettings, *, final: bool = False) -> list[Batch]:
        """Return the rows that are complete, by sensor; all that are left if `final`."""
        batches: list[Batch] = []
        heard, self._heard = self._heard, []
        for samples in heard:
            if holds_emg(muscles.params, samples.rate_hz):
                sensor, ended = self._sensor(samples, muscles)
                sensor.envelope.params = _params(muscles, samples.sensor)
                batches += self._rows(samples.sensor, ended, muscles, settings)
                parts = sensor.envelope.update(samples)
                for t, envelope in parts:
                    batches += self._batch(samples.sensor, sensor, t, envelope, muscles, settings)
        if final:
            for name, sensor in self._sensors.items():
                sensor.envelope.params = _params(muscles, name)
                batches += self._rows(name, sensor, muscles, settings)
        return batches

    def _sensor(self, samples: TimedEmg, muscles: Muscles) -> tuple[_Sensor, _Sensor | None]:
        """Return a sensor, and what it was before if it sends something else now."""
        known = self._sensors.get(samples.sensor)
        channels = samples.emg.shape[1]
        kind = (samples.rate_hz, samples.unit, channels)
        if known is not None and (known.envelope.rate_hz, known.unit, known.channels) == kind:
            return known, None
        new = _Sensor(OfflineEnvelope(samples.rate_hz, muscles.params), channels, samples.unit)
        self._sensors[samples.sensor] = new
        return new, known

    def _rows(self, name: str, sensor: _Sensor | None, muscles: Muscles, settings: PipelineSettings) -> list[Batch]:
        """Return what is left of a sensor."""
        parts = sensor.envelope.finish() if sensor is not None else []
        return [b for t, x in parts if sensor for b in self._batch(name, sensor, t, x, muscles, settings)]

    def _batch(
        self, name: str, sensor: _Sensor, t: Times, x: Floats, muscles: Muscles, settings: PipelineSettings
    ) -> list[Batch]:
        if sensor.t.size and t[0] - sensor.t[-1] <= settings.max_gap_s * 1e9:
            t, x = np.concatenate([sensor.t, t]), np.concatenate([sensor.last, x])
            first = int(sensor.t[-1]) + 1
        else:
            first = int(t[0])
        sensor.t, sensor.last = t[-1:], x[-1:]
        period = settings.period_ns
        rows = np.arange(-(-first // period) * period, int(t[-1]) + 1, period)
        named = [(c, muscle) for c, muscle in sorted(muscles.names.get(name, {}).items()) if c < sensor.channels]
        if not rows.size or not named:
            return []
        at, since = (rows - t[0]).astype(float), (t - t[0]).astype(float)
        values = np.stack([np.interp(at, since, x[:, c]) for c, _ in named], axis=1)
        names = tuple(f"emg_{muscle}" for _, muscle in named)
        return [Batch("emg", rows, period, names, (sensor.unit,) * len(names), values)]


def _params(muscles: Muscles, sensor: str) -> EmgParams:
    """Return the filters of a sensor, with the notch that hum has switched on."""
    live = muscles.sensors.get(sensor)
    return muscles.params if live is None else replace(muscles.params, notch_hz=live.chain.notch_hz)
