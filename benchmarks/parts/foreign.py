"""Whether due jobs that a worker does not take slow down those that it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg

from benchmarks.crew import Drained
from benchmarks.drains import BEST, Setting, drained
from benchmarks.frame import Bench, Database, Part, Table
from benchmarks.loads import load_due, multiply
from benchmarks.parts.beside import compared
from pg_scheduler import JobPriority, Scheduler

JOBS = 40_000
FOREIGN, FULL_FOREIGN = 100_000, 1_000_000
QUEUES = 1_000
SERVED = {"queues": ["default"]}

_SPREAD = f"""
UPDATE scheduled_jobs
SET queue = 'queue ' || ('x' || right(job_id, 12))::bit(48)::bigint % {QUEUES}
WHERE queue = 'elsewhere'
"""

Load = Callable[[Bench, Database, int], Awaitable[None]]


async def _foreign(bench: Bench, database: Database, number: int, task: str, queue: str) -> None:
    """So many jobs, all due for a day and more urgent than any other."""
    scheduler = Scheduler(database.worker_dsn, library=bench.library)
    try:
        one = await scheduler.schedule(
            task,
            execution_time=datetime.now(UTC) - timedelta(days=1),
            priority=JobPriority.CRITICAL,
            misfire_grace_time=None,
            queue=queue,
        )
        await multiply(database, one, number)
    finally:
        await scheduler.shutdown()


async def _unknown_task(bench: Bench, database: Database, number: int) -> None:
    await _foreign(bench, database, number, "what newer code has", "default")


async def _other_queue(bench: Bench, database: Database, number: int) -> None:
    await _foreign(bench, database, number, "benchmarks.noop:no_op", "elsewhere")


async def _many_queues(bench: Bench, database: Database, number: int) -> None:
    await _other_queue(bench, database, number)
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute(_SPREAD, timeout=600)
    finally:
        await connection.close()


async def _prepared(load: Load, number: int, bench: Bench, database: Database, jobs: int) -> None:
    await load(bench, database, number)
    await load_due(bench, database, jobs)


async def _beside(load: Load, number: int, bench: Bench, jobs: int, setting: Setting = BEST) -> Drained:
    serving = replace(setting, options={**setting.options, **SERVED})
    return await drained(bench, jobs, serving, prepare=partial(_prepared, load, number))


async def measure(bench: Bench) -> list[Table]:
    """Beside due jobs of an unknown task, of another queue, and of a thousand others."""
    number = bench.size(FULL_FOREIGN if bench.full else FOREIGN)
    loads: dict[str, Load] = {
        f"{number} of a task that it does not know": _unknown_task,
        f"{number} in another queue": _other_queue,
        f"{number} in {QUEUES} other queues": _many_queues,
    }
    cases = {name: partial(_beside, load, number) for name, load in loads.items()}
    return await compared("foreign", bench, bench.size(JOBS), cases)


FOREIGN_PART = Part(
    name="foreign",
    summary="drain beside 100,000 due jobs (a million with --full) that the worker does not take",
    reading="""
The foreign jobs have been due for a day and are more urgent than all that is drained: a claim that read them
would read all of them each time. Of without: the median of the rounds' ratios to the same drain of the table
without them, measured in turns. A ratio near 1 says that the claim passes them by.
""".strip(),
    measure=measure,
)
