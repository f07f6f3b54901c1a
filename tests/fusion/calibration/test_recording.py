"""A real Ferraris session (imucal's example, MIT): 102.4 Hz, turned clockwise, and what imucal itself made of it.

The checks that the calibration does not satisfy by its making: single samples against gravity, the turns integrated as
rotations, gravity carried by the rates through the movements between the rests, and imucal's own answer.
"""

import csv
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from devices.chunks import GRAVITY
from fusion.calibration import Finding, Part, ellipsoid_acc, ferraris, rest_bias, still_forces
from fusion.calibration.ferraris import PARTS, POSITIONS, TURNS, rotation
from fusion.orientation import quaternion as qt

pytestmark = pytest.mark.needs("data")

RATE_HZ = 102.4
COUNTS_PER_M_S2, COUNTS_PER_DEG_S = 2048 / 9.81, 32768 / 2000
"""By which the file's values had been made from counts; imucal's answer is in counts and used 9.81 m/s2."""
Floats = np.ndarray


class Session:
    """One session and its calibration."""

    def __init__(self, folder: Path) -> None:
        table = np.loadtxt(folder / "example_ferraris_session.csv", delimiter=",", skiprows=1)
        spans = json.loads((folder / "example_ferraris_session_list.json").read_text())
        self.gyr, self.acc = np.radians(table[:, 1:4]), table[:, 4:]
        self.span = {name: slice(s["start"], s["end"]) for name, s in spans.items()}
        self.parts = {name: Part(self.gyr[s], self.acc[s]) for name, s in self.span.items()}
        self.found: Finding = ferraris(self.parts, RATE_HZ, -2 * np.pi)


@pytest.fixture(scope="module")
def session(recordings: Path) -> Session:
    return Session(recordings / "imu_calibration")


def rms(x: Floats) -> float:
    return float(np.sqrt((x * x).mean()))


def test_nothing_is_to_be_warned_of(session: Session) -> None:
    assert session.found.warnings == ()
    assert tuple(session.parts) == PARTS


def test_resting_samples_have_the_magnitude_of_gravity(session: Session) -> None:
    raw = np.concatenate([session.parts[name].acc for name in POSITIONS])
    _, acc, _ = session.found.calibration.apply(raw, raw)
    assert rms(np.linalg.norm(raw, axis=1) - GRAVITY) == pytest.approx(0.533, abs=0.001)
    assert rms(np.linalg.norm(acc, axis=1) - GRAVITY) == pytest.approx(0.0148, abs=0.0001)
    means = np.array([session.parts[name].acc.mean(axis=0) for name in POSITIONS])
    assert rms(np.linalg.norm(means, axis=1) - GRAVITY) == pytest.approx(0.548, abs=0.001)
    assert session.found.residuals["norm"] < 0.0005
    assert session.found.residuals["acc"] == pytest.approx(0.030, abs=0.001)


def test_the_turns_close_as_rotations(session: Session) -> None:
    for name, open_deg in zip(TURNS, (10.0, 6.3, 0.6), strict=True):
        raw = session.parts[name].gyr - session.found.calibration.gyr_bias
        gyr, _, _ = session.found.calibration.apply(session.parts[name].gyr, session.parts[name].acc)
        assert np.degrees(qt.angle(rotation(raw, RATE_HZ), qt.IDENTITY)) == pytest.approx(open_deg, abs=0.1)
        assert np.degrees(qt.angle(rotation(gyr, RATE_HZ), qt.IDENTITY)) < 0.06
        np.testing.assert_allclose(
            np.degrees(gyr.sum(axis=0) / RATE_HZ), -360 * np.eye(3)[TURNS.index(name)], atol=1e-9
        )


def carried(session: Session, gyr: Floats, acc: Floats) -> Floats:
    """Return the angles between gravity carried by the rates from rest to rest, and as measured there [deg]."""
    angles = []
    for a, b in pairwise(POSITIONS):
        end, start = session.span[a].stop, session.span[b].start
        back = qt.conjugate(rotation(gyr[end:start], RATE_HZ))
        want, got = acc[start : start + 100].mean(axis=0), qt.rotate(back, acc[end - 100 : end].mean(axis=0))
        angles.append(np.degrees(np.arccos(got @ want / np.linalg.norm(got) / np.linalg.norm(want))))
    return np.array(angles)


def test_the_rates_carry_gravity_through_movements_that_no_fit_has_seen(session: Session) -> None:
    gyr, acc, _ = session.found.calibration.apply(session.gyr, session.acc)
    assert rms(carried(session, session.gyr - session.found.calibration.gyr_bias, session.acc)) == pytest.approx(
        6.9, abs=0.1
    )
    assert rms(carried(session, gyr, acc)) == pytest.approx(0.73, abs=0.05)


def test_imucal_finds_the_same(session: Session, recordings: Path) -> None:
    kept = json.loads((recordings / "imu_calibration" / "legacy_calibration_pre_2.0.json").read_text())
    K_a, R_a, K_g, R_g = (np.array(kept[name]) for name in ("K_a", "R_a", "K_g", "R_g"))
    acc_matrix = np.linalg.inv(K_a @ R_a) * COUNTS_PER_M_S2 * GRAVITY / 9.81
    ours = session.found.calibration
    np.testing.assert_allclose(ours.acc_matrix, acc_matrix, atol=1e-12)
    np.testing.assert_allclose(ours.acc_bias, np.array(kept["b_a"]) / COUNTS_PER_M_S2, atol=1e-12)
    # imucal also takes out an influence of the acceleration on the gyroscope, which is 1e-4 rad/s here
    np.testing.assert_allclose(ours.gyr_matrix, np.linalg.inv(K_g @ R_g) * COUNTS_PER_DEG_S, atol=1e-4)
    np.testing.assert_allclose(
        np.degrees(np.asarray(ours.gyr_bias)), np.array(kept["b_g"]) / COUNTS_PER_DEG_S, atol=1e-3
    )


def test_one_rest_has_the_bias_of_all(session: Session) -> None:
    for name in POSITIONS:
        found = rest_bias(session.parts[name].gyr, RATE_HZ, session.parts[name].acc)
        assert found.warnings == ()
        off = np.asarray(found.calibration.gyr_bias) - np.asarray(session.found.calibration.gyr_bias)
        assert np.degrees(np.abs(off).max()) < 0.01


def test_the_rests_are_found_without_a_list_but_are_no_ellipsoid(session: Session) -> None:
    forces = still_forces(session.gyr, session.acc, RATE_HZ)
    for name in POSITIONS:
        assert np.linalg.norm(forces - session.parts[name].acc.mean(axis=0), axis=1).min() < 0.01
    with pytest.raises(ValueError, match="too few directions were seen"):
        ellipsoid_acc(forces)


@pytest.fixture(scope="module")
def counts(recordings: Path) -> dict[str, Part]:
    """Return the other session, 204.8 Hz, from raw counts by nominal scales."""
    with (recordings / "imu_calibration" / "annotated_session.csv").open(newline="") as file:
        lines = list(csv.reader(file))[1:]
    names = np.array([line[0] for line in lines])
    values = np.array([[float(v) for v in line[2:]] for line in lines])
    scale = np.array([COUNTS_PER_M_S2] * 3 + [np.degrees(COUNTS_PER_DEG_S)] * 3)
    si = values / scale
    return {name: Part(si[names == name, 3:], si[names == name, :3]) for name in PARTS}


def test_another_sensor_turned_the_other_way(counts: dict[str, Part]) -> None:
    found = ferraris(counts, 204.8, 2 * np.pi)
    assert found.residuals["norm"] < 0.001
    assert np.degrees(found.residuals["turn"]) < 0.2
    with pytest.raises(ValueError, match=r"x_rot adds up to 7.. deg instead of 360"):
        ferraris(counts, 102.4, 2 * np.pi)
