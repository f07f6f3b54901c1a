"""What every model of virtual sensor has in common: packets that fall due, a battery, and what its wearer felt."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from devices.profile import Service
from simulators.radio.peripheral import Advertised
from simulators.sensors.source import Floats

FELT_KEPT = 1000
"""Cues that a sensor remembers; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Due:
    """One notification and when the device sends it."""

    at: float
    """Air time [s]."""
    characteristic: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Cue:
    """Something the wearer felt or saw: a vibration, a blinking LED."""

    at: float
    """Air time [s]."""
    kind: str
    """The device's own name for it: "short", "pattern", "blink", ..."""


Felt = deque[Cue]


def nothing_felt() -> Felt:
    """Return an empty, bounded memory of cues."""
    return deque(maxlen=FELT_KEPT)


class Habits(Protocol):
    """One model's behaviour. Times are air times [s]; nothing here waits or sends."""

    advertised: Advertised
    services: tuple[Service, ...]
    felt: Felt
    awake: bool
    """False: switched off or asleep, not advertising."""

    def read(self, uuid: str, now: float) -> bytes:
        """Answer a read; raises `Refused`."""
        ...

    def write(self, uuid: str, data: bytes, now: float) -> bool:
        """Obey a write and say whether this changes what is sent from now on; raises `Refused`."""
        ...

    def linked(self, up: bool, now: float) -> None:
        """Learn that a central connected or went."""
        ...

    def produce(self, start: float, stop: float) -> list[Due]:
        """Return what falls due from `start` until before `stop`, in order of time."""
        ...


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery that drains evenly."""

    percent: float = 87.0
    """State of charge at the start [%]."""
    hours: float = 10.0
    """How long a full charge lasts [h]."""

    def at(self, t: float) -> int:
        """Return the state of charge [%]."""
        return max(0, math.floor(self.percent - t / 36.0 / self.hours))

    def changes(self, start: float, stop: float) -> list[tuple[float, int]]:
        """Return when the whole percentage falls from `start` until before `stop`, and to what."""
        changes = []
        for percent in range(self.at(start) - 1, self.at(stop) - 1, -1):
            at = (self.percent - percent - 1) * 36.0 * self.hours
            if start <= at < stop:
                changes.append((at, percent))
        return changes


def in_order(due: list[Due]) -> list[Due]:
    """Return packets by the time they fall due; those of one time stay in their order."""
    return sorted(due, key=lambda packet: packet.at)


def steps(epoch: float, rate_hz: float, start: float, stop: float) -> Floats:
    """Return the numbers k, from 0, with epoch + k / rate between `start` and before `stop`.

    Consecutive spans give consecutive numbers, whatever the rounding.
    """
    return np.arange(_first(epoch, rate_hz, start), _first(epoch, rate_hz, stop), dtype=np.float64)


def _first(epoch: float, rate_hz: float, t: float) -> int:
    return max(0, math.ceil((t - epoch) * rate_hz - 1e-6))


def true_rate(rate_hz: float, clock_ppm: float) -> float:
    """Return the rate in air time of a device whose clock runs too fast by so many parts per million."""
    return rate_hz * (1.0 + clock_ppm * 1e-6)
