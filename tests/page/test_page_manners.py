"""How the page behaves towards its user's eyes, hands, screen and processor."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]
SOON = 8_000
COUNT_PICTURES = """() => {
  window.pictures = 0;
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    if (this.canvas.classList.contains("figure-canvas")) window.pictures += 1;
    return clear.apply(this, box);
  };
}"""
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, select, canvas, summary, [role=meter]")]
  .filter((e) => e.checkVisibility() && !e.closest("[aria-hidden=true]"))
  .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
  .map((e) => e.outerHTML)"""


async def pictures_in(page: Page, seconds: float) -> float:
    """Return how often the figure is drawn per second."""
    before = await page.evaluate("window.pictures")
    await asyncio.sleep(seconds)
    return float(await page.evaluate("window.pictures") - before) / seconds


async def test_a_hidden_page_draws_nothing_and_goes_on_when_seen_again(page: Page, moving: Any, address: str) -> None:
    await page.add_init_script(f"({COUNT_PICTURES})()")
    await page.goto(address)
    await expect(page.locator(".connection")).to_contain_text("Live", timeout=SOON)
    assert await pictures_in(page, 1) > 8
    await page.evaluate(HIDE, True)
    await asyncio.sleep(0.3)
    assert await pictures_in(page, 1) == 0
    await moving.event("rep", series="knee_flexion_left", range_deg=80.0)
    await asyncio.sleep(0.5)
    await page.evaluate(HIDE, False)
    await expect(page.locator(".connection")).to_contain_text("Live", timeout=SOON)
    await expect(page.locator(".connection-missed")).to_have_text("")
    await expect(page.locator(".rep-count")).to_have_text("1")
    assert await pictures_in(page, 1) > 8


async def test_who_wants_less_motion_gets_calm_pictures(browser: Browser, moving: Any, address: str) -> None:
    context = await browser.new_context(reduced_motion="reduce")
    page = await context.new_page()
    await page.add_init_script(f"({COUNT_PICTURES})()")
    await page.goto(address)
    await expect(page.locator(".connection")).to_contain_text("Live", timeout=SOON)
    assert 1 <= await pictures_in(page, 2) <= 5.5
    await context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280, 1920, 3840])
async def test_nothing_sticks_out_at_any_width(page: Page, moving: Any, address: str, width: int) -> None:
    moving.sensors[4] |= {
        "title": "A sensor with an uncommonly long title of many words",
        "message": "Too far away? " * 9,
    }
    moving.calibration = {
        "state": "moving",
        "message": "Now bend your knees a few times, slowly and as far as is comfortable.",
        "lights": {
            f"{joint}_{side}": {"light": "yellow", "reason": f"{joint} on the {side} side: taken from walking"}
            for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
            for side in ("left", "right")
        },
    }
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto(address)
    await expect(page.locator(".trace").first).to_be_attached(timeout=SOON)
    await expect(page.locator(".sensor").first).to_be_attached(timeout=SOON)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    sticking = await page.evaluate(
        """() => [...document.querySelectorAll(".sensor, .panel, .calibration, .recording")].flatMap((box) => {
          const seen = (e) => e.checkVisibility() && !e.matches(".visually-hidden") && e.clientWidth;
          const beyond = (e) => e.getBoundingClientRect().right > box.getBoundingClientRect().right + 1;
          return [...box.querySelectorAll("*")].filter((e) => seen(e) && beyond(e)).map((e) => e.outerHTML);
        })"""
    )
    assert sticking == []


@pytest.mark.parametrize("where", ["#/live", "#/sessions", "#/muscles"])
async def test_everything_that_can_be_used_has_a_name(page: Page, moving: Any, address: str, where: str) -> None:
    await page.goto(f"{address}/{where}")
    await expect(page.locator(".connection")).to_contain_text("Live", timeout=SOON)
    assert await page.evaluate(NAMELESS) == []
    assert await page.locator("h1").count() == 1


async def test_the_keyboard_reaches_what_the_mouse_reaches(page: Page, moving: Any, address: str) -> None:
    await page.goto(address)
    await expect(page.locator(".sensor").first).to_be_visible(timeout=SOON)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(40):
        await page.keyboard.press("Tab")
        reached.add(
            await page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()")
        )
    for name in (
        "Title of the recording",
        "Record",
        "Buzz Posture",
        "Side",
        "Front",
        "Set upright posture",
        "Start from zero",
        "Events",
    ):
        assert name in reached
    await page.get_by_role("button", name="Front").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Front")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".figure-canvas")).to_have_attribute(
        "aria-label",
        "Stick figure seen from the front. Measured segments: trunk, thigh left, shank left, thigh right, shank right.",
        timeout=SOON,
    )


async def test_it_works_with_no_address_beyond_its_own(page: Page, moving: Any, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(address)
    await expect(page.locator(".connection")).to_contain_text("Live", timeout=SOON)
    await page.goto(f"{address}/#/sessions")
    await expect(page.get_by_role("heading", name="Sessions")).to_be_visible(timeout=SOON)
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)
    assert asked


async def test_ten_thousand_frames_do_not_grow_the_page(page: Page, room: Any, address: str) -> None:
    await page.goto(address)
    sizes = await page.evaluate(
        """async () => {
          const { Rings } = await import("./data/rings.js");
          const rings = new Rings();
          const channel = (index) => ({ index, name: `a${index}`, unit: "deg", topic: "joints" });
          rings.configure(Array.from({ length: 40 }, (_, index) => channel(index)));
          const buffer = new ArrayBuffer(16 + 160), view = new DataView(buffer);
          view.setUint16(14, 40, true);
          const bytes = ({ ring }) => ring.values.byteLength + ring.times.byteLength;
          const held = () => rings.channels.reduce((sum, one) => sum + bytes(one), 0);
          const before = held();
          for (let i = 0; i < 10000; i += 1) rings.write(buffer, i);
          return [before, held()];
        }"""
    )
    assert sizes[0] == sizes[1]
