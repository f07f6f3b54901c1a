"""The electrode guide is whole: every muscle can be set by its words alone."""

from fusion.emg.placements import CHECKS_VERIFIED, PLACEMENTS
from simulators.person.motion.muscles import MUSCLES


def test_every_placement_names_two_landmarks_and_a_point() -> None:
    assert len({placement.muscle for placement in PLACEMENTS}) == len(PLACEMENTS) == 16
    for placement in PLACEMENTS:
        assert placement.muscle.replace("_", "").isalpha()
        assert placement.muscle.islower()
        assert all(placement.line), placement.muscle
        assert placement.share is None or 0.0 < placement.share < 1.0
        assert all(
            (placement.name, placement.action, placement.posture, placement.where, placement.along, placement.check)
        )


def test_what_is_from_memory_is_marked() -> None:
    memory = {placement.muscle for placement in PLACEMENTS if not placement.verified}
    assert memory == {
        "biceps_femoris", "gluteus_medius", "gluteus_maximus", "tibialis_anterior", "gastrocnemius_medialis", "soleus",
        "deltoideus_medius", "erector_spinae",
    }  # fmt: skip
    assert not CHECKS_VERIFIED


def test_names_are_those_of_the_series() -> None:
    guided = {placement.muscle for placement in PLACEMENTS}
    assert set(MUSCLES) <= guided
    assert guided - set(MUSCLES) == {"trapezius_middle"}
