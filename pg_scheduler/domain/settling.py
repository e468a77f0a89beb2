"""What a row becomes when an attempt ends: the rules that need the row as it is now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pg_scheduler.domain.model import AttemptRecord, JobRecord
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

LOST = "lost"
"""How the history calls an attempt whose lease was lost."""

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


def stored_already(
    told: Settlement,
    record: JobRecord | None,
    attempts: Iterable[AttemptRecord],
    not_kept: Collection[JobStatus],
) -> bool:
    """Whether a verdict that is refused now had been stored before, by its own writer: the answer was lost on
    the way, and the lease it ended with it.

    An attempt writes one verdict, so what stands under its epoch and its name is that one. Of a job that is
    gone nobody can say who ended it; where this verdict would have removed it, it is taken for the one.
    """
    if record is None:
        return bool(not_kept) and ends_in(told.verdict.event) & set(not_kept) != set()
    completed = record.status is JobStatus.COMPLETED and told.verdict.event is JobEvent.COMPLETE
    if completed and (record.epoch, record.worker_id) == (told.epoch, told.worker_id):
        return True
    return any(
        (one.epoch, one.worker_id) == (told.epoch, told.worker_id) and one.outcome != LOST for one in attempts
    )


def ends_in(event: JobEvent) -> set[JobStatus]:
    """The finished states in which a settled attempt may leave its job."""
    states = {status_after_attempt(event, False, cancel_requested) for cancel_requested in (False, True)}
    return {status for status in states if status.finished}
