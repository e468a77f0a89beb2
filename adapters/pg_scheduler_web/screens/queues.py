"""Queues and tasks: how much waits, whether it may run, how much at once, and how the last hour went."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.client.summarizing import summary
from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.summary import QueueTask
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic


@dataclass
class Row:
    """One queue or task."""

    name: str
    due: int = 0
    exact: bool = True
    oldest: timedelta | None = None
    running: int = 0
    completed: int = 0
    """In the last hour, as what has failed."""
    failed: int = 0
    paused: bool = False
    paused_since: datetime | None = None
    limits: TaskLimits = NO_LIMITS

    def add(self, one: QueueTask) -> None:
        """Count the jobs of one task in one queue."""
        self.due += one.due
        self.exact = self.exact and one.due_exact
        self.oldest = max(filter(None, (self.oldest, one.oldest_due)), default=None)
        self.running += one.running
        self.completed += one.completed
        self.failed += one.failed


Rows = dict[str, Row]


async def _rows(inquiry: Inquiry, name_of: Callable[[QueueTask], str]) -> Rows:
    """From what is counted so far and no further, and from what workers have written: no table is read."""
    found: Rows = {}
    for one in (await summary(inquiry.driver, inquiry.insight, inquiry.pinned, durations=0)).rows:
        name = name_of(one)
        if name:
            found.setdefault(name, Row(name)).add(one)
    return found


async def _queue_rows(inquiry: Inquiry) -> Rows:
    found = await _rows(inquiry, lambda one: one.queue)
    for paused in await inquiry.driver.limits.paused_queues():
        row = found.setdefault(paused.queue, Row(paused.queue))
        row.paused, row.paused_since = True, paused.since
    for limited in await inquiry.driver.limits.queue_limits():
        found.setdefault(limited.queue, Row(limited.queue)).limits = limited.limits
    return found


async def _task_rows(inquiry: Inquiry) -> Rows:
    found = await _rows(inquiry, lambda one: one.task_name)
    for record in await inquiry.driver.limits.list_limits():
        row = found.setdefault(record.task_name, Row(record.task_name))
        row.paused, row.limits = record.paused, record.limits
        row.paused_since = record.changed_at if record.paused else None
    return found


Question = Callable[[Inquiry], Awaitable[Rows]]


LISTED = 200
"""So many queues or tasks stand on a page: those with the most to see."""


def _listed(rows_of: Question) -> Callable[[Inquiry], Awaitable[Mapping[str, Any]]]:
    async def every(inquiry: Inquiry) -> Mapping[str, Any]:
        found, part = await rows_of(inquiry), inquiry.fields.get("part") or ""
        matching = [row for row in found.values() if part.lower() in row.name.lower()]
        matching.sort(key=_busyness, reverse=True)
        return {
            "rows": sorted(matching[:LISTED], key=lambda row: row.name),
            "count": len(matching),
            "part": part,
        }

    return every


def _busyness(row: Row) -> tuple[bool, int, int, int]:
    return row.paused, row.due, row.failed, row.running + row.completed


def _named(rows_of: Question) -> Callable[[Inquiry], Awaitable[Mapping[str, Any]]]:
    async def one(inquiry: Inquiry) -> Mapping[str, Any]:
        name = inquiry.fields.need("name")
        found = (await rows_of(inquiry)).get(name) or Row(name)
        return {"name": name, "row": found, "workers": await inquiry.insight.workers(now=inquiry.pinned)}

    return one


RUNS_SHOWN = 20
"""Running jobs that the screen of a queue or a task names: those that hold its places."""


def _running(of_task: bool) -> Callable[[Inquiry], Awaitable[Mapping[str, Any]]]:
    async def runs(inquiry: Inquiry) -> Mapping[str, Any]:
        name = inquiry.fields.need("name")
        jobs = await inquiry.insight.jobs(
            statuses=[JobStatus.RUNNING],
            task_name=name if of_task else None,
            queue=None if of_task else name,
            limit=RUNS_SHOWN,
        )
        jobs.sort(key=lambda job: job.started_at or inquiry.now)
        return {"jobs": jobs}

    return runs


KINDS_SHOWN = 10
"""Kinds of failures that the screen of a task names, and jobs that will be tried again."""


async def _fails(inquiry: Inquiry) -> Mapping[str, Any]:
    name = inquiry.fields.need("name")
    found = await inquiry.insight.failures(task_name=name, limit=KINDS_SHOWN, now=inquiry.pinned)
    again = Selection((JobStatus.PENDING,), name, error="")
    page = await inquiry.insight.page(again, None, KINDS_SHOWN, now=inquiry.pinned)
    return {"name": name, "groups": found.groups, "now": found.now, "again": page.jobs}


_ON = (Topic.JOBS, Topic.QUEUES)
QUEUES = Screen("queues", "/queues", lambda fields: "Queues", (Region("queues", _listed(_queue_rows), _ON),))
TASKS = Screen("tasks", "/tasks", lambda fields: "Tasks", (Region("tasks", _listed(_task_rows), _ON),))
QUEUE = Screen(
    "queue", "/queue", lambda fields: f"Queue {fields.get('name') or ''}",
    (Region("queue", _named(_queue_rows), _ON), Region("runs", _running(of_task=False), (Topic.JOBS,))),
    section="queues",
)  # fmt: skip
TASK = Screen(
    "task", "/task", lambda fields: f"Task {fields.get('name') or ''}",
    (
        Region("task", _named(_task_rows), _ON), Region("fails", _fails, (Topic.JOBS,)),
        Region("runs", _running(of_task=True), (Topic.JOBS,)),
    ),
    section="tasks",
)  # fmt: skip
