"""How fast jobs are stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

import asyncpg

from benchmarks import reference
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.loads import due_specs, installed
from benchmarks.noop import no_op
from benchmarks.pools import pool_of
from benchmarks.rounds import interleaved, median_ratio
from pg_scheduler import Scheduler

ONE_BY_ONE, BULK = 3_000, 50_000
TASKS = (1, 20)
BY_DSN = "by DSN"
NOW, LATER = "due now", "due in an hour"
PREPARED, COPIED = "prepared INSERT, single row", "COPY"

Store = Callable[[int], Awaitable[object]]
"""Stores one job, the one of this number."""


async def measure(bench: Bench) -> list[Table]:
    """One by one on 1 and 20 tasks, and in bulk, with the references in turns."""
    async with bench.temporary_database() as database:
        await installed(bench, database)
        await reference.create(database.dsn)
        singles, bulk = _singles(bench, database), _bulk(bench, database)
        results = await interleaved(bench.rounds, {**singles, **bulk})
    rows = [_row(key, results, (key[0], PREPARED)) for key in singles]
    rows += [_row(key, results, ("bulk", COPIED)) for key in bulk]
    return [Table("enqueue", ("how", "what", "jobs/s", "of reference", "median ms/job"), rows)]


def _row(
    key: tuple[str, str], results: dict[tuple[str, str], list[tuple[float, float | None]]], beside: Any
) -> tuple[Cell, ...]:
    found = [rate for rate, _ in results[key]]
    waits = [wait for _, wait in results[key] if wait is not None]
    ratio = median_ratio(found, [rate for rate, _ in results[beside]])
    return (*key, round(median(found)), ratio, 1000 * median(waits) if waits else None)


# --- one by one


def _singles(bench: Bench, database: Database) -> dict[tuple[str, str], Any]:
    measured: dict[tuple[str, str], Any] = {}
    number = bench.size(ONE_BY_ONE)
    for tasks in TASKS:
        how = f"one by one, {tasks} task{'s' * (tasks > 1)}"
        for where, pool in ((BY_DSN, None), (f"on a pool of {tasks}", tasks)):
            ours = partial(_ours, bench, database, tasks, number, pool)
            measured[how, f"schedule() {where}, {NOW}"] = partial(ours, timedelta(0))
            measured[how, f"schedule() {where}, {LATER}"] = partial(ours, timedelta(hours=1))
        measured[how, PREPARED] = partial(_prepared, database, tasks, number)
    return measured


async def _ours(
    bench: Bench, database: Database, tasks: int, number: int, pool_size: int | None, ahead: timedelta
) -> tuple[float, float]:
    async with _source(bench, database, pool_size) as pool:
        scheduler = Scheduler(pool, library=bench.library)
        await scheduler.open()

        async def store(place: int) -> None:
            await scheduler.schedule(no_op, execution_time=datetime.now(UTC) + ahead, args=(place,))

        found = await _stored([store] * tasks, number)
        await scheduler.shutdown()
    return found


def _source(bench: Bench, database: Database, pool_size: int | None) -> AbstractAsyncContextManager[Any]:
    """What a scheduler is given: a DSN, or a pool of the user's."""
    if pool_size is None:
        return nullcontext(database.worker_dsn)
    return pool_of(bench.library, database.worker_dsn, pool_size)


async def _prepared(database: Database, tasks: int, number: int) -> tuple[float, float]:
    connections = [await asyncpg.connect(database.dsn) for _ in range(tasks)]
    stores = []
    for connection in connections:
        statement = await connection.prepare(reference.INSERT)

        async def store(place: int, statement: Any = statement) -> None:
            data = f'{{"args": [{place}]}}'
            await statement.fetch(reference.new_id(), "noop", datetime.now(UTC), 5, data)

        stores.append(store)
    found = await _stored(stores, number)
    for connection in connections:
        await connection.close()
    return found


async def _stored(stores: Sequence[Store], number: int) -> tuple[float, float]:
    """So many jobs, by as many tasks as there are ways; jobs per second, and the median wait for one."""
    await asyncio.gather(*(store(0) for store in stores))  # plans and caches
    places, waits = iter(range(number)), list[float]()

    async def task(store: Store) -> None:
        for place in places:
            begin = time.perf_counter()
            await store(place)
            waits.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    await asyncio.gather(*(task(store) for store in stores))
    return number / (time.perf_counter() - begin), median(waits)


# --- in bulk


def _bulk(bench: Bench, database: Database) -> dict[tuple[str, str], Any]:
    number = bench.size(BULK)
    return {
        ("bulk", "schedule_bulk(), JobSpecs included"): partial(_ours_bulk, bench, database, number),
        ("bulk", COPIED): partial(_copied, database, number),
        ("bulk", "schedule_bulk(), batches of 10,000"): partial(
            _ours_bulk, bench, database, number, batch_size=10_000
        ),
    }


async def _ours_bulk(bench: Bench, database: Database, number: int, **options: Any) -> tuple[float, None]:
    async with pool_of(bench.library, database.worker_dsn, 1) as pool:
        scheduler = Scheduler(pool, library=bench.library)
        await scheduler.schedule_bulk(islice(due_specs(2), 1))  # plans and caches
        begin = time.perf_counter()
        await scheduler.schedule_bulk(due_specs(number), **options)
        took = time.perf_counter() - begin
        await scheduler.shutdown()
    return number / took, None


async def _copied(database: Database, number: int) -> tuple[float, None]:
    connection = await asyncpg.connect(database.dsn)
    begin = time.perf_counter()
    await reference.copy(connection, reference.records(number))
    took = time.perf_counter() - begin
    await connection.close()
    return number / took, None


ENQUEUE = Part(
    name="enqueue",
    summary="jobs stored per second: one by one on 1 and on 20 tasks, and in bulk",
    reading="""
One by one: each task awaits schedule() again and again. By DSN, the scheduler makes its own pool of up to 5
connections; on a pool, it is given one with a connection per task, as the library makes it (asyncpg's resets
a connection at each return to the pool, which is one more round trip). The reference does the same with a
prepared INSERT of one row into a minimal table, a connection per task, always in asyncpg. Due now includes
the NOTIFY that wakes workers, due in an hour does not. Every commit waits for the disk, on both sides. Bulk:
from nothing to the commit, so the making of the JobSpecs is in it, and in COPY the making of its records and
ids. Of reference: the median of the rounds' ratios, measured in turns.
""".strip(),
    measure=measure,
)
