"""Joint angles: the sign of every movement on either side, and the decomposition against scipy and Grood and Suntay."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusion.body.angles.inclination import inclination_deg, sagittal
from fusion.body.angles.joints import ANGLES, PUBLISHED, joint_angles_deg, joint_series, series
from fusion.body.angles.pelvis import LEVEL
from fusion.body.angles.sequences import zxy
from fusion.body.segments import ALL_JOINTS, EARTH, JOINTS, SEGMENTS, check, part

Floats = np.ndarray
FRONT, UP, RIGHT = np.eye(3)


def quat(rotation: Rotation) -> Floats:
    return rotation.as_quat()[..., [3, 0, 1, 2]]


def turned(axis: Floats, degrees: float) -> Rotation:
    return Rotation.from_rotvec(np.radians(degrees) * np.asarray(axis))


MOVEMENTS = {
    # the distal segment turns by +20 degrees about this axis of the proximal one, the wearer's right hand side being +z
    "hip_flexion": {"right": RIGHT, "left": RIGHT},  # the thigh swings forward: its distal end moves to +x
    "knee_flexion": {"right": -RIGHT, "left": -RIGHT},  # the heel goes to the back
    "ankle_dorsiflexion": {"right": RIGHT, "left": RIGHT},  # the toes go up
    "trunk_flexion": {"": -RIGHT},  # the shoulders go forward
    "hip_adduction": {"right": FRONT, "left": -FRONT},  # the distal end goes to the midline
    "knee_valgus": {"right": -FRONT, "left": FRONT},  # the ankle goes away from the midline
    "ankle_inversion": {"right": FRONT, "left": -FRONT},  # the sole turns to the midline
    "trunk_lateral_bend": {"": FRONT},  # the shoulders go to the right
    "hip_rotation": {"right": UP, "left": -UP},  # the toes turn to the midline
    "knee_rotation": {"right": UP, "left": -UP},
    "ankle_rotation": {"right": UP, "left": -UP},
    "trunk_rotation": {"": UP},  # the face turns to the left
}


@pytest.mark.parametrize(("name", "side"), [(n, s) for n, sides in MOVEMENTS.items() for s in sides])
def test_a_movement_is_positive_as_named(name: str, side: str) -> None:
    kind = next(k for k, angles in ANGLES.items() if name in angles.names)
    proximal = Rotation.random(random_state=3)
    distal = proximal * turned(MOVEMENTS[name][side], 20.0)
    got = joint_angles_deg(kind, side, quat(proximal), quat(distal))
    expected = [20.0 if n == name else 0.0 for n in ANGLES[kind].names]
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_the_axes_of_the_sign_table_move_the_body_as_they_say() -> None:
    np.testing.assert_allclose(turned(RIGHT, 90).apply(-UP), FRONT, atol=1e-12)  # a hanging thigh swings forward
    np.testing.assert_allclose(turned(-RIGHT, 90).apply(-UP), -FRONT, atol=1e-12)  # a hanging shank goes back
    np.testing.assert_allclose(turned(-RIGHT, 90).apply(UP), FRONT, atol=1e-12)  # an upright trunk leans forward
    np.testing.assert_allclose(turned(FRONT, 90).apply(-UP), -RIGHT, atol=1e-12)  # a right thigh goes to the midline
    np.testing.assert_allclose(turned(FRONT, 90).apply(UP), RIGHT, atol=1e-12)  # a trunk bends to the right
    np.testing.assert_allclose(
        turned(UP, 90).apply(FRONT), -RIGHT, atol=1e-12
    )  # right toes turn in, a face to the left


def test_the_decomposition_is_the_intrinsic_sequence_z_x_y() -> None:
    rotations = Rotation.random(100, random_state=1)
    np.testing.assert_allclose(zxy(quat(rotations)), rotations.as_euler("ZXY"), atol=1e-9)


def test_it_is_grood_and_suntays_floating_axis() -> None:
    for rotation in Rotation.random(50, random_state=2):
        e1, e3 = RIGHT, rotation.apply(UP)
        e2 = np.cross(e3, e1) / np.linalg.norm(np.cross(e3, e1))
        expected = [
            np.arctan2(e2 @ UP, e2 @ FRONT),
            np.arcsin(e1 @ e3),
            np.arctan2(e2 @ rotation.apply(RIGHT), e2 @ rotation.apply(FRONT)),
        ]
        np.testing.assert_allclose(zxy(quat(rotation)), expected, atol=1e-9)


def test_the_pelvis_is_measured_against_gravity_whatever_its_heading() -> None:
    upright = Rotation.from_quat(LEVEL[[1, 2, 3, 0]])
    pelvis = quat(turned(UP[[0, 2, 1]], 70.0) * upright * turned(-FRONT, 10.0) * turned(-RIGHT, 20.0))
    got = joint_angles_deg("pelvis", "", LEVEL[None], pelvis[None])[:, PUBLISHED["pelvis"]]
    np.testing.assert_allclose(got, [[20.0, 10.0]], atol=1e-9)  # tilt to the front, right side up


def test_leaning_is_positive_to_the_front_and_to_the_right() -> None:
    for lean, expected in ((turned(-RIGHT, 30), [30, 0]), (turned(FRONT, 30), [0, 30]), (turned(UP, 30), [0, 0])):
        np.testing.assert_allclose(inclination_deg(lean.inv().apply(UP)), expected, atol=1e-9)
    assert np.degrees(sagittal(turned(RIGHT, 40).inv().apply(UP))) == pytest.approx(40.0)


def test_bending_forward_past_the_horizontal_goes_on() -> None:
    assert inclination_deg(turned(-RIGHT, 130).inv().apply(UP))[0] == pytest.approx(130.0)


def test_series_carry_their_side() -> None:
    names = [s for j in JOINTS for s in series(j)]
    assert names[:4] == ["trunk_flexion", "trunk_lateral_bend", "hip_flexion_left", "hip_adduction_left"]
    assert [n for n in names if n.endswith("_right")] == [
        "hip_flexion_right", "hip_adduction_right", "knee_flexion_right", "knee_valgus_right",
        "ankle_dorsiflexion_right", "ankle_inversion_right", "shoulder_elevation_right", "shoulder_plane_right",
        "elbow_flexion_right", "elbow_pronation_right", "wrist_flexion_right", "wrist_ulnar_deviation_right",
    ]  # fmt: skip


def test_every_joint_has_the_series_of_the_contract() -> None:
    names = [s for j in ALL_JOINTS for s in joint_series(j)]
    assert len(names) == len(set(names)) == 3 * 3 + 2 * (3 * 3 + 3 + 2 + 2)
    assert names[:3] == ["pelvis_tilt", "pelvis_obliquity", "pelvis_rotation"]
    assert [n for n in names if n.endswith("_left") and n.startswith(("shoulder", "elbow", "wrist"))] == [
        "shoulder_elevation_left", "shoulder_plane_left", "shoulder_rotation_left",
        "elbow_flexion_left", "elbow_pronation_left", "wrist_flexion_left", "wrist_ulnar_deviation_left",
    ]  # fmt: skip
    assert {j.proximal for j in ALL_JOINTS} | {j.distal for j in ALL_JOINTS} <= {EARTH, *SEGMENTS}


def test_segments_have_parts_and_unknown_ones_are_refused() -> None:
    assert len(SEGMENTS) == 17
    assert (part("upper_arm_left"), part("pelvis")) == ("upper_arm", "pelvis")
    with pytest.raises(ValueError, match="unknown segment 'tail'"):
        check("tail")
