"""The life of jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.model import ClaimedJob, Lease, NewJob, Progress
from pg_scheduler.domain.states import JobStatus

if TYPE_CHECKING:
    from pg_scheduler.domain.audit import Actor
    from pg_scheduler.domain.verdict import Settlement
    from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest, LaneAnswer
    from pg_scheduler.ports.leases import ReclaimAnswer, ReclaimRequest, RenewAnswer, RenewRequest


@dataclass(frozen=True, slots=True)
class SettleAnswer:
    """What became of verdicts."""

    accepted: Sequence[bool | None]
    """One answer for each. False where the lease was lost: that row is untouched. None where it cannot be
    said yet, because somebody's open transaction holds the row: untouched too, and to be told again."""
    deleted: Mapping[JobStatus, int]
    """How many jobs were deleted as they ended, by the status in which they did."""


class CancelAnswer(StrEnum):
    """The result of a request to cancel."""

    CANCELLED = "cancelled"
    """It was pending and is cancelled now."""
    REQUESTED = "requested"
    """It runs; its worker has been told. The row says `cancelled` once it really stopped."""
    FINISHED = "finished"
    """Too late: it had ended."""
    UNKNOWN = "unknown"
    """There is no such job."""


class JobStore(Protocol):
    """The life of jobs."""

    async def submit(
        self,
        jobs: Sequence[NewJob],
        conflict: ConflictResolution,
        *,
        now: datetime | None = None,
        connection: Any = None,
        batch_size: int = 1000,
    ) -> list[Submission]:
        """Store jobs: all of the call or, if it raises, none of it. `batch_size` is rows a statement.

        With `connection`, within that connection's transaction: nothing is seen or signalled before
        its commit, and a refusal leaves the transaction usable.

        Raises:
            JobAlreadyExists: RAISE and an id is stored already or stands twice in `jobs`.
            DuplicateJob: RAISE and a dedupe key is that of an unfinished job or stands twice in `jobs`.
        """
        ...

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        """Lease due jobs to a worker, most urgent first, skipping what others are claiming."""
        ...

    async def claim_lanes(self, request: ClaimRequest, *, now: datetime | None = None) -> LaneAnswer:
        """Lease due jobs of tasks with limits, as far as the limits allow, whoever else claims meanwhile.

        Jobs of `claim` that are more urgent count against `limit`, and are left to it. Jobs of a paused
        task are left alone, and so are lanes that are full: neither hides the jobs of other lanes.
        """
        ...

    async def claim_job(
        self, job_id: str, request: ClaimRequest, *, now: datetime | None = None
    ) -> ClaimedJob | None:
        """Lease this very job if it is pending, due or not; None if it is not pending. It is asked for by
        name, so no limit keeps it back; it counts against the limits while it runs."""
        ...

    async def renew(self, request: RenewRequest, *, now: datetime | None = None) -> RenewAnswer:
        """Extend the worker's leases to now + lease and record that the worker lives."""
        ...

    async def settle(
        self,
        settlements: Sequence[Settlement],
        *,
        now: datetime | None = None,
        not_kept: Collection[JobStatus] = (),
    ) -> SettleAnswer:
        """Apply verdicts. Of several verdicts by one worker on one lease the first counts. A job that ends in
        a status of `not_kept` is deleted in the same statement, with its history; one that is awaited (see
        `Signals.await_jobs`) is left to `Retention.prune`."""
        ...

    async def reclaim_expired(self, request: ReclaimRequest, *, now: datetime | None = None) -> ReclaimAnswer:
        """Take back jobs whose lease is over; forget workers not seen for the heartbeat threshold."""
        ...

    async def request_cancel(
        self,
        job_ids: Sequence[str],
        *,
        now: datetime | None = None,
        connection: Any = None,
        by: Actor | None = None,
    ) -> list[CancelAnswer]:
        """Cancel pending jobs and ask the workers of running ones to stop them. What somebody does by hand
        (`by`) is written down in the same transaction: see `Steering.audit`."""
        ...

    async def override_status(
        self,
        job_id: str,
        status: JobStatus,
        *,
        now: datetime | None = None,
        stop_attempt: bool = True,
        by: Actor | None = None,
    ) -> JobStatus:
        """Move a job by an operator's word, through the state machine; returns the state before.

        Setting the state a job has changes nothing. Ending or reopening a running job ends the lease
        of its attempt, and tells its worker so at once, unless `stop_attempt` is False.

        Raises:
            JobNotFound: no such job.
            InvalidTransition: no such step.
        """
        ...

    async def forget_worker(self, worker_id: str) -> None:
        """Remove a worker that has stopped from the list of workers."""
        ...

    async def note_progress(self, reports: Mapping[Lease, Progress]) -> Collection[Lease]:
        """Store how far attempts got, the latest word of each. A report under an epoch that is not the row's
        any more changes nothing. Returned are those that are to be reported again: somebody's open
        transaction holds the row."""
        ...
