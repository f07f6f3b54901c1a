"""A simulated person: joint angles that are known, and what any sensor anywhere on the body would measure.

Everything is a function of time t [s] from the start, an array of shape (N,) with t >= 0, in any order; the same
seed gives the same numbers, whatever the chunking.
"""

from collections.abc import Sequence

import numpy as np

from simulators.person.body import SEGMENTS, Body, Build, Pose
from simulators.person.emg import Carrier, EmgModel, amplitude_v, mains
from simulators.person.field import EarthField
from simulators.person.grid import GRID_HZ, Table, grid_over
from simulators.person.imu import ImuModel, MountedImu, Reading, mounting_of, place_of
from simulators.person.motion.channels import ANGLES, INDEX
from simulators.person.motion.gait import SHOCK_SIGMA
from simulators.person.motion.muscles import MUSCLES
from simulators.person.motion.script import Motion, Script, demo_script
from simulators.person.rotation import Floats, conjugate, rotate

UP = np.array([0.0, 0.0, 1.0])


class Person:
    """Somebody who follows a script for ever."""

    def __init__(
        self,
        script: Script | None = None,
        seed: int = 0,
        build: Build | None = None,
        field: EarthField | None = None,
        heading_deg: float = 40.0,
        sway_deg: float = 0.2,
        grid_hz: float = GRID_HZ,
    ) -> None:
        """Work out the motion over one loop of the script.

        script: What the person does; the demo script if None.
        heading_deg: Compass direction the person faces, clockwise from north.
        sway_deg: Amplitude of body sway and breathing; 0 stands like a statue.
        grid_hz: Rate at which the motion is worked out, see `simulators.person.grid`.
        """
        self.script = script or demo_script()
        self.seed = seed
        self.build = build or Build()
        self.field = field or EarthField()
        self._motion = Motion(self.script, sway_deg)
        self._body = Body(self.build, heading_deg)
        self._grid = grid_over(self.script.period, grid_hz)
        self._channels = self._motion.channels(self._grid.times())
        detrended = self._grid.inner(self._channels).copy()
        detrended[:, INDEX["travel"]] -= self._motion.travel / self.script.period * self._grid.inner(self._grid.times())
        self._table = Table(self._grid, detrended)
        self._poses: dict[str, Pose] | None = None
        self._imus: dict[tuple[str, ImuModel], MountedImu] = {}
        self._activations = self._motion.activations()
        self._carriers: dict[tuple[str, float, EmgModel], Carrier] = {}

    def channels(self, t: Floats) -> Floats:
        """Return every channel of `motion.channels` at times t, shape (N, channels)."""
        values = self._table.at(t)
        values[:, INDEX["travel"]] += self._motion.travel / self.script.period * t
        return values

    def joint_angles(self, t: Floats) -> dict[str, Floats]:
        """Return the true angles [deg] by series name, each of shape (N,)."""
        values = self.channels(t)
        angles = {name: values[:, INDEX[name]] for name in ANGLES}
        forward, right = inclination(self._body.orientation("trunk", values))
        return angles | {"trunk_inclination": forward, "trunk_side_inclination": right}

    def posture_angle(self, t: Floats) -> Floats:
        """Return what a posture wearable on the upper back shows: forward inclination [deg], shape (N,)."""
        return inclination(self._body.orientation("trunk", self.channels(t)))[0]

    def segment_orientation(self, segment: str, t: Floats) -> Floats:
        """Return the segment-to-earth quaternions at times t, shape (N, 4)."""
        return self._body.orientation(known_segment(segment), self.channels(t))

    def segment_position(self, segment: str, t: Floats) -> Floats:
        """Return the segment's origin in the earth frame at times t [m], shape (N, 3)."""
        return self._body.poses(self.channels(t))[known_segment(segment)].position

    def sensor_mounting(self, segment: str, sensor: ImuModel) -> tuple[Floats, Floats]:
        """Return the true sensor-to-segment quaternion, shape (4,), and mounting point [m], shape (3,)."""
        place = place_of(known_segment(segment), sensor, self.build.height_m)
        return mounting_of(segment, sensor, self.seed), place

    def mounted(self, segment: str, sensor: ImuModel) -> MountedImu:
        """Return the sensor on a segment; the first call works out its loop (tens of milliseconds)."""
        key = (known_segment(segment), sensor)
        if key not in self._imus:
            mounting, place = self.sensor_mounting(segment, sensor)
            if self._poses is None:
                self._poses = self._body.poses(self._channels)
            poses, name = self._poses[segment], f"{segment}/{sensor.device}"
            self._imus[key] = MountedImu(sensor, poses, self._grid, self.field, mounting, place, self.seed, name)
        return self._imus[key]

    def imu(self, segment: str, t: Floats, sensor: ImuModel) -> Reading:
        """Return acc [m/s2], gyr [rad/s] and mag [T] that a sensor on a segment reads at times t, each (N, 3)."""
        return self.mounted(segment, sensor).read(t)

    def activation(self, t: Floats, muscle: str) -> Floats:
        """Return the true activation of a muscle ("vastus_lateralis_left"), fraction of MVC, shape (N,)."""
        return self._activations[self.known_muscle(muscle)].at(t)

    def bursts(self, t0: float, t1: float, muscle: str) -> list[tuple[float, float]]:
        """Return the true (onset, offset) [s] of every burst of a muscle that touches t0 to t1."""
        return self._activations[self.known_muscle(muscle)].bursts(t0, t1)

    def emg(self, t: Floats, muscles: Sequence[str], rate_hz: float, model: EmgModel | None = None) -> Floats:
        """Return surface EMG of muscles at times t [V], shape (N, muscles)."""
        chosen = model or EmgModel()
        columns = [self._muscle_emg(t, muscle, rate_hz, chosen) for muscle in muscles]
        hum = mains(t, chosen) if chosen.mains_v else np.zeros(len(t))
        return np.stack(columns, axis=1) + hum[:, None]

    def _muscle_emg(self, t: Floats, muscle: str, rate_hz: float, model: EmgModel) -> Floats:
        activation = self._activations[self.known_muscle(muscle)].at(t)
        key = (muscle, rate_hz, model)
        if key not in self._carriers:
            self._carriers[key] = Carrier(self.seed, muscle, rate_hz, model)
        drive = amplitude_v(muscle, model, self.seed) * activation
        signal = np.sqrt(drive * drive + model.baseline_v**2) * self._carriers[key].at(t)
        if model.artefact_v:
            side = muscle.rpartition("_")[2]
            jolt = self.channels(t)[:, INDEX[f"shock_{side}"]] / SHOCK_SIGMA**2
            signal += model.artefact_v * jolt
        return np.asarray(signal)

    def known_muscle(self, muscle: str) -> str:
        """Return the name of a muscle, or say which there are."""
        if muscle not in self._activations:
            known = ", ".join(MUSCLES)
            raise ValueError(f"no muscle is called {muscle!r}: choose one of {known}, with _left or _right behind it")
        return muscle


def inclination(trunk: Floats) -> tuple[Floats, Floats]:
    """Return forward and rightward inclination [deg] against gravity for segment-to-earth quaternions.

    They are tilt and obliquity after the heading is taken off (Y-X-Z). With u the upward direction in the segment's
    frame, forward = atan2(-u_x, u_y) and right = asin(-u_z).
    """
    up = rotate(conjugate(trunk), UP)
    forward = np.degrees(np.arctan2(-up[:, 0], up[:, 1]))
    return forward, np.degrees(np.arcsin(np.clip(-up[:, 2], -1.0, 1.0)))


def known_segment(segment: str) -> str:
    """Return the name of a segment, or say which there are."""
    if segment not in SEGMENTS:
        raise ValueError(f"no segment is called {segment!r}: choose one of {', '.join(SEGMENTS)}")
    return segment
