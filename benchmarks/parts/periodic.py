"""Many schedules: what they cost while none is due, and how late their jobs start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.crew import crew
from benchmarks.drains import BEST
from benchmarks.figures import milliseconds
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.loads import installed
from benchmarks.periodic_worker import tick
from benchmarks.statements import StatementLog, count_within
from pg_scheduler import Scheduler

SCHEDULES = 10_000
OVER = 30.0
"""Seconds over which windows are spread, where they are."""
STORED_PER_SECOND = 200.0
"""At least so many schedules are stored and given their first window in a second, or there is no figure."""
SPARE = 3.0
"""Seconds beyond that, so that a few schedules can be stored on a machine that is busy with other things."""
REST = 3.0
"""Seconds of rest that are watched, right before the first window."""
ADDING_TASKS = 5
EVERY = timedelta(days=1)
"""So long that each schedule has one window only while it is watched."""


async def measure(bench: Bench) -> list[Table]:
    """All windows at one instant, and spread."""
    log = StatementLog(bench.server)
    await log.enable()
    try:
        rows = [await _watched(bench, log, over) for over in (0.0, OVER * min(bench.scale, 1))]
    finally:
        await log.enable(False)
    columns = (
        *("schedules", "windows", "added/s", "idle statements/s", "jobs/s", "statements/job"),
        *("late p50 ms", "p95 ms", "p99 ms", "max ms"),
    )
    return [Table("periodic, 1 process", columns, rows)]


async def _watched(bench: Bench, log: StatementLog, over: float) -> tuple[Cell, ...]:
    number, rest = bench.size(SCHEDULES), max(REST * min(bench.scale, 1), 1)
    async with bench.temporary_database() as database:
        await installed(bench, database)
        settings = {"dsn": database.worker_dsn, "library": bench.library, "options": BEST.options}
        async with crew(database, "benchmarks.periodic_worker", [settings]) as gang:
            gang.go()
            first = datetime.now(UTC) + timedelta(seconds=number / STORED_PER_SECOND + rest + SPARE)
            took = await _add(bench, database, number, first, over)
            if datetime.now(UTC) > first - timedelta(seconds=rest):
                raise RuntimeError(f"storing {number} schedules took too long: {took:.0f} s")
            await asyncio.sleep((first - datetime.now(UTC)).total_seconds())
            await gang.finish(number)
            done = time.time()
    (said,) = (member.said for member in gang.members)
    sent = await log.instants()
    due = first.timestamp()
    return (
        number,
        f"over {over:g} s" if over else "at one instant",
        round(number / took),
        count_within(sent, [(due - rest, due - 0.1)]) / (rest - 0.1),
        round(number / max(said["last"] - said["first"], 0.001)),
        count_within(sent, [(due, done)]) / number,
        *milliseconds(said["late"]),
    )


async def _add(bench: Bench, database: Database, number: int, first: datetime, over: float) -> float:
    """Store so many schedules; seconds that it took."""
    scheduler = Scheduler(database.worker_dsn, library=bench.library)
    await scheduler.open()
    places = iter(range(number))
    begin = time.perf_counter()
    await asyncio.gather(*(_add_some(scheduler, places, first, over / number) for _ in range(ADDING_TASKS)))
    took = time.perf_counter() - begin
    await scheduler.shutdown()
    return took


async def _add_some(scheduler: Scheduler, places: Iterator[int], first: datetime, apart: float) -> None:
    for place in places:
        anchor = first + timedelta(seconds=place * apart)
        await scheduler.add_schedule(tick, every=EVERY, anchor=anchor, key=f"tick {place}")


PERIODIC = Part(
    name="periodic",
    summary="10,000 schedules: at rest, due at one instant, and due one after the other",
    reading="""
Added: add_schedule() on 5 tasks while the worker gives each its first window. Idle: statements of the worker
in the seconds before the first window is due. Late: the job's own clock in its first line minus its window.
Jobs/s: from the first start to the last confirmed end; over 30 s it cannot be more than the windows allow.
Statements per job: all that the worker sent from the first window until all jobs were done, staging, claims
and verdicts together.
""".strip(),
    measure=measure,
)
