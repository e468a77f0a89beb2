"""Fills the queue: through the public API, and for large tables by multiplying a row that it has made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from benchmarks.frame import Bench, Database
from benchmarks.noop import AT_ONCE, LIMITED, limited_no_op, no_op
from pg_scheduler import JobPriority, JobSpec, Queries, Scheduler
from pg_scheduler.domain.limits import TaskLimits

PRIORITIES = tuple(JobPriority)
GRACE = 3600
"""Seconds: no drain may take so long that jobs expire."""
CHUNK = 100_000

_COLUMNS = """
SELECT quote_ident(attname)
FROM pg_attribute
WHERE attrelid = 'scheduled_jobs'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    AND attidentity = '' AND attname NOT IN ('job_id', 'execution_time')
"""
_MULTIPLY = """
INSERT INTO scheduled_jobs (job_id, execution_time, {columns})
SELECT
    left(job.job_id, 24) || lpad(to_hex($2::bigint + copy.number), 12, '0'),
    job.execution_time + ($2::bigint + copy.number) * interval '10 milliseconds',
    {columns}
FROM scheduled_jobs AS job
CROSS JOIN generate_series(1, $3::integer) AS copy (number)
WHERE job.job_id = $1
"""


async def installed(bench: Bench, database: Database) -> None:
    """The schema is there, made by the workers' role."""
    scheduler = Scheduler(database.worker_dsn, library=bench.library)
    try:
        await scheduler.initialize_db()
    finally:
        await scheduler.shutdown()


def due_specs(
    number: int,
    priorities: Sequence[JobPriority] = (JobPriority.NORMAL,),
    ahead: timedelta = timedelta(0),
) -> list[JobSpec]:
    """No-op jobs that are due so far ahead, over the priorities in turn."""
    due = datetime.now(UTC) + ahead
    return [
        JobSpec(no_op, due, args=(place,), priority=priorities[place % len(priorities)])
        for place in range(number)
    ]


async def load_due(
    bench: Bench,
    database: Database,
    number: int,
    priorities: Sequence[JobPriority] = (JobPriority.NORMAL,),
) -> None:
    """So many jobs are due."""
    scheduler = Scheduler(database.worker_dsn, misfire_grace_time=GRACE, library=bench.library)
    try:
        for begin in range(0, number, CHUNK):
            size = min(CHUNK, number - begin)
            await scheduler.schedule_bulk(due_specs(size, priorities))
    finally:
        await scheduler.shutdown()


async def load_limited(bench: Bench, database: Database, number: int) -> None:
    """So many jobs of a limited task are due, all in one lane."""
    async with Queries(database.worker_dsn) as queries:
        await queries.driver.limits.set_limits({LIMITED: TaskLimits(AT_ONCE)})
    scheduler = Scheduler(database.worker_dsn, misfire_grace_time=GRACE, library=bench.library)
    try:
        due = datetime.now(UTC)
        await scheduler.schedule_bulk([JobSpec(limited_no_op, due, args=(place,)) for place in range(number)])
    finally:
        await scheduler.shutdown()


async def load_future(bench: Bench, database: Database, number: int) -> None:
    """So many jobs are pending, the first due in an hour, over all priorities."""
    scheduler = Scheduler(database.worker_dsn, library=bench.library)
    first = datetime.now(UTC) + timedelta(hours=1)
    try:
        for priority in PRIORITIES:
            one = await scheduler.schedule(no_op, execution_time=first, args=(0,), priority=priority)
            await multiply(database, one, number // len(PRIORITIES))
    finally:
        await scheduler.shutdown()


async def load_finished(bench: Bench, database: Database, number: int) -> None:
    """So many jobs are completed and kept."""
    async with Scheduler.connect(database.worker_dsn, library=bench.library) as scheduler:
        one = await scheduler.schedule(no_op, execution_time=datetime.now(UTC), args=(0,))
        await one.wait(timeout=30)
    await multiply(database, one, number)


async def multiply(database: Database, job_id: str, number: int) -> None:
    """There are so many more rows like this one, with ids and times of their own. Whatever columns the table
    has are copied, so that this holds for any version of the schema."""
    connection = await asyncpg.connect(database.dsn)
    try:
        columns = ", ".join(row[0] for row in await connection.fetch(_COLUMNS))
        statement = _MULTIPLY.format(columns=columns)
        for begin in range(0, number, CHUNK):
            await connection.execute(statement, str(job_id), begin, min(CHUNK, number - begin), timeout=600)
    finally:
        await connection.close()


async def settle_down(database: Database) -> None:
    """The table is as autovacuum would leave it within a minute of a large load, and the load is on disk."""
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute("VACUUM ANALYZE", timeout=600)
        await connection.execute("CHECKPOINT", timeout=600)
    finally:
        await connection.close()
