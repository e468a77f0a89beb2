"""Read-only views of jobs, attempts and workers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pg_scheduler.domain.model import AttemptRecord, JobInfo, JobRecord, Lease
from pg_scheduler.domain.paging import MOST_MATCHING, Count, Cursor, Page
from pg_scheduler.domain.states import UNFINISHED, JobStatus

if TYPE_CHECKING:
    from pg_scheduler.domain.cluster_facts import ClusterFacts
    from pg_scheduler.domain.depths import Depths, FailedJobs
    from pg_scheduler.domain.engine_facts import EngineFacts
    from pg_scheduler.domain.failures import Failures
    from pg_scheduler.domain.job_facts import JobFacts
    from pg_scheduler.domain.replica import Replica
    from pg_scheduler.domain.selection import Selection
    from pg_scheduler.domain.server_facts import ServerFacts
    from pg_scheduler.domain.summary import Workload
    from pg_scheduler.domain.workers import WorkerRecord


class JobPlace(NamedTuple):
    """Where a job stands in the order of execution time, id."""

    execution_time: datetime
    job_id: str


MOST_COUNTED = 1_000
"""So many jobs that wait for somebody who knows them are as bad as any number, and counting ends."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Due jobs of one name that this worker does not claim."""

    task_name: str
    count: int
    """`MOST_COUNTED`, if there may be more."""
    oldest: datetime
    """When the first of those was due that were counted."""


@dataclass(frozen=True, slots=True)
class QueueSize:
    """Jobs of one queue, name, rank and status."""

    queue: str
    task_name: str
    rank: int
    status: JobStatus
    count: int


class Insight(Protocol):
    """Read-only views."""

    async def job(self, job_id: str, *, connection: Any = None) -> JobRecord | None:
        """One stored job, or None."""
        ...

    async def statuses(self, job_ids: Collection[str]) -> dict[str, JobStatus]:
        """The statuses of those of these jobs that are stored, by id."""
        ...

    async def infos(self, job_ids: Collection[str]) -> dict[str, JobInfo]:
        """What people who watch them see of those of these jobs that are stored, by id."""
        ...

    async def ids_beginning_with(self, prefix: str, limit: int) -> list[str]:
        """At most so many ids of stored jobs that begin so, sorted."""
        ...

    async def jobs(
        self,
        *,
        statuses: Collection[JobStatus] = (),
        task_name: str | None = None,
        queue: str | None = None,
        worker_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        error: str | None = None,
        newest_first: bool = False,
        before: JobPlace | None = None,
        limit: int = 100,
    ) -> list[JobRecord]:
        """Stored jobs in order of execution time, id; with `newest_first` in the opposite order.

        Args:
            statuses, task_name, queue, worker_id, since, until, error: as in `Selection`.
            before: only those whose place in the order of execution time, id is before this one.
            limit: at most so many.
        """
        ...

    async def page(
        self,
        selection: Selection,
        after: Cursor | None = None,
        limit: int = 50,
        *,
        now: datetime | None = None,
    ) -> Page:
        """At most so many of the stored jobs that match, the newest first, from a place in their order on.
        It costs no more where more jobs are stored."""
        ...

    async def count(
        self, selection: Selection, at_most: int = MOST_MATCHING, *, now: datetime | None = None
    ) -> Count:
        """How many stored jobs match, counted so far and no further."""
        ...

    async def failures(
        self,
        *,
        task_name: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Failures:
        """The failed jobs that are stored, or those of one task, by what failed in them: at most so many
        groups, those that failed last first."""
        ...

    async def workload(self, *, now: datetime | None = None) -> Workload:
        """What is due and what runs, by queue and task, counted so far and no further."""
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

    async def leases_of(self, worker_id: str) -> list[Lease]:
        """What runs for a worker, as the store believes, in id order."""
        ...

    async def sizes(self, statuses: Collection[JobStatus] = UNFINISHED) -> list[QueueSize]:
        """How many jobs there are in these states, by queue, name, rank and status, in this order."""
        ...

    async def pending_names(self) -> list[str]:
        """The distinct names of pending jobs, sorted."""
        ...

    async def facts_about(self, job_id: str, *, now: datetime | None = None) -> JobFacts | None:
        """What decides whether and when this job starts, all as of one moment; None if there is no such job.
        It waits for nobody: that somebody's open transaction holds the row is one of the facts."""
        ...

    async def workers(self, *, now: datetime | None = None) -> list[WorkerRecord]:
        """Workers that have shown a sign of life and not said goodbye, by id."""
        ...

    async def cluster_facts(self, *, now: datetime | None = None) -> ClusterFacts:
        """What tells whether anything is wrong with workers, jobs or schedules. It costs little, however many
        jobs there are: only the first of each stream, and of each rank of a lane, are looked at."""
        ...

    async def depths(self, *, now: datetime | None = None) -> Depths:
        """How many jobs wait and run, by queue and task; as cheap, however many there are."""
        ...

    async def failed_jobs(self) -> FailedJobs:
        """Failed jobs that are stored, by queue and task, of at most `MOST_MATCHING` jobs that failed, were
        cancelled or expired, those that ended last."""
        ...

    async def server_facts(self) -> ServerFacts | None:
        """What tells whether anything is wrong with the database server; None where there is none."""
        ...

    async def engine(self) -> EngineFacts | None:
        """Which database this is, and what it refuses of what a driver needs; None where there is none. It
        tries that, and changes nothing."""
        ...

    async def replica(self) -> Replica | None:
        """How far this store has come, if it follows another one; None if it takes changes itself."""
        ...
