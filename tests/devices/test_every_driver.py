"""What holds for every driver: it permits what it says itself, and nothing that it is fed can harm it."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.profile import Buzz, Driver, Procedure, Read, StreamOptions, Unsupported, Write, sig_uuid
from devices.registry import DRIVERS

OPTIONS = [StreamOptions(), StreamOptions(rate_hz=25.0), StreamOptions(rate_hz=1e9)]
DOCUMENTS = Path(__file__).parents[2] / "docs" / "devices"
SETTINGS = bytes.fromhex("01 96 00 02 23 02 64 00 12 16 01 13 06 2C 01")

every_driver = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.model)
packets = st.one_of(
    st.binary(max_size=70),
    *[st.binary(min_size=size, max_size=size) for size in (1, 2, 3, 6, 16, 17, 20, 36, 40, 63)],
)
"""Any bytes, and often ones of the right length."""
buzzes = st.builds(Buzz, duration_s=st.floats(-1, 1000), strength=st.floats(-1, 2))


def uuids(driver: Driver) -> list[str]:
    return [characteristic.uuid for service in driver.services for characteristic in service.characteristics]


def properties(driver: Driver, characteristic: str) -> set[str]:
    return {
        name
        for service in driver.services
        for known in service.characteristics
        if known.uuid == characteristic
        for name in known.properties
    }


def check(driver: Driver, procedure: Procedure, answer: Callable[[str], bytes]) -> None:
    """Perform a procedure, with any answers, and hold each step against the GATT table and `permits`."""
    reply: bytes | None = None
    try:
        while True:
            step = procedure.send(reply)
            reply = None
            if isinstance(step, Write):
                assert driver.permits(step), step
                assert "write" in properties(driver, step.characteristic)
            elif isinstance(step, Read):
                assert "read" in properties(driver, step.characteristic)
                reply = answer(step.characteristic)
            else:
                assert 0 < step.seconds <= 5
    except StopIteration:
        return


def procedures(driver: Driver, options: StreamOptions, buzz: Buzz) -> list[Procedure]:
    all_can = [driver.start(options), driver.stop(options)]
    haptic = [driver.buzz(buzz)] if "haptic" in driver.capabilities else []
    identify = [driver.identify()] if "identify" in driver.capabilities else []
    return all_can + haptic + identify


@every_driver
@given(buzz=buzzes)
def test_every_step_is_permitted_and_in_the_gatt_table(driver: Driver, buzz: Buzz) -> None:
    for options in OPTIONS:
        for procedure in procedures(driver, options, buzz):
            check(driver, procedure, lambda characteristic: SETTINGS if characteristic == sig_uuid("bab2") else b"\0\0")


@every_driver
@given(buzz=buzzes, answers=st.lists(st.binary(max_size=30), min_size=20, max_size=20))
def test_whatever_is_read_nothing_forbidden_is_written(driver: Driver, buzz: Buzz, answers: list[bytes]) -> None:
    for procedure in procedures(driver, StreamOptions(rate_hz=50.0), buzz):
        replies = iter(answers)
        with suppress(Unsupported):  # what an Upright GO 2 says of settings that its driver does not know
            check(driver, procedure, lambda characteristic, replies=replies: next(replies))


@every_driver
def test_subscriptions_are_in_the_gatt_table(driver: Driver) -> None:
    for characteristic in driver.subscriptions(StreamOptions()):
        assert properties(driver, characteristic) & {"notify", "indicate"}


@every_driver
@given(characteristic=st.integers(0, 20), data=packets)
def test_any_bytes_on_any_characteristic_are_taken_or_counted(driver: Driver, characteristic: int, data: bytes) -> None:
    known = [*uuids(driver), "unknown"]
    parser = driver.parser(StreamOptions())
    chunks = parser.feed(known[characteristic % len(known)], data)
    assert isinstance(chunks, list)
    assert parser.skipped in (0, 1)
    assert not (chunks and parser.skipped)


@every_driver
def test_a_parser_needs_no_more_memory_however_long_it_runs(driver: Driver) -> None:
    rng = np.random.default_rng(2)
    known = uuids(driver)
    packets = [
        (known[rng.integers(len(known))], rng.bytes(int(rng.choice((1, 2, 6, 16, 20, 40))))) for _ in range(3000)
    ]
    parser = driver.parser(StreamOptions())
    for packet in packets:
        parser.feed(*packet)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(3):
        for packet in packets:
            parser.feed(*packet)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 4000


@every_driver
@given(data=st.binary(max_size=20))
def test_characteristics_outside_the_gatt_table_are_never_written(driver: Driver, data: bytes) -> None:
    for short in ("2a00", "bad4", "baa2", "bae3", "ffe1"):
        assert not driver.permits(Write(sig_uuid(short), data))


@every_driver
@given(data=st.binary(max_size=40))
def test_characteristics_without_the_write_property_are_never_written(driver: Driver, data: bytes) -> None:
    for characteristic in uuids(driver):
        if "write" not in properties(driver, characteristic):
            assert not driver.permits(Write(characteristic, data))


@every_driver
def test_what_a_driver_cannot_do_it_says(driver: Driver) -> None:
    for capability, procedure in (("haptic", lambda: driver.buzz(Buzz())), ("identify", driver.identify)):
        if capability not in driver.capabilities:
            with pytest.raises(Unsupported, match=driver.title):
                procedure()


@every_driver
def test_every_driver_has_a_document_that_names_its_characteristics(driver: Driver) -> None:
    name = {"upright_go2": "upright-go-2"}.get(driver.model, driver.model.replace("_", "-"))
    text = (DOCUMENTS / f"{name}.md").read_text(encoding="utf-8").lower()
    assert "tried on hardware: no" in text
    for characteristic in driver.subscriptions(StreamOptions()):
        assert characteristic[4:8] in text
