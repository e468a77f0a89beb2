"""A job as `django.tasks` shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_django.interface import Task, TaskError, TaskResult, TaskResultStatus

_STATUSES = {
    JobStatus.PENDING: TaskResultStatus.READY,
    JobStatus.RUNNING: TaskResultStatus.RUNNING,
    JobStatus.COMPLETED: TaskResultStatus.SUCCESSFUL,
}
"""What is not here has ended without a result."""

_ENDED_BY_US = {
    JobStatus.CANCELLED: "pg_scheduler.domain.errors.JobCancelled",
    JobStatus.EXPIRED: "pg_scheduler.domain.errors.WaitTimeout",
}


def result_of(record: JobRecord, attempts: Sequence[AttemptRecord], task: Task, backend: str) -> TaskResult:
    """All that is known of it."""
    arguments = json.loads(record.task_data)
    status = _STATUSES.get(record.status, TaskResultStatus.FAILED)
    starts = [attempt.started_at for attempt in attempts if attempt.started_at] + (
        [record.started_at] if record.started_at else []
    )
    result: TaskResult = TaskResult(
        task=task.using(queue_name=record.queue) if record.queue != task.queue_name else task,
        id=record.job_id,
        status=status,
        enqueued_at=record.created_at,
        started_at=min(starts, default=None),
        last_attempted_at=record.started_at,
        finished_at=record.finished_at,
        args=arguments.get("args", []),
        kwargs=arguments.get("kwargs", {}),
        backend=backend,
        errors=_errors(record, attempts),
        worker_ids=_worker_ids(record, attempts),
    )
    if status == TaskResultStatus.SUCCESSFUL and record.result is not None:
        object.__setattr__(result, "_return_value", json.loads(record.result))
    return result


def _worker_ids(record: JobRecord, attempts: Sequence[AttemptRecord]) -> list[str]:
    owners = [attempt.worker_id or "" for attempt in attempts if attempt.outcome != "released"]
    shown = {attempt.epoch for attempt in attempts}
    if record.attempt_count and record.epoch not in shown and record.worker_id:
        owners.append(record.worker_id)
    return owners


def _errors(record: JobRecord, attempts: Sequence[AttemptRecord]) -> list[TaskError]:
    """Those of the attempts that failed, oldest first."""
    found = [
        TaskError(
            exception_class_path=class_path(attempt.error_message or "", attempt.traceback or ""),
            traceback=attempt.traceback or attempt.error_message or "",
        )
        for attempt in attempts
        if attempt.outcome in ("retry", "failed")
    ]
    if record.status in _ENDED_BY_US:
        path = _ENDED_BY_US[record.status]
        found.append(
            TaskError(exception_class_path=path, traceback=record.error_message or str(record.status))
        )
    elif record.status is JobStatus.FAILED and not found:
        path = "pg_scheduler.domain.errors.JobFailed"
        found.append(TaskError(exception_class_path=path, traceback=record.error_message or ""))
    return found


def class_path(message: str, traceback: str) -> str:
    """The dotted path of the exception of which a traceback tells: its last line names the class with its
    module, if that is not builtins. The message, which begins with the bare name, says which line it is."""
    name = re.match(r"[\w.<>]+", message)
    if name is None:
        return "builtins.Exception"
    lines = re.findall(rf"^((?:[\w.]+\.)?{re.escape(name[0])})(?=:|$)", traceback, re.MULTILINE)
    path: str = lines[-1] if lines else name[0]
    return path if "." in path else f"builtins.{path}"
