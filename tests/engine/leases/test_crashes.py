"""Workers that die, and what becomes of their jobs."""

from __future__ import annotations

import signal
from pathlib import Path

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from tests.support import jobs
from tests.support.processes import workers
from tests.support.running import eventually, past


async def test_the_job_of_a_killed_worker_is_recovered_and_runs_elsewhere(
    dsn: str, library: Library, client: Scheduler, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    trace = str(tmp_path / "trace")
    async with workers(2, dsn, library, lease=1):
        job = await client.schedule(jobs.die_once, execution_time=past(), args=(trace,))
        assert await job.wait(timeout=45) == "completed"
    first, second = jobs.notes(trace, "started")
    assert first != second
    row = await sql.fetchrow("SELECT epoch, crash_count, attempt_count, retry_count FROM scheduled_jobs")
    epoch, *counts = row
    assert counts == [1, 2, 0]
    (lost,) = await client.driver.insight.attempts(job)
    assert lost.outcome == "lost"
    assert lost.epoch < epoch
    assert lost.worker_id is not None
    assert lost.worker_id in (lost.error_message or "")


async def test_an_idle_worker_takes_over_from_one_killed_from_outside(
    dsn: str, library: Library, client: Scheduler, tmp_path: Path
) -> None:
    trace = str(tmp_path / "trace")
    async with workers(2, dsn, library, lease=1, slots=1) as (one, other):
        job = await client.schedule(jobs.nap, execution_time=past(), args=(trace, 600))
        (owner,) = await eventually(lambda: jobs.notes(trace, "started"))
        (one if one.process.pid == owner else other).send(signal.SIGKILL)
        await eventually(lambda: len(jobs.notes(trace, "started")) == 2)
        assert len(set(jobs.notes(trace, "started"))) == 2
        assert await job.status() == "running"
        assert await job.cancel()
        assert await job.wait(timeout=45) == "cancelled"


async def test_a_worker_that_starts_takes_back_lost_jobs_at_once(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async def job() -> None: ...

    scheduler = Scheduler.connect(dsn, library=library)
    try:
        await scheduler.initialize_db()
        await sql.execute(
            "INSERT INTO scheduled_jobs (job_name, execution_time, status, worker_id, lease_until)"
            " VALUES ($1, now(), 'running', 'deadbeef', now() - interval '1 second')",
            scheduler.task_for(job).name,
        )
        await scheduler.start()
        await eventually(lambda: sql.fetchval("SELECT status = 'completed' FROM scheduled_jobs"))
    finally:
        await scheduler.shutdown()


@pytest.mark.slow
async def test_a_job_that_keeps_killing_its_worker_ends_failed_with_the_reason(
    dsn: str, library: Library, client: Scheduler, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    """A fourth worker would be there to die too; the crash budget of three protects it."""
    trace = str(tmp_path / "trace")
    async with workers(4, dsn, library, lease=1, max_crashes=3):
        job = await client.schedule(jobs.exit_worker, execution_time=past(), args=(trace,))
        assert await job.wait(timeout=30) == "failed"
    assert len(set(jobs.notes(trace, "started"))) == 3
    row = await sql.fetchrow("SELECT crash_count, attempt_count, error_message FROM scheduled_jobs")
    assert tuple(row)[:2] == (3, 3)
    assert "crash 3 of 3" in row["error_message"]
    assert [one.outcome for one in await client.driver.insight.attempts(job)] == ["lost"] * 3


async def test_a_retry_after_an_ordinary_failure_does_not_count_as_a_crash(
    dsn: str, client: Scheduler, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    async def fails() -> None:
        raise OSError

    scheduler = Scheduler.connect(dsn, max_crashes=1)
    async with scheduler:
        handle = await scheduler.schedule(fails, execution_time=past(), max_retries=0)
        assert await handle.wait(timeout=45) == "failed"
    assert await sql.fetchval("SELECT crash_count FROM scheduled_jobs") == 0


async def test_recovery_reports_what_it_took_and_takes_nothing_twice(
    client: Scheduler, sql: asyncpg.Connection
) -> None:
    await sql.execute(
        "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, worker_id, lease_until)"
        " SELECT 'job-' || n, 'somebody:elses', now(), 'running', 'deadbeef', now() - interval '1 second'"
        " FROM generate_series(1, 3) AS n"
    )
    taken = await client.recover_orphaned_jobs()
    assert [(one.job_id, one.worker_id, one.status, one.crash_count) for one in taken] == [
        (f"job-{n}", "deadbeef", "pending", 1) for n in (1, 2, 3)
    ]
    assert await client.recover_orphaned_jobs() == []


async def test_a_lease_that_still_runs_is_nobody_elses_business(
    client: Scheduler, sql: asyncpg.Connection
) -> None:
    await sql.execute(
        "INSERT INTO scheduled_jobs (job_name, execution_time, status, worker_id, lease_until)"
        " VALUES ('somebody:elses', now(), 'running', 'deadbeef', now() + interval '1 second')"
    )
    assert await client.recover_orphaned_jobs() == []
