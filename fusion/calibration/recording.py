"""Calibrations from the whole recording of one sensor: rests and slow turns are looked for, named parts are cut out.

A row of NaN marks each gap, so that no rest and no turn goes on across it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from devices.chunks import GRAVITY
from fusion.calibration.directions import coverage
from fusion.calibration.ellipsoid import UNKNOWNS, ellipsoid_acc, ellipsoid_mag
from fusion.calibration.ferraris import UNEVEN_BIAS, Part, ferraris
from fusion.calibration.rest import rest_bias
from fusion.calibration.sensor import Finding
from fusion.calibration.stillness import LEAST_SECONDS, rate, rests, rows

Floats = NDArray[np.float64]

GAP = 1.5
"""Between two samples that are this many intervals apart, something is missing."""
SAME_BIAS = 0.01
"""A rest whose mean rate is this far from the median of all was a steady turn [rad/s]: 0.6 deg/s. [P]"""
SLOW = 3.0
"""Turns up to this rate are slow [rad/s]: a magnetometer that averages 50 ms loses 0.1 % of the field. [P]"""
STEP = float(np.radians(2.0))
"""One sample of the field is taken from so much turning [rad], so that no rest counts more than a turn. [P]"""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The samples of one sensor, as measured."""

    t: Floats
    """Time of each row since the recording's start [s], shape (n,), increasing."""
    gyr: Floats
    """[rad/s], shape (n, 3)."""
    acc: Floats
    """[m/s2], shape (n, 3)."""
    mag: Floats | None
    """Any unit, shape (n, 3); None: there is no magnetometer."""
    rate_hz: float

    @classmethod
    def of(
        cls, t: ArrayLike, gyr: ArrayLike, acc: ArrayLike, mag: ArrayLike | None = None, *, rate_hz: float
    ) -> "Recording":
        """Return the recording of samples, with a row of NaN in each gap.

        Raises:
            ValueError: The shapes differ, the rate is not positive, or there is no rate or no force at all.
        """
        time = np.asarray(t, dtype=np.float64)
        signals = {"gyr": rows("gyr", gyr), "acc": rows("acc", acc)} | (
            {} if mag is None else {"mag": rows("mag", mag)}
        )
        if any(x.shape != (time.size, 3) for x in signals.values()):
            raise ValueError(f"t has shape {time.shape}, the samples {[x.shape for x in signals.values()]}")
        for name, words in (("gyr", "angular rate"), ("acc", "acceleration")):
            if np.isnan(signals[name]).all():
                raise ValueError(f"there is no {words} in the recording: both are needed to calibrate")
        gaps = np.flatnonzero(np.diff(time) > GAP / rate(rate_hz)) + 1
        time = np.insert(time, gaps, 0.5 * (time[gaps - 1] + time[gaps]))
        whole = {name: np.insert(x, gaps, np.nan, axis=0) for name, x in signals.items()}
        return cls(time, whole["gyr"], whole["acc"], whole.get("mag"), float(rate_hz))


def of_rests(recording: Recording) -> Finding:
    """Return the gyroscope's bias from all moments of rest.

    Residuals: "gyr", spread of the rates about the bias [rad/s]; "between", the difference of single rests [rad/s].

    Raises:
        ValueError: There is no rest.
    """
    spans = rests(recording.gyr, recording.acc, recording.rate_hz)
    if not spans:
        raise ValueError(f"the sensor never lay still for {LEAST_SECONDS:g} s: lay it down for some seconds")
    means = np.array([recording.gyr[span].mean(axis=0) for span in spans])
    same = np.linalg.norm(means - np.median(means, axis=0), axis=1) <= SAME_BIAS
    if not same.any():
        raise ValueError("the sensor turned slowly in every rest: lay it down on something that does not move")
    kept = [span for span, good in zip(spans, same, strict=True) if good]
    found = rest_bias(np.concatenate([recording.gyr[span] for span in kept]), recording.rate_hz)
    between = float(np.sqrt(((means[same] - np.asarray(found.calibration.gyr_bias)) ** 2).sum(axis=1).mean()))
    warnings = list(found.warnings)
    if not same.all():
        warnings.append(f"{int((~same).sum())} of {same.size} rests were slow turns, and are left out.")
    if between > UNEVEN_BIAS:
        warnings.append(
            f"The bias differs between rests by {np.degrees(between):.1f} deg/s: did the sensor turn slowly?"
        )
    forces = np.array([recording.acc[span].mean(axis=0) for span in kept])
    residuals = {**found.residuals, "between": between}
    return replace(found, residuals=residuals, coverage=coverage(forces), warnings=tuple(warnings))


def of_orientations(recording: Recording, gravity: float = GRAVITY) -> tuple[dict[str, Finding], dict[str, str]]:
    """Return what rests and slow turns in many orientations show of accelerometer and magnetometer.

    Returns the findings by "acc" and "mag", and for what could not be found the reason in words.
    """
    found: dict[str, Finding] = {}
    missing: dict[str, str] = {}
    try:
        found["acc"] = ellipsoid_acc(_many_forces(recording), gravity)
    except ValueError as error:
        missing["acc"] = str(error)
    try:
        found["mag"] = ellipsoid_mag(_many_fields(recording))
    except ValueError as error:
        missing["mag"] = str(error)
    return found, missing


def of_parts(
    recording: Recording,
    spans: Mapping[str, tuple[float, float]],
    angle: float | Sequence[float],
    gravity: float = GRAVITY,
) -> Finding:
    """Return what `ferraris` finds in parts that are named by their times.

    Args:
        spans: Start and end of each part [s], by the names of `ferraris`.
        angle: Of the turns [rad], as `ferraris` takes it.

    Raises:
        ValueError: A part lies outside the recording, or `ferraris` cannot use it.
    """
    parts = {name: _part(recording, name, *span) for name, span in spans.items()}
    return ferraris(parts, recording.rate_hz, angle, gravity)


def turned_fields(gyr: Floats, mag: Floats, rate_hz: float) -> Floats:
    """Return samples of the field, one for each `STEP` of turning no faster than `SLOW`, shape (n, 3).

    Args:
        gyr: Angular rate [rad/s], shape (n, 3); NaN where it is missing.
        mag: Magnetic field, any unit, shape (n, 3); NaN where it is missing.
        rate_hz: Sampling rate [Hz].
    """
    speed = np.nan_to_num(np.linalg.norm(gyr, axis=1), nan=np.inf)
    slow = speed <= SLOW
    steps = np.floor(np.cumsum(np.where(slow, speed, 0.0)) / (rate_hz * STEP))
    usable = slow & ~np.isnan(mag).any(axis=1)
    _, first = np.unique(steps[usable], return_index=True)
    fields: Floats = mag[usable][first]
    return fields


def _many_forces(recording: Recording) -> Floats:
    spans = rests(recording.gyr, recording.acc, recording.rate_hz)
    if len(spans) < UNKNOWNS:
        raise ValueError(
            f"it lay still for {LEAST_SECONDS:g} s in {len(spans)} places only, {UNKNOWNS} are needed and 20 are good: "
            "lay it down on sides, edges and corners"
        )
    return np.array([recording.acc[span].mean(axis=0) for span in spans])


def _many_fields(recording: Recording) -> Floats:
    if recording.mag is None or np.isnan(recording.mag).all():
        raise ValueError("the recording has no magnetic field")
    fields = turned_fields(recording.gyr, recording.mag, recording.rate_hz)
    if len(fields) < UNKNOWNS:
        raise ValueError("the sensor was hardly turned: turn it slowly through all orientations")
    return fields


def _part(recording: Recording, name: str, start: float, stop: float) -> Part:
    """Cut out the samples from start to stop; those nearest to both count, so that rounded times do no harm."""
    half = 0.5 / recording.rate_hz
    first, last = np.searchsorted(recording.t, [start - half, stop - half]).tolist()
    if start < recording.t[0] - 1.0 or stop > recording.t[-1] + 1.0 or first >= last:
        raise ValueError(
            f"{name} from {start:g} to {stop:g} s does not lie in the recording, "
            f"which goes from {recording.t[0]:.1f} to {recording.t[-1]:.1f} s"
        )
    return Part(recording.gyr[first:last], recording.acc[first:last])
