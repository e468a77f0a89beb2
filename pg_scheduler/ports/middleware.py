"""The Middleware port: code of the program's own around every attempt, and before every job is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from pg_scheduler.ports.job_context import JobContext


@dataclass(slots=True)
class OutgoingJob:
    """A job that is about to be stored."""

    job_id: str
    task_name: str
    queue: str
    headers: dict[str, Any]
    """What travels with it, to be changed in place."""


class Middleware:
    """Code around attempts. Subclass it and override what you need; what is not overridden costs nothing.

    Several are given in order: the first is the outermost; those of a scheduler surround those of a task. The
    verdict is decided from what leaves `around`,
    and the fence is below it: none of them can complete a job that is not this attempt's.
    """

    async def around(self, job: JobContext, call: Callable[[], Awaitable[Any]]) -> Any:
        """Run one attempt, in the event loop: ``return await call()``. What it returns is the job's result,
        what it raises fails the job, and `Snooze` and `RetryAfter` mean here what they mean in a task. Time
        limits and cancellation reach it as they reach the task."""
        return await call()

    def around_sync(self, job: JobContext, call: Callable[[], Any]) -> Any:
        """The same for a plain function, within the thread that it runs in, inside of `around`: for what
        belongs to a thread, such as its database connections."""
        return call()

    def before_enqueue(self, job: OutgoingJob) -> None:
        """Look at a job that is about to be stored by this process, and change its headers. Jobs of schedules
        are stored by the database itself. What it raises is raised to the caller, and nothing is stored."""

    def lifespan(self) -> AbstractAsyncContextManager[object]:
        """What it keeps while a worker runs, a client or a cache: write it with
        ``@contextlib.asynccontextmanager``. It is entered before the first job starts, and an error keeps the
        worker from starting; it is left when the last job has ended, the first middleware's last. That of a
        task that becomes known later is entered before its first attempt, which fails if that fails."""
        return nullcontext()


def overrides(middleware: Middleware, method: str) -> bool:
    """Whether it does something there."""
    return getattr(type(middleware), method) is not getattr(Middleware, method)
