"""A leg made of formulas: what ideal sensors on thigh and shank would measure, and the knee angle that is true."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

from fusion.estimates import Batch, Event
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import Placement, TimedImu
from simulators.person.imu import ImuModel
from simulators.person.person import Person

Floats = np.ndarray
START = 1_700_000_000_000_000_000
FACING_EAST = Rotation.from_matrix(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
"""Segment (x anterior, y up, z right) to earth (ENU) for somebody who stands and looks east."""
NORTH = np.array([0.0, 0.4, -0.9])


@dataclass(frozen=True)
class Sensor:
    """One sensor's ideal samples."""

    t: np.ndarray
    acc: Floats
    gyr: Floats
    mag: Floats

    def chunks(self, name: str, size: int = 4) -> Iterator[TimedImu]:
        dt = np.diff(self.t, prepend=self.t[0]) * 1e-9
        dt[0] = np.nan
        for i in range(0, len(self.t), size):
            s = slice(i, i + size)
            yield TimedImu(name, self.t[s], dt[s], self.acc[s], self.gyr[s], self.mag[s])


@dataclass(frozen=True)
class Leg:
    """Sensors by segment, and the true knee flexion [deg] at the times of the grid."""

    sensors: dict[str, Sensor]
    time: Floats
    knee_deg: Floats
    tilt_deg: dict[str, Floats]


def measured(
    segment: Rotation, position: Floats, time: Floats, mount: Rotation, rng: np.random.Generator, noise: float
) -> Sensor:
    """Return what a sensor fixed to a moving segment measures; acceleration and rate by differentiating splines."""
    sensor = segment * mount.inv()
    gyr = RotationSpline(time, sensor)(time, 1)
    # RotationSpline gives rates in the body frame of the rotations it was fed with
    force = CubicSpline(time, position)(time, 2) + np.array([0.0, 0.0, 9.80665])
    acc = sensor.inv().apply(force)
    n = len(time)
    gyr = gyr + noise * (0.005 * rng.normal(size=(n, 3)) + 0.005 * rng.normal(size=3))
    acc = acc + noise * 0.05 * rng.normal(size=(n, 3))
    t = START + np.round(time * 1e9).astype(np.int64)
    return Sensor(t, acc, gyr, sensor.inv().apply(NORTH) + noise * 0.01 * rng.normal(size=(n, 3)))


def squat(time: Floats) -> tuple[Floats, Floats]:
    """Return thigh and shank tilt [rad] (backward positive): stand for four seconds, then squat every three."""
    depth = np.where(time > 4.0, 0.5 - 0.5 * np.cos(2 * np.pi * (time - 4.0) / 3.0), 0.0)
    return np.radians(75.0) * depth, np.radians(-30.0) * depth


def started(time: Floats) -> Floats:
    """Return 0 while standing and 1 while walking."""
    ramp = np.clip((time - 4.0) / 2.0, 0.0, 1.0)
    return ramp * ramp * (3 - 2 * ramp)


def walk(time: Floats) -> tuple[Floats, Floats]:
    """Return thigh and shank tilt [rad]: stand for four seconds, then walk at one stride per 1.1 s."""
    phase = 2 * np.pi * np.maximum(time - 4.0, 0.0) / 1.1
    ramp = started(time)
    thigh = 5.0 + 22.0 * np.cos(phase)
    knee = 20.0 - 18.0 * np.cos(phase + 1.0) - 14.0 * np.cos(2 * phase - 0.8)
    return np.radians(ramp * thigh), np.radians(ramp * (thigh - np.maximum(knee, 0.0)))


def sit_to_stand(time: Floats) -> tuple[Floats, Floats]:
    """Return thigh and shank tilt [rad]: sit for four seconds, then stand up and sit down every four."""
    up = np.where(time > 4.0, 0.5 - 0.5 * np.cos(2 * np.pi * (time - 4.0) / 4.0), 0.0)
    return np.radians(90.0) * (1 - up), np.radians(-15.0) * np.sin(np.pi * up)


MOTIONS = {"squat": squat, "walk": walk, "sit_to_stand": sit_to_stand}


def make_leg(
    motion: str, seconds: float = 40.0, seed: int = 0, noise: float = 0.0, rate_hz: float = 100.0, side: str = "left"
) -> Leg:
    """Return a leg whose sensors sit anyhow."""
    rng = np.random.default_rng(seed)
    time = np.arange(0.0, seconds, 1.0 / rate_hz)
    thigh_tilt, shank_tilt = MOTIONS[motion](time)
    axis = np.array([0.0, 0.0, 1.0])
    thigh = FACING_EAST * Rotation.from_rotvec(thigh_tilt[:, None] * axis)
    shank = FACING_EAST * Rotation.from_rotvec(shank_tilt[:, None] * axis)
    if motion == "walk":  # the hip bobs a little and the leg hangs from it
        bob = started(time) * np.cos(4 * np.pi * time / 1.1)
        hip = np.array([0.0, 0.0, 0.85]) + 0.02 * np.outer(bob, [0.5, 0.0, 1.0])
        knee = hip - thigh.apply([0.0, 0.42, 0.0])
        ankle = knee - shank.apply([0.0, 0.42, 0.0])
    else:  # the foot stays where it is
        ankle = np.zeros((len(time), 3))
        knee = ankle + shank.apply([0.0, 0.42, 0.0])
    mounts = Rotation.random(2, random_state=rng)
    where = {
        "thigh": (thigh, knee + thigh.apply([0.05, 0.2, 0.02])),
        "shank": (shank, ankle + shank.apply([0.03, 0.25, 0.03])),
    }
    sensors = {
        f"{name}_{side}": measured(rotation, position, time, mounts[i], rng, noise)
        for i, (name, (rotation, position)) in enumerate(where.items())
    }
    tilt = {"thigh": np.degrees(thigh_tilt), "shank": np.degrees(shank_tilt)}
    return Leg(sensors, time, np.degrees(thigh_tilt - shank_tilt), tilt)


@dataclass
class Run:
    """What a pipeline gave."""

    pipeline: Pipeline
    batches: list[Batch] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def take(self, out: tuple[list[Batch], list[Event]]) -> None:
        self.batches += out[0]
        self.events += out[1]

    def series(self, name: str) -> tuple[Floats, Floats]:
        """Return time since `START` [s] and values of one series."""
        found = [(b.t, b.values[:, b.names.index(name)]) for b in self.batches if name in b.names]
        t = np.concatenate([t for t, _ in found])
        return (t - START) * 1e-9, np.concatenate([v for _, v in found])

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]


def run_sensors(
    sensors: dict[str, Sensor],
    settings: PipelineSettings | None = None,
    pose: str | None = None,
    chunk: int = 4,
    every: float = 0.02,
) -> Run:
    """Play sensors, named by their segments, through a pipeline as if live."""
    run = Run(Pipeline(settings or PipelineSettings()))
    for segment in sensors:
        run.pipeline.place(Placement(segment, segment))
    if pose is not None:
        run.pipeline.calibrate(START, "pose", pose)
    parts = sorted(
        (part for name, sensor in sensors.items() for part in sensor.chunks(name, chunk)), key=lambda p: int(p.t[-1])
    )
    due = START
    for part in parts:
        while due <= part.t[-1]:
            run.take(run.pipeline.advance(due))
            due += round(every * 1e9)
        run.pipeline.imu(part)
    run.take(run.pipeline.finish(due))
    return run


@pytest.fixture(scope="session")
def leg() -> Callable[..., Leg]:
    return make_leg


@pytest.fixture(scope="session")
def run() -> Callable[..., Run]:
    return run_sensors


@pytest.fixture(scope="session")
def worn() -> Callable[[list[str], float], tuple[dict[str, Sensor], Callable[[Floats], dict[str, Floats]]]]:
    """Return sensors at 60 Hz on a simulated person who does everything once, and the true angles by time."""

    def dress(segments: list[str], seconds: float) -> tuple[dict[str, Sensor], Callable[[Floats], dict[str, Floats]]]:
        person = Person(seed=3)
        t = np.arange(0.0, seconds, 1 / 60)
        host = START + np.round(t * 1e9).astype(np.int64)
        readings = {segment: person.imu(segment, t, ImuModel(rate_hz=60.0)) for segment in segments}
        return {segment: Sensor(host, *reading) for segment, reading in readings.items()}, person.joint_angles

    return dress
