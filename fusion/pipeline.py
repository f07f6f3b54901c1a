"""From timed samples of many sensors to rows of named series and events: everything that runs live.

Determinism: the same sequence of calls gives bit-identical output.
"""

from dataclasses import dataclass, field
from typing import Literal

from fusion.estimates import Batch, Event
from fusion.samples import Placement, TimedAngle, TimedEmg, TimedImu
from fusion.settings import PipelineSettings

__all__ = ["Calibration", "Pipeline", "PipelineSettings"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the sensors' seats on the body are known."""

    state: Literal["waiting", "still", "moving", "ready"] = "ready"
    message: str = ""
    """What the wearer should do now, one sentence; empty when nothing."""
    reasons: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Joint to what is missing or unsure."""


class Pipeline:
    """The live pipeline of one gateway."""

    def __init__(self, settings: PipelineSettings) -> None:
        self.settings = settings

    def place(self, placement: Placement) -> None:
        """Say where a sensor sits; may be called again."""

    def calibrate(self, t: int, what: Literal["pose", "posture"], pose: str = "standing") -> None:
        """Take the coming still moment as the named pose, or the present posture as upright."""

    def reset(self, t: int, what: str) -> None:
        """Forget the headings ("heading") or the whole alignment ("full")."""

    def imu(self, samples: TimedImu) -> None:
        """Take inertial samples."""

    def emg(self, samples: TimedEmg) -> None:
        """Take EMG samples."""

    def angle(self, samples: TimedAngle) -> None:
        """Take angles a device measured itself."""

    def advance(self, now: int) -> tuple[list[Batch], list[Event]]:
        """Return everything computable from what arrived before `now` [ns]."""
        return [], []

    def finish(self, now: int) -> tuple[list[Batch], list[Event]]:
        """Return what is left at the end."""
        return [], []

    @property
    def calibration(self) -> Calibration:
        """How far the alignment is."""
        return Calibration()
