"""Refined analysis: amplitudes that are not late, and everything else as in the live run."""

from typing import Any

import numpy as np
import pytest

from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from fusion.emg import EmgParams, offline_amplitude
from fusion.estimates import Batch
from fusion.samples import TimedEmg
from gateway.analysis import analyse, estimates
from gateway.records import Control, Packet, Record
from gateway.refined import RefinedEmg
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo

START = 1_790_000_000_000_000_000
RATE_HZ, SECONDS = 1000.0, 130.0
MUSCLES = {"0": "biceps_brachii_left", "1": "triceps_brachii_left"}


def signal() -> np.ndarray:
    """Return two channels with a contraction of 1.5 s every 4 s [V]."""
    t = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    loud = np.where((t % 4.0 > 2.0) & (t % 4.0 < 3.5), 20.0, 1.0)
    return 5e-6 * loud[:, None] * np.random.default_rng(2).normal(size=(t.size, 2))


def hum() -> np.ndarray:
    """Return what the mains add to both [V]."""
    t = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    return 60e-6 * np.sqrt(2.0) * np.sin(2.0 * np.pi * 50.0 * t)[:, None]


def records(emg: np.ndarray) -> list[Record]:
    stream = OpenStream(1, "emg", ("emg",), RATE_HZ, channels=2)
    encoder = Encoder([stream])
    out: list[Record] = [
        Control(START, "sensor", "arm", {"model": "open_profile"}),
        Control(START, "placement", "arm", {"channels": dict(MUSCLES)}),
        Packet(START, "arm", DESCRIPTION, encoder.description),
    ]
    for a in range(0, len(emg), 50):
        ticks = (a + np.arange(50)) * 1_000_000
        packets = encoder.packets(1, ticks, {"emg": emg[a : a + 50]})
        out += [Packet(START + int(ticks[-1]), "arm", DATA, data) for data in packets]
    return out


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SqliteHome:
    home = SqliteHome(tmp_path_factory.mktemp("refined"))
    for name, emg in (("s1", signal()), ("hum", signal() + hum())):
        writer = home.create(SessionInfo(name, "", None, "live", "recording", START, None, "local", "test"))
        writer.append(records(emg))
        writer.close("complete")
    return home


def by_name(result: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in result[key]}


def test_a_result_says_which_it_is_and_changes_nothing_else(home: SqliteHome) -> None:
    live, refined = analyse(home, "s1"), analyse(home, "s1", refined=True)
    assert (live["mode"], live["refined"]) == ("live", [])
    assert (refined["mode"], refined["refined"]) == ("refined", ["emg"])
    assert refined["events"] == live["events"]
    assert refined["quality"] == live["quality"]
    assert set(by_name(refined, "series")) == set(by_name(live, "series"))  # type: ignore[arg-type]
    assert set(refined["metrics"]) == set(live["metrics"])  # type: ignore[arg-type]
    name = "activation_mean_biceps_brachii_left"
    a, b = (result["metrics"][name]["value"] for result in (live, refined))  # type: ignore[index, call-overload]
    assert a != b
    assert a == pytest.approx(b, rel=0.1)


def test_rows_are_the_offline_envelope_on_the_grid(home: SqliteHome) -> None:
    offline, batches = RefinedEmg(), []
    with home.open("s1") as reader:
        for engine, _, _ in estimates(reader, hear_emg=offline.hear):
            batches += offline.take(engine.pipeline.muscles, engine.settings)
        batches += offline.take(engine.pipeline.muscles, engine.settings, final=True)
    t, x = rows(batches)
    whole = offline_amplitude(signal(), RATE_HZ)
    assert (np.diff(t) == 10_000_000).all()
    assert (t % 10_000_000 == 0).all()
    assert t.size == pytest.approx(SECONDS * 100, abs=5)
    at = (t - START) / 1e9 * RATE_HZ
    for column in range(2):
        expected = np.interp(at, np.arange(len(whole)), whole[:, column])
        inside = (at > 100) & (at < len(whole) - 100)
        np.testing.assert_allclose(x[inside, column], expected[inside], rtol=0.02, atol=2e-7)


def test_hum_that_was_measured_live_is_filtered_out_here_too(home: SqliteHome) -> None:
    offline, batches = RefinedEmg(), []
    with home.open("hum") as reader:
        for engine, _, _ in estimates(reader, hear_emg=offline.hear):
            batches += offline.take(engine.pipeline.muscles, engine.settings)
        batches += offline.take(engine.pipeline.muscles, engine.settings, final=True)
    assert engine.pipeline.muscles.sensors["arm"].chain.notch_hz == 50.0
    t, x = rows(batches)
    emg = signal() + hum()
    at = (t - START) / 1e9 * RATE_HZ
    expected, plain = (
        np.interp(at, np.arange(len(emg)), offline_amplitude(emg, RATE_HZ, EmgParams(notch_hz=hz))[:, 0])
        for hz in (50.0, 0.0)
    )
    inside = (at > 1000) & (at < len(emg) - 1000)
    np.testing.assert_allclose(x[inside, 0], expected[inside], rtol=0.02, atol=2e-7)
    assert np.median(plain[inside] / x[inside, 0]) > 3.0


def rows(batches: list[Batch]) -> tuple[np.ndarray, np.ndarray]:
    assert {batch.names for batch in batches} == {tuple(f"emg_{muscle}" for muscle in MUSCLES.values())}
    return np.concatenate([batch.t for batch in batches]), np.concatenate([batch.values for batch in batches])


def test_what_cannot_be_filtered_is_left_out(home: SqliteHome) -> None:
    offline = RefinedEmg()
    with home.open("s1") as reader:
        engine, _, _ = next(iter(estimates(reader)))
    slow = TimedEmg("arm", START + np.arange(10) * 50_000_000, np.zeros((10, 2)), 20.0, "V")
    offline.hear(slow)
    assert offline.take(engine.pipeline.muscles, engine.settings, final=True) == []
