"""A fleet of workers in a few processes, and what it costs the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.crew import Crew, crew
from benchmarks.figures import milliseconds
from benchmarks.frame import Bench, Database

PROCESSES = 4
RESTED = 20.0
"""Seconds in which a fleet at rest is watched."""


class Fleet:
    """Workers that run, and have had time to learn of each other."""

    def __init__(self, bench: Bench, gang: Crew, workers: int) -> None:
        self._bench = bench
        self._gang = gang
        self.workers = workers
        self.rest = max(RESTED * min(bench.scale, 1), 1.0)

    async def _ask(self, word: str) -> None:
        for member in self._gang.members:
            member.said.pop(word, None)
            member.tell(word.encode() + b"\n")
        while not all(word in member.said for member in self._gang.members):
            self._gang.changed.clear()
            await asyncio.wait_for(self._gang.changed.wait(), 60)

    async def meet(self) -> None:
        """Every worker renews, twice, and by that knows all others."""
        for _ in range(2):
            await self._ask("meet")
            await asyncio.sleep(1)

    async def starts(self) -> dict[int, tuple[float, float]]:
        """When each job started and ended, by its number."""
        await self._ask("report")
        said: list[list[Any]] = [start for member in self._gang.members for start in member.said["starts"]]
        return {number: (began, ended) for number, began, ended in said}

    async def finished(self, numbers: Sequence[int]) -> dict[int, tuple[float, float]]:
        """The same, once all of these have ended."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            starts = await self.starts()
            if all(number in starts for number in numbers):
                return starts
            await asyncio.sleep(0.25)
        raise RuntimeError("the fleet stands still")


async def trickle(
    numbers: Sequence[int], store: Callable[[int], Awaitable[object]], every: float
) -> dict[int, float]:
    """Store one job after the other; when each was stored, by its number."""
    stored: dict[int, float] = {}
    for number in numbers:
        await store(number)
        stored[number] = time.time()
        await asyncio.sleep(every)
    return stored


async def pickups(
    found: Fleet, number: int, store: Callable[[int], Awaitable[object]], every: float, warm_up: int
) -> tuple[float, ...]:
    """Milliseconds from when a job is stored to its start: p50, p95, p99 and the largest. Jobs that warm up
    plans and caches have negative numbers."""
    stored = await trickle(range(-warm_up, number), store, every)
    numbers = range(number)
    starts = await found.finished(numbers)
    return milliseconds([starts[one][0] - stored[one] for one in numbers])


@asynccontextmanager
async def fleet(
    bench: Bench, database: Database, workers: int, options: dict[str, Any] | None = None
) -> AsyncIterator[Fleet]:
    """So many workers, spread over a few processes; gone at the end of the block."""
    processes = min(workers, PROCESSES)
    wanted = [
        {
            "dsn": database.worker_dsn,
            "library": bench.library,
            "workers": workers // processes + (place < workers % processes),
            "options": options or {},
        }
        for place in range(processes)
    ]
    async with crew(database, "benchmarks.fleet_worker", wanted) as gang:
        found = Fleet(bench, gang, workers)
        await found.meet()
        yield found
