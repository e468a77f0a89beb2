"""Whether jobs that limits hold back slow down those that have none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from statistics import median

from benchmarks.crew import Drained, crew
from benchmarks.drains import BEST, SMALL, Setting, drained
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.limits_worker import CONCURRENCY, LIMITED
from benchmarks.loads import installed, load_due, settle_down
from benchmarks.parts.drain import rates
from benchmarks.rounds import interleaved, median_ratio
from pg_scheduler import Queries
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.ports.claims import ClaimRequest

JOBS = 30_000
HELD_BACK = 20_000
KEYS = 1_000
WITHOUT = "no limited task"


@dataclass(frozen=True, slots=True)
class Case:
    """What the limited task is like."""

    concurrency: int | None
    """None: no limit; the task is paused instead."""
    keys: int = 0
    """Over so many limit keys its jobs are spread; 0: they have none."""


CASES = {
    f"{HELD_BACK} jobs of a full task": Case(CONCURRENCY),
    f"{HELD_BACK} jobs of {KEYS} full keys": Case(1, KEYS),
    f"{HELD_BACK} jobs of a paused task": Case(None),
}


async def _hold_back(bench: Bench, database: Database, case: Case) -> None:
    """Its jobs are due, and whatever the limit allows is running elsewhere for an hour."""
    number = bench.size(HELD_BACK)
    keys = [f"key {n % case.keys}" if case.keys else None for n in range(number)]
    async with Queries(database.worker_dsn) as queries:
        if case.concurrency is None:
            await queries.pause_queue(LIMITED)
        else:
            await queries.driver.limits.set_limits({LIMITED: TaskLimits(case.concurrency)})
        await queries.enqueue(LIMITED, [b""] * number, limit_key=keys)
        more = case.concurrency is not None
        while more:
            request = ClaimRequest("elsewhere", (LIMITED,), 1000, timedelta(hours=1))
            more = (await queries.driver.jobs.claim_lanes(request)).more


async def _beside(case: Case, bench: Bench, jobs: int, setting: Setting) -> Drained:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        await _hold_back(bench, database, case)
        await load_due(bench, database, jobs)
        await settle_down(database)
        wanted = {
            "dsn": database.worker_dsn,
            "library": bench.library,
            "options": setting.options,
            "concurrency": case.concurrency,
        }
        async with crew(database, "benchmarks.limits_worker", [wanted]) as gang:
            return await gang.drain(jobs)


async def measure(bench: Bench) -> list[Table]:
    """The same drain with nothing held back, with a full task, with full keys and with a paused task."""
    jobs = bench.size(JOBS)
    measured: dict[tuple[str, str], Callable[[], Awaitable[Drained]]] = {}
    for setting in (BEST, SMALL):
        measured[setting.name, WITHOUT] = partial(drained, bench, jobs, setting)
        for name, case in CASES.items():
            measured[setting.name, name] = partial(_beside, case, bench, jobs, setting)
    results = await interleaved(bench.rounds, measured)
    rows = [_row(key, results) for key in measured]
    columns = ("settings", "beside", "jobs/s", "of without")
    return [Table(f"limits, {jobs} jobs drained by 1 process", columns, rows)]


def _row(key: tuple[str, str], results: Mapping[tuple[str, str], list[Drained]]) -> tuple[Cell, ...]:
    found, without = results[key], results[key[0], WITHOUT]
    return (*key, round(median(rates(found))), median_ratio(rates(found), rates(without)))


LIMITS = Part(
    name="limits",
    summary="drain beside 20,000 due jobs that their task's limits, or its pause, hold back",
    reading="""
What is drained has no limits. Beside it, of a task that the worker knows too: jobs that are due and cannot
start, because as many as may run are running elsewhere, or because the task is paused. Of without: the median
of the rounds' ratios to the same drain without that task, measured in turns. A ratio near 1 says that limits
cost those nothing who have none.
""".strip(),
    measure=measure,
)
