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
from benchmarks.fleets import PROCESSES, Fleet, fleet, trickle
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.loads import installed
from benchmarks.parts.drain import rates
from benchmarks.rounds import interleaved, median_ratio
from benchmarks.statements import StatementLog, count_within
from benchmarks.transactions import beyond, of_a_notification, reading
from pg_scheduler import JobSpec, Scheduler

SIZES = (1, 10, 40, 200)
JOBS, EVERY = 200, 0.05
"""Jobs that are stored one at a time, and seconds between them."""
WARM_UP = 30
"""Jobs for each process before that: its connections plan each statement six times."""
BURST, LASTING = 1_000, 0.05
"""Jobs that are stored at once, and seconds that each takes."""
DRAINED = (40_000, 160_000)
"""Of a short drain by eight processes a third of the time is their start: each connection plans each of its
statements six times."""
BUSY = (2, 8)
LISTENING = (0, 40)
"""Connections that listen and do nothing else."""


async def measure(bench: Bench) -> list[Table]:
    """Fleets of several sizes, and drains by few and by many processes."""
    rows = [await _of(bench, workers) for workers in ((1, 5) if bench.smoke else SIZES)]
    one = rows[0][4]
    columns = (
        "workers",
        "statements/s at rest",
        "statements per job",
        "xact_commit per job",
        "pickup p50 ms",
        "pickup p99 ms",
        "p50, of one worker",
        "burst s",
        "workers that took part",
    )
    shown = [(*row[:6], row[4] / one, *row[6:]) for row in rows]
    return [Table("fleet", columns, shown), await _control(bench), await _busy(bench)]


async def _control(bench: Bench) -> Table:
    """What the server counts where nobody sends a statement but one NOTIFY."""
    numbers = (0, 2) if bench.smoke else LISTENING
    rows = [(number, await of_a_notification(bench, number)) for number in numbers]
    return Table("one NOTIFY, without workers", ("connections that listen", "xact_commit"), rows)


async def _of(bench: Bench, workers: int) -> tuple[int, float, float, float, float, float, float, int]:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        producer = Scheduler(database.dsn, library=bench.library)
        log = StatementLog(bench.server)
        await log.enable()
        try:
            async with fleet(bench, database, workers) as found:
                await _trickle(producer, range(-bench.size(WARM_UP * min(workers, PROCESSES)), 0))
                costs = await _counted(bench, database, log, producer, found)
                burst = await _burst(bench, database, producer, found)
        finally:
            await log.enable(False)
            await producer.shutdown()
    return (workers, *costs, *burst)


async def _counted(
    bench: Bench, database: Database, log: StatementLog, producer: Scheduler, found: Fleet
) -> tuple[float, float, float, float, float]:
    """Statements a second at rest, statements and transactions of one job, and how long it takes until a job
    starts."""
    first = await reading(bench, database)
    began = time.time()
    await asyncio.sleep(found.rest)
    rested, second = time.time(), await reading(bench, database)
    numbers = range(bench.size(JOBS))
    begun = time.time()
    stored = await _trickle(producer, numbers)
    await asyncio.sleep(1)
    ended = time.time()
    third = await reading(bench, database)
    instants = await log.instants()
    at_rest = count_within(instants, [(began, rested)]) / (rested - began)
    during = count_within(instants, [(begun, ended)])
    # The log is that of the workers; each job was stored by one statement more.
    costs = 1 + (during - at_rest * (ended - begun)) / len(numbers)
    transactions = beyond(beyond(0, first, second) / (second[0] - first[0]), second, third) / len(numbers)
    starts = await found.finished(numbers)
    waits = [starts[number][0] - stored[number] for number in numbers]
    return at_rest, costs, transactions, 1000 * percentile(waits, 50), 1000 * percentile(waits, 99)


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
    cases = [
        (bench.size(jobs), processes)
        for jobs in (DRAINED[:1] if bench.smoke else DRAINED)
        for processes in BUSY
    ]
    results = await interleaved(
        bench.rounds,
        {(jobs, processes): partial(drained, bench, jobs, BEST, processes) for jobs, processes in cases},
    )
    rows: list[tuple[Cell, ...]] = [
        (*case, round(median(rates(found))), median_ratio(rates(found), rates(results[case[0], BUSY[0]])))
        for case, found in results.items()
    ]
    return Table("busy workers", ("jobs", "processes", "jobs/s", "of two"), rows)


FLEET = Part(
    name="fleet",
    summary="what one job costs 1, 10, 40 and 200 idle workers, how soon it starts; 8 busy processes to 2",
    reading="""
The workers are schedulers of their own, spread over four processes; those of a process share one pool and one
connection that listens, which saves connections and no statement. Statements: by the server's own log, of the
workers, and one more for storing a job; at rest, of all workers together; per job, without those at rest. A
worker by itself costs three: to store, to claim and to end the job. What pg_stat_database calls transactions
(xact_commit; without those at rest) is more: it counts each time that a listening connection hears of a
NOTIFY, whatever it listens to. How much that is by itself tells the table of one NOTIFY without workers: a
fleet whose workers listen on a connection each counts about that for each NOTIFY, here two of a job, besides
its statements. Pickup: from the return of schedule() to the first line of the job, one job at a time. Burst:
1,000 jobs of 50 ms each, stored together, from the call until the last has ended; a worker runs 25 at once.
Busy workers: a drain of no-op jobs by two and by eight processes in turns; how far they differ says how many
processors the machine has, and what workers cost each other. In the short drain much of that is the start of
eight: what workers cost each other tells the long one.
""".strip(),
    measure=measure,
)
