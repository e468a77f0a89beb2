"""A database as it is after a year: finished jobs that are kept, jobs to come, jobs that are due, many
queues, tasks and kinds of failures, and the figures of the last hour. Made by multiplying rows that the
library has stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from benchmarks.frame import Bench, Database
from benchmarks.loads import CHUNK, installed, settle_down
from benchmarks.noop import no_op
from pg_scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything there is."""

    finished: int
    future: int
    due: int
    failed: int
    queues: int
    tasks: int
    """Over all queues in turn."""
    groups: int
    """Kinds of failures."""
    workers: int
    """That have written figures, each of so many queues with their tasks as it may."""


_COPIED = """
SELECT quote_ident(attname)
FROM pg_attribute
WHERE attrelid = 'scheduled_jobs'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    AND attidentity = ''
    AND attname NOT IN (
        'job_id', 'execution_time', 'queue', 'job_name', 'task_data', 'finished_at', 'error_group'
    )
"""
_MULTIPLY = """
INSERT INTO scheduled_jobs (
    job_id, execution_time, queue, job_name, task_data, finished_at, error_group, {columns}
)
SELECT
    left(job.job_id, 24) || lpad(to_hex($2::bigint + copy.number), 12, '0'),
    job.execution_time + ($2::bigint + copy.number) * interval '50 milliseconds' * sign($3::integer),
    'queue ' || lpad(((copy.number * 7919) % $4::integer)::text, 4, '0'),
    'task ' || lpad(((copy.number * 7919) % $5::integer)::text, 4, '0'),
    jsonb_build_object('args', '[]'::jsonb, 'kwargs', jsonb_build_object('user', jsonb_build_object(
        'id', copy.number
    ))),
    job.finished_at - ($2::bigint + copy.number) * interval '25 milliseconds',
    CASE WHEN job.status = 'failed' THEN lpad(((copy.number * 31) % $6::integer)::text, 16, '0') END,
    {columns}
FROM scheduled_jobs AS job
CROSS JOIN generate_series(1, $7::integer) AS copy (number)
WHERE job.job_id = $1
"""
_MINUTES = """
INSERT INTO scheduled_job_minutes
SELECT
    date_trunc('minute', now()) - back * interval '1 minute', 'w' || worker,
    'queue ' || lpad((((worker - 1) * 500 + work) % $2::integer)::text, 4, '0'),
    'task ' || lpad((((worker - 1) * 500 + work) % $3::integer)::text, 4, '0'),
    10, 9, 1, 0, 0, array_fill(1, ARRAY[24]), array_fill(1, ARRAY[24])
FROM generate_series(0, 59) AS back
CROSS JOIN generate_series(1, $1::integer) AS worker
CROSS JOIN generate_series(1, $4::integer) AS work
"""


async def _template(scheduler: Scheduler, ahead: timedelta) -> str:
    handle = await scheduler.schedule(
        no_op, execution_time=datetime.now(UTC) + ahead, args=(0,), misfire_grace_time=None
    )
    return str(handle)


async def _ended(bench: Bench, database: Database) -> tuple[str, str]:
    """A job that completed, and one that failed."""

    async def fails(place: int) -> None:
        raise ConnectionError("POST https://pay.example.org/charges: 503 Service Unavailable")

    async with Scheduler.connect(database.worker_dsn, library=bench.library) as scheduler:
        scheduler.register(no_op)
        scheduler.register(fails, name="fails")
        done = await scheduler.enqueue(no_op, 0)
        failed = await scheduler.enqueue("fails", 0)
        await done.wait(timeout=30)
        await failed.wait(timeout=30)
    return str(done), str(failed)


async def fill(bench: Bench, database: Database, sizes: Sizes) -> None:
    """Make all of it."""
    await installed(bench, database)
    done, failed = await _ended(bench, database)
    scheduler = Scheduler(database.worker_dsn, library=bench.library)
    try:
        future = await _template(scheduler, timedelta(hours=1))
        due = await _template(scheduler, timedelta(minutes=-1))
    finally:
        await scheduler.shutdown()
    connection = await asyncpg.connect(database.dsn)
    try:
        columns = ", ".join(row[0] for row in await connection.fetch(_COPIED))
        statement = _MULTIPLY.format(columns=columns)
        for job_id, number, way in (
            (done, sizes.finished, -1), (failed, sizes.failed, -1), (future, sizes.future, 1),
            (due, sizes.due, -1),
        ):  # fmt: skip
            for begin in range(0, number, CHUNK):
                await connection.execute(
                    statement, job_id, begin, way, sizes.queues, sizes.tasks, sizes.groups,
                    min(CHUNK, number - begin), timeout=600,
                )  # fmt: skip
        works = min(500, sizes.queues)
        await connection.execute(_MINUTES, sizes.workers, sizes.queues, sizes.tasks, works, timeout=600)
    finally:
        await connection.close()
    await settle_down(database)
