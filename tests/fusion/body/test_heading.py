"""The heading ties of joints: each kind finds a known turn, follows its drift, and says nothing where it cannot."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.body.heading import Headings
from fusion.body.segments import JOINTS, TIES, Joint

Floats = np.ndarray
FACING_EAST = Rotation.from_matrix(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
"""Segment (x anterior, y up, z right) to earth (ENU)."""
STEP = 0.1


def wxyz(rotation: Rotation) -> Floats:
    return rotation.as_quat()[..., [3, 0, 1, 2]]


def joint(kind: str) -> Joint:
    return next(j for j in JOINTS if j.kind == kind)


def moved(kind: str, steps: int, turned: Floats, rng: np.random.Generator, tilt_deg: float = 0.0) -> Floats:
    """Return both segments' orientations, the distal one's earth frame turned back by `turned` [rad]."""
    a, b, c = np.radians(rng.uniform([10, -8, -40], [90, 8, 40], (steps, 3))).T
    if TIES[kind] in ("hinge",):
        b, c = 0 * b, 0 * c
    if TIES[kind] == "two_y":
        b = 0 * b
    if TIES[kind] == "two_x":
        c = 0 * c
    if TIES[kind] == "free":
        c = c - c.mean()
    proximal = FACING_EAST * Rotation.from_euler("X", rng.uniform(-10, 10, (steps, 1)) + tilt_deg, degrees=True)
    proximal = Rotation.from_euler("Z", rng.uniform(-1, 1, (steps, 1))) * proximal
    distal = proximal * Rotation.from_euler("ZXY", np.stack([a, b, c], axis=1))
    distal = Rotation.from_euler("Z", -turned[:, None]) * distal
    return np.stack([wxyz(proximal), wxyz(distal)], axis=1)


def tied(kind: str, quat: Floats, tau: float = 5.0) -> Headings:
    headings = Headings(JOINTS, tau, tau)
    headings.add()
    headings.add()
    one = joint(kind)
    identity = np.array([1.0, 0, 0, 0])
    headings.seat([one.proximal, one.distal], [identity, identity])
    headings.update(quat, STEP)
    return headings


def off_deg(headings: Headings, turned: float) -> float:
    return float(np.degrees(np.angle(np.exp(1j * (headings.heading[1] - headings.heading[0] - turned)))))


@pytest.mark.parametrize("kind", ["knee", "elbow", "wrist", "ankle", "hip", "shoulder", "neck"])
@pytest.mark.parametrize("turned", [-1.0, 0.2, 0.9])
def test_a_joint_finds_by_how_much_its_segments_headings_differ(kind: str, turned: float) -> None:
    quat = moved(kind, 400, np.full(400, turned), np.random.default_rng(1))
    limit = {"hinge": 0.01, "two_y": 0.01, "two_x": 0.01, "free": 8.0}[TIES[kind]]
    assert abs(off_deg(tied(kind, quat), turned)) < limit


@pytest.mark.parametrize(("kind", "limit"), [("knee", 4.0), ("elbow", 4.0), ("ankle", 4.0)])
def test_a_drift_of_thirty_degrees_a_minute_is_followed_within_the_memory(kind: str, limit: float) -> None:
    turned = np.radians(30.0) * np.arange(1200) * STEP / 60.0
    headings = tied(kind, moved(kind, 1200, turned, np.random.default_rng(2)), tau=5.0)
    assert abs(off_deg(headings, turned[-1])) < limit  # 2.5 deg is the lag of the memory
    assert abs(off_deg(tied(kind, moved(kind, 1200, turned, np.random.default_rng(2)), tau=1e6), turned[-1])) > 15.0


def test_the_two_axes_of_an_elbow_leave_its_pronation_free() -> None:
    rng = np.random.default_rng(3)
    turned = np.full(300, 0.4)
    proximal = FACING_EAST * Rotation.from_euler("X", np.zeros((300, 1)))
    bent = Rotation.from_euler("ZXY", np.stack([rng.uniform(0.8, 1.6, 300), np.zeros(300), np.full(300, 0.7)], axis=1))
    distal = Rotation.from_euler("Z", -turned[:, None]) * proximal * bent
    quat = np.stack([wxyz(proximal), wxyz(distal)], axis=1)
    assert abs(off_deg(tied("elbow", quat), 0.4)) < 2.0
    assert abs(off_deg(tied("shoulder", quat), 0.4)) > 10.0  # zero rotation in the mean is wrong for a pronated arm


def test_a_steep_axis_says_nothing() -> None:
    quat = moved("knee", 50, np.zeros(50), np.random.default_rng(0), tilt_deg=80.0)
    headings = tied("knee", quat)
    assert headings.spread("knee_left") == np.inf
    assert headings.heading.tolist() == [0.0, 0.0]


def test_a_missing_orientation_changes_nothing() -> None:
    quat = moved("knee", 50, np.full(50, 0.3), np.random.default_rng(0))
    holes = quat.copy()
    holes[20:30, 1] = np.nan
    a, b = tied("knee", holes), tied("knee", np.delete(quat, np.s_[20:30], axis=0))
    np.testing.assert_array_equal(a.sums, b.sums)


def test_one_call_is_the_same_as_many() -> None:
    quat = moved("elbow", 100, np.full(100, 0.3), np.random.default_rng(0))
    whole, parts = tied("elbow", quat), tied("elbow", quat[:1])
    for i in range(1, 100):
        parts.update(quat[i : i + 1], STEP)
    np.testing.assert_array_equal(whole.sums, parts.sums)
    np.testing.assert_array_equal(whole.heading, parts.heading)


def test_the_spread_tells_agreement_from_disagreement() -> None:
    rng = np.random.default_rng(0)
    agreeing = tied("knee", moved("knee", 200, np.full(200, 0.3), rng))
    scattered = tied("knee", moved("knee", 200, 0.3 + 0.5 * rng.normal(size=200), rng))
    assert agreeing.spread("knee_left") < 1e-3
    assert 0.3 < scattered.spread("knee_left") < 0.7


def test_what_was_carried_is_found_again_and_nonsense_is_left_out() -> None:
    quat = moved("knee", 50, np.full(50, 0.3), np.random.default_rng(0))
    old = tied("knee", quat)
    new = tied("knee", quat[:0])
    for name, sums in old.carry().items():
        new.restore(name, np.array(sums))
    new.settle()
    np.testing.assert_array_equal(new.heading, old.heading)
    new.restore("knee_left", np.array([1.0, 0.0, -1.0]))
    new.restore("third_leg", np.array([1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(new.sums, old.sums)


def test_a_heading_outlasts_hours_that_say_nothing() -> None:
    headings = Headings(JOINTS, 5.0, 20.0)
    for _ in range(2):
        headings.add()
    level = wxyz(FACING_EAST)
    aside = np.array([1.0, 0.0, 0.0, 0.0])  # both axes upright, as in somebody who lies on the side
    headings.seat(["thigh_left", "shank_left"], [aside, aside])
    headings.update(np.stack([level, wxyz(Rotation.from_rotvec([0.0, 0.0, -1.0]) * FACING_EAST)])[None], 0.1)
    headings.update(np.tile(aside, (100_000, 2, 1)), 0.1)
    assert headings.heading[1] == pytest.approx(1.0)
    assert headings.spread("knee_left") < 0.01
