"""What somebody sees on the Live page, with the API, the broker and the browser real."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page, expect

from fusion.estimates import Batch, Event

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]
SOON = 8_000
"""Longest wait for something that happens within a second on a quiet machine [ms]."""


def rows(topic: Any, names: list[str], row: list[float], unit: str = "deg", count: int = 1) -> Batch:
    """Return equal rows of this moment."""
    stamps = time.time_ns() + np.arange(count, dtype=np.int64) * 10_000_000
    return Batch(topic, stamps, 10_000_000, tuple(names), (unit,) * len(names), np.tile(row, (count, 1)))


async def repeat(room: Any, *batches: tuple[Any, list[str], list[float], str]) -> None:
    """Publish the same rows, freshly stamped, twenty times a second until cancelled."""
    while True:
        await room.rows(*(rows(*batch) for batch in batches))
        await asyncio.sleep(0.05)


def reading(page: Page, series: str) -> Any:
    return page.locator(f'.reading[data-series="{series}"] .reading-now')


async def test_the_numbers_are_those_on_the_bus(page: Page, room: Any, address: str) -> None:
    knees = ("joints", ["knee_flexion_left", "knee_flexion_right"], [42.4, -3.0], "deg")
    effort = ("emg", ["activation_biceps_femoris_left", "activation_biceps_femoris_right"], [0.251, 0.9], "1")
    async with room.doing(repeat(room, knees, effort)):
        await page.goto(address)
        await expect(reading(page, "knee_flexion_left")).to_have_text("42°", timeout=SOON)
        await expect(reading(page, "knee_flexion_right")).to_have_text("-3°")
        left = page.get_by_role("meter", name="Biceps femoris, left")
        await expect(left).to_have_attribute("aria-valuenow", "25")
        await expect(page.get_by_role("meter", name="Biceps femoris, right")).to_have_attribute("aria-valuenow", "90")
        await expect(page.locator(".panel-bars")).to_contain_text("% of session peak so far")
        await expect(page.locator(".connection")).to_contain_text("Live")
        await expect(page.locator(".connection-missed")).to_have_text("")


async def test_the_range_covers_the_last_ten_seconds(page: Page, moving: Any, address: str) -> None:
    await page.goto(address)
    ranges = page.locator('.reading[data-series="knee_flexion_left"] .reading-range')
    await expect(ranges).to_have_text("5° to 95°", timeout=2 * SOON)


async def test_a_picture_that_stops_says_so_everywhere(page: Page, room: Any, address: str) -> None:
    async with room.doing(room.move()):
        await page.goto(address)
        await expect(page.locator(".figure-canvas")).to_have_attribute(
            "data-measured", "trunk thigh_left shank_left thigh_right shank_right", timeout=SOON
        )
    await expect(page.locator(".connection")).to_contain_text("No data for", timeout=SOON)
    for panel in ("figure", "traces", "bars", "posture"):
        await expect(page.locator(f".panel-{panel} .panel-note")).to_contain_text("not the present")
    await expect(page.locator(".figure-canvas")).to_have_attribute("data-measured", "")
    await expect(reading(page, "knee_flexion_left")).to_have_text("–")
    await expect(page.locator('.bar[data-series="activation_biceps_femoris_left"] .bar-value')).to_have_text("– %")
    async with room.doing(room.move()):
        await expect(page.locator(".connection")).to_contain_text("Live", timeout=SOON)
        await expect(page.locator(".panel-figure .panel-note")).to_be_hidden()


async def test_quality_numbers_alone_do_not_make_a_picture_live(page: Page, room: Any, address: str) -> None:
    async with room.doing(repeat(room, ("quality", ["quality_thigh_left"], [1.0], "1"))):
        await page.goto(address)
        await expect(page.locator(".connection")).to_contain_text("Waiting for data", timeout=SOON)


async def test_late_frames_do_not_pass_as_live(page: Page, room: Any, address: str) -> None:
    async def late() -> None:
        while True:
            batch = rows("joints", ["knee_flexion_left"], [10.0])
            await room.rows(
                Batch(batch.topic, batch.t - 5_000_000_000, batch.period_ns, batch.names, batch.units, batch.values)
            )
            await asyncio.sleep(0.05)

    async with room.doing(late()):
        await page.goto(address)
        await expect(page.locator(".connection")).to_contain_text("No data for 5 s", timeout=SOON)


async def test_the_strip_tells_each_sensor_in_words_and_buzzes_the_right_one(
    page: Page, room: Any, address: str
) -> None:
    room.sensors[0] |= {"state": "stale", "age_s": 3.4, "loss_percent": 6.5, "message": "Is it too far away?"}
    await page.goto(address)
    thigh = page.locator('.sensor[data-sensor="thigh_left"]')
    for words in ("No data", "6.5 % lost", "-61 dBm", "82 %", "Is it too far away?", "last packet 3."):
        await expect(thigh).to_contain_text(words, timeout=SOON)
    await expect(page.locator(".panel-sensors")).to_contain_text("5 of 6 streaming")
    await expect(page.get_by_role("button", name="Let Thigh left show itself")).to_be_disabled()
    await expect(page.get_by_role("button", name="Buzz Thigh right")).to_be_hidden()
    await page.get_by_role("button", name="Buzz Myo-3fa2").click()
    await page.get_by_role("button", name="Let Shank right show itself").click()
    await page.locator(".panel-posture").get_by_role("button", name="Buzz").click()
    await expect(page.locator(".notices")).to_contain_text("Buzz sent.")
    assert [command["sensor"] for command in room.asked("buzz")] == ["myo-3fa2", "myo-3fa2"]
    assert [command["sensor"] for command in room.asked("identify")] == ["shank_right"]


async def test_of_many_sensors_those_in_trouble_stand_out(page: Page, room: Any, address: str) -> None:
    template = dict(room.sensors[0])
    room.sensors = [template | {"id": f"sensor_{number}", "segment": None} for number in range(19)]
    room.sensors[7] |= {"state": "lost"}
    room.sensors[8] |= {"battery": 4}
    await page.goto(address)
    await expect(page.locator(".sensor")).to_have_count(19, timeout=SOON)
    await expect(page.locator(".sensor.is-compact")).to_have_count(17)
    await expect(page.locator('.sensor[data-sensor="sensor_7"]')).to_contain_text("Lost, reconnecting")
    await expect(page.locator('.sensor[data-sensor="sensor_0"] .sensor-link')).to_be_hidden()
    await page.get_by_role("button", name="Details").click()
    await expect(page.locator(".sensor.is-compact")).to_have_count(0)
    await expect(page.locator('.sensor[data-sensor="sensor_0"] .sensor-link')).to_contain_text("-61 dBm")


async def test_what_the_gateway_wants_looked_after_is_said(page: Page, room: Any, address: str) -> None:
    room.problems = ["Bluetooth is switched off: switch it on."]
    await page.goto(address)
    await expect(page.locator(".sensor-problems")).to_have_text(
        "Bluetooth is switched off: switch it on.", timeout=SOON
    )


async def test_an_old_report_is_told_as_old(page: Page, room: Any, address: str) -> None:
    await page.goto(address)
    await expect(page.locator(".sensor").first).to_contain_text("Streaming", timeout=SOON)
    room.reporting = False
    await expect(page.locator(".panel-sensors")).to_contain_text("as reported 4", timeout=2 * SOON)


async def test_a_gateway_that_is_gone_is_named(page: Page, room: Any, address: str) -> None:
    await page.goto(address)
    await expect(page.locator(".sensor").first).to_contain_text("Streaming", timeout=SOON)

    async def silent() -> None:
        while True:
            await room.status(online=False)
            await asyncio.sleep(0.2)

    async with room.doing(silent()):
        await expect(page.locator(".connection")).to_contain_text("Gateway offline", timeout=SOON)
        await expect(page.locator('.sensor[data-state="lost"]').first).to_be_visible()


async def test_it_comes_back_after_the_api_was_restarted(
    page: Page, moving: Any, bus: int, home: Any, serve: Any, port: int
) -> None:
    async with serve(home.root, bus, port):
        await page.goto(f"http://127.0.0.1:{port}")
        await expect(page.locator(".connection")).to_contain_text("Live", timeout=SOON)
    await expect(page.locator(".connection")).to_contain_text("Disconnected, next try in", timeout=SOON)
    await expect(page.locator(".panel-traces .panel-note")).to_contain_text("Not connected")
    async with serve(home.root, bus, port):
        await expect(page.locator(".connection")).to_contain_text("Live", timeout=2 * SOON)


async def test_calibration_follows_the_gateways_message(page: Page, room: Any, address: str) -> None:
    room.calibration = {"state": "waiting", "message": "Stand still for two seconds."}
    await page.goto(address)
    banner = page.get_by_role("region", name="Calibration")
    await expect(banner).to_contain_text("Stand still for two seconds.", timeout=SOON)
    await banner.get_by_role("button", name="Stand still and press").click()
    await banner.get_by_label("Pose").select_option("sitting")
    await banner.get_by_role("button", name="Sit still and press").click()
    await page.get_by_role("button", name="Set upright posture").click()
    await expect(page.locator(".notices")).to_contain_text("Upright posture stored.")
    asked = [(command["what"], command["pose"]) for command in room.asked("calibrate")]
    assert asked == [("pose", "standing"), ("pose", "sitting"), ("posture", "standing")]
    room.calibration = {"state": "ready", "message": "All joints are calibrated."}
    await room.status()
    await expect(banner).to_contain_text("All joints are calibrated.")
    await expect(banner.get_by_label("Pose")).to_be_hidden()
    await banner.get_by_role("button", name="Calibrate again").click()
    await expect(banner.get_by_label("Pose")).to_be_visible()


async def test_a_recording_is_begun_marked_and_ended(page: Page, moving: Any, address: str) -> None:
    await page.goto(address)
    await page.get_by_label("Title of the recording").fill("Squats")
    await page.get_by_label("Subject").fill("S01")
    await page.get_by_role("button", name="Record", exact=True).click()
    clock = page.get_by_role("timer")
    await expect(clock).to_have_text("0:02", timeout=SOON)
    assert (moving.asked("record")[0]["title"], moving.asked("record")[0]["subject"]) == ("Squats", "S01")
    await page.get_by_label("Text of the mark").fill("band off")
    await page.get_by_role("button", name="Mark", exact=True).click()
    await expect(page.locator(".notices")).to_contain_text("Mark set.")
    assert moving.asked("mark")[0]["text"] == "band off"
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("link", name="Saved. Open the recording")).to_be_visible(timeout=SOON)
    await expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    await expect(page.locator(".connection")).to_contain_text("Live")
    await page.get_by_role("link", name="Saved. Open the recording").click()
    await expect(page.get_by_role("heading", name="Squats")).to_be_visible()


async def test_a_refusal_is_told_in_the_gateways_words(page: Page, room: Any, address: str) -> None:
    room.refusal = "The disk is full: free some space first."
    await page.goto(address)
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(page.locator(".notices")).to_contain_text("The disk is full: free some space first.", timeout=SOON)
    await expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()


async def test_repetitions_are_counted_and_survive_a_reload_while_recording(
    page: Page, room: Any, address: str
) -> None:
    await page.goto(address)
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(page.get_by_role("timer")).to_be_visible(timeout=SOON)
    for number in range(3):
        event = Event(time.time_ns(), "rep", None, {"series": "knee_flexion_left", "range_deg": 80.0 + number})
        room.writer.write([], [event])
        room.writer.flush()
        await room.event("rep", at=event.t, series="knee_flexion_left", range_deg=80.0 + number)
        await asyncio.sleep(0.02)
    count = page.locator('.rep[data-series="knee_flexion_left"]')
    await expect(count).to_contain_text("3", timeout=SOON)
    await expect(count).to_contain_text("last 82°")
    await page.reload()
    await expect(count.locator(".rep-count")).to_have_text("3", timeout=SOON)
    await page.get_by_role("button", name="Start from zero").click()
    await expect(page.locator(".panel-reps")).to_contain_text("None yet")
    await room.event("rep", series="knee_flexion_right", range_deg=70.0)
    await expect(page.locator('.rep[data-series="knee_flexion_right"]')).to_contain_text("1")
    await expect(count).to_have_count(0)
    room.writer.close("complete")


async def test_counts_are_right_after_an_outage_and_under_many_bursts(
    page: Page, room: Any, bus: int, home: Any, serve: Any, port: int
) -> None:
    def happened(name: str, **data: Any) -> Event:
        event = Event(time.time_ns(), name, None, data)
        room.writer.write([], [event])
        room.writer.flush()
        return event

    async with serve(home.root, bus, port):
        await page.goto(f"http://127.0.0.1:{port}")
        await page.get_by_role("button", name="Record", exact=True).click()
        await expect(page.get_by_role("timer")).to_be_visible(timeout=SOON)
        heard = happened("rep", series="knee_flexion_left", range_deg=80.0)
        await room.event("rep", at=heard.t, series="knee_flexion_left", range_deg=80.0)
        mark = happened("mark", text="before the outage")
        await room.event("mark", at=mark.t, text="before the outage")
        for number in range(300):
            await room.event("burst", at=time.time_ns(), muscle=f"muscle_{number % 9}_left", peak=1.0)
        count = page.locator('.rep[data-series="knee_flexion_left"] .rep-count')
        await expect(count).to_have_text("1", timeout=SOON)
        await expect(page.locator(".panel-events")).to_contain_text("Mark: before the outage")
        await expect(page.locator(".panel-events")).not_to_contain_text("Muscle burst:")
        await page.get_by_role("button", name="Muscle bursts").click()
        await expect(page.locator(".panel-events")).to_contain_text("Muscle burst:")
    happened("rep", series="knee_flexion_left", range_deg=81.0)
    async with serve(home.root, bus, port):
        await expect(count).to_have_text("2", timeout=3 * SOON)
    room.writer.close("complete")


async def test_posture_says_slouching_then_upright_and_counts_the_cues(page: Page, room: Any, address: str) -> None:
    async with room.doing(repeat(room, ("joints", ["posture_angle"], [19.0], "deg"))):
        await page.goto(address)
        panel = page.locator(".panel-posture")
        await expect(panel).to_contain_text("19°", timeout=SOON)
        await room.event("slouch", angle_deg=19.0, threshold_deg=15.0, duration_s=30.0)
        await room.event("buzz", sensor="posture", cause="slouch")
        await expect(panel).to_have_attribute("data-posture", "slouching", timeout=SOON)
        await expect(panel).to_contain_text("threshold 15°")
        await expect(panel).to_contain_text("Cues this session 1")
        await room.event("calibrated", what="posture", upright_deg=9.0)
        await expect(panel).to_have_attribute("data-posture", "upright")
        await expect(panel.locator(".posture-angle")).to_have_text("10°")
    await expect(panel).to_have_attribute("data-posture", "unknown", timeout=SOON)


async def test_markup_in_names_and_marks_stays_text(page: Page, room: Any, address: str) -> None:
    bait = '<img src=x onerror="window.bitten=1">'
    room.sensors[0] |= {"id": bait, "title": bait, "message": bait, "segment": bait, "state": "stale"}
    room.calibration = {"state": "moving", "message": bait}
    names = [f"knee_flexion_left{bait}"]
    async with room.doing(repeat(room, ("joints", names, [1.0], "deg"))):
        await page.goto(address)
        await room.event("mark", text=bait)
        await expect(page.locator(".calibration-message")).to_have_text(bait, timeout=SOON)
        await room.event("mark", text=f"{bait}!")
        await expect(page.locator(".events")).to_contain_text(f"Mark: {bait}!")
        await expect(page.locator(".sensor-message").first).to_have_text(bait)
        assert await page.locator('img[src="x"]').count() == 0
        assert await page.evaluate("window.bitten") is None


async def test_a_replay_is_called_one_and_can_be_stopped(page: Page, room: Any, address: str) -> None:
    room.replays = [{"id": "replay1", "of": "s1", "speed": 2.0, "position_s": 3.0, "duration_s": 30.0}]
    async with room.doing(room.move("replay1")):
        await page.goto(f"{address}/#/live?session=replay1")
        banner = page.get_by_role("region", name="REPLAY")
        await expect(banner).to_contain_text("not the present", timeout=SOON)
        await expect(banner).to_contain_text("of 0:30, speed 2")
        await expect(page.locator(".connection")).to_contain_text("Replay")
        await expect(reading(page, "knee_flexion_left")).not_to_have_text("–", timeout=SOON)
        await expect(page.get_by_role("button", name="Record", exact=True)).to_be_hidden()
        await banner.get_by_role("button", name="Stop replay").click()
        await page.wait_for_url("**/#/live")
    assert room.asked("stop_replay")[0]["session"] == "replay1"
    await expect(banner).to_be_hidden()


async def test_the_token_is_asked_for_and_kept_in_the_tab_only(
    page: Page, moving: Any, bus: int, home: Any, serve: Any
) -> None:
    async with serve(home.root, bus, KINESTREAM_API__TOKEN="correct-horse-battery") as address:
        await page.goto(address)
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("asks for a token", timeout=SOON)
        await dialog.get_by_label("Token").fill("wrong-horse-battery-x")
        await dialog.get_by_role("button", name="Enter").click()
        await expect(dialog).to_contain_text("That token was not accepted.", timeout=SOON)
        await dialog.get_by_label("Token").fill("correct-horse-battery")
        await dialog.get_by_role("button", name="Enter").click()
        await expect(page.locator(".connection")).to_contain_text("Live", timeout=2 * SOON)
        await expect(dialog).to_have_count(0)
        assert await page.evaluate("Object.values(sessionStorage)") == ["correct-horse-battery"]
        assert "correct-horse-battery" not in await page.evaluate("JSON.stringify(localStorage) + location.href")
