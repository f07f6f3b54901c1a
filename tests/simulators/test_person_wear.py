"""What a person's worn devices feel, as the virtual sensors read it."""

import numpy as np
import pytest

from simulators.person import EmgModel, ImuModel, Person, worn_emg, worn_imu, worn_posture
from simulators.sensors.source import SampleSource


@pytest.fixture(scope="module")
def person() -> Person:
    return Person(seed=4)


T = np.arange(5.0, 7.0, 0.01)


def test_a_worn_sensor_reads_what_the_person_says(person: Person) -> None:
    model = ImuModel(rate_hz=100.0)
    for mine, theirs in zip(
        worn_imu(person, "thigh_left", model).imu(T), person.imu("thigh_left", T, model), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    muscles = ["vastus_lateralis_left", "biceps_femoris_left"]
    loud = EmgModel(mvc_v=1e-3)
    worn = worn_emg(person, muscles, 200.0, loud, segment="thigh_left")
    np.testing.assert_array_equal(worn.emg(T), person.emg(T, muscles, 200.0, loud))
    np.testing.assert_array_equal(worn.imu(T)[1], person.imu("thigh_left", T, ImuModel())[1])


def test_a_posture_wearable_shows_the_slouch_with_a_little_noise(person: Person) -> None:
    t = np.arange(45.0, 70.0, 0.1)
    worn = worn_posture(person)
    error = worn.angle(t) - person.posture_angle(t)
    assert error.std() == pytest.approx(0.3, rel=0.25)
    assert worn.angle(t).max() > 28.0
    np.testing.assert_array_equal(worn.angle(t)[100:], worn.angle(t[100:]))
    np.testing.assert_array_equal(worn_posture(person, noise_deg=0.0).angle(t), person.posture_angle(t))


def test_a_device_refuses_to_feel_what_it_has_no_sensor_for(person: Person) -> None:
    source: SampleSource = worn_imu(person, "head")
    with pytest.raises(ValueError, match="no electrodes"):
        source.emg(T)
    with pytest.raises(ValueError, match="no inclinometer"):
        source.angle(T)
    with pytest.raises(ValueError, match="no inertial sensor"):
        worn_emg(person, ["soleus_left"], 1000.0).imu(T)


def test_a_wrong_place_is_refused_when_it_is_put_on(person: Person) -> None:
    with pytest.raises(ValueError, match="no segment is called 'thigh'"):
        worn_imu(person, "thigh")
    with pytest.raises(ValueError, match="no muscle is called 'soleus'"):
        worn_emg(person, ["soleus"], 1000.0)
