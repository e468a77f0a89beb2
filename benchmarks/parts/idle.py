"""What a worker costs that has nothing to do."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.loads import due_specs
from benchmarks.processor import process_seconds, server_seconds
from benchmarks.statements import StatementLog, count_within
from benchmarks.worker import worker_process
from pg_scheduler import Scheduler

WATCHED = 65.0
"""Seconds; twice the slow poll, so that it is seen."""
TO_REST = 1.0
"""Seconds after the start in which a worker may still be busy with it."""
PENDING = 1_000


async def measure(bench: Bench) -> list[Table]:
    """With an empty table, and with jobs due in an hour."""
    log = StatementLog(bench.server)
    await log.enable()
    try:
        rows = [await _watched(bench, log, pending) for pending in (0, bench.size(PENDING))]
    finally:
        await log.enable(False)
    columns = ("pending jobs", "seconds", "statements", "statements/s", "worker CPU ms/s", "server CPU ms/s")
    return [Table("idle worker", columns, rows)]


async def _watched(bench: Bench, log: StatementLog, pending: int) -> tuple[Cell, ...]:
    async with bench.temporary_database() as database, worker_process(bench, database) as process:
        await _load(bench, database, pending)
        await asyncio.sleep(TO_REST)
        before = process_seconds(process.pid), await server_seconds(database.dsn)
        begin = time.time()
        await asyncio.sleep(max(WATCHED * min(bench.scale, 1), 0.5))
        end = time.time()
        after = process_seconds(process.pid), await server_seconds(database.dsn)
        statements = count_within(await log.instants(), [(begin, end)])
    costs = [
        None if one is None or other is None else 1000 * (other - one) / (end - begin)
        for one, other in zip(before, after, strict=True)
    ]
    return (pending, end - begin, statements, statements / (end - begin), *costs)


async def _load(bench: Bench, database: Database, pending: int) -> None:
    if not pending:
        return
    specs = due_specs(pending, ahead=timedelta(hours=1))
    scheduler = Scheduler(database.worker_dsn, library=bench.library)
    await scheduler.schedule_bulk(specs)
    await scheduler.shutdown()


IDLE = Part(
    name="idle",
    summary="statements and processor time per second of an idle worker",
    reading="""
Statements: everything that all of the worker's connections send, probes included, by the server's own log.
CPU: of the worker's process, and of all the server's processes, which have their own background work and
write the statement log here. There is no reference: the least is nothing.
""".strip(),
    measure=measure,
)
