"""The habits of the virtual sensors by themselves: numbering of samples, batteries, refusals, orientation."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import movella_dot, myo, open_profile
from devices.movella_dot.driver import set_rate
from devices.open_profile import OpenStream
from devices.open_profile.driver import START
from simulators.radio.peripheral import Refused
from simulators.recorded import BACKLOG, READ_AHEAD_S, Reading, Share
from simulators.sensors.attitude import Attitude, from_directions
from simulators.sensors.habits import Battery, steps, true_rate
from simulators.sensors.movella_dot import MovellaDotHabits
from simulators.sensors.myo import MyoHabits
from simulators.sensors.open_profile import OpenHabits
from simulators.sensors.played import PlayedHabits, Together
from simulators.sensors.upright_go2 import UprightGo2Habits

ADDRESS = "D4:22:CD:00:00:01"
WHOLE = OpenStream(1, "imu", ("acc", "gyr", "mag", "quat"), 100.0)
EMG = OpenStream(2, "emg", ("emg",), 1000.0, "i16", (1e-7,), channels=8)


def running_dot(source):
    habits = MovellaDotHabits(source, ADDRESS)
    habits.write(movella_dot.driver.MEASUREMENT_CONTROL, b"\1\1\x1a", 0.3)
    return habits


def running_myo(source):
    habits = MyoHabits(source)
    habits.write(myo.COMMAND, myo.NEVER_SLEEP.data, 0.1)
    habits.write(myo.COMMAND, bytes((1, 3, 2, 3, 0)), 0.3)
    return habits


def running_upright(source):
    return UprightGo2Habits(source)


def running_box(source):
    habits = OpenHabits(source, [WHOLE, EMG])
    habits.write(open_profile.CONTROL, START.data, 0.3)
    return habits


MODELS = [running_dot, running_myo, running_upright, running_box]


@given(
    st.floats(0, 100),
    st.floats(0.5, 2000),
    st.lists(st.floats(0, 3), min_size=1, max_size=20).map(lambda spans: np.cumsum([0.0, *spans]).tolist()),
)
def test_consecutive_spans_give_consecutive_numbers(epoch, rate_hz, edges):
    numbers = np.concatenate([steps(epoch, rate_hz, *span) for span in pairwise(edges)])
    assert np.array_equal(numbers, steps(epoch, rate_hz, edges[0], edges[-1]))
    assert np.array_equal(np.diff(numbers), np.ones(max(len(numbers) - 1, 0)))


def test_numbers_start_with_the_epoch():
    assert steps(1.0, 10.0, 0.0, 1.35).tolist() == [0, 1, 2, 3]
    assert steps(1.0, 10.0, 0.0, 1.0).tolist() == []


def test_a_clock_that_runs_too_fast_takes_more_samples():
    assert true_rate(60.0, 100.0) == pytest.approx(60.006)


@pytest.mark.parametrize("model", MODELS)
def test_any_cut_into_blocks_gives_the_same_packets(swing, model):
    whole = model(swing).produce(0.3, 8.0)
    habits = model(swing)
    edges = [0.3, 0.301, 0.9, 1.0, 1.0333333333, 2.7, 2.7000001, 5.5, 8.0]
    pieces = [due for span in pairwise(edges) for due in habits.produce(*span)]
    assert len(whole) > 100
    assert pieces == whole


@pytest.mark.parametrize("model", MODELS)
def test_a_block_made_anew_from_its_middle_changes_nothing(swing, model):
    whole = model(swing).produce(0.3, 4.0)
    habits = model(swing)
    habits.produce(0.3, 2.0)
    before, after = [due for due in whole if due.at < 1.234], habits.produce(1.234, 4.0)
    assert [due for due in before + after if len(due.data) != 1] == [due for due in whole if len(due.data) != 1]


@pytest.mark.parametrize("model", MODELS)
def test_packets_fall_due_within_their_block_and_in_order(swing, model):
    times = [due.at for due in model(swing).produce(1.0, 3.0)]
    assert times == sorted(times)
    assert times[0] >= 1.0 - 1e-6
    assert times[-1] < 3.0


def test_a_battery_drains_evenly_to_nothing():
    battery = Battery(percent=60.0, hours=10.0)
    assert [battery.at(hour * 3600.0) for hour in (0, 1, 5.95, 6.1, 20)] == [60, 50, 0, 0, 0]
    changes = battery.changes(0.0, 3600.0 * 20)
    assert [percent for _, percent in changes] == list(range(59, -1, -1))
    assert all(battery.at(at + 0.01) == percent for at, percent in changes)


def test_a_dot_refuses_a_rate_it_does_not_know_and_modes_that_nobody_published(swing):
    habits = MovellaDotHabits(swing, ADDRESS)
    with pytest.raises(Refused, match="120 Hz"):
        habits.write(movella_dot.driver.DEVICE_CONTROL, set_rate(120).data, 0.0)
    with pytest.raises(Refused, match="mode 17"):
        habits.write(movella_dot.driver.MEASUREMENT_CONTROL, b"\1\1\x11", 0.0)


def test_a_dot_tells_its_state(swing):
    habits = running_dot(swing)
    assert habits.read(movella_dot.driver.MEASUREMENT_CONTROL, 1.0) == b"\1\1\x1a"
    assert habits.read(movella_dot.driver.DEVICE_CONTROL, 1.0)[24:26] == b"\x3c\x00"


def test_a_dot_that_is_switched_off_is_silent(swing):
    habits = running_dot(swing)
    assert habits.write(movella_dot.driver.DEVICE_CONTROL, bytes((2, 0, 1)).ljust(32, b"\0"), 1.0)
    assert not habits.awake
    assert habits.produce(1.0, 3.0) == []


def test_a_myo_put_into_deep_sleep_forgets_its_settings(swing):
    habits = running_myo(swing)
    habits.write(myo.COMMAND, b"\4\0", 1.0)
    assert (habits.awake, habits.never_sleeps, habits.mode) == (False, False, (0, 0))


def test_a_myo_that_is_switched_on_late_is_awake(swing):
    habits = MyoHabits(swing)
    habits.produce(500.0, 500.5)
    assert habits.awake


def test_a_myo_refuses_a_command_of_the_wrong_length(swing):
    with pytest.raises(Refused):
        MyoHabits(swing).write(myo.COMMAND, b"\1\3\2\3", 0.0)


def played(together: Together, answers: dict[str, bytes] | None = None) -> PlayedHabits:
    reading = Reading((("r", (0.1 * n, "c", bytes([n]))) for n in range(40)), {"r": None})
    return PlayedHabits(open_profile.DRIVER, "r", answers or {}, Share(reading, "r"), together)


def test_a_recording_plays_from_when_all_its_sensors_are_there_and_on_while_nobody_listens():
    together = Together(2, settle_s=1.0)
    one, other = played(together), played(together)
    one.linked(True, 0.2)
    assert one.produce(0.0, 0.5) == []
    one.linked(False, 0.3)
    one.linked(True, 0.4)
    assert together.since is None
    other.linked(True, 0.5)
    assert together.since == 1.5
    assert [due.data[0] for due in one.produce(0.5, 2.45)] == list(range(10))
    assert [due.data[0] for due in one.produce(3.45, 10.0)] == list(range(20, 40))
    assert one.ended
    assert not other.ended


def test_a_recording_answers_reads_as_the_device_did_and_refuses_what_it_does_not_know():
    habits = played(Together(1), {"known": b"yes"})
    assert habits.read("known", 0.0) == b"yes"
    with pytest.raises(Refused):
        habits.read("unknown", 0.0)


def test_a_session_is_read_once_for_all_and_only_as_far_as_it_plays():
    taken_up_to = 0.0

    def packets():
        nonlocal taken_up_to
        for n in range(10_000):
            taken_up_to = 0.01 * n
            yield ("often" if n > 10 else "early"), (0.01 * n, "c", n.to_bytes(2))

    reading = Reading(packets(), {"early": None, "often": None})
    early, often = Share(reading, "early"), Share(reading, "often")
    heard = []
    for second in range(1, 101):
        assert len(early.take(second)) == (11 if second == 1 else 0)  # silent ever after, and waited for by nobody
        assert taken_up_to < second + READ_AHEAD_S + 0.1
        assert len(reading.waiting["often"]) < 200
        heard += often.take(second)
    assert [int.from_bytes(data) for _, _, data in heard] == list(range(11, 10_000))
    assert early.ended
    assert often.ended


def test_a_sensor_that_lags_hopelessly_loses_the_oldest():
    reading = Reading((("ab"[n % 2], (float(n), "c", b"")) for n in range(3 * BACKLOG)), {"a": None, "b": None})
    other = Share(reading, "b")
    Share(reading, "a").take(float("inf"))
    kept = other.take(float("inf"))
    assert len(kept) == BACKLOG
    assert kept[-1][0] == 3 * BACKLOG - 1


def test_the_orientation_of_a_still_sensor_is_that_of_gravity_and_field():
    quat = from_directions(np.array([0.0, 0.0, 9.81]), np.array([20.0, 0.0, -40.0]))
    # field along x: x points north, so the sensor is turned by 90 degrees about the vertical
    assert np.abs(quat @ np.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])) == pytest.approx(1.0)


def test_a_gap_in_the_numbers_starts_the_orientation_anew(swing):
    attitude = Attitude()
    t = np.arange(50) / 50
    attitude.follow(np.arange(50.0), *swing.imu(t), 1 / 50)
    later = t + 10.2
    quat = attitude.follow(np.arange(510.0, 560.0), *swing.imu(later), 1 / 50)
    assert np.abs((quat[0] * swing.quat(later[:1])[0]).sum()) == pytest.approx(1.0, abs=1e-9)
