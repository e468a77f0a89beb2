"""What a row becomes when an attempt ends: the rules that need the row as it is now."""

from __future__ import annotations

from collections.abc import Sequence

from pg_scheduler.domain.states import JobEvent, JobStatus, transition
from pg_scheduler.domain.verdict import Settlement

ATTEMPT_OUTCOMES: dict[JobEvent, str] = {
    JobEvent.COMPLETE: "completed",
    JobEvent.RETRY: "retry",
    JobEvent.FAIL: "failed",
    JobEvent.SNOOZE: "snoozed",
    JobEvent.RELEASE: "released",
    JobEvent.CONFIRM_CANCEL: "cancelled",
}
"""How the history calls an attempt that ended with an event."""

GIVEN_BACK = frozenset({JobEvent.SNOOZE, JobEvent.RELEASE})
"""Events after which the attempt is not counted."""


def first_verdicts(settlements: Sequence[Settlement]) -> list[int]:
    """Positions of the settlements that may count: of several by one worker on one lease, the first."""
    first: dict[tuple[str, int, str], int] = {}
    for position, told in enumerate(settlements):
        first.setdefault((told.job_id, told.epoch, told.worker_id), position)
    return list(first.values())


def settles(
    status: JobStatus, epoch: int, owner: str | None, event: JobEvent, told_epoch: int, teller: str
) -> bool:
    """The fence: may `teller` apply `event` under `told_epoch` to a row in this state?

    A completion is also accepted from pending: the lease was taken back, but the work is done and
    nobody has claimed the job since (the epoch would differ).
    """
    if epoch != told_epoch:
        return False
    if status is JobStatus.RUNNING:
        return owner == teller
    return status is JobStatus.PENDING and event is JobEvent.COMPLETE


def status_after_attempt(event: JobEvent, superseded: bool, cancel_requested: bool) -> JobStatus:
    """Where a settled attempt leaves its job.

    A superseded row takes up its waiting new version. A job that was asked to be cancelled does not go
    back to pending: whatever the attempt wanted, the wish to cancel stands.
    """
    if superseded:
        return JobStatus.PENDING
    step = transition(JobStatus.RUNNING, event)
    assert step is not None, f"{event} does not end an attempt"
    if step.target is JobStatus.PENDING and cancel_requested:
        return JobStatus.CANCELLED
    return step.target


def status_after_lost_lease(
    superseded: bool, cancel_requested: bool, crash_count: int, max_crashes: int
) -> JobStatus:
    """Where a lost lease leaves its job; `crash_count` counts this loss already."""
    if superseded:
        return JobStatus.PENDING
    if cancel_requested:
        return JobStatus.CANCELLED
    return JobStatus.FAILED if crash_count >= max_crashes else JobStatus.PENDING


def lost_lease_message(worker_id: str | None, crash_count: int, max_crashes: int) -> str:
    """The error text of a job whose worker went silent."""
    return (
        f"lease lost: worker {worker_id or 'unknown'} showed no sign of life "
        f"(crash {crash_count} of {max_crashes})"
    )
