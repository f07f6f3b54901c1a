"""The compiled loop over rows says what the array functions say."""

import numpy as np

from fusion.body.inclination import inclination_deg
from fusion.body.joints import Published
from fusion.body.kernels import gather, pose, table
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
    published = Published([j for j, _, _ in joints])
    expected = published.degrees(quat[:, [a for _, a, _ in joints]], quat[:, [b for _, _, b in joints]])
    expected = np.concatenate([expected, inclination_deg(qt.up_in_sensor(quat[:, at["trunk"]]))], axis=1)
    np.testing.assert_allclose(angles, expected, atol=1e-9)
    assert np.isfinite(angles).mean() > 0.8


def test_seats_without_a_sensor_have_no_values() -> None:
    x, quality = np.arange(2.0 * 3 * COLUMNS).reshape(2, 3, COLUMNS), np.ones((2, 3))
    out, judged = np.empty((2, 4, COLUMNS)), np.empty((2, 4))
    gather(x, quality, np.array([2, -1, 3, 0]), out, judged)
    np.testing.assert_array_equal(out[:, [0, 3]], x[:, [2, 0]])
    assert np.isnan(out[:, 1:3]).all()
    assert judged.tolist() == [[1.0, 0.0, 0.0, 1.0]] * 2
