"""What of a muscle's target is felt: a target held whose zone says so, not oftener than the wearer agreed to."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from fusion.estimates import Event, Json
from tests.gateway.test_visit import POSTURE, START, Visit, visit


def felt(root: Path, told: list[tuple[float, Mapping[str, Json]]]) -> list[str]:
    """Tell zones with waits [s] before them; return the causes of the buzzes that went out."""

    async def story(here: Visit) -> None:
        await here.until(here.streaming)
        for wait, data in told:
            await asyncio.sleep(wait)
            here.haptics.notice(Event(START, "zone", START, data))
        await asyncio.sleep(6)

    there = visit(root, POSTURE, story)
    return [str(event.data["cause"]) for event in there.events if event.name == "buzz"]


@pytest.mark.parametrize(
    ("state", "buzz", "causes"), [("held", True, ["zone"]), ("held", False, []), ("in", True, []), ("out", True, [])]
)
def test_only_a_target_held_whose_zone_says_so_is_felt(tmp_path: Path, state: str, buzz: bool, causes: list[str]):
    assert felt(tmp_path, [(0.0, {"muscle": "x", "state": state, "buzz": buzz})]) == causes


def test_no_second_buzz_within_the_rest(tmp_path: Path):
    held: Mapping[str, Json] = {"muscle": "x", "state": "held", "buzz": True}
    assert felt(tmp_path, [(0.0, held), (10.0, held), (25.0, held)]) == ["zone", "zone"]
