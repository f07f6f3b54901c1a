"""The zero-phase envelope in blocks is that of the whole, and it is not late."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fusion.emg import EmgChain, EmgParams, offline_amplitude
from fusion.emg.offline import OfflineEnvelope
from fusion.samples import TimedEmg
from tests.fusion.emg.test_bursts import opensignals

Floats = np.ndarray
MS = 1_000_000


def in_blocks(emg: Floats, chunk: int, gaps: tuple[int, ...] = (), envelope_hz: float = 6.0) -> tuple[Floats, Floats]:
    """Return times and envelope of a signal at 1 kHz; `gaps` are samples before which some are missing."""
    params = EmgParams(envelope_hz=envelope_hz)
    offline = OfflineEnvelope(1000.0, params)
    t = np.arange(len(emg)) * MS
    edges = sorted({*range(0, len(emg), chunk), *gaps, len(emg)})
    parts = []
    for a, b in pairwise(edges):
        parts += offline.update(TimedEmg("s", t[a:b], emg[a:b], 1000.0, "V", gap=a in gaps))
    parts += offline.finish()
    return np.concatenate([x for x, _ in parts]), np.concatenate([x for _, x in parts])


@pytest.mark.needs("data")
@pytest.mark.parametrize("envelope_hz", [1.0, 6.0])
def test_blocks_give_the_whole(recordings: Path, envelope_hz: float) -> None:
    emg = opensignals(recordings / "emg_opensignals/emg_fatigue.h5", 12)[:, None]
    t, envelope = in_blocks(emg, 777, envelope_hz=envelope_hz)
    whole = offline_amplitude(emg, 1000.0, EmgParams(envelope_hz=envelope_hz))
    assert t.tolist() == (np.arange(len(emg)) * MS).tolist()
    assert np.abs(envelope - whole).max() < 1e-6 * whole.max()


def test_a_gap_begins_anew_and_a_short_stretch_has_no_envelope() -> None:
    emg = np.random.default_rng(0).normal(size=(8000, 2))
    t, envelope = in_blocks(emg, 100, gaps=(3000, 3300))
    assert t.tolist() == [i * MS for i in range(8000) if not 3000 <= i < 3300]
    np.testing.assert_allclose(envelope[:3000], offline_amplitude(emg[:3000], 1000.0), atol=1e-12)
    np.testing.assert_allclose(envelope[3000:], offline_amplitude(emg[3300:], 1000.0), atol=1e-12)


def test_it_is_not_late_where_the_live_one_is() -> None:
    t = np.arange(20_000) / 1000.0
    emg = (1.0 + np.sin(2 * np.pi * 0.5 * t)) * np.random.default_rng(1).normal(size=t.size)
    live = EmgChain(1, 1000.0).update(emg[:, None])[:, 0]
    offline = in_blocks(emg[:, None], 1000)[1][:, 0]
    lags = np.arange(-100, 101)
    best = lags[np.argmax([np.corrcoef(np.roll(offline, k)[500:-500], live[500:-500])[0, 1] for k in lags])]
    assert 37 <= best <= 45, "the live envelope follows by its stated delay, and some of the band-pass"
