"""Telling one's own verdict, whose answer was lost, from a lease that was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES, ends_in, stored_already
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
RECORD = JobRecord(
    job_id="job",
    task_name="task",
    status=JobStatus.COMPLETED,
    execution_time=NOON,
    rank=5,
    task_data="{}",
    created_at=NOON,
    started_at=NOON,
    finished_at=NOON,
    worker_id="me",
    lease_until=None,
    epoch=3,
    attempt_count=1,
    retry_count=0,
    max_retries=0,
    crash_count=0,
    cancel_requested=False,
    superseded=False,
    misfire_grace_seconds=None,
    timeout=None,
    error_message=None,
    result=None,
)
ATTEMPT = AttemptRecord("job", 3, 1, "me", NOON, NOON, "retry", None, None)


def told(event: JobEvent) -> Settlement:
    return Settlement("job", 3, "me", Verdict(event))


def test_a_completion_is_known_by_its_epoch_and_its_worker() -> None:
    assert stored_already(told(JobEvent.COMPLETE), RECORD, (), ())
    for other in (replace(RECORD, epoch=4), replace(RECORD, worker_id="rival")):
        assert not stored_already(told(JobEvent.COMPLETE), other, (), ())


@pytest.mark.parametrize("event", [event for event in ATTEMPT_OUTCOMES if event is not JobEvent.COMPLETE])
def test_any_other_verdict_is_known_by_its_line_in_the_history(event: JobEvent) -> None:
    again = replace(RECORD, status=JobStatus.PENDING, worker_id=None)
    line = replace(ATTEMPT, outcome=ATTEMPT_OUTCOMES[event])
    assert stored_already(told(event), again, [line], ())
    for other in (replace(line, epoch=2), replace(line, worker_id="rival")):
        assert not stored_already(told(event), again, [other], ())


@pytest.mark.parametrize("event", ATTEMPT_OUTCOMES)
def test_a_lost_lease_stays_lost(event: JobEvent) -> None:
    taken_back = replace(RECORD, status=JobStatus.PENDING, worker_id=None)
    assert not stored_already(told(event), taken_back, [replace(ATTEMPT, outcome="lost")], ())
    taken_over = replace(RECORD, epoch=4, worker_id="rival")
    assert not stored_already(told(event), taken_over, [replace(ATTEMPT, outcome="lost")], ())


def test_a_job_that_is_gone_was_removed_by_a_verdict_that_removes() -> None:
    assert stored_already(told(JobEvent.COMPLETE), None, (), [JobStatus.COMPLETED])
    assert not stored_already(told(JobEvent.COMPLETE), None, (), [JobStatus.FAILED])
    assert not stored_already(told(JobEvent.COMPLETE), None, (), ())


def test_a_verdict_that_gives_a_job_back_may_end_it_as_cancelled() -> None:
    assert ends_in(JobEvent.RELEASE) == {JobStatus.CANCELLED}
    assert ends_in(JobEvent.COMPLETE) == {JobStatus.COMPLETED}
