"""Whether a transaction that somebody holds open slows down a long drain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from benchmarks.crew import Drained
from benchmarks.drains import Setting, drain_of
from benchmarks.frame import Bench, Database, Part, Table
from benchmarks.loads import installed, load_due, settle_down
from benchmarks.parts.beside import compared

JOBS, FULL_JOBS = 50_000, 200_000


@asynccontextmanager
async def _held_open(database: Database) -> AsyncIterator[None]:
    """A transaction sees the table as it is now until the end of the block: no row version it may see, and
    no index entry of one, can be removed."""
    connection = await asyncpg.connect(database.dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.fetchval("SELECT count(*) FROM scheduled_jobs")
            yield
    finally:
        await connection.close()


async def _pinned(bench: Bench, jobs: int, setting: Setting) -> Drained:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        await load_due(bench, database, jobs)
        await settle_down(database)
        async with _held_open(database):
            return await drain_of(bench, database, jobs, setting)


async def measure(bench: Bench) -> list[Table]:
    """With and without the open transaction."""
    jobs = bench.size(FULL_JOBS if bench.full else JOBS)
    return await compared("pinned", bench, jobs, {"transaction held open": _pinned})


PINNED = Part(
    name="pinned",
    summary="a drain of 50,000 jobs (200,000 with --full) while a transaction is held open",
    reading="""
A repeatable-read transaction that began after the load stays open until the drain has ended. Every claimed
row leaves an entry in the index of due jobs that nothing may remove or mark dead meanwhile. A claim that
begins at the index's start reads all of them again, and a drain by such claims slows down with the square of
its length: if marks (docs/decisions/0015) fail, it shows in the last fifth, first with claims of 10.
""".strip(),
    measure=measure,
)
