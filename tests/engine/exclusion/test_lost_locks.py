"""The lock is a transaction of its own: what its loss does, and what its idleness must not do."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

import pg_scheduler_postgres.locks
from pg_scheduler import JobStatus
from pg_scheduler.client.source import Library
from pg_scheduler.engine.running import exclusion
from tests.engine.exclusion.runs import Gate, ended, lock_holder, running, trigger
from tests.support.databases import versions_to_test
from tests.support.running import eventually


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss is noticed quickly, and the run is tried again quickly."""
    monkeypatch.setattr(pg_scheduler_postgres.locks, "PROBE_INTERVAL", 0.05)
    monkeypatch.setattr(exclusion, "LOOK_AGAIN", timedelta(milliseconds=50))


async def test_a_run_that_loses_its_lock_is_stopped_and_runs_again(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    gate = Gate()
    async with running(dsn, library, gate) as scheduler:
        job_id = await trigger(scheduler)
        await eventually(lambda: gate.inside == 1)  # the answer that it has the lock has come
        holder = await lock_holder(sql)
        await sql.execute("SELECT pg_terminate_backend($1)", holder)
        await eventually(lambda: gate.stopped == 1)
        await eventually(lambda: gate.inside == 1)
        assert await lock_holder(sql) != holder
        gate.open()
        assert await ended(scheduler, job_id) is JobStatus.COMPLETED
        job = await scheduler.driver.insight.job(job_id)
        assert job is not None
        assert (gate.starts, job.retry_count, job.crash_count) == (2, 0, 0)


async def test_work_that_is_done_stays_done_although_its_lock_broke_at_the_end(
    dsn: str, library: Library, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg_scheduler_postgres.locks, "PROBE_INTERVAL", 3600)
    gate = Gate()
    async with running(dsn, library, gate) as scheduler:
        job_id = await trigger(scheduler)
        await eventually(lambda: gate.inside == 1)
        await sql.execute("SELECT pg_terminate_backend($1)", await lock_holder(sql))
        gate.open()
        assert await ended(scheduler, job_id) is JobStatus.COMPLETED
        assert gate.starts == 1


async def test_the_lock_is_free_as_soon_as_the_run_has_ended(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    gate = Gate()
    async with running(dsn, library, gate) as scheduler:
        job_id = await trigger(scheduler)
        holder = await lock_holder(sql)
        gate.open()
        await ended(scheduler, job_id)
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = $1"
        assert await sql.fetchval(held, holder) == 0


async def test_an_idle_lock_holds_up_no_vacuum_and_outlives_the_limits_on_idleness(
    dsn: str, library: Library, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg_scheduler_postgres.locks, "PROBE_INTERVAL", 3600)
    limits = {"default_transaction_isolation": "serializable", "idle_in_transaction_session_timeout": "200"}
    if versions_to_test()[0] >= 17:
        limits["transaction_timeout"] = "400"
    gate = Gate()
    async with running(dsn, library, gate) as scheduler:
        database = await sql.fetchval("SELECT quote_ident(current_database())")
        for name, value in limits.items():
            await sql.execute(f"ALTER DATABASE {database} SET {name} = '{value}'")
        job_id = await trigger(scheduler)
        holder = await lock_holder(sql)

        async def has_been_idle() -> bool:
            return bool(
                await sql.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'idle in transaction'"
                    " AND backend_xmin IS NULL AND backend_xid IS NULL"
                    " AND clock_timestamp() > xact_start + interval '700 ms'",
                    holder,
                )
            )

        await eventually(has_been_idle)
        gate.open()
        assert await ended(scheduler, job_id) is JobStatus.COMPLETED
        assert gate.stopped == 0
