"""The orientation filter inside devices that report a quaternion: gyroscope, held upright and northward.

After Mahony, Hamel and Pflimlin (2008), doi:10.1109/TAC.2008.923738, proportional term only. It starts from the
direction of gravity and of the magnetic field (TRIAD), so that a device is right from its first sample.
"""

import math

import numpy as np

from simulators.sensors.source import Floats

GAIN = 0.5
"""How fast an error is corrected [rad/s per rad]; slow, as acceleration is not gravity alone."""


class Attitude:
    """Sensor-to-earth (ENU) orientation of numbered samples.

    The latest samples may be asked for again: a block that was interrupted is made anew from the middle.
    """

    def __init__(self) -> None:
        self._first = 0
        self._quats = np.empty((0, 4))
        self._gyr = np.empty((0, 3))

    def follow(self, numbers: Floats, acc: Floats, gyr: Floats, mag: Floats, dt: float) -> Floats:
        """Return the orientation w x y z at each sample, shape (N, 4); a gap in the numbers starts anew.

        numbers: Consecutive whole numbers of the samples, shape (N,), at least one.
        dt: Sampling interval [s].
        """
        before = int(numbers[0]) - 1 - self._first
        is_next = 0 <= before < len(self._quats)
        # the mean of both ends of an interval stands for what the device integrates at a much higher rate
        mean_gyr = (gyr + np.vstack((self._gyr[before] if is_next else gyr[0], gyr[:-1]))) / 2
        quat = self._quats[before] if is_next else from_directions(acc[0], mag[0])
        quats = np.empty((len(acc), 4))
        for row in range(len(acc)):
            if is_next or row:
                quat = _step(quat, acc[row], mean_gyr[row], mag[row], dt)
            quats[row] = quat
        self._first, self._quats, self._gyr = int(numbers[0]), quats, gyr
        return quats


def from_directions(acc: Floats, mag: Floats) -> Floats:
    """Return the orientation in which specific force points up and the horizontal field north."""
    up = acc / np.linalg.norm(acc)
    east = np.cross(mag, up)
    east /= np.linalg.norm(east)
    return _from_matrix(np.stack((east, np.cross(up, east), up)))


def _from_matrix(rotation: Floats) -> Floats:
    """Return the quaternion of a sensor-to-earth matrix, by its largest component (Shepperd 1978)."""
    m = rotation
    four = np.array(
        [
            [1 + m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], 1 + m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], 1 - m[0, 0] + m[1, 1] - m[2, 2], m[1, 2] + m[2, 1]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], 1 - m[0, 0] - m[1, 1] + m[2, 2]],
        ]
    )
    best = four[int(np.argmax(np.diag(four)))]
    return np.asarray(best / np.linalg.norm(best))


def _step(quat: Floats, acc: Floats, gyr: Floats, mag: Floats, dt: float) -> Floats:
    w, x, y, z = quat.tolist()
    # rows of the sensor-to-earth matrix: the earth's axes as the sensor sees them
    north = (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x))
    up = (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y))
    ax, ay, az = _unit(acc.tolist())
    mx, my, mz = mag.tolist()
    dip = mx * up[0] + my * up[1] + mz * up[2]
    hx, hy, hz = _unit([mx - dip * up[0], my - dip * up[1], mz - dip * up[2]])
    ex = (ay * up[2] - az * up[1]) + (hy * north[2] - hz * north[1])
    ey = (az * up[0] - ax * up[2]) + (hz * north[0] - hx * north[2])
    ez = (ax * up[1] - ay * up[0]) + (hx * north[1] - hy * north[0])
    p, q, r = gyr.tolist()
    return _turn((w, x, y, z), (p + GAIN * ex) * dt, (q + GAIN * ey) * dt, (r + GAIN * ez) * dt)


def _unit(v: list[float]) -> tuple[float, float, float]:
    size = math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) or 1.0
    return v[0] / size, v[1] / size, v[2] / size


def _turn(quat: tuple[float, float, float, float], p: float, q: float, r: float) -> Floats:
    w, x, y, z = quat
    angle = math.sqrt(p * p + q * q + r * r)
    c, s = math.cos(angle / 2), (math.sin(angle / 2) / angle if angle else 0.5)
    a, b, d = s * p, s * q, s * r
    turned = np.array(
        [
            w * c - x * a - y * b - z * d,
            w * a + x * c + y * d - z * b,
            w * b - x * d + y * c + z * a,
            w * d + x * b - y * a + z * c,
        ]
    )
    return np.asarray(turned / np.linalg.norm(turned))
