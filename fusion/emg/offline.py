"""The zero-phase envelope of a recording of any length: block by block, with a margin that the filters forget.

The numbers are those of `fusion.emg.offline_amplitude` over the whole stretch between two gaps; memory holds one block.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusion.emg.chain import offline_amplitude
from fusion.emg.filters import EmgParams
from fusion.samples import TimedEmg

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

BLOCK_S = 60.0
"""So much is filtered at once [s]."""
MARGIN_S = 5.0
"""... with so much more on either side [s]: an envelope of 1 Hz forgets its start to a millionth in this time."""
LEAST_S = 0.5
"""A shorter stretch between gaps has no envelope [s]."""


@dataclass(slots=True)
class OfflineEnvelope:
    """One sensor's channels, filtered forwards and backwards."""

    rate_hz: float
    params: EmgParams
    _t: list[Times] = field(default_factory=list)
    _emg: list[Floats] = field(default_factory=list)
    _waiting: int = 0
    _before: int = 0
    """Of what waits, so many samples at the start are margin: given already."""

    def update(self, samples: TimedEmg) -> list[tuple[Times, Floats]]:
        """Take the next samples; return times and envelopes, shape (N, channels), of what is complete."""
        done = self.finish() if samples.gap else []
        self._t.append(samples.t)
        self._emg.append(samples.emg)
        self._waiting += samples.t.size
        margin = round(MARGIN_S * self.rate_hz)
        if self._waiting - self._before >= round(BLOCK_S * self.rate_hz) + margin:
            done.append(self._filter(margin))
        return done

    def finish(self) -> list[tuple[Times, Floats]]:
        """Return the rest, at a gap or at the end."""
        enough = self._waiting >= LEAST_S * self.rate_hz
        done = [self._filter(0)] if enough and self._waiting > self._before else []
        self._t, self._emg, self._waiting, self._before = [], [], 0, 0
        return done

    def _filter(self, after: int) -> tuple[Times, Floats]:
        """Filter what waits; all but `after` samples at its end are complete."""
        t, emg = np.concatenate(self._t), np.concatenate(self._emg)
        given, end = self._before, t.size - after
        envelope = offline_amplitude(emg, self.rate_hz, self.params)
        keep = max(end - round(MARGIN_S * self.rate_hz), 0)
        self._t, self._emg = [t[keep:]], [emg[keep:]]
        self._waiting, self._before = t.size - keep, end - keep
        return t[given:end], envelope[given:end]
