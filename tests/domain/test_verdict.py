"""Outcome in, verdict out; and texts about failures that can always be stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler import RetryPolicy
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.retry import MAX_DELAY, Backoff
from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import (
    MAX_MESSAGE,
    MAX_TRACEBACK,
    Interrupted,
    Raised,
    Returned,
    Snoozed,
    Stopped,
    Verdict,
    decide,
    describe_error,
    storable,
)

MARKER = 60
"""More characters than the line that says how much was left out."""


def job(*, retry_count: int = 0, max_retries: int = 0, backoff: Backoff | None = None) -> ClaimedJob:
    return ClaimedJob(
        job_id="nightly",
        task_name="app:nightly",
        task_data="{}",
        execution_time=datetime(2030, 1, 1, tzinfo=UTC),
        rank=5,
        epoch=3,
        attempt=1,
        retry_count=retry_count,
        max_retries=max_retries,
        timeout=None,
        backoff=backoff,
        store_result=False,
    )


def test_a_return_completes_and_carries_the_result_or_why_there_is_none() -> None:
    assert decide(Returned(), job(), RetryPolicy(), 0) == Verdict(JobEvent.COMPLETE)
    assert decide(Returned("42"), job(), RetryPolicy(), 0) == Verdict(JobEvent.COMPLETE, result="42")
    noted = decide(Returned(note="not stored"), job(), RetryPolicy(), 0)
    assert noted == Verdict(JobEvent.COMPLETE, error_message="not stored")


def test_a_stop_on_request_confirms_the_cancellation() -> None:
    assert decide(Stopped(), job(max_retries=9), RetryPolicy(), 0) == Verdict(
        JobEvent.CONFIRM_CANCEL, error_message="cancelled on request"
    )


def test_an_interruption_gives_the_job_back_and_holds_nothing_against_it() -> None:
    assert decide(Interrupted(), job(), RetryPolicy(), 0) == Verdict(JobEvent.RELEASE)


@given(st.timedeltas())
def test_a_snooze_is_never_in_the_past_nor_past_the_end_of_dates(delay: timedelta) -> None:
    verdict = decide(Snoozed(delay), job(), RetryPolicy(), 0)
    assert verdict.event is JobEvent.SNOOZE
    assert verdict.delay == min(max(delay, timedelta(0)), MAX_DELAY)


@given(st.integers(0, 20), st.integers(0, 20), st.floats(0, 1, exclude_max=True))
def test_a_failure_is_retried_while_retries_are_left(count: int, most: int, chance: float) -> None:
    policy = RetryPolicy(jitter=0.5)
    verdict = decide(Raised(OSError("gone")), job(retry_count=count, max_retries=most), policy, chance)
    if count < most:
        assert verdict.event is JobEvent.RETRY
        assert verdict.delay == policy.delay(count + 1, chance)
    else:
        assert (verdict.event, verdict.delay) == (JobEvent.FAIL, None)
    assert verdict.error_message == "OSError: gone"
    assert verdict.traceback is not None


def test_the_policy_says_which_failures_are_final() -> None:
    policy = RetryPolicy(give_up_on=(ValueError,))
    assert decide(Raised(ValueError()), job(max_retries=3), policy, 0).event is JobEvent.FAIL
    assert decide(Raised(OSError()), job(max_retries=3), policy, 0).event is JobEvent.RETRY
    assert decide(Raised(KeyboardInterrupt()), job(max_retries=3), policy, 0).event is JobEvent.FAIL


def test_the_jobs_own_delays_win_and_the_policys_choice_of_failures_stands() -> None:
    own = Backoff(base=timedelta(seconds=7))
    policy = RetryPolicy(give_up_on=(ValueError,))
    delayed = decide(Raised(OSError()), job(max_retries=3, backoff=own), policy, 0)
    assert (delayed.event, delayed.delay) == (JobEvent.RETRY, timedelta(seconds=7))
    assert decide(Raised(ValueError()), job(max_retries=3, backoff=own), policy, 0).event is JobEvent.FAIL


@pytest.mark.parametrize(
    "outcome",
    [Returned(), Raised(OSError()), Stopped(), Interrupted(), Snoozed(timedelta(1))],
    ids=lambda outcome: type(outcome).__name__,
)
def test_every_verdict_ends_an_attempt(outcome: Returned | Raised | Stopped | Interrupted | Snoozed) -> None:
    for retries in (0, 1):
        assert decide(outcome, job(max_retries=retries), RetryPolicy(), 0).event in ATTEMPT_OUTCOMES


# --- texts


class _Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class _Odd(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


class _WithoutRepr(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def raised(error: BaseException) -> BaseException:
    """The error with a traceback of its own."""
    try:
        raise error
    except BaseException as caught:
        return caught


def circular() -> BaseException:
    one, other = ValueError("one"), OSError("other")
    one.__cause__, other.__cause__ = other, one
    return one


def long_chain() -> BaseException:
    error: BaseException = ValueError("first")
    for number in range(3_000):
        following = ValueError(f"number {number}")
        following.__cause__ = error
        error = following
    return error


def deep_group() -> BaseException:
    error: Exception = ValueError("innermost")
    for _ in range(300):
        error = ExceptionGroup("group", [error])
    return error


def endless() -> BaseException:
    def again() -> None:
        again()

    try:
        again()
    except RecursionError as error:
        return error
    raise AssertionError("the recursion has no end")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("plain"), "ValueError: plain"),
        (ValueError(), "ValueError"),
        (_Mute(), "_Mute: (its message cannot be read: RuntimeError)"),
        (_Odd(), "_Odd: (its message cannot be read: TypeError)"),
        (_WithoutRepr("said"), "_WithoutRepr: said"),
        (ValueError("a\x00b"), "ValueError: a\\x00b"),
        (ValueError("a\ud800b"), "ValueError: a\\ud800b"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (circular(), "ValueError: one"),
        (long_chain(), "ValueError: number 2999"),
        (deep_group(), "ExceptionGroup: group (1 sub-exception)"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_any_error_can_be_told(error: BaseException, message: str) -> None:
    said, trace = describe_error(raised(error))
    assert said == message
    assert trace
    assert len(trace) <= MAX_TRACEBACK + MARKER
    (said + trace).encode("utf-8")
    assert "\x00" not in said + trace


def test_an_endless_recursion_can_be_told() -> None:
    said, trace = describe_error(endless())
    assert said.startswith("RecursionError: maximum recursion depth exceeded")
    assert len(trace) <= MAX_TRACEBACK + MARKER


@pytest.mark.parametrize("unit", ["x", "\x00", "\ud800", "ä"])
def test_a_message_of_ten_million_characters_loses_its_middle(unit: str) -> None:
    said, trace = describe_error(raised(ValueError(f"start{unit * 10_000_000}end")))
    assert said.startswith("ValueError: start")
    assert said.endswith("end")
    assert "characters left out" in said
    assert len(said) <= MAX_MESSAGE + MARKER
    assert len(trace) <= MAX_TRACEBACK + MARKER


@given(st.text(st.characters(), max_size=300), st.integers(2, 200))
def test_storable_text_is_short_and_fit_for_postgresql(text: str, limit: int) -> None:
    stored = storable(text, limit)
    stored.encode("utf-8")
    assert "\x00" not in stored
    assert len(stored) <= limit + MARKER


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=200))
def test_text_that_can_be_stored_is_kept_as_it_is(text: str) -> None:
    assert storable(text, 200) == text
