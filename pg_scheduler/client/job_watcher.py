"""Watching jobs: whoever watches one that others watch too, or others beside it, shares one statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from pg_scheduler.domain.errors import ConnectionLost, JobNotFound, TransientDatabaseError
from pg_scheduler.domain.model import JobInfo
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.event_loops import LoopLock
from pg_scheduler.ports.insight import Insight

_End: TypeAlias = asyncio.Future[JobStatus | None]


class Waiter(Protocol):
    """Knows when jobs end."""

    async def wait(self, job_id: str, limit: float | None) -> JobStatus | None:
        """How the job ended."""
        ...


class JobWatcher:
    """Shows jobs as they go on."""

    def __init__(self, waiter: Waiter, insight: Insight, clock: Clock) -> None:
        self._waiter = waiter
        self._insight = insight
        self._clock = clock
        self._turns = LoopLock()
        self._next: _Reading | None = None
        self._ticks: dict[float, _Tick] = {}

    async def watch(self, job_id: str, every: float) -> AsyncGenerator[JobInfo, None]:
        """The job at once, after each change, and as it ended: looked at `every` so many seconds, and as soon
        as it has ended. Once begun it outlasts an outage of the database.

        Raises:
            JobNotFound: it is gone.
            DatabaseError: it cannot be looked at as this begins.
        """
        known: JobInfo | None = None
        end = asyncio.ensure_future(self._waiter.wait(job_id, None))
        try:
            while True:
                seen = await self._seen(job_id, known, end)
                if seen != known:
                    known = seen
                    yield seen
                if seen.status.finished:
                    return
                if end.done():
                    end.result()
                    end = asyncio.ensure_future(self._waiter.wait(job_id, None))  # it was run once more
                await self._next_look(end, every)
        finally:
            end.cancel()
            await asyncio.wait({end})
            _note(end)

    async def _seen(
        self, job_id: str, known: JobInfo | None, end: asyncio.Future[JobStatus | None]
    ) -> JobInfo:
        try:
            seen = await self._info(job_id)
        except (ConnectionLost, TransientDatabaseError):
            if known is None:
                raise
            return known
        if seen is not None:
            return seen
        # It may have been deleted as soon as it had ended. Then who waits for the end knows, or will.
        if known is None or (status := await end) is None:
            raise JobNotFound(job_id)
        return replace(known, status=status)

    async def _next_look(self, end: _End, every: float) -> None:
        """Sleep until the job ends, or all who look as often as this one look again: in one statement."""
        loop = asyncio.get_running_loop()
        tick = self._ticks.get(every)
        if tick is None or tick.timer.done() or tick.timer.get_loop() is not loop:
            timer = loop.create_task(self._clock.sleep(every), name="pg_scheduler looks again")
            tick = self._ticks[every] = _Tick(timer)
        waits: list[asyncio.Future[Any]] = [end, tick.timer]
        tick.waiting += 1
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tick.waiting -= 1
            if not tick.waiting:
                tick.timer.cancel()
                if self._ticks.get(every) is tick:
                    del self._ticks[every]

    async def _info(self, job_id: str) -> JobInfo | None:
        loop = asyncio.get_running_loop()
        reading = self._next
        if reading is None or reading.loop is not loop:
            reading = self._next = _Reading(loop)
            reading.task = loop.create_task(self._read(reading), name="pg_scheduler watches jobs")
            reading.task.add_done_callback(_note)
        reading.job_ids.add(job_id)
        await asyncio.wait({reading.task})
        return reading.task.result().get(job_id)

    async def _read(self, reading: _Reading) -> Mapping[str, JobInfo]:
        async with self._turns:  # who asks meanwhile shares the next one
            if self._next is reading:
                self._next = None
            return await self._insight.infos(reading.job_ids)


@dataclass(slots=True)
class _Tick:
    """When all who look as often as each other look again."""

    timer: asyncio.Task[None]
    waiting: int = 0


class _Reading:
    """One statement, and the jobs that it is about; it takes more until it begins."""

    task: asyncio.Task[Mapping[str, JobInfo]]

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.job_ids: set[str] = set()


def _note(done: asyncio.Future[Any]) -> None:
    """Know how it ended: nobody may be left to ask."""
    if not done.cancelled():
        done.exception()
