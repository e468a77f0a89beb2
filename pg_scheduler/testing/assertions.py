"""Assertions about what was scheduled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pg_scheduler.domain.inputs import checked_time
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.scheduler import Scheduler

MAX_SHOWN = 1000


async def scheduled(scheduler: Scheduler, func: Callable[..., Any] | str) -> list[JobRecord]:
    """The pending jobs of a task, in order of execution time."""
    await scheduler.initialize_db()
    name = func if isinstance(func, str) else scheduler.task_for(func).name
    return await scheduler.driver.insight.jobs(statuses=[JobStatus.PENDING], task_name=name, limit=MAX_SHOWN)


async def assert_scheduled(
    scheduler: Scheduler,
    func: Callable[..., Any] | str,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    count: int | None = None,
) -> list[JobRecord]:
    """Fail unless a pending job of this task matches; the jobs that do.

    Args:
        func: the function, or the name of its task.
        args, kwargs, at: what must be equal; left out, anything matches.
        count: how many must match; left out, at least one.

    Raises:
        AssertionError: showing what is scheduled instead.
    """
    found = await scheduled(scheduler, func)
    matching = [job for job in found if _matches(scheduler, job, args, kwargs, at)]
    if len(matching) == count or (count is None and matching):
        return matching
    wanted = "a job" if count is None else f"{count} jobs"
    shown = "\n".join(f"  {job.execution_time.isoformat()} {job.task_data}" for job in found)
    raise AssertionError(
        f"expected {wanted} of {func!r} with args={args!r} kwargs={kwargs!r} at={at!r}; "
        f"{len(matching)} match. Pending:\n{shown or '  nothing'}"
    )


def _matches(
    scheduler: Scheduler,
    job: JobRecord,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    at: datetime | None,
) -> bool:
    stored_args, stored_kwargs = scheduler.codec.decode_arguments(job.task_data)
    return (
        (args is None or list(args) == stored_args)
        and (kwargs is None or dict(kwargs) == stored_kwargs)
        and (at is None or checked_time("at", at) == job.execution_time)
    )
