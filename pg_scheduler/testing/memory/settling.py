"""How one attempt ends: by a verdict, or because its worker went silent."""

from __future__ import annotations

from datetime import datetime

from pg_scheduler.domain.settling import (
    ATTEMPT_OUTCOMES,
    GIVEN_BACK,
    lost_lease_message,
    settles,
    status_after_attempt,
    status_after_lost_lease,
)
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.leases import Reclaimed
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.state import MemoryState


def settle_one(state: MemoryState, told: Settlement, moment: datetime) -> bool:
    """Apply one verdict, if the fence accepts it; whether it did."""
    row = state.jobs.get(told.job_id)
    event, verdict = told.verdict.event, told.verdict
    if row is None or not settles(row.status, row.epoch, row.worker_id, event, told.epoch, told.worker_id):
        return False
    row.worker_id = told.worker_id
    if event is not JobEvent.COMPLETE or row.superseded:
        state.note_attempt(row, ATTEMPT_OUTCOMES[event], moment, verdict.error_message, verdict.traceback)
    if row.superseded:
        row.become_new()
        return True
    status = status_after_attempt(event, row.superseded, row.cancel_requested)
    row.attempt_count -= event in GIVEN_BACK
    kept = None if event is JobEvent.COMPLETE else row.error_message
    row.error_message = kept if verdict.error_message is None else verdict.error_message
    row.result = verdict.result
    if status is not JobStatus.PENDING:
        row.end(status, moment)
        return True
    row.retry_count += event is JobEvent.RETRY
    if verdict.delay is not None:
        row.execution_time = moment + verdict.delay
    row.wait_again()
    return True


def reclaim_one(state: MemoryState, row: StoredJob, max_crashes: int, moment: datetime) -> Reclaimed:
    """Take one job back from a worker that went silent."""
    crashes, owner = row.crash_count + 1, row.worker_id
    message = lost_lease_message(owner, crashes, max_crashes)
    status = status_after_lost_lease(row.superseded, row.cancel_requested, crashes, max_crashes)
    state.note_attempt(row, "lost", moment, message)
    if row.superseded:
        row.become_new()
    else:
        row.crash_count, row.error_message = crashes, message
        if status is JobStatus.PENDING:
            row.wait_again()
        else:
            row.end(status, moment)
    return Reclaimed(row.new.job_id, owner, row.status, row.crash_count)
