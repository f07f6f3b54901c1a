"""Angles that devices measure themselves, and references: onto the grid, without any further meaning."""

import numpy as np
from numpy.typing import NDArray

from fusion.grid import Track
from fusion.samples import Placement, TimedAngle
from fusion.settings import PipelineSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

UNNAMED = {0: "posture_angle"}
"""What the first channel of an angle sensor is that nobody has named."""


class Angles:
    """The angle sensors by their ids, in order of appearance."""

    def __init__(self, settings: PipelineSettings) -> None:
        self._max_gap, self._hold = round(settings.max_gap_s * 1e9), round(settings.hold_s * 1e9)
        self.tracks: dict[str, Track] = {}
        self._names: dict[str, dict[int, str]] = {}

    def place(self, placement: Placement) -> None:
        """Name a sensor's channels."""
        prefix = "truth_" if placement.truth else ""
        self._names[placement.sensor] = {c: prefix + name for c, name in placement.channels.items()}

    def take(self, samples: TimedAngle) -> None:
        """Keep samples for the rows."""
        track, channels = self.tracks.get(samples.sensor), samples.angle_deg.shape[1]
        if track is None or track.x.shape[1] != channels:  # another description of the sensor: other angles
            track = self.tracks[samples.sensor] = Track(channels)
        before = track.newest if samples.t.size == 1 else int(samples.t[-2]) if samples.t.size else -1
        if samples.t.size and before >= 0:
            track.slow = bool(samples.t[-1] - before > self._max_gap)
        track.append(samples.t, samples.angle_deg)

    def rows(self, t: Times) -> tuple[tuple[str, ...], Floats]:
        """Return names and values [deg] at the rows, shape (rows, names): interpolated, held if the device is slow."""
        names: list[str] = []
        columns = []
        for sensor, track in self.tracks.items():
            values, gap = track.sample(t, self._max_gap)
            if track.slow:
                values = np.where((gap < 0)[:, None], track.latest(t, self._hold), values)
            for channel, name in sorted((self._names.get(sensor) or UNNAMED).items()):
                if channel < values.shape[1]:
                    names.append(name)
                    columns.append(values[:, channel])
        return tuple(names), np.stack(columns, axis=1) if columns else np.empty((t.size, 0))
