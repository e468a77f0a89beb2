"""Validation of the policies that callers pass: executors, retry policies, settings of a type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_instance, checked_items
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.middleware import Middleware

_T = TypeVar("_T")


def given_or_default(field: str, value: _T | None, kind: type[_T]) -> _T:
    """`value`, which must be a `kind`; or one with its defaults where none was given."""
    return kind() if value is None else checked_instance(field, value, kind)


def checked_retry(retry: object) -> RetryPolicy | None:
    """A `RetryPolicy` or None."""
    return None if retry is None else checked_instance("retry", retry, RetryPolicy)


def checked_middleware(middleware: object) -> tuple[Middleware, ...] | None:
    """Several `Middleware`, or None."""
    return (
        None
        if middleware is None
        else tuple(checked_items("middleware", middleware, Middleware, "Middleware"))
    )


def checked_executor(executor: object) -> str | Executor | None:
    """The name of an executor, an object with an `execute` method, or None."""
    if executor is None or isinstance(executor, str) or callable(getattr(executor, "execute", None)):
        return executor  # type: ignore[return-value]
    raise InvalidInput(
        "executor",
        f"expected a name or an executor, got {shown(executor)}",
        'One of the names is "thread"; an object needs the methods execute and close',
    )


def checked_executors(executors: object) -> dict[str, Executor]:
    """Executors by name; none for None."""
    if not isinstance(executors, Mapping | None):
        raise InvalidInput("executors", f"expected a dict of name to executor, got {shown(executors)}")
    checked: dict[str, Executor] = {}
    for key, value in (executors or {}).items():
        name, executor = checked_name("executors key", key), checked_executor(value)
        if executor is None or isinstance(executor, str):
            raise InvalidInput(f"executors[{name!r}]", f"expected an executor, got {shown(value)}")
        checked[name] = executor
    return checked
