"""Whether jobs that are not due slow down those that are."""

from __future__ import annotations

from functools import partial

from benchmarks.drains import drained
from benchmarks.frame import Bench, Database, Part, Table
from benchmarks.loads import PRIORITIES, load_due, load_future
from benchmarks.parts.beside import compared

JOBS = 40_000
FUTURE, FULL_FUTURE = 100_000, 1_000_000


async def _future_first(future: int, bench: Bench, database: Database, jobs: int) -> None:
    await load_future(bench, database, future)
    await load_due(bench, database, jobs, PRIORITIES)


async def _due_first(future: int, bench: Bench, database: Database, jobs: int) -> None:
    await load_due(bench, database, jobs, PRIORITIES)
    await load_future(bench, database, future)


async def measure(bench: Bench) -> list[Table]:
    """The backlog loaded before and after the due jobs, and none."""
    future = bench.size(FULL_FUTURE if bench.full else FUTURE)
    orders = {"loaded before": _future_first, "loaded after": _due_first}
    cases = {
        f"{future} future jobs, {name}": partial(drained, prepare=partial(load, future))
        for name, load in orders.items()
    }
    return await compared("backlog", bench, bench.size(JOBS), cases)


BACKLOG = Part(
    name="backlog",
    summary="drain beside 100,000 future jobs (a million with --full), loaded before or after the due ones",
    reading="""
Future jobs are due in an hour and later, a quarter of them at each priority, and so are the due ones: most
of what is more urgent than a due job is not due. Of without: the median of the rounds' ratios to the same
drain of the table without them, measured in turns. The table has been vacuumed and analysed, as autovacuum
does within a minute. A ratio near 1 says that the claim does not read what is not due.
""".strip(),
    measure=measure,
)
