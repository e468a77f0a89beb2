"""From what a path names to the application that is to run."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeAlias

from pg_scheduler.domain.errors import shown
from pg_scheduler.entrypoints.application import App
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import Failure

Application: TypeAlias = App | Scheduler
"""PgQueuer, QueueManager, SchedulerManager or Scheduler."""


def scheduler_of(app: Application) -> Scheduler:
    """The engine that the application is a view of."""
    return app if isinstance(app, Scheduler) else app.scheduler


@asynccontextmanager
async def made_by(factory: object, name: str) -> AsyncIterator[Application]:
    """The application, made by: a function that returns it, async or not; a function whose `yield` hands it
    over and that tidies up afterwards, async or not, decorated as a context manager or not; or nothing, where
    `factory` is the application. What the function opened is closed when the block is left.

    Raises:
        Failure: what was found, or what it returned, is no application.
    """
    async with AsyncExitStack() as stack:
        made = factory
        if not isinstance(made, App | Scheduler):
            made = _called(factory, name)
        if inspect.isawaitable(made):
            made = await made
        if not isinstance(made, App | Scheduler):
            made = await _entered(made, stack)
        if not isinstance(made, App | Scheduler):
            expected = "PgQueuer, QueueManager, SchedulerManager or Scheduler"
            raise Failure(f"{name} gave {shown(made)}: let it return a {expected}")
        yield made


def _called(factory: object, name: str) -> Any:
    if not callable(factory):
        raise Failure(f"{name} is {shown(factory)}: expected a function that makes the application")
    try:
        inspect.signature(factory).bind()
    except TypeError as error:
        raise Failure(f"{name} is called without arguments: {error}") from None
    except ValueError:
        pass  # some callables do not tell
    return factory()


async def _entered(made: Any, stack: AsyncExitStack) -> Any:
    """What a context manager, or a generator as the decorators take it, hands over."""
    if inspect.isasyncgen(made):
        made = asynccontextmanager(lambda: made)()
    elif inspect.isgenerator(made):
        made = contextmanager(lambda: made)()
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(made)
    return stack.enter_context(made) if hasattr(type(made), "__enter__") else made
