"""What a callable does when it is called: whether it runs, gives a coroutine, or only a generator."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, NotAsyncFunction
from pg_scheduler.engine.tasks.task_names import address_of


def is_async(func: object) -> bool:
    """True for what gives a coroutine when called; a class gives an instance, whatever that can do."""
    return _is(inspect.iscoroutinefunction, func)


def is_generator(func: object) -> bool:
    """True for what gives a generator when called, async or not: nothing runs until that is iterated."""
    return _is(inspect.isgeneratorfunction, func) or _is(inspect.isasyncgenfunction, func)


def _is(kind: Callable[[Any], bool], func: object) -> bool:
    if isinstance(func, type):
        return False
    return kind(func) or kind(getattr(func, "__call__", None))  # noqa: B004 - the method itself is wanted


def shown_callable(func: object) -> str:
    """A callable for a message: what it is, and its name."""
    if isinstance(func, type):
        kind = "class"
    elif is_generator(func):
        kind = "generator function"
    else:
        kind = "plain function"
    return f"the {kind} {getattr(func, '__qualname__', func)!s}"


def refuse_generator(func: object) -> None:
    """Refuse a function of which a call runs nothing.

    Raises:
        NotAsyncFunction: naming it.
    """
    if is_generator(func):
        raise NotAsyncFunction(
            shown_callable(func),
            "It has a yield, so a call runs nothing of it: iterate it in a function of its own",
        )


def checked_callable(func: Callable[..., Any], executor: object) -> None:
    """Refuse what would be recorded as completed without having run, or could not run.

    Args:
        executor: the name of what is to run it; None: nothing was chosen. An executor object decides for
            itself how it runs what it is given.

    Raises:
        NotAsyncFunction: a plain function without an executor, or a generator function.
        InvalidInput: another process could not find it, and should.
    """
    if executor is None and not is_async(func) and not is_generator(func):
        raise NotAsyncFunction(shown_callable(func))
    if isinstance(executor, str | None):
        refuse_generator(func)
    if executor == "process" and address_of(func) is None:
        raise InvalidInput(
            "func",
            f"{getattr(func, '__qualname__', func)!s} cannot be found by another process",
            'Define it at the top level of a module, or pass executor="thread"',
        )
