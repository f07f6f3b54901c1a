"""Calibration from many orientations in one steady field: the measured vectors of a sphere lie on an ellipsoid.

Model: |S (m - b)| = 1, S symmetric and positive definite. A quadric through the points (linear least squares) is the
start; Gauss-Newton then minimises the distances |S (m - b)| - 1, as the quadric alone is biased by noise. A turn of the
whole frame leaves all magnitudes as they are and cannot be seen: S symmetric is the choice that turns nothing.

Conditioning: with u the unit vectors S (m - b), a relative error of bias and shape changes the distance by
u . db + u' dS u. The least singular value of these rows, divided by sqrt(n), says how much of the worst-seen error
shows: 0.36 for the whole sphere, 0.05 for half of it, 0 for two circles or for six positions along the axes (computed
for evenly spread directions).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from devices.chunks import GRAVITY
from fusion.calibration.directions import coverage
from fusion.calibration.sensor import Finding, SensorCalibration
from fusion.calibration.stillness import usable

Floats = NDArray[np.float64]

UNKNOWNS = 9
"""Three of the centre, six of the shape."""
CHECKED_BY = 15
"""Fewer vectors than this hardly contradict each other: the residual says little. [P]"""
SEEN_LEAST, SEEN_WELL = 0.03, 0.1
"""Conditioning (see above) that cannot be used, and that is good: a third of a sphere less, and two thirds. [P]"""
ACC_RESIDUAL, MAG_RESIDUAL = 0.005, 0.05
"""Residual as part of the radius that is unusual: something moved; the field was not the same everywhere. [P]"""
USUAL_RATIO = 1.5
"""Longest to shortest half-axis of a magnetometer's ellipsoid that is unusual. [P]"""
STEPS, CONVERGED = 50, 1e-11
"""Gauss-Newton needs three to eight steps; relative size of the last one."""
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True, slots=True, eq=False)
class Ellipsoid:
    """|shape (m - centre)| = 1."""

    centre: Floats
    """Shape (3,)."""
    shape: Floats
    """Symmetric, positive definite, shape (3, 3)."""

    def on_sphere(self, points: Floats) -> Floats:
        """Return points, shape (n, 3), on the unit sphere as well as they fit."""
        return (points - self.centre) @ self.shape


def ellipsoid_acc(forces: ArrayLike, gravity: float = GRAVITY) -> Finding:
    """Return the accelerometer calibrated from rests in many orientations.

    Residuals: "acc", corrected magnitude against gravity [m/s2].

    Args:
        forces: Mean specific force of each rest [m/s2], shape (n, 3), n at least 9 and better 15 to 30, spread over
            the sphere and not only along the axes; as `still_forces` returns them.
        gravity: At the place of the calibration [m/s2].

    Raises:
        ValueError: There are too few orientations, they leave the ellipsoid open, or lie on none.
    """
    points = usable("forces", forces, UNKNOWNS)
    found = fit(points)
    rms, warnings = _judged(found, points, "orientations")
    if rms > ACC_RESIDUAL:
        warnings.append(f"The forces differ from gravity by {100 * rms:.1f} % (RMS): did the sensor move in a rest?")
    calibration = SensorCalibration(acc_bias=found.centre, acc_matrix=gravity * found.shape)
    return Finding(calibration, {"acc": gravity * rms}, coverage(points - found.centre), tuple(warnings))


def ellipsoid_mag(mag: ArrayLike, radius: float | None = None) -> Finding:
    """Return the magnetometer calibrated from turning it through all orientations in one place, far from iron.

    Residuals: "mag", corrected magnitude against the radius [unit of the corrected field]; "relative", the same as a
    part of the radius.

    Args:
        mag: Magnetic field, any unit, shape (n, 3); rows of NaN are left out.
        radius: Magnitude of the corrected field; None keeps the mean scale, so that the unit stays.

    Raises:
        ValueError: There are too few samples, they leave the ellipsoid open, or lie on none.
    """
    if radius is not None and not 0.0 < radius < np.inf:
        raise ValueError(f"radius must be positive, not {radius}")
    points = usable("mag", mag, UNKNOWNS)
    found = fit(points)
    rms, warnings = _judged(found, points, "samples")
    if rms > MAG_RESIDUAL:
        warnings.append(f"The field's magnitude varies by {100 * rms:.0f} % (RMS): is iron near, or a magnet?")
    sizes = np.linalg.eigvalsh(found.shape)
    if sizes[-1] > USUAL_RATIO * sizes[0]:
        warnings.append(
            f"One axis of the field is {sizes[-1] / sizes[0]:.1f} times another: is iron fixed to the sensor?"
        )
    size = radius or float(np.prod(sizes) ** (-1.0 / 3.0))
    calibration = SensorCalibration(mag_offset=found.centre, mag_matrix=size * found.shape)
    residuals = {"mag": size * rms, "relative": rms}
    return Finding(calibration, residuals, coverage(points - found.centre), tuple(warnings))


def fit(points: Floats) -> Ellipsoid:
    """Return the ellipsoid nearest to points of any unit, shape (n, 3), n at least 9.

    Raises:
        ValueError: The points do not vary, leave the ellipsoid open, or lie on none.
    """
    mean = points.mean(axis=0)
    scale = float(np.sqrt(((points - mean) ** 2).sum(axis=1).mean()))
    if scale <= 1e-9 * float(np.abs(mean).max()) or scale == 0.0:
        raise ValueError("all vectors are the same: the sensor must be turned")
    inside = (points - mean) / scale
    found = _refined(_quadric(inside), inside)
    if seen(found, inside) < SEEN_LEAST:
        raise _open()
    return Ellipsoid(mean + scale * found.centre, found.shape / scale)


def seen(found: Ellipsoid, points: Floats) -> float:
    """Return how well the points' directions determine the ellipsoid: the conditioning, 0 to 0.4."""
    y = found.on_sphere(points)
    u = y / np.linalg.norm(y, axis=1, keepdims=True)
    return float(np.linalg.svd(np.hstack([u, _products(u)]), compute_uv=False)[-1]) / float(np.sqrt(len(u)))


def _judged(found: Ellipsoid, points: Floats, noun: str) -> tuple[float, list[str]]:
    """Return the residual as part of the radius, and warnings."""
    rms = float(np.sqrt(((np.linalg.norm(found.on_sphere(points), axis=1) - 1.0) ** 2).mean()))
    warnings = []
    if len(points) < CHECKED_BY:
        warnings.append(f"Only {len(points)} {noun}: take {CHECKED_BY} or more, so that errors show in the residual.")
    if seen(found, points) < SEEN_WELL:
        warnings.append("Too few directions were seen: turn the sensor upside down and onto its edges, too.")
    return rms, warnings


def _products(x: Floats) -> Floats:
    """Return what multiplies the six entries of a symmetric matrix in x' M x, shape (n, 6)."""
    return np.stack([x[:, i] * x[:, j] * (1.0 if i == j else 2.0) for i, j in PAIRS], axis=1)


def _symmetric(six: Floats) -> Floats:
    """Return the symmetric matrix of six entries in the order of `PAIRS`."""
    return six[[0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(3, 3)


def _quadric(x: Floats) -> Ellipsoid:
    """Return the ellipsoid x' Q x + 2 n . x = 1 of least algebraic distance; the origin, a mean, is inside."""
    design = np.hstack([_products(x), 2.0 * x])
    answer, _, rank, _ = np.linalg.lstsq(design, np.ones(len(x)), rcond=1e-6)
    if rank < UNKNOWNS:
        raise _open()
    six: Floats = answer[:6].astype(np.float64)
    Q, n = _symmetric(six), answer[6:]
    sizes, axes = np.linalg.eigh(Q)
    if sizes[0] <= 1e-6 * sizes[-1]:
        raise ValueError(
            "the vectors do not lie on an ellipsoid: the field was not steady, or too few directions were seen"
        )
    centre = -np.linalg.solve(Q, n)
    size = 1.0 + float(centre @ Q @ centre)
    return Ellipsoid(centre, (axes * np.sqrt(sizes / size)) @ axes.T)


def _refined(start: Ellipsoid, x: Floats) -> Ellipsoid:
    """Return the ellipsoid of least squared distances |S (x - b)| - 1."""
    centre, shape = start.centre, start.shape
    for _ in range(STEPS):
        d = x - centre
        y = d @ shape
        r = np.linalg.norm(y, axis=1, keepdims=True)
        u = y / np.maximum(r, 1e-12)
        by_shape = np.stack([u[:, i] * d[:, j] + (u[:, j] * d[:, i] if i != j else 0.0) for i, j in PAIRS], axis=1)
        step: Floats = np.linalg.lstsq(np.hstack([-u @ shape, by_shape]), 1.0 - r[:, 0], rcond=None)[0].astype(
            np.float64
        )
        centre, shape = centre + step[:3], shape + _symmetric(step[3:])
        if not float(np.linalg.eigvalsh(shape)[0]) > 0.0:
            break
        if float(np.abs(step).max()) < CONVERGED:
            return Ellipsoid(centre, shape)
    raise ValueError("no ellipsoid fits the vectors: the field was not steady, or too few directions were seen")


def _open() -> ValueError:
    return ValueError("the directions leave the ellipsoid open: turn the sensor through all sides, edges and corners")
