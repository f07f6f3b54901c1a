"""The chain and the bursts on recordings of real muscles; their counts on emg_opensignals are in test_bursts.

No constant was chosen on the recordings of legs and forearms.
"""

from pathlib import Path

import numpy as np
import pytest

from fusion.emg import BurstDetector, EmgChain, EmgParams, offline_amplitude

Floats = np.ndarray
MUSCLES = ("rectus", "biceps", "vastus", "semitendinosus")


def leg(path: Path) -> tuple[Floats, Floats, Floats]:
    """Return EMG [V], shape (N, 4), and when the knee is far from, and near, where it was at the start.

    The goniometer's sign differs between files, so its direction is taken from the task: it begins at rest, the knee
    bent in sitting and straight in standing; far is more than half of the largest distance from there, near below a
    fifth.
    """
    lines = [line.split() for line in path.read_text(encoding="latin-1").splitlines()[7:]]
    rows = np.array([[float(x) for x in line] for line in lines if len(line) == 5])
    moved = np.abs(rows[:, 4] - np.median(rows[:500, 4]))
    return rows[:, :4] * 1e-3, moved > 0.5 * moved.max(), moved < 0.2 * moved.max()


def active(emg: Floats, rate_hz: float) -> Floats:
    """Return which samples lie in bursts, shape (N, channels)."""
    chain, band = EmgChain(emg.shape[1], rate_hz), np.empty(emg.shape)
    detector = BurstDetector(emg.shape[1], rate_hz, chain.delay)
    t = np.arange(len(emg)) * round(1e9 / rate_hz)
    bursts = detector.update(t, chain.update(emg, band), band)[0] + detector.interrupt()
    out = np.zeros(emg.shape, dtype=bool)
    for b in bursts:
        out[(t >= b.onset) & (t < b.offset), b.channel] = True
    return out


@pytest.mark.needs("data")
@pytest.mark.parametrize("name", ["1Nsen", "3Nsen"])
@pytest.mark.parametrize("amplitude", ["envelope", "rms"])
def test_the_extensors_straighten_the_knee_of_who_sits(recordings: Path, name: str, amplitude: str) -> None:
    emg, far, near = leg(recordings / f"emg_lowerlimb/N_TXT/{name}.txt")
    size = offline_amplitude(emg, 1000.0, EmgParams(amplitude=amplitude))
    ratio = dict(zip(MUSCLES, size[far].mean(axis=0) / size[near].mean(axis=0), strict=True))
    assert min(ratio["rectus"], ratio["vastus"]) > 2.0
    assert min(ratio["rectus"], ratio["vastus"]) > max(ratio["biceps"], ratio["semitendinosus"])
    share = dict(zip(MUSCLES, active(emg, 1000.0)[far].mean(axis=0), strict=True))
    assert min(share["rectus"], share["vastus"]) > 0.95


@pytest.mark.needs("data")
@pytest.mark.parametrize("amplitude", ["envelope", "rms"])
def test_the_flexors_bend_the_knee_of_who_stands(recordings: Path, amplitude: str) -> None:
    emg, far, near = leg(recordings / "emg_lowerlimb/N_TXT/1Npie.txt")
    size = offline_amplitude(emg, 1000.0, EmgParams(amplitude=amplitude))
    ratio = dict(zip(MUSCLES, size[far].mean(axis=0) / size[near].mean(axis=0), strict=True))
    assert min(ratio["biceps"], ratio["semitendinosus"]) > 5.0
    assert max(ratio["rectus"], ratio["vastus"]) < 1.5
    on = active(emg, 1000.0)
    for muscle in (1, 3):
        assert on[far, muscle].mean() > 0.8
        assert on[near, muscle].mean() < 0.3


@pytest.mark.needs("data")
def test_gestures_of_the_hand_are_told_from_rest(recordings: Path) -> None:
    """Rows come at about 1 kHz and repeat values of 200 Hz: the newest row every 5 ms is a sample.

    Active is what lies in a burst of the mean envelope of the eight channels, live with the default settings. Rows
    without a label are left out, and 0.3 s after each change of label, in which a person reacts [M].
    """
    (path,) = (recordings / "emg_myo_gestures/01").glob("*.txt")
    lines = [line.split() for line in path.read_text().splitlines()[1:]]
    rows = np.array([[float(x) for x in line] for line in lines if len(line) == 10])
    at = np.arange(rows[0, 0], rows[-1, 0], 5.0)
    emg, label = np.split(rows[np.searchsorted(rows[:, 0], at, side="right") - 1, 1:], [8], axis=1)
    chain = EmgChain(8, 200.0)
    detector = BurstDetector(1, 200.0, chain.delay)
    t = (at * 1e6).astype(np.int64)
    bursts = detector.update(t, chain.update(emg).mean(axis=1, keepdims=True))[0] + detector.interrupt()
    found = np.any([(t >= b.onset) & (t < b.offset) for b in bursts], axis=0)
    changed = np.maximum.accumulate(np.where(np.diff(label[:, 0], prepend=-1.0) != 0, at, 0.0))
    counted = at - changed >= 300.0
    rest, gesture = counted & (label[:, 0] == 1), counted & (label[:, 0] > 1)
    assert 0.5 * (found[gesture].mean() + 1.0 - found[rest].mean()) > 0.9
    assert len(bursts) == 10
