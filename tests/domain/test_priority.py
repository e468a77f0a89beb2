"""Priorities: four names, any integer, the smallest first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler import InvalidInput, JobPriority
from pg_scheduler.domain.priority import MAX_RANK, MIN_RANK, rank_of

NAMED = [("critical", 1), ("high", 3), ("normal", 5), ("low", 8)]


@pytest.mark.parametrize(("value", "rank"), NAMED)
def test_a_priority_has_a_value_a_rank_and_readable_texts(value: str, rank: int) -> None:
    priority = JobPriority(value)
    assert priority.db_value == rank == rank_of(priority)
    assert JobPriority.from_db_value(rank) is priority
    assert str(priority) == f"{priority}" == value
    assert repr(priority) == f"<JobPriority.{value.upper()}: {value} (db_value={rank})>"


def test_there_are_four_in_order_of_urgency() -> None:
    assert [(priority.value, priority.db_value) for priority in JobPriority] == NAMED


@given(st.integers())
def test_a_rank_without_a_name_reads_as_normal(rank: int) -> None:
    named = {rank: JobPriority(value) for value, rank in NAMED}
    assert JobPriority.from_db_value(rank) is named.get(rank, JobPriority.NORMAL)


@given(st.integers(MIN_RANK, MAX_RANK))
def test_an_integer_is_kept_exactly(rank: int) -> None:
    assert rank_of(rank) == rank


@given(st.one_of(st.integers(max_value=MIN_RANK - 1), st.integers(min_value=MAX_RANK + 1)))
def test_an_integer_that_the_column_cannot_hold_is_refused(rank: int) -> None:
    with pytest.raises(InvalidInput, match="priority"):
        rank_of(rank)


@pytest.mark.parametrize("wrong", ["high", None, True, 5.0, [1]])
def test_anything_else_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInput, match="priority: expected a JobPriority or an int"):
        rank_of(wrong)  # type: ignore[arg-type]
