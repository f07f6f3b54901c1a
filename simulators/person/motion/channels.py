"""The numbers that make a pose: joint angles by their series names, and a few channels that move the whole body.

All in degrees with the signs of docs/conventions.md (flexion, adduction, internal rotation positive on both sides; knee
valgus positive), except `shock_*` [m per m/s2 of peak acceleration, see `motion.gait`], `gait` (0 standing, 1 walking)
and `travel`, `lateral` [m].
"""

from collections.abc import Mapping

SIDES = ("left", "right")

_CENTRAL = (
    "pelvis_tilt",
    "pelvis_obliquity",
    "pelvis_rotation",
    "trunk_flexion",
    "trunk_lateral_bend",
    "trunk_rotation",
    "neck_flexion",
    "neck_lateral_bend",
    "neck_rotation",
)
_SIDED = (
    "hip_flexion",
    "hip_adduction",
    "hip_rotation",
    "knee_flexion",
    "knee_valgus",
    "knee_rotation",
    "ankle_dorsiflexion",
    "ankle_inversion",
    "ankle_rotation",
    "shoulder_plane",
    "shoulder_elevation",
    "shoulder_rotation",
    "elbow_flexion",
    "elbow_pronation",
    "wrist_flexion",
    "wrist_ulnar_deviation",
)
ANGLES = _CENTRAL + tuple(f"{name}_{side}" for name in _SIDED for side in SIDES)
"""Joint angles that a script sets and `Person.joint_angles` reports [deg]."""
WHOLE_BODY = ("shock_left", "shock_right", "gait", "lateral", "travel")
CHANNELS = ANGLES + WHOLE_BODY
INDEX = {name: k for k, name in enumerate(CHANNELS)}

Pose = Mapping[str, float]


def both(**angles: float) -> dict[str, float]:
    """Return the same angles for the left and the right side."""
    return {f"{name}_{side}": value for name, value in angles.items() for side in SIDES}


def standing() -> dict[str, float]:
    """Return the anatomical upright pose: every segment vertical, feet flat, arms a little away from the body.

    The arms stay 10 degrees out because plane of elevation and axial rotation have no meaning at elevation zero.
    """
    return dict.fromkeys(CHANNELS, 0.0) | both(shoulder_elevation=10.0, elbow_flexion=12.0)


def legs(thigh: float, shank: float, tilt: float) -> dict[str, float]:
    """Return hip, knee and ankle angles [deg] of both legs for given segment pitches, with the feet flat.

    thigh: pitch of the thigh, positive with the knee forward of the hip. shank: pitch of the shank, positive with the
    knee forward of the ankle. tilt: anterior tilt of the pelvis.
    """
    return {"pelvis_tilt": tilt} | both(hip_flexion=thigh + tilt, knee_flexion=thigh + shank, ankle_dorsiflexion=shank)


def trunk(inclination: float, tilt: float) -> dict[str, float]:
    """Return trunk flexion against the pelvis, and the neck that keeps half of the gaze level [deg]."""
    return {"trunk_flexion": inclination - tilt, "neck_flexion": -0.5 * inclination}


def arms_hanging() -> dict[str, float]:
    """Return the arms of the standing pose."""
    return both(
        shoulder_plane=0.0, shoulder_elevation=10.0, shoulder_rotation=0.0, elbow_flexion=12.0, elbow_pronation=0.0
    )
