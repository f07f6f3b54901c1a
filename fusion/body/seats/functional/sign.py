"""Whether the two axes of a hinge point the same way.

Three vectors are the same seen from both sensors: the specific force F at the joint, its change K = F' + g x F as seen
from the earth, and the rates across the axis. Seen along j, or along the line n across F and j, they have the same sign
in both sensors if the axes point the same way, and opposite ones if not. Each product of two such numbers counts in
units of what is to be expected of errors:
- F along j. Nothing while a leg moves in an upright plane.
- The rate about n. The same.
- K along n, by its correlation; the lever arms are those of `centre`, which knows no signs. This also decides in one
  plane, as long as the joint speeds up and slows down: with simulated squats, chairs and steps and with real steps the
  correlation is 0.95 to 1.
A proposal of this project.
"""

import numpy as np
from numpy.typing import NDArray

from fusion.body.seats.functional.centre import centre_of
from fusion.body.seats.functional.hinge_fit import Fit, Problem, joint_forces
from fusion.body.seats.functional.pairs import Pairs
from fusion.orientation import quaternion as qt

Floats = NDArray[np.float64]

INDEPENDENT = 4.0
"""Evidence counts as from so many independent moments at most, as biases are the same in all. [P]"""
CHANGE_SD = 0.3
"""Expected error of the change of force [m/s3]. [P]"""
LARGEST = 3.0
"""Changes of force count up to so many times their median: heel strikes, and changes across a gap. [P]"""


def sign_evidence(pairs: Pairs, problem: Problem, fit: Fit) -> float:
    """Return the log of how much more likely it is that both axes point the same way than that they do not."""
    return min(INDEPENDENT, float(pairs.blocks)) * (_by_force_and_rate(problem, fit) + _by_change(pairs, problem, fit))


def _by_force_and_rate(problem: Problem, fit: Fit) -> float:
    along, about, unsure = [], [], np.zeros(len(problem.gyr_sd))
    for force, gyr, j in zip(joint_forces(problem, fit.rest[:6]), problem.gyr, fit.axes, strict=True):
        normal = qt.cross(force, np.broadcast_to(j, force.shape))
        length = np.sqrt((normal * normal).sum(axis=1)) + problem.acc_sd
        along.append(force @ j)
        about.append((gyr * normal).sum(axis=1) / length)
        unsure += ((gyr * gyr).sum(axis=1) - (gyr @ j) ** 2) * (problem.acc_sd / length) ** 2
    told = along[0] * along[1] / problem.acc_sd**2 + about[0] * about[1] / (problem.gyr_sd**2 + unsure)
    return 2.0 * float(told.mean())


def _by_change(pairs: Pairs, problem: Problem, fit: Fit) -> float:
    """Return 2 r |r| / (1 - r^2), the log for two normal numbers whose correlation is r or -r."""
    middle = np.flatnonzero(pairs.block[2:] == pairs.block[:-2]) + 1
    if not len(middle):
        return 0.0
    centre = centre_of(pairs)
    seen = []
    for force, gyr, j in zip(
        joint_forces(problem, np.concatenate([centre.r1, centre.r2])), problem.gyr, fit.axes, strict=True
    ):
        now = force[middle]
        change = (force[middle + 1] - force[middle - 1]) / (2.0 * pairs.interval) + qt.cross(gyr[middle], now)
        normal = qt.cross(now, np.broadcast_to(j, now.shape))
        value = (change * normal).sum(axis=1) / (np.sqrt((normal * normal).sum(axis=1)) + 1e-9)
        value -= np.median(value)  # a gyroscope's bias b adds the same b |F| all the time
        limit = LARGEST * float(np.median(np.abs(value)))
        seen.append(np.clip(value, -limit, limit))
    power = [float(x @ x) + len(x) * CHANGE_SD**2 for x in seen]
    r = float(seen[0] @ seen[1]) / float(np.sqrt(power[0] * power[1]))
    return 2.0 * r * abs(r) / max(1.0 - r * r, 1e-3)
