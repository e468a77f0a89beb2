"""Threads that are tasks: in virtual time everything happens in one thread, one thing after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from pg_scheduler.engine.leases import lease_keeper

NAME = "LoopThread"


class VirtualThread:
    """What `LoopThread` is, without a thread: its coroutine is a task of the same loop and the same host."""

    def __init__(self, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._name = name
        self._main = main
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._main(), name=self._name)

    async def ended(self) -> None:
        """Return when the coroutine ends; raise what it raised."""
        assert self._task is not None, "it was started"
        await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Cancel the coroutine and wait for its end. One cancellation can get lost."""
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)


@contextmanager
def virtual_threads() -> Iterator[None]:
    """Within this block lease keepers have such threads."""
    real = getattr(lease_keeper, NAME)
    setattr(lease_keeper, NAME, VirtualThread)
    try:
        yield
    finally:
        setattr(lease_keeper, NAME, real)
