"""The middleware of a worker, as chains around its calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from pg_scheduler.ports.job_context import JobContext
from pg_scheduler.ports.middleware import Middleware, overrides


class Around:
    """What surrounds each attempt, the outermost first."""

    def __init__(self, middleware: Sequence[Middleware]) -> None:
        self._on_the_loop = [each for each in middleware if overrides(each, "around")]
        self._in_the_thread = [each for each in middleware if overrides(each, "around_sync")]
        self.lasting: Sequence[Middleware] = [each for each in middleware if overrides(each, "lifespan")]
        """Those that have to be entered before the first attempt."""

    @property
    def empty(self) -> bool:
        """True if nothing surrounds them in the event loop."""
        return not self._on_the_loop

    async def call(self, job: JobContext, call: Callable[[], Awaitable[Any]]) -> Any:
        """Run one attempt within all that surrounds it."""
        for each in reversed(self._on_the_loop):
            call = partial(each.around, job, call)
        return await call()

    def in_thread(self, func: Callable[..., Any], job: JobContext) -> Callable[..., Any]:
        """A function that does the same within what surrounds it in its thread."""
        if not self._in_the_thread:
            return func

        def surrounded(*args: Any, **kwargs: Any) -> Any:
            call: Callable[[], Any] = partial(func, *args, **kwargs)
            for each in reversed(self._in_the_thread):
                call = partial(each.around_sync, job, call)
            return call()

        return surrounded
