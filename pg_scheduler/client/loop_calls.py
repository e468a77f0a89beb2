"""Calls from threads into an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pg_scheduler.ports.event_loops import running_loop
from pg_scheduler.ports.forks import forget_in_forks

_T = TypeVar("_T")


class LoopCalls:
    """Runs coroutines in the event loop that a scheduler works in, for threads beside it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        forget_in_forks(self, LoopCalls._forget_parent)

    def _forget_parent(self) -> None:
        self._loop = None  # it looks as if it ran, for ever

    def note_loop(self) -> None:
        """The running loop, if there is one, is the scheduler's."""
        self._loop = running_loop() or self._loop

    def call_soon(self, call: Callable[[], None], /) -> None:
        """Make the call in the event loop, if it lives; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def in_another_loop(self) -> asyncio.AbstractEventLoop | None:
        """The scheduler's event loop, if it runs and is not the one that asks."""
        loop = self._loop
        return loop if loop is not None and loop.is_running() and loop is not running_loop() else None

    def run_now(self, coroutine: Coroutine[Any, Any, _T], /) -> _T:
        """What the coroutine returned; the calling thread waits for it.

        Raises:
            RuntimeError: this thread runs an event loop, or the scheduler's does not run.
        """
        if running_loop() is not None:
            coroutine.close()
            raise RuntimeError("this thread runs an event loop, which must not wait: await enqueue() instead")
        if self._loop is None or not self._loop.is_running():
            coroutine.close()
            raise RuntimeError(
                "the scheduler's event loop does not run: enqueue_sync() is for threads beside it, "
                "once the scheduler was started, opened or bound in it"
            )
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
