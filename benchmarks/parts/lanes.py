"""Whether lanes cost those who have none, and what one lane gives when many workers want from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

import asyncpg

from benchmarks.crew import Drained, crew
from benchmarks.drains import BEST, drained
from benchmarks.fleet_worker import LANE, limited
from benchmarks.fleets import fleet, pickups
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.loads import installed, load_due, multiply, settle_down
from benchmarks.parts.drain import rates
from benchmarks.rounds import interleaved, median_ratio
from pg_scheduler import JobSpec, Scheduler

LANES = 100_000
JOBS = 40_000
PICKED_UP, EVERY = 100, 0.05
LASTING = 0.05
"""Seconds that a job of the one lane takes."""
IN_ONE_LANE = 240
SIZES = (1, 10, 40)
_KEYS = """
UPDATE scheduled_jobs
SET lane = 'key ' || job_id
WHERE execution_time > now()
"""


async def _for_later(bench: Bench, database: Database, lanes: int) -> None:
    """So many lanes hold a job each that is due in an hour or later."""
    producer = Scheduler(database.worker_dsn, library=bench.library)
    try:
        one = await producer.schedule(
            limited, args=(0,), execution_time=datetime.now(UTC) + timedelta(hours=1), limit_key="first"
        )
    finally:
        await producer.shutdown()
    await multiply(database, one, lanes - 1)
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute(_KEYS, timeout=600)
    finally:
        await connection.close()


async def _beside(lanes: int, bench: Bench, jobs: int) -> Drained:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        await _for_later(bench, database, lanes)
        await load_due(bench, database, jobs)
        await settle_down(database)
        wanted = {
            "dsn": database.worker_dsn,
            "library": bench.library,
            "options": BEST.options,
            "limited": True,
        }
        async with crew(database, "benchmarks.drain_worker", [wanted]) as gang:
            return await gang.drain(jobs)


async def measure(bench: Bench) -> list[Table]:
    """Beside many lanes: a drain, and the pickup of a job with a key. And one lane with many workers."""
    jobs, lanes = bench.size(JOBS), max(bench.size(LANES), 2)
    measured: dict[int, Callable[[], Awaitable[Drained]]] = {
        0: partial(drained, bench, jobs, BEST),
        lanes: partial(_beside, lanes, bench, jobs),
    }
    results = await interleaved(bench.rounds, measured)
    drains: list[tuple[Cell, ...]] = [
        (number, round(median(rates(found))), median_ratio(rates(found), rates(results[0])))
        for number, found in results.items()
    ]
    pickups = [(number, *await _pickup(bench, number)) for number in (1, lanes)]
    sizes = (1, 5) if bench.smoke else SIZES
    rows = [(workers, *await _one_lane(bench, workers)) for workers in sizes]
    return [
        Table(
            f"lanes, {jobs} jobs without a limit drained by 1 process",
            ("lanes with jobs for later", "jobs/s", "of without"),
            drains,
        ),
        Table(
            "lanes, pickup of a job with a key",
            ("lanes with jobs for later", "p50 ms", "p95 ms", "p99 ms", "max ms"),
            pickups,
        ),
        Table(
            f"one lane of limit {LANE}, jobs of {1000 * LASTING:g} ms",
            ("workers", "jobs/s", "of ideal", "workers that took part"),
            rows,
        ),
    ]


async def _pickup(bench: Bench, lanes: int) -> tuple[float, ...]:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        await _for_later(bench, database, lanes)
        await settle_down(database)
        producer = Scheduler(database.dsn, library=bench.library)
        try:
            async with fleet(bench, database, 1) as found:
                return await pickups(
                    found,
                    bench.size(PICKED_UP),
                    lambda number: producer.schedule(
                        limited, args=(number,), execution_time=datetime.now(UTC), limit_key="mine"
                    ),
                    EVERY,
                    warm_up=10,
                )
        finally:
            await producer.shutdown()


async def _one_lane(bench: Bench, workers: int) -> tuple[float, float, int]:
    """Its rate, the share of what its limit would allow, and how many workers ran some of its jobs."""
    numbers = range(max(bench.size(IN_ONE_LANE), 2 * LANE))
    async with bench.temporary_database() as database:
        await installed(bench, database)
        producer = Scheduler(database.dsn, library=bench.library)
        try:
            async with fleet(bench, database, workers) as found:
                due = datetime.now(UTC)
                specs = [JobSpec(limited, due, args=(number, LASTING)) for number in numbers]
                await producer.schedule_bulk(specs)
                starts = await found.finished(numbers)
            connection = await asyncpg.connect(database.dsn)
            try:
                took_part: int = await connection.fetchval(
                    "SELECT count(DISTINCT worker_id) FROM scheduled_jobs"
                )
            finally:
                await connection.close()
        finally:
            await producer.shutdown()
    began, ended = min(start for start, _ in starts.values()), max(end for _, end in starts.values())
    rate = len(numbers) / (ended - began)
    return rate, rate / (LANE / LASTING), took_part


LANES_PART = Part(
    name="lanes",
    summary="drain and pickup beside 100,000 lanes with jobs for later; one lane of limit 3 with 40 workers",
    reading="""
Lanes with jobs for later: as many limit keys of a limited task, with one job each that is due in an hour. The
drained jobs have no limit; of without: as in limits. Pickup: of a job with a key of its own, one at a time,
from the return of schedule() to its first line; a claim from lanes looks at 200 of them, so it takes several
until the last lane is reached. One lane: all its jobs are due, three run at once, and the ideal is three
divided by the length of a job: what is missing is the time between the end of a job and the start of the
next, which holds a settlement and a claim.
""".strip(),
    measure=measure,
)
