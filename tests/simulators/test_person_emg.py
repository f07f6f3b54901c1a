"""Surface EMG of a simulated person: bursts that are known, and a signal that looks like EMG."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from simulators.person import EmgModel, Person, Script
from simulators.person.motion.activities import Activity, squat, stand, walk
from simulators.person.motion.muscles import NAMES, burst

RATE = 1000.0
QUIET = EmgModel(mvc_v=0.0, baseline_v=0.0)


@pytest.fixture(scope="module")
def person() -> Person:
    return Person(seed=9)


def steady(muscle: str, level: float, seed: int = 9) -> Person:
    """Return a person who holds one muscle at one level from 1.1 to 60.9 s."""
    held = burst(muscle, 1.0, 61.0, level, level)
    return Person(Script((Activity("hold", 62.0, bursts=(held.on("left"),)),)), seed=seed)


def test_every_squat_is_one_burst_of_the_thigh_that_leads_the_movement(person: Person) -> None:
    bursts = person.bursts(0.0, 22.0, "vastus_lateralis_left")
    assert len(bursts) == 5
    t = np.arange(0.0, 22.0, 0.001)
    knee = person.joint_angles(t)["knee_flexion_left"]
    for rep, (onset, offset) in enumerate(bursts):
        assert onset == pytest.approx(5.5 + 3.3 * rep - 0.06)
        moving = t[(t > onset) & (t < offset) & (knee > 1.0)]
        assert 0.05 < moving[0] - onset < 0.5
        assert knee[np.searchsorted(t, 0.5 * (onset + offset))] > 80.0


def test_activation_is_above_zero_exactly_inside_the_bursts(person: Person) -> None:
    t = np.arange(0.0, 200.0, 0.0017) + np.pi * 1e-4
    for muscle in NAMES:
        inside = np.zeros(len(t), dtype=bool)
        for onset, offset in person.bursts(0.0, 200.0, muscle):
            inside |= (t > onset) & (t < offset)
        level = person.activation(t, muscle)
        np.testing.assert_array_equal(level > 0.0, inside, err_msg=muscle)
        assert level.max() <= 1.0


def test_bursts_repeat_with_the_loop_and_a_window_gets_those_it_touches(person: Person) -> None:
    first = person.bursts(0.0, 89.0, "rectus_femoris_right")
    later = person.bursts(900.0, 989.0, "rectus_femoris_right")
    np.testing.assert_allclose(np.array(later) - 900.0, first)
    onset, offset = first[2]
    assert person.bursts(onset + 0.1, offset - 0.1, "rectus_femoris_right") == [first[2]]
    assert person.bursts(0.0, 1.0, "rectus_femoris_right") == []


def test_in_walking_the_tibialis_works_in_swing_and_the_calf_in_stance() -> None:
    body = Person(Script((walk(22.0, stride=1.1),)))
    heel_strike = 5 * 1.1

    def phase(share: float) -> np.ndarray:
        return np.array([heel_strike + share * 1.1])

    assert body.activation(phase(0.75), "tibialis_anterior_right")[0] > 0.1
    assert body.activation(phase(0.30), "tibialis_anterior_right")[0] == 0.0
    assert body.activation(phase(0.42), "gastrocnemius_medialis_right")[0] > 0.3
    assert body.activation(phase(0.75), "gastrocnemius_medialis_right")[0] == 0.0
    left = body.activation(phase(0.92), "gastrocnemius_medialis_left")
    assert left == pytest.approx(body.activation(phase(0.42), "gastrocnemius_medialis_right"))


def test_the_amplitude_follows_the_activation() -> None:
    t = np.arange(2.0, 60.0, 1 / RATE)
    rms = {level: steady("soleus", level).emg(t, ["soleus_left"], RATE).std() for level in (0.2, 0.4, 0.8)}
    assert rms[0.4] / rms[0.2] == pytest.approx(2.0, rel=0.03)
    assert rms[0.8] / rms[0.2] == pytest.approx(4.0, rel=0.03)
    assert 0.75 * 0.8 * 400e-6 * 0.95 < rms[0.8] < 1.25 * 0.8 * 400e-6 * 1.05
    silent = steady("soleus", 0.4).emg(t, ["soleus_right"], RATE)
    assert silent.std() == pytest.approx(3e-6, rel=0.05)


@pytest.mark.parametrize(
    ("rate_hz", "low", "high"), [(1000.0, 20.0, 450.0), (2000.0, 20.0, 450.0), (200.0, 20.0, 90.0)]
)
def test_the_spectrum_lies_in_the_band_of_surface_emg_below_nyquist(rate_hz: float, low: float, high: float) -> None:
    t = np.arange(2.0, 60.0, 1 / rate_hz)
    f, power = welch(steady("soleus", 0.5).emg(t, ["soleus_left"], rate_hz)[:, 0], rate_hz, nperseg=512)
    share = power / power.sum()
    assert share[(f > 0.7 * low) & (f < high + 15.0)].sum() > 0.98
    assert share[f < 10.0].sum() < 0.01
    median = f[np.searchsorted(np.cumsum(share), 0.5)]
    assert (60.0 if rate_hz > 500 else 35.0) < median < 130.0


def test_muscles_fire_independently_and_each_has_its_own_strength(person: Person) -> None:
    t = np.arange(5.5, 21.5, 1 / RATE)
    muscles = ["vastus_lateralis_left", "vastus_lateralis_right", "vastus_medialis_left"]
    emg = person.emg(t, muscles, RATE)
    assert emg.shape == (len(t), 3)
    assert np.abs(np.corrcoef(emg.T) - np.eye(3)).max() < 0.05
    even = person.emg(t, muscles, RATE, EmgModel(mvc_spread=0.0)).std(axis=0)
    assert np.ptp(even) < 0.03 * even.mean()
    assert np.ptp(emg.std(axis=0)) > 0.06 * even.mean()
    np.testing.assert_array_equal(person.emg(t, muscles[2:], RATE)[:, 0], emg[:, 2])


def test_hum_is_a_line_at_the_mains_frequency_in_all_channels(person: Person) -> None:
    t = np.arange(0.0, 2.0, 1 / RATE)
    emg = person.emg(t, ["soleus_left", "soleus_right"], RATE, replace(QUIET, mains_v=5e-6, mains_hz=60.0))
    np.testing.assert_allclose(emg[:, 0], 5e-6 * np.sin(2 * np.pi * 60.0 * t), atol=1e-15)
    np.testing.assert_array_equal(emg[:, 0], emg[:, 1])


def test_heel_strikes_shake_the_electrodes_of_their_own_side() -> None:
    body = Person(Script((walk(22.0),)))
    t = np.arange(5.0, 16.0, 1 / RATE)
    left, right = body.emg(t, ["soleus_left", "soleus_right"], RATE, replace(QUIET, artefact_v=1e-4)).T
    assert np.sum((np.abs(right[1:]) > 5e-5) & (np.abs(right[:-1]) <= 5e-5)) == 10
    assert np.abs(right).max() == pytest.approx(1e-4, rel=0.01)
    assert np.abs(left[np.abs(right) > 5e-5]).max() < 1e-6


def test_cutting_time_in_any_way_changes_no_bit(person: Person) -> None:
    muscles = ["vastus_lateralis_left", "soleus_right"]
    model = EmgModel(mains_v=1e-6, artefact_v=1e-5)
    t = 7200.0 + np.arange(0.0, 30.0, 1 / RATE)
    whole = person.emg(t, muscles, RATE, model)
    for cut in (999, 77, 10_001):
        parts = [person.emg(t[i : i + cut], muscles, RATE, model) for i in range(0, len(t), cut)]
        np.testing.assert_array_equal(np.vstack(parts), whole)
    some = np.random.default_rng(0).permutation(len(t))[:500]
    np.testing.assert_array_equal(person.emg(t[some], muscles, RATE, model), whole[some])
    for i in (0, 1, 2047, 2048, 20_000):
        np.testing.assert_array_equal(person.emg(t[i : i + 1], muscles, RATE, model), whole[i : i + 1])
    np.testing.assert_array_equal(Person(seed=9).emg(t, muscles, RATE, model), whole)
    assert not np.allclose(Person(seed=10).emg(t, muscles, RATE, model), whole)


def test_the_blocks_of_noise_join_without_a_seam() -> None:
    body = steady("soleus", 0.5)
    t = np.arange(2.0, 60.0, 1 / RATE)
    jumps = np.abs(np.diff(body.emg(t, ["soleus_left"], RATE)[:, 0]))
    seams = np.zeros(len(jumps), dtype=bool)
    seams[np.searchsorted(t, np.arange(2, 58) * 1.024) - 1] = True
    assert jumps[seams].mean() < 1.4 * jumps.mean()


def test_an_unknown_muscle_or_a_rate_without_a_band_is_refused_in_a_sentence(person: Person) -> None:
    with pytest.raises(ValueError, match="'quads_left': choose one of vastus_lateralis"):
        person.activation(np.zeros(1), "quads_left")
    with pytest.raises(ValueError, match="choose a higher sampling rate"):
        person.emg(np.zeros(1), ["soleus_left"], 40.0)


def test_bursts_that_overlap_are_refused() -> None:
    first, second = burst("soleus", 1.0, 2.0, 0.5), burst("soleus", 1.9, 3.0, 0.5)
    with pytest.raises(ValueError, match="soleus_left overlap"):
        Person(Script((Activity("twice", 4.0, bursts=(first.on("left"), second.on("left"))),)))


def test_a_shallow_squat_asks_less_of_the_thigh_than_a_deep_one() -> None:
    peaks = []
    for depth in (50.0, 100.0):
        body = Person(Script((stand(1.0), squat(1, depth_deg=depth), stand(1.0))))
        peaks.append(body.activation(np.arange(0.0, 5.0, 0.01), "vastus_medialis_left").max())
    assert peaks[0] < 0.6 * peaks[1]
