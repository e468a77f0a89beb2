"""The rows of jobs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pg_scheduler.domain.failures import Failure
from pg_scheduler.domain.limits import OF_QUEUES
from pg_scheduler.domain.misfire import EXPIRED_MESSAGE, ever_started, misfired
from pg_scheduler.domain.model import ClaimedJob, JobRecord, NewJob, Progress
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
    error_group: str | None = None
    error_type: str | None = None
    error_frame: str | None = None
    window: datetime | None = None
    lane: str | None = None
    counts_in: tuple[str, str | None, str] | None = None
    """The task, lane and queue that the running attempt takes its place in, where the row has got another
    definition since."""
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
        self.counts_in = None
        return ClaimedJob(
            **_shared(self, ClaimedJob), attempt=self.attempt_count, schedule_window=self.window
        )

    def redefine(self, new: NewJob, execution_time: datetime) -> None:
        """Take a new definition; a running attempt keeps its lease, and its place in its lane and queue."""
        if self.status is JobStatus.RUNNING and self.counts_in is None:
            self.counts_in = self.new.task_name, self.lane, self.new.queue
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
        self.error_group = self.error_type = self.error_frame = None

    def end(self, status: JobStatus, now: datetime) -> None:
        """Finish, keeping the last owner."""
        self.status = status
        self.finished_at = now
        self.lease_until = None
        self.superseded = False

    def note_failure(self, failure: Failure | None) -> None:
        """What kind of failure it is."""
        self.error_group, self.error_type, self.error_frame = failure or (None, None, None)

    def wait_again(self) -> None:
        """Pending again after an attempt; how it got here is not forgotten."""
        self.status = JobStatus.PENDING
        self.worker_id = self.lease_until = None

    @property
    def occupies(self) -> tuple[tuple[str, str | None], ...]:
        """The gates behind which it takes a place: its lane's and its queue's; none while it does not run."""
        if self.status is not JobStatus.RUNNING:
            return ()
        task_name, lane, queue = self.counts_in or (self.new.task_name, self.lane, self.new.queue)
        return (task_name, lane), (OF_QUEUES, queue)

    def too_late(self, moment: datetime, waits_from: datetime | None = None) -> bool:
        """True if its first start would come after its grace. That counts from `waits_from` at the earliest,
        but for windows: what made them miss their time does not matter."""
        since = self.execution_time
        if waits_from is not None and self.window is None:
            since = max(since, waits_from)
        return misfired(
            lateness=moment - since,
            grace_seconds=self.new.misfire_grace_seconds,
            ever_started=ever_started(self.started_at, self.retry_count),
        )

    def expire(self, moment: datetime) -> None:
        """End, because it was too late for its first start."""
        self.end(target_of(JobStatus.PENDING, JobEvent.EXPIRE), moment)
        self.error_message = EXPIRED_MESSAGE

    def record(self) -> JobRecord:
        """As insight shows it."""
        shared = _shared(self, JobRecord)
        shared["limit_key"] = self.lane or None
        return JobRecord(**shared, schedule_window=self.window)


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
