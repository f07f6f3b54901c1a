"""Two sensors on both sides of a joint: made from formulas, worn by the simulated person, and real."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

from fusion.orientation import quaternion as qt
from simulators.person import ImuModel, Person, Script
from simulators.person.imu import place_of
from simulators.person.motion.activities import sit, sit_down, squat, stand, stand_up, walk

Floats = np.ndarray
Signals = tuple[Floats, Floats, Floats, Floats]
"""gyr1, acc1, gyr2, acc2."""
GRAVITY = np.array([0.0, 0.0, 9.80665])
SCRIPTS = {
    "walk": Script((stand(2.0), walk(20.0), stand(2.0))),
    "squat": Script((stand(1.0), squat(6), stand(2.0))),
    "sit_to_stand": Script((stand(2.0), *(sit_down(2.2), sit(1.0), stand_up(2.0), stand(1.0)) * 4)),
}


@dataclass(frozen=True)
class Joint:
    """What two sensors measure, and the truth about the joint."""

    signals: Signals
    axes: tuple[Floats, Floats]
    """The joint's first axis in sensor 1, and its last one in sensor 2."""
    quats: tuple[Floats, Floats]
    """Sensor-to-earth."""
    centres: tuple[Floats, Floats]
    """From sensor to joint [m]."""


def smooth(rng: np.random.Generator, time: Floats, sizes: list[float], fastest_hz: float = 0.7) -> Floats:
    """Return smooth random courses of given RMS size, one column each."""
    out = np.zeros((len(time), len(sizes)))
    for hz in np.linspace(0.15, fastest_hz, 7):
        phase, size = rng.uniform(0.0, 2.0 * np.pi, len(sizes)), rng.normal(size=len(sizes))
        out += size * np.sin(2.0 * np.pi * hz * time[:, None] + phase)
    return out / np.sqrt((out * out).mean(axis=0)) * sizes


def made(
    seed: int,
    angles_deg: list[float],
    seconds: float = 30.0,
    rate_hz: float = 100.0,
    noise: float = 1.0,
    bias_deg_s: float = 0.0,
    common_deg: float = 40.0,
    shake: float = 0.05,
) -> Joint:
    """Return a joint R = Rz(a) Rx(b) Ry(c) whose three angles move by given sizes [deg], between moving segments.

    common_deg: How far the first segment turns about each axis [deg]. shake: how far the joint travels [m].
    """
    rng = np.random.default_rng(seed)
    time = np.arange(0.0, seconds, 1.0 / rate_hz)
    first = Rotation.from_rotvec(smooth(rng, time, [np.radians(common_deg)] * 3))
    joint = Rotation.from_euler("ZXY", smooth(rng, time, angles_deg), degrees=True)
    place = smooth(rng, time, [shake] * 3)
    mounts = Rotation.random(2, random_state=rng)
    centres = [rng.normal(size=3) * 0.12 for _ in range(2)]
    out: list[Floats] = []
    quats = []
    for segment, mount, centre in zip((first, first * joint), mounts, centres, strict=True):
        sensor = segment * mount
        gyr = RotationSpline(time, sensor)(time, 1)
        position = place - sensor.apply(centre)
        acc = sensor.inv().apply(CubicSpline(time, position)(time, 2) + GRAVITY)
        drift = np.radians(bias_deg_s) * np.asarray(Rotation.random(random_state=rng).apply([1.0, 0.0, 0.0]))
        out += [gyr + drift + noise * 0.01 * rng.normal(size=gyr.shape), acc + noise * 0.1 * rng.normal(size=acc.shape)]
        quats.append(sensor.as_quat()[:, [3, 0, 1, 2]])
    axes = (mounts[0].inv().apply([0.0, 0.0, 1.0]), mounts[1].inv().apply([0.0, 1.0 * any(angles_deg[1:]), 0.0]))
    if not any(angles_deg[1:]):
        axes = (axes[0], mounts[1].inv().apply([0.0, 0.0, 1.0]))
    return Joint(tuple(out), axes, tuple(quats), tuple(centres))


def worn(
    motion: str, seed: int, wobble_deg: float, joint: tuple[str, str] = ("thigh", "shank"), rate_hz: float = 60.0
) -> Joint:
    """Return what the simulated person's sensors measure at a joint, with another mounting for every seed.

    Beside the errors of the model, each gyroscope has a bias of 1 deg/s.
    """
    person, model = Person(SCRIPTS[motion], seed=seed), ImuModel(rate_hz=rate_hz, wobble_deg=wobble_deg)
    side = ("left", "right")[seed % 2]
    time = np.arange(0.0, person.script.period, 1.0 / rate_hz)
    out, axes, quats, centres = [], [], [], []
    for i, name in enumerate(joint):
        segment = f"{name}_{side}"
        acc, gyr, _ = person.imu(segment, time, model)
        mount, _ = person.sensor_mounting(segment, model)
        away = np.random.default_rng(seed + i).normal(size=3)
        out += [gyr + np.radians(1.0) * away / np.linalg.norm(away), acc]
        to_sensor = qt.conjugate(mount)
        axes.append(qt.rotate(to_sensor, np.array([0.0, 0.0, 1.0])))
        quats.append(qt.multiply(person.segment_orientation(segment, time), mount))
        knee = np.array([0.0, -0.245 * 1.75 if name == "thigh" else 0.0, 0.0])
        centres.append(qt.rotate(to_sensor, knee - place_of(segment, model, 1.75)))
    return Joint(tuple(out), tuple(axes), tuple(quats), tuple(centres))


def xsens(folder: Path) -> Signals:
    """Return thigh and shank of a walking person, 120 Hz; both files count the same samples."""
    columns = [
        np.genfromtxt(
            folder / f"imu_vendor_exports/walking_xsens_{name}.txt", comments=None, skip_header=5, usecols=range(10)
        )
        for name in ("upperLeg", "lowerLeg")
    ]
    assert np.array_equal(columns[0][:, 0], columns[1][:, 0])
    return (columns[0][:, 4:7], columns[0][:, 1:4], columns[1][:, 4:7], columns[1][:, 1:4])


def movella(folder: Path) -> Signals:
    """Return thigh and shank of a person who sits, stands and walks, 60 Hz, on the common time line of both sensors."""
    tables = []
    for name in ("femur", "tibia"):
        with (folder / f"movella_dot_exports/imt_knee_tracking1/{name}.csv").open() as file:
            rows = list(csv.reader(file))
        head = next(i for i, row in enumerate(rows) if "SampleTimeFine" in row)
        tables.append(np.array([[float(v) for v in row[:8]] for row in rows[head + 1 :] if len(row) >= 8]))
    start, end = max(x[0, 1] for x in tables), min(x[-1, 1] for x in tables)
    time = np.arange(start, end, 1e6 / 60.0)
    out: list[Floats] = []
    for x in tables:
        y = np.stack([np.interp(time, x[:, 1], column) for column in x[:, 2:8].T], axis=1)
        out += [np.radians(y[:, 3:]), y[:, :3]]
    return (out[0], out[1], out[2], out[3])


def off_deg(found: Floats, true: Floats) -> float:
    """Return the angle between two lines [deg]."""
    return float(np.degrees(np.arccos(min(1.0, abs(float(found @ true))))))


@pytest.fixture(scope="session")
def joint() -> Callable[..., Joint]:
    return cache(lambda seed, angles_deg=(50.0, 0.0, 0.0), **more: made(seed, list(angles_deg), **more))


@pytest.fixture(scope="session")
def leg() -> Callable[..., Joint]:
    return cache(worn)


@pytest.fixture(scope="session")
def off() -> Callable[[Floats, Floats], float]:
    return off_deg


@pytest.fixture(scope="session")
def real(recordings: Path) -> dict[str, Callable[[], tuple[Signals, float]]]:
    return {"xsens": lambda: (xsens(recordings), 120.0), "movella": lambda: (movella(recordings), 60.0)}
