"""Validation of what a caller passes to `schedule()` and its siblings, before any SQL."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.states import JobStatus

_T = TypeVar("_T")

MAX_INT4 = 2**31 - 1
MAX_TIMEOUT = timedelta(days=365)


def checked_time(field: str, value: object) -> datetime:
    """`value` in UTC.

    Raises:
        InvalidInput: not a datetime, naive, or not expressible in UTC.
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    if not isinstance(value, datetime):
        raise InvalidInput(field, f"expected an aware datetime, got {type(value).__name__}")
    try:
        naive = value.utcoffset() is None
        moment = value if naive else value.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(field, f"{value.isoformat()} lies outside the years 1 to 9999 in UTC") from None
    except (ValueError, TypeError, NotImplementedError) as error:
        raise InvalidInput(field, f"its tzinfo gives no offset: {error}") from None
    if naive:
        raise InvalidInput(
            field,
            f"{value.isoformat()} has no time zone, so it names no instant",
            "Use datetime.now(UTC) or attach a tzinfo",
        )
    return moment


def is_finite_number(value: object) -> bool:
    """True for an int or float that a float can hold and that is not a NaN, an infinity or a bool."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def checked_count(field: str, value: object) -> int:
    """A whole number from 0 to 2**31 - 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(field, f"expected a whole number >= 0, got {shown(value)}")
    if not 0 <= value <= MAX_INT4:
        raise InvalidInput(field, f"expected a whole number from 0 to {MAX_INT4}, got {shown(value)}")
    return value


def checked_positive(field: str, value: object) -> int:
    """A whole number from 1 to 2**31 - 1."""
    if checked_count(field, value) == 0:
        raise InvalidInput(field, "must be at least 1")
    return int(value)  # type: ignore[call-overload, no-any-return]


def checked_grace(field: str, value: object) -> int | None:
    """Whole seconds >= 0, or None for "never expires"."""
    return None if value is None else checked_count(field, value)


def checked_duration(field: str, value: object) -> timedelta | None:
    """A positive duration given as timedelta or seconds, at most a year; None stays None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, timedelta | int | float):
        raise InvalidInput(field, f"expected a timedelta or seconds, got {shown(value)}")
    if not isinstance(value, timedelta):
        if not is_finite_number(value) or abs(value) > MAX_TIMEOUT.total_seconds():
            raise InvalidInput(field, f"expected a finite number of seconds up to a year, got {shown(value)}")
        value = timedelta(seconds=value)
    if not timedelta(0) < value <= MAX_TIMEOUT:
        raise InvalidInput(field, f"must be more than 0 and at most a year, got {value}")
    return value


def checked_seconds(field: str, value: object) -> timedelta:
    """As `checked_duration`, where a duration is a must."""
    duration = checked_duration(field, value)
    if duration is None:
        raise InvalidInput(field, "expected a timedelta or seconds, got None")
    return duration


def checked_leases(field: str, value: object) -> float:
    """A number of leases: at least one."""
    if not is_finite_number(value) or float(value) < 1:  # type: ignore[arg-type]
        raise InvalidInput(field, f"expected a number of leases, at least 1, got {shown(value)}")
    return float(value)  # type: ignore[arg-type]


def checked_instance(field: str, value: object, kind: type[_T]) -> _T:
    """`value`, if it is a `kind`."""
    if not isinstance(value, kind):
        raise InvalidInput(field, f"expected a {kind.__name__}, got {shown(value)}")
    return value


def checked_items(field: str, value: object, kind: type[_T], called: str) -> list[_T]:
    """What an iterable (a generator too) gives, as a list of `kind`; messages call one of them `called`."""
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        raise InvalidInput(field, f"expected a list of {called}s, got {shown(value)}")
    items = list(value)
    for position, item in enumerate(items):
        if not isinstance(item, kind):
            raise InvalidInput(f"{field}[{position}]", f"expected a {called}, got {shown(item)}")
    return items


def checked_arguments(args: object, kwargs: object) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments as a fresh list and dict (shapes only; values go to the codec)."""
    if type(args) in (tuple, list) and not kwargs and (kwargs is None or type(kwargs) is dict):
        return list(args), {}  # type: ignore[call-overload]
    if not isinstance(args, Sequence) or isinstance(args, str | bytes | bytearray | memoryview):
        raise InvalidInput(
            "args", f"expected a tuple or list, got {type(args).__name__}", "Did you mean args=(value,)?"
        )
    if kwargs is None:
        kwargs = {}
    if not isinstance(kwargs, Mapping):
        raise InvalidInput("kwargs", f"expected a dict, got {type(kwargs).__name__}")
    for key in kwargs:
        if not isinstance(key, str):
            raise InvalidInput("kwargs", f"keys must be str, got {shown(key)}")
    return list(args), dict(kwargs)


def checked_task_data(value: object) -> tuple[list[Any], dict[str, Any]]:
    """The `args` and `kwargs` of a ``{"args": [...], "kwargs": {...}}`` mapping; either may be absent."""
    if value is None:
        return [], {}
    if not isinstance(value, Mapping):
        raise InvalidInput("task_data", f"expected a dict, got {type(value).__name__}")
    unknown = [key for key in value if key not in ("args", "kwargs")]
    if unknown:
        raise InvalidInput(
            "task_data",
            f"unknown key {shown(unknown[0])}",
            'The form is {"args": [...], "kwargs": {...}}',
        )
    return checked_arguments(value.get("args", ()), value.get("kwargs"))


def checked_status(value: object) -> JobStatus:
    """A `JobStatus`; its bare value is accepted too."""
    try:
        return JobStatus(value)  # type: ignore[arg-type]
    except ValueError:
        states = ", ".join(JobStatus)
        raise InvalidInput("status", f"unknown status {shown(value)}", f"One of: {states}") from None


_E = TypeVar("_E", bound=Enum)


def checked_member(field: str, value: object, kind: type[_E]) -> _E:
    """A member of an enum; its bare value is accepted too."""
    try:
        return kind(value)
    except ValueError:
        choices = ", ".join(repr(member.value) for member in kind)
        raise InvalidInput(field, f"unknown {shown(value)}", f"One of: {choices}") from None
