"""Cutting samples into chunks, company of other sensors, and saving the state never change a bit."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.orientation import Adaptive, AdaptiveParams, estimate, kept
from fusion.orientation.kernels.adaptive import TRACE
from tests.fusion.orientation.sensor import Floats, Samples, follow, lane, turning

N = 400
SENSORS = 4


def damaged(seed: int) -> Samples:
    """Return a sensor of its own rate with holes, a gap, repeated samples and a magnet near it."""
    rng = np.random.default_rng(seed)
    rate_hz = (10.0, 60.0, 100.0, 900.0)[seed % 4]
    s = turning(N / rate_hz, rate_hz, seed, speed=4.0).biased(0.5, -0.3, 0.2)
    for x in (s.gyr, s.acc, s.mag):
        x[rng.random(N) < 0.1] = np.nan
    s.mag[200:300] += 30.0
    s.dt[rng.random(N) < 0.05] = 0.0
    s.dt[rng.integers(100, N, 2)] = 2.0
    return s


DATA = tuple(damaged(seed) for seed in range(SENSORS))
ALONE = tuple(follow(s) for s in DATA)


def packed(counts: Floats, position: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the next samples of all sensors side by side, with rubbish behind the shorter ones."""
    steps = int(counts.max())
    gyr, acc, mag = (np.full((3, steps, SENSORS), 1e30) for _ in range(3))
    dt = np.full((steps, SENSORS), np.nan)
    for n, s in enumerate(DATA):
        rows = slice(position[n], position[n] + counts[n])
        for whole, x in ((gyr, s.gyr), (acc, s.acc), (mag, s.mag)):
            whole[:, : counts[n], n] = x[rows].T
        dt[: counts[n], n] = s.dt[rows]
    return gyr, acc, mag, dt


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 9, 150, N]))
@settings(deadline=None, max_examples=60)
def test_any_chunking_and_any_company_gives_the_same_bits(seed: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    filter_ = Adaptive(SENSORS)
    position = np.zeros(SENSORS, dtype=np.int64)
    quats: list[list[Floats]] = [[] for _ in DATA]
    traces: list[list[Floats]] = [[] for _ in DATA]
    while (position < N).any():
        counts = np.minimum(rng.integers(0, longest + 1, SENSORS), N - position)
        chunk = packed(counts, position)
        trace = np.zeros((*chunk[3].shape, TRACE))
        out = filter_.update(*chunk, counts, trace=trace)
        for n in range(SENSORS):
            quats[n].append(out[:, : counts[n], n].T)
            traces[n].append(trace[: counts[n], n])
        position += counts
    for n, alone in enumerate(ALONE):
        np.testing.assert_array_equal(np.concatenate(quats[n]), alone.quat)
        np.testing.assert_array_equal(np.concatenate(traces[n]), alone.trace)
        assert filter_.state[n].tobytes() == alone.filter.state[0].tobytes()


@pytest.mark.parametrize("mag", [True, False])
def test_live_and_batch_are_one_computation(mag: bool) -> None:
    s = turning(3.0)
    np.testing.assert_array_equal(
        follow(s, mag=mag).quat, estimate(s.gyr, s.acc, s.mag if mag else None, 100.0, "adaptive")
    )


def test_results_go_where_they_are_wanted_and_nowhere_else() -> None:
    s = DATA[1]
    out = np.full((4, N, 1), 7.0)
    counts = np.array([N - 5])
    got = Adaptive(1).update(lane(s.gyr), lane(s.acc), lane(s.mag), s.dt[:, None].copy(), counts, out)
    assert got is out
    np.testing.assert_array_equal(out[:, :-5, 0].T, ALONE[1].quat[:-5])
    assert (out[:, -5:] == 7.0).all()


def test_what_goes_in_is_left_as_it_was() -> None:
    s = DATA[1]
    columns = [lane(x) for x in (s.gyr, s.acc, s.mag)]
    before = [x.copy() for x in columns]
    out = Adaptive(1).update(*columns, s.dt[:, None].copy())
    for x, y in zip(columns, before, strict=True):
        np.testing.assert_array_equal(x, y)
        assert not np.shares_memory(x, out)


@pytest.mark.parametrize("at", [1, 3, 217, N - 1])
@pytest.mark.parametrize("sensor", range(SENSORS))
def test_a_saved_state_continues_equal(sensor: int, at: int) -> None:
    s, alone = DATA[sensor], ALONE[sensor]
    filter_ = Adaptive(1)
    follow(s[slice(0, at)], filter_=filter_)
    saved = filter_.state.copy()
    said = json.dumps(kept.to_json(filter_.state[0]))
    np.testing.assert_array_equal(follow(s[slice(at, N)], filter_=filter_).quat, alone.quat[at:])
    filter_.state = saved
    np.testing.assert_array_equal(follow(s[slice(at, N)], filter_=filter_).quat, alone.quat[at:])
    other = Adaptive(1)
    state = kept.from_json(json.loads(said))
    assert state is not None
    other.state = state
    np.testing.assert_array_equal(follow(s[slice(at, N)], filter_=other).quat, alone.quat[at:])


def test_a_sensor_that_joins_or_begins_anew_leaves_the_others_as_they_were() -> None:
    s, alone = DATA[2], ALONE[2].quat
    filter_ = Adaptive(1)
    follow(s[slice(0, 100)], filter_=filter_)
    filter_.grow(3)
    columns = [np.repeat(lane(x[100:200]), 3, axis=2) for x in (s.gyr, s.acc, s.mag)]
    dt = np.repeat(s.dt[100:200, None], 3, axis=1)
    out = filter_.update(*columns, dt)
    np.testing.assert_array_equal(out[:, :, 0].T, alone[100:200])
    np.testing.assert_array_equal(out[:, :, 1], out[:, :, 2])
    np.testing.assert_array_equal(out[:, :, 1].T, follow(s[slice(100, 200)]).quat)
    filter_.restart(1)
    columns = [np.repeat(lane(x[200:]), 3, axis=2) for x in (s.gyr, s.acc, s.mag)]
    out = filter_.update(*columns, np.repeat(s.dt[200:, None], 3, axis=1))
    np.testing.assert_array_equal(out[:, :, 0].T, alone[200:])
    np.testing.assert_array_equal(out[:, :, 1].T, follow(s[slice(200, N)]).quat)
    assert (out[:, :, 1] != out[:, :, 2]).any()


def test_what_a_status_said_is_not_changed_later() -> None:
    filter_ = Adaptive(1)
    follow(DATA[2][slice(0, 200)], filter_=filter_)
    status = filter_.status
    before = status.bias.copy(), status.heading_sigma.copy()
    follow(DATA[2][slice(200, N)], filter_=filter_)
    np.testing.assert_array_equal(status.bias, before[0])
    np.testing.assert_array_equal(status.heading_sigma, before[1])
    assert (filter_.status.bias != before[0]).any()


def test_a_longer_interval_between_corrections_is_less_work_and_as_good() -> None:
    s = turning(60.0, 400.0).biased(0.3, 0.2, 0.1)
    usual, lazy = (follow(s, replace(AdaptiveParams(), interval=x)).quat for x in (0.0025, 0.02))
    assert (usual != lazy).any()
    assert np.abs(usual - lazy).max() < 2e-3


def test_a_state_that_is_put_back_stays_as_it_was_kept() -> None:
    filter_, s = Adaptive(1), turning(1.0)
    dt = np.full((len(s.gyr), 1), 0.01)
    columns = [lane(x) for x in (s.gyr, s.acc, s.mag)]
    filter_.update(*columns, dt)
    kept = filter_.state.copy()
    runs = []
    for _ in range(2):
        filter_.state = kept
        runs.append(filter_.update(*columns, dt))
    np.testing.assert_array_equal(*runs)
    with pytest.raises(ValueError, match="of 1 sensors"):
        filter_.state = np.concatenate([kept, kept])


def test_arrays_that_the_kernel_cannot_take_are_refused_by_name() -> None:
    zeros, dt = np.zeros((3, 5, 2)), np.full((5, 2), 0.01)
    with pytest.raises(ValueError, match="acc must be float64"):
        Adaptive(2).update(zeros, zeros.astype(np.float32), None, dt)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mag must be float64, C-contiguous"):
        Adaptive(2).update(zeros, zeros, np.zeros((3, 2, 5)).transpose(0, 2, 1), dt)
