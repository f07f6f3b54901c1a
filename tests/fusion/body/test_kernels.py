"""The compiled loop over rows says what the array functions say."""

import numpy as np
import pytest

from fusion.body.angles.inclination import inclination_deg
from fusion.body.angles.joints import PUBLISHED, joint_angles_deg
from fusion.body.angles.pelvis import LEVEL
from fusion.body.kernels import about_vertical, gather, pose, remember, table
from fusion.body.segments import JOINTS, PELVIS, SEGMENTS
from fusion.motion import COLUMNS, QUAT
from fusion.orientation import quaternion as qt


def test_a_pose_is_that_of_the_array_functions() -> None:
    rng = np.random.default_rng(0)
    n, seats = 200, len(SEGMENTS)
    x = rng.normal(size=(n, seats, COLUMNS))
    x[..., QUAT] = qt.normalize(x[..., QUAT])
    x[17:19, 3] = np.nan
    align, heading = qt.normalize(rng.normal(size=(seats, 4))), rng.uniform(-3.0, 3.0, seats)
    align[5] = np.nan
    at = {segment: i for i, segment in enumerate(SEGMENTS)}
    joints = [(j, at[j.proximal], at[j.distal]) for j in JOINTS] + [(PELVIS, at["pelvis"], at["pelvis"])]
    quats, angles = np.empty((n, 4 * seats)), np.empty((n, 2 * len(joints) + 2))
    pose(x, align, heading, *table(joints), at["trunk"], quats, angles)

    quat = qt.multiply(qt.about_z(heading), qt.multiply(x[..., QUAT], align))
    np.testing.assert_allclose(quats, quat.reshape(n, -1), atol=1e-14)
    three = [joint_angles_deg(j.kind, j.side, quat[:, a], quat[:, b])[:, PUBLISHED[j.kind]] for j, a, b in joints[:-1]]
    pelvis = joint_angles_deg("pelvis", "", np.broadcast_to(LEVEL, (n, 4)), quat[:, at["pelvis"]])
    inclined = inclination_deg(qt.up_in_sensor(quat[:, at["trunk"]]))
    expected = np.concatenate([*three, pelvis[:, PUBLISHED["pelvis"]], inclined], axis=1)
    np.testing.assert_allclose(angles, expected, atol=1e-9)
    assert np.isfinite(angles).mean() > 0.8


def test_seats_without_a_sensor_have_no_values() -> None:
    x, quality = np.arange(2.0 * 3 * COLUMNS).reshape(2, 3, COLUMNS), np.ones((2, 3))
    out, judged = np.empty((2, 4, COLUMNS)), np.empty((2, 4))
    gather(x, quality, np.array([2, -1, 3, 0]), out, judged)
    np.testing.assert_array_equal(out[:, [0, 3]], x[:, [2, 0]])
    assert np.isnan(out[:, 1:3]).all()
    assert judged.tolist() == [[1.0, 0.0, 0.0, 1.0]] * 2


def test_who_is_still_is_what_the_mean_rate_and_the_range_of_the_force_say() -> None:
    rng = np.random.default_rng(1)
    quat, mag = rng.normal(size=(10, 6, 4)), rng.normal(size=(10, 6, 3))
    gyr = rng.normal(size=(10, 6, 3)) * [[[0.04], [0.04], [0.3], [0.04], [0.04], [0.05]]]
    acc = np.array([0.0, 0.0, 9.8]) + rng.normal(size=(10, 6, 3)) * [[[0.1], [0.1], [0.1], [1.0], [0.1], [0.1]]]
    gyr[3, 4, 1] = np.nan
    acc[5, 1, 0] = np.nan
    last, still = np.empty((6, 11)), np.empty(6, dtype=np.bool_)
    remember(quat, gyr, acc, mag, 0.1, 0.8, last, still)
    rate, force = np.linalg.norm(gyr, axis=2).mean(axis=0), np.linalg.norm(acc, axis=2)
    assert still.tolist() == ((rate < 0.1) & (np.ptp(force, axis=0) < 0.8)).tolist() == [True, *[False] * 4, True]
    np.testing.assert_array_equal(last, np.concatenate([quat[-1], mag[-1], gyr[-1], still[:, None]], axis=1))


def test_a_rate_about_the_vertical() -> None:
    quat = qt.normalize(np.random.default_rng(2).normal(size=4))
    rate = np.array([0.3, -0.2, 0.9])
    assert about_vertical(quat, rate) == pytest.approx(float(rate @ qt.up_in_sensor(quat)), abs=1e-14)
