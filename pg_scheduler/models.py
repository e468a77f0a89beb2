"""What entrypoints and schedules are called with."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.priority import priority_of_rank
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.schedule import ScheduleSpec
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.running.arguments import NO_ARGUMENTS
from pg_scheduler.entrypoints.cancel_scope import CancelScope
from pg_scheduler.ports.job_context import JobContext
from pg_scheduler.ports.schedule_store import ScheduleRecord


@dataclass(frozen=True, slots=True)
class Job:
    """One job as its entrypoint sees it. Times are aware, in UTC."""

    id: str
    entrypoint: str
    payload: bytes | None
    priority: int
    """Higher runs first; 0 is normal."""
    status: JobStatus
    execute_after: datetime
    """When it was due."""
    created: datetime | None
    headers: dict[str, Any] = field(default_factory=dict)
    attempt: int = 1
    """1 for the first start."""
    retry_count: int = 0
    limit_key: str | None = None
    queue: str = DEFAULT_QUEUE

    @property
    def data(self) -> bytes | None:
        """The payload."""
        return self.payload

    @classmethod
    def of(cls, job: ClaimedJob) -> Job:
        """The running job. Arguments that the function style scheduled are its payload, as JSON."""
        payload = job.payload
        if payload is None and job.task_data not in NO_ARGUMENTS:
            payload = job.task_data.encode()
        return cls(
            id=job.job_id,
            entrypoint=job.task_name,
            payload=payload,
            priority=priority_of_rank(job.rank),
            status=JobStatus.RUNNING,
            execute_after=job.execution_time,
            created=job.created_at,
            headers=JsonCodec().decode_result(job.headers) if job.headers else {},
            attempt=job.attempt,
            retry_count=job.retry_count,
            limit_key=job.lane or None,
            queue=job.queue,
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as its function sees it. Times are aware, in UTC."""

    id: str
    """The key of the stored schedule; the job's id for a run that belongs to none."""
    entrypoint: str
    """The name it was registered under."""
    expression: str
    """Cron expression, or ``every ...`` for an interval."""
    status: str
    heartbeat: datetime | None
    """When a worker last confirmed that its code has the schedule."""
    created: datetime | None
    next_run: datetime | None
    last_run: datetime | None
    window: datetime | None
    """The due time that this run is for; None for a run that somebody asked for."""

    @classmethod
    def of(cls, entrypoint: str, job: ClaimedJob, record: ScheduleRecord | None) -> Schedule:
        """The schedule of a running job, with what is stored about it."""
        spec = None if record is None else ScheduleSpec.from_text(record.new.spec)
        cron = None if spec is None else spec.cron
        return cls(
            id=job.schedule_key or job.job_id,
            entrypoint=entrypoint,
            expression=cron.expression if cron else f"every {spec.every}" if spec else "",
            status=str(JobStatus.RUNNING),
            heartbeat=None if record is None else record.heartbeat,
            created=None if record is None else record.created_at,
            next_run=None if record is None else record.next_window,
            last_run=None if record is None else record.mark,
            window=job.schedule_window,
        )


@dataclass(frozen=True, slots=True)
class Context:
    """The running attempt, seen from inside."""

    job: JobContext
    resources: MutableMapping[str, Any] = field(default_factory=dict)
    """What the application gave to its `PgQueuer`, shared by all jobs."""

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.job.job_id

    @property
    def attempt(self) -> int:
        """1 for the first start."""
        return self.job.attempt

    @property
    def cancellation(self) -> CancelScope:
        """See `CancelScope`."""
        return CancelScope(self.job)

    def progress(self, done: float, total: float | None = None) -> None:
        """Say how far the job got; see `JobContext.progress`."""
        self.job.progress(done, total)

    async def complete_in(self, connection: Any, result: Any = None) -> None:
        """Complete the job in your own transaction; see `JobContext.complete_in`."""
        await self.job.complete_in(connection, result)


__all__ = ["CancelScope", "Context", "Job", "JobStatus", "Schedule"]
