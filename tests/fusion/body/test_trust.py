"""The uncertainty of a joint's angles and its light: what raises them, and when a change is news."""

import numpy as np
import pytest

from fusion.body.seats.alignment import Seat
from fusion.body.segments import JOINTS
from fusion.body.trust import GREEN, RED, SECOND, YELLOW, Trust, judge, uncertainty_deg, words

KNEE = next(j for j in JOINTS if j.name == "knee_left")


def seats(*reasons: str, zero: float = 2.0, axis: float = 2.0) -> tuple[Seat, Seat]:
    thigh, shank = Seat("thigh_left"), Seat("shank_left", reasons=reasons)
    for seat in (thigh, shank):
        seat.zero_sd_deg, seat.axis_sd_deg = zero, axis
    return thigh, shank


def sd(bent_deg: float = 0.0, beside_deg: float = 0.0, spread: float = 0.0, **of: float) -> tuple[float, float]:
    return uncertainty_deg(*seats(**of), np.array([bent_deg, beside_deg]), spread)


def test_each_part_of_the_uncertainty_is_felt_where_it_matters() -> None:
    main, second = sd()
    assert main == second == pytest.approx(np.sqrt(2.0**2 + 0.5 + 2.2**2))
    assert sd(zero=7.0)[0] > 7.0
    bent = sd(bent_deg=90.0, axis=10.0)
    assert bent[0] == main  # a wrong axis hardly changes the flexion of a knee that moves in one plane
    assert bent[1] > 10.0  # but makes of it a valgus that is none
    assert sd(bent_deg=60.0, spread=0.2)[1] > sd(bent_deg=60.0)[1] + 3.0
    assert sd(beside_deg=30.0, axis=10.0)[0] > main + 1.0
    assert sd(spread=np.inf, bent_deg=90.0)[1] < 120.0


@pytest.mark.parametrize(
    ("reasons", "sd_deg", "share", "known", "light", "said"),
    [
        ((), 3.0, 1.0, True, GREEN, ""),
        (("front and back told apart by the usual direction of lean",), 3.0, 1.0, True, GREEN, ""),
        (("zero taken from walking, as nobody stood still",), 3.0, 1.0, True, YELLOW, "left shank: zero taken from"),
        ((), 5.0, 1.0, True, YELLOW, "left knee: uncertain by 5 degrees"),
        ((), 3.0, 0.9, True, YELLOW, "left knee: 10 % of the data are missing or repaired"),
        ((), 3.0, 0.5, True, RED, "left knee: 50 % of the data are missing: bring sensors and gateway nearer"),
        ((), 3.0, 1.0, False, RED, "left knee is not calibrated yet"),
        ((), 9.0, 1.0, True, RED, "left knee: uncertain by 9 degrees: calibrate again"),
        (("slipped 15 deg: calibrate again",), 3.0, 1.0, True, RED, "left shank slipped 15 deg: calibrate again"),
    ],
)
def test_a_light_says_why(reasons, sd_deg, share, known, light, said) -> None:
    found, why = judge(KNEE, seats(*reasons), sd_deg, share, known)
    assert found == light
    assert why == said or (said and why.startswith(said))


def test_a_second_is_summed_up_and_only_a_change_is_an_event() -> None:
    trust = Trust()
    trust.join([(KNEE, 0, 1)], 2)
    worn = list(seats())
    said = []
    for second in range(4):
        for tenth in range(10):
            t = second * SECOND + tenth * SECOND // 10
            quality = np.full((10, 2), 0.5 if second == 2 else 0.8 if second == 3 else 1.0)
            angles = np.full((10, 2), np.nan if second == 0 else 30.0)
            out, events = trust.add(t, t + SECOND // 10, quality, angles, worn, [0.0])
            assert (out is not None) == (tenth == 9)
            said += [(e.t // SECOND, e.data["light"]) for e in events]
    assert said == [(1, "red"), (2, "green"), (3, "red"), (4, "yellow")]
    assert out.names == ("uncertainty_knee_flexion_left", "uncertainty_knee_valgus_left", "light_knee_left")
    assert out.values[0] == pytest.approx(uncertainty_deg(*worn, np.array([30.0, 30.0]), 0.0)[0])


def test_a_share_that_changes_is_no_news() -> None:
    trust = Trust()
    trust.join([(KNEE, 0, 1)], 2)
    events = []
    for second, share in enumerate((0.9, 0.88, 0.91)):
        t = second * SECOND
        events += trust.add(t, t + SECOND, np.full((100, 2), share), np.full((100, 2), 10.0), list(seats()), [0.0])[1]
    assert len(events) == 1
    assert trust.lights["knee_left"][1].startswith("left knee: 9 %")


def test_names_are_said_as_people_say_them() -> None:
    assert [words(n) for n in ("upper_arm_left", "knee_right", "trunk")] == ["left upper arm", "right knee", "trunk"]
