"""The electrode guide and its drawn body, and what the Live page shows of muscles."""

import asyncio
import re
import time
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from fusion.emg.placements import PLACEMENTS
from fusion.estimates import Batch

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]
SOON = 8_000
OFF = "the electrode seems to be off: press it on or renew it"
WITHIN = """(name) => {
  const region = document.querySelector(`[data-muscle="${name}_left"]`);
  const half = region.parentNode, flipped = half.getAttribute("transform");
  const groups = [...region.ownerSVGElement.querySelectorAll(".electrodes > g")];
  const mine = groups.find((group) => (group.getAttribute("transform") === "scale(-1 1)") === Boolean(flipped));
  return [...mine.querySelectorAll(".electrode")].map((dot) => {
    const point = region.ownerSVGElement.createSVGPoint();
    [point.x, point.y] = [dot.cx.baseVal.value, dot.cy.baseVal.value];
    return region.isPointInFill(point);
  });
}"""


def row(topic: Any, period_s: float, values: dict[str, float], unit: str = "1") -> Batch:
    """Return one row of this moment."""
    t = np.array([time.time_ns()])
    return Batch(topic, t, round(period_s * 1e9), tuple(values), (unit,) * len(values), np.array([[*values.values()]]))


async def work(room: Any, activation: dict[str, float], lights: dict[str, float] | None = None) -> None:
    """Publish activations twenty times a second, and lights each second, until cancelled."""
    values = {f"activation_{muscle}": value for muscle, value in activation.items()}
    values |= {f"emg_{muscle}": 2e-4 * value for muscle, value in activation.items()}
    for number in range(10**6):
        await room.rows(row("emg", 0.01, values))
        if lights and number % 20 == 0:
            await room.rows(row("quality", 1.0, {f"light_emg_{muscle}": value for muscle, value in lights.items()}))
        await asyncio.sleep(0.05)


def bar(page: Page, muscle: str) -> Any:
    return page.locator(f'.bar[data-series="activation_{muscle}"]')


def region(page: Page, muscle: str) -> Any:
    return page.locator(f'.muscle-region[data-muscle="{muscle}"]')


async def test_the_guide_says_of_every_muscle_where_its_electrodes_go(page: Page, room: Any, address: str) -> None:
    await page.goto(f"{address}/#/muscles")
    rows = page.locator(".guide-row")
    await expect(rows).to_have_count(len(PLACEMENTS), timeout=SOON)
    lateral = page.locator('.guide-row[data-muscle="vastus_lateralis"]')
    await lateral.get_by_role("button").click()
    await expect(lateral).to_contain_text("Two thirds of the way down to the kneecap's outer edge.")
    await expect(lateral).to_contain_text("Sitting, knee slightly bent")
    await expect(lateral.locator("h2")).not_to_contain_text("unverified")
    await expect(lateral.locator("dd").last).to_contain_text("unverified")  # tests of single muscles are from memory
    await expect(page.locator(".guide-rules")).to_contain_text("20 mm apart")
    for placement in PLACEMENTS:
        head = page.locator(f'.guide-row[data-muscle="{placement.muscle}"] h2')
        assert ("unverified" in await head.inner_text()) is not placement.verified, placement.muscle


async def test_every_muscle_of_the_guide_is_drawn_with_its_electrodes_on_it(
    page: Page, room: Any, address: str
) -> None:
    await page.goto(f"{address}/#/muscles")
    await expect(page.locator(".guide-row")).to_have_count(len(PLACEMENTS), timeout=SOON)
    for placement in PLACEMENTS:
        name = placement.muscle
        await page.locator(f'.guide-row[data-muscle="{name}"] button').click()
        for side in ("left", "right"):
            await expect(page.locator(f'.body-{placement.view} [data-muscle="{name}_{side}"]')).to_have_class(
                f"muscle-region side-{side} is-chosen"
            )
        await expect(page.locator(".muscle-region.is-chosen")).to_have_count(2)
        assert await page.evaluate(WITHIN, name) == [True, True], name


async def test_left_is_the_wearers_left_in_both_views(page: Page, room: Any, address: str) -> None:
    await page.goto(f"{address}/#/muscles")
    await expect(page.locator(".guide-row").first).to_be_visible(timeout=SOON)

    async def middle(muscle: str) -> float:
        box = await region(page, muscle).bounding_box()
        assert box is not None
        return float(box["x"] + box["width"] / 2)

    assert await middle("tibialis_anterior_left") > await middle("tibialis_anterior_right"), "seen from the front"
    assert await middle("soleus_left") < await middle("soleus_right"), "seen from the back"


async def test_a_muscle_is_chosen_by_key_by_list_or_in_the_picture(page: Page, room: Any, address: str) -> None:
    await page.goto(f"{address}/#/muscles")
    press = page.locator('.guide-row[data-muscle="soleus"] button')
    await press.focus(timeout=SOON)
    await page.keyboard.press("Enter")
    await expect(press).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("Enter")
    await expect(press).to_have_attribute("aria-expanded", "false")
    await expect(page.locator(".electrode")).to_have_count(0)
    await region(page, "gluteus_maximus_right").click()
    await expect(page.locator(".guide-row.is-chosen")).to_have_attribute("data-muscle", "gluteus_maximus")
    await expect(page.locator(".guide-row.is-chosen .guide-body")).to_be_in_viewport()


async def test_the_muscles_that_are_worn_are_marked(page: Page, room: Any, address: str) -> None:
    await page.goto(f"{address}/#/muscles")
    worn = page.locator(".guide-worn .chip")
    await expect(worn).to_have_text(["worn: left, right", "worn: left, right"], timeout=SOON)
    await expect(page.locator('.guide-row[data-muscle="vastus_lateralis"] .guide-worn')).to_have_text(
        "worn: left, right"
    )


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
async def test_the_guide_fits_any_screen(page: Page, room: Any, address: str, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await page.goto(f"{address}/#/muscles/gastrocnemius_medialis")
    await expect(page.locator(".guide-row.is-chosen")).to_be_visible(timeout=SOON)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    shown = page.locator(".body-back:visible")
    assert (await shown.bounding_box() or {})["height"] > 200


async def test_on_paper_every_muscle_has_its_words(page: Page, room: Any, address: str) -> None:
    await page.goto(f"{address}/#/muscles")
    await expect(page.locator(".guide-row")).to_have_count(len(PLACEMENTS), timeout=SOON)
    await expect(page.locator(".guide-body:visible")).to_have_count(0)
    await page.emulate_media(media="print")
    await expect(page.locator(".guide-body:visible")).to_have_count(len(PLACEMENTS))
    await expect(page.locator("header.top")).to_be_hidden()


async def test_the_picture_is_described_for_who_does_not_see_it(page: Page, room: Any, address: str) -> None:
    await page.goto(f"{address}/#/muscles")
    await expect(page.get_by_role("img", name="Body from the front")).to_be_visible(timeout=SOON)
    await expect(page.get_by_role("img", name="Body from the back")).to_be_visible()
    assert await page.locator(".body-view > desc").count() == 2
    assert await page.locator(".muscle-region > title").first.text_content() == "Deltoideus medius, left"


async def test_the_api_gives_the_guide(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
        guide = (await http.get("/api/v1/muscles")).json()
    assert [muscle["muscle"] for muscle in guide["muscles"]] == [placement.muscle for placement in PLACEMENTS]
    assert (guide["spacing_mm"], guide["size_mm"], guide["checks_verified"]) == (20, 10, False)


async def test_the_drawn_body_takes_the_colour_of_the_work(page: Page, room: Any, address: str) -> None:
    async with room.doing(work(room, {"vastus_lateralis_left": 0.8, "biceps_femoris_right": 0.1})):
        await page.goto(address)
        strong = region(page, "vastus_lateralis_left")
        await expect(strong).to_have_css("--share", "80%", timeout=SOON)
        await expect(region(page, "biceps_femoris_right")).to_have_css("--share", "10%")
        assert await region(page, "soleus_left").get_attribute("data-state") != "on", "not worn"
        await expect(strong.locator("title")).to_have_text("Vastus lateralis, left: 80 %")
        fills = [await region(page, m).evaluate("e => getComputedStyle(e).fill") for m in
                 ("vastus_lateralis_left", "biceps_femoris_right", "soleus_left")]  # fmt: skip
        assert len(set(fills)) == 3


@pytest.mark.parametrize("told_by", ["status", "series"])
async def test_a_channel_that_is_off_has_no_number_but_a_sentence(
    page: Page, room: Any, address: str, told_by: str
) -> None:
    nan = float("nan")
    muscles, lights = {"vastus_lateralis_left": nan, "vastus_lateralis_right": 0.4}, None
    if told_by == "status":
        room.calibration |= {
            "lights": {
                "emg_vastus_lateralis_left": {"light": "red", "reason": f"left vastus lateralis: {OFF}"},
                "emg_vastus_lateralis_right": {"light": "green", "reason": ""},
            }
        }
    else:
        lights = {"vastus_lateralis_left": 0.0, "vastus_lateralis_right": 2.0}
    async with room.doing(work(room, muscles, lights)):
        await page.goto(address)
        await expect(bar(page, "vastus_lateralis_left").locator(".bar-value")).to_have_text("off", timeout=SOON)
        await room.event(
            "quality", muscle="vastus_lateralis_left", light="red", flags=["OFF"],
            reason=f"left vastus lateralis: {OFF}",
        )  # fmt: skip
        trouble = page.locator(".bar-trouble:visible")
        await expect(trouble).to_have_count(1, timeout=SOON)
        await expect(trouble).to_contain_text(OFF)
        await expect(trouble).to_contain_text("left Not reliable")
        await expect(bar(page, "vastus_lateralis_left").get_by_role("meter")).not_to_have_attribute(
            "aria-valuenow", "0"
        )
        await expect(bar(page, "vastus_lateralis_right").locator(".bar-value")).to_have_text("40 %")
        await expect(region(page, "vastus_lateralis_left")).to_have_attribute("data-state", "off")
        await expect(page.locator(".panel-trust")).to_be_hidden()
        await expect(page.locator(".events .event-text").first).to_have_text(
            f"Left vastus lateralis not reliable: {OFF}"
        )


async def test_each_muscle_says_what_its_number_is_a_fraction_of(page: Page, room: Any, address: str) -> None:
    muscles = {"vastus_lateralis_left": 0.5, "vastus_lateralis_right": 0.4, "biceps_femoris_left": 0.3}
    async with room.doing(work(room, muscles)):
        await page.goto(address)
        await expect(page.locator(".panel-bars")).to_contain_text("% of session peak so far", timeout=SOON)
        said = {
            name: page.locator(f'.muscle[data-muscle="{name}"] .hint')
            for name in ("vastus_lateralis", "biceps_femoris")
        }
        for muscle in ("vastus_lateralis_left", "vastus_lateralis_right"):
            await room.event("normalised", muscle=muscle, by="mvc", value=4.1e-4, unit="V")
        await room.event("normalised", muscle="biceps_femoris_left", by="peak", value=None, unit="V")
        await expect(said["vastus_lateralis"]).to_have_text("of MVC", timeout=SOON)
        await expect(said["biceps_femoris"]).to_have_text("of session peak")
        await expect(page.locator(".panel-bars")).not_to_contain_text("so far")
        await room.event("normalised", muscle="vastus_lateralis_right", by="peak", value=None, unit="V")
        await expect(said["vastus_lateralis"]).to_have_text("left of MVC, right of session peak", timeout=SOON)
        await expect(page.locator(".events .event-text").nth(2)).to_have_text(
            "Vastus lateralis, right counts against its MVC of 410 µV"
        )


async def test_a_target_is_drawn_and_counts_the_seconds_within(page: Page, room: Any, address: str) -> None:
    muscle = "vastus_lateralis_left"
    async with room.doing(work(room, {muscle: 0.5})):
        await page.goto(address)
        zone = bar(page, muscle).locator(".bar-zone")
        await expect(bar(page, muscle)).to_be_visible(timeout=SOON)
        await expect(zone).to_be_hidden()
        entered = time.time_ns()
        await room.event("zone", at=entered, muscle=muscle, state="in", low=0.4, high=0.6, for_s=0.0)
        goal = page.locator(".bar-goal:visible")
        await expect(goal).to_have_text(re.compile(r"left: in target for [1-9]\.\d s"), timeout=SOON)
        assert await zone.evaluate("e => [e.style.left, e.style.width]") == ["40%", "20%"], "left bars grow to the left"
        await room.event(
            "zone", at=entered, end=entered + 10**9, muscle=muscle, state="held", low=0.4, high=0.6, for_s=1.0
        )
        await expect(goal).to_have_attribute("data-state", "held", timeout=SOON)
        await expect(page.locator(".events .event-text").first).to_have_text("Vastus lateralis, left: target held")
        await room.event(
            "zone", at=entered, end=entered + 42 * 10**8, muscle=muscle, state="out", low=0.4, high=0.6, for_s=4.2
        )
        await expect(goal).to_have_text("left: target 40 to 60 %, last 4.2 s", timeout=SOON)


async def test_a_target_that_the_gateway_reports_is_shown_without_its_past(page: Page, room: Any, address: str) -> None:
    zone = {"muscle": "biceps_femoris_right", "low": 0.4, "high": None, "hold_s": 3.0, "buzz": False, "state": "out"}
    async with room.doing(work(room, {"biceps_femoris_right": 0.5})):
        await room.status(zones=[zone])
        room.reporting = False
        await page.goto(address)
        goal = page.locator(".bar-goal:visible")
        await expect(goal).to_have_text("right: target 40 % or more", timeout=SOON)
        edges = (
            await bar(page, "biceps_femoris_right").locator(".bar-zone").evaluate("e => [e.style.left, e.style.width]")
        )
        assert edges == ["40%", "60%"]
        await room.event("zone", muscle="biceps_femoris_right", state="in", low=0.4, high=None, for_s=0.0)
        await expect(goal).to_have_text(re.compile(r"right: in target, \d\.\d of 3\.0 s"), timeout=SOON)


async def test_setting_a_target_keeps_the_others(page: Page, room: Any, address: str) -> None:
    other = {"muscle": "biceps_femoris_right", "low": 0.4, "high": None, "hold_s": 3.0, "buzz": False}
    async with room.doing(work(room, {"biceps_femoris_right": 0.5, "vastus_lateralis_left": 0.5})):
        await room.status(zones=[other | {"state": "out", "entries": 0, "holds": 0, "time_s": 0.0}])
        room.reporting = False
        await page.goto(address)
        await page.get_by_role("button", name="Targets").click(timeout=SOON)
        await expect(page.locator(".bar-goal:visible")).to_be_visible(timeout=SOON)
        await page.get_by_label("Muscle", exact=True).select_option("vastus_lateralis_left")
        await page.get_by_label("At least, %").fill("30")
        await page.get_by_label("At most, %").fill("50")
        async with page.expect_request("**/api/v1/zones*") as asked:
            await page.get_by_role("button", name="Set target").click()
        request = await asked.value
        assert request.method == "PUT"
        mine = {"muscle": "vastus_lateralis_left", "low": 0.3, "high": 0.5, "hold_s": 3, "buzz": False}
        assert request.post_data_json == {"zones": [other, mine]}
        await expect(page.locator(".notice")).to_have_text("Target set.", timeout=SOON)
        assert [command["zones"] for command in room.asked("zones")] == [[other, mine]]


async def test_a_trial_counts_down_and_asks_the_gateway(page: Page, room: Any, address: str) -> None:
    async with room.doing(work(room, {"biceps_femoris_right": 0.5, "vastus_lateralis_left": 0.5})):
        await page.goto(address)
        panel = page.get_by_role("region", name="Maximum (MVC)")
        await panel.get_by_role("button", name="Measure").click(timeout=SOON)
        await expect(panel.get_by_role("button", name="MVC trial")).to_be_disabled()
        await panel.get_by_label("Vastus lateralis, left").check()
        await panel.get_by_role("button", name="MVC trial").click()
        screen = page.get_by_role("dialog")
        await expect(screen).to_contain_text("Get ready3Vastus lateralis, left")
        await page.keyboard.press("Escape")
        await expect(screen).to_be_hidden()
        assert not room.asked("calibrate"), "what was cancelled in time is not measured"
        await panel.get_by_role("button", name="MVC trial").click()
        await expect(screen).to_contain_text("Push!5", timeout=SOON)
        asked = room.asked("calibrate")
        assert [(one["what"], one["muscles"], one["seconds"]) for one in asked] == [
            ("mvc", ["vastus_lateralis_left"], 5)
        ]
        await screen.get_by_role("button", name="Stop").click()
        await expect(screen).to_contain_text("Let go", timeout=SOON)
        assert room.asked("calibrate")[-1]["what"] == "mvc_stop"
        told = {"trial": 1, "value": 3.8e-4, "best": 3.8e-4, "unit": "V", "again": True, "reason": ""}
        await room.event("mvc", end=time.time_ns(), muscle="vastus_lateralis_left", **told)
        await expect(screen).to_be_hidden(timeout=SOON)
        await expect(panel.locator(".mvc-pause")).to_have_text(re.compile(r"Rest: next trial in (60|59|58) s"))


async def test_a_rest_is_measured_of_all_muscles(page: Page, room: Any, address: str) -> None:
    muscles = ("biceps_femoris_right", "vastus_lateralis_left")
    async with room.doing(work(room, dict.fromkeys(muscles, 0.02))):
        await page.goto(address)
        panel = page.get_by_role("region", name="Maximum (MVC)")
        await panel.get_by_role("button", name="Measure").click(timeout=SOON)
        await panel.get_by_role("button", name="Rest 5 s").click()
        screen = page.get_by_role("dialog")
        await expect(screen).to_contain_text("Keep relaxed", timeout=SOON)
        assert [one["what"] for one in room.asked("calibrate")] == ["rest"]
        await expect(screen).to_contain_text("Thank you", timeout=SOON)
        for muscle in muscles:
            await expect(screen).to_be_visible()
            rest = {"rms": 3.2e-6, "unit": "V", "grade": "good", "reason": ""}
            await room.event("rest", end=time.time_ns(), muscle=muscle, **rest)
        await expect(screen).to_be_hidden(timeout=SOON)
        await expect(panel.locator(".mvc-advice")).to_have_text(["Good rest.", "Good rest."])


async def test_a_rest_or_trial_that_is_refused_says_why_and_closes(page: Page, room: Any, address: str) -> None:
    room.refusal = "No EMG sensor is streaming."
    async with room.doing(work(room, {"biceps_femoris_right": 0.5})):
        await page.goto(address)
        panel = page.get_by_role("region", name="Maximum (MVC)")
        await panel.get_by_role("button", name="Measure").click(timeout=SOON)
        await panel.get_by_role("button", name="Rest 5 s").click()
        screen = page.get_by_role("dialog")
        await expect(screen).to_contain_text("Relax")
        await expect(page.locator(".notice.tone-bad")).to_be_visible(timeout=SOON)
        await expect(screen).to_be_hidden()


async def test_trials_and_rests_are_told_muscle_by_muscle(page: Page, room: Any, address: str) -> None:
    left, right = "biceps_femoris_left", "biceps_femoris_right"
    async with room.doing(work(room, {left: 0.5, right: 0.5})):
        await page.goto(address)
        panel = page.get_by_role("region", name="Maximum (MVC)")
        await panel.get_by_role("button", name="Measure").click(timeout=SOON)
        row_of = {muscle: panel.locator(f'li[data-muscle="{muscle}"]') for muscle in (left, right)}
        now, second = time.time_ns() - 60 * 10**9, 10**9
        rest = {"rms": 3.2e-6, "unit": "V", "grade": "good", "reason": ""}
        await room.event("rest", at=now, muscle=left, **rest)
        await expect(row_of[left]).to_contain_text("noise at rest 3.2 µVGood rest.", timeout=SOON)
        trial = {"muscle": left, "unit": "V", "again": True, "reason": "trial 1 of 3: rest 60 s or more, then the next"}
        await room.event("mvc", at=now + 10 * second, trial=1, value=3.8e-4, best=3.8e-4, **trial)
        await expect(row_of[left]).to_contain_text("trials 380 µV · best 380 µV", timeout=SOON)
        await expect(row_of[left].locator(".mvc-advice")).to_have_text("Trial 1 of 3: rest 60 s or more, then the next")
        refusal = {"muscle": right, "unit": "V", "again": True, "reason": f"{right} did not contract clearly"}
        await room.event("mvc", at=now + 10 * second, trial=1, value=None, best=None, **refusal)
        advice = row_of[right].locator(".mvc-advice")
        await expect(advice).to_have_text("Did not contract clearly", timeout=SOON)
        await expect(advice).to_have_attribute("data-tone", "bad")
        await expect(row_of[right].locator(".mvc-trials")).to_have_text("")
        last = {"muscle": left, "unit": "V", "again": False, "reason": ""}
        await room.event("mvc", at=now + 20 * second, trial=2, value=4.1e-4, best=4.1e-4, **last)
        await expect(row_of[left]).to_contain_text("trials 380 µV, 410 µV · best 410 µV", timeout=SOON)
        await expect(row_of[left].locator(".mvc-advice")).to_have_text("Done.")
        await room.event("normalised", at=now + 30 * second, muscle=left, by="peak", value=None, unit="V")
        await expect(row_of[left].locator(".mvc-trials")).to_have_text("noise at rest 3.2 µV", timeout=SOON)


async def test_muscles_can_be_read_on_a_phone(browser: Browser, room: Any, address: str) -> None:
    context = await browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page = await context.new_page()
    async with room.doing(work(room, {"vastus_lateralis_left": 0.8, "vastus_lateralis_right": 0.6})):
        await page.goto(address)
        await page.get_by_role("button", name="Targets").click(timeout=SOON)
        await page.get_by_role("region", name="Maximum (MVC)").get_by_role("button", name="Measure").click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        assert (await page.locator(".panel-bars .body-front").bounding_box() or {})["height"] > 200
    await context.close()
