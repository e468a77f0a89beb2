"""Leases: renewed whatever the jobs do, and obeyed when they are lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import psycopg_pool
import pytest

from pg_scheduler import ConnectionLost, JobSpec, Scheduler
from pg_scheduler.client.source import Library
from tests.support import jobs
from tests.support.processes import WorkerProcess
from tests.support.running import BriskScheduler, HastyScheduler, eventually, past

UNTOUCHED = ("running", 1, 0)


async def state_of(sql: asyncpg.Connection) -> tuple[Any, ...]:
    return tuple(await sql.fetchrow("SELECT status, attempt_count, crash_count FROM scheduled_jobs"))


@pytest.mark.slow
async def test_a_blocked_event_loop_loses_no_lease_and_is_reported_with_the_jobs_id(
    dsn: str, library: Library, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    """The job blocks its worker's loop for three leases while another worker looks for orphans."""
    trace, gate = str(tmp_path / "trace"), tmp_path / "gate"
    async with (
        HastyScheduler.connect(dsn, library=library) as watching,
        WorkerProcess(dsn, library, lease=1) as blocked,
    ):
        job = await watching.schedule(
            "tests.support.jobs:freeze_until_released",
            execution_time=past(),
            args=(trace, str(gate)),
            store_result=True,
        )
        await eventually(lambda: jobs.notes(trace, "started"))
        three_leases = "SELECT now() - started_at > interval '3 seconds' FROM scheduled_jobs"
        await eventually(lambda: sql.fetchval(three_leases))
        assert await state_of(sql) == UNTOUCHED
        assert await sql.fetchval("SELECT worker_id FROM scheduled_jobs") == blocked.worker_id
        gate.touch()
        assert await job.result(timeout=45) == "late but done"
        blocked.process.terminate()
        _, _, complained = await blocked.finished()
    assert f"blocked by {job}" in complained
    assert jobs.notes(trace, "started") == jobs.notes(trace, "ended")


async def test_all_leases_of_a_worker_are_renewed_in_one_statement(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    go_on = asyncio.Event()

    async def job(number: int) -> None:
        await go_on.wait()

    async with BriskScheduler.connect(dsn, library=library) as scheduler:
        await scheduler.schedule_bulk([JobSpec(job, past(), args=(number,)) for number in range(8)])
        await eventually(lambda: len(scheduler.active_jobs) == 8)
        renewed = "SELECT bool_and(last_heartbeat > started_at) FROM scheduled_jobs"
        await eventually(lambda: sql.fetchval(renewed))
        # Rows that carry one transaction's id were written by one statement: renewals open no transaction.
        writers = await sql.fetchval("SELECT count(DISTINCT xmin::text) FROM scheduled_jobs")
        leases = await sql.fetch("SELECT lease_until - last_heartbeat AS lease FROM scheduled_jobs")
        go_on.set()
    assert writers == 1
    assert {row["lease"].total_seconds() for row in leases} == {2}


async def hold_all_connections(source: Any, library: Library, until: asyncio.Event) -> None:
    """Take the pool's only connection, and keep it."""
    if library == "asyncpg":
        async with source.acquire():
            await until.wait()
    else:
        async with source.connection():
            await until.wait()


async def test_an_exhausted_pool_costs_no_lease(dsn: str, library: Library, sql: asyncpg.Connection) -> None:
    go_on = asyncio.Event()
    pool: Any = (
        asyncpg.create_pool(dsn, min_size=1, max_size=1)
        if library == "asyncpg"
        else psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=1, open=False)
    )

    async def greedy() -> None:
        await hold_all_connections(pool, library, go_on)

    async with pool, HastyScheduler.connect(dsn), HastyScheduler(pool) as scheduler:
        job = await scheduler.schedule(greedy, execution_time=past())
        two_leases = "SELECT now() - started_at > interval '2.5 seconds' FROM scheduled_jobs"
        await eventually(lambda: sql.fetchval(two_leases))
        assert await state_of(sql) == UNTOUCHED
        go_on.set()
        assert await job.wait(timeout=45) == "completed"


async def test_a_lost_lease_stops_the_local_attempt_and_its_row_is_left_alone(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    ended: list[str] = []

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stopped")

    async with BriskScheduler.connect(dsn, library=library) as scheduler:
        await scheduler.schedule(job, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        epoch = await sql.fetchval(
            "UPDATE scheduled_jobs SET epoch = epoch + 1, worker_id = 'thief' RETURNING epoch"
        )
        await eventually(lambda: ended)
        await eventually(lambda: not scheduler.active_jobs)
    row = await sql.fetchrow("SELECT status, epoch, worker_id FROM scheduled_jobs")
    assert tuple(row) == ("running", epoch, "thief")
    assert await sql.fetchval("SELECT count(*) FROM scheduled_job_attempts") == 0


@pytest.mark.slow
async def test_a_verdict_on_its_way_keeps_its_lease_until_it_is_stored(
    dsn: str, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job has ended but its verdict cannot be written: nobody may take it back meanwhile."""

    async def cut(*_: Any, **__: Any) -> None:
        raise ConnectionLost("for this test")

    async def job() -> None: ...

    async with HastyScheduler.connect(dsn), HastyScheduler.connect(dsn) as scheduler:
        with monkeypatch.context() as patched:
            patched.setattr(scheduler.driver.jobs, "settle", cut)
            handle = await scheduler.schedule(job, execution_time=past())
            two_leases = "SELECT now() - started_at > interval '2.5 seconds' FROM scheduled_jobs"
            await eventually(lambda: sql.fetchval(two_leases))
            assert await state_of(sql) == UNTOUCHED
        assert await handle.wait(timeout=45) == "completed"
    assert await state_of(sql) == ("completed", 1, 0)


async def test_reopening_a_running_job_ends_its_attempt_and_runs_it_again(dsn: str, library: Library) -> None:
    runs: list[str] = []

    async def job() -> None:
        runs.append("started")
        if len(runs) == 1:
            try:
                await asyncio.Event().wait()
            finally:
                runs.append("stopped")

    async with BriskScheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        await scheduler.update_job_status(handle, "pending")
        assert await handle.wait(timeout=45) == "completed"
        await eventually(lambda: "stopped" in runs)
    assert runs.count("started") == 2


@pytest.mark.parametrize("status", ["completed", "failed"])
async def test_an_operators_word_ends_a_running_attempt(dsn: str, status: str) -> None:
    stopped = asyncio.Event()

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with BriskScheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        await scheduler.update_job_status(handle, status)
        assert await handle.status() == status
        await asyncio.wait_for(stopped.wait(), 10)
        await eventually(lambda: not scheduler.active_jobs)
        assert await handle.status() == status


async def test_heartbeats_say_which_leases_are_held(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    go_on = asyncio.Event()

    async def job() -> None:
        await go_on.wait()

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        before = await sql.fetchval("SELECT lease_until FROM scheduled_jobs")
        assert await scheduler.send_heartbeat(handle) is True
        assert await sql.fetchval("SELECT lease_until FROM scheduled_jobs") > before
        assert await scheduler.send_heartbeat("somebody-elses") is False
        go_on.set()
        await handle.wait(timeout=45)
        await eventually(lambda: not scheduler.active_jobs)
        assert await scheduler.send_heartbeat(handle) is False
