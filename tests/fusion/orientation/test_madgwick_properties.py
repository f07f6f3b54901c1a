"""The Madgwick filter under any samples: unit quaternions, the same bits for any chunks, states that continue."""

from typing import NamedTuple

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fusion.orientation import Madgwick, MadgwickParams

Floats = np.ndarray
NO_ROTATION = np.array([1.0, 0.0, 0.0, 0.0])
EASTWARD = np.tile([[[1.0]], [[0.0]], [[0.0]]], (1, 4, 1))
BAD = [np.nan, np.inf, -np.inf, 0.0, 1e30, -1e30, 1e-30, 1e-160, 1e200, 1e308]
BAD_STEPS = [0.0, -0.01, np.nan, np.inf, 5.0, 1e-300]


class Data(NamedTuple):
    """Samples of N sensors, shapes (3, K, N) and (K, N)."""

    gyr: Floats
    acc: Floats
    mag: Floats | None
    dt: Floats


@st.composite
def recordings(draw: st.DrawFn) -> Data:
    """Return plausible samples, some of them replaced; at times a sensor lies still, falls or hangs upside down."""
    lanes, steps = draw(st.integers(1, 19)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.normal(size=(3, 3, steps, lanes)) * 10.0 ** draw(st.floats(-3.0, 2.0))
    still = rng.random(lanes) < draw(st.sampled_from([0.0, 0.5]))
    x[0][:, :, still] = 0.0
    x[1][:, :, still] = np.array([0.0, 0.0, 9.81])[:, None, None] * rng.choice([-1.0, 0.0, 1.0], still.sum())
    x[1][:, :, ~still] += np.array([0.0, 0.0, 9.81])[:, None, None]
    if draw(st.booleans()):  # a field along the vertical
        x[2] = x[1] * 0.3
    dt = np.full((steps, lanes), 1.0 / draw(st.floats(10.0, 1000.0)))
    for array, bad in ((x, BAD), (dt, BAD_STEPS)):
        mask = rng.random(array.shape) < draw(st.sampled_from([0.0, 0.01, 0.2]))
        array[mask] = rng.choice(bad, mask.sum())
    gyr, acc, mag = x.copy()
    return Data(gyr, acc, mag if draw(st.booleans()) else None, dt)


params = st.builds(
    MadgwickParams,
    beta=st.none() | st.floats(0.0, 5.0),
    start_beta=st.floats(0.0, 5.0),
    settle=st.floats(0.0, 2.0),
    max_step=st.sampled_from([0.25, 0.05, 1e3]),
)


def filter_of(data: Data, chosen: MadgwickParams) -> Madgwick:
    return Madgwick(data.dt.shape[1], chosen, magnetometer=data.mag is not None)


def take(filter_: Madgwick, data: Data, steps: slice, count: Floats | None = None) -> Floats:
    gyr, acc, mag = (None if x is None else np.ascontiguousarray(x[:, steps]) for x in data[:3])
    assert gyr is not None
    assert acc is not None
    return filter_.update(gyr, acc, mag, np.ascontiguousarray(data.dt[steps]), count)


def one_by_one(data: Data, chosen: MadgwickParams) -> Floats:
    """Return what every sensor gives alone and in one chunk."""
    out = np.empty((4, *data.dt.shape))
    for n in range(data.dt.shape[1]):
        one = Data(*(None if x is None else np.ascontiguousarray(x[..., n : n + 1]) for x in data))  # type: ignore[arg-type]  # only mag may be None
        out[:, :, n : n + 1] = take(filter_of(one, chosen), one, slice(None))
    return out


@settings(deadline=None)
@given(recordings(), params)
@example(Data(np.zeros((3, 4, 1)), np.full((3, 4, 1), 1e-160), EASTWARD, np.full((4, 1), 0.01)), MadgwickParams())
def test_what_leaves_is_a_rotation(data: Data, chosen: MadgwickParams) -> None:
    filter_ = filter_of(data, chosen)
    for out in (take(filter_, data, slice(None)), take(filter_, data, slice(None))):  # the second finds them started
        assert np.isfinite(out).all()
        assert np.abs(np.linalg.norm(out, axis=0) - 1.0).max() < 1e-6
    assert np.isfinite(filter_.state.age).all()


@settings(deadline=None)
@given(recordings(), params, st.lists(st.integers(1, 9), min_size=1))
def test_any_cutting_gives_the_same_bits(data: Data, chosen: MadgwickParams, sizes: list[int]) -> None:
    filter_, at, parts = filter_of(data, chosen), 0, []
    while at < len(data.dt):
        size = sizes[len(parts) % len(sizes)]
        parts.append(take(filter_, data, slice(at, at + size)))
        at += size
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), one_by_one(data, chosen))


@settings(deadline=None)
@given(recordings(), params, st.integers(0, 2**32))
def test_ragged_chunks_give_the_same_bits(data: Data, chosen: MadgwickParams, seed: int) -> None:
    steps, lanes = data.dt.shape
    rng, filter_, at = np.random.default_rng(seed), filter_of(data, chosen), np.zeros(lanes, dtype=np.int64)
    got = np.full((4, steps, lanes), np.nan)
    while (at < steps).any():
        count = np.minimum(rng.integers(0, 8, lanes), steps - at)
        rows = np.minimum(at + np.arange(8)[:, None], steps - 1)  # behind the count stands something else
        part = Data(
            *(None if x is None else np.take_along_axis(x, rows[None] if x.ndim == 3 else rows, -2) for x in data)
        )  # type: ignore[arg-type]  # only mag may be None
        out = take(filter_, part, slice(None), count)
        for n in range(lanes):
            got[:, at[n] : at[n] + count[n], n] = out[:, : count[n], n]
            assert (out[:, count[n] :, n] == NO_ROTATION[:, None]).all()
        at += count
    np.testing.assert_array_equal(got, one_by_one(data, chosen))


@settings(deadline=None)
@given(recordings(), params, st.integers(0, 30))
def test_a_copied_state_continues_equal(data: Data, chosen: MadgwickParams, cut: int) -> None:
    filter_ = filter_of(data, chosen)
    take(filter_, data, slice(cut))
    saved = filter_.state.copy()
    once = take(filter_, data, slice(cut, None))
    filter_.state = saved
    np.testing.assert_array_equal(take(filter_, data, slice(cut, None)), once)
    other = filter_of(data, chosen)
    other.state = saved
    np.testing.assert_array_equal(take(other, data, slice(cut, None)), once)
