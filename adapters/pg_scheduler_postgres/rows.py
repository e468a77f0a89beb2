"""Rows to records and back: where jsonb is text and times become UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pg_scheduler.domain.model import (
    AttemptRecord,
    ClaimedJob,
    JobRecord,
    NewJob,
    Progress,
    WorkerRecord,
)
from pg_scheduler.domain.retry import backoff_from_text, backoff_text
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_postgres.session import Row

SOON = timedelta(seconds=60)
"""Only jobs due within this time are worth a NOTIFY: an idle worker looks at least this often anyway."""


def instant(value: datetime) -> datetime:
    """The instant in UTC, whatever time zone the connection speaks. asyncpg gives an infinite time as the
    first or last naive one."""
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc(value: datetime | None) -> datetime | None:
    """As `instant`, where there may be none."""
    return None if value is None else instant(value)


def seconds(value: timedelta | None) -> float | None:
    """A duration as the float seconds that cross to SQL."""
    return None if value is None else value.total_seconds()


def duration(value: float | None) -> timedelta | None:
    """The inverse of `seconds`."""
    return None if value is None else timedelta(seconds=value)


def values_of(job: NewJob) -> dict[str, Any]:
    """A new job as the parameters of the statement that stores one."""
    return {
        "job_id": job.job_id,
        "job_name": job.task_name,
        "execution_time": job.execution_time,
        "task_data": job.task_data,
        "priority": job.rank,
        "max_retries": job.max_retries,
        "misfire_grace_time": job.misfire_grace_seconds,
        "timeout": seconds(job.timeout),
        "backoff": backoff_text(job.backoff),
        "store_result": job.store_result,
        "schedule_key": job.schedule_key,
        "exclusive_key": job.exclusive_key,
        "exclusive_wait": job.exclusive_wait,
        "payload": job.payload,
        "headers": job.headers,
        "dedupe_key": job.dedupe_key,
        "delay": seconds(job.delay),
        "limit_key": job.limit_key,
    }


def columns_of(jobs: Sequence[NewJob]) -> dict[str, list[Any]]:
    """New jobs as the parallel arrays that the submit statements unnest."""
    rows = [values_of(job) for job in jobs]
    return {f"every_{name}": [row[name] for row in rows] for name in rows[0]}


def claimed_job(row: Row) -> ClaimedJob:
    """A row of the claim statements."""
    # In the order of the fields: naming twenty arguments costs more than setting them.
    return ClaimedJob(
        row["job_id"],
        row["job_name"],
        row["task_data"] or "{}",
        instant(row["execution_time"]),
        row["priority"],
        row["epoch"],
        row["attempt_count"],
        row["retry_count"],
        row["max_retries"],
        duration(row["timeout_seconds"]),
        backoff_from_text(row["backoff"]),
        row["store_result"],
        row["schedule_key"],
        row["exclusive_key"],
        row["exclusive_wait"],
        utc(row["schedule_window"]),
        row["payload"],
        row["headers"],
        row["lane"],
        utc(row["created_at"]),
    )


def job_record(row: Row) -> JobRecord:
    """A row of the insight statements."""
    return JobRecord(
        job_id=row["job_id"],
        task_name=row["job_name"],
        status=JobStatus(row["status"]),
        execution_time=instant(row["execution_time"]),
        rank=row["priority"],
        task_data=row["task_data"],
        created_at=instant(row["created_at"]),
        started_at=utc(row["started_at"]),
        finished_at=utc(row["finished_at"]),
        worker_id=row["worker_id"],
        lease_until=utc(row["lease_until"]),
        epoch=row["epoch"],
        attempt_count=row["attempt_count"],
        retry_count=row["retry_count"],
        max_retries=row["max_retries"],
        crash_count=row["crash_count"],
        cancel_requested=row["cancel_requested"],
        superseded=row["superseded"],
        misfire_grace_seconds=row["misfire_grace_time"],
        timeout=duration(row["timeout_seconds"]),
        error_message=row["error_message"],
        result=row["result"],
        schedule_key=row["schedule_key"],
        schedule_window=utc(row["schedule_window"]),
        payload=row["payload"],
        headers=row["headers"],
        dedupe_key=row["dedupe_key"],
        limit_key=row["lane"] or None,
        progress=_progress(row),
    )


def _progress(row: Row) -> Progress | None:
    done = row["progress_done"]
    return None if done is None else Progress(done, row["progress_total"])


def attempt_record(row: Row) -> AttemptRecord:
    """A row of the history."""
    return AttemptRecord(
        job_id=row["job_id"],
        epoch=row["epoch"],
        attempt=row["attempt"],
        worker_id=row["worker_id"],
        started_at=utc(row["started_at"]),
        finished_at=instant(row["finished_at"]),
        outcome=row["outcome"],
        error_message=row["error_message"],
        traceback=row["traceback"],
    )


def worker_record(row: Row) -> WorkerRecord:
    """A row of the workers table."""
    return WorkerRecord(
        worker_id=row["worker_id"],
        hostname=row["hostname"],
        pid=row["pid"],
        started_at=instant(row["started_at"]),
        last_seen=instant(row["last_seen"]),
    )
