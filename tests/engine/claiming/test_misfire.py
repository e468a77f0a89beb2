"""Jobs that are too late for their first start."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from pg_scheduler import JobSpec, RetryPolicy, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.testing import ManualClock, drain
from tests.support.running import BriskScheduler, eventually, idle, past

pytestmark = pytest.mark.slow_with("psycopg")

AT_ONCE = RetryPolicy(base=timedelta(0))

SETTINGS = [
    pytest.param(300, {}, 3600, "expired", id="the scheduler's grace"),
    pytest.param(300, {}, 60, "completed", id="within the scheduler's grace"),
    pytest.param(None, {}, 10**7, "completed", id="the scheduler never expires"),
    pytest.param(300, {"misfire_grace_time": None}, 10**7, "completed", id="this job never expires"),
    pytest.param(None, {"misfire_grace_time": 60}, 120, "expired", id="this job's own grace"),
    pytest.param(60, {"misfire_grace_time": 600}, 120, "completed", id="this job's longer grace"),
    pytest.param(300, {"misfire_grace_time": 0}, 60, "expired", id="zero: late is late"),
]


async def job() -> None: ...


@pytest.mark.parametrize(("grace", "options", "lateness", "outcome"), SETTINGS)
async def test_grace_counts_from_the_execution_time(
    dsn: str, library: Library, grace: int | None, options: dict[str, Any], lateness: int, outcome: str
) -> None:
    async with Scheduler.connect(dsn, library=library, misfire_grace_time=grace) as scheduler:
        one = await scheduler.schedule(job, execution_time=past(lateness), **options)
        (other,) = await scheduler.schedule_bulk([JobSpec(job, past(lateness), **options)])
        assert await one.wait(timeout=45) == outcome
        assert other is not None
        assert await other.wait(timeout=45) == outcome


async def test_zero_grace_runs_a_job_that_is_on_time(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        soon = past(-0.2)
        handle = await scheduler.schedule(job, execution_time=soon, misfire_grace_time=0)
        assert await handle.wait(timeout=45) == "completed"


async def test_an_expired_job_says_why_and_when(dsn: str, sql: asyncpg.Connection) -> None:
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(3600))
        await handle.wait(timeout=45)
    row = await sql.fetchrow("SELECT error_message, finished_at, started_at FROM scheduled_jobs")
    assert "misfire grace" in row["error_message"]
    assert row["finished_at"] is not None
    assert row["started_at"] is None


async def test_a_retry_never_expires_however_late_it_is(dsn: str, library: Library) -> None:
    clock, tries = ManualClock(), []

    async def fails_once() -> None:
        tries.append(clock.now())
        if len(tries) == 1:
            raise OSError("not yet")

    async with idle(Scheduler.connect(dsn, library=library, clock=clock, misfire_grace_time=60)) as scheduler:
        handle = await scheduler.schedule(fails_once, execution_time=clock.now(), max_retries=1)
        await drain(scheduler)
        await clock.advance(timedelta(days=30))
        await drain(scheduler)
        assert len(tries) == 2
        assert await handle.status() == "completed"


async def test_a_released_job_never_expires(dsn: str, sql: asyncpg.Connection) -> None:
    """It was on time once; that its worker shut down is not its fault."""
    go_on = asyncio.Event()

    async def waits() -> None:
        await go_on.wait()

    scheduler = Scheduler.connect(dsn, misfire_grace_time=60)
    await scheduler.start()
    handle = await scheduler.schedule(waits, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    await scheduler.shutdown(timeout=0)
    await sql.execute("UPDATE scheduled_jobs SET execution_time = now() - interval '1 day'")
    go_on.set()
    async with scheduler:
        assert await handle.wait(timeout=45) == "completed"


async def test_a_recovered_job_never_expires(dsn: str, library: Library, sql: asyncpg.Connection) -> None:
    async with BriskScheduler.connect(dsn, library=library, misfire_grace_time=60) as scheduler:
        name = scheduler.task_for(job).name
        await sql.execute(
            "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, worker_id, lease_until,"
            " misfire_grace_time) VALUES ('lost', $1, now() - interval '1 day', 'running', 'deadbeef',"
            " now() - interval '1 hour', 60)",
            name,
        )
        await eventually(lambda: sql.fetchval("SELECT status = 'completed' FROM scheduled_jobs"))


async def test_expired_jobs_do_not_use_up_the_slots(dsn: str) -> None:
    ran: list[int] = []

    async def note(number: int) -> None:
        ran.append(number)

    async with Scheduler.connect(dsn, max_concurrent_jobs=1, batch_claim_limit=2) as scheduler:
        await scheduler.schedule_bulk([JobSpec(note, past(3600), args=(n,)) for n in range(20)])
        handle = await scheduler.schedule(note, execution_time=past(), args=(99,))
        assert await handle.wait(timeout=45) == "completed"
    assert ran == [99]
