"""Metrics of muscles through the whole path: squats with known activations, and recorded biceps that tire."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from gateway.analysis import analyse
from gateway.emg_digest import BIN_NS, Means
from gateway.files.importer import import_files
from gateway.records import Control, Packet, Record
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from simulators.person.emg import EmgModel, amplitude_v
from simulators.person.motion.activities import squat, stand
from simulators.person.motion.script import Script
from simulators.person.person import Person

START = 1_790_000_000_000_000_000
RATE_HZ, ANGLE_HZ = 1000.0, 100.0
SECONDS, REPS = 50.0, 12
MUSCLES = tuple(
    f"{muscle}_{side}"
    for side in ("left", "right")
    for muscle in ("vastus_lateralis", "vastus_medialis", "biceps_femoris", "rectus_femoris")
)
RECTIFIED = np.sqrt(2.0 / np.pi)
"""Mean of the absolute value of normal noise of unit RMS."""

Metrics = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def person() -> Person:
    return Person(Script((stand(5.0), squat(reps=REPS), stand(4.0))), seed=4)


def squats(person: Person, mvc: dict[str, float] | None) -> list[Record]:
    """Return the records of a goniometer at the left knee and a box of eight EMG channels.

    mvc: By muscle, amplitude of the envelope at full activation [V]; None: never measured.
    """
    seconds = min(SECONDS, person.script.period)
    box, goniometer = (
        OpenStream(1, "emg", ("emg",), RATE_HZ, channels=len(MUSCLES)),
        OpenStream(1, "angle", ("angle",), ANGLE_HZ),
    )
    channels = {str(n): muscle for n, muscle in enumerate(MUSCLES)}
    records: list[Record] = []
    for sensor, stream, placed in (("box", box, channels), ("goniometer", goniometer, {"0": "knee_flexion_left"})):
        records.append(Control(START, "sensor", sensor, {"model": "open_profile"}))
        records.append(Control(START, "placement", sensor, {"channels": placed}))  # type: ignore[dict-item]
        records.append(Packet(START, sensor, DESCRIPTION, Encoder([stream]).description))
    if mvc is not None:
        values = {muscle: {"value": mvc[muscle], "unit": "V"} for muscle in MUSCLES}
        given = {"what": "mvc_given", "values": values, "from": "the visit before"}
        records.append(Control(START, "calibrate", None, given))  # type: ignore[arg-type]
    encoders = {"box": Encoder([box]), "goniometer": Encoder([goniometer])}
    for second in np.arange(0.0, seconds - 0.1, 0.1):
        for sensor, rate in (("box", RATE_HZ), ("goniometer", ANGLE_HZ)):
            t = second + np.arange(round(0.1 * rate)) / rate
            ticks = np.round(t * 1e9).astype(np.int64)
            if sensor == "box":
                values = {"emg": person.emg(t, MUSCLES, rate)}
            else:
                values = {"angle": person.joint_angles(t)["knee_flexion_left"][:, None]}
            arrival = START + int(ticks[-1])
            records += [Packet(arrival, sensor, DATA, data) for data in encoders[sensor].packets(1, ticks, values)]
    return records


def analysed(folder: Path, records: list[Record]) -> Metrics:
    home = SqliteHome(folder)
    writer = home.create(SessionInfo("s1", "", None, "live", "recording", START, None, "local", "test"))
    writer.append(records)
    writer.close("complete")
    result = analyse(home, "s1")
    home.close()
    return result["metrics"]  # type: ignore[return-value]


def full(person: Person) -> dict[str, float]:
    """Return the envelope of each muscle at full activation [V]."""
    return {muscle: float(RECTIFIED * amplitude_v(muscle, EmgModel(), person.seed)) for muscle in MUSCLES}


@pytest.fixture(scope="module")
def metrics(person: Person, tmp_path_factory: pytest.TempPathFactory) -> Metrics:
    """Metrics with every MVC known, that of the right rectus femoris taken for half of what it is."""
    mvc = full(person)
    mvc["rectus_femoris_right"] *= 0.5
    return analysed(tmp_path_factory.mktemp("mvc"), squats(person, mvc))


def test_every_metric_has_its_interval_and_says_what_it_is(metrics: Metrics) -> None:
    assert metrics["reps"]["value"] == REPS
    for name, metric in metrics.items():
        assert set(metric) == {"value", "low", "high", "unit", "exercise", "note"}, name
        assert metric["low"] <= metric["value"] <= metric["high"], name
        assert "{" not in metric["note"], name


@pytest.mark.parametrize("muscle", [m for m in MUSCLES if m.endswith("_left")])
def test_activation_over_repetitions_is_the_true_one(person: Person, metrics: Metrics, muscle: str) -> None:
    t = np.arange(5.0, person.script.period - 4.0, 0.01)
    angle = person.joint_angles(t)["knee_flexion_left"]
    truth = person.activation(t, muscle)
    moving = angle > angle.min() + 0.1 * np.ptp(angle)
    rising = np.gradient(angle) > 0.0
    assert "repetitions of knee_flexion_left, as fractions of MVC" in metrics[f"activation_mean_{muscle}"]["note"]
    for phase, rows in (("mean", moving), ("rising", moving & rising), ("falling", moving & ~rising)):
        found = metrics[f"activation_{phase}_{muscle}"]
        assert found["value"] == pytest.approx(truth[rows].mean(), rel=0.1, abs=0.01), phase
        assert found["unit"] == "1"
    mean = metrics[f"activation_mean_{muscle}"]
    assert metrics[f"activation_peak_{muscle}"]["value"] > mean["value"]


def test_balance_is_that_of_the_sides(metrics: Metrics) -> None:
    even, uneven = metrics["balance_vastus_lateralis"], metrics["balance_rectus_femoris"]
    assert even["value"] == pytest.approx(0.0, abs=0.04)
    assert uneven["value"] == pytest.approx(-1 / 3, abs=0.04)  # the right one seems twice as active
    assert uneven["high"] < 0.0


def test_co_contraction_is_that_of_the_true_activations(person: Person, metrics: Metrics) -> None:
    t = np.arange(5.0, person.script.period - 4.0, 0.01)
    angle = person.joint_angles(t)["knee_flexion_left"]
    t = t[angle > angle.min() + 0.1 * np.ptp(angle)]
    first, second = (person.activation(t, f"{muscle}_left") for muscle in ("vastus_lateralis", "biceps_femoris"))
    low, high = np.minimum(first, second), np.maximum(first, second)
    index = np.where(high > 0, low / np.where(high > 0, high, 1.0), 0.0) * (low + high)
    found = metrics["cocontraction_knee_left"]
    assert found["value"] == pytest.approx(index.mean(), rel=0.15)
    assert found["note"].startswith(f"rudolph index of vastus_lateralis_left and biceps_femoris_left over {REPS}")
    assert "within this session only" in found["note"]
    area = metrics["cocontraction_falconer_winter_knee_left"]
    assert area["value"] == pytest.approx(200 * low.sum() / (low + high).sum(), rel=0.15)
    assert area["unit"] == "%"


def test_onsets_differ_as_they_do(person: Person, metrics: Metrics) -> None:
    medial, lateral = (
        [on for on, _ in person.bursts(0.0, person.script.period, f"{muscle}_left")]
        for muscle in ("vastus_medialis", "vastus_lateralis")
    )
    truth = np.median(np.array(lateral) - np.array(medial))
    found = metrics["onset_difference_vastus_medialis_vastus_lateralis_left"]
    assert found["value"] == pytest.approx(truth, abs=0.05)
    assert "half of them between" in found["note"]


def test_a_muscle_that_does_not_tire_has_no_clear_slope(metrics: Metrics) -> None:
    slopes = {name: metric for name, metric in metrics.items() if name.startswith("median_frequency_slope_")}
    assert slopes
    unclear = [name for name, metric in slopes.items() if metric["low"] <= 0.0 <= metric["high"]]
    assert len(unclear) >= len(slopes) - 1, "one in twenty may"


def test_without_an_mvc_sides_are_not_compared_and_fractions_say_what_of(person: Person, tmp_path: Path) -> None:
    metrics = analysed(tmp_path, squats(person, None))
    assert not [name for name in metrics if name.startswith("balance_")]
    for name in ("activation_mean_vastus_lateralis_left", "cocontraction_knee_left"):
        assert "not of MVC" in metrics[name]["note"]


@pytest.mark.needs("data")
def test_recorded_biceps_tire_over_thirty_contractions(tmp_path: Path, recordings: Path) -> None:
    home = SqliteHome(tmp_path)
    session = import_files(
        home, [recordings / "emg_opensignals/emg_fatigue.h5"], muscles=["biceps_brachii_right"], now=START
    )
    metrics: Metrics = analyse(home, session)["metrics"]  # type: ignore[assignment]
    home.close()
    slope = metrics["median_frequency_slope_biceps_brachii_right"]
    assert slope["high"] < 0.0
    assert slope["unit"] == "Hz/s"
    assert "30 contractions" in slope["note"]
    assert slope["note"].endswith("amplitude up and median frequency down: consistent with fatigue")
    assert "activation_mean_biceps_brachii_right" in metrics
    assert not [name for name in metrics if name.startswith(("cocontraction", "balance", "onset"))]


def test_means_do_not_depend_on_how_rows_come() -> None:
    t = START + np.arange(1000) * 10_000_000
    x = np.random.default_rng(0).normal(size=1000)
    x[100:150] = np.nan
    whole, parts = Means(), Means()
    whole.add(t, x)
    for i in range(0, 1000, 7):
        parts.add(t[i : i + 7], x[i : i + 7])
    for means in (whole, parts):
        means.close()
    assert whole.bins == parts.bins
    np.testing.assert_allclose(whole.values, parts.values, rtol=1e-12)
    assert len(whole.bins) == 95
    assert whole.values[3] == pytest.approx(x[30:40].mean())
    assert whole.bins[3] == t[30] // BIN_NS


def test_rows_from_the_past_do_not_disturb_the_order() -> None:
    """As when two sensors claim to be on the same muscle."""
    means = Means()
    t = START + np.arange(100) * 10_000_000
    for rows in (t[:60], t[20:40], t[30:90], t[:10]):
        means.add(rows, np.ones(rows.size))
    means.close()
    means.add(t[:50], np.ones(50))
    assert (np.diff(means.arrays[0]) == 1).all()
    assert len(means.bins) == 9
