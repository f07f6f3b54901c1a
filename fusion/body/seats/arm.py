"""The long axes of upper arm and forearm, from where their joints lie in their sensors: arms hang anyhow.

At a joint both sensors feel one force, f = R (a + g x (g x r) + g' x r - b), with r the way from sensor to joint and b
the bias (Seel, Raisch and Schauer 2014, Sensors 14:6891). With orientations it is a vector in the common earth frame,
not only a length, and linear in r and b; the heading d between the two sensors and its drift are found with them.

1. *Joints.* Shoulder, elbow and wrist, each by its two sensors: least squares with Cauchy weights, by Gauss-Newton.
2. *What arms are like*, for what movement does not tell, with wide deviations: how long bones are, that the hanging
   arm is about vertical, its elbow near the line from shoulder to wrist, its wrist near that from elbow to hand sensor.
3. *Axes.* The upper arm's y points from elbow to shoulder, the forearm's from wrist to elbow, with deviations.

What movement tells: walking or a squat places the shoulder, and the elbow across its axis. Where the elbow lies along
its axis takes bending with turning of the forearm, where the wrist lies takes a moving wrist: reaching for something.
All forces are smoothed in the earth frame, where that changes nothing in the equations.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from devices.chunks import GRAVITY
from fusion.body.seats.alignment import CLEAR_LEAN_DEG, frame
from fusion.body.seats.functional.hinge_fit import CAUCHY
from fusion.body.seats.functional.pairs import lever
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]

MOVING = 0.35
"""A step counts if one of the arm's sensors turns faster in the mean [rad/s]. [P]"""
KEPT_S = 40.0
"""So much movement is kept, the last [s]. [P]"""
FIRST, LATER = 42, 1.15
"""Steps of movement before the first look, and by how much more there must be before each further one. [P]"""
SMOOTHED_S = 0.07
"""Standard deviation of the smoothing bell [s]: soft tissue rings above 5 Hz, heel strikes are shorter. [P]"""
KEPT_HZ = 25.0
"""Moments used in a second. [P]"""
LEAST = 100
"""Moments needed."""
FORCE_SD, LASTS_S = 0.05, 0.5
"""Error of a force between two sensors [m/s2], and how long one error lasts [s]. [P]"""
REACH_M, BIAS_SD, SCALE_SD, DRIFT_SD = 0.3, 0.05, 0.004, float(np.radians(0.05))
"""From sensor to joint, per direction [m]; bias of an accelerometer [m/s2], its scale and misalignment; how quickly
headings part [rad/s]. [P]"""
TISSUE = 0.01
"""Part of an acceleration that appears as a force elsewhere: 0.6 deg of tilt by 10 m/s2 say so much. [P]"""
JOINT_SD = 0.005
"""What no sample contradicts, per direction [m]: joints of bodies have no fixed centre. [P]"""
ROUNDS, CONVERGED, STARTS = 12, 1e-4, 4
"""Of Gauss-Newton; its last step [m]; headings tried."""
UPPER_M, FOREARM_M, HAND_M = (0.31, 0.05), (0.25, 0.04), (0.07, 0.03)
"""Shoulder to elbow, elbow to wrist (0.186 and 0.146 of the height, Drillis and Contini 1966), and wrist to the hand's
sensor, with what they differ by [m]. [P]"""
ALONG = UPPER_M[0] / (UPPER_M[0] + FOREARM_M[0])
ELBOW_M, WRIST_M = 0.05, 0.02
"""How far elbow and wrist are beside those lines [m]. [P]"""
HANGING_SD_DEG = 10.0, 20.0
"""How far a hanging upper arm, and forearm, are from vertical [deg]. [P]"""
SURE_DEG = 3.2
"""Axes known this well are used at once [deg]. [P]"""
PATIENCE = 200
"""Steps of movement after which what there is is taken, and stays until the next calibration. [P]"""
UNSURE_DEG = 4.0
"""An axis less sure than this is worth a sentence [deg]. [P]"""
SIDES_UNSURE = "front and back may be exchanged: too little difference between the two in what was seen"
ELBOW_MOVED = 0.2
"""RMS rate across the forearm from which the elbow shows its axis [rad/s]. [P]"""
UNSURE = "zero is partly how the arm hung: reach for things and turn the hand, then calibrate again"
OF_ONE = 15
"""Unknowns of one sensor: r, bias, and scale with misalignment."""
R1, R2, D, K, UNKNOWNS = slice(0, 3), slice(OF_ONE, OF_ONE + 3), 2 * OF_ONE, 2 * OF_ONE + 1, 2 * OF_ONE + 2


@dataclass(frozen=True, slots=True)
class Arm:
    """How the sensors of an arm sit."""

    aligns: tuple[Floats, ...]
    """Segment-to-sensor of upper arm, forearm and, if worn, hand, shape (4,) each."""
    sds_deg: tuple[float, ...]
    """By how much the long axis of each may be off, RMS of the two directions across it [deg]."""
    lean_deg: float
    """How much more speaks for this front than for the other one [deg]."""
    carrying: float
    """Sine of the angle by which the forearm's y is not perpendicular to the upper arm's z."""

    @property
    def sure(self) -> bool:
        """The long axes are known well, and front from back."""
        return max(self.sds_deg) <= SURE_DEG and self.lean_deg >= CLEAR_LEAN_DEG

    @property
    def reasons(self) -> tuple[tuple[str, ...], ...]:
        """Return what is unsure about each."""
        sides = () if self.lean_deg >= CLEAR_LEAN_DEG else (SIDES_UNSURE,)
        return tuple(((UNSURE,) if sd > UNSURE_DEG else ()) + sides for sd in self.sds_deg)


@dataclass(frozen=True, slots=True)
class Centre:
    """A joint in its two sensors."""

    r: Floats
    """From the first sensor to the joint, then from the second, each in its frame [m], shape (6,)."""
    cov: Floats
    """Of r [m2], shape (6, 6)."""
    heading: float
    """What turns the second earth frame into the first about the vertical [rad]."""


class ArmMovement:
    """What the sensors of trunk, upper arm, forearm and, if worn, hand measured while the arm moved."""

    def __init__(self, dt: float) -> None:
        """dt: Distance of rows [s]."""
        self.steps = 0
        """Steps of movement so far."""
        self._dt = dt
        self._most = round(KEPT_S / dt)
        self._next = FIRST
        self._seen = 0
        self._parts: list[tuple[int, Floats]] = []
        self._rows = 0

    def add(self, quat: Floats, gyr: Floats, acc: Floats) -> None:
        """Take one step, shape (rows, sensors, 4) or (rows, sensors, 3), from the trunk outwards."""
        self._seen += 1
        rate = np.sqrt((gyr[:, 1:] * gyr[:, 1:]).sum(axis=2)).mean(axis=0)
        if not (rate > MOVING).any():
            return
        self.steps += 1
        if not (np.isfinite(acc).all() and np.isfinite(quat).all()):
            return
        self._parts.append((self._seen, np.concatenate([quat, gyr, acc], axis=2)))
        self._rows += len(gyr)
        while self._rows > self._most:
            self._rows -= len(self._parts.pop(0)[1])

    def due(self) -> bool:
        """Say whether it is worth a look; then only after a good part more."""
        if self.steps < self._next:
            return False
        self._next = round(LATER * self.steps)
        return True

    @property
    def late(self) -> bool:
        """So much was seen that no better answer is waited for."""
        return self.steps >= PATIENCE

    def look(self, hanging: Floats) -> Arm | None:
        """Return how the sensors sit, None if too little was seen.

        hanging: Sensor-to-earth of all sensors while the arm hung, headings as in the movement, shape (sensors, 4).
        """
        moments = self._moments()
        if moments is None:
            return None
        centres = [joint_centre(*moments, at) for at in range(len(hanging) - 1)]
        common = _common(centres, hanging)
        (y, y_forearm), sds = long_axes(centres, common)
        x = np.concatenate([part for _, part in self._parts])
        quat = _common(centres, x[..., :4])
        z, lean, carrying = flexion_axis(quat[:, 1:3], x[:, 1:3, 4:7], y, y_forearm)
        aligns = [frame(y, z, "y")]
        # zero of pronation and of the wrist is how they hung
        z_forearm = _carried(common[1], common[2], z)
        aligns.append(frame(y_forearm, z_forearm, "y"))
        for hand in common[3:]:
            y_hand, z_hand = (_carried(common[2], hand, axis) for axis in (y_forearm, z_forearm))
            aligns.append(frame(y_hand, z_hand, "y"))
        return Arm(tuple(aligns), (*sds, sds[1])[: len(aligns)], lean, carrying)

    def _moments(self) -> tuple[Floats, Floats, Floats] | None:
        """Return times [s], forces, shape (n, sensors, 3), and what the unknowns add, (n, sensors, 3, OF_ONE)."""
        if not self._parts:
            return None
        numbers = np.array([at for at, _ in self._parts])
        far = round(2.0 * SMOOTHED_S / self._dt)
        step = max(round(1.0 / (KEPT_HZ * self._dt)), 1)
        found = []
        for run in np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) > 1) + 1):
            x = np.concatenate([self._parts[i][1] for i in run])
            if len(x) <= 2 * far + 1:
                continue
            terms = gaussian_filter1d(_terms(x, self._dt), SMOOTHED_S / self._dt, axis=0)
            time = (numbers[run[0]] * len(self._parts[run[0]][1]) + np.arange(len(x))) * self._dt
            found.append((time[far:-far:step], terms[far:-far:step]))
        if sum(len(time) for time, _ in found) < LEAST:
            return None
        time, terms = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return time - time.mean(), terms[..., 0], terms[..., 1:]


def _terms(x: Floats, dt: float) -> Floats:
    """Return the force in earth axes, and its changes by the unknowns, shape (n, sensors, 3, 1 + OF_ONE)."""
    quat, gyr, acc = x[..., :4], x[..., 4:7], x[..., 7:]
    # a filter that adds rate times dt at each sample is ahead by half a sample
    half = -0.25 * dt * gyr
    quat = qt.normalize(qt.multiply(quat, np.concatenate([np.ones_like(half[..., :1]), half], axis=-1)))
    turn = np.swapaxes(qt.rotate(quat[..., None, :], np.eye(3)), -1, -2)
    arm = turn @ lever(gyr, np.gradient(gyr, dt, axis=0))
    scale = (turn[..., None] * acc[..., None, None, :]).reshape(*turn.shape[:-1], 9)
    return np.concatenate([turn @ acc[..., None], arm, -turn, -scale], axis=-1)


def joint_centre(time: Floats, force: Floats, change: Floats, at: int) -> Centre:
    """Return the joint between the sensors `at` and `at` + 1.

    Args:
        time: From the middle of the movement [s], shape (n,).
        force: Specific force in each sensor's earth frame [m/s2], shape (n, sensors, 3).
        change: What each of the unknowns adds to it, shape (n, sensors, 3, OF_ONE).
        at: Which joint, from the trunk outwards.
    """
    near = np.tile(1.0 / np.repeat([REACH_M, BIAS_SD, SCALE_SD, SCALE_SD, SCALE_SD], 3) ** 2, 2)
    prior = np.diag([*near, 1e-9, 1.0 / DRIFT_SD**2])
    weight = 1.0 / (FORCE_SD**2 * LASTS_S * KEPT_HZ)
    best: tuple[float, Floats, Floats] | None = None
    for start in np.arange(STARTS) * (2.0 * np.pi / STARTS):
        x = np.zeros(UNKNOWNS)
        x[D] = start
        for _ in range(ROUNDS):
            e, J = _linear(time, force[:, at : at + 2], change[:, at : at + 2], x)
            w = weight / (1.0 + (e / (CAUCHY * FORCE_SD)) ** 2)
            normal = (J * w[:, None]).T @ J + prior
            pull = prior @ x
            pull[D] = 0.0
            step = -np.linalg.solve(normal, J.T @ (w * e) + pull)
            x = x + step
            if float(np.abs(step[:D]).max()) < CONVERGED:
                break
        cost = float(np.log1p((e / (CAUCHY * FORCE_SD)) ** 2).sum())
        if best is None or cost < best[0]:
            best = cost, x, normal
    assert best is not None
    _, x, normal = best
    places = np.r_[R1, R2]
    inverse = np.linalg.inv(normal)
    e, J = _linear(time, force[:, at : at + 2], change[:, at : at + 2], x)
    w = weight / (1.0 + (e / (CAUCHY * FORCE_SD)) ** 2)
    moved = (force[:, at + 1] - np.array([0.0, 0.0, GRAVITY]))[:, None, :, None]
    tilted = (np.eye(3)[None, :, None, :] * moved).reshape(-1, 9)  # whatever share of it, in whatever direction
    lasting = TISSUE * inverse @ ((J * w[:, None]).T @ tilted)
    cov = (inverse + lasting @ lasting.T)[np.ix_(places, places)]
    return Centre(x[places], cov, float(x[D]))


def _linear(time: Floats, force: Floats, change: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Return the differences of both forces [m/s2], shape (3 n,), and their derivatives, shape (3 n, UNKNOWNS)."""
    d = x[D] + x[K] * time
    c, s, zero, one = np.cos(d), np.sin(d), np.zeros_like(d), np.ones_like(d)
    turn = np.stack([c, -s, zero, s, c, zero, zero, zero, one], axis=1).reshape(-1, 3, 3)
    moved = turn @ change[:, 1]
    second = (turn @ force[:, 1, :, None])[..., 0] + moved @ x[OF_ONE:D]
    e = force[:, 0] + change[:, 0] @ x[:OF_ONE] - second
    round_ = np.stack([second[:, 1], -second[:, 0], zero], axis=1)
    J = np.concatenate([change[:, 0], -moved, round_[..., None], (round_ * time[:, None])[..., None]], axis=2)
    return e.ravel(), J.reshape(-1, UNKNOWNS)


SU, EU, EF, WF, WH = (slice(3 * i, 3 * i + 3) for i in range(5))
"""Places: shoulder and elbow in the upper arm's sensor, elbow and wrist in the forearm's, wrist in the hand's."""


def _common(centres: list[Centre], quat: Floats) -> Floats:
    """Return sensor-to-earth, shape (..., sensors, 4), with the heading of the trunk's sensor for all."""
    half = 0.5 * np.cumsum([0.0, *(centre.heading for centre in centres)])
    zero = np.zeros_like(half)
    return qt.multiply(np.broadcast_to(np.stack([np.cos(half), zero, zero, np.sin(half)], axis=1), quat.shape), quat)


def _carried(source: Floats, target: Floats, axis: Floats) -> Floats:
    """Return an axis of one sensor in another, orientations given in one earth frame."""
    return qt.rotate(qt.conjugate(target), qt.rotate(source, axis))


def flexion_axis(quat: Floats, gyr: Floats, y: Floats, y_forearm: Floats) -> tuple[Floats, float, float]:
    """Return z of the upper arm, shape (3,), how much more speaks for it than for -z [deg], and `Arm.carrying`.

    The elbow turns about z and the forearm's y only, so z has no part along their cross product (Laidig 2022). If it
    hardly turned, the upper arm's own main axis is taken. Elbows bend forward, and arms are lifted forward.

    Args:
        quat: Sensor-to-earth of upper arm and forearm, one heading, shape (n, 2, 4).
        gyr: Their rates [rad/s], shape (n, 2, 3).
        y: Long axis of the upper arm in its sensor, shape (3,).
        y_forearm: Of the forearm in its own, shape (3,).
    """
    back = qt.conjugate(quat[:, 0])
    other = qt.rotate(back, qt.rotate(quat[:, 1], y_forearm))
    turn = qt.rotate(back, qt.rotate(quat[:, 1], gyr[:, 1])) - gyr[:, 0]
    across = qt.cross(other, turn)
    a = qt.cross(y, np.eye(3)[int(np.argmin(np.abs(y)))])
    a = a / np.sqrt(a @ a)
    basis = np.stack([a, qt.cross(y, a)])
    flat = across @ basis.T
    up = qt.up_in_sensor(quat[:, 0])
    if float((flat * flat).sum(axis=1).mean()) < ELBOW_MOVED**2:
        level = gyr[:, 0] - (gyr[:, 0] * up).sum(axis=1, keepdims=True) * up
        flat = qt.cross(level, y) @ basis.T
    z = np.linalg.eigh(flat.T @ flat)[1][:, 0] @ basis
    x = qt.cross(y, z)
    elbow = np.arctan2(-(other @ x), other @ y)
    lifted = np.arctan2(up @ x, up @ y)
    lean = sum(float(np.degrees(np.percentile(angle, [2.0, 98.0])).sum()) for angle in (elbow, lifted))
    sign = 1.0 if lean >= 0.0 else -1.0
    return sign * z, sign * lean, sign * float(np.median(other @ z))


def long_axes(centres: list[Centre], hanging: Floats) -> tuple[tuple[Floats, Floats], tuple[float, float]]:
    """Return y of upper arm and forearm in their sensors, and the deviations [deg], from joints and what arms are like.

    centres: Shoulder, elbow and, if a hand's sensor is worn, wrist.
    hanging: Sensor-to-earth while the arm hung, one heading, shape (sensors, 4).
    """
    upper, forearm, *hand = np.swapaxes(qt.rotate(hanging[1:, None, :], np.eye(3)), -1, -2)
    normal, right = np.zeros((15, 15)), np.zeros(15)
    normal[WH, WH] = np.eye(3) / REACH_M**2
    normal[WF, WF] = np.eye(3) / REACH_M**2

    def told(places: NDArray[np.int64], r: Floats, cov: Floats) -> None:
        information = np.linalg.inv(cov)
        normal[np.ix_(places, places)] += information
        right[places] += information @ r

    told(np.r_[SU], centres[0].r[3:], centres[0].cov[3:, 3:])
    told(np.r_[EU, EF], centres[1].r, centres[1].cov)
    if hand:
        told(np.r_[WF, WH], centres[2].r, centres[2].cov)

    def expected(rows: Floats, values: Floats, sds: Floats) -> None:
        nonlocal normal, right
        w = 1.0 / sds**2
        normal = normal + (rows * w[:, None]).T @ rows
        right = right + rows.T @ (w * values)

    def bone(places: tuple[slice, slice], turn: Floats, size: tuple[float, float], lean_deg: float) -> None:
        rows = np.zeros((3, 15))
        rows[:, places[0]], rows[:, places[1]] = turn, -turn
        beside = size[0] * np.radians(lean_deg)
        expected(rows, np.array([0.0, 0.0, size[0]]), np.array([beside, beside, size[1]]))

    bone((SU, EU), upper, UPPER_M, HANGING_SD_DEG[0])
    bone((EF, WF), forearm, FOREARM_M, HANGING_SD_DEG[1])
    lines = np.zeros((2, 15))
    lines[:, SU], lines[:, EU] = (1.0 - ALONG) * upper[:2], -(1.0 - ALONG) * upper[:2]
    lines[:, EF], lines[:, WF] = -ALONG * forearm[:2], ALONG * forearm[:2]
    expected(lines, np.zeros(2), np.full(2, ELBOW_M))
    if hand:
        share = FOREARM_M[0] / (FOREARM_M[0] + HAND_M[0])
        lines = np.zeros((2, 15))
        lines[:, EF], lines[:, WF] = (1.0 - share) * forearm[:2], -(1.0 - share) * forearm[:2]
        lines[:, WH] = -share * hand[0][:2]
        expected(lines, np.zeros(2), np.full(2, WRIST_M))
        rows = np.zeros((1, 15))
        rows[:, WH] = hand[0][2:]
        expected(rows, np.array([HAND_M[0]]), np.array([HAND_M[1]]))
    cov = np.asarray(np.linalg.inv(normal), dtype=np.float64)
    r = cov @ right
    found = [_direction(r, cov, places) for places in ((SU, EU), (EF, WF))]
    return (found[0][0], found[1][0]), (found[0][1], found[1][1])


def _direction(r: Floats, cov: Floats, places: tuple[slice, slice]) -> tuple[Floats, float]:
    """Return the direction from the second place to the first, and its deviation [deg]."""
    way = r[places[0]] - r[places[1]]
    length = float(np.sqrt(way @ way))
    axis = way / length
    a, b = places
    spread = cov[a, a] + cov[b, b] - cov[a, b] - cov[b, a]
    across = float(np.trace(spread) - axis @ spread @ axis) + 4.0 * JOINT_SD**2
    return axis, float(np.degrees(np.sqrt(0.5 * max(across, 0.0)) / length))
