"""The executors of one scheduler, by name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from pg_scheduler.engine.executors.coroutine import AsyncExecutor
from pg_scheduler.engine.executors.process import ProcessExecutor
from pg_scheduler.engine.executors.thread import ThreadExecutor
from pg_scheduler.ports.executor import Executor

log: logging.Logger = logging.getLogger(__name__)


class NamedExecutors:
    """ "async", "thread" and "process", and those that the application adds, under any name.

    Args:
        own: the application's executors; each replaces one of the same name.
    """

    def __init__(self, own: Mapping[str, Executor]) -> None:
        self._own = own
        self._threads = ThreadExecutor()
        self._capacity: int | None = None
        self._built_in: dict[str, Executor] = {"async": AsyncExecutor(), "process": ProcessExecutor()}

    @property
    def names(self) -> frozenset[str]:
        """What a task may be given as its executor."""
        return frozenset({"thread", *self._built_in, *self._own})

    def for_worker(self, capacity: int) -> Mapping[str, Executor]:
        """All of them, with a thread for each of `capacity` jobs."""
        if self._capacity != capacity:
            self._threads, self._capacity = ThreadExecutor(capacity), capacity
        return {"thread": self._threads, **self._built_in, **self._own}

    async def close(self, of_tasks: Iterable[tuple[str, Executor]]) -> None:
        """Close all of them and those of single tasks; one that fails to is logged."""
        by_name = {"thread": self._threads, **self._built_in, **self._own}
        for name, executor in [*by_name.items(), *of_tasks]:
            try:
                await executor.close()
            except Exception:
                log.exception("executor %r could not be closed", name, extra={"executor": name})
