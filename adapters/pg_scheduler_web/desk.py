"""What the screens work with: the client, the questions in their time limits, and who asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.client.job_client import JobClient
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.insight import Insight
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_web.access import Access
from pg_scheduler_web.forms import Fields

LONGEST_QUESTION = timedelta(seconds=3)
"""After this long the server gives up a question of the page."""
PATIENCE = 4.0
"""Seconds after which the page gives up, whatever the server says."""
AT_ONCE = 2
"""Connections that the pages of one process use side by side."""
FRESH = 1.0
"""Seconds in which the same live question, of however many tabs, is asked once."""
MOST_KEPT = 200


@dataclass
class Desk:
    """One dashboard: what its screens share."""

    scheduler: Scheduler
    redact: Sequence[str]
    may_prune: bool = False
    """Whether retention can be run from here: the policies are the application's."""
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    answers: Answers = field(default_factory=lambda: Answers())
    clock_offset: tuple[float, timedelta] | None = None

    @property
    def client(self) -> JobClient:
        return self.scheduler.client

    @property
    def driver(self) -> Driver:
        return self.scheduler.driver

    @asynccontextmanager
    async def asking(self, patience: float) -> AsyncIterator[Driver]:
        """The store, for one region: each question is given up after a while, here and in the server."""
        async with self.slots, asyncio.timeout(patience):
            reader = await self.client.open_reader()
            yield reader.within(LONGEST_QUESTION)

    async def primary(self) -> Driver:
        """The store that takes changes, for what a replica cannot say."""
        await self.client.open()
        return self.driver.within(LONGEST_QUESTION)

    async def now(self) -> datetime:
        """The store's instant; it is asked for once in a minute, and counted on from there."""
        pinned = self.client.clock.pinned()
        if pinned is not None:
            return pinned
        if self.clock_offset is None or time.monotonic() - self.clock_offset[0] > 60:
            reader = await self.client.open_reader()
            stored = (await reader.schedules.due_schedules((), 0)).now
            self.clock_offset = (time.monotonic(), stored - self.client.clock.now())
        return self.client.clock.now() + self.clock_offset[1]


@dataclass(frozen=True)
class Inquiry:
    """One request for a region."""

    desk: Desk
    access: Access
    fields: Fields
    """What the URL says."""
    driver: Driver
    """The store, within the time that a question has."""
    now: datetime
    """By the store's clock."""

    @property
    def pinned(self) -> datetime | None:
        """The instant of a test clock, as questions take it."""
        return self.desk.client.clock.pinned()

    @property
    def insight(self) -> Insight:
        return self.driver.insight


class Answers:
    """What was answered a moment ago, so that a hundred tabs cost no more than one. Only live questions are
    answered from here: whoever loads a page sees what is there."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, asyncio.Future[Any]]] = {}

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of the last moment, or a new one."""
        found = self._kept.get(key)
        if found is not None and time.monotonic() - found[0] < FRESH and not found[1].cancelled():
            return await asyncio.shield(found[1])
        answering = asyncio.ensure_future(ask())
        self._kept.pop(key, None)
        self._kept[key] = (time.monotonic(), answering)
        while len(self._kept) > MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        return await asyncio.shield(answering)

    def forget(self) -> None:
        """Something was changed here: ask anew."""
        self._kept.clear()
