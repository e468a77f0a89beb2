"""The state machine of a job: one table, from which code, tests and the docs' diagram are made.

Theory of operation. A job is `pending` until a worker claims it; the claim gives the attempt a lease
and a new epoch. Every later write of that attempt names the epoch, so a worker that was paused, cut
off or declared dead cannot overwrite its successor: its epoch is no longer the row's. A retry is not
a state of its own but `pending` with a later execution time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class JobStatus(StrEnum):
    """What the `status` column holds. It compares equal to the plain string."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def finished(self) -> bool:
        """True where no worker will touch the job again by itself."""
        return self in FINISHED


FINISHED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})
UNFINISHED = frozenset(JobStatus) - FINISHED


class JobEvent(StrEnum):
    """What can happen to a stored job."""

    CLAIM = "claim"
    EXPIRE = "expire"
    COMPLETE = "complete"
    RETRY = "retry"
    FAIL = "fail"
    SNOOZE = "snooze"
    RELEASE = "release"
    CONFIRM_CANCEL = "confirm cancel"
    LOSE_LEASE = "lose lease"
    EXHAUST_CRASHES = "exhaust crashes"
    CANCEL = "cancel"
    REPLACE = "replace"
    REOPEN = "reopen"
    OVERRIDE_COMPLETED = "mark completed"
    OVERRIDE_FAILED = "mark failed"


class Fence(StrEnum):
    """What a write must prove before it may change the row."""

    NONE = "none"
    """Somebody acts on the job itself, not an attempt."""
    EPOCH = "epoch"
    """The writer names the row's current epoch."""
    OWNER = "epoch and owner"
    """The writer names the row's current epoch and is the worker that holds the lease."""
    LEASE_OVER = "lease over"
    """The database's clock is past the lease."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table."""

    source: JobStatus
    event: JobEvent
    target: JobStatus
    fence: Fence = Fence.NONE
    bumps_epoch: bool = False
    """True where the step ends the right of any earlier attempt to write."""


_P, _R = JobStatus.PENDING, JobStatus.RUNNING
_C, _F, _X, _E = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED

TRANSITIONS: tuple[Transition, ...] = (
    Transition(_P, JobEvent.CLAIM, _R, bumps_epoch=True),
    Transition(_P, JobEvent.EXPIRE, _E),
    Transition(_R, JobEvent.COMPLETE, _C, Fence.OWNER),
    # The lease ended but nobody claimed the job since: the work is done, so let it count.
    Transition(_P, JobEvent.COMPLETE, _C, Fence.EPOCH),
    Transition(_R, JobEvent.RETRY, _P, Fence.OWNER),
    Transition(_R, JobEvent.FAIL, _F, Fence.OWNER),
    Transition(_R, JobEvent.SNOOZE, _P, Fence.OWNER),
    Transition(_R, JobEvent.RELEASE, _P, Fence.OWNER),
    Transition(_R, JobEvent.CONFIRM_CANCEL, _X, Fence.OWNER),
    Transition(_R, JobEvent.LOSE_LEASE, _P, Fence.LEASE_OVER),
    Transition(_R, JobEvent.EXHAUST_CRASHES, _F, Fence.LEASE_OVER),
    # A running job is only asked to stop; its owner confirms, so the row never lies.
    Transition(_P, JobEvent.CANCEL, _X),
    Transition(_R, JobEvent.CANCEL, _R),
    Transition(_P, JobEvent.REPLACE, _P, bumps_epoch=True),
    # The new version waits in the row; the running attempt keeps its lease and its epoch.
    Transition(_R, JobEvent.REPLACE, _R),
    *(Transition(done, JobEvent.REPLACE, _P, bumps_epoch=True) for done in (_C, _F, _X, _E)),
    *(Transition(done, JobEvent.REOPEN, _P, bumps_epoch=True) for done in (_C, _F, _X, _E)),
    # An operator's word ends the attempt that is running: its lease is lost.
    Transition(_R, JobEvent.REOPEN, _P, bumps_epoch=True),
    *(Transition(live, JobEvent.OVERRIDE_COMPLETED, _C, bumps_epoch=True) for live in (_P, _R)),
    *(Transition(live, JobEvent.OVERRIDE_FAILED, _F, bumps_epoch=True) for live in (_P, _R)),
)

_BY_STEP = {(t.source, t.event): t for t in TRANSITIONS}


def transition(source: JobStatus, event: JobEvent) -> Transition | None:
    """The table's row for `event` in state `source`, or None where the step does not exist."""
    return _BY_STEP.get((source, event))


def target_of(source: JobStatus, event: JobEvent) -> JobStatus:
    """Where `event` leads from `source`; the step must exist."""
    step = transition(source, event)
    assert step is not None, f"{event} does not exist for a job that is {source}"
    return step.target


OVERRIDES: dict[JobStatus, JobEvent] = {
    JobStatus.PENDING: JobEvent.REOPEN,
    JobStatus.COMPLETED: JobEvent.OVERRIDE_COMPLETED,
    JobStatus.FAILED: JobEvent.OVERRIDE_FAILED,
    JobStatus.CANCELLED: JobEvent.CANCEL,
}
"""Which event stands behind `update_job_status(id, status)`. Nobody can order `running` (only a claim
makes it, with a lease) nor `expired` (only lateness does)."""
