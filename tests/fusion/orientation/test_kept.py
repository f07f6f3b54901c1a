"""A kept state of the adaptive filter: exact where it is whole, refused where it is not, harmless in any case."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.orientation import Adaptive, kept
from fusion.orientation.kernels.adaptive import STATE

Floats = np.ndarray
K = 300


def samples(seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    gyr = rng.normal(size=(3, K, 1))
    acc = rng.normal(size=(3, K, 1)) + np.array([0.0, 0.0, 9.81])[:, None, None]
    mag = 0.1 * rng.normal(size=(3, K, 1)) + np.array([0.0, 0.4, -0.8])[:, None, None]
    return gyr, acc, mag, np.full((K, 1), 0.0123)


def used() -> Adaptive:
    filter_ = Adaptive(1)
    filter_.update(*samples(0))
    return filter_


WHOLE = json.loads(json.dumps(kept.to_json(used().state[0])))


def test_what_is_kept_goes_on_bit_by_bit() -> None:
    filter_, other = used(), Adaptive(1)
    state = kept.from_json(WHOLE)
    assert state is not None
    assert state.tobytes() == filter_.state.tobytes()
    other.state[:] = state
    np.testing.assert_array_equal(other.update(*samples(1)), filter_.update(*samples(1)))


@pytest.mark.parametrize("name", STATE.names)
def test_a_state_without_one_of_its_fields_is_refused(name: str) -> None:
    assert kept.from_json({key: value for key, value in WHOLE.items() if key != name}) is None
    assert kept.from_json({**WHOLE, name: "x"}) is None
    assert kept.from_json({**WHOLE, name: [1.0] * 13}) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quat", [1.0, 1.0, 0.0, 0.0]),
        ("tilt", [0.0, 0.0, 0.0, 0.0]),
        ("heading_var", -1e-3),
        ("drift_var", 100.0),
        ("heading_drift_cov", 1.0),
        ("bias_cov", [1e-4, 2e-4, 0.0, 1e-4, 0.0, 1e-4]),
        ("time", -1.0),
        ("acc_time", 1e-300),
    ],
)
def test_a_state_that_no_filter_can_have_is_refused(name: str, value: object) -> None:
    assert kept.from_json({**WHOLE, name: value}) is None


@given(st.data())
def test_whatever_is_taken_back_the_filter_gives_unit_quaternions(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(STATE.names), min_size=1, max_size=4, unique=True))
    values = st.floats(-1e12, 1e12) | st.floats(-10.0, 10.0) | st.just(0.0)
    change = {
        n: data.draw(st.lists(values, min_size=STATE[n].shape[0], max_size=STATE[n].shape[0]))
        if STATE[n].shape
        else data.draw(values)
        for n in names
    }
    state = kept.from_json({**WHOLE, **change})
    if state is None:
        return
    filter_ = Adaptive(1)
    filter_.state[:] = state
    for seed in (1, 2):
        out = filter_.update(*samples(seed))
        np.testing.assert_allclose((out * out).sum(axis=0), 1.0, atol=1e-6)
