"""The body's truth: joint angles, segment frames and places, judged by rotations of scipy."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from simulators.person import SEGMENTS, Build, Person, Script, demo_script
from simulators.person.motion.activities import (
    Activity,
    Move,
    raise_arms,
    sit,
    sit_down,
    slouch,
    squat,
    stand,
    stand_up,
    walk,
)
from simulators.person.motion.channels import both, standing
from simulators.person.motion.gait import ANKLE, HIP, KNEE, Walk
from simulators.person.motion.steps import smooth_step, smooth_step_integral
from simulators.person.person import inclination

HEADING_DEG = 40.0
FORWARD = np.array([np.sin(np.radians(HEADING_DEG)), np.cos(np.radians(HEADING_DEG)), 0.0])
RIGHT = np.array([np.cos(np.radians(HEADING_DEG)), -np.sin(np.radians(HEADING_DEG)), 0.0])
UP = np.array([0.0, 0.0, 1.0])
TIMES = np.arange(0.0, 90.0, 0.0731)

POSED = {
    "pelvis_tilt": 12.0,
    "pelvis_obliquity": 6.0,
    "pelvis_rotation": 9.0,
    "trunk_flexion": 20.0,
    "trunk_lateral_bend": 8.0,
    "trunk_rotation": -11.0,
    "neck_flexion": 14.0,
    "neck_lateral_bend": -5.0,
    "neck_rotation": 25.0,
} | both(
    hip_flexion=50.0,
    hip_adduction=7.0,
    hip_rotation=12.0,
    knee_flexion=70.0,
    knee_valgus=6.0,
    knee_rotation=9.0,
    ankle_dorsiflexion=13.0,
    ankle_inversion=5.0,
    ankle_rotation=4.0,
    shoulder_plane=35.0,
    shoulder_elevation=60.0,
    shoulder_rotation=-20.0,
    elbow_flexion=80.0,
    elbow_pronation=30.0,
    wrist_flexion=15.0,
    wrist_ulnar_deviation=10.0,
)


def posing() -> Script:
    """Return a script that takes and leaves a pose in which every joint angle has a value of its own."""
    home = {name: standing()[name] for name in POSED}
    return Script((stand(1.0), Activity("pose", 4.0, (Move(0.0, 1.5, POSED), Move(2.5, 1.5, home))), stand(1.0)))


@pytest.fixture(scope="module")
def person() -> Person:
    return Person(seed=3, heading_deg=HEADING_DEG)


@pytest.fixture(scope="module")
def poser() -> Person:
    return Person(posing(), heading_deg=HEADING_DEG)


def rotations(person: Person, segment: str, t: np.ndarray) -> Rotation:
    return Rotation.from_quat(person.segment_orientation(segment, t)[:, [1, 2, 3, 0]])


def joint(person: Person, proximal: str, distal: str, t: np.ndarray, order: str = "ZXY") -> np.ndarray:
    """Return the intrinsic Euler angles of distal against proximal [deg], shape (N, 3)."""
    return (rotations(person, proximal, t).inv() * rotations(person, distal, t)).as_euler(order, degrees=True)


JOINTS = {
    "hip": ("pelvis", "thigh", (("flexion", 0, 1), ("adduction", 1, 1), ("rotation", 2, 1))),
    "knee": ("thigh", "shank", (("flexion", 0, -1), ("valgus", 1, -1), ("rotation", 2, 1))),
    "ankle": ("shank", "foot", (("dorsiflexion", 0, 1), ("inversion", 1, 1), ("rotation", 2, 1))),
    "elbow": ("upper_arm", "forearm", (("flexion", 0, 1), ("pronation", 2, 1))),
    "wrist": ("forearm", "hand", (("flexion", 0, 1), ("ulnar_deviation", 1, 1))),
}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", JOINTS)
@pytest.mark.parametrize("who", ["person", "poser"])
def test_z_x_y_angles_between_segments_are_the_true_joint_angles(
    who: str, name: str, side: str, request: pytest.FixtureRequest
) -> None:
    body: Person = request.getfixturevalue(who)
    proximal, distal, parts = JOINTS[name]
    above = proximal if proximal == "pelvis" else f"{proximal}_{side}"
    angles = joint(body, above, f"{distal}_{side}", TIMES)
    truth = body.joint_angles(TIMES)
    for part, column, sign in parts:
        mirror = -1 if side == "left" and column else 1
        np.testing.assert_allclose(mirror * sign * angles[:, column], truth[f"{name}_{part}_{side}"], atol=1e-6)


@pytest.mark.parametrize(("series", "above", "segment"), [("trunk", "pelvis", "trunk"), ("neck", "trunk", "head")])
def test_spine_angles_are_the_z_x_y_angles_with_flexion_negated(
    poser: Person, series: str, above: str, segment: str
) -> None:
    angles = joint(poser, above, segment, TIMES)
    truth = poser.joint_angles(TIMES)
    np.testing.assert_allclose(-angles[:, 0], truth[f"{series}_flexion"], atol=1e-6)
    np.testing.assert_allclose(angles[:, 1], truth[f"{series}_lateral_bend"], atol=1e-6)
    np.testing.assert_allclose(angles[:, 2], truth[f"{series}_rotation"], atol=1e-6)


@pytest.mark.parametrize(("side", "mirror"), [("right", 1.0), ("left", -1.0)])
def test_shoulder_angles_are_the_y_x_y_angles_of_the_arm_against_the_thorax(
    person: Person, side: str, mirror: float
) -> None:
    matrices = (rotations(person, "trunk", TIMES).inv() * rotations(person, f"upper_arm_{side}", TIMES)).as_matrix()
    truth = person.joint_angles(TIMES)
    plane = np.degrees(np.arctan2(-matrices[:, 0, 1], -mirror * matrices[:, 2, 1]))
    axial = np.degrees(np.arctan2(-matrices[:, 1, 0], mirror * matrices[:, 1, 2]))
    np.testing.assert_allclose(np.degrees(np.arccos(matrices[:, 1, 1])), truth[f"shoulder_elevation_{side}"], atol=1e-5)
    np.testing.assert_allclose(plane, truth[f"shoulder_plane_{side}"], atol=1e-5)
    np.testing.assert_allclose(axial, truth[f"shoulder_rotation_{side}"], atol=1e-5)


def test_pelvis_angles_are_the_y_x_z_angles_against_the_direction_faced(poser: Person) -> None:
    lab = Rotation.from_matrix(np.stack((FORWARD, UP, RIGHT), axis=1))
    angles = (lab.inv() * rotations(poser, "pelvis", TIMES)).as_euler("YXZ", degrees=True)
    truth = poser.joint_angles(TIMES)
    np.testing.assert_allclose(angles[:, 0], truth["pelvis_rotation"], atol=1e-6)
    np.testing.assert_allclose(-angles[:, 1], truth["pelvis_obliquity"], atol=1e-6)
    np.testing.assert_allclose(-angles[:, 2], truth["pelvis_tilt"], atol=1e-6)


def test_standing_segments_have_x_forward_y_up_and_z_right() -> None:
    statue = Person(Script((stand(5.0),)), heading_deg=HEADING_DEG, sway_deg=0.0)
    t = np.array([1.0])
    for segment in ("pelvis", "trunk", "head", "thigh_left", "shank_right", "foot_left", "foot_right"):
        frame = rotations(statue, segment, t).as_matrix()[0]
        np.testing.assert_allclose(frame, np.stack((FORWARD, UP, RIGHT), axis=1), atol=1e-12, err_msg=segment)


def moved(script: Script, segment: str, t: float) -> np.ndarray:
    """Return where a point 0.3 m along the segment's long axis lies relative to its origin: forward, up, right [m]."""
    body = Person(script, heading_deg=HEADING_DEG, sway_deg=0.0)
    along = 0.3 if segment in ("pelvis", "trunk", "head") else -0.3
    end = rotations(body, segment, np.array([t])).apply([0.0, along, 0.0])[0]
    return np.array([end @ FORWARD, end @ UP, end @ RIGHT])


def held(**angles: float) -> Script:
    """Return a script that holds some angles from 1 to 3 s."""
    home = {name: standing()[name] for name in angles}
    return Script((Activity("hold", 4.0, (Move(0.0, 1.0, angles), Move(3.0, 1.0, home))),))


@pytest.mark.parametrize(
    ("series", "segment", "axis", "sign"),
    [
        ("hip_flexion_right", "thigh_right", 0, 1),
        ("hip_flexion_left", "thigh_left", 0, 1),
        ("hip_adduction_right", "thigh_right", 2, -1),
        ("hip_adduction_left", "thigh_left", 2, 1),
        ("knee_flexion_right", "shank_right", 0, -1),
        ("knee_valgus_right", "shank_right", 2, 1),
        ("knee_valgus_left", "shank_left", 2, -1),
        ("trunk_flexion", "trunk", 0, 1),
        ("trunk_lateral_bend", "trunk", 2, 1),
        ("neck_flexion", "head", 0, 1),
        ("pelvis_tilt", "pelvis", 0, 1),
        ("elbow_flexion_left", "forearm_left", 0, 1),
    ],
)
def test_a_positive_angle_moves_the_segment_the_way_its_name_says(
    series: str, segment: str, axis: int, sign: int
) -> None:
    before, after = moved(Script((stand(4.0),)), segment, 2.0), moved(held(**{series: 30.0}), segment, 2.0)
    assert sign * (after[axis] - before[axis]) > 0.08


@pytest.mark.parametrize(("side", "outward"), [("right", 1.0), ("left", -1.0)])
def test_the_arm_rises_outward_in_plane_0_and_forward_in_plane_90(side: str, outward: float) -> None:
    abducted = moved(held(**{f"shoulder_elevation_{side}": 90.0}), f"upper_arm_{side}", 2.0)
    np.testing.assert_allclose(abducted, [0.0, 0.0, 0.3 * outward], atol=1e-9)
    forward = held(**{f"shoulder_elevation_{side}": 90.0, f"shoulder_plane_{side}": 90.0})
    np.testing.assert_allclose(moved(forward, f"upper_arm_{side}", 2.0), [0.3, 0.0, 0.0], atol=1e-9)


@pytest.mark.parametrize(("side", "sign"), [("right", -1.0), ("left", 1.0)])
def test_internal_rotation_turns_the_foot_inward(side: str, sign: float) -> None:
    body = Person(held(**{f"hip_rotation_{side}": 20.0}), heading_deg=HEADING_DEG, sway_deg=0.0)
    toes = rotations(body, f"foot_{side}", np.array([2.0])).apply([1.0, 0.0, 0.0])[0]
    assert sign * (toes @ RIGHT) == pytest.approx(np.sin(np.radians(20.0)))


def test_pelvis_obliquity_lifts_the_right_side_and_rotation_turns_to_the_left() -> None:
    tilted = Person(held(pelvis_obliquity=10.0), heading_deg=HEADING_DEG, sway_deg=0.0)
    assert rotations(tilted, "pelvis", np.array([2.0])).apply([0.0, 0.0, 1.0])[0] @ UP > 0.1
    turned = Person(held(pelvis_rotation=10.0), heading_deg=HEADING_DEG, sway_deg=0.0)
    assert rotations(turned, "pelvis", np.array([2.0])).apply([1.0, 0.0, 0.0])[0] @ RIGHT < -0.1


def test_a_squat_bends_hips_and_knees_leans_forward_and_keeps_the_feet_where_they_are() -> None:
    body = Person(Script((stand(1.0), squat(reps=2, depth_deg=90.0), stand(1.0))), sway_deg=0.0)
    t = np.arange(0.0, body.script.period, 0.01)
    truth = body.joint_angles(t)
    assert truth["knee_flexion_left"].max() == pytest.approx(90.0, abs=0.01)
    assert truth["hip_flexion_left"].max() > 80.0
    assert truth["trunk_inclination"].max() == pytest.approx(36.0, abs=0.01)
    assert truth["knee_flexion_left"].min() > -1e-6
    foot = body.segment_position("foot_left", t)
    np.testing.assert_allclose(foot, np.broadcast_to(foot[0], foot.shape), atol=1e-9)
    pelvis = body.segment_position("pelvis", t)[:, 2]
    assert pelvis.max() - pelvis.min() > 0.2


def test_both_sides_are_mirror_images_but_for_half_a_stride(person: Person) -> None:
    truth = person.joint_angles(TIMES)
    bout = Walk(23.0, 15.4, 1.1, 0.0)
    still = (bout.start > TIMES) | (bout.start + bout.duration < TIMES)
    for name in truth:
        if name.endswith("_left"):
            right = truth[name.replace("_left", "_right")]
            np.testing.assert_allclose(truth[name][still], right[still], atol=1e-9, err_msg=name)
    t = np.arange(26.0, 34.0, 0.01)
    later = person.joint_angles(t + 0.55)["knee_flexion_left"]
    np.testing.assert_allclose(person.joint_angles(t)["knee_flexion_right"], later, atol=1e-6)


@pytest.mark.parametrize(
    ("series", "curve"), [("hip_flexion_right", HIP), ("knee_flexion_right", KNEE), ("ankle_dorsiflexion_right", ANKLE)]
)
def test_walking_follows_the_published_curves(person: Person, series: str, curve: tuple[int, ...]) -> None:
    stride = 23.0 + 5 * 1.1 + 1.1 * np.arange(20) / 20
    np.testing.assert_allclose(person.joint_angles(stride)[series], curve, atol=2.0)


def test_walking_keeps_the_load_on_the_floor_and_over_ground_goes_forward() -> None:
    body = Person(Script((walk(11.0, speed=1.2),)), heading_deg=HEADING_DEG, sway_deg=0.0)
    t = np.arange(0.0, 11.0, 0.01)
    pelvis = body.segment_position("pelvis", t)
    assert np.all(np.diff(pelvis @ FORWARD) > -1e-6)
    assert pelvis[-1] @ FORWARD == pytest.approx(12.0, abs=0.01)
    assert np.ptp(pelvis @ UP) < 0.08
    ankle = np.minimum(body.segment_position("foot_left", t)[:, 2], body.segment_position("foot_right", t)[:, 2])
    assert ankle.min() > 0.0
    assert ankle.max() < 0.2
    after_an_hour = body.segment_position("pelvis", np.array([3600.0 + 8.0])) @ FORWARD
    assert after_an_hour[0] == pytest.approx(12.0 * 328, abs=0.01)


def test_in_walking_the_right_heel_strikes_with_the_right_hip_forward_and_the_trunk_turned_back() -> None:
    truth = Person(Script((walk(22.0),)), sway_deg=0.0).joint_angles(np.array([5 * 1.1]))
    assert truth["pelvis_rotation"][0] > 2.0
    assert truth["pelvis_rotation"][0] + truth["trunk_rotation"][0] < -2.0
    assert truth["shoulder_plane_right"][0] < -30.0
    assert truth["shoulder_plane_left"][0] > 30.0


def test_in_single_support_the_pelvis_drops_on_the_swing_side_over_a_leg_that_stays_upright() -> None:
    body = Person(Script((walk(22.0),)), heading_deg=HEADING_DEG, sway_deg=0.0)
    t = np.array([5.25 * 1.1])
    truth = body.joint_angles(t)
    assert truth["pelvis_obliquity"][0] == pytest.approx(3.0)
    assert truth["hip_adduction_right"][0] == pytest.approx(3.0)
    sideways = rotations(body, "thigh_right", t).apply([0.0, 1.0, 0.0])[0] @ RIGHT
    assert abs(sideways) < np.sin(np.radians(1.5))


@pytest.mark.parametrize(("side", "outward"), [("right", 1.0), ("left", -1.0)])
def test_the_forearm_is_carried_outward_and_the_shoulder_blade_follows_the_arm(side: str, outward: float) -> None:
    straight = held(**{f"elbow_flexion_{side}": 0.0, f"shoulder_elevation_{side}": 0.0})
    forearm = moved(straight, f"forearm_{side}", 2.0)
    assert forearm[2] * outward == pytest.approx(0.3 * np.sin(np.radians(8.0)))
    body = Person(held(**{f"shoulder_elevation_{side}": 100.0}), heading_deg=HEADING_DEG, sway_deg=0.0)
    blade = rotations(body, f"scapula_{side}", np.array([2.0])).apply([0.0, 0.0, outward])[0]
    assert np.degrees(np.arcsin(blade @ UP)) == pytest.approx(0.33 * 90.0, abs=1e-6)
    assert blade @ FORWARD > 0.3


def test_slouching_inclines_the_trunk_to_30_degrees_and_back_while_the_thighs_stay_level(person: Person) -> None:
    (start, end), *_ = [(a, b) for name, a, b in person.script.starts() if name == "slouch"]
    t = np.arange(start, end, 0.05)
    angle = person.posture_angle(t)
    assert angle.max() == pytest.approx(30.0, abs=0.5)
    assert abs(angle[0]) < 0.5
    assert abs(angle[-1]) < 0.5
    assert np.sum(angle > 25.0) * 0.05 > 6.0
    np.testing.assert_array_equal(angle, person.joint_angles(t)["trunk_inclination"])
    thigh = rotations(person, "thigh_left", t).apply([0.0, -1.0, 0.0])
    np.testing.assert_allclose(thigh @ UP, np.sin(np.radians(-2.0)), atol=0.01)


def test_inclination_is_against_gravity_whatever_the_heading() -> None:
    for heading in (0.0, 123.0):
        body = Person(held(trunk_flexion=25.0), heading_deg=heading, sway_deg=0.0)
        assert body.joint_angles(np.array([2.0]))["trunk_inclination"][0] == pytest.approx(25.0, abs=1e-9)
        body = Person(held(trunk_lateral_bend=15.0), heading_deg=heading, sway_deg=0.0)
        assert body.joint_angles(np.array([2.0]))["trunk_side_inclination"][0] == pytest.approx(15.0, abs=1e-9)
    forward, right = inclination(np.array([[np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0]]))
    assert forward[0] == pytest.approx(0.0)
    assert right[0] == pytest.approx(0.0)


def test_the_demo_stands_still_for_five_seconds_and_lasts_ninety(person: Person) -> None:
    assert demo_script().period == pytest.approx(90.0)
    quiet = person.joint_angles(np.arange(0.0, 5.0, 0.05))
    assert max(np.ptp(angle) for angle in quiet.values()) < 0.8
    knee = person.joint_angles(np.arange(5.0, 21.5, 0.01))["knee_flexion_right"]
    assert np.sum((knee[1:] > 90.0) & (knee[:-1] <= 90.0)) == 5


def test_the_tables_read_as_the_formulas_they_hold(person: Person) -> None:
    t = np.random.default_rng(1).uniform(0.0, 400.0, 500)
    np.testing.assert_allclose(person.channels(t), person._motion.channels(t), atol=1e-4)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_segments_are_smooth_across_the_seam_of_the_loop(person: Person, segment: str) -> None:
    t = 90.0 + np.arange(-3, 4) * 0.002
    assert np.abs(np.diff(person.segment_position(segment, t), n=2, axis=0)).max() < 1e-6
    assert np.abs(np.diff(person.segment_orientation(segment, t), n=2, axis=0)).max() < 1e-6


def test_cutting_time_in_any_way_changes_no_bit(person: Person) -> None:
    t = np.arange(0.0, 95.0, 1 / 60)
    whole = person.joint_angles(t)
    position = person.segment_position("hand_left", t)
    order = np.random.default_rng(0).permutation(len(t))
    for cut in (1, 7, 600):
        for start in range(0, len(t), max(cut, 97)):
            part = slice(start, start + cut)
            np.testing.assert_array_equal(
                person.joint_angles(t[part])["knee_flexion_left"], whole["knee_flexion_left"][part]
            )
            np.testing.assert_array_equal(person.segment_position("hand_left", t[part]), position[part])
    np.testing.assert_array_equal(person.joint_angles(t[order])["trunk_inclination"], whole["trunk_inclination"][order])


def test_hours_later_the_person_still_does_exactly_the_same(person: Person) -> None:
    early = np.arange(0.0, 90.0, 0.5)
    late = early + 400 * 90.0
    np.testing.assert_allclose(person.channels(late), person.channels(early), atol=1e-7)


def test_a_script_that_does_not_end_as_it_began_is_refused() -> None:
    with pytest.raises(ValueError, match="must end as it began"):
        Person(Script((sit_down(), sit(2.0))))


def test_every_activity_can_be_done_and_done_again() -> None:
    script = Script((sit_down(), slouch(6.0), stand_up(), raise_arms(), squat(1), walk(4.4), stand(1.0)))
    body = Person(script)
    end = body.channels(np.array([script.period - 1e-9, 0.0]))
    np.testing.assert_allclose(end[0], end[1], atol=1e-6)


def test_a_taller_person_has_longer_legs_and_an_impossible_one_is_refused() -> None:
    t = np.zeros(1)
    tall = Person(Script((stand(2.0),)), build=Build(height_m=2.0), sway_deg=0.0).segment_position("pelvis", t)
    assert tall[0, 2] == pytest.approx(0.53 * 2.0)
    with pytest.raises(ValueError, match="height_m is 175"):
        Build(height_m=175)


def test_an_unknown_segment_is_named_with_those_there_are(person: Person) -> None:
    with pytest.raises(ValueError, match="'shin_left': choose one of pelvis"):
        person.segment_orientation("shin_left", np.zeros(1))


def test_a_step_starts_and_ends_at_rest_and_its_integral_is_its_integral() -> None:
    u = np.linspace(-0.5, 1.5, 20001)
    step = smooth_step(u)
    assert step[0] == 0.0
    assert step[-1] == 1.0
    for order in (1, 2):
        slope = np.gradient(step, u) if order == 1 else np.gradient(np.gradient(step, u), u)
        assert np.abs(slope[[5000, 15000]]).max() < 1e-3
    integral = np.concatenate(([0.0], np.cumsum((step[1:] + step[:-1]) / 2) * (u[1] - u[0])))
    np.testing.assert_allclose(smooth_step_integral(u), integral, atol=1e-8)
