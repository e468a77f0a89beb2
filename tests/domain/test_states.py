"""The transition table: complete, consistent, and without dead ends."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES, settles
from pg_scheduler.domain.states import (
    FINISHED,
    OVERRIDES,
    TRANSITIONS,
    Fence,
    JobEvent,
    JobStatus,
    transition,
)


def test_a_status_is_the_plain_string_that_the_column_holds() -> None:
    assert [str(status) for status in JobStatus] == [
        "pending",
        "running",
        "completed",
        "failed",
        "cancelled",
        "expired",
    ]
    column: str = "pending"
    assert column == JobStatus.PENDING
    assert JobStatus("running") is JobStatus.RUNNING


def test_a_step_stands_in_the_table_once() -> None:
    counted = Counter((step.source, step.event) for step in TRANSITIONS)
    assert [step for step, times in counted.items() if times > 1] == []


def test_a_step_is_found_by_its_state_and_event_and_others_do_not_exist() -> None:
    table = {(step.source, step.event): step for step in TRANSITIONS}
    for source, event in product(JobStatus, JobEvent):
        assert transition(source, event) is table.get((source, event))


def test_every_event_and_every_state_has_a_use() -> None:
    assert {step.event for step in TRANSITIONS} == set(JobEvent)
    assert {step.source for step in TRANSITIONS} == set(JobStatus)
    assert {step.target for step in TRANSITIONS} == set(JobStatus)


def test_every_state_can_be_reached_from_pending() -> None:
    reached = {JobStatus.PENDING}
    while fresh := {step.target for step in TRANSITIONS if step.source in reached} - reached:
        reached |= fresh
    assert reached == set(JobStatus)


def test_only_a_person_wakes_a_finished_job() -> None:
    leaving = {step.event for step in TRANSITIONS if step.source in FINISHED}
    assert leaving == {JobEvent.REPLACE, JobEvent.REOPEN}
    assert all(status.finished == (status in FINISHED) for status in JobStatus)


def test_only_a_claim_makes_a_job_run() -> None:
    entering = {
        step.event
        for step in TRANSITIONS
        if step.target is JobStatus.RUNNING and step.source is not step.target
    }
    assert entering == {JobEvent.CLAIM}


def test_what_makes_a_job_pending_anew_or_running_ends_the_right_of_earlier_attempts() -> None:
    """Only what the attempt itself says, or the loss of its lease, leaves the epoch as it is."""
    kept = {step.event for step in TRANSITIONS if not step.bumps_epoch}
    assert kept == {
        JobEvent.EXPIRE,
        JobEvent.LOSE_LEASE,
        JobEvent.EXHAUST_CRASHES,
        JobEvent.CANCEL,
        JobEvent.REPLACE,
        *ATTEMPT_OUTCOMES,
    }
    replaced = {step.source: step.bumps_epoch for step in TRANSITIONS if step.event is JobEvent.REPLACE}
    assert [status for status, bumps in replaced.items() if not bumps] == [JobStatus.RUNNING]


@pytest.mark.parametrize("event", ATTEMPT_OUTCOMES)
@pytest.mark.parametrize("status", JobStatus)
def test_the_fence_asks_for_exactly_what_the_table_says(status: JobStatus, event: JobEvent) -> None:
    step = transition(status, event)
    fence = step.fence if step else None
    owner = "A" if status is JobStatus.RUNNING else None
    assert settles(status, 7, owner, event, 7, "A") == (fence in (Fence.OWNER, Fence.EPOCH))
    assert settles(status, 7, owner, event, 7, "B") == (fence is Fence.EPOCH)
    assert not settles(status, 7, owner, event, 6, "A")
    assert not settles(status, 7, owner, event, 8, "A")


def test_an_operator_can_order_every_state_but_running_and_expired() -> None:
    assert set(JobStatus) - set(OVERRIDES) == {JobStatus.RUNNING, JobStatus.EXPIRED}
    for target, event in OVERRIDES.items():
        steps = [step for step in TRANSITIONS if step.event is event]
        assert steps
        for step in steps:
            asked_only = event is JobEvent.CANCEL and step.source is JobStatus.RUNNING
            assert step.target is (JobStatus.RUNNING if asked_only else target)
            assert step.fence is Fence.NONE


def test_an_operator_can_move_a_running_job_anywhere_he_can_order() -> None:
    assert all(transition(JobStatus.RUNNING, event) for event in OVERRIDES.values())
