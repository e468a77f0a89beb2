"""Running what a function has returned instead of running itself."""

from __future__ import annotations

import inspect
from inspect import GEN_CREATED, getgeneratorstate
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from pg_scheduler.domain.errors import NotAsyncFunction


def must_be_awaited(result: Any) -> bool:
    """True for coroutines, futures and the like. Only the type is asked: what the function did is done, and
    a result whose attributes raise must not undo it."""
    kind = type(result)
    return hasattr(kind, "__await__") or (kind is GeneratorType and inspect.isawaitable(result))


async def finished(result: Any) -> Any:
    """What a function has returned, once it has run to its end: a wrapper may have returned the coroutine of
    the function that it wraps.

    Raises:
        NotAsyncFunction: it is a generator that has not begun.
    """
    while must_be_awaited(result):
        result = await result
    refuse_unbegun(result)
    return result


def refuse_unbegun(result: Any) -> None:
    """Refuse the generator of a generator function: nothing of the function has run.

    Raises:
        NotAsyncFunction: naming it.
    """
    kind = type(result)
    if kind is GeneratorType:
        # A generator expression is a value like others: what made it has run.
        unbegun = result.gi_code.co_name != "<genexpr>" and getgeneratorstate(result) == GEN_CREATED
    else:
        # Before Python 3.12 an async one does not tell whether it has begun.
        unbegun = kind is AsyncGeneratorType and not getattr(result, "ag_suspended", False)
    if unbegun:
        raise NotAsyncFunction(
            f"the generator of {result.__qualname__}", "Nothing of it has run: iterate it in the function"
        )
