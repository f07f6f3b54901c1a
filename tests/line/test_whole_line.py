"""Virtual sensors -> radio -> gateway -> Mosquitto -> api -> WebSocket client and browser, each in its own process."""

import asyncio
import json
import struct
import time

import numpy as np
import pytest
import websockets
from playwright.async_api import async_playwright

from simulators.person import Person
from tests.conftest import chromium
from tests.line.conftest import HOST, Line, configure, until

HEAD = struct.Struct("<IdHH")
SQUATS_S = (5.0, 21.5)
"""When the demo person squats, on the air's time line."""


async def frames(line: Line, seconds: float) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Collect live frames; returns channel names, times [s UTC], shape (n,), and values, shape (n, channels)."""
    names: list[str] = []
    rows: list[tuple[float, int, np.ndarray]] = []
    end = time.monotonic() + seconds
    async with websockets.connect(f"ws://{HOST}:{line.http}/api/v1/live") as live:
        while time.monotonic() < end:
            message = await asyncio.wait_for(live.recv(), 5)
            if isinstance(message, bytes):
                _, t, first, count = HEAD.unpack_from(message)
                rows.append((t, first, np.frombuffer(message, "<f4", count, HEAD.size)))
            else:
                said = json.loads(message)
                channels = said.get("channels") or said.get("hello", {}).get("channels")
                names = [channel["name"] for channel in channels] if channels else names
    times = sorted({t for t, _, _ in rows})
    place = {t: i for i, t in enumerate(times)}
    values = np.full((len(times), len(names)), np.nan)
    for t, first, row in rows:
        values[place[t], first : first + len(row)] = row
    return names, np.array(times), values


def truth(line: Line, names: tuple[str, ...], t: np.ndarray) -> dict[str, np.ndarray]:
    """Return the model's angles at UTC times."""
    clock = line.ask_air({"clock": True})
    angles = Person(seed=0).joint_angles(t - clock["utc_ns"] / 1e9 + clock["air_s"])
    return {name: angles[name] for name in names}


@pytest.mark.needs("mosquitto")
@pytest.mark.timeout(180)
def test_the_knee_angle_of_the_squat_reaches_the_client_within_three_degrees(mosquitto: Line) -> None:
    configure(mosquitto, "demo", embedded=False)
    mosquitto.start_gateway()
    mosquitto.start_api()
    mosquitto.start_air("demo")
    until(mosquitto.calibrated, "the sensors are calibrated")
    left = 90 + SQUATS_S[1] - mosquitto.ask_air({"clock": True})["air_s"]
    assert left > 2, "the calibration took all squats"
    names, t, values = asyncio.run(frames(mosquitto, left))
    wanted = ("knee_flexion_left", "knee_flexion_right")
    model = truth(mosquitto, wanted, t)
    for name in wanted:
        measured = values[:, names.index(name)]
        known = np.isfinite(measured)
        print(
            name,
            known.sum(),
            "rows; error",
            np.round(np.percentile(measured[known] - model[name][known], [0, 50, 100]), 2),
        )
        assert known.sum() > 0.8 * 100 * left
        error = measured[known] - model[name][known]
        assert np.ptp(model[name][known]) > 60, "a squat was seen"
        assert np.abs(error).max() < 3.0, f"{name}: {error.min():.1f} to {error.max():.1f} deg"


@pytest.mark.needs("mosquitto", "chromium")
@pytest.mark.timeout(180)
def test_the_browser_shows_the_live_knee_and_the_buzz_button_reaches_the_wearable(mosquitto: Line) -> None:
    configure(mosquitto, "demo", embedded=False)
    mosquitto.start_gateway()
    mosquitto.start_api()
    mosquitto.start_air("demo")
    until(mosquitto.calibrated, "the sensors are calibrated")
    shown = np.array(asyncio.run(look(mosquitto)))
    t, degrees = shown[:, 0], shown[:, 1]
    early, model, late = (
        truth(mosquitto, ("knee_flexion_left",), t + shift)["knee_flexion_left"] for shift in (-0.2, 0, 0.1)
    )
    slow = np.maximum(np.abs(model - early), np.abs(late - model)) < 2  # what is drawn is a moment old
    assert slow.sum() >= 10, "the knee rested or turned often enough"
    assert np.ptp(model[slow]) > 60, "at the top and at the bottom of a squat"
    assert np.abs(degrees[slow] - model[slow]).max() < 3.0 + 0.5 + 2.0  # the angle, its rounding, and its age
    felt = {entry["sensor"]: entry["felt"] for entry in mosquitto.ask_air({"report": True})["report"]}
    assert felt["posture"], "the wearable has felt the buzz"


READING = """async () => {
  // As somebody sees it: behind a frame that was drawn with what has come in by now, also after a moment of stillness.
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  await new Promise((done) => setTimeout(done));
  await frame();
  const text = document.querySelector('.reading-now')?.textContent ?? '';
  return [Date.now() / 1000, /-?\\d/.test(text) ? parseFloat(text.replace('\u2212', '-')) : null];
}"""


async def look(line: Line) -> list[tuple[float, float]]:
    """Open the dashboard, read the left knee's angle off it for some squats, press the buzz button."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(line.address)
        await page.get_by_text("Knee flexion").first.wait_for(timeout=15000)
        shown: list[tuple[float, float]] = []
        while line.ask_air({"clock": True})["air_s"] < 90 + 22.5:
            t, degrees = await page.evaluate(READING)
            if degrees is not None:
                shown.append((t, degrees))
            await page.wait_for_timeout(30)
        await page.get_by_role("button", name="Buzz").and_(page.locator(":visible")).first.click()
        await page.wait_for_timeout(4000)
        await browser.close()
        assert not problems
        return shown


@pytest.mark.timeout(120)
def test_one_lost_sensor_comes_back_and_the_others_do_not_notice(line: Line) -> None:
    configure(line, "knee", embedded=True)
    line.start_gateway()
    line.start_api()
    line.start_air("knee")
    until(lambda: all_stream(line), "both sensors stream")
    before = line.sensors()["thigh_left"]
    line.tell_air({"sensor": "shank_left", "drop": True})
    until(lambda: "shank_left: lost" in (line.home / "gateway.log").read_text(), "the drop is noticed", 5)
    until(lambda: all_stream(line), "it is back", 15)
    after = line.sensors()["thigh_left"]
    assert after["lost"] == before["lost"] == 0
    assert after["state"] == "streaming"


def all_stream(line: Line) -> bool:
    states = [sensor["state"] for sensor in line.sensors().values()]
    return len(states) == 2 and set(states) == {"streaming"}
