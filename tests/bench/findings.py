"""What docs/fusion.md says of field, acceleration, magnets and honesty, measured again.

    python -m tests.bench.findings DIR

DIR holds trials of BROAD (`kinestream validate orientation --help` says how to get them). `make bench` leaves this out,
as it needs them: six trials take 10 seconds.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from devices.chunks import GRAVITY
from fusion.orientation import METHODS, Adaptive, estimate
from fusion.orientation import quaternion as qt
from fusion.orientation.adaptive import lane
from fusion.orientation.errors import counted, orientation_errors
from fusion.orientation.kernels.adaptive import TRACE
from gateway.files.broad import Trial, group_of
from tests.bench.trials import trials_of

Floats = NDArray[np.float64]

RATES = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, np.inf)
FORCES = (1.0, 2.0, 5.0)
"""Deviations from gravity beyond which a specific force is clipped or left out [m/s2]."""
TURNS_DEG = (30.0, 90.0, 150.0)
LEAD = 5.0
"""The magnet is taken away this long before the movement [s]."""
LATER = (0.0, 35.0, 65.0, 95.0, 115.0)
"""... and the heading looked at after that time [s]."""
LATE = 2.4e-3
"""The IMU's data of BROAD are late by about this against the optical ones [s]."""


def main() -> None:
    """Print all tables."""
    trials = trials_of("tests.bench.findings")
    for table in (field_scatter, honesty, acceleration, magnet, alignment, rest):
        print(table.__doc__.splitlines()[0].removesuffix("."))  # type: ignore[union-attr]
        table(trials)
        print()


def field_scatter(trials: Sequence[Trial]) -> None:
    """Heading of the field in the true orientation [deg]: mean, and standard deviation by rate of turn [rad/s]."""
    line("", ["mean", *(f"{low:g}-{high:g}" for low, high in pairwise(RATES))])
    for trial in trials:
        rows = counted(trial.quat, trial.moving)
        field = qt.rotate(qt.normalize(trial.quat[rows]), trial.mag[rows])
        angle = np.arctan2(field[:, 0], field[:, 1])
        mean = np.angle(np.exp(1j * angle).mean())
        angle = wrapped(angle - mean)
        rate = np.linalg.norm(trial.gyr[rows], axis=1)
        at = [(rate >= low) & (rate < high) for low, high in pairwise(RATES)]
        scatter = [f"{np.degrees(angle[x].std()):.1f}" if x.sum() > 200 else "-" for x in at]
        line(trial.name, [f"{np.degrees(mean):.1f}", *scatter])


def honesty(trials: Sequence[Trial]) -> None:
    """Heading of `adaptive`: share of samples within 1 and 2 of its own sigma; its error and sigma, RMS [deg]."""
    line("", ["1 sigma", "2 sigma", "error", "sigma"])
    for trial in trials:
        error, sigma = live(trial, trial.mag)
        rows = counted(trial.quat, trial.moving)
        size, sigma = np.abs(error[rows]), sigma[rows]
        shares = [f"{100 * (size < n * sigma).mean():.0f} %" for n in (1, 2)]
        line(trial.name, [*shares, f"{rms_deg(size):.2f}", f"{rms_deg(sigma):.2f}"])


def acceleration(trials: Sequence[Trial]) -> None:
    """Inclination error of `adaptive` [deg], its specific force clipped to gravity +- x m/s2, or left out beyond it."""
    line("", ["as it is", *(f"clip {x:g}" for x in FORCES), *(f"omit {x:g}" for x in FORCES)])
    for trial in trials:
        size = np.linalg.norm(trial.acc, axis=1)[:, None]
        clipped = [trial.acc * np.clip(size, GRAVITY - x, GRAVITY + x) / size for x in FORCES]
        omitted = [np.where(np.abs(size - GRAVITY) > x, np.nan, trial.acc) for x in FORCES]
        cells = []
        for acc in (trial.acc, *clipped, *omitted):
            quat = estimate(trial.gyr, acc, trial.mag, trial.rate_hz)
            cells.append(f"{orientation_errors(quat, trial.quat, trial.moving, trial.rate_hz).inclination_deg:.2f}")
        line(trial.name, cells)


def magnet(trials: Sequence[Trial]) -> None:
    """Field turned by x deg until 5 s before the movement: mean heading error of the undisturbed trials [deg], then.

    Norm and dip stay as they are, so that nothing but the heading can give the magnet away.
    """
    undisturbed = [trial for trial in trials if group_of(trial.name) == "undisturbed"]
    if not undisturbed:
        return
    methods: dict[str, Callable[[Trial, Floats], Floats]] = {
        "adaptive": lambda trial, mag: estimate(trial.gyr, trial.acc, mag, trial.rate_hz, "adaptive"),
        "smoothed": lambda trial, mag: estimate(trial.gyr, trial.acc, mag, trial.rate_hz, "smoothed"),
    }
    if find_spec("vqf"):
        methods["VQF"] = run_vqf
    line("", ["sigma", *(f"{x:g} s" for x in LATER)])
    for turn_deg in TURNS_DEG:
        turned = [turn_field(trial, turn_deg) for trial in undisturbed]
        sigma = np.mean([live(trial, mag)[1][end] for trial, mag, end in turned])
        for name, method in methods.items():
            sizes = []
            for trial, mag, end in turned:
                size = np.abs(heading_error(method(trial, mag), trial))
                sizes.append([middle(size, end + int(x * trial.rate_hz), trial.rate_hz) for x in LATER])
            cells = [f"{np.degrees(sigma):.1f}" if name == "adaptive" else ""]
            line(f"{turn_deg:g} deg {name}", cells + [f"{x:.1f}" for x in np.degrees(np.mean(sizes, axis=0))])


def turn_field(trial: Trial, turn_deg: float) -> tuple[Trial, Floats, int]:
    """Return a trial with a field turned about the vertical while the sensor lies still, and up to which sample."""
    end = int(counted(trial.quat, trial.moving)[0] - LEAD * trial.rate_hz)
    up = trial.acc[:end].mean(axis=0)
    half = 0.5 * np.radians(turn_deg)
    mag = trial.mag.copy()
    mag[:end] = qt.rotate(np.array([np.cos(half), *np.sin(half) * up / np.linalg.norm(up)]), mag[:end])
    return trial, mag, end


def alignment(trials: Sequence[Trial]) -> None:
    """Mean heading error, heading RMS without it; inclination, and with the orientation turned on by 2.4 ms [deg]."""
    line("", ["mean", "without", "incl.", "turned on"])
    for method in METHODS:
        for trial in trials:
            quat = estimate(trial.gyr, trial.acc, trial.mag, trial.rate_hz, method)
            error = heading_error(quat, trial)[counted(trial.quat, trial.moving)]
            turn = trial.gyr * LATE
            angle = np.linalg.norm(turn, axis=1, keepdims=True)
            ahead = np.concatenate([np.cos(angle / 2), 0.5 * turn * np.sinc(angle / 2 / np.pi)], axis=1)
            found = [
                orientation_errors(q, trial.quat, trial.moving, trial.rate_hz).inclination_deg
                for q in (quat, qt.multiply(quat, ahead))
            ]
            mean = np.angle(np.exp(1j * error).mean())
            cells = [np.degrees(mean), rms_deg(wrapped(error - mean)), *found]
            line(f"{method} {trial.name[:22]}", [f"{x:.2f}" for x in cells])


def rest(trials: Sequence[Trial]) -> None:
    """Change of the heading error from 10 s to the start of the movement, while the sensor lies still [deg/min]."""
    line("", list(METHODS))
    for trial in trials:
        cells = []
        for method in METHODS:
            quat = estimate(trial.gyr, trial.acc, trial.mag, trial.rate_hz, method)
            error = heading_error(quat, trial)
            known = np.flatnonzero(np.isfinite(error[: counted(trial.quat, trial.moving)[0]]))
            known = known[known > 10.0 * trial.rate_hz]
            slope = np.polyfit(known / trial.rate_hz / 60.0, np.degrees(np.unwrap(error[known])), 1)[0]
            cells.append(f"{slope:.2f}")
        line(trial.name, cells)


def run_vqf(trial: Trial, mag: Floats) -> Floats:
    """Run VQF with its defaults."""
    from vqf import VQF

    return np.asarray(VQF(1.0 / trial.rate_hz).updateBatch(trial.gyr, trial.acc, mag)["quat9D"], np.float64)


def live(trial: Trial, mag: Floats) -> tuple[Floats, Floats]:
    """Run `adaptive`, and return the error of its heading and its own standard deviation [rad], each of shape (n,)."""
    count = len(trial.gyr)
    trace = np.zeros((count, 1, TRACE))
    dt = np.full((count, 1), 1.0 / trial.rate_hz)
    quat = Adaptive(1).update(lane(trial.gyr), lane(trial.acc), lane(mag), dt, trace=trace)
    return heading_error(quat[:, :, 0].T, trial), trace[:, 0, 11]


def heading_error(quat: Floats, trial: Trial) -> Floats:
    """Return by how much the estimate is turned about the vertical against the truth [rad], shape (n,)."""
    error = qt.multiply(qt.normalize(quat), qt.conjugate(qt.normalize(trial.quat)))
    return wrapped(2.0 * np.arctan2(error[:, 3], error[:, 0]))


def middle(x: Floats, index: int, rate_hz: float) -> float:
    """Return the median of half a second."""
    around = int(0.25 * rate_hz)
    return float(np.nanmedian(x[max(index - around, 0) : index + around]))


def wrapped(angle: Floats) -> Floats:
    """Return an angle within +-pi [rad]."""
    return np.asarray((angle + np.pi) % (2.0 * np.pi) - np.pi)


def rms_deg(angle: Floats) -> float:
    """Return the root mean square [deg] of angles [rad]."""
    return float(np.degrees(np.sqrt(np.mean(angle * angle))))


def line(name: str, cells: Sequence[str]) -> None:
    """Print a row."""
    print(f"  {name:38s}" + "".join(f"{cell:>10s}" for cell in cells))


if __name__ == "__main__":
    main()
