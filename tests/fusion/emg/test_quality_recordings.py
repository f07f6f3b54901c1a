"""The judge of EMG channels on real recordings: what it finds in each, and what it must not find."""

from collections import Counter
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pytest

from fusion.emg import BurstDetector, EmgChain
from fusion.emg.quality import EmgWatch, Flag, Second

Floats = np.ndarray

pytestmark = pytest.mark.needs("data")

SECOND = 1_000_000_000
RATE = 1000.0
CHUNK = 10


def counts_of(path: Path) -> Floats:
    with h5py.File(path) as file:
        raw = file[next(iter(file))]["raw"]
        return np.asarray(raw[next(name for name in raw if name.startswith("channel"))][:, 0].astype(float))


def volts_of(counts: Floats, bits: int) -> Floats:
    return ((counts / 2**bits - 0.5) * 3e-3)[:, None]


def lower_limb(path: Path) -> Floats:
    """Return RF, BF, VM, ST [V]."""
    rows = [[float(x) for x in line.split()] for line in path.read_text().splitlines()[7:] if line.strip()]
    return np.array([row[:4] for row in rows if len(row) == 5]) * 1e-3


def judged(emg: Floats, unit: Literal["V", "counts"] = "V") -> list[Second]:
    """Judge a recording as the pipeline would: with the envelope, and with bursts open or not."""
    channels = emg.shape[1]
    chain, detector, watch = EmgChain(channels, RATE), BurstDetector(channels, RATE), EmgWatch(channels, RATE, unit)
    out = []
    for i in range(0, len(emg), CHUNK):
        raw = emg[i : i + CHUNK]
        t = 1_790_000_000 * SECOND + np.arange(i, i + len(raw)) * (SECOND // 1000)
        band, resting = np.empty(raw.shape), np.empty(raw.shape, dtype=np.bool_)
        envelope = chain.update(raw, band)
        detector.update(t, envelope, band, resting)
        out += watch.update(t, raw, envelope, resting)
    return out


def found(seconds: list[Second]) -> list[dict[str, int]]:
    """Return in how many seconds each flag but warm-up was shown, by channel."""
    return [
        dict(Counter(f.value for s in seconds for f in s.verdicts[c].flags if f is not Flag.WARM))
        for c in range(len(seconds[0].verdicts))
    ]


def test_the_fatigue_recording_is_clipped_and_nothing_else(recordings: Path) -> None:
    """Of its 195 clipped samples the first few at each limit go by before the limit is known."""
    counts = counts_of(recordings / "emg_opensignals" / "emg_fatigue.h5")
    seconds = judged(volts_of(counts, 12))
    assert set(found(seconds)[0]) == {"rail"}
    truth = ((counts <= 1) | (counts >= 4095))[: 1000 * len(seconds)].reshape(-1, 1000)
    near = ((counts <= 2) | (counts >= 4093))[: 1000 * len(seconds)].reshape(-1, 1000).sum(axis=1)
    told = np.array([round(1000 * s.verdicts[0].clipped) for s in seconds])
    assert truth.sum() == 195
    assert 175 <= told.sum() <= 200
    assert np.all(told <= near), "nothing is told clipped in a second that is nowhere within two steps of a limit"
    missed = np.flatnonzero((told == 0) & truth.any(axis=1))
    assert len(missed) <= 7
    np.testing.assert_array_less(missed, 60)


def test_the_burst_recording_is_without_a_fault(recordings: Path) -> None:
    seconds = judged(volts_of(counts_of(recordings / "emg_opensignals" / "emg_bursts.h5"), 16))
    assert len(seconds) == 28
    assert found(seconds) == [{}]
    assert 3e-6 < seconds[-1].verdicts[0].rest < 6e-6


@pytest.mark.parametrize(("name", "expected"), [("1Npie", [{}] * 4), ("3Nsen", [{}] * 4)])
def test_standing_and_sitting_thighs_are_without_a_fault(
    recordings: Path, name: str, expected: list[dict[str, int]]
) -> None:
    assert found(judged(lower_limb(recordings / "emg_lowerlimb" / "N_TXT" / f"{name}.txt"))) == expected


def test_the_mains_of_a_country_with_sixty_hertz_are_found(recordings: Path) -> None:
    """RF and VM hold up to 0.95 of their power at 60 Hz and harmonics.

    BF and ST too, but below 3 uV: that matters only in seconds in which they work as faintly.
    """
    seconds = judged(lower_limb(recordings / "emg_lowerlimb" / "N_TXT" / "1Nsen.txt"))
    flags = found(seconds)
    assert all(set(f) <= {"mains"} for f in flags)
    assert min(flags[0]["mains"], flags[2]["mains"]) >= 9  # of 15, the first 3 of which are needed to know
    assert {v.mains_hz for s in seconds for v in s.verdicts} == {0, 60}
    assert np.nanmax([s.verdicts[3].hum for s in seconds]) < 3e-6


def test_the_gait_recording_shakes_one_electrode(recordings: Path) -> None:
    """VM has more than half of its power below 20 Hz all along."""
    seconds = judged(lower_limb(recordings / "emg_lowerlimb" / "N_TXT" / "1Nmar.txt"))
    assert [set(f) for f in found(seconds)] == [set(), set(), {"motion"}, set()]


def test_an_armband_is_judged_though_its_recording_repeats_every_value(recordings: Path) -> None:
    """Its rows hold each value for 10 ms, so spectra say nothing; what is told clipped is at +127 or -128."""
    rows = np.loadtxt(next((recordings / "emg_myo_gestures").glob("*/*.txt")), skiprows=1)
    counts = np.rint(rows[:, 1:9] * 1e5)
    seconds = judged(counts, "counts")
    assert {flag for f in found(seconds) for flag in f} == {"rail"}
    assert all(np.isnan(s.verdicts[0].slow_share) for s in seconds)
    whole = counts[: 1000 * len(seconds)].reshape(-1, 1000, 8)
    limit = ((whole >= 126) | (whole <= -127)).sum(axis=1)
    told = np.array([[round(1000 * v.clipped) for v in s.verdicts] for s in seconds])
    assert np.all((told == 0) | (limit > 0))
    assert told.sum() > 0.8 * (np.abs(whole + 0.5) > 127).sum()
