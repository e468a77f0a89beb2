"""Names and ids."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler import InvalidInput
from pg_scheduler.domain.identity import (
    COUNTER_BITS,
    MAX_NAME,
    bare_name,
    checked_name,
    deterministic_id,
    time_ordered_id,
)

milliseconds = st.integers(0, 2**48 - 1)
randomness = st.binary(min_size=6, max_size=6)
counters = st.integers(0, 2**COUNTER_BITS - 1)
texts = st.text(max_size=30)
instants = st.none() | st.datetimes(timezones=st.just(UTC))


@given(milliseconds, counters, randomness)
def test_an_id_is_a_version_7_uuid_that_tells_its_time(unix_ms: int, counter: int, noise: bytes) -> None:
    job_id = time_ordered_id(unix_ms, counter, noise)
    parsed = uuid.UUID(job_id)
    assert str(parsed) == job_id
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == unix_ms


@given(st.tuples(milliseconds, counters, randomness), st.tuples(milliseconds, counters, randomness))
def test_ids_sort_by_time_and_counter_as_text(
    one: tuple[int, int, bytes], other: tuple[int, int, bytes]
) -> None:
    if one[:2] != other[:2]:
        assert (time_ordered_id(*one) < time_ordered_id(*other)) == (one[:2] < other[:2])


@given(milliseconds, counters, randomness, randomness)
def test_the_bits_behind_the_counter_are_random(
    unix_ms: int, counter: int, noise: bytes, more: bytes
) -> None:
    """44 of the 48."""
    one, other = (int.from_bytes(given, "big") >> 4 for given in (noise, more))
    ids = {time_ordered_id(unix_ms, counter, given) for given in (noise, more)}
    assert (len(ids) == 1) == (one == other)


@given(st.tuples(texts, texts, instants), st.tuples(texts, texts, instants))
def test_deterministic_ids_are_equal_only_for_equal_parts(
    one: tuple[str, str, datetime | None], other: tuple[str, str, datetime | None]
) -> None:
    assert (deterministic_id(*one) == deterministic_id(*other)) == (one == other)


@given(texts, texts, st.integers(0, 30))
def test_moving_text_from_one_part_to_the_next_changes_the_id(name: str, arguments: str, at: int) -> None:
    moved = name[:at], name[at:] + arguments
    assert (deterministic_id(*moved) == deterministic_id(name, arguments)) == (moved[0] == name)


def test_a_deterministic_id_never_changes_between_versions() -> None:
    window = datetime(2030, 1, 1, tzinfo=UTC)
    parts = "5:app:f2:{}25:2030-01-01T00:00:00+00:00"
    assert deterministic_id("app:f", "{}", window) == hashlib.sha256(parts.encode()).hexdigest()
    assert deterministic_id("app:f", "{}") == hashlib.sha256(b"5:app:f2:{}0:").hexdigest()


@pytest.mark.parametrize(
    ("task_name", "bare"),
    [
        ("app.mail:send", "send"),
        ("app.mail:Mailer.send", "send"),
        ("send", "send"),
        ("mail.send", "send"),
        ("app:outer.<locals>.send", "send"),
    ],
)
def test_the_bare_name_is_the_functions_own(task_name: str, bare: str) -> None:
    assert bare_name(task_name) == bare


class _Names(StrEnum):
    NIGHTLY = "nightly"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=MAX_NAME))
def test_a_name_of_printable_text_is_kept_as_it_is(name: str) -> None:
    if not name.isspace():
        assert checked_name("job_id", name) == name


def test_a_name_comes_out_as_a_plain_str() -> None:
    name = checked_name("job_id", _Names.NIGHTLY)
    assert (type(name), name) == (str, "nightly")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (None, "expected a str, got NoneType"),
        (b"nightly", "expected a str, got bytes"),
        (7, "expected a str, got int"),
        ("", "must not be empty"),
        (" \t\n", "must not be empty"),
        ("x" * (MAX_NAME + 1), "256 characters; the limit is 255"),
        ("night\x00ly", "control character"),
        ("night\nly", "control character"),
        ("night\ud800ly", "lone surrogate"),
    ],
)
def test_a_name_that_cannot_be_stored_or_shown_is_refused(name: object, problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_name("job_id", name)
    assert refused.value.field == "job_id"
    assert problem in str(refused.value)


def test_a_window_in_another_zone_is_another_part() -> None:
    """Callers pass windows in UTC; the id is over the text."""
    there = datetime(2030, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert deterministic_id("f", "{}", there) != deterministic_id("f", "{}", there.astimezone(UTC))
