"""Queues and tasks: how much waits, whether it may run, and how much at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic

_COUNTED = (JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FAILED)


@dataclass
class Row:
    """One queue or task."""

    name: str
    pending: int = 0
    running: int = 0
    failed: int = 0
    paused: bool = False
    paused_since: datetime | None = None
    limits: TaskLimits = NO_LIMITS


async def _queues(inquiry: Inquiry) -> Mapping[str, Any]:
    found: dict[str, Row] = {}
    for size in await inquiry.insight.sizes(_COUNTED):
        row = found.setdefault(size.queue, Row(size.queue))
        setattr(row, size.status, getattr(row, size.status) + size.count)
    for paused in await inquiry.driver.limits.paused_queues():
        row = found.setdefault(paused.queue, Row(paused.queue))
        row.paused, row.paused_since = True, paused.since
    for limited in await inquiry.driver.limits.queue_limits():
        found.setdefault(limited.queue, Row(limited.queue)).limits = limited.limits
    return {"rows": [found[name] for name in sorted(found)]}


async def _tasks(inquiry: Inquiry) -> Mapping[str, Any]:
    found: dict[str, Row] = {}
    for size in await inquiry.insight.sizes(_COUNTED):
        row = found.setdefault(size.task_name, Row(size.task_name))
        setattr(row, size.status, getattr(row, size.status) + size.count)
    for record in await inquiry.driver.limits.list_limits():
        row = found.setdefault(record.task_name, Row(record.task_name))
        row.paused, row.limits = record.paused, record.limits
        row.paused_since = record.changed_at if record.paused else None
    return {"rows": [found[name] for name in sorted(found)]}


def _named(question: Any) -> Any:
    async def one(inquiry: Inquiry) -> Mapping[str, Any]:
        name = inquiry.fields.need("name")
        rows = [row for row in (await question(inquiry))["rows"] if row.name == name]
        workers = await inquiry.insight.workers(now=inquiry.pinned)
        return {"name": name, "row": rows[0] if rows else Row(name), "workers": workers}

    return one


_ON = (Topic.JOBS, Topic.QUEUES)
QUEUES = Screen("queues", "/queues", lambda fields: "Queues", (Region("queues", _queues, _ON),))
TASKS = Screen("tasks", "/tasks", lambda fields: "Tasks", (Region("tasks", _tasks, _ON),))
QUEUE = Screen(
    "queue", "/queue", lambda fields: f"Queue {fields.get('name') or ''}",
    (Region("queue", _named(_queues), _ON),), section="queues",
)  # fmt: skip
TASK = Screen(
    "task",
    "/task",
    lambda fields: f"Task {fields.get('name') or ''}",
    (Region("task", _named(_tasks), _ON),),
    section="tasks",
)
