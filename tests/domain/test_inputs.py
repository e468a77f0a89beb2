"""Validation of single inputs: what is let through comes out exact, the rest is refused by name."""

from __future__ import annotations

from collections import UserDict, deque
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler import ConflictResolution, InvalidInput, JobStatus
from pg_scheduler.domain.conflict import checked_conflict
from pg_scheduler.domain.inputs import (
    MAX_INT4,
    MAX_TIMEOUT,
    checked_arguments,
    checked_count,
    checked_duration,
    checked_grace,
    checked_items,
    checked_positive,
    checked_seconds,
    checked_status,
    checked_task_data,
    checked_time,
    is_finite_number,
)

zones = st.timezones() | st.builds(
    timezone, st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59))
)


@given(st.datetimes(timezones=zones))
def test_a_time_in_any_zone_becomes_the_same_instant_in_utc(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        with pytest.raises(InvalidInput, match=r"execution_time: .* outside the years 1 to 9999 in UTC"):
            checked_time("execution_time", moment)
        return
    checked = checked_time("execution_time", moment)
    assert checked == expected
    assert checked.tzinfo is UTC


@given(st.datetimes())
def test_a_naive_time_is_never_taken_for_an_instant(moment: datetime) -> None:
    with pytest.raises(InvalidInput, match=r"execution_time: .* has no time zone") as refused:
        checked_time("execution_time", moment)
    assert "datetime.now(UTC)" in str(refused.value)


class _Half(tzinfo):
    """A zone that leaves to others what its offset is."""

    def tzname(self, moment: datetime | None) -> str | None:
        return None

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        raise NotImplementedError


class _Nowhere(_Half):
    """A zone that knows no offset, which makes a datetime naive by definition."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None


class _Absurd(_Half):
    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return timedelta(hours=30)


@pytest.mark.parametrize(
    ("zone", "problem"),
    [(_Nowhere(), "has no time zone"), (_Absurd(), "gives no offset"), (_Half(), "gives no offset")],
)
def test_a_zone_without_a_usable_offset_is_refused(zone: tzinfo, problem: str) -> None:
    with pytest.raises(InvalidInput, match=f"execution_time: .*{problem}"):
        checked_time("execution_time", datetime(2030, 1, 1, tzinfo=zone))


@given(st.integers())
def test_a_count_is_a_whole_number_that_four_bytes_hold(value: int) -> None:
    if 0 <= value <= MAX_INT4:
        assert checked_count("max_retries", value) == value
    else:
        with pytest.raises(InvalidInput, match=f"max_retries: expected a whole number from 0 to {MAX_INT4}"):
            checked_count("max_retries", value)


class _Level(IntEnum):
    HIGH = 3


def test_an_int_enum_is_a_number() -> None:
    assert checked_positive("max_retries", _Level.HIGH) == 3


@pytest.mark.parametrize("wrong", [True, False, 1.0, "1", None, float("nan"), [1]])
def test_what_only_looks_like_a_whole_number_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInput, match="max_retries: expected a whole number"):
        checked_count("max_retries", wrong)


def test_a_limit_of_zero_is_no_limit_and_refused() -> None:
    with pytest.raises(InvalidInput, match="batch_size: must be at least 1"):
        checked_positive("batch_size", 0)


def test_a_grace_may_be_none_for_never_and_zero_for_on_time() -> None:
    assert checked_grace("misfire_grace_time", None) is None
    assert checked_grace("misfire_grace_time", 0) == 0


@given(st.timedeltas(timedelta(microseconds=1), MAX_TIMEOUT))
def test_a_duration_is_kept_and_seconds_mean_the_same(duration: timedelta) -> None:
    assert checked_duration("timeout", duration) == duration
    seconds = checked_duration("timeout", duration.total_seconds())
    assert seconds is not None
    assert abs(seconds - duration) <= timedelta(microseconds=1)


@pytest.mark.parametrize(
    "wrong",
    [0, -1, timedelta(0), 1e-9, float("nan"), float("inf"), 10**400, -(10**400), MAX_TIMEOUT * 2, True, "1"],
)
def test_a_duration_that_no_attempt_can_have_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInput, match=r"^timeout: "):
        checked_duration("timeout", wrong)


def test_a_duration_may_be_left_out_only_where_that_has_a_meaning() -> None:
    assert checked_duration("timeout", None) is None
    with pytest.raises(InvalidInput, match="LEASE_DURATION: expected a timedelta or seconds, got None"):
        checked_seconds("LEASE_DURATION", None)


@pytest.mark.parametrize("number", [0, -3, 1.5, 1e308])
def test_a_finite_number_is_one_that_a_float_can_hold(number: float) -> None:
    assert is_finite_number(number)


@pytest.mark.parametrize("other", [True, "1", None, float("nan"), float("-inf"), 10**309])
def test_nothing_else_is_a_finite_number(other: object) -> None:
    assert not is_finite_number(other)


@pytest.mark.parametrize("args", [(1, 2), [1, 2], deque([1, 2]), range(1, 3)])
def test_arguments_are_any_sequence_and_come_out_as_a_list_of_their_own(args: Any) -> None:
    checked, kwargs = checked_arguments(args, UserDict(key=3))
    assert (checked, kwargs) == ([1, 2], {"key": 3})
    assert checked is not args


@pytest.mark.parametrize("args", ["ab", b"ab", bytearray(b"ab"), memoryview(b"ab"), 5, None, {1}, {1: 2}])
def test_a_lone_value_is_not_taken_for_arguments(args: object) -> None:
    with pytest.raises(InvalidInput, match=r"args: expected a tuple or list.*Did you mean args=\(value,\)"):
        checked_arguments(args, None)


def test_task_data_has_two_keys_and_both_may_be_absent() -> None:
    assert checked_task_data(None) == checked_task_data({}) == ([], {})
    assert checked_task_data({"args": [1], "kwargs": {"b": 2}}) == ([1], {"b": 2})
    with pytest.raises(InvalidInput, match="task_data: unknown key 'arguments'"):
        checked_task_data({"arguments": [1]})


def test_items_come_from_any_iterable_and_a_wrong_one_is_named_by_its_position() -> None:
    assert checked_items("jobs", (number for number in (1, 2)), int, "number") == [1, 2]
    with pytest.raises(InvalidInput, match=r"jobs\[1\]: expected a number, got 'x'"):
        checked_items("jobs", [1, "x"], int, "number")
    wrong: object
    for wrong in (None, "12", {"1": 2}, 5):
        with pytest.raises(InvalidInput, match="jobs: expected a list of numbers"):
            checked_items("jobs", wrong, int, "number")


def test_enums_are_also_taken_by_their_values() -> None:
    assert checked_conflict("replace") is ConflictResolution.REPLACE
    assert checked_status("failed") is JobStatus.FAILED
    wrong: object
    for wrong in ("FAILED", None, [], 3):
        with pytest.raises(InvalidInput, match="conflict_resolution: expected a ConflictResolution"):
            checked_conflict(wrong)
        with pytest.raises(InvalidInput, match=r"status: unknown status .* One of: pending, running"):
            checked_status(wrong)
