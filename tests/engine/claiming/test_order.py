"""Which job starts first."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import cast

import asyncpg
import pytest

from pg_scheduler import JobPriority, JobSpec, Scheduler
from pg_scheduler.client.source import Library
from tests.support.running import eventually, past

MIXED = [JobPriority.LOW, JobPriority.NORMAL, JobPriority.CRITICAL, JobPriority.HIGH] * 6


def in_due_order(specs: list[JobSpec]) -> list[int]:
    """The numbers that the jobs carry, by rank and then by time."""
    from pg_scheduler.domain.priority import rank_of

    ordered = sorted(specs, key=lambda spec: (rank_of(cast(int, spec.priority)), spec.execution_time))
    return [spec.args[0] for spec in ordered]


@pytest.mark.parametrize(("slots", "batch"), [(1, 10), (5, 3), (25, 10)])
async def test_jobs_start_in_order_of_priority_then_time(
    dsn: str, library: Library, slots: int, batch: int
) -> None:
    """Within one claim and across claims, with one slot and with many."""
    started: list[int] = []

    async def job(number: int) -> None:
        started.append(number)
        await asyncio.sleep(0)

    base = past(600)
    specs = [
        JobSpec(job, base + timedelta(seconds=(number * 7) % 24), args=(number,), priority=priority)
        for number, priority in enumerate(MIXED)
    ]
    scheduler = Scheduler.connect(
        dsn, library=library, max_concurrent_jobs=slots, batch_claim_limit=batch, misfire_grace_time=None
    )
    await scheduler.initialize_db()
    await scheduler.schedule_bulk(specs)
    async with scheduler:
        await eventually(lambda: len(started) == len(specs))
    assert started == in_due_order(specs)


async def test_an_integer_priority_is_kept_exactly(dsn: str, sql: asyncpg.Connection) -> None:
    started: list[int] = []

    async def job(number: int) -> None:
        started.append(number)

    scheduler = Scheduler.connect(dsn, max_concurrent_jobs=1)
    await scheduler.initialize_db()
    ranks = [4, -7, 2**31 - 1, 0, 6, -(2**31), 1]
    await scheduler.schedule_bulk([JobSpec(job, past(), args=(rank,), priority=rank) for rank in ranks])
    stored = await sql.fetch("SELECT priority FROM scheduled_jobs")
    assert sorted(row["priority"] for row in stored) == sorted(ranks)
    async with scheduler:
        await eventually(lambda: len(started) == len(ranks))
    assert started == sorted(ranks)


async def test_a_late_urgent_job_overtakes_those_that_wait(dsn: str, library: Library) -> None:
    started: list[str] = []
    go_on = asyncio.Event()

    async def first() -> None:
        await go_on.wait()

    async def job(name: str) -> None:
        started.append(name)

    async with Scheduler.connect(
        dsn, library=library, max_concurrent_jobs=1, batch_claim_limit=1
    ) as scheduler:
        await scheduler.schedule(first, execution_time=past(60))
        await eventually(lambda: scheduler.active_jobs)
        await scheduler.schedule(job, execution_time=past(60), args=("old and normal",))
        await scheduler.schedule(
            job, execution_time=past(), args=("new and critical",), priority=JobPriority.CRITICAL
        )
        go_on.set()
        await eventually(lambda: len(started) == 2)
    assert started == ["new and critical", "old and normal"]


async def test_a_job_due_in_the_past_runs_at_once(dsn: str, library: Library) -> None:
    ran = asyncio.Event()

    async def job() -> None:
        ran.set()

    async with Scheduler.connect(dsn, library=library, misfire_grace_time=None) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(10 * 365 * 86400))
        await asyncio.wait_for(ran.wait(), 10)
        assert await handle.wait(timeout=45) == "completed"


async def test_a_crowd_of_urgent_future_jobs_does_not_hide_a_due_one(dsn: str) -> None:
    ran: list[int] = []

    async def job(number: int) -> None:
        ran.append(number)

    tomorrow = past(-86400)
    async with Scheduler.connect(dsn, max_concurrent_jobs=2) as scheduler:
        await scheduler.schedule_bulk(
            [JobSpec(job, tomorrow, args=(n,), priority=JobPriority.CRITICAL) for n in range(300)]
        )
        await scheduler.schedule(job, execution_time=past(), args=(999,), priority=JobPriority.LOW)
        await eventually(lambda: ran)
    assert ran == [999]
