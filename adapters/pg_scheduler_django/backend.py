"""The backend of `django.tasks`: each task is a job of its own name, and shares the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string

from pg_scheduler import SyncScheduler
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.priority import rank_of_priority
from pg_scheduler_django.conf import conf
from pg_scheduler_django.interface import (
    BaseTaskBackend,
    Task,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    normalize_json,
    task_enqueued,
)
from pg_scheduler_django.results import result_of


class TaskBackend(BaseTaskBackend):
    """``TASKS = {"default": {"BACKEND": "pg_scheduler_django.TaskBackend"}}``.

    OPTIONS may have `max_retries` (0: attempts after the first that fails) and `store_result` (True).
    Within `transaction.atomic()` a task exists if, and as soon as, the block commits; elsewhere at once.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        options = dict(params.get("OPTIONS", {}))
        self._max_retries: int = options.pop("max_retries", 0)
        self._store_result: bool = options.pop("store_result", True)
        if options:
            unknown = ", ".join(map(repr, sorted(options)))
            raise InvalidInput("OPTIONS", f"unknown {unknown}", "It may have: max_retries, store_result")
        self._made: SyncScheduler | None = None

    @property
    def scheduler(self) -> SyncScheduler:
        """On Django's connection of the present thread."""
        if self._made is None:
            given = conf()
            self._made = SyncScheduler(given.database, schema=given.schema, misfire_grace_time=None)
        return self._made

    def enqueue(self, task: Task, args: Any, kwargs: Any) -> TaskResult:
        """Store a job."""
        self.validate_task(task)
        plain_args, plain_kwargs = normalize_json(list(args)), normalize_json(dict(kwargs))
        job_id = self.scheduler.schedule(
            task.module_path,
            args=plain_args,
            kwargs=plain_kwargs,
            priority=rank_of_priority(int(task.priority)),
            queue=task.queue_name,
            max_retries=self._max_retries,
            store_result=self._store_result,
            misfire_grace_time=None,
            **_due(task.run_after),
        )
        result: TaskResult = TaskResult(
            task=task,
            id=job_id,
            status=TaskResultStatus.READY,
            enqueued_at=self._stored_at(job_id),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=plain_args,
            kwargs=plain_kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        task_enqueued.send(type(self), task_result=result)
        return result

    def _stored_at(self, job_id: str) -> datetime:
        """By the database's clock, so that whoever asks for the result finds the same."""
        record = self.scheduler.job(job_id)
        return timezone.now() if record is None else record.created_at

    def get_result(self, result_id: str) -> TaskResult:
        """What became of it.

        Raises:
            TaskResultDoesNotExist: it was never enqueued, was deleted since, or is no task of this project.
        """
        try:
            wanted = checked_name("result_id", result_id)
        except InvalidInput as error:
            raise TaskResultDoesNotExist(result_id) from error
        record = self.scheduler.job(wanted)
        try:
            task = None if record is None else import_string(record.task_name)
        except ImportError as error:
            raise TaskResultDoesNotExist(result_id) from error
        if record is None or not isinstance(task, Task):
            raise TaskResultDoesNotExist(result_id)
        return result_of(record, self.scheduler.attempts(result_id), task, self.alias)


def _due(run_after: datetime | None) -> dict[str, Any]:
    if run_after is None:
        return {}
    return {"execution_time": run_after if timezone.is_aware(run_after) else timezone.make_aware(run_after)}
