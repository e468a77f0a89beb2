"""The Driver port: storage in the domain's verbs, cut into small Protocols.

Rules for every method:

* `now` is the pinned instant of a test clock; None means the store's own clock decides, and one call
  uses one instant throughout.
* Batches in, batches out. Answers come in the order of the request unless said otherwise.
* A failure raises: `ConnectionLost` and `TransientDatabaseError` may be tried again, other
  `DatabaseError` may not. No failure is ever turned into an empty answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.model import (
    AttemptRecord,
    ClaimedJob,
    JobRecord,
    Lease,
    NewJob,
    Progress,
    WorkerRecord,
)
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.completions import Completions
from pg_scheduler.ports.limit_store import LimitStore
from pg_scheduler.ports.schedule_store import Locks, Retention, ScheduleStore


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the order in which the jobs of one rank are claimed."""

    rank: int
    execution_time: datetime
    job_id: str


MOST_PER_CLAIM = 1_000
"""Rows that one claim may ask for: a bound that a store can plan with. More of them are several claims."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who claims what."""

    worker_id: str
    task_names: Collection[str]
    """Only jobs of these names are touched: a name that this worker does not know stays pending."""
    limit: int
    """At most this many rows are taken, expired ones included; no more than `MOST_PER_CLAIM`."""
    lease: timedelta
    beyond: tuple[Mark, ...] = ()
    """A hint, one mark per rank: of a rank that has one, jobs that stand before it may be left out, which
    spares a store the places where jobs stood that are claimed by now."""


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What a claim did."""

    jobs: tuple[ClaimedJob, ...]
    """Now running under the caller's lease; in start order: rank, execution time, id."""
    expired: tuple[str, ...]
    """Ids of jobs that were too late for their first start: they ended `expired` instead."""
    next_due_in: timedelta | None
    """Time until the earliest pending job of any name that is still in the future; None if there is
    none, or if the claim was filled to its limit and should simply be repeated."""
    sorted_into_lanes: int = 0
    """How many due jobs turned out to be of tasks with limits: they were not taken, and `claim_lanes` sees
    them from now on."""
    looked: float | None = field(default=None, compare=False)
    """Seconds that the store itself took to find them, where it tells."""

    @property
    def rows(self) -> int:
        """How many jobs the claim dealt with; its limit, if there may be more."""
        return len(self.jobs) + len(self.expired) + self.sorted_into_lanes


@dataclass(frozen=True, slots=True)
class LaneAnswer:
    """What a claim from the lanes did."""

    jobs: tuple[ClaimedJob, ...]
    """As in `ClaimAnswer`."""
    expired: tuple[str, ...]
    more: bool
    """True if it is worth asking again soon: there may be more to take, or another claim was faster."""
    next_in: timedelta | None
    """Time until a lane has something to give by itself: a job becomes due, a rate allows the next start;
    None if there is `more` already. Jobs that wait for a running one to end are not counted: a signal
    tells."""
    swept: bool = True
    """False if there are more lanes, which the next claims look at: this is about some of them."""


@dataclass(frozen=True, slots=True)
class RenewRequest:
    """A worker's sign of life: its leases, extended in one statement."""

    worker_id: str
    hostname: str
    pid: int
    lease: timedelta
    leases: Sequence[Lease]


@dataclass(frozen=True, slots=True)
class RenewAnswer:
    """Which leases the worker still holds, and which of those jobs it should stop."""

    held: frozenset[Lease]
    cancel_requested: frozenset[Lease]
    """A part of `held`."""


@dataclass(frozen=True, slots=True)
class ReclaimRequest:
    """How leases that are over are taken back."""

    heartbeat_threshold: timedelta
    """A running row without any lease (written by something older) is given up this long after its
    last heartbeat."""
    max_crashes: int
    """A job whose lease was lost this many times ends `failed`."""
    limit: int = 500
    after_restart: timedelta = timedelta(0)
    """Nothing is taken back so soon after a start of the server: while it was down, nobody could renew. A
    store that knows no such moment ignores it."""


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """One job whose lease was over."""

    job_id: str
    worker_id: str | None
    """Who lost it."""
    status: JobStatus
    """pending again, failed after too many crashes, or cancelled where that had been asked for."""
    crash_count: int


@dataclass(frozen=True, slots=True)
class ReclaimAnswer:
    """What was taken back, in id order, and when to look again."""

    jobs: tuple[Reclaimed, ...]
    next_expiry_in: timedelta | None
    """Time until the next lease ends unless renewed; None if nothing runs."""


class CancelAnswer(StrEnum):
    """What a wish to cancel met."""

    CANCELLED = "cancelled"
    """It was pending and is cancelled now."""
    REQUESTED = "requested"
    """It runs; its worker has been told. The row says `cancelled` once it really stopped."""
    FINISHED = "finished"
    """Too late: it had ended."""
    UNKNOWN = "unknown"
    """There is no such job."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Due jobs of one name that nobody here claims."""

    task_name: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class QueueSize:
    """Jobs of one name, rank and status."""

    task_name: str
    rank: int
    status: JobStatus
    count: int


class SignalKind(StrEnum):
    """Why a worker is woken."""

    DUE = "due"
    """A job is due now or soon."""
    CANCEL = "cancel"
    """A running job was asked to stop."""
    SCHEDULE = "schedule"
    """A schedule has changed, or its unfinished run has finished."""
    LANE = "lane"
    """A lane has something to give: a job is due now or soon, a running one ended, a task is resumed."""


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
    ) -> Sequence[bool | None]:
        """Apply verdicts. False where the lease was lost: that row is untouched. None where it cannot be said
        yet, because somebody's open transaction holds the row: untouched too, and to be told again. Of
        several verdicts by one worker on one lease the first counts. A job that ends in a status of
        `not_kept` is deleted in the same statement, with its history."""
        ...

    async def reclaim_expired(self, request: ReclaimRequest, *, now: datetime | None = None) -> ReclaimAnswer:
        """Take back jobs whose lease is over; forget workers not seen for the heartbeat threshold."""
        ...

    async def request_cancel(
        self, job_ids: Sequence[str], *, now: datetime | None = None, connection: Any = None
    ) -> list[CancelAnswer]:
        """Cancel pending jobs and ask the workers of running ones to stop them."""
        ...

    async def override_status(
        self, job_id: str, status: JobStatus, *, now: datetime | None = None
    ) -> JobStatus:
        """Move a job by an operator's word, through the state machine; returns the state before.

        Setting the state a job has changes nothing. Ending or reopening a running job ends the lease
        of its attempt.

        Raises:
            JobNotFound: no such job.
            InvalidTransition: no such step.
        """
        ...

    async def forget_worker(self, worker_id: str) -> None:
        """Remove a worker that has stopped from the list of workers."""
        ...

    async def note_progress(self, reports: Mapping[Lease, Progress]) -> None:
        """Store how far attempts got, the latest word of each. A report under an epoch that is not the row's
        any more changes nothing."""
        ...


class Signals(Protocol):
    """Wake-ups between processes."""

    async def listen(self, on_signal: Callable[[SignalKind], None], on_ready: Callable[[], None]) -> None:
        """Deliver signals from now on, on a connection of its own; runs until cancelled.

        `on_ready` is called once signals would no longer be missed.

        Raises:
            ConnectionLost: the connection broke; call again to go on.
        """
        ...

    async def listen_finished(
        self, on_finished: Callable[[str, JobStatus], None], on_ready: Callable[[], None]
    ) -> None:
        """Tell of every awaited job that ends (see `await_job`): its id and how it ended. As `listen`."""
        ...

    async def await_job(self, job_id: str) -> None:
        """Make sure that the end of this job will be told. Nothing happens if it has ended, or does not
        exist."""
        ...


class Insight(Protocol):
    """Read-only views."""

    async def job(self, job_id: str, *, connection: Any = None) -> JobRecord | None:
        """One stored job, or None."""
        ...

    async def jobs(
        self,
        *,
        statuses: Collection[JobStatus] = (),
        task_name: str | None = None,
        worker_id: str | None = None,
        limit: int = 100,
    ) -> list[JobRecord]:
        """Stored jobs in order of execution time, id. No statuses means all; `worker_id` narrows to those
        that this worker runs, or ran last."""
        ...

    async def counts(self) -> dict[JobStatus, int]:
        """How many jobs are in each state; every state is a key."""
        ...

    async def attempts(self, job_id: str) -> list[AttemptRecord]:
        """The recorded attempts of a job, oldest first."""
        ...

    async def unclaimed(self, known_names: Collection[str], *, now: datetime | None = None) -> list[Waiting]:
        """Due jobs whose names are not among `known_names`, by name."""
        ...

    async def duplicates(self, dedupe_keys: Collection[str], *, connection: Any = None) -> dict[str, str]:
        """The ids of unfinished jobs by dedupe key, of those keys that are taken."""
        ...

    async def sizes(self) -> list[QueueSize]:
        """How many unfinished jobs there are, by name, rank and status, in this order."""
        ...

    async def pending_names(self) -> list[str]:
        """The distinct names of pending jobs, sorted."""
        ...

    async def workers(self) -> list[WorkerRecord]:
        """Workers that have shown a sign of life and not said goodbye, by id."""
        ...


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """What is installed."""

    schema: str
    version: int
    """0 where nothing is installed."""
    latest: int
    """What this code brings."""
    missing: tuple[str, ...]
    """Tables, columns or indexes that should exist at this version and do not."""

    @property
    def current(self) -> bool:
        """True if nothing needs to be done."""
        return self.version >= self.latest and not self.missing


class Schema(Protocol):
    """The tables themselves."""

    async def install(self) -> None:
        """Bring the tables to this code's version: create, upgrade or heal. Safe to run any number of
        times, from any number of processes at once; a newer schema is left alone."""
        ...

    async def schema_status(self) -> SchemaStatus:
        """What is there."""
        ...

    async def uninstall(self) -> None:
        """Drop everything that `install` made, the jobs included."""
        ...


@runtime_checkable
class Driver(
    JobStore, Completions, ScheduleStore, LimitStore, Locks, Retention, Signals, Insight, Schema, Protocol
):
    """All of it; and the life of the driver itself."""

    async def open(self) -> None:
        """Make ready for use. Idempotent. A pool or connection passed in by the user is used as it is."""
        ...

    async def close(self) -> None:
        """Free what `open` made. Idempotent. The user's own pool or connection stays open."""
        ...

    def dedicated(self) -> Driver | None:
        """A driver on one connection of its own, to be opened, used and closed in another thread's event
        loop; None where that makes no sense (a store in this process' memory)."""
        ...
