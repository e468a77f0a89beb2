"""What a row becomes when an attempt ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler.domain.lost_lease import lost_lease, lost_lease_message, status_after_lost_lease
from pg_scheduler.domain.settling import (
    ATTEMPT_OUTCOMES,
    GIVEN_BACK,
    ending_of,
    settles,
    status_after_attempt,
)
from pg_scheduler.domain.states import JobEvent, JobStatus, transition

statuses = st.sampled_from(JobStatus)
events = st.sampled_from(sorted(ATTEMPT_OUTCOMES))
epochs = st.integers(0, 5)
workers = st.sampled_from(["A", "B"])


@given(statuses, epochs, st.none() | workers, events, epochs, workers)
def test_nothing_is_accepted_under_another_epoch(
    status: JobStatus, epoch: int, owner: str | None, event: JobEvent, told: int, teller: str
) -> None:
    if settles(status, epoch, owner, event, told, teller):
        assert epoch == told


@given(epochs, workers, events, epochs, workers)
def test_a_running_job_listens_to_its_owner_alone(
    epoch: int, owner: str, event: JobEvent, told: int, teller: str
) -> None:
    accepted = settles(JobStatus.RUNNING, epoch, owner, event, told, teller)
    assert accepted == (epoch == told and owner == teller)


def test_a_running_job_without_an_owner_listens_to_nobody() -> None:
    assert not settles(JobStatus.RUNNING, 1, None, JobEvent.COMPLETE, 1, "A")


@given(st.sampled_from(sorted(status for status in JobStatus if status.finished)), events, epochs, workers)
def test_a_finished_job_listens_to_nobody(
    status: JobStatus, event: JobEvent, epoch: int, worker: str
) -> None:
    assert not settles(status, epoch, worker, event, epoch, worker)


@given(events, epochs, workers)
def test_work_that_was_done_counts_while_nobody_has_claimed_the_job_again(
    event: JobEvent, epoch: int, worker: str
) -> None:
    accepted = settles(JobStatus.PENDING, epoch, None, event, epoch, worker)
    assert accepted == (event is JobEvent.COMPLETE)
    assert not settles(JobStatus.PENDING, epoch + 1, None, event, epoch, worker)


@given(events, st.booleans(), st.booleans())
def test_after_an_attempt_a_waiting_version_comes_first_then_a_wish_to_cancel_then_the_verdict(
    event: JobEvent, superseded: bool, cancel_requested: bool
) -> None:
    step = transition(JobStatus.RUNNING, event)
    assert step is not None
    expected = step.target
    if superseded:
        expected = JobStatus.PENDING
    elif cancel_requested and step.target is JobStatus.PENDING:
        expected = JobStatus.CANCELLED
    assert status_after_attempt(event, superseded, cancel_requested) is expected


def test_a_job_that_finished_before_it_could_be_stopped_says_what_happened() -> None:
    assert status_after_attempt(JobEvent.COMPLETE, False, True) is JobStatus.COMPLETED
    assert status_after_attempt(JobEvent.FAIL, False, True) is JobStatus.FAILED


@pytest.mark.parametrize(
    "event", [event for event in JobEvent if transition(JobStatus.RUNNING, event) is None]
)
def test_what_cannot_happen_to_a_running_job_is_no_verdict(event: JobEvent) -> None:
    with pytest.raises(AssertionError, match="does not end an attempt"):
        status_after_attempt(event, False, False)


@given(st.booleans(), st.booleans(), st.integers(1, 10), st.integers(1, 10))
def test_a_lost_lease_sends_the_job_back_until_its_crash_budget_is_spent(
    superseded: bool, cancel_requested: bool, crashes: int, budget: int
) -> None:
    status = status_after_lost_lease(superseded, cancel_requested, crashes, budget)
    if superseded:
        assert status is JobStatus.PENDING
    elif cancel_requested:
        assert status is JobStatus.CANCELLED
    else:
        assert status is (JobStatus.FAILED if crashes >= budget else JobStatus.PENDING)


@given(events, st.booleans(), st.booleans())
def test_what_a_store_is_told_beforehand_is_the_rule_for_every_row(
    event: JobEvent, superseded: bool, cancel_requested: bool
) -> None:
    told = ending_of(event).targets.of(superseded, cancel_requested)
    assert told is status_after_attempt(event, superseded, cancel_requested)


@given(st.booleans(), st.booleans(), st.integers(1, 10), st.integers(1, 10))
def test_what_a_store_is_told_of_lost_leases_is_the_rule_for_every_row(
    superseded: bool, cancel_requested: bool, crashes: int, budget: int
) -> None:
    loss = lost_lease(budget)
    status = loss.targets.of(superseded, cancel_requested)
    if not superseded and not cancel_requested and loss.fatal_crash is not None:
        status = loss.if_fatal if crashes >= loss.fatal_crash else status
    assert status is status_after_lost_lease(superseded, cancel_requested, crashes, budget)


def test_only_a_completion_merely_ends_its_job() -> None:
    assert [event for event in ATTEMPT_OUTCOMES if ending_of(event).plain] == [JobEvent.COMPLETE]


def test_a_budget_of_one_allows_no_second_start() -> None:
    assert status_after_lost_lease(False, False, 1, 1) is JobStatus.FAILED
    assert status_after_lost_lease(False, False, 1, 2) is JobStatus.PENDING


def test_what_a_snooze_and_a_release_used_is_given_back() -> None:
    assert {JobEvent.SNOOZE, JobEvent.RELEASE} == GIVEN_BACK
    for event in GIVEN_BACK:
        assert status_after_attempt(event, False, False) is JobStatus.PENDING


def test_the_message_of_a_lost_lease_names_the_worker_and_the_budget() -> None:
    assert lost_lease_message("w0rker12", 2, 5) == (
        "lease lost: worker w0rker12 showed no sign of life (crash 2 of 5)"
    )
    assert "worker unknown" in lost_lease_message(None, 1, 5)
