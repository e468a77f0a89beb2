"""Pausing and resuming schedules from synchronous code, which cannot wait for the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.event_loops import LoopLock, running_loop
from pg_scheduler.ports.forks import forget_in_forks, leave_to_parent

log: logging.Logger = logging.getLogger(__name__)

PAUSES = (0.1, 1.0, 5.0, 15.0)
"""Seconds between attempts to store a change, while the database does not take it."""


class PauseRequests:
    """Requests by synchronous code to pause or resume schedules, until they are stored. The last request for
    a key counts.

    Args:
        store: stores a change; False if the schedule is not stored yet.
    """

    def __init__(self, store: Callable[[str, bool], Awaitable[bool]], clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wanted: dict[str, bool] = {}
        """Keys to whether they are to be enabled."""
        self._changing: set[asyncio.Task[None]] = set()
        self._one_change = LoopLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        """That of the started scheduler."""
        forget_in_forks(self, PauseRequests._forget_parent)

    def _forget_parent(self) -> None:
        leave_to_parent(*self._changing)
        self._changing, self._loop = set(), None

    def wanted(self, key: str, *, otherwise: bool) -> bool:
        """Whether the schedule is to be enabled; `otherwise` where nothing is requested."""
        return self._wanted.get(key, otherwise)

    def drop(self, key: str) -> None:
        """Forget a request that a later change has overtaken."""
        self._wanted.pop(key, None)

    def request(self, key: str, paused: bool) -> None:
        """Note a change, and begin to store it if an event loop runs that can."""
        self._wanted[key] = not paused
        here = running_loop()
        if self._loop is not None and self._loop is not here and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._begin, self._loop, key)
        elif here is not None:
            self._begin(here, key)

    def _begin(self, loop: asyncio.AbstractEventLoop, key: str) -> None:
        change = loop.create_task(self._change(key))
        self._changing.add(change)
        change.add_done_callback(self._changing.discard)

    async def _change(self, key: str) -> None:
        for pause in PAUSES:
            try:
                await self._store_latest(key)
            except PgSchedulerError:
                log.warning("schedule %r: change failed; trying again", key, extra={"schedule": key})
                await self._clock.sleep(pause)
            else:
                return
        log.error("schedule %r could not be changed", key, extra={"schedule": key})

    async def _store_latest(self, key: str) -> None:
        """Store the latest request; one at a time, so that none overtakes a later one."""
        async with self._one_change:
            enabled = self._wanted.get(key)
            if enabled is None or not await self._store(key, not enabled):
                return  # stored already; or there is no such schedule yet, so it is kept for when there is
            if self._wanted.get(key) is enabled:
                del self._wanted[key]

    async def store_all(self) -> None:
        """Store what is requested; from now on the running event loop stores what other threads request."""
        self._loop = asyncio.get_running_loop()
        for key in list(self._wanted):
            await self._store_latest(key)

    async def done(self) -> None:
        """Return when requests that were begun are stored."""
        if self._changing:
            await asyncio.gather(*self._changing, return_exceptions=True)
