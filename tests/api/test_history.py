"""Moments and stretches as callers name them."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.history import Stretch, finite, iso, moment, points_in
from gateway.store.interface import SeriesInfo

START = 1_763_853_064_250_000_000  # 2025-11-22T23:11:04.250Z


@pytest.mark.parametrize(
    ("text", "t"),
    [
        ("0", START),
        ("12.5", START + 12_500_000_000),
        ("-1", START - 1_000_000_000),
        ("1e-9", START + 1),
        ("2025-11-22T23:11:04.250Z", START),
        ("2025-11-23T00:11:05+01:00", START + 750_000_000),
        ("20251122T231105Z", START + 750_000_000),
        ("9999-12-31T00:00:00Z", 2**63 - 1),
        ("0001-01-01T00:00:00Z", -(2**63)),
    ],
)
def test_a_moment_is_seconds_from_the_start_or_iso_8601(text: str, t: int) -> None:
    assert moment(text, START) == t


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("soon", "neither seconds from the session's start nor ISO 8601"),
        ("", "neither"),
        ("2025-11-23T00:11:05 01:00", "write \\+ as %2B"),
        ("2025-11-22T23:11:04", "no time zone: append Z"),
        ("nan", "not a number of seconds"),
        ("inf", "not a number of seconds"),
        ("1763853064250", "not a number of seconds"),
    ],
)
def test_what_is_no_moment_is_called_by_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        moment(text, START)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert -(2**63) <= moment(text, START) < 2**63


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis
def test_an_answer_s_time_can_be_asked_for_again(when: datetime) -> None:
    milliseconds = round((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e3)
    assert moment(iso(milliseconds * 1_000_000), START) == milliseconds * 1_000_000


def test_a_stretch_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="later than from"):
        Stretch(5, 5)


def test_the_number_of_points_in_a_stretch_is_never_underestimated() -> None:
    series = SeriesInfo("a", "joints", "deg", 60.0, 601, START, START + 10_000_000_000, 0.0, 1.0)
    assert points_in(series, Stretch(None, None)) == 601
    assert points_in(series, Stretch(START, START + 1_000_000_000)) == 61
    assert points_in(series, Stretch(START + 20_000_000_000, None)) == 0


def test_what_json_cannot_say_is_null() -> None:
    assert [finite(value) for value in (1.5, float("nan"), float("inf"))] == [1.5, None, None]
