"""The records that cross the Driver port."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.retry import Backoff
from pg_scheduler.domain.states import JobStatus


@dataclass(slots=True)
class NewJob:
    """A job to be stored, already validated and encoded. Nobody changes one; why it is not frozen is said at
    `ClaimedJob`."""

    job_id: str
    task_name: str
    """Stored in the `job_name` column."""
    execution_time: datetime
    """Aware; the earliest instant at which it may start."""
    task_data: str
    """JSON text ``{"args": [...], "kwargs": {...}}``."""
    rank: int = 5
    max_retries: int = 0
    misfire_grace_seconds: int | None = None
    """None: it never expires."""
    timeout: timedelta | None = None
    """None: the task's own timeout, if it has one."""
    backoff: Backoff | None = None
    """None: the task's or the scheduler's policy."""
    store_result: bool = False
    schedule_key: str | None = None
    """The schedule whose run this is, if any."""
    exclusive_key: str | None = None
    """The advisory lock that each attempt must hold for its whole run, if any."""
    exclusive_wait: bool = True
    """If the lock is held elsewhere: True tries again shortly, False ends the job cancelled."""
    payload: bytes | None = None
    """What an entrypoint gets."""
    headers: str | None = None
    """JSON text of an object that travels with the payload."""
    dedupe_key: str | None = None
    """Unique among the jobs that have not finished."""
    delay: timedelta | None = None
    """If given, the job is due this long after the store's own now, and `execution_time` means nothing."""
    limit_key: str | None = None
    """Whose limits it counts against (a tenant, a customer); None: those of the task's jobs without a key."""
    queue: str = DEFAULT_QUEUE
    fresh_id: bool = False
    """Whether the id was made at random for this job, so that no stored job can have it."""

    @property
    def size(self) -> int:
        """Characters and bytes of what it carries, which may be megabytes."""
        return len(self.task_data) + len(self.payload or b"") + len(self.headers or "")


class Lease(NamedTuple):
    """The right of one attempt to write: true while the row's epoch is still this one."""

    job_id: str
    epoch: int


@dataclass(slots=True)
class ClaimedJob:
    """What a worker needs to run one attempt of a job. Nobody changes one. It is not frozen because setting
    twenty fields past a freeze takes ten times as long, for each job that is claimed."""

    job_id: str
    task_name: str
    task_data: str
    execution_time: datetime
    rank: int
    epoch: int
    attempt: int
    """1 for the first start. Attempts that were given back are not counted."""
    retry_count: int
    max_retries: int
    timeout: timedelta | None
    backoff: Backoff | None
    store_result: bool
    schedule_key: str | None = None
    exclusive_key: str | None = None
    exclusive_wait: bool = True
    schedule_window: datetime | None = None
    payload: bytes | None = None
    headers: str | None = None
    lane: str | None = None
    """The limit key under which it counts; None if no limit was looked at."""
    created_at: datetime | None = None
    queue: str = DEFAULT_QUEUE

    @property
    def lease(self) -> Lease:
        """The lease under which this attempt runs."""
        return Lease(self.job_id, self.epoch)


START_ORDER_FIELDS = ("rank", "execution_time", "job_id")
"""In which order jobs are claimed: the most urgent first, then by time and id."""

START_ORDER = attrgetter(*START_ORDER_FIELDS)
"""The key by which they are sorted."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt got, in whatever unit it counts."""

    done: float
    total: float | None
    """None where the end is not known."""


@dataclass(frozen=True, slots=True)
class JobInfo:
    """What changes of a job while people watch it."""

    job_id: str
    status: JobStatus
    progress: Progress | None
    """How far the running, or last, attempt said that it got."""
    attempt_count: int
    """How many attempts have begun."""
    error_message: str | None
    """Why the last attempt that failed did so."""

    def to_dict(self) -> dict[str, Any]:
        """The same in words of JSON."""
        done = self.progress
        return {
            "job_id": self.job_id,
            "status": str(self.status),
            "progress": None if done is None else {"done": done.done, "total": done.total},
            "attempt_count": self.attempt_count,
            "error_message": self.error_message,
        }


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One stored job as insight shows it. Times are aware, in UTC."""

    job_id: str
    task_name: str
    status: JobStatus
    execution_time: datetime
    rank: int
    task_data: str
    created_at: datetime
    started_at: datetime | None
    """Start of the latest attempt; None while the job never started."""
    finished_at: datetime | None
    worker_id: str | None
    """The owner while running; the last owner once an attempt finished the job."""
    lease_until: datetime | None
    epoch: int
    attempt_count: int
    retry_count: int
    max_retries: int
    crash_count: int
    cancel_requested: bool
    superseded: bool
    """True while a running attempt is of an older version than the definition in this row."""
    misfire_grace_seconds: int | None
    timeout: timedelta | None
    error_message: str | None
    result: str | None
    """JSON text, where the job asked for its result to be stored."""
    schedule_key: str | None = None
    schedule_window: datetime | None = None
    """The window that this run is for; None for a run that somebody asked for."""
    payload: bytes | None = None
    headers: str | None = None
    """JSON text."""
    dedupe_key: str | None = None
    limit_key: str | None = None
    """The key under which limits count it; None if no limit is looked at."""
    progress: Progress | None = None
    """How far the running, or last, attempt said that it got."""
    queue: str = DEFAULT_QUEUE
    error_group: str | None = None
    """Which failures are like that of this job (`FailureGroup`)."""

    def claimed(self) -> ClaimedJob:
        """Its last attempt as the worker knew it, but for what no record shows: how it is retried, and which
        lock it held."""
        names = {one.name for one in fields(ClaimedJob)} & {one.name for one in fields(JobRecord)}
        shared: dict[str, Any] = {name: getattr(self, name) for name in names}
        return ClaimedJob(
            **shared, attempt=self.attempt_count, backoff=None, store_result=False, lane=self.limit_key
        )


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt that did not complete the job. History is written only for these, because the row
    itself describes the attempt that completed it."""

    job_id: str
    epoch: int
    attempt: int
    worker_id: str | None
    started_at: datetime | None
    finished_at: datetime
    outcome: str
    """retry, failed, cancelled, released, snoozed, lost, or completed for a superseded version."""
    error_message: str | None
    traceback: str | None
