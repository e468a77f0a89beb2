"""Assertions about what was scheduled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.inputs import checked_time
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.scheduler import Scheduler
from pg_scheduler.testing.applications import Application, schedulers_of
from pg_scheduler.testing.differences import Wanted, difference

MAX_SHOWN = 1000


async def scheduled(app: Application, func: Callable[..., Any] | str) -> list[JobRecord]:
    """The pending jobs of a task or entrypoint, in order of execution time."""
    scheduler = schedulers_of(app)[0]
    await scheduler.initialize_db()
    return await _pending(scheduler, _name_of(scheduler, func))


async def assert_scheduled(
    app: Application,
    func: Callable[..., Any] | str,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    payload: bytes | None = None,
    at: datetime | None = None,
    queue: str | None = None,
    count: int | None = None,
) -> list[JobRecord]:
    """Fail unless a pending job of this task matches; the jobs that do.

    Args:
        app: as of `drain`.
        func: the function, or the name of its task or entrypoint.
        args, kwargs, payload, at, queue: what must be equal; left out, anything matches.
        count: how many must match; left out, at least one.

    Raises:
        AssertionError: showing what is scheduled instead, and how it differs.
    """
    scheduler = schedulers_of(app)[0]
    found = await scheduled(app, func)
    wanted = Wanted(
        args=None if args is None else list(args),
        kwargs=None if kwargs is None else dict(kwargs),
        payload=payload,
        at=None if at is None else checked_time("at", at),
        queue=queue,
    )
    matching = [job for job in found if not wanted.unlike(job, scheduler.codec)]
    if len(matching) == count or (count is None and matching):
        return matching
    name = _name_of(scheduler, func)
    others = [] if found else sorted({job.task_name for job in await _pending(scheduler, None)})
    raise AssertionError(difference(name, wanted, count, found, len(matching), others, scheduler.codec))


async def _pending(scheduler: Scheduler, name: str | None) -> list[JobRecord]:
    return await scheduler.driver.insight.jobs(statuses=[JobStatus.PENDING], task_name=name, limit=MAX_SHOWN)


def _name_of(scheduler: Scheduler, func: Callable[..., Any] | str) -> str:
    if isinstance(func, str):
        return func
    if not callable(func):
        raise InvalidInput("func", "expected a function, or the name of its task")
    return scheduler.task_for(func).name
