"""Locks of this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pg_scheduler.testing.memory.state import MemoryState


class MemoryLocks:
    """`Locks` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    def exclusive(self, name: str, on_lost: Callable[[], None]) -> AbstractAsyncContextManager[bool]:
        return self._held(name)

    @asynccontextmanager
    async def _held(self, name: str) -> AsyncIterator[bool]:
        if name in self._state.locks:
            yield False
            return
        self._state.locks.add(name)
        try:
            yield True
        finally:
            self._state.locks.discard(name)
