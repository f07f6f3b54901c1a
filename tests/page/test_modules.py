"""The page's own calculations, run by the browser that will run them."""

import struct
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page
from scipy.spatial.transform import Rotation

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]
CHANNELS = [
    {"index": 0, "name": "knee_flexion_left", "unit": "deg", "topic": "joints"},
    {"index": 1, "name": "quality_thigh_left", "unit": "1", "topic": "quality"},
]
STORE = """async ([channels, frames]) => {
  const { Store } = await import("./data/store.js");
  const store = new Store();
  store.take({ hello: { version: "1", session: "live", channels, gateways: [] } }, 1000);
  frames.forEach((bytes, i) => store.takeFrame(new Uint8Array(bytes).buffer, 1000 + 10 * i));
  const { ring } = store.rings.byName.get(channels[0].name);
  const { missed } = store, kept = (column) => [...column.slice(0, ring.count)];
  return { values: kept(ring.values).map(String), times: kept(ring.times), missed, age: store.age(2000) };
}"""


def frame(sequence: int, t: float, first: int, values: list[float]) -> list[int]:
    """Encode a binary message as the protocol says."""
    return list(struct.pack(f"<IdHH{len(values)}f", sequence, t, first, len(values), *values))


@pytest_asyncio.fixture(loop_scope="session")
async def bare(page: Page, address: str) -> Page:
    """A page of the dashboard's address, to import its modules from."""
    await page.goto(f"{address}/#/none")
    return page


async def test_frames_become_values_and_missing_ones_are_counted(bare: Page) -> None:
    nan = float("nan")
    frames = [frame(7, 1.7e9, 0, [1.5]), frame(8, 1.7e9 + 0.01, 0, [nan, 1.0]), frame(12, 1.7e9 + 0.02, 0, [-2.25])]
    got = await bare.evaluate(STORE, [CHANNELS, frames])
    assert got["values"] == ["1.5", "NaN", "-2.25"]
    assert got["times"] == pytest.approx([1.7e9, 1.7e9 + 0.01, 1.7e9 + 0.02], abs=1e-6)
    assert got["missed"] == {"gaps": 3, "dropped": 0, "malformed": 0}
    assert got["age"] == pytest.approx((2000 - 1020) / 1000)


async def test_sequence_numbers_may_wrap(bare: Page) -> None:
    got = await bare.evaluate(
        STORE, [CHANNELS, [frame(2**32 - 1, 1.0, 0, [1]), frame(0, 1.1, 0, [1]), frame(2, 1.2, 0, [1])]]
    )
    assert got["missed"]["gaps"] == 1


async def test_a_frame_of_the_wrong_length_is_counted_and_left_out(bare: Page) -> None:
    cut = frame(1, 1.0, 0, [1.0, 2.0])[:-3]
    beyond = frame(1, 1.0, 9, [1.0])
    got = await bare.evaluate(STORE, [CHANNELS, [cut, [1, 2, 3], beyond, frame(2, 1.1, 0, [4.0])]])
    assert got["missed"]["malformed"] == 2
    assert got["values"] == ["4"]


async def test_a_ring_keeps_the_newest_and_finds_a_time(bare: Page) -> None:
    got = await bare.evaluate(
        """async () => {
          const { Ring } = await import("./data/rings.js");
          const ring = new Ring(8);
          for (let i = 0; i < 20; i += 1) ring.push(i, 10 * i, i);
          const from = ring.since(15.5);
          return [from, ring.count, ring.values[from % 8], ring.since(-1), ring.since(99)];
        }"""
    )
    assert got == [16, 20, 160, 12, 20]


async def test_history_follows_a_series_through_a_new_list_of_channels(bare: Page) -> None:
    got = await bare.evaluate(
        """async ([channels, bytes]) => {
          const { Store } = await import("./data/store.js");
          const store = new Store();
          const send = (b, now) => store.takeFrame(new Uint8Array(b).buffer, now);
          store.take({ hello: { version: "1", session: "live", channels, gateways: [] } }, 0);
          send(bytes, 10);
          store.take({ session: "20261122-2311-k3f9" }, 20);
          send(bytes, 30);
          const moved = [{ ...channels[1], index: 0 }, { ...channels[0], index: 1 }];
          store.take({ channels: moved }, 40);
          send(bytes, 50);
          const count = ({ name }) => store.rings.byName.get(name).ring.count;
          return [count(channels[0]), count(channels[1]), store.missed.gaps];
        }""",
        [CHANNELS, frame(5, 1.0, 0, [3.0])],
    )
    assert got == [1, 1, 0], "a frame between two lists belongs to neither, and a new session numbers its frames anew"


async def test_the_gateways_clock_is_right_where_this_computers_is_wrong(bare: Page) -> None:
    got = await bare.evaluate(
        """async () => {
          const { GatewayClock, StreamClock } = await import("./data/clocks.js");
          const gateway = new GatewayClock(), stream = new StreamClock();
          for (let i = 0; i < 60; i += 1) gateway.observe(5000 + i, i + 0.005 + 0.2 * (i % 3));
          for (let i = 0; i < 500; i += 1) stream.observe(100 + i * 0.02, i * 0.02 + 0.01 * (i % 4));
          return [gateway.at(60), stream.at(10)];
        }"""
    )
    assert got[0] == pytest.approx(5060 - 0.005, abs=0.01), "the least delayed message counts"
    assert got[1] == pytest.approx(110 - 0.015, abs=0.01)


async def pose(page: Page, measured: dict[str, Any]) -> dict[str, Any]:
    """Place the body on the page; quaternions w x y z by segment."""
    return await page.evaluate(
        """async (measured) => {
          const { Headings, pose } = await import("./live/skeleton.js");
          const headings = new Headings();
          const body = pose(headings.align(new Map(Object.entries(measured)), 0.02));
          return { bones: body.bones, joints: Object.fromEntries(body.joints) };
        }""",
        measured,
    )


def upright(heading: float) -> Rotation:
    """Return the orientation of an upright segment of somebody who faces a heading [rad clockwise from north]."""
    s, c = np.sin(heading), np.cos(heading)
    return Rotation.from_matrix(np.column_stack([(s, c, 0), (0, 0, 1), (c, -s, 0)]))


def flexed(heading: float, degrees: float) -> list[float]:
    turned = upright(heading) * Rotation.from_euler("z", degrees, degrees=True)
    return [float(x) for x in turned.as_quat(scalar_first=True)]


def between(body: dict[str, Any], one: str, other: str) -> float:
    """Return the angle between two bones [deg]."""
    directions = []
    for segment in (one, other):
        bone = next(bone for bone in body["bones"] if bone["segment"] == segment)
        vector = np.subtract(bone["to"], bone["from"])
        directions.append(vector / np.linalg.norm(vector))
    return float(np.degrees(np.arccos(np.clip(directions[0] @ directions[1], -1, 1))))


@pytest.mark.parametrize("heading", [0.0, 0.7, 2.5, -2.0])
async def test_the_figure_bends_the_knee_as_measured_whichever_way_the_person_faces(bare: Page, heading: float) -> None:
    body = await pose(bare, {"thigh_left": flexed(heading, 60), "shank_left": flexed(heading, -35)})
    assert between(body, "thigh_left", "shank_left") == pytest.approx(95, abs=0.01)
    knee, hip = body["joints"]["knee_left"], body["joints"]["hip_left"]
    assert knee[0] - hip[0] == pytest.approx(0.43 * np.sin(np.radians(60)), abs=1e-4), (
        "a flexed hip brings the knee forward"
    )
    assert hip[2] < 0, "left is on the left"


async def test_limbs_whose_headings_have_no_common_zero_face_the_same_way(bare: Page) -> None:
    body = await pose(bare, {"thigh_left": flexed(0.3, 40), "thigh_right": flexed(2.9, 40)})
    left, right = (
        np.subtract(body["joints"][f"knee_{side}"], body["joints"][f"hip_{side}"]) for side in ("left", "right")
    )
    assert left == pytest.approx(right, abs=1e-4)


async def test_segments_without_a_sensor_hang_still(bare: Page) -> None:
    body = await pose(bare, {"thigh_right": flexed(0.0, 90)})
    shank = next(bone for bone in body["bones"] if bone["segment"] == "shank_right")
    assert not shank["measured"]
    assert np.subtract(shank["to"], shank["from"]) == pytest.approx([0, -0.42, 0], abs=1e-6)
    assert min(point[1] for bone in body["bones"] for point in (bone["from"], bone["to"])) == pytest.approx(0)


async def test_a_lifted_arm_does_not_turn_the_body(bare: Page) -> None:
    arm = upright(0.5) * Rotation.from_euler("x", -90, degrees=True)
    body = await pose(
        bare, {"trunk": flexed(0.5, 0), "upper_arm_right": [float(x) for x in arm.as_quat(scalar_first=True)]}
    )
    bone = next(bone for bone in body["bones"] if bone["segment"] == "upper_arm_right")
    direction = np.subtract(bone["to"], bone["from"]) / 0.3
    assert abs(direction[1]) < 1e-6
    assert abs(direction[2]) == pytest.approx(1, abs=1e-6)


async def test_a_plot_shows_a_gap_where_points_are_missing(bare: Page) -> None:
    got = await bare.evaluate(
        """async () => {
          const { withGaps } = await import("./sessions/plot.js");
          return withGaps([0, 1, 2, 3, 9, 10, 11], [[5, 6, 7, 8, 9, 10, 11]]);
        }"""
    )
    assert got == [[0, 1, 2, 3, 6, 9, 10, 11], [5, 6, 7, 8, None, 9, 10, 11]]


async def test_numbers_and_times_read_well(bare: Page) -> None:
    got = await bare.evaluate(
        """async () => {
          const { age, duration, number, quantity } = await import("./ui/format.js");
          return [
            duration(89.99), duration(3723), duration(7.51, 1), duration(NaN), age(0.04), age(11.6), age(300),
            number(-0.2), quantity(42.6, "deg"), quantity(NaN, "deg"),
          ];
        }"""
    )
    assert got == ["1:30", "1:02:03", "0:07.5", "–", "0.0 s", "12 s", "5 min", "0", "43°", "–"]


async def test_a_long_session_puts_no_more_marks_on_the_time_line_than_can_be_told_apart(bare: Page) -> None:
    got = await bare.evaluate(
        """async () => {
          const { EventTrack } = await import("./sessions/event_track.js");
          const rep = (i) => ({ t: i * 0.36, end: i * 0.36 + 0.1, name: "rep", data: {} });
          const track = new EventTrack(Array.from({ length: 10000 }, (_, i) => rep(i)), () => {});
          track.show(0, 3600);
          const whole = track.area.childElementCount;
          track.show(100, 110);
          return [whole, track.area.childElementCount];
        }"""
    )
    assert 300 < got[0] < 1000
    assert got[1] == 28, "zoomed in, each event of the view stands for itself"
