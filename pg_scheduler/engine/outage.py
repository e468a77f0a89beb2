"""One service of a worker finds out when the database is back; the others wait for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, ReadOnlyServer
from pg_scheduler.engine.service import pause_after
from pg_scheduler.ports.clock import Clock

PATIENCE = 2.0
"""Seconds, by the process's own clock: an attempt that hangs for longer holds up nobody else."""


OutOfReach = ConnectionLost | ReadOnlyServer
"""No server answers that accepts writes: where the connection string names several, those that are left say
so as they refuse the connection."""


class Outage:
    """What the services of one worker share while the database is out of reach: who of them tries.

    Each by itself would come back with a connection of its own again and again, and a fleet of workers with
    hundreds a second, just when the server is about to start or to take over.

    `reach` asks the database for something cheap.
    """

    def __init__(self, clock: Clock, reach: Callable[[], Awaitable[object]]) -> None:
        self._clock = clock
        self._reach = reach
        self._ended: asyncio.Event | None = None

    async def wait(self, error: OutOfReach, failures: int) -> None:
        """Return when it is worth while to try again, after so many failures in a row, the last of them this
        one: when the database answers, or when nobody can tell."""
        if self._ended is not None:
            await self._ended.wait()
            return
        ended = self._ended = asyncio.Event()
        try:
            await self._reached(error, failures)
        finally:  # also if this service is ended: the next one that fails goes on
            self._ended = None
            ended.set()

    async def _reached(self, error: OutOfReach, failures: int) -> None:
        while True:
            await self._clock.sleep(pause_after(error, failures) * random.uniform(0.5, 1.0))
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._reach()
            except (ConnectionLost, ReadOnlyServer) as failed:
                error, failures = failed, failures + 1
            except (DatabaseError, TimeoutError):
                return
            else:
                return
