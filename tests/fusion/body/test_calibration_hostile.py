"""Nothing that sensors may send breaks the calibration, and no seat is ever anything but a rotation."""

import numpy as np
import pytest

from fusion.body.seats.calibration import BodyCalibration
from fusion.body.seats.memory import STEP_NS, Step
from fusion.orientation import quaternion as qt
from fusion.settings import PipelineSettings

Floats = np.ndarray
SEGMENTS = ("pelvis", "thigh_left", "shank_left", "thigh_right", "shank_right", "forearm_left")
ROWS = 10


def noise(rng: np.random.Generator, t: int) -> Step:
    """Everything at random, at once."""
    quat = qt.normalize(rng.normal(size=(ROWS, len(SEGMENTS), 4)))
    gyr, acc = rng.normal(size=(2, ROWS, len(SEGMENTS), 3)) * np.array([3.0, 20.0])[:, None, None, None]
    return Step(t, quat, gyr, acc, np.full_like(gyr, np.nan))


def holes(rng: np.random.Generator, t: int) -> Step:
    """Values missing here and there, sensors missing for whole steps."""
    step = noise(rng, t)
    for x in (step.quat, step.gyr, step.acc):
        x[rng.random(x.shape[:2]) < 0.1] = np.nan
        x[:, rng.random(len(SEGMENTS)) < 0.2] = np.nan
    return step


def frozen(_: np.random.Generator, t: int) -> Step:
    """The same values for ever, rates among them."""
    quat = np.tile([1.0, 0.0, 0.0, 0.0], (ROWS, len(SEGMENTS), 1))
    gyr, acc = np.full((ROWS, len(SEGMENTS), 3), 1.0), np.full((ROWS, len(SEGMENTS), 3), 5.0)
    return Step(t, quat, gyr, acc, np.full_like(gyr, np.nan))


def falling(rng: np.random.Generator, t: int) -> Step:
    """Turning about the vertical without weight."""
    step = noise(rng, t)
    step.acc[:] = 0.0
    step.gyr[:] = [0.0, 0.0, 4.0]
    step.quat[:] = qt.about_z(0.4 * t / STEP_NS)
    return step


def saturated(rng: np.random.Generator, t: int) -> Step:
    """Rates and forces at their rails."""
    step = noise(rng, t)
    np.sign(step.gyr, out=step.gyr)
    np.sign(step.acc, out=step.acc)
    step.gyr[:] *= 35.0
    step.acc[:] *= 160.0
    return step


@pytest.mark.parametrize("kind", [noise, holes, frozen, falling, saturated])
def test_no_input_breaks_the_calibration(kind) -> None:
    rng = np.random.default_rng(0)
    calibration = BodyCalibration(PipelineSettings())
    for segment in SEGMENTS:
        calibration.add(segment)
    for i in range(400):
        calibration.step(kind(rng, i * STEP_NS))
        if i == 250:
            calibration.ask(i * STEP_NS, "standing")
    known = np.isfinite(calibration.align).all(axis=1)
    np.testing.assert_allclose(np.linalg.norm(calibration.align[known], axis=1), 1.0, atol=1e-9)
    assert np.isfinite(calibration.heading).all()
    assert calibration.report.state in ("waiting", "still", "moving", "ready")
    again = BodyCalibration(PipelineSettings())
    for segment in SEGMENTS:
        again.add(segment)
    again.restore(calibration.carry())
    np.testing.assert_array_equal(again.align, calibration.align)
