"""A function together with its arguments, both seen by the type checker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, overload

from pg_scheduler.client.result_type import R, R_co

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Call(Generic[R_co]):
    """What `call` makes: a call that is to be stored as a job. `R_co` is what the function returns."""

    func: Callable[..., Awaitable[R_co] | R_co]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@overload
def call(func: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> Call[R]: ...


@overload
def call(func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Call[R]: ...


def call(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Call[Any]:
    """The call ``func(*args, **kwargs)``, not made but to be stored: ``schedule(call(send, "Ada"), ...)``.

    mypy and pyright check the arguments against the function, and know what the job's result will be.
    """
    return Call(func, args, kwargs)
