"""What is kept of a session's muscles while it runs by, so that `gateway.emg_metrics` can say something at its end.

Amplitudes, and angles in which repetitions are counted, as means over a tenth of a second; of the raw signal what each
window's spectrum says. That is about a megabyte per muscle and hour, and nothing else is kept.
"""

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusion.emg.metrics.fatigue import WINDOW_S, Windows, windows
from fusion.emg.quality.limits import Limits
from fusion.estimates import Batch
from fusion.pipeline import is_counted
from fusion.samples import TimedEmg

Floats = NDArray[np.float64]

BIN_NS = 100_000_000
"""Amplitudes are kept as means over so long [ns]."""
BLOCK_S = 20.0
"""Raw samples wait until there are so many, so that many windows are transformed at once [s]."""
NUMBERS = ("median_hz", "rms", "low", "high", "at_low", "at_high")
"""The numbers of `Windows`, in their order."""


@dataclass(slots=True)
class Means:
    """One series as means over `BIN_NS`, appended to in order of time."""

    bins: "array[int]" = field(default_factory=lambda: array("q"))
    """Number of each bin that has a value."""
    values: "array[float]" = field(default_factory=lambda: array("d"))
    _open: tuple[int, float, int] = (-1, 0.0, 0)
    """Number, sum and count of the bin that is being filled."""

    def add(self, t: NDArray[np.int64], x: Floats) -> None:
        """Take the next rows; those without a value, and those before what was taken already, do not count."""
        known = np.isfinite(x) & (t // BIN_NS >= self._open[0])
        if not known.any():
            return
        bins, x = t[known] // BIN_NS, x[known]
        first = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
        counts = np.diff(first, append=bins.size).tolist()
        for number, total, count in zip(bins[first].tolist(), np.add.reduceat(x, first).tolist(), counts, strict=True):
            if number == self._open[0]:
                self._open = (number, self._open[1] + total, self._open[2] + count)
            else:
                self.close()
                self._open = (number, total, count)

    @property
    def arrays(self) -> tuple[NDArray[np.int64], Floats]:
        """Numbers of the bins and their means, each of shape (n,)."""
        return np.array(self.bins, dtype=np.int64), np.array(self.values, dtype=np.float64)

    def close(self) -> None:
        """Finish the bin that is being filled."""
        number, total, count = self._open
        if count:
            self.bins.append(number)
            self.values.append(total / count)
            self._open = (number + 1, 0.0, 0)


@dataclass(slots=True)
class Spectra:
    """The windows of one sensor's raw signal, by channel."""

    rate_hz: float
    channels: int
    t: list[NDArray[np.int64]] = field(default_factory=list)
    x: list[Floats] = field(default_factory=list)
    """Samples that wait, in parts."""
    waiting: int = 0
    found: dict[int, list[Windows]] = field(default_factory=dict)
    limits: list[Limits] = field(default_factory=list)
    """Of the converter, by channel."""
    measured: int = 0
    """So many of those that wait have been looked at for limits."""

    def __post_init__(self) -> None:
        self.limits = [Limits() for _ in range(self.channels)]

    def add(self, samples: TimedEmg) -> None:
        """Take the next samples."""
        if samples.gap:
            self.flush()
            self.measure()
            self.measured = 0
            self.t, self.x, self.waiting = [], [], 0
        self.t.append(samples.t)
        self.x.append(samples.emg)
        self.waiting += samples.t.size
        if self.waiting >= BLOCK_S * self.rate_hz:
            self.flush()

    def flush(self) -> None:
        """Take the windows that are complete out of what waits."""
        self.measure()
        length = round(WINDOW_S * self.rate_hz)
        if self.waiting < length:
            return
        t, x = np.concatenate(self.t), np.concatenate(self.x)
        for channel in range(self.channels):
            part = windows(t, np.ascontiguousarray(x[:, channel]), self.rate_hz)
            self.found.setdefault(channel, []).append(_compact(part))
        step = length // 2
        used = ((t.size - length) // step + 1) * step
        self.t, self.x, self.waiting = [t[used:]], [x[used:]], t.size - used
        self.measured = self.waiting

    def measure(self) -> None:
        """Look at what waits for the limits of the converter."""
        if self.waiting > self.measured:
            x = np.concatenate(self.x)[self.measured :]
            for channel, limits in enumerate(self.limits):
                limits.add(x[:, channel])
        self.measured = self.waiting

    def windows(self, channel: int) -> Windows:
        """Return all windows of a channel."""
        parts = self.found.get(channel, [])
        if not parts:
            return windows(np.empty(0, dtype=np.int64), np.empty(0), self.rate_hz)
        numbers = [np.concatenate([getattr(part, name) for part in parts]).astype(float) for name in NUMBERS]
        return Windows(parts[0].length_s, np.concatenate([part.t for part in parts]), *numbers)


def _compact(part: Windows) -> Windows:
    """Keep the numbers in single precision: half the memory."""
    return Windows(part.length_s, part.t, *(getattr(part, name).astype(np.float32) for name in NUMBERS))


class EmgDigest:
    """What is kept of one run over a session."""

    def __init__(self) -> None:
        self.means: dict[str, Means] = {}
        """Amplitude by muscle."""
        self.angles: dict[str, Means] = {}
        """By series."""
        self.spectra: dict[str, Spectra] = {}
        """By sensor."""

    def hear(self, samples: TimedEmg) -> None:
        """Take raw samples, as the pipeline does."""
        if not samples.t.size:
            return
        kind = (samples.rate_hz, samples.emg.shape[1])
        known = self.spectra.get(samples.sensor)
        if known is None or (known.rate_hz, known.channels) != kind:
            known = self.spectra[samples.sensor] = Spectra(*kind)
        known.add(samples)

    def add(self, batches: list[Batch]) -> None:
        """Take rows as they come."""
        for batch in batches:
            for column, name in enumerate(batch.names):
                if batch.topic == "emg" and name.startswith("emg_"):
                    means = self.means.setdefault(name.removeprefix("emg_"), Means())
                elif batch.topic == "joints" and is_counted(name):
                    means = self.angles.setdefault(name, Means())
                else:
                    continue
                means.add(batch.t, batch.values[:, column])

    def finish(self) -> None:
        """Take what still waits, at the end."""
        for means in (*self.means.values(), *self.angles.values()):
            means.close()
        for spectra in self.spectra.values():
            spectra.flush()
