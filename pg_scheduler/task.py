"""The policy of a task, next to its function."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_duration
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.engine.tasks.checks import checked_executor, checked_retry
from pg_scheduler.engine.tasks.registry import OPTIONS_ATTRIBUTE, TaskOptions
from pg_scheduler.ports.executor import Executor

_F = TypeVar("_F", bound=Callable[..., Any])


def task(
    *,
    name: str | None = None,
    executor: str | Executor | None = None,
    timeout: timedelta | float | None = None,
    retry: RetryPolicy | None = None,
) -> Callable[[_F], _F]:
    """Attach a policy to a function; the function itself is unchanged and nothing is registered.

    Args:
        name: the name stored with its jobs; ``module:qualname`` by default. A name of its own survives
            moving the function to another module.
        executor: "async" (the default for async functions), "thread", "process", the name of an executor
            given to the scheduler, or an executor object.
        timeout: longest time one attempt may run, as timedelta or seconds; no limit by default.
        retry: when failed attempts run again; the scheduler's policy by default. How often is each job's
            `max_retries`.

    Raises:
        InvalidInput: a name, executor, timeout or retry that cannot be; not a function.
    """
    options = TaskOptions(
        name=checked_name("name", name) if name is not None else None,
        executor=checked_executor(executor),
        timeout=checked_duration("timeout", timeout),
        retry=checked_retry(retry),
    )

    def attach(func: _F) -> _F:
        if not callable(func):
            raise InvalidInput("func", f"expected a function to decorate, got {shown(func)}")
        setattr(func, OPTIONS_ATTRIBUTE, options)
        return func

    return attach
