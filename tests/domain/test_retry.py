"""When a failed job runs again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pg_scheduler import InvalidInput, RetryPolicy
from pg_scheduler.domain.retry import MAX_DELAY, Backoff

durations = st.timedeltas(timedelta(0), MAX_DELAY)
backoffs = st.builds(
    Backoff,
    base=durations,
    factor=st.floats(1, 1e300),
    cap=durations,
    jitter=st.floats(0, 1),
)
retries = st.one_of(st.integers(1, 50), st.integers(1, 10**9))
chances = st.floats(0, 1, exclude_max=True)


def test_the_default_delays_double_from_a_minute_and_stop_at_five() -> None:
    delays = [Backoff().delay(retry).total_seconds() for retry in range(1, 8)]
    assert delays == [60, 120, 240, 300, 300, 300, 300]


@given(backoffs, retries, chances)
def test_a_delay_is_never_negative_nor_longer_than_the_cap(
    backoff: Backoff, retry: int, chance: float
) -> None:
    assert timedelta(0) <= backoff.delay(retry, chance) <= backoff.cap


@given(backoffs, retries)
def test_without_jitter_no_delay_is_shorter_than_the_one_before(backoff: Backoff, retry: int) -> None:
    assert backoff.delay(retry) <= backoff.delay(retry + 1)


@given(backoffs, retries, chances)
def test_jitter_takes_away_at_most_its_share(backoff: Backoff, retry: int, chance: float) -> None:
    full = backoff.delay(retry)
    microsecond = timedelta(microseconds=1)
    assert full * (1 - backoff.jitter) - microsecond <= backoff.delay(retry, chance) <= full


@given(st.floats(0.01, 1), chances, chances)
def test_jitter_spreads_evenly_over_its_range(jitter: float, one: float, other: float) -> None:
    assume(abs(one - other) > 0.01)
    backoff = Backoff(jitter=jitter)
    assert (backoff.delay(1, one) > backoff.delay(1, other)) == (one < other)
    assert backoff.delay(1, 0.0) == timedelta(seconds=60)


@pytest.mark.parametrize("retry", [1_000, 10**6, 2**31 - 1, 10**18])
def test_a_retry_number_beyond_all_floats_waits_as_long_as_the_cap(retry: int) -> None:
    assert Backoff().delay(retry) == timedelta(seconds=300)
    assert Backoff(base=timedelta(0)).delay(retry) == timedelta(0)
    assert Backoff(factor=1.0).delay(retry) == timedelta(seconds=60)


def test_retries_are_for_what_the_policy_names_and_not_for_what_it_gives_up_on() -> None:
    policy = RetryPolicy(retry_on=(OSError,), give_up_on=(FileNotFoundError,))
    assert policy.wants_retry(ConnectionError())
    assert not policy.wants_retry(FileNotFoundError())
    assert not policy.wants_retry(ValueError())
    assert policy.filters


def test_by_default_every_exception_is_retried_and_no_interruption() -> None:
    policy = RetryPolicy()
    assert policy.wants_retry(ValueError())
    assert not policy.wants_retry(KeyboardInterrupt())
    assert not policy.filters


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base", timedelta(seconds=-1)),
        ("base", 60),
        ("base", timedelta.max),
        ("cap", None),
        ("cap", MAX_DELAY + timedelta(seconds=1)),
        ("factor", 0.5),
        ("factor", float("nan")),
        ("factor", float("inf")),
        ("factor", 10**400),
        ("factor", True),
        ("jitter", -0.1),
        ("jitter", 1.1),
        ("jitter", "much"),
        ("retry_on", ValueError),
        ("retry_on", ("ValueError",)),
        ("give_up_on", [ValueError]),
        ("give_up_on", (int,)),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=rf"^retry\.{field}: "):
        RetryPolicy(**{field: value})  # type: ignore[arg-type]
