"""How well a method does on trials it was not tuned on: tuned on one half of them, tested on the other.

    python -m tests.bench.tuning DIR

DIR holds trials of BROAD (`kinestream validate orientation --help` says how to get them). `make bench` leaves this out,
as it needs them: six trials take about 1 minute, all 39 about 7.

Each method gets as many candidates: `adaptive` and `smoothed` a fixed Latin hypercube over the parameters that are
marked [T], from a third to three times the default; VQF a grid over its two time constants, as wide. The defaults are
no candidates. The candidate of the smallest mean total error on one half is tested on the other half, over all ways to
halve up to 8 trials, or 40 random ones that halve the undisturbed and the disturbed alike, each in both directions.
The ranges lie around defaults that were tuned on some of these trials, so even the tested half is not quite unseen.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import log

import numpy as np
from numpy.typing import NDArray

from api.commands.terminal import progress_bar
from fusion.orientation import AdaptiveParams, SmoothedParams, estimate
from fusion.orientation.errors import orientation_errors
from gateway.files.broad import Trial, group_of
from tests.bench.trials import trials_of

Floats = NDArray[np.float64]
Values = Mapping[str, float]
Fold = tuple[list[int], list[int]]
"""The trials to tune on, and those to test on."""

ADAPTIVE = ("tau_acc", "tau_mag", "bias_walk", "bias_rest", "heading_sigma", "heading_limit", "mag_rate")
SMOOTHED = ("heading_noise", "drift_start", "heading_limit")
PEERS = {"adaptive tuned": "VQF", "smoothed tuned": "VQF offline"}
"""Whom each method of ours is compared with."""
CANDIDATES = 60
SPREAD = 3.0
"""Candidates reach from the default divided by this to the default times this."""
ALL_SPLITS = 8
"""With more trials the ways to halve them are drawn at random."""
RANDOM_SPLITS = 40
SEED = 1


@dataclass(frozen=True, slots=True)
class Method:
    """One method, and the parameters it is tried with."""

    name: str
    run: Callable[[Trial, Values], Floats]
    fixed: Mapping[str, Values]
    """What needs no tuning, by its name: the defaults."""
    candidates: Sequence[Values]


@dataclass(frozen=True, slots=True)
class Row:
    """Mean errors of one method over the halves of each fold: total and inclination [deg], shape (folds, 2)."""

    name: str
    tuned: Floats
    tested: Floats


def main() -> None:
    """Print the table."""
    trials = trials_of("tests.bench.tuning", least=2)
    halves = folds([trial.name for trial in trials])
    methods = [adaptive(), smoothed(), *vqf()]
    rows = []
    with progress_bar("tuning") as progress:
        for i, method in enumerate(methods):

            def report(done: float, i: int = i) -> None:
                progress((i + done) / len(methods))

            rows += judge(method, trials, halves, report)
    show(rows, len(trials))


def adaptive() -> Method:
    """Return the live filter."""

    def run(trial: Trial, values: Values) -> Floats:
        params = replace(AdaptiveParams(), **values)
        return estimate(trial.gyr, trial.acc, trial.mag, trial.rate_hz, "adaptive", params)

    defaults = AdaptiveParams()
    return Method("adaptive", run, {"default": {}}, hypercube({name: getattr(defaults, name) for name in ADAPTIVE}))


def smoothed() -> Method:
    """Return the smoother."""

    def run(trial: Trial, values: Values) -> Floats:
        params = replace(SmoothedParams(), **values)  # type: ignore[arg-type]  # only its floats are tuned
        return estimate(trial.gyr, trial.acc, trial.mag, trial.rate_hz, "smoothed", params)

    defaults = SmoothedParams()
    return Method("smoothed", run, {"default": {}}, hypercube({name: getattr(defaults, name) for name in SMOOTHED}))


def vqf() -> list[Method]:
    """Return VQF, live and offline, or nothing where it is not installed."""
    try:
        from vqf import VQF, offlineVQF
    except ImportError:
        print("without VQF, which is not installed: pip install vqf", file=sys.stderr)
        return []

    def online(trial: Trial, values: Values) -> Floats:
        found = VQF(1.0 / trial.rate_hz, **values).updateBatch(trial.gyr, trial.acc, trial.mag)
        return np.asarray(found["quat9D"], np.float64)

    def offline(trial: Trial, values: Values) -> Floats:
        found = offlineVQF(trial.gyr, trial.acc, trial.mag, 1.0 / trial.rate_hz, dict(values))
        return np.asarray(found["quat9D"], np.float64)

    fixed = {"default": {}, "2.5/20": {"tauAcc": 2.5, "tauMag": 20.0}}
    # tauMag reaches from a third of the default to three times the best of 30 trials
    grid = product(np.geomspace(3.0 / SPREAD, 3.0 * SPREAD, 6), np.geomspace(9.0 / SPREAD, 20.0 * SPREAD, 10))
    candidates = [{"tauAcc": float(acc), "tauMag": float(mag)} for acc, mag in grid]
    return [Method("VQF", online, fixed, candidates), Method("VQF offline", offline, fixed, candidates)]


def hypercube(defaults: Values) -> list[Values]:
    """Return candidates around the defaults, even in the logarithm of each parameter."""
    rng = np.random.default_rng(SEED)
    share = np.stack([(rng.permutation(CANDIDATES) + rng.random(CANDIDATES)) / CANDIDATES for _ in defaults], axis=1)
    factors = np.exp((2.0 * share - 1.0) * log(SPREAD))
    return [{name: value * float(f) for (name, value), f in zip(defaults.items(), row, strict=True)} for row in factors]


def folds(names: Sequence[str]) -> list[Fold]:
    """Return the halves, each once to tune on and once to test on."""
    count = len(names)
    everyone = range(count)
    if count <= ALL_SPLITS:
        halves = [set(half) for size in {count // 2, count - count // 2} for half in combinations(everyone, size)]
    else:
        halves = []
        rng = np.random.default_rng(SEED)
        for _ in range(RANDOM_SPLITS):
            half: set[int] = set()
            for group in sorted({group_of(name) for name in names}):
                members = rng.permutation([i for i in everyone if group_of(names[i]) == group]).tolist()
                half |= set(members[: (len(members) + int(rng.integers(2))) // 2])
            halves += [half, set(everyone) - half]
    return [(sorted(half), sorted(set(everyone) - half)) for half in halves]


def judge(
    method: Method, trials: Sequence[Trial], halves: Sequence[Fold], progress: Callable[[float], None]
) -> list[Row]:
    """Run a method with all its parameters over all trials, then tune and test it on every fold."""
    tried = [*method.fixed.values(), *method.candidates]
    errors = np.empty((len(tried), len(trials), 2))
    for i, values in enumerate(tried):
        for j, trial in enumerate(trials):
            found = orientation_errors(method.run(trial, values), trial.quat, trial.moving, trial.rate_hz)
            errors[i, j] = found.total_deg, found.inclination_deg
            progress((i + (j + 1) / len(trials)) / len(tried))
    count = len(method.fixed)
    rows = [row(f"{method.name} {name}", errors[i : i + 1], halves) for i, name in enumerate(method.fixed)]
    return [*rows, row(f"{method.name} tuned", errors[count:], halves)]


def row(name: str, errors: Floats, halves: Sequence[Fold]) -> Row:
    """Choose the best candidate on one half, and return its mean errors on both.

    errors: Total and inclination of each candidate on each trial [deg], shape (candidates, trials, 2).
    """
    tuned, tested = [], []
    for here, there in halves:
        best = int(np.argmin(errors[:, here, 0].mean(axis=1)))
        tuned.append(errors[best, here].mean(axis=0))
        tested.append(errors[best, there].mean(axis=0))
    return Row(name, np.array(tuned), np.array(tested))


def show(rows: Sequence[Row], trials: int) -> None:
    """Print the table."""
    count = len(rows[0].tuned)
    print(f"{trials} trials, {count} folds: mean of a half [deg], and its standard deviation over the folds")
    print(f"{'':20s} {'total error':>25s} {'inclination error':>25s}")
    print(f"{'':20s} {'tuned half':>12s} {'tested half':>12s} {'tuned half':>12s} {'tested half':>12s}")
    for row_ in rows:
        cells = [x for i in (0, 1) for x in (row_.tuned[:, i], row_.tested[:, i])]
        print(f"{row_.name:20s} " + " ".join(f"{x.mean():6.2f} {x.std():5.2f}" for x in cells))
    tested = {row_.name: row_.tested[:, 0] for row_ in rows}
    for ours, theirs in product(PEERS, tested):
        if theirs.rsplit(" ", 1)[0] == PEERS[ours]:
            better = int((tested[ours] < tested[theirs]).sum())
            print(f"{ours}: smaller total error of the tested half than {theirs} in {better} of {count} folds")


if __name__ == "__main__":
    main()
