"""What the engine itself costs a job: a whole worker over a store that answers at once."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from benchmarks.drains import BEST
from benchmarks.frame import Bench, Cell, Part, Table
from pg_scheduler import Scheduler
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest
from pg_scheduler.ports.job_store import SettleAnswer
from pg_scheduler.ports.leases import RenewAnswer, RenewRequest
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState

JOBS = 40_000
AT_ONCE = 500
Work = Callable[[int], Coroutine[Any, Any, None]]


class Given(MemoryJobs):
    """Has made all jobs before, leaves every lease to the worker, and takes every verdict."""

    def __init__(self, state: MemoryState, jobs: int) -> None:
        super().__init__(state)
        due = datetime.now(UTC)
        self.given = [
            ClaimedJob(
                f"{number:036d}", "work", '{"args": [1], "kwargs": {}}', due, 5, 1, 1, 0, 0, None, None, False
            )
            for number in range(jobs)
        ]
        self._next = 0
        self.settled = 0
        self.all_settled = asyncio.Event()

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        await asyncio.sleep(0)
        first, self._next = self._next, self._next + request.limit
        return ClaimAnswer(tuple(self.given[first : self._next]), (), None)

    async def renew(self, request: RenewRequest, *, now: datetime | None = None) -> RenewAnswer:
        return replace(await super().renew(request, now=now), held=frozenset(request.leases))

    async def settle(
        self,
        settlements: Sequence[Settlement],
        *,
        now: datetime | None = None,
        not_kept: Collection[JobStatus] = (),
    ) -> SettleAnswer:
        await asyncio.sleep(0)
        self.settled += len(settlements)
        if self.settled >= len(self.given):
            self.all_settled.set()
        return SettleAnswer([True] * len(settlements), {})


async def returns(number: int) -> None:
    """A job that has nothing to wait for."""


async def waits(number: int) -> None:
    """A job that waits a millisecond."""
    await asyncio.sleep(0.001)


async def measure(bench: Bench) -> list[Table]:
    """Jobs that return at once, and jobs that wait."""
    rows = [await _compared(bench, title, work) for title, work in (("at once", returns), ("1 ms", waits))]
    columns = ("jobs that return", "jobs", "engine us", "a task each us", "engine / task")
    return [Table("engine, processor time a job", columns, rows)]


async def _compared(bench: Bench, title: str, work: Work) -> tuple[Cell, ...]:
    jobs = bench.size(JOBS)
    ours, bare = [], []
    for _ in range(bench.rounds):
        ours.append(await _with_engine(jobs, work))
        bare.append(await _with_tasks(jobs, work))
    engine, task = median(ours), median(bare)
    return title, jobs, round(engine, 1), round(task, 1), engine / task


async def _with_engine(jobs: int, work: Work) -> float:
    driver = MemoryDriver()
    driver.jobs = given = Given(driver.state, jobs)
    scheduler = Scheduler(driver, misfire_grace_time=None, **BEST.options)
    scheduler.register(work, name="work")
    gc.collect()
    begin = time.process_time()
    await scheduler.start()
    await given.all_settled.wait()
    took = time.process_time() - begin
    await scheduler.shutdown()
    return took / jobs * 1e6


async def _with_tasks(jobs: int, work: Work) -> float:
    gc.collect()
    begin = time.process_time()
    for first in range(0, jobs, AT_ONCE):
        batch = [asyncio.create_task(work(number)) for number in range(first, min(first + AT_ONCE, jobs))]
        await asyncio.wait(batch)
    return (time.process_time() - begin) / jobs * 1e6


ENGINE = Part(
    name="engine",
    summary="the engine's own processor time a job, without a database",
    reading="""
Processor microseconds of this process for each job. "engine": a whole worker (claims of 500, 1000 at once)
over a store that has its jobs ready and takes every verdict. "a task each": the same functions as bare
asyncio tasks, 500 at a time, without arguments from JSON, lease, verdict or anything else. The last column is
the one to compare between versions: noise of the machine is in both.
""".strip(),
    measure=measure,
    once=True,
)
