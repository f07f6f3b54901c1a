"""Heading without a magnetometer: what a joint cannot do ties the headings of its two segments.

Each sensor's earth frame has a heading of its own, which drifts. How much the distal one must be turned about the
vertical, d, follows from the joint at every moment:

- hinge (1 degree of freedom, knee; Laidig, Lehmann, Begin and Seel 2017, ICORR): both z axes are one line, so their
  horizontal directions agree: d = arg(z1) - arg(z2).
- two axes (elbow, wrist, ankle; Laidig, Lehmann, Begin and Seel 2019, EMBC): the middle angle of Z-X'-Y'' (or the last)
  does not change, so the z axis of the proximal segment stays perpendicular to an axis u of the distal one, y at the
  elbow, x at wrist and ankle: |z1||u2| cos(d - arg z1 + arg u2) = sin(lean) - z1z u2z,
  where lean is the carrying angle of the elbow as far as the seats know it. Of the two solutions the nearer one counts.
- free (3 degrees: hip, shoulder, trunk, neck): over some time the two z axes point the same way; that is, the mean
  rotation is zero.

Live form: e^(id) is averaged with an exponential memory, weighted by the square of how much the constraint depends on
d; below `LEAST_WEIGHT` it says nothing. At the beginning the memory is empty, so the estimate is the plain mean of what
there is, and right from the first value on. How well the values agree is the spread.
"""

from collections.abc import Sequence
from math import acos, atan2, cos, exp, log, sin, sqrt

import numpy as np
from numba import float64, int64, njit, void
from numpy.typing import NDArray

from fusion.body import fresh as fresh
from fusion.body.segments import TIES, Joint
from fusion.orientation import quaternion as qt
from fusion.orientation.kernels.rotation import rotate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FADED = 1e-9
"""A memory this faint against any new value fades no further: an hour that says nothing would leave no heading."""
LEAST_WEIGHT = 0.4
"""A smaller product of the horizontal parts of the axes says nothing about heading (Laidig 2017)."""
X, Y, Z = 0, 1, 2
AXIS = {"hinge": Z, "free": Z, "two_y": Y, "two_x": X}
"""Which axis of the distal segment each tie uses."""
PROXIMAL, DISTAL, TURNED, AT = 0, 1, 2, 3
"""Columns of what the kernel knows of a joint: seats, axis of the distal one, and its place in the sums."""
SIGNATURE = void(
    float64[:, :, :], float64[:, :, ::1], float64[::1], int64[:, ::1], float64[::1], float64, float64[::1],
    float64[:, ::1], float64[::1],
)  # fmt: skip


@njit(SIGNATURE, cache=True, error_model="numpy", nogil=True)
def follow(
    quat: Floats, axes: Floats, lean: Floats, joints: Ints, tau: Floats, dt: float, root: Floats, sums: Floats,
    heading: Floats,
) -> None:  # fmt: skip
    """Take moments `dt` [s] apart and find all headings from the roots outwards.

    quat: Sensor-to-earth, shape (n, seats, 4), NaN where there is none.
    axes: Axes of each segment in its sensor's frame, x y z, shape (seats, 3, 3).
    lean: Sine of the constant angle by which a distal axis is not perpendicular to the z before it, shape (seats,).
    joints: Columns `PROXIMAL` ..., shape (joints, 4), proximal joints first. tau [s]: by place, like `sums`.
    sums: Weighted sums of cos d, sin d and 1, shape (places, 3); in place. heading, root: [rad], shape (seats,).
    """
    for i in range(quat.shape[0]):
        for j in range(joints.shape[0]):
            a, b, axis, at = joints[j, PROXIMAL], joints[j, DISTAL], joints[j, TURNED], joints[j, AT]
            q, r = quat[i, a], quat[i, b]
            if not (abs(q[0]) <= 1.0 and abs(r[0]) <= 1.0):
                continue
            keep = exp(-dt / tau[at]) if sums[at, 2] > FADED else 1.0
            for c in range(3):
                sums[at, c] *= keep
            px, py, pz = rotate((q[0], q[1], q[2], q[3]), axes[a, Z, 0], axes[a, Z, 1], axes[a, Z, 2])
            known = sums[at, 2] > 0.0
            if axis == Z or not known:
                dx, dy, dz = rotate((r[0], r[1], r[2], r[3]), axes[b, Z, 0], axes[b, Z, 1], axes[b, Z, 2])
                weight = sqrt((px * px + py * py) * (dx * dx + dy * dy))
                d = atan2(py * dx - px * dy, px * dx + py * dy)
            else:
                dx, dy, dz = rotate((r[0], r[1], r[2], r[3]), axes[b, axis, 0], axes[b, axis, 1], axes[b, axis, 2])
                size = sqrt((px * px + py * py) * (dx * dx + dy * dy))
                if size < LEAST_WEIGHT or abs(lean[b] - pz * dz) >= size:
                    continue
                middle, away = atan2(py * dx - px * dy, px * dx + py * dy), acos((lean[b] - pz * dz) / size)
                now = atan2(sums[at, 1], sums[at, 0])
                d = middle + away if cos(middle + away - now) > cos(middle - away - now) else middle - away
                weight = size * sin(away)
            if weight > LEAST_WEIGHT:
                w = weight * weight * dt
                sums[at, 0] += w * cos(d)
                sums[at, 1] += w * sin(d)
                sums[at, 2] += w
    for s in range(root.size):
        heading[s] = root[s]
    for j in range(joints.shape[0]):
        at = joints[j, AT]
        if sums[at, 2] > 0.0:
            heading[joints[j, DISTAL]] = heading[joints[j, PROXIMAL]] + atan2(sums[at, 1], sums[at, 0])


class Headings:
    """The headings of all seats: which sensors turn with which, and how the ties stand."""

    def __init__(self, joints: Sequence[Joint], tau_s: float, loose_tau_s: float) -> None:
        self._all = tuple(joints)
        self._places = {joint.name: at for at, joint in enumerate(self._all)}
        self._tau = np.array([loose_tau_s if joint.loose else tau_s for joint in self._all])
        self.sums = np.zeros((len(self._all), 3))
        """See `follow`."""
        self.root = np.zeros(0)
        """Heading of segments without a neighbour nearer to the pelvis [rad], shape (seats,)."""
        self.heading = np.zeros(0)
        """Turn about the vertical that brings each sensor's earth frame to the common one [rad], shape (seats,)."""
        self.axes = np.zeros((0, 3, 3))
        """Axes of each segment in its sensor's frame, x y z, shape (seats, 3, 3); NaN where not known."""
        self._lean = np.zeros(0)
        self._joints = np.zeros((0, 4), dtype=np.int64)

    def add(self) -> None:
        """Make room for one more seat."""
        self.root, self.heading = np.append(self.root, 0.0), np.append(self.heading, 0.0)

    def seat(self, segments: Sequence[str], aligns: Sequence[Floats | None], lean: Sequence[float] = ()) -> None:
        """Take over where the sensors sit, segment-to-sensor; None where that is not known.

        lean: See `follow`; empty for none.
        """
        self._lean = np.array(lean) if lean else np.zeros(len(segments))
        eye = np.eye(3)
        self.axes = np.array([np.full((3, 3), np.nan) if q is None else qt.rotate(q, eye) for q in aligns])
        self.axes = self.axes.reshape(-1, 3, 3)
        index = {s: i for i, (s, q) in enumerate(zip(segments, aligns, strict=True)) if q is not None}
        worn = [j for j in self._all if j.proximal in index and j.distal in index]
        rows = [(index[j.proximal], index[j.distal], AXIS[TIES[j.kind]], self._places[j.name]) for j in worn]
        self._joints = np.array(rows, dtype=np.int64).reshape(-1, 4)

    def update(self, quat: Floats, dt: float) -> None:
        """Take the next moments, shape (n, seats, 4), `dt` [s] apart."""
        follow(quat, self.axes, self._lean, self._joints, self._tau, dt, self.root, self.sums, self.heading)

    def settle(self) -> None:
        """Find the headings anew from the sums as they are."""
        self.update(np.empty((0, len(self.root), 4)), 1.0)

    def begin(self, fresh: Sequence[bool], quat: Floats, dt: float) -> None:
        """Find the ties of the fresh seats from a past, shape (n, seats, 4), oldest first."""
        mine = np.array([fresh[a] or fresh[b] for a, b, *_ in self._joints.tolist()], dtype=np.bool_)
        joints = np.ascontiguousarray(self._joints[mine])
        self.sums[joints[:, AT]] = 0.0
        follow(quat, self.axes, self._lean, joints, self._tau, dt, self.root, self.sums, self.heading)
        self.settle()

    def face_east(self, which: Sequence[bool], quat: Floats) -> None:
        """Let seats face east at the given moment, shape (seats, 4): z, which points right, then points south."""
        right = qt.rotate(quat, self.axes[:, Z])
        turned = -0.5 * np.pi - np.arctan2(right[:, 1], right[:, 0])
        chosen = np.asarray(which, dtype=np.bool_) & np.isfinite(turned)
        self.root = np.where(chosen, turned, self.root)

    def forget(self) -> None:
        """Let all ties begin anew."""
        self.sums[:] = 0.0

    def spread(self, joint: str) -> float:
        """Return how far the values of a tie scatter [rad]; infinite where there are none."""
        c, s, n = self.sums[self._places[joint]].tolist()
        return sqrt(max(-2.0 * log(min(max(sqrt(c * c + s * s) / n, 1e-9), 1.0)), 0.0)) if n > 0.0 else np.inf

    def carry(self) -> dict[str, list[float]]:
        """Return the ties by joint."""
        return {name: self.sums[at].tolist() for name, at in self._places.items()}

    def restore(self, joint: str, sums: Floats) -> None:
        """Put one tie back."""
        at = self._places.get(joint)
        if at is not None and sums[2] >= 0.0:
            self.sums[at] = sums
