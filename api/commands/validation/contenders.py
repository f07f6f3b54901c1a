"""Who estimates orientations in `validate orientation`, and what is measured of each on one trial."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fusion.orientation import METHODS, estimate
from fusion.orientation.errors import orientation_errors
from gateway.files.broad import GROUPS, Trial, group_of

Floats = NDArray[np.float64]
Estimate = Callable[[Floats, Floats, Floats | None, float], Floats]
"""From gyr [rad/s], acc [m/s2], mag [uT] or None, each (n, 3), and the rate [Hz] to sensor-to-earth (ENU), (n, 4)."""

BRIEF_S = 0.1
"""What takes less is timed three times, and the shortest counts: a first call may still load something [s]."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One method with its parameters."""

    name: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Score:
    """What was measured of one method, on one trial or on average."""

    total_deg: float
    heading_deg: float
    inclination_deg: float
    drift_6axis_deg_min: float
    """Of the estimate without magnetometer, as the next."""
    inclination_6axis_deg: float
    ns_per_sample: float
    """Time of the estimate with magnetometer."""


@dataclass(frozen=True, slots=True)
class Result:
    """One method on one trial."""

    trial: str
    samples: int
    method: str
    score: Score


@dataclass(frozen=True, slots=True)
class Mean:
    """One method on all trials of a group, each of the same weight."""

    group: str
    trials: int
    method: str
    score: Score


def ours(methods: Iterable[str]) -> list[Contender]:
    """Return our methods with their defaults; names that `fusion.orientation` does not know are left out."""
    wanted = set(methods)
    return [Contender(method, partial(estimate, method=method)) for method in METHODS if method in wanted]


def measure(contender: Contender, trial: Trial) -> Result:
    """Run a method over a trial, with magnetometer and without, and compare it with the truth."""
    nine, seconds = _timed(partial(contender.estimate, trial.gyr, trial.acc, trial.mag, trial.rate_hz))
    six = contender.estimate(trial.gyr, trial.acc, None, trial.rate_hz)
    with_mag, without = (orientation_errors(q, trial.quat, trial.moving, trial.rate_hz) for q in (nine, six))
    score = Score(
        total_deg=with_mag.total_deg,
        heading_deg=with_mag.heading_deg,
        inclination_deg=with_mag.inclination_deg,
        drift_6axis_deg_min=without.drift_deg_min,
        inclination_6axis_deg=without.inclination_deg,
        ns_per_sample=1e9 * seconds / len(trial.gyr),
    )
    return Result(trial.name, len(trial.gyr), contender.name, score)


def means(results: Sequence[Result]) -> list[Mean]:
    """Average each method over all trials, then over the undisturbed and the disturbed ones, where there are any."""
    methods = dict.fromkeys(result.method for result in results)
    found = []
    for group in ("all", *GROUPS):
        for method in methods:
            scores = [r.score for r in results if r.method == method and group in ("all", group_of(r.trial))]
            if scores:
                mean = Score(*np.mean([astuple(score) for score in scores], axis=0).tolist())
                found.append(Mean(group, len(scores), method, mean))
    return found


def _timed(function: Callable[[], Floats]) -> tuple[Floats, float]:
    """Return what a function returns and the time it takes [s]."""
    result, shortest = _once(function)
    for _ in range(2 if shortest < BRIEF_S else 0):
        shortest = min(shortest, _once(function)[1])
    return result, shortest


def _once(function: Callable[[], Floats]) -> tuple[Floats, float]:
    start = time.perf_counter()
    return function(), time.perf_counter() - start
