"""How one attempt ends: by a verdict, or because its worker went silent."""

from __future__ import annotations

from datetime import datetime

from pg_scheduler.domain.failures import LOST_WORKER, Failure, group_of
from pg_scheduler.domain.lost_lease import lost_lease_message, status_after_lost_lease
from pg_scheduler.domain.settling import LOST, ending_of, settles
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.leases import Reclaimed
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.state import MemoryState


def settle_one(state: MemoryState, settlement: Settlement, moment: datetime) -> bool:
    """Apply one verdict, if the fence accepts it; whether it did."""
    row = state.jobs.get(settlement.job_id)
    verdict = settlement.verdict
    if row is None or not settles(
        row.status, row.epoch, row.worker_id, verdict.event, settlement.epoch, settlement.worker_id
    ):
        return False
    ending = ending_of(verdict.event)
    row.worker_id = settlement.worker_id
    if (ending.leaves_history and verdict.recorded) or row.superseded:
        state.note_attempt(row, ending.outcome, moment, verdict.error_message, verdict.traceback)
    status = ending.targets.of(row.superseded, row.cancel_requested)
    if row.superseded:
        row.become_new(status)
        return True
    row.attempt_count -= ending.gives_back
    kept = row.error_message if ending.keeps_error else None
    row.error_message = kept if verdict.error_message is None else verdict.error_message
    row.result = verdict.result
    if status is not JobStatus.PENDING:
        row.end(status, moment)
        row.note_failure(verdict.failure if status is JobStatus.FAILED else None)
        return True
    if verdict.unclaims and not any(job_id == row.new.job_id for job_id, _ in state.attempts):
        row.started_at = None
    row.retry_count += ending.counts_retry
    if verdict.delay is not None:
        row.execution_time = moment + verdict.delay
    row.wait_again()
    return True


def reclaim_one(state: MemoryState, row: StoredJob, max_crashes: int, moment: datetime) -> Reclaimed:
    """Take one job back from a worker that went silent."""
    crashes, owner = row.crash_count + 1, row.worker_id
    message = lost_lease_message(owner, crashes, max_crashes)
    status = status_after_lost_lease(row.superseded, row.cancel_requested, crashes, max_crashes)
    state.note_attempt(row, LOST, moment, message)
    if row.superseded:
        row.become_new(status)
    else:
        row.crash_count, row.error_message = crashes, message
        if status is JobStatus.PENDING:
            row.wait_again()
        else:
            row.end(status, moment)
        if status is JobStatus.FAILED:
            group = group_of(row.new.task_name, LOST_WORKER, "")
            row.note_failure(Failure(group, LOST_WORKER, ""))
    return Reclaimed(row.new.job_id, owner, row.status, row.crash_count)
