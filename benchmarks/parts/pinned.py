"""Whether a transaction that somebody holds open slows down a long drain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from statistics import median

import asyncpg

from benchmarks.crew import Drained
from benchmarks.drains import BEST, SMALL, Setting, drain_of
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.loads import installed, load_due, load_limited, settle_down
from benchmarks.parts.beside import LAST_FIFTH, WITHOUT, compared
from benchmarks.parts.drain import rates
from benchmarks.rounds import interleaved, median_ratio

JOBS, FULL_JOBS = 50_000, 200_000
LIMITED_JOBS, FULL_LIMITED_JOBS = 10_000, 40_000
HELD = "transaction held open"


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


async def _limited(beside: str, bench: Bench, jobs: int, setting: Setting) -> Drained:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        await load_limited(bench, database, jobs)
        await settle_down(database)
        held: AbstractAsyncContextManager[None] = _held_open(database) if beside == HELD else nullcontext()
        async with held:
            return await drain_of(bench, database, jobs, setting, limited=True)


async def _of_a_lane(bench: Bench) -> Table:
    jobs = bench.size(FULL_LIMITED_JOBS if bench.full else LIMITED_JOBS)
    measured: dict[tuple[str, str], Callable[[], Awaitable[Drained]]] = {
        (setting.name, beside): partial(_limited, beside, bench, jobs, setting)
        for setting in ((BEST,) if bench.smoke else (BEST, SMALL))
        for beside in (WITHOUT, HELD)
    }
    results = await interleaved(bench.rounds, measured)
    rows: list[tuple[Cell, ...]] = []
    for key, found in results.items():
        without = results[key[0], WITHOUT]
        last, last_without = ([one.last_fifth for one in some] for some in (found, without))
        ratios = median_ratio(rates(found), rates(without)), median_ratio(last, last_without)
        rows.append((*key, round(median(rates(found))), ratios[0], round(median(last)), ratios[1]))
    columns = ("settings", "table", "jobs/s", "of without", *LAST_FIFTH)
    return Table(f"pinned, {jobs} jobs of one lane drained by 1 process", columns, rows)


async def measure(bench: Bench) -> list[Table]:
    """With and without the open transaction, outside lanes and in one."""
    jobs = bench.size(FULL_JOBS if bench.full else JOBS)
    return [*await compared("pinned", bench, jobs, {HELD: _pinned}), await _of_a_lane(bench)]


PINNED = Part(
    name="pinned",
    summary="drains of 50,000 jobs, and of 10,000 in a lane (--full: 4 times), while a transaction is open",
    reading="""
A repeatable-read transaction that began after the load stays open until the drain has ended. Every claimed
row leaves an entry in the index of due jobs that nothing may remove or mark dead meanwhile. A claim that
begins at the index's start reads all of them again, and a drain by such claims slows down with the square of
its length: if marks (docs/decisions/0015) fail, it shows in the last fifth, first with claims of 10. Claims
from lanes know no marks.
""".strip(),
    measure=measure,
)
