"""Calibration from six rests and three turns by hand, without any reference instrument.

Ferraris, Grimaldi and Parvis 1995, Sensors and Materials 7:311 [M]. The sensor (or the box around it) is laid down on
each of its six sides and turned once about each of its three axes by a known angle.

Rests: U = g K [x -x y -y z -z] + b, with U the six mean forces, K what misalignment and scale do, b the bias. As the
positions come in opposite pairs, g K e_i = (p_i - a_i) / 2. Each entry of the bias comes from the pair along its own
axis: there, a position that is crooked by an angle d errs by g d^2 / 2, in the mean of all six positions by g d.
The gyroscope's bias is the mean rate of all six positions, so that an influence of gravity cancels.
Turns: the sum of the rates less their bias, times the sampling interval, is angle K_gyr e_i.
What is kept is the inverse: corrected = K^-1 (measured - bias).

Deviations: the influence of acceleration on the gyroscope is reported as a residual and not corrected. The sum of rates
is the turn only while the axis stands still in space; how far it did not, shows the residual "turn", for which the
corrected rates are integrated as rotations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from devices.chunks import GRAVITY
from fusion.calibration.directions import coverage
from fusion.calibration.sensor import Finding, SensorCalibration
from fusion.calibration.stillness import LEAST_SAMPLES, rate, rows, unrest, usable
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]

POSITIONS = ("x_p", "x_a", "y_p", "y_a", "z_p", "z_a")
"""Named by the axis that points up (p: the accelerometer shows +g on it) or down (a: -g)."""
TURNS = ("x_rot", "y_rot", "z_rot")
PARTS = POSITIONS + TURNS
AXIS_COS = float(np.cos(np.radians(30.0)))
"""A position or turn this far off the axis that it is named for is another one: 30 deg. [P]"""
CROOKED = float(np.radians(2.0))
"""Mean tilt of the positions from which a surface is not level or a box not square [rad]. [P]"""
ANGLE_SURE, ANGLE_POSSIBLE = 0.1, 0.4
"""Relative difference of the raw turn from its known angle that is unusual, and that means half or twice the turn;
gyroscopes are within some percent as delivered. [P]"""
ANGLE_LEFT = float(np.radians(10.0))
"""What is left between the rotation and the known one, from which it was not about one axis [rad]. [P]"""
CUT_RATE = 0.5
"""Rate at either end of a turn from which it may have been cut off [rad/s]. [P]"""
UNEVEN_BIAS = 0.005
"""RMS difference of the gyroscope's bias between the positions that is unusual [rad/s]: 0.3 deg/s. [P]"""


@dataclass(frozen=True, slots=True)
class Part:
    """The samples of one rest or one turn."""

    gyr: Floats
    """[rad/s], shape (n, 3)."""
    acc: Floats
    """[m/s2], shape (n, 3); not looked at in a turn."""


def ferraris(
    parts: Mapping[str, Part], rate_hz: float, angle: float | Sequence[float], gravity: float = GRAVITY
) -> Finding:
    """Return accelerometer and gyroscope calibrated from nine parts.

    Residuals: "acc", calibrated mean force of a rest against gravity along its axis [m/s2], with it how crooked the
    sensor lay; "norm", the magnitude of that mean against gravity [m/s2]; "gyr", the rate left in a rest [rad/s];
    "turn", the calibrated rotation against the known one [rad].

    Args:
        parts: The samples by name, as in `PARTS`; the turns begin and end at rest and hold little else.
        rate_hz: Sampling rate [Hz].
        angle: Of the turns [rad], right-handed about the named axis: -2 pi is once clockwise as seen from its tip.
            One for all, or three.
        gravity: At the place of the calibration [m/s2]; standard gravity is within 0.3 % everywhere.

    Raises:
        ValueError: A part is missing, too short, not still, of another axis, or cannot be turned by that angle.
    """
    missing = [name for name in PARTS if name not in parts]
    if missing:
        raise ValueError(f"these parts are missing: {', '.join(missing)}")
    if not 9.0 < gravity < 10.0:
        raise ValueError(f"gravity must be in m/s2, not {gravity}")
    known, rate_hz = _angles(angle), rate(rate_hz)
    forces, rates, warnings = _rests(parts, rate_hz)
    bias = rates.mean(axis=0)
    turns = {name: _turn(name, parts[name].gyr) for name in TURNS}
    sums = np.stack([(x - bias).sum(axis=0) / rate_hz for x in turns.values()])
    warnings += [w for i, name in enumerate(TURNS) for w in _doubts(name, turns[name] - bias, sums[i], i, known[i])]
    acc_bias = _acc_bias(forces)
    calibration = SensorCalibration(
        acc_bias=acc_bias,
        acc_matrix=_acc_matrix(forces, gravity),
        gyr_bias=bias,
        gyr_matrix=_inverse((sums / known[:, None]).T),
    )
    residuals = _rest_residuals(calibration, forces, rates, gravity)
    left = np.array([_left(calibration, x, rate_hz, i, known[i]) for i, x in enumerate(turns.values())])
    residuals["turn"] = _rms(left)
    warnings += _summary(residuals, left, gravity)
    return Finding(calibration, residuals, coverage(forces - acc_bias), tuple(warnings))


def rotation(gyr: Floats, rate_hz: float) -> Floats:
    """Return the rotation that rates [rad/s], shape (n, 3), add up to: last to first sensor frame, shape (4,)."""
    half = 0.5 * gyr / rate_hz
    size = np.sqrt((half * half).sum(axis=1, keepdims=True))
    q = np.concatenate([np.cos(size), half * np.sinc(size / np.pi)], axis=1)
    while len(q) > 1:
        odd = q[len(q) - len(q) % 2 :]
        q = np.concatenate([qt.multiply(q[: len(q) // 2 * 2 : 2], q[1::2]), odd])
    return qt.normalize(q[0])


def _angles(angle: float | Sequence[float]) -> Floats:
    known = np.broadcast_to(np.asarray(angle, dtype=np.float64), 3)
    if not bool(((np.abs(known) > 0.1) & (np.abs(known) < 100.0)).all()):
        raise ValueError(f"angle must be that of a turn in rad, not {angle}")
    return known


def _rests(parts: Mapping[str, Part], rate_hz: float) -> tuple[Floats, Floats, list[str]]:
    """Return mean forces and rates of the positions, shapes (6, 3), and what looked like movement."""
    forces, rates, warnings = [], [], []
    for name in POSITIONS:
        gyr, acc = usable(f"gyr of {name}", parts[name].gyr), usable(f"acc of {name}", parts[name].acc)
        warnings += unrest(name, gyr, acc, rate_hz)
        forces.append(acc.mean(axis=0))
        rates.append(gyr.mean(axis=0))
    return np.array(forces), np.array(rates), warnings


def _acc_bias(forces: Floats) -> Floats:
    return 0.5 * (np.diag(forces[::2]) + np.diag(forces[1::2]))


def _acc_matrix(forces: Floats, gravity: float) -> Floats:
    centred = forces - _acc_bias(forces)
    for name, force, axis in zip(POSITIONS, centred, _ups(), strict=True):
        if float(force @ axis) <= AXIS_COS * float(np.linalg.norm(force)):
            raise ValueError(f"{name} does not have gravity on its axis: were positions exchanged or left out?")
    return _inverse((forces[::2] - forces[1::2]).T / (2.0 * gravity))


def _inverse(matrix: Floats) -> Floats:
    """Return the inverse; columns within 30 deg of their axes leave it no way to be singular."""
    return cast(Floats, np.linalg.inv(matrix))


def _ups() -> Floats:
    """Return where up is in the sensor frame, by position, shape (6, 3)."""
    return np.stack([sign * axis for axis in np.eye(3) for sign in (1.0, -1.0)])


def _turn(name: str, gyr: ArrayLike) -> Floats:
    """Return the rates of a turn, of which none may be missing."""
    turn = rows(f"gyr of {name}", gyr)
    if len(turn) < LEAST_SAMPLES or np.isnan(turn).any():
        raise ValueError(f"{name} must be {LEAST_SAMPLES} samples or more without a gap, to be added up to an angle")
    return turn


def _doubts(name: str, gyr: Floats, total: Floats, i: int, known: float) -> list[str]:
    """Return warnings about a turn about axis `i` with rates less bias, whose sum is `total` [rad].

    Raises:
        ValueError: It cannot have been that turn.
    """
    along, size = float(total[i]) * np.sign(known), float(np.linalg.norm(total))
    if along <= AXIS_COS * size:
        way = "the other way round" if along < -AXIS_COS * size else "about another axis"
        raise ValueError(f"{name} turned {way} than its name and angle say")
    off = abs(along / abs(known) - 1.0)
    said = f"{name} adds up to {np.degrees(along):.0f} deg instead of {np.degrees(abs(known)):.0f}"
    if off > ANGLE_POSSIBLE:
        raise ValueError(f"{said}: another angle, another rate, or not in rad/s")
    warnings = [f"{said}: was the turn complete?"] if off > ANGLE_SURE else []
    if float(np.abs(gyr[[0, -1]]).max()) > CUT_RATE:
        warnings.append(f"{name} begins or ends while turning: was it cut off?")
    return warnings


def _rest_residuals(calibration: SensorCalibration, forces: Floats, rates: Floats, gravity: float) -> dict[str, float]:
    gyr, acc, _ = calibration.apply(rates, forces)
    return {
        "acc": _rms(np.linalg.norm(acc - gravity * _ups(), axis=1)),
        "norm": _rms(np.linalg.norm(acc, axis=1) - gravity),
        "gyr": _rms(np.linalg.norm(gyr, axis=1)),
    }


def _left(calibration: SensorCalibration, gyr: Floats, rate_hz: float, i: int, known: float) -> float:
    """Return the angle between the rotation that calibrated rates add up to and the known one [rad]."""
    corrected, _, _ = calibration.apply(gyr, gyr)
    return float(qt.angle(rotation(corrected, rate_hz), qt.from_axis_angle(np.eye(3)[i], known)))


def _summary(residuals: Mapping[str, float], left: Floats, gravity: float) -> list[str]:
    warnings = [
        f"{name} was not about one steady axis: {np.degrees(size):.0f} deg are left."
        for name, size in zip(TURNS, left, strict=True)
        if size > ANGLE_LEFT
    ]
    tilt = residuals["acc"] / gravity
    if tilt > CROOKED:
        warnings.append(
            f"The positions are crooked by {np.degrees(tilt):.1f} deg: is the surface level, the box square?"
        )
    if residuals["gyr"] > UNEVEN_BIAS:
        warnings.append(f"The gyroscope's bias differs between positions by {np.degrees(residuals['gyr']):.1f} deg/s.")
    return warnings


def _rms(x: Floats) -> float:
    return float(np.sqrt((x * x).mean()))
