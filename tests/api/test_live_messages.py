"""Payloads and topics of the bus, among them those that nobody should send."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.live import messages, topics
from api.live.topics import Address
from fusion.estimates import Batch
from gateway.bus.messages import batch_message

GOOD = {"t0": 5, "dt": 0.1, "names": ["a", "b"], "units": ["deg", "V"], "values": [[1, None], [2.5, 3]]}
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.sampled_from([*GOOD, "x"]), children),
    max_leaves=20,
)


def test_what_the_gateway_publishes_is_read_as_it_was_meant() -> None:
    t = np.array([10**18, 10**18 + 20_000_000])
    batch = Batch("joints", t, 20_000_000, ("a", "b"), ("deg", "V"), np.array([[1.5, np.nan], [2.0, 3.0]]))
    sent = batch_message("local", "live", batch)
    rows = messages.rows(sent.payload)
    assert (rows.t0, rows.dt, rows.names, rows.units) == (10**18, 0.02, ("a", "b"), ("deg", "V"))
    np.testing.assert_array_equal(rows.values, batch.values.astype(np.float32))
    assert topics.parse(sent.topic) == Address("local", "live", "joints")


@given(json, st.sampled_from(list(GOOD)))
def test_a_batch_with_one_wrong_part_is_refused_by_name_or_read_in_its_shape(part: object, key: str) -> None:
    try:
        rows = messages.rows(orjson.dumps(GOOD | {key: part}))
    except ValueError:
        return
    assert rows.values.shape[1] == len(rows.names) == len(rows.units)
    assert rows.values.dtype == np.float32


@given(st.binary(max_size=50) | json.map(orjson.dumps))
def test_arbitrary_bytes_raise_nothing_but_value_error(payload: bytes) -> None:
    for read in (messages.mapping, messages.rows):
        try:
            read(payload)
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"values": [[1, 2], [3]]}, "inhomogeneous"),
        ({"values": [[1, 2, 3]]}, "2 names but rows of 3"),
        ({"values": [["x", 1]]}, "could not convert"),
        ({"values": [[{}, 1]]}, "numbers or null"),
        ({"names": ["a", "a"]}, "each once"),
        ({"names": [1, 2]}, "must be texts"),
        ({"units": ["deg"]}, "1 units"),
        ({"t0": 1.5}, "t0 must be an integer"),
        ({"dt": None}, "dt a number"),
    ],
)
def test_the_complaint_names_what_is_wrong(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        messages.rows(orjson.dumps(GOOD | change))


def test_an_empty_batch_and_numbers_beyond_float32_are_read() -> None:
    assert messages.rows(orjson.dumps(GOOD | {"values": []})).values.shape == (0, 2)
    assert messages.rows(orjson.dumps(GOOD | {"values": [[1e300, 0]]})).values[0, 0] == np.inf


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        ("kinestream/v1/local/status", Address("local", None, "status")),
        ("kinestream/v1/local/reply", Address("local", None, "reply")),
        ("kinestream/v1/local/20261122-2311-k3f9/emg", Address("local", "20261122-2311-k3f9", "emg")),
        ("kinestream/v1/local/live/events", Address("local", "live", "events")),
        ("kinestream/v1/local/command", None),
        ("kinestream/v1/local/live/command", None),
        ("kinestream/v2/local/status", None),
        ("kinestream/v1//status", None),
        (f"kinestream/v1/{'x' * 65}/status", None),
        ("kinestream/v1", None),
    ],
)
def test_topics_are_told_from_those_of_others(topic: str, address: Address | None) -> None:
    assert topics.parse(topic) == address
