"""Whether a thousand queues cost more than one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from statistics import median

import asyncpg

from benchmarks.crew import Drained
from benchmarks.drains import BEST, Setting, drained
from benchmarks.fleet_worker import note
from benchmarks.fleets import fleet, pickups
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.loads import installed, load_due, load_future, settle_down
from benchmarks.parts.drain import rates
from benchmarks.rounds import interleaved, median_ratio
from pg_scheduler import Scheduler

QUEUES = 1_000
JOBS = 40_000
FUTURE = 10_000
PICKED_UP, EVERY = 200, 0.03
ALL, SERVED = "all queues", "one queue"
_SPREAD = """
UPDATE scheduled_jobs
SET queue = 'queue ' || (1 + ('x' || right(job_id, 12))::bit(48)::bigint % $1)
WHERE (execution_time > now()) = $2
"""


async def _spread(database: Database, queues: int, future: bool = False) -> None:
    """The jobs that are due, or those that are not yet, wait in so many queues."""
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute(_SPREAD, queues, future, timeout=600)
    finally:
        await connection.close()


async def _due(queues: int, bench: Bench, database: Database, jobs: int) -> None:
    await load_due(bench, database, jobs)
    await _spread(database, queues)


async def _drained(queues: int, bench: Bench, jobs: int, setting: Setting) -> Drained:
    return await drained(bench, jobs, setting, prepare=partial(_due, queues))


async def measure(bench: Bench) -> list[Table]:
    """The drain of one queue and of a thousand, and the pickup beside jobs for later in so many."""
    jobs, queues = bench.size(JOBS), max(bench.size(QUEUES), 2)
    settings = {"by one that serves all": BEST}
    if not bench.smoke:
        settings["by one that serves these by name"] = replace(
            BEST, options={**BEST.options, "queues": [f"queue {n + 1}" for n in range(queues)]}
        )
    measured: dict[tuple[str, int], Callable[[], Awaitable[Drained]]] = {
        (name, number): partial(_drained, number, bench, jobs, setting)
        for name, setting in settings.items()
        for number in (1, queues)
    }
    results = await interleaved(bench.rounds, measured)
    drains: list[tuple[Cell, ...]] = [
        (*key, round(median(rates(found))), median_ratio(rates(found), rates(results[key[0], 1])))
        for key, found in results.items()
    ]
    pickups: list[tuple[Cell, ...]] = [
        (serves, number, *await _pickup(bench, number, serves))
        for serves in (ALL, SERVED)
        for number in (1, queues)
    ]
    return [
        Table(f"queues, {jobs} jobs drained by 1 process", ("worker", "queues", "jobs/s", "of one"), drains),
        Table(
            "queues, pickup beside jobs for later",
            ("worker serves", "queues", "p50 ms", "p95 ms", "p99 ms", "max ms"),
            pickups,
        ),
    ]


async def _pickup(bench: Bench, queues: int, serves: str) -> tuple[float, ...]:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        await load_future(bench, database, max(bench.size(FUTURE), 10))
        await _spread(database, queues, future=True)
        await settle_down(database)
        options = {} if serves == ALL else {"queues": ["queue 1"]}
        producer = Scheduler(database.dsn, library=bench.library)
        try:
            async with fleet(bench, database, 1, options) as found:
                return await pickups(
                    found,
                    bench.size(PICKED_UP),
                    lambda number: producer.schedule(
                        note, args=(number,), execution_time=datetime.now(UTC), queue="queue 1"
                    ),
                    EVERY,
                    warm_up=20,
                )
        finally:
            await producer.shutdown()


QUEUES_PART = Part(
    name="queues",
    summary="drain and pickup with a thousand queues beside the same with one",
    reading="""
Drain: all jobs are due; with a thousand queues each holds a thousandth of them. Each claim visits every queue
that the worker serves, at one probe of an index each, so that the most urgent jobs of all come first: claims
of 500 jobs bear that, and a worker that serves one queue does not see the others at all. Pickup: one job at a
time, from the return of schedule() to its first line, while jobs for later wait in all queues: a worker that
serves them all visits them for each job.
""".strip(),
    measure=measure,
)
