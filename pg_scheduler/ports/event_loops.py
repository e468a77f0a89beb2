"""What works in whichever event loop it is used."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread; None if none does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class LoopLock:
    """Excludes the tasks of one event loop. Those of another, which may be over, have another lock: asyncio's
    own serves in the first loop in which somebody had to wait for it."""

    def __init__(self) -> None:
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def _here(self) -> asyncio.Lock:
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    async def __aenter__(self) -> None:
        await self._here().acquire()

    async def __aexit__(self, *_: object) -> None:
        self._here().release()
