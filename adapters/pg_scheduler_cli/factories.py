"""Makes the application that `pgq run` runs from the object that its path names."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeAlias

from pg_scheduler.domain.errors import shown
from pg_scheduler.entrypoints.application import App
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import Failure

Application: TypeAlias = App | Scheduler
"""PgQueuer, QueueManager, SchedulerManager or Scheduler."""


def scheduler_of(app: Application) -> Scheduler:
    """The scheduler behind the application."""
    return app if isinstance(app, Scheduler) else app.scheduler


@asynccontextmanager
async def made_by(factory: object, name: str, *given: str) -> AsyncIterator[Application]:
    """The application that `factory` makes. `factory` may be a function, async or not, that returns it; a
    function, async or not, that yields it and cleans up afterwards, decorated as a context manager or not; or
    the application itself. What the function opened is closed when the block is left. A function is called
    with what is given.

    Raises:
        Failure: `factory`, or what it returned, is not an application.
    """
    async with AsyncExitStack() as stack:
        made = factory
        if not isinstance(made, App | Scheduler):
            made = _called(factory, name, given)
        elif given:
            raise Failure(
                f"--dsn: {name} is an application that is made already: name a function that takes a "
                "connection string and returns one"
            )
        if inspect.isawaitable(made):
            made = await made
        if not isinstance(made, App | Scheduler):
            made = await _entered(made, stack)
        if not isinstance(made, App | Scheduler):
            expected = "PgQueuer, QueueManager, SchedulerManager or Scheduler"
            raise Failure(f"{name} returned {shown(made)}: expected a {expected}")
        yield made


def _called(factory: object, name: str, given: Sequence[str]) -> Any:
    if not callable(factory):
        raise Failure(f"{name} is {shown(factory)}: expected a function that returns the application")
    try:
        inspect.signature(factory).bind(*given)
    except TypeError as error:
        what = "with a connection string, as --dsn is given" if given else "without arguments"
        raise Failure(f"{name} must be callable {what}: {error}") from None
    except ValueError:
        pass  # some callables have no signature
    return factory(*given)


async def _entered(made: Any, stack: AsyncExitStack) -> Any:
    """The value of entering a context manager, or a generator function that could be decorated as one."""
    if inspect.isasyncgen(made):
        made = asynccontextmanager(lambda: made)()
    elif inspect.isgenerator(made):
        made = contextmanager(lambda: made)()
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(made)
    return stack.enter_context(made) if hasattr(type(made), "__enter__") else made
