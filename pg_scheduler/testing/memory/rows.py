"""The rows of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pg_scheduler.domain.misfire import misfired
from pg_scheduler.domain.model import ClaimedJob, JobRecord, NewJob, Progress
from pg_scheduler.domain.states import JobStatus


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
            job_id=self.new.job_id,
            task_name=self.new.task_name,
            task_data=self.new.task_data,
            execution_time=self.execution_time,
            rank=self.new.rank,
            epoch=self.epoch,
            attempt=self.attempt_count,
            retry_count=self.retry_count,
            max_retries=self.new.max_retries,
            timeout=self.new.timeout,
            backoff=self.new.backoff,
            store_result=self.new.store_result,
            schedule_key=self.new.schedule_key,
            exclusive_key=self.new.exclusive_key,
            exclusive_wait=self.new.exclusive_wait,
            schedule_window=self.window,
            payload=self.new.payload,
            headers=self.new.headers,
            lane=self.lane,
            created_at=self.created_at,
        )

    def redefine(self, new: NewJob, execution_time: datetime) -> None:
        """Take a new definition; a running attempt keeps its lease."""
        self.new, self.execution_time = new, execution_time
        self.error_message = self.result = self.finished_at = self.window = self.progress = None
        if self.status is JobStatus.RUNNING:
            self.superseded = True
        else:
            self.become_new()

    def become_new(self) -> None:
        """Pending, as if it had just been submitted; earlier attempts may not write any more."""
        self.status = JobStatus.PENDING
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

    def too_late(self, moment: datetime) -> bool:
        """True if its first start would come after its grace."""
        return misfired(
            lateness=moment - self.execution_time,
            grace_seconds=self.new.misfire_grace_seconds,
            ever_started=self.started_at is not None or self.retry_count > 0,
        )

    def expire(self, moment: datetime) -> None:
        """End, because it was too late for its first start."""
        self.end(JobStatus.EXPIRED, moment)
        self.error_message = "expired: not started within its misfire grace time"

    def record(self) -> JobRecord:
        """As insight shows it."""
        return JobRecord(
            job_id=self.new.job_id,
            task_name=self.new.task_name,
            status=self.status,
            execution_time=self.execution_time,
            rank=self.new.rank,
            task_data=self.new.task_data,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            worker_id=self.worker_id,
            lease_until=self.lease_until,
            epoch=self.epoch,
            attempt_count=self.attempt_count,
            retry_count=self.retry_count,
            max_retries=self.new.max_retries,
            crash_count=self.crash_count,
            cancel_requested=self.cancel_requested,
            superseded=self.superseded,
            misfire_grace_seconds=self.new.misfire_grace_seconds,
            timeout=self.new.timeout,
            error_message=self.error_message,
            result=self.result,
            schedule_key=self.new.schedule_key,
            schedule_window=self.window,
            payload=self.new.payload,
            headers=self.new.headers,
            dedupe_key=self.new.dedupe_key,
            limit_key=self.lane or None,
            progress=self.progress,
        )
