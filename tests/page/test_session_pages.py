"""The list of sessions and the page of one, on sessions that the real store keeps."""

import re
import time
from typing import Any

import pytest
from playwright.async_api import Page, Request, expect

from fusion.estimates import Event
from gateway.store.interface import SessionInfo

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]
SOON = 10_000
MINUTE_NS = 60 * 10**9


def record(
    home: Any, batches: Any, title: str, state: str = "complete", seconds: int = 60, subject: str = "S01"
) -> str:
    """Keep a session of somebody who squats, with a repetition each three seconds and one slouch; returns its id."""
    begin = time.time_ns() - 10 * MINUTE_NS
    start = begin / 1e9
    info = SessionInfo(home.new_id(begin), title, subject, "live", "recording", begin, None, "room", "0")
    events = [
        Event(begin + k * 3 * 10**9, "rep", None, {"series": "knee_flexion_left", "range_deg": 88.0})
        for k in range(1, seconds // 3)
    ]
    events.append(Event(begin + 30 * 10**9, "slouch", begin + 35 * 10**9, {"angle_deg": 19.0, "threshold_deg": 15.0}))
    writer = home.create(info)
    writer.write(batches(start, seconds * 100), sorted(events, key=lambda event: event.t))
    writer.close(state)
    return str(info.id)


@pytest.fixture(scope="module")
def squats(home: Any, batches: Any) -> str:
    return record(home, batches, "Squats, visit 2")


async def test_the_list_is_searched_and_says_each_state_in_words(
    page: Page, address: str, home: Any, batches: Any
) -> None:
    record(home, batches, "Sit to stand zx", state="interrupted", seconds=3, subject="S07")
    for number in range(3):
        record(home, batches, f"Walking zx {number}", seconds=3)
    await page.goto(f"{address}/#/sessions")
    search = page.get_by_role("searchbox")
    await search.fill("zx")
    await expect(page.get_by_text("4 sessions")).to_be_visible(timeout=SOON)
    row = page.get_by_role("row", name=re.compile("Sit to stand"))
    await expect(row).to_contain_text("Interrupted")
    await expect(row).to_contain_text("S07")
    await expect(row).to_contain_text("0:03")
    await search.fill("no such title")
    await expect(page.get_by_text("No session matches this search.")).to_be_visible(timeout=SOON)
    await search.fill("Walking zx 1")
    await page.get_by_role("link", name="Walking zx 1").click()
    await expect(page.get_by_role("heading", level=1, name="Walking zx 1")).to_be_visible(timeout=SOON)


async def test_an_overview_asks_for_few_points_and_a_zoom_for_finer_ones(page: Page, address: str, squats: str) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/series/knee_flexion_left" in request.url:
            asked.append(request.url)

    page.on("request", note)
    await page.goto(f"{address}/#/sessions/{squats}")
    knee = page.locator(".plot", has=page.get_by_role("heading", name="Knee flexion"))
    canvas = knee.locator(".plot-canvas")
    await expect(canvas).to_have_attribute("data-banded", "true", timeout=SOON)
    assert int(await canvas.get_attribute("data-points") or 0) <= 1500
    assert "max_points=" in asked[0]
    box = await knee.locator(".u-over").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.30, box["y"] + 40, steps=5)
    await page.mouse.up()
    await expect(page.locator(".range")).to_have_text(
        re.compile(r"0:1[45]\.\d to 0:1[78]\.\d \(3\.\d s\)"), timeout=SOON
    )
    await expect(canvas).to_have_attribute("data-banded", "false")
    values = re.search(r"from=([\d.]+)&to=([\d.]+)", asked[-1])
    assert values is not None
    begin, end = map(float, values.groups())
    assert begin == pytest.approx(15, abs=0.3)
    assert end == pytest.approx(18, abs=0.3)
    await page.get_by_role("button", name="Whole session").click()
    await expect(page.locator(".range")).to_contain_text("0:00 to 1:00")
    await page.get_by_role("button", name="Zoom in").click()
    await expect(page.locator(".range")).to_contain_text("0:15 to 0:45")


async def test_the_zoomed_plot_shows_the_stored_values(page: Page, address: str, squats: str) -> None:
    await page.goto(f"{address}/#/sessions/{squats}")
    knee = page.locator(".plot", has=page.get_by_role("heading", name="Knee flexion"))
    await expect(knee.locator("canvas")).to_be_visible(timeout=SOON)
    await page.get_by_role("button", name="Zoom in").click()
    box = await knee.locator(".u-over").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    await expect(knee.locator(".reading b").first).to_have_text(re.compile(r"^\d+°( … \d+°)?$"), timeout=SOON)
    shown = await knee.locator(".reading b").all_text_contents()
    left, right, reference = (int(text.split("°")[0]) for text in shown)
    assert 5 <= left <= 95
    assert right == pytest.approx(0.94 * left, abs=2)
    assert reference == pytest.approx(left + 1, abs=1)


async def test_events_stand_on_the_time_line_and_lead_to_their_moment(page: Page, address: str, squats: str) -> None:
    await page.goto(f"{address}/#/sessions/{squats}")
    await expect(page.locator('.tick[data-event="rep"]')).to_have_count(19, timeout=SOON)
    track = await page.locator(".track-area").bounding_box()
    slouch = await page.locator('.tick[data-event="slouch"]').bounding_box()
    assert track is not None
    assert slouch is not None
    assert (slouch["x"] - track["x"]) / track["width"] == pytest.approx(0.5, abs=0.01)
    assert slouch["width"] / track["width"] == pytest.approx(5 / 60, abs=0.01)
    await page.get_by_role("button", name="Slouch: 19°").click()
    await expect(page.locator(".range")).to_contain_text("0:27 to 0:38", timeout=SOON)


async def test_other_series_can_be_shown_and_hidden(page: Page, address: str, squats: str) -> None:
    await page.goto(f"{address}/#/sessions/{squats}")
    await expect(page.get_by_role("heading", name="Hip flexion")).to_be_visible(timeout=SOON)
    await page.get_by_text("Shown").click()
    await page.get_by_role("checkbox", name="Hip flexion").uncheck()
    await expect(page.get_by_role("heading", name="Hip flexion")).to_have_count(0)
    await page.get_by_role("checkbox", name="Vastus lateralis, EMG").check()
    await expect(page.locator(".plot", has_text="Vastus lateralis, EMG").locator("canvas")).to_be_visible(timeout=SOON)
    assert await page.get_by_label(re.compile("quat", re.IGNORECASE)).count() == 0


async def test_replay_goes_to_the_live_page_and_follows_the_replay(
    page: Page, room: Any, address: str, squats: str
) -> None:
    await page.goto(f"{address}/#/sessions/{squats}")
    await page.get_by_label("Speed").select_option("2")
    await page.get_by_role("button", name="Replay").click()
    await page.wait_for_url("**/#/live?session=replay1", timeout=SOON)
    await expect(page.get_by_role("region", name="REPLAY")).to_be_visible()
    assert [(command["session"], command["speed"]) for command in room.asked("replay")] == [(squats, 2.0)]


async def test_an_export_arrives_as_a_file(page: Page, address: str, squats: str) -> None:
    await page.goto(f"{address}/#/sessions/{squats}")
    for label, name in (("CSV", f"{squats}-csv.zip"), ("Parquet", f"{squats}-parquet.zip")):
        async with page.expect_download(timeout=30_000) as download:
            await page.get_by_role("button", name=label).click()
        file = await download.value
        assert file.suggested_filename == name
        path = await file.path()
        assert path.read_bytes()[:2] == b"PK"


async def test_metrics_and_quality_are_asked_for_and_answered(page: Page, address: str, squats: str) -> None:
    await page.goto(f"{address}/#/sessions/{squats}")
    panel = page.get_by_role("region", name="Metrics")
    await expect(panel).not_to_contain_text("Computing", timeout=30_000)
    await expect(panel).to_contain_text("No metric could be computed")
    await expect(page.get_by_role("region", name="Data quality")).to_contain_text("holds no packets")


async def test_metrics_of_muscles_have_names(page: Page, address: str) -> None:
    await page.goto(f"{address}/#/sessions")
    names = [
        "cocontraction_knee_left",
        "cocontraction_falconer_winter_knee_left",
        "balance_vastus_lateralis",
        "median_frequency_slope_biceps_brachii_right",
        "activation_rising_soleus_left",
        "bursts_soleus_left",
    ]
    said = await page.evaluate(
        """async (names) => { const { metricName } = await import("./names.js"); return names.map(metricName); }""",
        names,
    )
    assert said == [
        "Co-contraction (Rudolph): Knee, left",
        "Co-contraction (Falconer and Winter): Knee, left",
        "Left against right: Vastus lateralis",
        "Change of median frequency: Biceps brachii, right",
        "Mean activation while the angle rises: Soleus, left",
        "Muscle bursts: Soleus, left",
    ]


async def test_numbers_come_with_interval_note_and_reasons(page: Page, address: str) -> None:
    await page.goto(f"{address}/#/sessions")
    text = await page.evaluate(
        """async () => {
          const { metricsReport, qualityReport } = await import("./sessions/report.js");
          const metrics = { reps: { value: 5, low: 4, high: 6, unit: "1", exercise: "auto", note: "knee" } };
          const thigh = { verdict: "poor", received: 900, lost: 100, gaps: [[1, 2]], reasons: ["10 % lost"] };
          const quality = { thigh };
          return metricsReport(metrics).textContent + qualityReport(quality).textContent;
        }"""
    )
    for words in (
        "Repetitions",
        "5",
        "between 4 and 6",
        "Exercise: auto",
        "Poor",
        "900 samples received, 100 lost",
        "1 gap",
        "10 % lost",
    ):
        assert words in text


async def test_a_session_that_is_not_there_is_named(page: Page, address: str) -> None:
    await page.goto(f"{address}/#/sessions/20200101-0000-none")
    await expect(page.get_by_role("alert")).to_contain_text("20200101-0000-none", timeout=SOON)
