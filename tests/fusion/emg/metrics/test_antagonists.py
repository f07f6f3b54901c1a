"""Antagonists by joint and side."""

from fusion.emg.metrics.antagonists import ANTAGONISTS, Pair, pairs, preferred, sided

LEG = ("vastus_medialis_left", "rectus_femoris_left", "semitendinosus_left", "vastus_lateralis_right")


def test_muscles_pair_within_a_side_only() -> None:
    assert pairs(LEG) == [
        Pair("knee", "left", "vastus_medialis_left", "semitendinosus_left"),
        Pair("knee", "left", "rectus_femoris_left", "semitendinosus_left"),
    ]


def test_one_pair_stands_for_a_joint_and_side() -> None:
    both = (*LEG, "biceps_femoris_right", "biceps_brachii_right", "triceps_brachii_right")
    assert preferred(both) == [
        Pair("knee", "left", "vastus_medialis_left", "semitendinosus_left"),
        Pair("knee", "right", "vastus_lateralis_right", "biceps_femoris_right"),
        Pair("elbow", "right", "biceps_brachii_right", "triceps_brachii_right"),
    ]


def test_names_without_a_side_pair_too() -> None:
    assert pairs(["tibialis_anterior", "soleus"]) == [Pair("ankle", "", "tibialis_anterior", "soleus")]


def test_no_muscle_is_its_own_antagonist() -> None:
    for group in ANTAGONISTS:
        assert not set(group.first) & set(group.second)
    assert sided("soleus", "left") == "soleus_left"
