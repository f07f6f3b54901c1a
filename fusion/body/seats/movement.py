"""The movement of a thigh and its shank that the knee is found from: what was lately seen of it, no more."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from fusion.body.seats.functional import HingeAxis, TooLittle, hinge_axis
from fusion.body.seats.functional.hinge import SIGN_CLEAR
from fusion.body.seats.knee import Places, Seen
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]

MOVING = 0.35
"""A step counts if one of the two turns faster in the mean [rad/s]. [P]"""
KEPT_S = 40.0
"""So much movement is kept, the last [s]. [P]"""
FIRST, LATER = 42, 1.15
"""Steps of movement before the first look, and by how much more there must be before each further one. [P]"""
SMOOTHED_S = 0.05
"""Rates and forces are averaged over this long before the rate's change is taken [s]. [P]"""
REACH_M = 0.3
"""No sensor is expected farther from the knee [m]. [P]"""
CLEARLY = 0.3
"""One sense of the axes fits clearly better if its misfit is less than this part of the other's. [P]"""
FELT = 0.6
"""... and the other's is more than the scale errors of two accelerometers would make of gravity [m/s2]. [P]"""
FORCE_SD = 0.3
"""Least error of a force between two sensors on soft tissue [m/s2]. [P]"""
GYR, ACC, UP = slice(0, 3), slice(3, 6), slice(6, 9)


class LegMovement:
    """What thigh and shank sensors measured while the leg moved."""

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
        """Take one step of thigh and shank, shape (rows, 2, 4) or (rows, 2, 3)."""
        self._seen += 1
        rate = np.sqrt((gyr * gyr).sum(axis=2)).mean(axis=0)
        if not (rate.max() > MOVING and np.isfinite(acc).all()):  # also where a sensor has no value
            return
        self.steps += 1
        self._parts.append((self._seen, np.concatenate([gyr, acc, qt.up_in_sensor(quat)], axis=2)))
        self._rows += len(gyr)
        while self._rows > self._most:
            self._rows -= len(self._parts.pop(0)[1])

    def due(self) -> bool:
        """Say whether it is worth a look; then only after a good part more."""
        if self.steps < self._next:
            return False
        self._next = round(LATER * self.steps)
        return True

    def look(self) -> list[Seen]:
        """Return what the movement shows of the knee, nothing if it shows no axis.

        Where movement in one slow plane leaves open whether both axes have the same sense, and the forces at the knee
        do not tell either, both senses are returned.
        """
        hinge = self._axis()
        if hinge is None:
            return []
        rates = np.concatenate([part[..., GYR] for _, part in self._parts])
        sd = float(
            np.degrees(
                max(min(hinge.sd1, beside(rates[:, 0], hinge.j1)), min(hinge.sd2, beside(rates[:, 1], hinge.j2)))
            )
        )
        senses = (hinge.j1, hinge.j2), (hinge.j1, -hinge.j2)
        fits = [(axes, *self._places(axes)) for axes in senses]
        (better, place, least), (_, _, most) = sorted(fits, key=lambda fit: fit[2])
        if least < CLEARLY * most and most > FELT**2:
            return [Seen(better, place, sd, sure=True)]
        known = fits[:1] if hinge.sign_sure >= SIGN_CLEAR else fits
        return [Seen(axes, places, sd, sure=False) for axes, places, _ in known]

    def _axis(self) -> HingeAxis | None:
        rows: list[Floats] = []
        before = self._parts[0][0]
        for at, part in self._parts:
            if at > before + 1:
                rows.append(np.full((1, *part.shape[1:]), np.nan))  # time is missing here
            rows.append(part)
            before = at
        x = np.concatenate(rows)
        try:
            return hinge_axis(x[:, 0, GYR], x[:, 0, ACC], x[:, 1, GYR], x[:, 1, ACC], 1.0 / self._dt)
        except TooLittle:
            return None

    def _places(self, axes: tuple[Floats, Floats]) -> tuple[Places | None, float]:
        """Return where both sensors sit, seen from the knee: there both must feel the same force (Seel et al. 2014).

        With it, how badly that fits [m2/s4].

        axes: The knee's axis in both frames, of one sense. With it and the vertical, three directions are known from
        both sides (along the axis, up, and across both), and what each sensor would feel at the knee,
        a - (g x (g x o) + g' x o), is linear in its place o: least squares, with o expected within `REACH_M`.
        """
        numbers = np.concatenate([np.full(len(part), at) for at, part in self._parts])
        x = np.concatenate([part for _, part in self._parts])
        width = max(round(SMOOTHED_S / self._dt), 1)
        y = uniform_filter1d(x, width, axis=0)
        change = np.gradient(y[..., GYR], self._dt, axis=0)
        far = width + 1
        whole = np.zeros(len(x), dtype=np.bool_)
        whole[far:-far] = numbers[2 * far :] - numbers[: -2 * far] <= np.ceil(2 * far / len(self._parts[0][1]))
        whole &= np.isfinite(y).all(axis=(1, 2)) & np.isfinite(change).all(axis=(1, 2))
        if whole.sum() < 100:
            return None, 0.0
        rows, right = [], []
        for side, axis in enumerate(axes):
            g, a, up = y[whole, side, GYR], y[whole, side, ACC], y[whole, side, UP]
            k = _swing(g, change[whole, side])
            along = np.broadcast_to(axis, up.shape)
            across = qt.cross(up, along)
            seen = np.stack([up, along, across])
            rows.append(np.einsum("dni,nij->dnj", seen, k).reshape(-1, 3))
            right.append((seen * a).sum(axis=2).ravel())
        matrix = np.concatenate([rows[0], -rows[1]], axis=1)
        value = right[0] - right[1]
        normal = matrix.T @ matrix
        o = np.linalg.solve(normal + np.eye(6) * (FORCE_SD / REACH_M) ** 2, matrix.T @ value)
        left = value - matrix @ o
        misfit = float((left * left).mean())
        noise = max(misfit, FORCE_SD**2)
        spans = max(len(left) / 3 * self._dt, 1.0)  # errors of soft tissue last: a second counts as one sample
        scale = len(left) / spans
        cov = np.linalg.inv(normal / (noise * scale) + np.eye(6) / REACH_M**2)
        return Places(_across(o[:3], cov[:3, :3], axes[0]), _across(o[3:], cov[3:, 3:], axes[1])), misfit


def beside(rate: Floats, axis: Floats) -> float:
    """Return the part of a rate, shape (n, 3), that lies beside an axis [rad]: no axis in it can be much farther off.

    Movement in one plane leaves the equations of a hinge nothing to tell, but shows the axis itself.
    """
    rate = rate[np.isfinite(rate).all(axis=1)]
    along = rate @ axis
    return float(np.arctan2(np.sqrt(max((rate * rate).sum() - along @ along, 0.0)), np.sqrt(along @ along)))


def _across(o: Floats, cov: Floats, axis: Floats) -> Floats:
    """Return the direction of a place across the axis, shortened by how unsure it is: of length 0 to 1."""
    flat = np.eye(3) - np.outer(axis, axis)
    o, cov = flat @ o, flat @ cov @ flat
    size = float(o @ o)
    return o / np.sqrt(size) * size / (size + float(np.trace(cov))) if size > 0.0 else o


def _swing(g: Floats, change: Floats) -> Floats:
    """Return the matrices K with K o = g x (g x o) + g' x o, shape (n, 3, 3)."""
    square = g[:, :, None] * g[:, None, :] - (g * g).sum(axis=1)[:, None, None] * np.eye(3)
    x, y, z = change.T
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    swing: Floats = square + skew
    return swing
