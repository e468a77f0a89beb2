"""Jobs that add schedules and jobs that do the same: a fork bomb of the scheduler's own making."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg

from pg_scheduler import JobPriority, JobSpec, Scheduler
from tests.chaos.act import Act, Ground
from tests.chaos.crew import Crew
from tests.chaos.outcome import Outcome
from tests.chaos.tasks import TASKS, breed, work
from tests.chaos.worker import Launch

WORKERS = 3
RESPONSIVE = 5.0
"""Seconds within which an urgent job must be done, however many others there are."""
GOODBYE = 20.0
"""Seconds within which workers told to leave must be gone."""


async def _play(ground: Ground) -> Outcome:
    launch = Launch(ground.dsn, ground.library, str(ground.folder / "journal"), 2.0, grace=5.0)
    crew = Crew(launch, ground.folder)
    scheduler = Scheduler(ground.dsn, library=ground.library)
    sql = await asyncpg.connect(ground.dsn)
    try:
        for function, executor in TASKS.values():
            scheduler.register(function, executor=executor)
        await scheduler.initialize_db()
        crew.hire(WORKERS)
        await scheduler.schedule(breed, execution_time=datetime.now(UTC))
        slowest = await _probe(scheduler, sql, max(10 * ground.options.scale, 5))
        began = time.monotonic()
        await crew.dismiss()
        return await _outcome(ground, sql, crew, slowest, time.monotonic() - began)
    finally:
        crew.disband()
        await scheduler.shutdown()
        await sql.close()


async def _probe(scheduler: Scheduler, sql: asyncpg.Connection, seconds: float) -> float:
    """Ask for urgent jobs while the others multiply; the longest time until one was done."""
    slowest, until = 0.0, time.monotonic() + seconds
    # The first waits for the workers to start up.
    await _done(scheduler, sql, 30.0)
    while time.monotonic() < until:
        slowest = max(slowest, await _done(scheduler, sql, 2 * RESPONSIVE))
        await asyncio.sleep(0.2)
    return slowest


async def _done(scheduler: Scheduler, sql: asyncpg.Connection, patience: float) -> float:
    began = time.monotonic()
    (job_id,) = await scheduler.schedule_bulk(
        [JobSpec(func=work, execution_time=datetime.now(UTC), args=(1,), priority=JobPriority.CRITICAL)]
    )
    query = "SELECT status = 'completed' FROM scheduled_jobs WHERE job_id = $1"
    while not await sql.fetchval(query, job_id) and time.monotonic() - began < patience:
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def _outcome(
    ground: Ground, sql: asyncpg.Connection, crew: Crew, slowest: float, goodbye: float
) -> Outcome:
    counts = dict(await sql.fetch("SELECT status, count(*) FROM scheduled_jobs GROUP BY status"))
    schedules = await sql.fetchval("SELECT count(*) FROM scheduled_job_schedules")
    twice = await sql.fetchval(
        "SELECT count(*) - count(DISTINCT (schedule_key, schedule_window)) FROM scheduled_jobs"
        " WHERE schedule_window IS NOT NULL"
    )
    checks = {
        f"an urgent job took {slowest:.1f} s": slowest <= RESPONSIVE,
        f"the workers took {goodbye:.1f} s to leave": goodbye <= GOODBYE,
        f"{counts.get('running', 0)} jobs look running": not counts.get("running"),
        f"{counts.get('failed', 0)} jobs failed": not counts.get("failed"),
        f"{len(crew.deserted)} workers ended by themselves": not crew.deserted,
        "nothing proved: they did not multiply": sum(counts.values()) > 200 and schedules > 50,
    }
    return replace(
        ground.outcome(BREEDING.name),
        jobs=sum(counts.values()),
        lost=counts.get("failed", 0) + counts.get("expired", 0),
        stranded=counts.get("running", 0),
        doubled=twice,
        note=f"{schedules} schedules; urgent jobs took {slowest:.2f} s at the most, the end {goodbye:.1f} s",
        problems=tuple(text for text, holds in checks.items() if not holds),
        complaints=tuple(crew.complaints()),
    )


BREEDING = Act("fork bomb", "jobs add schedules and jobs that do the same; urgent ones still run", _play)
