"""How far a joint can be trusted, as somebody sees it on the Live page."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page, expect

from fusion.estimates import Batch

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]
SOON = 8_000
WALKED = "left thigh: zero taken from walking, as nobody stood still"
SLIPPED = "right shank slipped 12 deg: calibrate again"
LIGHTS = {
    "hip_left": {"light": "yellow", "reason": WALKED},
    "knee_left": {"light": "yellow", "reason": WALKED},
    "knee_right": {"light": "red", "reason": SLIPPED},
    "pelvis": {"light": "green", "reason": ""},
}


def row(topic: Any, period_s: float, values: dict[str, float], unit: str = "deg") -> Batch:
    """Return one row of this moment."""
    t = np.array([time.time_ns()])
    return Batch(topic, t, round(period_s * 1e9), tuple(values), (unit,) * len(values), np.array([[*values.values()]]))


async def bend(room: Any, joints: dict[str, float], quality: dict[str, float], session: str | None = None) -> None:
    """Publish angles twenty times a second, and what is told of them each second, until cancelled."""
    for number in range(10**6):
        await room.rows(row("joints", 0.01, joints), session=session)
        if number % 20 == 0:
            await room.rows(row("quality", 1.0, quality), session=session)
        await asyncio.sleep(0.05)


def light(page: Page, joint: str) -> Any:
    return page.locator(f'.panel-trust .light[data-joint="{joint}"]')


async def test_a_light_is_a_colour_a_shape_and_a_word_and_says_why_it_is_not_green(
    page: Page, room: Any, address: str
) -> None:
    room.calibration |= {"lights": LIGHTS}
    await page.goto(address)
    panel = page.get_by_role("region", name="Trust in the angles")
    await expect(panel).to_contain_text("1 of 4 joints reliable", timeout=SOON)
    for joint, shape, word in (
        ("pelvis", "streaming", "Reliable"),
        ("knee_left", "stale", "left Less reliable"),
        ("knee_right", "lost", "right Not reliable"),
    ):
        await expect(light(page, joint)).to_have_text(word)
        await expect(light(page, joint).locator(f".icon-{shape}")).to_be_visible()
    colours = {await light(page, joint).evaluate("e => getComputedStyle(e).color") for joint in LIGHTS}
    assert len(colours) == 3
    said = panel.locator(".trust-reasons li > span:last-child")
    await expect(said).to_have_text([f"Right knee: {SLIPPED}", f"Left hip, left knee: {WALKED}"])
    await expect(said.first).to_be_visible()
    room.calibration |= {"lights": {joint: {"light": "green", "reason": ""} for joint in LIGHTS}}
    await expect(panel).to_contain_text("4 of 4 joints reliable", timeout=SOON)
    await expect(panel.locator(".trust-reasons")).to_be_hidden()


async def test_one_sentence_of_all_joints_is_said_once(page: Page, room: Any, address: str) -> None:
    names = {"hip_left": "left hip", "knee_left": "left knee", "pelvis": "pelvis"}
    room.calibration |= {
        "lights": {joint: {"light": "red", "reason": f"{name} is not calibrated yet"} for joint, name in names.items()}
    }
    await page.goto(address)
    said = page.locator(".trust-reasons li > span:last-child")
    await expect(said).to_have_text(["All joints: not calibrated yet"], timeout=SOON)


async def test_without_joints_there_is_nothing_to_trust(page: Page, room: Any, address: str) -> None:
    await page.goto(address)
    await expect(page.locator(".sensor").first).to_be_visible(timeout=SOON)
    await expect(page.locator(".panel-trust")).to_be_hidden()


async def test_an_angle_comes_with_its_uncertainty_and_its_light(page: Page, room: Any, address: str) -> None:
    room.calibration |= {"lights": LIGHTS}
    joints = {"knee_flexion_left": 62.4, "knee_flexion_right": 5.0, "trunk_inclination": 3.0}
    quality = {"uncertainty_knee_flexion_left": 3.2, "uncertainty_knee_flexion_right": float("nan")}
    async with room.doing(bend(room, joints, quality)):
        await page.goto(address)
        readings = {name: page.locator(f'.reading[data-series="{name}"]') for name in joints}
        left, right, trunk = readings.values()
        await expect(left.locator(".reading-value")).to_have_text("62°± 3°", timeout=SOON)
        await expect(right.locator(".reading-value")).to_have_text("5°")
        await expect(left.locator(".light")).to_have_text("Less reliable")
        await expect(right.locator(".light")).to_have_text("Not reliable")
        await expect(trunk.locator(".light")).to_be_hidden()
    await expect(left.locator(".reading-value")).to_have_text("–", timeout=SOON)


async def test_slips_exchanges_and_lights_are_told_in_words(page: Page, room: Any, address: str) -> None:
    await page.goto(address)
    await expect(page.locator(".sensor").first).to_be_visible(timeout=SOON)
    await room.event("slip", segment="shank_left", deg=12.3)
    await room.event("swap", segments=["thigh_left", "thigh_right"])
    now, second = time.time_ns(), 10**9
    for joint in ("knee_left", "ankle_left"):
        await room.event("quality", at=now, joint=joint, light="red", reason="left shank slipped 12 deg")
    for share in (6, 7, 8):
        reason = f"right knee: {share} % of the data are missing or repaired"
        await room.event("quality", at=now + share * second, joint="knee_right", light="yellow", reason=reason)
    await room.event("quality", at=now + 9 * second, joint="knee_right", light="green", reason="")
    events = page.locator(".events .event-text")
    await expect(events).to_have_text(
        [
            "Right knee reliable",
            "Right knee less reliable: 6 % of the data are missing or repaired",
            "Left ankle not reliable: left shank slipped 12 deg",
            "Left knee not reliable: left shank slipped 12 deg",
            "Left thigh and right thigh seem to be exchanged: check where the sensors are worn",
            "Left shank slipped 12 degrees: calibrate again",
        ],
        timeout=SOON,
    )


async def test_a_replay_shows_its_own_lights_not_those_of_the_present(page: Page, room: Any, address: str) -> None:
    room.calibration |= {"lights": LIGHTS}
    room.replays = [{"id": "replay1", "of": "s1", "speed": 1.0, "position_s": 3.0, "duration_s": 30.0}]
    quality = {"light_knee_left": 2.0, "light_hip_left": 1.0}
    async with room.doing(bend(room, {"knee_flexion_left": 62.4}, quality, "replay1")):
        await page.goto(f"{address}/#/live?session=replay1")
        await expect(page.locator(".trust-joints")).to_have_text("Hipleft Less reliableKneeleft Reliable", timeout=SOON)
        said = page.locator(".trust-reasons li > span:last-child")
        await expect(said).to_have_text(["Left hip: less reliable"])
        await room.event("quality", "replay1", joint="hip_left", light="yellow", reason=WALKED)
        await expect(said).to_have_text([f"Left hip: {WALKED}"], timeout=SOON)
