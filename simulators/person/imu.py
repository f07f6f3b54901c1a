"""What an inertial sensor on a segment measures: the ideal quantities at its place, then its errors.

`ideal` is specific force (acceleration minus gravity, +9.81 up at rest), angular rate and magnetic field in the
sensor's frame. The errors of one device are drawn from the seed, once: bias, scale, misalignment. Per sample come
white noise and a slow wander of the bias.
"""

from dataclasses import dataclass, replace

import numpy as np

from devices.chunks import GRAVITY
from simulators.person.body import MIRROR, Pose, split
from simulators.person.field import EarthField
from simulators.person.grid import Grid, Table
from simulators.person.noise import Drift, WhiteNoise, generator, key_of
from simulators.person.rotation import Floats, conjugate, draw, from_vector, multiply, rotate

CELLS_PER_SAMPLE = 4
"""Noise cells per sample interval, so that a jittering clock never reads the same cell twice."""

Reading = tuple[Floats, Floats, Floats]
"""acc [m/s2], gyr [rad/s], mag [T], each of shape (N, 3)."""


@dataclass(frozen=True, slots=True)
class ImuModel:
    """Mounting and errors of a sensor.

    Noise densities, bias instabilities and ranges of acc and gyr are those of the Xsens MTi-1 series, whose class the
    Movella DOT is (table in doi:10.2478/tar-2023-0022). Everything marked *assumed* is not on a data sheet.
    """

    rate_hz: float = 60.0
    """Rate at which the sensor will be read; a noise density becomes a standard deviation by sqrt(rate_hz / 2)."""
    mounting: tuple[float, float, float, float] | None = None
    """Sensor-to-segment rotation, w x y z; None: any rotation, fixed by seed and segment."""
    place_m: tuple[float, float, float] | None = None
    """Mounting point in the segment's frame [m]; None: the usual place of the segment (see `PLACES`)."""
    device: str = ""
    """Tells two sensors on one segment apart: another name, other errors, noise and mounting."""
    acc_noise_density: float = 120e-6 * GRAVITY
    """White noise [m/s2/sqrt(Hz)]."""
    acc_bias: float = 0.03
    """Standard deviation of the constant bias per axis [m/s2]; assumed: 3 mg."""
    acc_drift: float = 0.03e-3 * GRAVITY
    """Standard deviation of the wandering bias per axis [m/s2]."""
    acc_range: float = 16.0 * GRAVITY
    """Full scale [m/s2]."""
    gyr_noise_density: float = float(np.radians(0.007))
    """White noise [rad/s/sqrt(Hz)]."""
    gyr_bias: float = float(np.radians(0.2))
    """Standard deviation of the constant bias per axis [rad/s]; assumed: 0.2 deg/s at switch-on."""
    gyr_drift: float = float(np.radians(10.0 / 3600.0))
    """Standard deviation of the wandering bias per axis [rad/s]: 10 deg/h."""
    gyr_range: float = float(np.radians(2000.0))
    """Full scale [rad/s]."""
    mag_noise: float = 50e-9
    """White noise per sample [T]; assumed: 0.5 mG."""
    mag_bias: float = 0.5e-6
    """Standard deviation of the hard-iron offset per axis [T]; assumed: 1 % of the field left after calibration."""
    scale: float = 0.003
    """Standard deviation of the scale error per axis, as a fraction; assumed."""
    misalignment: float = float(np.radians(0.2))
    """Standard deviation of the non-orthogonality of each pair of axes [rad]; assumed."""
    drift_s: float = 120.0
    """Distance of the nodes of the wandering bias [s]; assumed."""
    wobble_deg: float = 0.0
    """Soft tissue: tilt of the sensor per steady 10 m/s2 across the segment [deg], 0.5 to 2 on a thigh; 0: rigid."""
    wobble_hz: float = 9.0
    """Natural frequency of the tissue under the sensor; assumed."""
    wobble_damping: float = 0.25
    """Damping ratio of it; assumed."""

    @classmethod
    def ideal(cls) -> "ImuModel":
        """Return a sensor without any error, mounted in some unknown rotation."""
        return cls(
            acc_noise_density=0.0,
            acc_bias=0.0,
            acc_drift=0.0,
            acc_range=np.inf,
            gyr_noise_density=0.0,
            gyr_bias=0.0,
            gyr_drift=0.0,
            gyr_range=np.inf,
            mag_noise=0.0,
            mag_bias=0.0,
            scale=0.0,
            misalignment=0.0,
        )

    @classmethod
    def aligned(cls) -> "ImuModel":
        """Return the default sensor, mounted with its axes along those of the segment."""
        return cls(mounting=(1.0, 0.0, 0.0, 0.0))

    def along_segment(self) -> "ImuModel":
        """Return the same sensor, mounted with its axes along those of the segment."""
        return replace(self, mounting=(1.0, 0.0, 0.0, 0.0))


PLACES = {
    "pelvis": (-0.06, 0.05, 0.0),
    "trunk": (-0.07, 0.19, 0.0),
    "head": (-0.06, 0.08, 0.0),
    "thigh": (0.02, -0.13, 0.045),
    "shank": (0.02, -0.06, 0.025),
    "foot": (0.05, -0.005, 0.0),
    "upper_arm": (0.0, -0.10, 0.03),
    "forearm": (-0.015, -0.12, 0.0),
    "hand": (-0.01, -0.04, 0.0),
    "scapula": (-0.01, 0.0, 0.02),
}
"""Usual mounting points, fractions of the body height in the segment's frame; z is outward on both sides."""


def place_of(segment: str, model: ImuModel, height_m: float) -> Floats:
    """Return the mounting point in the segment's frame [m]."""
    if model.place_m is not None:
        return np.array(model.place_m)
    name, side = split(segment)
    return np.asarray(height_m * np.array(PLACES[name]) * (1.0, 1.0, MIRROR[side]))


def mounting_of(segment: str, model: ImuModel, seed: int) -> Floats:
    """Return the sensor-to-segment quaternion, shape (4,)."""
    if model.mounting is not None:
        quat = np.array(model.mounting)
        return np.asarray(quat / np.linalg.norm(quat))
    return draw(generator(key_of(seed, f"mounting/{segment}/{model.device}")))


class MountedImu:
    """One sensor on one segment, ready to be read at any time."""

    def __init__(
        self,
        model: ImuModel,
        poses: Pose,
        grid: Grid,
        field: EarthField,
        mounting: Floats,
        place: Floats,
        seed: int,
        name: str,
    ) -> None:
        """Work out the readings over one loop. poses: the segment's, on `grid.times()`."""
        quat, position = poses.quat, poses.position + rotate(poses.quat, place)
        if model.wobble_deg:
            quat = multiply(quat, _wobble(model, quat, position, grid, place))
        quat = multiply(quat, np.broadcast_to(mounting, quat.shape))
        readings = _ideal(quat, position, grid, field)
        self._table = Table(grid, _with_errors(readings, model, generator(key_of(seed, f"errors/{name}"))))
        self._noise = WhiteNoise(key_of(seed, f"noise/{name}"), 9, CELLS_PER_SAMPLE * model.rate_hz)
        self._drift = Drift(key_of(seed, f"drift/{name}"), 6, model.drift_s)
        root = np.sqrt(model.rate_hz / 2.0)
        acc, gyr = model.acc_noise_density * root, model.gyr_noise_density * root
        self._noise_sd = np.repeat([acc, gyr, model.mag_noise], 3)
        self._drift_sd = np.repeat([model.acc_drift, model.gyr_drift], 3)
        self._limit = np.repeat([model.acc_range, model.gyr_range, np.inf], 3)

    def read(self, t: Floats) -> Reading:
        """Return acc [m/s2], gyr [rad/s] and mag [T] in the sensor's frame at times t [s], each (N, 3)."""
        values = self._table.at(t)
        if self._noise_sd.any():
            values += self._noise_sd * self._noise.at(t)
        if self._drift_sd.any():
            values[:, :6] += self._drift_sd * self._drift.at(t)
        np.clip(values, -self._limit, self._limit, out=values)
        return values[:, :3], values[:, 3:6], values[:, 6:]


def _ideal(quat: Floats, position: Floats, grid: Grid, field: EarthField) -> Floats:
    """Return specific force, angular rate and field in the sensor's frame on the loop, shape (points, 9)."""
    to_sensor = conjugate(grid.inner(quat))
    force = grid.second_derivative(position) + np.array([0.0, 0.0, GRAVITY])
    rate = 2.0 * multiply(to_sensor, grid.derivative(quat))[:, 1:]
    return np.hstack((rotate(to_sensor, force), rate, rotate(to_sensor, field.at(grid.inner(position)))))


def _with_errors(readings: Floats, model: ImuModel, rng: np.random.Generator) -> Floats:
    """Apply the constant errors of one device: scale, misalignment, bias."""
    parts = []
    for k, bias in enumerate((model.acc_bias, model.gyr_bias, model.mag_bias)):
        scale = np.diag(model.scale * rng.standard_normal(3))
        skew = model.misalignment * rng.standard_normal((3, 3)) * (1.0 - np.eye(3))
        offset = bias * rng.standard_normal(3)
        parts.append(readings[:, 3 * k : 3 * k + 3] @ (np.eye(3) + scale + skew).T + offset)
    return np.hstack(parts)


def _wobble(model: ImuModel, quat: Floats, position: Floats, grid: Grid, place: Floats) -> Floats:
    """Return the tilt of the sensor on soft tissue: a damped oscillator driven by the acceleration across it.

    The tilt axis is perpendicular to the acceleration and to the outward normal of the segment's surface, so skin that
    is left behind turns the sensor. The response is that of the steady loop, by its spectrum.
    """
    normal = place * (1.0, 0.0, 1.0)
    normal = normal / np.linalg.norm(normal) if normal.any() else np.array([0.0, 0.0, 1.0])
    across = rotate(conjugate(grid.inner(quat)), grid.second_derivative(position))
    torque = np.cross(normal, across) * (np.radians(model.wobble_deg) / 10.0)
    ratio = np.fft.rfftfreq(grid.points, grid.step) / model.wobble_hz
    response = 1.0 / (1.0 - ratio**2 + 2j * model.wobble_damping * ratio)
    tilt = np.fft.irfft(np.fft.rfft(torque, axis=0) * response[:, None], n=grid.points, axis=0)
    return from_vector(grid.wrapped(tilt))
