"""Workers that come back after their lease was taken from them."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from tests.support import jobs
from tests.support.processes import WorkerProcess
from tests.support.running import HastyScheduler, eventually, idle, past

EXPIRE = "UPDATE scheduled_jobs SET lease_until = now() - interval '1 second'"


async def run_with(scheduler: Scheduler, meanwhile: Callable[[], Awaitable[object]]) -> str:
    """Run a job during which `meanwhile` happens; its id."""

    async def job() -> str:
        await meanwhile()
        return "done"

    handle = await scheduler.schedule(job, execution_time=past(), store_result=True)
    await scheduler.execute_job(handle)
    return handle


async def test_a_late_completion_counts_while_nobody_has_claimed_the_job(
    dsn: str, library: Library, client: Scheduler, sql: asyncpg.Connection
) -> None:
    async def lose_the_lease() -> None:
        await sql.execute(EXPIRE)
        (taken,) = await client.recover_orphaned_jobs()
        assert taken.status == "pending"

    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        await run_with(scheduler, lose_the_lease)
    row = await sql.fetchrow("SELECT status, result::text, worker_id FROM scheduled_jobs")
    assert tuple(row) == ("completed", '"done"', scheduler.worker_id)


async def test_a_late_completion_is_refused_once_somebody_has_claimed_the_job(
    dsn: str, library: Library, client: Scheduler, sql: asyncpg.Connection
) -> None:
    async def lose_the_job() -> None:
        await sql.execute(EXPIRE)
        await client.recover_orphaned_jobs()
        await sql.execute(
            "UPDATE scheduled_jobs SET status = 'running', epoch = epoch + 1, worker_id = 'newowner'"
        )

    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        await run_with(scheduler, lose_the_job)
    row = await sql.fetchrow("SELECT status, result, worker_id FROM scheduled_jobs")
    assert tuple(row) == ("running", None, "newowner")


async def test_a_late_completion_is_refused_even_if_the_same_worker_has_claimed_the_job_again(
    dsn: str, client: Scheduler, sql: asyncpg.Connection
) -> None:
    """The epoch decides, not the owner's name alone."""

    async def claim_again() -> None:
        await sql.execute(EXPIRE)
        await client.recover_orphaned_jobs()
        await sql.execute(
            "UPDATE scheduled_jobs SET status = 'running', epoch = epoch + 1, worker_id = $1",
            scheduler.worker_id,
        )

    async with idle(Scheduler.connect(dsn)) as scheduler:
        await run_with(scheduler, claim_again)
    assert await sql.fetchval("SELECT status FROM scheduled_jobs") == "running"


async def test_a_late_failure_never_counts(
    dsn: str, library: Library, client: Scheduler, sql: asyncpg.Connection
) -> None:
    async def lose_the_lease_and_fail() -> None:
        await sql.execute(EXPIRE)
        await client.recover_orphaned_jobs()
        raise OSError("too late to matter")

    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        await run_with(scheduler, lose_the_lease_and_fail)
    row = await sql.fetchrow("SELECT status, retry_count, crash_count FROM scheduled_jobs")
    assert tuple(row) == ("pending", 0, 1)


async def test_a_worker_frozen_past_its_lease_stops_its_attempt_when_it_wakes(
    dsn: str, library: Library, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    trace = str(tmp_path / "trace")
    async with (
        WorkerProcess(dsn, library, lease=1, slots=1) as frozen,
        HastyScheduler.connect(dsn, library=library) as heir,
    ):
        await heir.schedule(
            "tests.support.jobs:nap", execution_time=past(), args=(trace, 600), job_id="contested"
        )
        assert await eventually(lambda: jobs.notes(trace, "started")) == [frozen.process.pid]
        frozen.send(signal.SIGSTOP)
        heir.register(jobs.nap)
        await eventually(lambda: len(jobs.notes(trace, "started")) == 2)
        frozen.send(signal.SIGCONT)
        await eventually(lambda: jobs.notes(trace, "cancelled") == [frozen.process.pid])
        row = await sql.fetchrow("SELECT status, attempt_count, worker_id FROM scheduled_jobs")
        assert tuple(row) == ("running", 2, heir.worker_id)
        await heir.cancel_job("contested")
        await eventually(lambda: sql.fetchval("SELECT status = 'cancelled' FROM scheduled_jobs"))
