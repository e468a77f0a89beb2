"""What many workers cost that have nothing to do, when now and then there is something to do."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from statistics import median

import asyncpg

from benchmarks.drains import BEST, drained
from benchmarks.figures import percentile
from benchmarks.fleet_worker import note
from benchmarks.fleets import Fleet, fleet, trickle
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.loads import installed
from benchmarks.parts.drain import rates
from benchmarks.rounds import interleaved, median_ratio
from benchmarks.statements import StatementLog, count_within
from pg_scheduler import JobSpec, Scheduler

SIZES = (1, 10, 40, 200)
JOBS, EVERY = 200, 0.05
"""Jobs that are stored one at a time, and seconds between them."""
BURST, LASTING = 1_000, 0.05
"""Jobs that are stored at once, and seconds that each takes."""
DRAINED = 40_000
BUSY = (2, 8)


async def measure(bench: Bench) -> list[Table]:
    """Fleets of several sizes, and drains by few and by many processes."""
    rows = [await _of(bench, workers) for workers in ((1, 5) if bench.smoke else SIZES)]
    one = rows[0][3]
    columns = (
        "workers",
        "statements/s at rest",
        "statements per job",
        "pickup p50 ms",
        "pickup p99 ms",
        "p50, of one worker",
        "burst s",
        "workers that took part",
    )
    shown = [(*row[:5], row[3] / one, *row[5:]) for row in rows]
    return [Table("fleet", columns, shown), await _busy(bench)]


async def _of(bench: Bench, workers: int) -> tuple[int, float, float, float, float, float, int]:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        producer = Scheduler(database.dsn, library=bench.library)
        log = StatementLog(bench.server)
        await log.enable()
        try:
            async with fleet(bench, database, workers) as found:
                await _trickle(producer, range(-20, -1))  # warm up: plans, caches
                costs = await _counted(bench, log, producer, found)
                burst = await _burst(bench, database, producer, found)
        finally:
            await log.enable(False)
            await producer.shutdown()
    return (workers, *costs, *burst)


async def _counted(
    bench: Bench, log: StatementLog, producer: Scheduler, found: Fleet
) -> tuple[float, float, float, float]:
    """Statements a second at rest, statements of one job, and how long it takes until a job starts."""
    began = time.time()
    await asyncio.sleep(found.rest)
    rested = time.time()
    numbers = range(bench.size(JOBS))
    stored = await _trickle(producer, numbers)
    await asyncio.sleep(1)
    ended = time.time()
    instants = await log.instants()
    at_rest = count_within(instants, [(began, rested)]) / (rested - began)
    during = count_within(instants, [(rested, ended)])
    # The log is that of the workers; each job was stored by one statement more.
    costs = 1 + (during - at_rest * (ended - rested)) / len(numbers)
    starts = await found.finished(numbers)
    waits = [starts[number][0] - stored[number] for number in numbers]
    return at_rest, costs, 1000 * percentile(waits, 50), 1000 * percentile(waits, 99)


async def _trickle(producer: Scheduler, numbers: range) -> dict[int, float]:
    return await trickle(
        numbers,
        lambda number: producer.schedule(note, args=(number,), execution_time=datetime.now(UTC)),
        EVERY,
    )


async def _burst(bench: Bench, database: Database, producer: Scheduler, found: Fleet) -> tuple[float, int]:
    """How long many jobs take that are stored together, and how many workers ran some of them."""
    numbers = range(1_000_000, 1_000_000 + bench.size(BURST))
    due = datetime.now(UTC)
    stored = time.time()
    await producer.schedule_bulk([JobSpec(note, due, args=(number, LASTING)) for number in numbers])
    starts = await found.finished(numbers)
    connection = await asyncpg.connect(database.dsn)
    try:
        took_part: int = await connection.fetchval(
            "SELECT count(DISTINCT worker_id) FROM scheduled_jobs WHERE created_at >= to_timestamp($1)",
            stored,
        )
    finally:
        await connection.close()
    return max(starts[number][1] for number in numbers) - stored, took_part


async def _busy(bench: Bench) -> Table:
    jobs = bench.size(DRAINED)
    results = await interleaved(
        bench.rounds,
        {processes: partial(drained, bench, jobs, BEST, processes=processes) for processes in BUSY},
    )
    rows: list[tuple[Cell, ...]] = [
        (processes, round(median(rates(found))), median_ratio(rates(found), rates(results[BUSY[0]])))
        for processes, found in results.items()
    ]
    return Table(f"busy workers, {jobs} jobs", ("processes", "jobs/s", "of two"), rows)


FLEET = Part(
    name="fleet",
    summary="what one job costs 1, 10, 40 and 200 idle workers, how soon it starts; 8 busy processes to 2",
    reading="""
The workers are schedulers of their own, spread over four processes; those of a process share one pool and one
connection that listens, which saves connections and no statement. Statements: by the server's own log, of the
workers, and one more for storing a job; at rest, of all workers together; per job, without those at rest. A
worker by itself costs three: to store, to claim and to end the job. What pg_stat_database calls transactions
is more: it counts each time that a listening connection hears of something. Pickup: from the return of
schedule() to the first line of the job, one job at a time. Burst: 1,000 jobs of 50 ms each, stored together,
from the call until the last has ended; a worker runs 25 at once. Busy workers: a drain of no-op jobs by two
and by eight processes in turns; how far they differ says how many processors the machine has, and what
workers cost each other.
""".strip(),
    measure=measure,
)
