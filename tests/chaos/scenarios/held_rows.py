"""Somebody's open transactions hold rows for longer than leases last."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

import asyncpg

from tests.chaos.planning import Kind
from tests.chaos.stage import Scenario, Stage
from tests.chaos.tasks import narrow, tell
from tests.chaos.worker import BESIDE, SCHEDULE

HOLDERS = 3
BEGIN = 10.0
"""Seconds until there is something to hold, at the most."""
RESPONSIVE = 5.0
"""Seconds within which all that nobody holds must go on. What waits for the rows waits for longer."""

_SOME = """
    SELECT job_id, status FROM scheduled_jobs
    WHERE job_id = ANY (ARRAY(
        SELECT job_id FROM scheduled_jobs
        WHERE status = $1 AND job_id LIKE 'job-%'
            -- A run that is held keeps its place in its lane, which is no stall; the short ones end sooner
            -- than they could be held.
            AND (
                status = 'pending'
                OR (job_name NOT LIKE '%narrow' AND started_at < clock_timestamp() - interval '0.2 s')
            )
        ORDER BY started_at DESC, random() LIMIT 5
    ))
    FOR UPDATE SKIP LOCKED
"""
_TELLING = """
    SELECT job_id FROM scheduled_jobs
    WHERE status = 'running' AND job_name LIKE '%tell'
    ORDER BY started_at LIMIT 1
    FOR UPDATE SKIP LOCKED
"""
_SCHEDULE = "SELECT schedule_key FROM scheduled_job_schedules WHERE schedule_key = $1 FOR UPDATE SKIP LOCKED"
_LATEST_WINDOW = (
    "SELECT coalesce(extract(EPOCH FROM clock_timestamp() - max(schedule_window)), 0)::double precision"
    " FROM scheduled_jobs WHERE schedule_key = $1 AND status = 'completed'"
)
_STANDSTILL = """
    SELECT job_name, extract(EPOCH FROM clock_timestamp() - greatest(due, started))::double precision
    FROM (
        SELECT
            job_name, max(started_at) AS started,
            min(execution_time) FILTER (
                WHERE status = 'pending' AND started_at IS NULL AND job_id <> ALL ($1::text[])
            ) AS due
        FROM scheduled_jobs WHERE job_id LIKE 'job-%' GROUP BY job_name
    ) AS task
    WHERE due IS NOT NULL
"""
_REPORTS = (
    "SELECT job_id, progress_done FROM scheduled_jobs WHERE status = 'running' AND job_name LIKE '%tell'"
    " AND job_id <> ALL ($1::text[])"
)


@dataclass(slots=True)
class Stalls:
    """How long what nobody held stood still, at most, in seconds."""

    window: float = 0.0
    task: float = 0.0
    """In which a job of a task was due, and none of its jobs started. How long one queued behind others
    that did start tells of the machine, not of what is held."""
    report: float = 0.0
    seen: dict[str, tuple[float, float]] = field(default_factory=dict)
    """What each job last reported, and since when."""
    held: set[str] = field(default_factory=set)
    """Jobs that have ever been."""


async def hold(stage: Stage) -> None:
    """Hold rows from beginning to end, and others for a lease and a half to two and a half."""
    stalls = Stalls()
    seconds = stage.options.seconds or 0
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch(stage, stalls))
        rng = stage.options.random_for("holders")
        group.create_task(_hold_schedule(stage, seconds))
        holders = [
            group.create_task(_hold_one_that_tells(stage, stalls)),
            *(
                group.create_task(_hold_jobs(stage, stalls, random.Random(rng.random()), seconds))
                for _ in range(HOLDERS)
            ),
        ]
        await asyncio.wait(holders)
        watching.cancel()
    told = {
        f"a window nobody held waited for {stalls.window:.1f} s": stalls.window > RESPONSIVE,
        f"no job of a task started for {stalls.task:.1f} s, and nobody held them": stalls.task > RESPONSIVE,
        f"the progress of a job nobody held stood still for {stalls.report:.1f} s": stalls.report
        > RESPONSIVE,
        "nothing proved: no row was held for longer than its lease": not stage.jumps,
    }
    stage.problems += [text for text, wrong in told.items() if wrong]


async def _hold_jobs(stage: Stage, stalls: Stalls, rng: random.Random, seconds: float) -> None:
    connection = await asyncpg.connect(stage.dsn)
    until, status = time.monotonic() + seconds + BEGIN, "running"
    try:
        while time.monotonic() < until:
            transaction = connection.transaction()
            await transaction.start()
            rows = await connection.fetch(_SOME, status)
            stalls.held |= {row["job_id"] for row in rows}
            stage.jumps += sum(row["status"] == "running" for row in rows)
            if rows:
                # Not before there is something to hold.
                until = min(until, time.monotonic() + seconds)
                status = rng.choice(("running", "running", "pending"))
            await asyncio.sleep(stage.options.lease * rng.uniform(1.5, 2.5) if rows else 0.1)
            await (transaction.rollback if rng.random() < 0.7 else transaction.commit)()
    finally:
        await connection.close()


async def _hold_one_that_tells(stage: Stage, stalls: Stalls) -> None:
    """For longer than others may be silent, should their reports wait for its own."""
    connection = await asyncpg.connect(stage.dsn)
    try:
        async with connection.transaction():
            while not (job_id := await connection.fetchval(_TELLING)):
                await asyncio.sleep(0.1)
            stalls.held.add(job_id)
            await asyncio.sleep(1.5 * RESPONSIVE)
    finally:
        await connection.close()


async def _hold_schedule(stage: Stage, seconds: float) -> None:
    connection = await asyncpg.connect(stage.dsn)
    try:
        async with connection.transaction():
            while not await connection.fetchval(_SCHEDULE, SCHEDULE):
                await asyncio.sleep(0.1)
            await asyncio.sleep(seconds)
    finally:
        await connection.close()


async def _watch(stage: Stage, stalls: Stalls) -> None:
    while not await stage.table.value(_LATEST_WINDOW, BESIDE):
        await asyncio.sleep(0.1)
    while True:
        stalls.window = max(stalls.window, await stage.table.value(_LATEST_WINDOW, BESIDE))
        standstills = await stage.table.pairs(_STANDSTILL, list(stalls.held))
        stalls.task = max(stalls.task, *(seconds for _, seconds in standstills), 0.0)
        now, held = time.monotonic(), list(stalls.held)
        for job_id, done in await stage.table.pairs(_REPORTS, held):
            last, since = stalls.seen.get(job_id, (-1.0, now))
            stalls.seen[job_id] = (last, since) if done in (None, last) else (done, now)
            stalls.report = max(stalls.report, now - stalls.seen[job_id][1])
        await asyncio.sleep(0.2)


async def _judge_windows(stage: Stage) -> None:
    for key in (SCHEDULE, BESIDE):
        windows = await stage.table.windows(key)
        stage.doubled += windows.doubled
        stage.missed += windows.skipped
    lapsed = await stage.table.value("SELECT count(*) FROM scheduled_job_attempts WHERE outcome = 'lost'")
    if lapsed:
        stage.problems.append(f"{lapsed} jobs were taken from workers that renewed")


HELD_ROWS = Scenario(
    name="held rows",
    summary="open transactions hold rows for longer than leases: no job runs twice, all others go on",
    jobs=800,
    kinds=(
        Kind(0.8, (1, 50)),
        Kind(0.08, (50, 100), func=narrow),
        # They still run when what was held is let go.
        Kind(0.06, (9000, 10_000), func=tell, until=0.4),
        Kind(0.06, (6000, 7000), until=0.4),
    ),
    damage=hold,
    damage_to_its_end=True,
    seconds=10,
    # Slots enough for the long ones: what waits for a slot waits for nobody's transaction.
    launch={"every": 1.0, "beside": True, "capacity": 60},
    afterwards=_judge_windows,
)
