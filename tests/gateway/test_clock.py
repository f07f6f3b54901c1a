"""Device time to host time: envelope, wraps, restarts, jitter, duplicates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.chunks import Timing
from gateway.clock import LONGEST_OUTAGE_S, Clock, CountClock, FileClock, Stamped, TickClock, clock_for

START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
DOT_WRAP = 2**32 * 1000


def ticks(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def run_ticks(clock: TickClock, device: np.ndarray, arrivals: np.ndarray, wrap: int = 0) -> list[Stamped]:
    return [
        clock.stamp(Timing(60.0, ticks(int(d) % wrap if wrap else int(d)), wrap), 1, int(a))
        for d, a in zip(device, arrivals, strict=True)
    ]


def test_late_packets_do_not_move_the_samples():
    rng = np.random.default_rng(1)
    device = 7 * SECOND + np.arange(600) * 16_666_667
    delay = rng.exponential(8e6, 600).astype(np.int64)
    stamped = run_ticks(TickClock(), device, START + device + delay)
    error = np.array([s.t[0] for s in stamped]) - (START + device)
    assert np.all(error[60:] >= 0)
    assert np.percentile(error[60:], 95) < 1e6  # under a millisecond, though packets come 8 ms late on average


def test_intervals_are_the_devices_own():
    device = np.cumsum(np.full(100, 16_666_667))
    arrivals = START + device + np.tile([0, 9_000_000], 50)
    stamped = run_ticks(TickClock(), device, arrivals)
    assert np.isnan(stamped[0].dt[0])
    assert np.allclose([s.dt[0] for s in stamped[1:]], 0.016666667)


def test_the_counter_of_a_dot_wraps_without_a_trace():
    device = DOT_WRAP - 5 * 16_667_000 + np.arange(20) * 16_667_000
    stamped = run_ticks(TickClock(), device, START + np.arange(20) * 16_667_000, DOT_WRAP)
    t = np.array([s.t[0] for s in stamped])
    assert np.array_equal(np.diff(t), np.full(19, 16_667_000))
    assert sum(s.lost for s in stamped) == 0


def test_a_slow_crystal_is_followed():
    true = np.arange(60 * 300) * 16_666_667
    device = (true * (1 - 100e-6)).astype(np.int64)
    stamped = run_ticks(TickClock(), device, START + true)
    assert abs(int(stamped[-1].t[0]) - (START + int(true[-1]))) < 1_000_000


def test_a_restarted_device_gets_a_new_offset_and_says_so():
    clock = TickClock()
    run_ticks(clock, 900 * SECOND + np.arange(5) * SECOND, START + np.arange(5) * SECOND)
    after = clock.stamp(Timing(60.0, ticks(3_000_000)), 1, START + 20 * SECOND)
    assert after.t[0] == START + 20 * SECOND
    assert np.isnan(after.dt[0])


def test_duplicates_and_backward_stamps_are_dropped():
    clock = TickClock()
    clock.stamp(Timing(100.0, ticks(0, 10_000_000)), 2, START)
    again = clock.stamp(Timing(100.0, ticks(10_000_000, 5_000_000, 20_000_000)), 3, START + 10_000_000)
    assert again.keep.tolist() == [False, False, True]
    assert len(again.t) == 1
    once_more = clock.stamp(Timing(100.0, ticks(20_000_000)), 1, START + 20_000_000)
    assert not once_more.t.size


def test_lost_samples_are_counted_with_their_hole():
    clock = TickClock()
    clock.stamp(Timing(100.0, ticks(0)), 1, START)
    stamped = clock.stamp(Timing(100.0, ticks(50_000_000)), 1, START + 50_000_000)
    assert stamped.lost == 4
    assert stamped.gap == (START, START + 50_000_000)


def test_samples_without_time_are_spread_evenly_and_follow_the_arrivals():
    rng = np.random.default_rng(2)
    rate, n = 200.0, 2
    true_period = 1e9 / rate * 1.004
    clock = CountClock()
    times: list[int] = []
    for i in range(4000):
        arrival = START + round((i + 1) * n * true_period) + int(rng.uniform(0, 15e6))
        times += clock.stamp(Timing(rate), n, arrival).t.tolist()
    t = np.array(times)
    steps = np.diff(t)[2000:]
    assert abs(steps.mean() / true_period - 1) < 5e-4
    assert steps.std() < 0.2 * true_period
    lag = t[-1] - (START + 4000 * n * true_period)
    assert 0 <= lag < 15e6


def test_a_pause_of_the_radio_becomes_lost_samples():
    clock = CountClock()
    for i in range(100):
        clock.stamp(Timing(50.0), 1, START + i * 20_000_000)
    late = clock.stamp(Timing(50.0), 1, START + 99 * 20_000_000 + SECOND)
    assert late.lost == pytest.approx(49, abs=1)
    assert late.gap is not None


def test_a_replay_shifts_a_files_clock_exactly():
    timing = Timing(100.0, ticks(*(START + np.arange(5) * 10_000_000)))
    plain, moved = FileClock(), FileClock(shift=3 * SECOND)
    there = moved.stamp(timing, 5, START + 4 * SECOND).t
    assert np.array_equal(plain.stamp(timing, 5, START + SECOND).t + 3 * SECOND, there)


@pytest.mark.parametrize("size", [1, 3])
def test_a_device_that_restarted_its_counter_leaves_a_hole_with_lost_samples(size):
    clock, steps = TickClock(), 10_000_000 * np.arange(size)
    clock.stamp(Timing(100.0, 900 * SECOND + steps), size, START)
    after = clock.stamp(Timing(100.0, 3_000_000 + steps), size, START + 20 * SECOND)
    assert np.isnan(after.dt[0])
    assert after.gap == (START, int(after.t[0])) == (START, START + 20 * SECOND - int(steps[-1]))
    assert after.lost == 2000 - size


def test_a_long_outage_of_a_device_without_time_leaves_a_hole_with_lost_samples():
    clock = CountClock()
    for i in range(100):
        before = clock.stamp(Timing(50.0), 1, START + i * 20_000_000)
    after = clock.stamp(Timing(50.0), 2, START + 99 * 20_000_000 + 60 * SECOND)
    assert np.isnan(after.dt[0])
    assert after.gap == (int(before.t[-1]), int(after.t[0]))
    assert after.lost == 50 * 60 - 2


@pytest.mark.parametrize("ticked", [False, True])
def test_the_first_sample_and_a_quick_restart_leave_no_hole(ticked):
    clock: Clock = TickClock() if ticked else CountClock()
    first = clock.stamp(Timing(50.0, ticks(900 * SECOND) if ticked else None), 1, START)
    again = clock.stamp(Timing(60.0, ticks(0) if ticked else None), 1, START + 20_000_000)
    assert (first.lost, first.gap, again.lost, again.gap) == (0, None, 0, None)
    assert np.isnan(again.dt[0])


@pytest.mark.parametrize("kind", ["ticks", "count", "file"])
def test_a_clock_that_jumps_by_years_loses_no_more_than_a_day(kind):
    clock: Clock = {"ticks": TickClock, "count": CountClock, "file": FileClock}[kind]()
    for now in (START, START + 10 * 365 * 86_400 * SECOND):
        stamped = clock.stamp(Timing(100.0, None if kind == "count" else ticks(now)), 1, now)
    assert stamped.lost == LONGEST_OUTAGE_S * 100 - 1
    assert stamped.gap == (START, now)


def test_another_rate_is_a_restart_and_no_loss():
    clock = CountClock()
    for i in range(50):
        clock.stamp(Timing(1000.0), 20, START + i * 20_000_000)
    slower = [clock.stamp(Timing(10.0), 20, START + 49 * 20_000_000 + (i + 1) * 2 * SECOND) for i in range(3)]
    assert [s.lost for s in slower] == [0, 0, 0]
    assert np.isnan(slower[0].dt[0])


def test_a_change_between_ticks_and_none_goes_on_with_a_clock_that_fits():
    last, clock, kinds = 0, None, []
    for i, ticked in enumerate([True, False, False, True, True]):
        timing = Timing(100.0, ticks(7 * SECOND + i * 10_000_000) if ticked else None)
        clock = clock_for(timing, None, clock)
        stamped = clock.stamp(timing, 1, START + i * 10_000_000)
        kinds.append(bool(np.isnan(stamped.dt[0])))
        assert stamped.t[0] > last
        assert stamped.lost == 0
        last = int(stamped.t[0])
    assert kinds == [True, True, False, True, False]


def test_a_file_whose_time_lies_after_its_arrival_is_not_believed():
    clock = FileClock()
    stamped = clock.stamp(Timing(100.0, ticks(START, START + 3600 * SECOND)), 2, START)
    assert stamped.t.tolist() == [START]


@given(
    st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40),
    st.lists(st.integers(0, 2**35), min_size=40, max_size=40),
    st.sampled_from([0, DOT_WRAP]),
)
def test_time_only_ever_goes_forward_whatever_the_device_says(raw, waits, wrap):
    clock, last, now = TickClock(), 0, START
    for value, wait in zip(raw, waits, strict=False):
        now += wait
        stamped = clock.stamp(Timing(60.0, ticks(value % wrap if wrap else value), wrap), 1, now)
        assert len(stamped.t) == (1 if stamped.keep is None else stamped.keep.sum())
        for t in stamped.t:
            assert t > last
            last = int(t)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 2**36)), max_size=40))
def test_counted_time_only_ever_goes_forward(chunks):
    clock, last, now = CountClock(), 0, START
    for count, lost, wait in chunks:
        now += wait
        for t in clock.stamp(Timing(200.0, lost=lost), count, now).t:
            assert t > last
            last = int(t)


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=60), st.integers(0, 10**6))
def test_a_shift_by_whole_seconds_changes_nothing_but_the_seconds(waits, seconds):
    here, there, now, tick = TickClock(), TickClock(), START, 0
    for wait in waits:
        now, tick = now + wait, tick + 10_000_000
        timing = Timing(100.0, ticks(tick))
        a, b = here.stamp(timing, 1, now), there.stamp(timing, 1, now + seconds * SECOND)
        assert np.array_equal(a.t + seconds * SECOND, b.t)
        assert np.array_equal(a.dt, b.dt, equal_nan=True)


@given(
    st.lists(st.tuples(st.integers(-(10**8), 10**10), st.integers(0, 10**10)), min_size=1, max_size=50),
    st.sampled_from([0, 2**32 * 1000]),
)
def test_one_sample_at_a_time_and_arrays_of_one_are_stamped_alike(steps, wrap):
    """A chunk of one sample takes a shorter way; a chunk of it twice takes the long one, and drops the repetition."""
    short, long, now, tick = TickClock(), TickClock(), START, 2**31
    for forward, wait in steps:
        now, tick = now + wait, max(tick + forward, 0)
        raw = tick % wrap if wrap else tick
        a = short.stamp(Timing(60.0, ticks(raw), wrap), 1, now)
        b = long.stamp(Timing(60.0, ticks(raw, raw), wrap), 2, now)
        assert a.t.tolist() == b.t.tolist()
        assert np.array_equal(a.dt, b.dt, equal_nan=True)
        assert (a.lost, a.gap) == (b.lost, b.gap)


@given(
    st.lists(
        st.lists(st.integers(-2, 40), min_size=2, max_size=9),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.integers(0, 30), min_size=12, max_size=12),
)
def test_chunks_that_go_forward_are_stamped_as_all_others(steps: list[list[int]], late: list[int]) -> None:
    quick, thorough, before, moment = TickClock(), TickClock(), 0, 0
    for chunk, delay in zip(steps, late, strict=False):
        device = before + np.cumsum(np.array(chunk, np.int64)) * 1_000_000
        before = moment = max(before, int(device.max()))
        arrival = START + moment + delay * 1_000_000
        one = quick.stamp(Timing(100.0, device), device.size, arrival)
        other = thorough.stamp(Timing(100.0, device, wrap_ns=2**62), device.size, arrival)
        assert one.t.tobytes() == other.t.tobytes()
        assert one.dt.tobytes() == other.dt.tobytes()
        assert (one.lost, one.gap) == (other.lost, other.gap)
        assert one.keep is None or one.keep.tolist() == other.keep.tolist()
