"""The rows of the memory driver."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pg_scheduler.domain.misfire import EXPIRED_MESSAGE, ever_started, misfired
from pg_scheduler.domain.model import (
    START_ORDER,
    AttemptRecord,
    ClaimedJob,
    JobRecord,
    NewJob,
    Progress,
    WorkerRecord,
)
from pg_scheduler.domain.states import JobEvent, JobStatus, target_of


@dataclass(slots=True)
class StoredJob:
    """One row of `scheduled_jobs`."""

    new: NewJob
    """The definition."""
    created_at: datetime
    execution_time: datetime
    status: JobStatus = JobStatus.PENDING
    epoch: int = 0
    attempt_count: int = 0
    retry_count: int = 0
    crash_count: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    worker_id: str | None = None
    lease_until: datetime | None = None
    cancel_requested: bool = False
    superseded: bool = False
    error_message: str | None = None
    result: str | None = None
    window: datetime | None = None
    lane: str | None = None
    awaited: bool = False
    progress: Progress | None = None

    @property
    def job_id(self) -> str:
        """Its id."""
        return self.new.job_id

    @property
    def rank(self) -> int:
        """How urgent it is."""
        return self.new.rank

    def too_late(self, now: datetime) -> bool:
        """Whether it must expire instead of starting now."""
        return misfired(
            lateness=now - self.execution_time,
            grace_seconds=self.new.misfire_grace_seconds,
            ever_started=ever_started(self.started_at, self.retry_count),
        )

    def expire(self, now: datetime) -> None:
        """It was too late to start."""
        self.end(target_of(JobStatus.PENDING, JobEvent.EXPIRE), now)
        self.error_message = EXPIRED_MESSAGE

    @property
    def unfinished(self) -> bool:
        """True while it waits or runs."""
        return not self.status.finished

    @property
    def never_began(self) -> bool:
        """True while it waits for its first start."""
        return self.status is JobStatus.PENDING and self.started_at is None

    def lease_to(self, worker_id: str, now: datetime, lease: timedelta) -> ClaimedJob:
        """Start an attempt."""
        self.status = JobStatus.RUNNING
        self.epoch += 1
        self.attempt_count += 1
        self.worker_id = worker_id
        self.started_at = now
        self.lease_until = now + lease
        return ClaimedJob(
            **_shared(self, ClaimedJob), attempt=self.attempt_count, schedule_window=self.window
        )

    def redefine(self, new: NewJob, execution_time: datetime) -> None:
        """Take a new definition; a running attempt keeps its lease."""
        self.new, self.execution_time = new, execution_time
        self.error_message = self.result = self.finished_at = self.window = self.progress = None
        if self.status is JobStatus.RUNNING:
            self.superseded = True
        else:
            self.become_new()

    def become_new(self, status: JobStatus = JobStatus.PENDING) -> None:
        """As if it had just been submitted; earlier attempts may not write any more."""
        self.status = status
        self.epoch += 1
        self.attempt_count = self.retry_count = self.crash_count = 0
        self.started_at = self.finished_at = self.worker_id = self.lease_until = None
        self.cancel_requested = self.superseded = False
        self.error_message = self.result = self.progress = None

    def end(self, status: JobStatus, now: datetime) -> None:
        """Finish, keeping the last owner."""
        self.status = status
        self.finished_at = now
        self.lease_until = None
        self.superseded = False

    def wait_again(self) -> None:
        """Pending again after an attempt; how it got here is not forgotten."""
        self.status = JobStatus.PENDING
        self.worker_id = self.lease_until = None

    def record(self) -> JobRecord:
        """As insight shows it."""
        return JobRecord(
            **_shared(self, JobRecord) | {"limit_key": self.lane or None}, schedule_window=self.window
        )


def _shared(row: StoredJob, record: Any) -> dict[str, Any]:
    """The fields of a record that the row has under the same name, or else its definition."""
    own, defined = _names(StoredJob), _names(NewJob)
    return {
        name: getattr(row, name) if name in own else getattr(row.new, name)
        for name in _names(record)
        if name in own or name in defined
    }


@cache
def _names(record: Any) -> frozenset[str]:
    return frozenset(one.name for one in fields(record))


@dataclass(slots=True)
class Store:
    """All tables."""

    jobs: dict[str, StoredJob] = field(default_factory=dict)
    attempts: dict[tuple[str, int], AttemptRecord] = field(default_factory=dict)
    workers: dict[str, WorkerRecord] = field(default_factory=dict)

    def holder_of(self, dedupe_key: str | None) -> str | None:
        """The id of the unfinished job with this dedupe key."""
        return next(
            (
                row.new.job_id
                for row in self.jobs.values()
                if dedupe_key is not None and row.unfinished and row.new.dedupe_key == dedupe_key
            ),
            None,
        )

    def in_order(self, status: JobStatus) -> list[StoredJob]:
        """Jobs of one state in claim order: rank, execution time, id."""
        return sorted((job for job in self.jobs.values() if job.status is status), key=START_ORDER)

    def forget(self, job_ids: Collection[str]) -> None:
        """Delete jobs with their history."""
        for job_id in job_ids:
            del self.jobs[job_id]
        for key in [key for key in self.attempts if key[0] in job_ids]:
            del self.attempts[key]

    def note_attempt(
        self,
        job: StoredJob,
        outcome: str,
        now: datetime,
        error_message: str | None,
        traceback: str | None = None,
    ) -> None:
        """Write history for the attempt that the row still shows."""
        self.attempts[job.new.job_id, job.epoch] = AttemptRecord(
            job_id=job.new.job_id,
            epoch=job.epoch,
            attempt=job.attempt_count,
            worker_id=job.worker_id,
            started_at=job.started_at,
            finished_at=now,
            outcome=outcome,
            error_message=error_message,
            traceback=traceback,
        )
