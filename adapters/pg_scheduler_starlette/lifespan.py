"""A scheduler as long as the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias

from pg_scheduler import Scheduler
from pg_scheduler_starlette.ending import hearing_signals

Lifespan: TypeAlias = Callable[[Any], AbstractAsyncContextManager[Any]]


def lifespan(
    scheduler: Scheduler, *, worker: bool = True, grace: float | None = 30, inner: Lifespan | None = None
) -> Lifespan:
    """What an application takes as its lifespan: ``FastAPI(lifespan=lifespan(scheduler))``.

    While it lives, `scheduler` is open, is meant wherever none is named (``await send.enqueue(7)``), and is
    found by `scheduler_of`, or as ``request.state.scheduler``. In the end it is shut down.

    Args:
        worker: whether it runs jobs too; else it only stores them and asks about them.
        grace: seconds that running jobs get in the end; None: as many as they need.
        inner: another lifespan, of what jobs need: it begins before, and ends after the last job.
    """

    @asynccontextmanager
    async def living(app: Any) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(inner(app)) if inner is not None else None
            stack.push_async_callback(scheduler.shutdown, grace)
            await (scheduler.start() if worker else scheduler.open())
            stack.enter_context(scheduler.bound())
            stack.enter_context(hearing_signals())
            yield {**(state or {}), "scheduler": scheduler}

    return living
