"""Every joint on either side: elementary movements told in words of anatomy, the mirror, and the simulated person."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from fusion.body.angles.joints import ANGLES, joint_angles_deg
from fusion.body.angles.pelvis import facing, reference
from fusion.body.angles.sequences import mirrored
from fusion.body.angles.shoulder import NEAR_DEG, POLE_DEG
from fusion.body.segments import ALL_JOINTS, EARTH, Joint, Kind, Side
from simulators.person.body import Body, Build
from simulators.person.motion.channels import ANGLES as KNOWN
from simulators.person.motion.channels import CHANNELS, INDEX, standing

Floats = np.ndarray
FRONT, UP, RIGHT = np.eye(3)
BACK, DOWN, LEFT = -np.eye(3)
MEDIAL, LATERAL = "medial", "lateral"
SIDES: dict[Kind, tuple[Side, ...]] = {
    k: ("",) if k in ("pelvis", "trunk", "neck") else ("left", "right") for k in ANGLES
}
MIRROR = np.diag([1.0, 1.0, -1.0])
random_quats = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(random_state=seed))

MOVEMENTS = {
    # what is seen to move on the distal segment: the direction it pointed in, and the direction it moves to
    "pelvis_tilt": (UP, FRONT),  # the top of the pelvis goes forward
    "pelvis_obliquity": (RIGHT, UP),  # the right side goes up
    "pelvis_rotation": (FRONT, LEFT),  # the front turns to the left
    "trunk_flexion": (UP, FRONT),  # the shoulders go forward
    "trunk_lateral_bend": (UP, RIGHT),
    "trunk_rotation": (FRONT, LEFT),
    "neck_flexion": (UP, FRONT),  # the chin goes to the chest
    "neck_lateral_bend": (UP, RIGHT),  # the right ear goes to the right shoulder
    "neck_rotation": (FRONT, LEFT),  # the face turns to the left
    "hip_flexion": (DOWN, FRONT),  # the knee goes forward
    "hip_adduction": (DOWN, MEDIAL),  # the knee goes to the midline
    "hip_rotation": (FRONT, MEDIAL),  # the kneecap turns to the midline
    "knee_flexion": (DOWN, BACK),  # the heel goes back
    "knee_valgus": (DOWN, LATERAL),  # the ankle goes away from the midline
    "knee_rotation": (FRONT, MEDIAL),  # the toes turn to the midline
    "ankle_dorsiflexion": (FRONT, UP),  # the toes go up
    "ankle_inversion": (DOWN, MEDIAL),  # the sole turns to the midline
    "ankle_rotation": (FRONT, MEDIAL),
    "elbow_flexion": (DOWN, FRONT),  # the hand goes forward
    "elbow_carrying_angle": (DOWN, LATERAL),  # the hand goes away from the body
    "elbow_pronation": (FRONT, MEDIAL),  # the palm, which faced forward, turns to the body
    "wrist_flexion": (DOWN, FRONT),  # the fingers go to the side of the palm, which faces forward
    "wrist_ulnar_deviation": (DOWN, MEDIAL),  # the fingers go to the side of the little finger
    "wrist_pronation": (FRONT, MEDIAL),
}


def quat(rotation: Rotation) -> Floats:
    return rotation.as_quat()[..., [3, 0, 1, 2]]


def matrix(q: Floats) -> Floats:
    return Rotation.from_quat(q[..., [1, 2, 3, 0]]).as_matrix()


def direction(named: Floats | str, side: Side) -> Floats:
    """Return a direction in the axes of a segment; medial is to the left on the right side of the body."""
    if isinstance(named, str):
        return LEFT if (named == MEDIAL) == (side == "right") else RIGHT
    return named


def moved(start: Floats | str, end: Floats | str, degrees: float, side: Side) -> Floats:
    """Return the rotation matrix that moves what points to `start` by so much towards `end`."""
    u, v = direction(start, side), direction(end, side)
    swing = np.outer(v, u) - np.outer(u, v)
    plane = np.outer(u, u) + np.outer(v, v)
    return np.eye(3) + np.sin(np.radians(degrees)) * swing + (np.cos(np.radians(degrees)) - 1.0) * plane


def angles_of(kind: Kind, side: Side, relative: Floats, seed: int = 3) -> Floats:
    """Return the angles of a joint whose distal segment is turned by `relative`, somewhere in the world."""
    proximal = Rotation.random(random_state=seed)
    return joint_angles_deg(kind, side, quat(proximal), quat(proximal * Rotation.from_matrix(relative)))


@pytest.mark.parametrize("degrees", [40.0, -25.0])
@pytest.mark.parametrize(
    ("kind", "name", "side"),
    [(k, n, side) for k, a in ANGLES.items() if k != "shoulder" for n in a.names for side in SIDES[k]],
)
def test_a_movement_changes_its_own_angle_by_as_much_and_no_other(
    kind: Kind, name: str, side: Side, degrees: float
) -> None:
    got = angles_of(kind, side, moved(*MOVEMENTS[name], degrees, side))
    expected = [degrees if n == name else 0.0 for n in ANGLES[kind].names]
    np.testing.assert_allclose(got, expected, atol=1e-9)


SHOULDER = {
    # movements of the hanging arm, one after the other in the trunk's axes; then plane, elevation, internal rotation
    "abduction": ([(DOWN, LATERAL, 40.0)], (0.0, 40.0, 0.0)),
    "abduction far up": ([(DOWN, LATERAL, 150.0)], (0.0, 150.0, 0.0)),
    "forward flexion": ([(DOWN, FRONT, 40.0)], (90.0, 40.0, -90.0)),
    "extension": ([(DOWN, BACK, 40.0)], (-90.0, 40.0, 90.0)),
    "adduction before the body": ([(DOWN, FRONT, 40.0), (FRONT, MEDIAL, 30.0)], (120.0, 40.0, -90.0)),
    "horizontal flexion": ([(DOWN, LATERAL, 90.0), (LATERAL, FRONT, 50.0)], (50.0, 90.0, 0.0)),
    "turned in, then abducted": ([(FRONT, MEDIAL, 30.0), (DOWN, LATERAL, 90.0)], (0.0, 90.0, 30.0)),
    "turned out, then abducted": ([(FRONT, LATERAL, 30.0), (DOWN, LATERAL, 60.0)], (0.0, 60.0, -30.0)),
    "hand before the belly": ([(FRONT, MEDIAL, 60.0), (DOWN, FRONT, 30.0)], (90.0, 30.0, -30.0)),
}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("movement", SHOULDER)
def test_shoulder_movements_give_plane_elevation_and_rotation_alike_on_both_sides(movement: str, side: Side) -> None:
    steps, expected = SHOULDER[movement]
    relative = np.eye(3)
    for start, end, degrees in steps:
        relative = moved(start, end, degrees, side) @ relative
    np.testing.assert_allclose(angles_of("shoulder", side, relative), expected, atol=1e-6)


def test_named_positions_are_written_down_as_the_directions_their_axes_point_in() -> None:
    # columns: where the distal segment's front, upper end and right point in the axes of the proximal one
    def position(*axes: Floats) -> Floats:
        return np.stack(axes, axis=-1)

    bent = position(UP, BACK, RIGHT)  # the forearm points forward, the palm faces up
    np.testing.assert_allclose(angles_of("elbow", "right", bent), [90, 0, 0], atol=1e-9)
    palm_in = {"right": position(LEFT, UP, FRONT), "left": position(RIGHT, UP, BACK)}  # arm down, palm at the thigh
    sideways = {"right": position(FRONT, LEFT, UP), "left": position(FRONT, RIGHT, DOWN)}  # arm abducted to 90
    for side in ("left", "right"):
        np.testing.assert_allclose(angles_of("elbow", side, palm_in[side]), [0, 0, 90], atol=1e-9)
        np.testing.assert_allclose(angles_of("shoulder", side, sideways[side]), [0, 90, 0], atol=1e-6)
    np.testing.assert_allclose(angles_of("shoulder", "right", position(UP, BACK, RIGHT)), [90, 90, -90], atol=1e-6)
    np.testing.assert_allclose(angles_of("shoulder", "left", position(UP, BACK, RIGHT)), [90, 90, -90], atol=1e-6)
    np.testing.assert_allclose(angles_of("knee", "left", position(DOWN, FRONT, RIGHT)), [90, 0, 0], atol=1e-9)
    np.testing.assert_allclose(angles_of("neck", "", position(LEFT, UP, FRONT)), [0, 0, 90], atol=1e-9)
    np.testing.assert_allclose(angles_of("pelvis", "", position(DOWN, FRONT, RIGHT)), [0, 0, 90], atol=1e-9)


def turned_alike(got: Floats, expected: Floats) -> None:
    """Assert that angles [deg] are equal but for whole turns, or NaN alike."""
    difference = got - expected
    np.testing.assert_allclose(difference - 360.0 * np.round(difference / 360.0), 0.0 * expected, atol=1e-5)


def of_pole(kind: Kind, angles: Floats) -> float:
    """Return how far the middle angle is from where plane and rotation lose their meaning [deg]."""
    return min(angles[1], 180.0 - angles[1]) if kind == "shoulder" else 90.0 - abs(angles[1])


def reflected(segment: Rotation, mirror: Floats) -> Rotation:
    """Return the orientation of the segment's image, whose z axis again points to the wearer's right."""
    return Rotation.from_matrix(mirror @ segment.as_matrix() @ MIRROR)


@given(random_quats, random_quats, st.sampled_from([k for k in ANGLES if SIDES[k] != ("",)]))
def test_the_mirror_image_of_a_body_has_the_same_angles_on_the_other_side(
    proximal: Rotation, distal: Rotation, kind: Kind
) -> None:
    right = joint_angles_deg(kind, "right", quat(proximal), quat(distal))
    assume(of_pole(kind, right) > (POLE_DEG + 0.01 if kind == "shoulder" else 0.1))
    image = partial(reflected, mirror=np.diag([1.0, -1.0, 1.0]))
    turned_alike(joint_angles_deg(kind, "left", quat(image(proximal)), quat(image(distal))), right)


@given(st.floats(-np.pi, np.pi), random_quats, st.sampled_from([k for k in ANGLES if SIDES[k] == ("",)]))
def test_the_mirror_image_of_pelvis_trunk_and_head_leans_and_turns_the_other_way(
    heading: float, distal: Rotation, kind: Kind
) -> None:
    there, mirrored_there = reference(np.array(heading)), reference(np.array(-heading))
    north_to_south = np.diag([1.0, -1.0, 1.0])
    np.testing.assert_allclose(north_to_south @ matrix(there) @ MIRROR, matrix(mirrored_there), atol=1e-12)
    seen = joint_angles_deg(kind, "", there, quat(distal))
    assume(of_pole(kind, seen) > 0.1)
    image = joint_angles_deg(kind, "", mirrored_there, quat(reflected(distal, north_to_south)))
    turned_alike(image, seen * [1.0 if n.endswith(("flexion", "tilt")) else -1.0 for n in ANGLES[kind].names])


@given(random_quats)
def test_mirroring_a_quaternion_mirrors_its_matrix(rotation: Rotation) -> None:
    np.testing.assert_allclose(matrix(mirrored(quat(rotation))), MIRROR @ rotation.as_matrix() @ MIRROR, atol=1e-12)


@pytest.mark.parametrize(("kind", "side"), [(k, s) for k, sides in SIDES.items() for s in sides])
def test_the_sign_of_a_quaternion_does_not_matter(kind: Kind, side: Side) -> None:
    p, d = (quat(Rotation.random(200, random_state=s)) for s in (8, 9))
    expected = joint_angles_deg(kind, side, p, d)
    for sign_p, sign_d in ((-1, 1), (1, -1), (-1, -1)):
        turned_alike(joint_angles_deg(kind, side, sign_p * p, sign_d * d), expected)


@pytest.mark.parametrize("joint", ALL_JOINTS, ids=lambda j: j.name)
def test_the_angles_of_the_simulated_person_come_back(joint: Joint) -> None:
    rng = np.random.default_rng(11)
    channels = np.tile([standing()[name] for name in CHANNELS], (200, 1))
    for name in KNOWN:
        low, high = (NEAR_DEG, 150.0) if "elevation" in name else (-60.0, 60.0)
        channels[:, INDEX[name]] = rng.uniform(low, high, 200)
    compass_deg = 70.0
    body = Body(Build(), compass_deg)
    if joint.proximal == EARTH:
        proximal = reference(np.radians(90.0 - compass_deg))
    else:
        proximal = body.orientation(joint.proximal, channels)
    got = joint_angles_deg(joint.kind, joint.side, proximal, body.orientation(joint.distal, channels))
    for name, angle in zip(ANGLES[joint.kind].names, got.T, strict=True):
        series = f"{name}_{joint.side}" if joint.side else name
        expected = channels[:, INDEX[series]] if series in INDEX else Build().carrying_angle_deg
        if name != "wrist_pronation":
            np.testing.assert_allclose(angle, expected, atol=1e-6, err_msg=series)


def test_the_pelvis_is_measured_against_where_it_faced() -> None:
    heading = np.array([0.3, 2.0, -3.0])
    turned_left = reference(heading + np.radians(10.0))
    np.testing.assert_allclose(facing(reference(heading)), heading, atol=1e-12)
    np.testing.assert_allclose(matrix(reference(np.array(np.pi / 2)))[:, 0], [0, 1, 0], atol=1e-12)  # faces north
    np.testing.assert_allclose(matrix(reference(np.array(1.0)))[:, 1], [0, 0, 1], atol=1e-12)  # stands upright
    np.testing.assert_allclose(joint_angles_deg("pelvis", "", reference(heading), turned_left)[:, 0], 10.0, atol=1e-9)


def test_the_pelvis_faces_where_it_faced_however_it_tilts() -> None:
    tilted = quat(Rotation.from_matrix(matrix(reference(np.array(0.7)))) * Rotation.from_euler("XZ", [0.2, -0.9]))
    assert facing(tilted) == pytest.approx(0.7)


ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in Path(__file__).parents[3].joinpath("docs/conventions.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|")
]
AXES = {"x": FRONT, "y": UP, "z": RIGHT}


@pytest.mark.parametrize("kind", ANGLES)
def test_the_conventions_give_every_joints_sequence_and_signs(kind: Kind) -> None:
    angles = ANGLES[kind]
    (row,) = [r for r in ROWS if len(r) == 6 and r[0].startswith(kind) and r[1] != "inclination"]
    assert row[1].replace("-", "").replace("'", "").lower() == angles.sequence
    for i, (cell, sign) in enumerate(zip(row[2:5], angles.signs, strict=True)):
        assert ("−" in cell.split("(")[0], "+" in cell.split("(")[0]) == (sign < 0, sign > 0)
        assert (f"`{angles.names[i]}`" in cell) == (i in angles.series)


@pytest.mark.parametrize("name", MOVEMENTS)
def test_the_conventions_give_the_axis_of_every_movement(name: str) -> None:
    said = "carrying angle" if name == "elbow_carrying_angle" else f"`{name}`"
    rows = [r for r in ROWS if len(r) in (3, 4) and said in r[0]]
    if name == "wrist_pronation":
        assert not rows
        return
    (row,) = rows
    for side, cell in zip(("right", "left") if len(row) == 4 else ("",), row[2:], strict=True):
        start, end = (direction(d, side) for d in MOVEMENTS[name])
        axis = AXES[cell[-1]] * (-1.0 if cell.startswith("−") else 1.0)
        np.testing.assert_array_equal(np.cross(start, end), axis)
