"""Whose advertisement it is, and drivers by name."""

import pytest

from devices.open_profile import SERVICE
from devices.profile import Advertisement
from devices.registry import DRIVERS, driver, recognise

MYO_SERVICE = "d5060001-a904-deb9-4748-2c7f4a124842"


@pytest.mark.parametrize(
    ("advertisement", "model"),
    [
        (Advertisement("D4:22:CD:00:00:01", "Xsens DOT"), "movella_dot"),
        (Advertisement("D4:22:CD:00:00:01", "Movella DOT"), "movella_dot"),
        (Advertisement("D4:22:CD:00:00:01", None, (), {0x0886: b"\1"}), "movella_dot"),
        (Advertisement("EC:F4:67:00:00:01", "Myo\0\0\0\0\0", (MYO_SERVICE,)), "myo"),
        (Advertisement("EC:F4:67:00:00:01", "Anna's arm", (MYO_SERVICE,)), "myo"),
        (Advertisement("C4:00:00:00:00:01", "UprightGO2"), "upright_go2"),
        (Advertisement("C4:00:00:00:00:01", "UprightGOS\0"), "upright_go2"),
        (Advertisement("02:00:00:00:00:01", "shoe", (SERVICE,)), "open_profile"),
        (Advertisement("02:00:00:00:00:01", "Movella DOT", (SERVICE,)), "open_profile"),
    ],
)
def test_a_known_advertisement_has_its_driver(advertisement: Advertisement, model: str) -> None:
    found = recognise(advertisement)
    assert found is not None
    assert found.model == model


@pytest.mark.parametrize(
    "advertisement",
    [
        Advertisement("AA:00:00:00:00:01"),
        Advertisement("AA:00:00:00:00:01", ""),
        Advertisement("AA:00:00:00:00:01", "UprightGo2DFU"),
        Advertisement("AA:00:00:00:00:01", "DOT"),
        Advertisement("AA:00:00:00:00:01", "Myography", ("0000180f-0000-1000-8000-00805f9b34fb",)),
        Advertisement("AA:00:00:00:00:01", "speaker", (), {0x004C: b"\1"}),
    ],
)
def test_anything_else_has_none(advertisement: Advertisement) -> None:
    assert recognise(advertisement) is None


def test_drivers_are_found_by_their_model() -> None:
    for candidate in DRIVERS:
        assert driver(candidate.model) is candidate


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"called 'dott'.*movella_dot, myo, open_profile, upright_go2"):
        driver("dott")


def test_models_are_unique() -> None:
    assert len({candidate.model for candidate in DRIVERS}) == len(DRIVERS) == 4
