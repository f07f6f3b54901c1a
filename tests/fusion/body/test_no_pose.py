"""Seats found from ordinary movement, with sensors strapped on anyhow and no pose asked for; what is wrong is said."""

import numpy as np
import pytest

from fusion.orientation import quaternion as qt
from simulators.person.body import SEGMENTS
from simulators.person.rotation import from_vector, rotate
from tests.fusion.body.worn import CHAIR_FIRST, LEG, SQUAT_FIRST, WALK_FIRST, WALKING_ZERO_DEG, played, rms

LEGS = (*LEG, "thigh_right", "shank_right")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("script", "begin", "latest"),
    [(WALK_FIRST, 0.0, 12.0), (CHAIR_FIRST, 0.0, 20.0), (CHAIR_FIRST, 5.0, 25.0), (SQUAT_FIRST, 0.0, 16.0)],
    ids=["walk", "chair", "begins seated", "squat"],
)
def test_a_knee_that_stands_once_is_right_to_a_degree_and_a_half(script, begin, latest, seed) -> None:
    worn = played(script, LEG, seed, begin)
    t, error = worn.error("knee_flexion_left")
    assert t[0] < latest
    assert rms(error) < 1.5
    assert worn.pipeline.calibration.reasons["knee_left"] == ()


@pytest.mark.parametrize("seed", range(2))
def test_walking_alone_gives_the_angle_up_to_a_zero_that_is_said_to_be_unsure(seed) -> None:
    worn = played(WALK_FIRST, LEG, seed, begin=8.0, seconds=30.0)
    t, error = worn.error("knee_flexion_left")
    assert t[0] < 20.0
    assert rms(error - error.mean()) < 1.2
    assert abs(error.mean()) < 1.5 * WALKING_ZERO_DEG
    assert "zero taken from walking" in worn.pipeline.calibration.reasons["knee_left"][0]
    assert np.nanmax(worn.series("uncertainty_knee_flexion_left")[1]) > 0.7 * WALKING_ZERO_DEG
    assert worn.pipeline.lights["knee_left"][0] == "yellow"


def test_sensors_of_thigh_and_shank_on_each_others_place_are_noticed_and_nothing_is_computed() -> None:
    def swapped(measured, *_) -> None:
        measured["thigh_left"], measured["shank_left"] = measured["shank_left"], measured["thigh_left"]

    worn = played(WALK_FIRST, LEG, change=swapped, seconds=30.0)
    assert [e.data["segments"] for e in worn.named("swap")] == [["thigh_left", "shank_left"]]
    assert np.isnan(worn.series("knee_flexion_left")[1]).all()
    assert worn.pipeline.lights["knee_left"][0] == "red"
    assert "exchanged" in worn.pipeline.lights["knee_left"][1]


@pytest.mark.parametrize("exchanged", [False, True])
def test_legs_that_were_exchanged_are_noticed_by_the_pelvis(exchanged) -> None:
    def swap(measured, *_) -> None:
        if exchanged:
            for part in ("thigh", "shank"):
                left, right = f"{part}_left", f"{part}_right"
                measured[left], measured[right] = measured[right], measured[left]

    worn = played(WALK_FIRST, ("pelvis", *LEGS), change=swap, seconds=40.0)
    assert [e.data["segments"] for e in worn.named("swap")] == [["thigh_left", "thigh_right"]] * exchanged
    assert ("exchanged" in worn.pipeline.lights["knee_left"][1]) == exchanged


@pytest.mark.parametrize(("deg", "noticed"), [(15.0, True), (4.0, False)])
def test_a_sensor_that_slips_is_noticed_at_the_next_standings_and_changes_no_row_before(deg, noticed) -> None:
    """The shank's sensor turns about the segment's z axis at 50 s."""
    after = 5000

    def slip(measured, person, model) -> None:
        mounting, _ = person.sensor_mounting("shank_left", model)  # sensor to segment
        axis = qt.rotate(qt.conjugate(np.asarray(mounting)), np.array([0.0, 0.0, 1.0]))
        turn = from_vector((np.radians(deg) * axis)[None])[0]
        for x in measured["shank_left"]:
            x[after:] = rotate(turn, x[after:])

    segments = ("pelvis", *LEG)
    plain = played(WALK_FIRST, segments, seconds=60.0)
    worn = played(WALK_FIRST, segments, seconds=120.0, change=slip)
    found = worn.named("slip")
    assert [e.data["segment"] for e in found] == ["shank_left"] * noticed
    if noticed:
        assert found[0].data["deg"] == pytest.approx(deg, abs=2.0)
        assert worn.pipeline.lights["knee_left"] == (
            "red", f"left shank slipped {found[0].data['deg']:.0f} deg: calibrate again"
        )  # fmt: skip
    before, now = (w.series("knee_flexion_left")[1][: after - 50] for w in (plain, worn))
    np.testing.assert_array_equal(before, now)


MAIN_ANGLES = (
    "pelvis_tilt", "trunk_flexion", "neck_flexion",
    *(f"{a}_{side}" for side in ("left", "right") for a in ("hip_flexion", "knee_flexion", "ankle_dorsiflexion")),
    "wrist_flexion_left", "wrist_flexion_right",
)  # fmt: skip


def test_the_whole_body_needs_no_pose() -> None:
    worn = played(SQUAT_FIRST, SEGMENTS, seed=1, seconds=90.0)
    assert worn.pipeline.calibration.state == "ready"
    for name in MAIN_ANGLES:
        _, error = worn.error(name)
        assert rms(error) < 1.5, name
        assert error.size > 4500, name


def test_eleven_minutes_do_not_drift() -> None:
    worn = played(CHAIR_FIRST, LEG, seconds=660.0, wobble_deg=1.0)
    t, error = worn.error("knee_flexion_left")
    assert abs(np.polyfit(t / 60.0, error, 1)[0]) < 0.05
    assert rms(error) < 1.2
