"""What a row becomes when an attempt ends, for every store.

Theory of operation. A store writes many verdicts in one statement and reads no row before it writes it. So
the rules are put to it as data: `ending_of` says beforehand what the end of an attempt does, with one target
for each thing that may have happened to the row meanwhile. A store picks the target by the row that it meets,
and decides nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.states import Fence, JobEvent, JobStatus, transition
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
    for position, settlement in enumerate(settlements):
        first.setdefault((settlement.job_id, settlement.epoch, settlement.worker_id), position)
    return list(first.values())


def settles(
    status: JobStatus, epoch: int, owner: str | None, event: JobEvent, claimed_epoch: int, writer: str
) -> bool:
    """The fence: may `writer` apply `event` under `claimed_epoch` to a row in this state?

    A completion is also accepted from pending: the lease was taken back, but the work is done and
    nobody has claimed the job since (the epoch would differ).
    """
    if epoch != claimed_epoch:
        return False
    if status is JobStatus.RUNNING:
        return owner == writer
    return status is JobStatus.PENDING and counts_unclaimed(event)


def counts_unclaimed(event: JobEvent) -> bool:
    """Whether a verdict also counts after its lease was taken back, until somebody claims the job."""
    step = transition(JobStatus.PENDING, event)
    return step is not None and step.fence is Fence.EPOCH


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


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the end of an attempt leaves its job, by what the row says when it is written."""

    unchanged: JobStatus
    """Nobody has done anything to the job meanwhile."""
    if_cancelled: JobStatus
    """Its cancellation has been requested."""
    if_superseded: JobStatus
    """A new version of it waits in the row, whether its cancellation has been requested or not."""

    def of(self, superseded: bool, cancel_requested: bool) -> JobStatus:
        """The target for a row."""
        if superseded:
            return self.if_superseded
        return self.if_cancelled if cancel_requested else self.unchanged


@dataclass(frozen=True, slots=True)
class Ending:
    """What an event that ends an attempt does to its row. Of a superseded row only `targets`, `outcome` and
    `leaves_history` count: the new version starts from nothing."""

    targets: Targets
    outcome: str
    """How the history calls the attempt."""
    gives_back: bool
    """The attempt is not counted."""
    counts_retry: bool
    """A retry is counted, where the job is pending again."""
    leaves_history: bool
    """The attempt is recorded; where it is not, the row itself tells all. Superseded attempts always are."""
    keeps_error: bool
    """An error text of an earlier attempt stays where this one has none."""
    counts_unclaimed: bool
    """See the function of this name."""

    @property
    def plain(self) -> bool:
        """True if it only ends the job, whether its cancellation has been requested or not."""
        target = self.targets.unchanged
        ends = target.finished and target is self.targets.if_cancelled and self.counts_unclaimed
        return ends and not (self.gives_back or self.leaves_history or self.keeps_error)


@cache
def ending_of(event: JobEvent) -> Ending:
    """The rules for an attempt that ends with `event`."""
    return Ending(
        targets=Targets(
            unchanged=status_after_attempt(event, False, False),
            if_cancelled=status_after_attempt(event, False, True),
            if_superseded=status_after_attempt(event, True, False),
        ),
        outcome=ATTEMPT_OUTCOMES[event],
        gives_back=event in GIVEN_BACK,
        counts_retry=event is JobEvent.RETRY,
        leaves_history=event is not JobEvent.COMPLETE,
        keeps_error=event is not JobEvent.COMPLETE,
        counts_unclaimed=counts_unclaimed(event),
    )


def stored_already(
    settlement: Settlement,
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
        return bool(not_kept) and ends_in(settlement.verdict.event) & set(not_kept) != set()
    completed = record.status is JobStatus.COMPLETED and settlement.verdict.event is JobEvent.COMPLETE
    if completed and (record.epoch, record.worker_id) == (settlement.epoch, settlement.worker_id):
        return True
    return any(
        (one.epoch, one.worker_id) == (settlement.epoch, settlement.worker_id) and one.outcome != LOST
        for one in attempts
    )


def ends_in(event: JobEvent) -> set[JobStatus]:
    """The finished states in which a settled attempt may leave its job."""
    states = {status_after_attempt(event, False, cancel_requested) for cancel_requested in (False, True)}
    return {status for status in states if status.finished}
