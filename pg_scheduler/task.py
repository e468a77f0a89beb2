"""The policy of a task, next to its function."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, overload

from pg_scheduler.client.result_type import R
from pg_scheduler.client.task_calls import VERBS, AsyncTask, PlainTask, TaskCalls, TaskDecorator
from pg_scheduler.client.typed_call import P
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_duration
from pg_scheduler.domain.limits import TaskLimits, checked_limits
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.unset import UNSET, Unset
from pg_scheduler.engine.tasks.checks import checked_executor, checked_middleware, checked_retry
from pg_scheduler.engine.tasks.job_defaults import JobDefaults
from pg_scheduler.engine.tasks.registry import OPTIONS_ATTRIBUTE, TaskOptions
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.middleware import Middleware

__all__ = ["AsyncTask", "PlainTask", "TaskCalls", "TaskDecorator", "task"]


# An async function fits the first two; the first one counts, as intended.
@overload
def task(  # pyright: ignore[reportOverlappingOverload]
    func: Callable[P, Coroutine[Any, Any, R]], /
) -> AsyncTask[P, R]: ...


@overload
def task(func: Callable[P, R], /) -> PlainTask[P, R]: ...


@overload
def task(
    *,
    name: str | None = None,
    executor: str | Executor | None = None,
    timeout: timedelta | float | None = None,
    retry: RetryPolicy | None = None,
    max_retries: int = 0,
    priority: JobPriority | int = JobPriority.NORMAL,
    misfire_grace_time: int | Unset | None = UNSET,
    store_result: bool = False,
    concurrency_limit: int | None = None,
    requests_per_second: float | None = None,
    limit_key: str | None = None,
    queue: str = DEFAULT_QUEUE,
    middleware: Sequence[Middleware] | None = None,
) -> TaskDecorator: ...


def task(
    func: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    executor: str | Executor | None = None,
    timeout: timedelta | float | None = None,
    retry: RetryPolicy | None = None,
    max_retries: int = 0,
    priority: JobPriority | int = JobPriority.NORMAL,
    misfire_grace_time: int | Unset | None = UNSET,
    store_result: bool = False,
    concurrency_limit: int | None = None,
    requests_per_second: float | None = None,
    limit_key: str | None = None,
    queue: str = DEFAULT_QUEUE,
    middleware: Sequence[Middleware] | None = None,
) -> Any:
    """Give a function a policy, and the verbs `enqueue`, `enqueue_sync`, `enqueue_many`, `call` and `using`.
    ``@task`` alone gives the verbs. It is the same function afterwards: called directly it runs as ever, and
    nothing is registered.

    Args:
        name: the name stored with its jobs; ``module:qualname`` by default. A name of its own survives
            moving the function to another module.
        executor: "async" (the default for async functions), "thread", "process", the name of an executor
            given to the scheduler, or an executor object.
        timeout: longest time one attempt may run, as timedelta or seconds; no limit by default.
        retry: when failed attempts run again; the scheduler's policy by default.
        max_retries, priority, misfire_grace_time, store_result, limit_key, queue: what its jobs are stored
            with where the call site does not say, in `enqueue` as in `Scheduler.schedule`.
        concurrency_limit: how many of its jobs run at once in the whole cluster, for each limit key.
        requests_per_second: how many start per second in the whole cluster, for each limit key; after a
            pause up to a tenth of a second's worth, at least one, may start at once.
        middleware: what surrounds its attempts, within the scheduler's own, and sees its jobs before they are
            stored.

    Raises:
        InvalidInput: an invalid argument; not a function.
    """
    options = TaskOptions(
        name=checked_name("name", name) if name is not None else None,
        executor=checked_executor(executor),
        timeout=checked_duration("timeout", timeout),
        retry=checked_retry(retry),
        limits=_limits(concurrency_limit, requests_per_second),
        defaults=JobDefaults(priority, max_retries, misfire_grace_time, store_result, limit_key, queue),
        middleware=checked_middleware(middleware),
    )

    def attach(func: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(func):
            raise InvalidInput("func", f"expected a function to decorate, got {shown(func)}")
        setattr(func, OPTIONS_ATTRIBUTE, options)
        calls = TaskCalls(func)
        for verb in VERBS:
            setattr(func, verb, getattr(calls, verb))
        return func

    return attach if func is None else attach(func)


def _limits(concurrency_limit: int | None, requests_per_second: float | None) -> TaskLimits | None:
    """None where nothing is said, which leaves what is said elsewhere."""
    if concurrency_limit is None and requests_per_second is None:
        return None
    return checked_limits(concurrency_limit, requests_per_second)
