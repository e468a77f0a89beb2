"""Submitting within the caller's own transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import psycopg
import pytest

from pg_scheduler import (
    ConflictResolution,
    DatabaseError,
    JobAlreadyExists,
    JobSpec,
    PollingConfig,
    Scheduler,
)
from pg_scheduler.client.source import Library
from tests.support.running import eventually, idle, later, past

SELDOM = PollingConfig(interval=50, interval_without_listen=50)


class ChangedMyMind(Exception):
    """CompletionWaiter a transaction without a commit."""


async def job(number: int = 0) -> None: ...


@asynccontextmanager
async def connection_of(library: Library, dsn: str) -> AsyncIterator[Any]:
    """A connection of the caller's own."""
    if library == "asyncpg":
        connection = await asyncpg.connect(dsn)
        yield connection
        await connection.close()
    else:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as own:
            yield own


async def count(sql: asyncpg.Connection) -> int:
    found: int = await sql.fetchval("SELECT count(*) FROM scheduled_jobs")
    return found


async def test_a_commit_makes_the_job_visible_and_wakes_a_worker(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with (
        Scheduler.connect(dsn, library=library, polling_config=SELDOM) as scheduler,
        connection_of(library, dsn) as own,
    ):
        await eventually(lambda: scheduler.worker.listening)
        async with own.transaction():
            handle = await scheduler.schedule(job, execution_time=past(), connection=own)
            assert await count(sql) == 0
        assert await handle.wait(timeout=45) == "completed"


async def test_a_rollback_leaves_nothing(dsn: str, library: Library, sql: asyncpg.Connection) -> None:
    async with (
        idle(Scheduler.connect(dsn, library=library)) as scheduler,
        connection_of(library, dsn) as own,
    ):
        with suppress(ChangedMyMind):
            async with own.transaction():
                await scheduler.schedule(job, execution_time=past(), connection=own)
                await scheduler.schedule_bulk([JobSpec(job, past(), args=(1,))] * 3, connection=own)
                raise ChangedMyMind
        assert await count(sql) == 0


async def test_a_refusal_leaves_the_callers_transaction_usable(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with (
        idle(Scheduler.connect(dsn, library=library)) as scheduler,
        connection_of(library, dsn) as own,
    ):
        await scheduler.schedule(job, execution_time=later(), job_id="taken")
        async with own.transaction():
            await scheduler.schedule(job, execution_time=later(), job_id="before", connection=own)
            with pytest.raises(JobAlreadyExists):
                await scheduler.schedule(job, execution_time=later(), job_id="taken", connection=own)
            with pytest.raises(JobAlreadyExists):
                await scheduler.schedule_bulk(
                    [JobSpec(job, later(), job_id=name) for name in ("new", "taken")],
                    conflict_resolution=ConflictResolution.RAISE,
                    connection=own,
                )
            await scheduler.schedule(job, execution_time=later(), job_id="after", connection=own)
        stored = await sql.fetch("SELECT job_id FROM scheduled_jobs ORDER BY job_id")
    assert [row["job_id"] for row in stored] == ["after", "before", "taken"]


async def test_a_bulk_call_in_batches_is_part_of_the_transaction(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with (
        idle(Scheduler.connect(dsn, library=library)) as scheduler,
        connection_of(library, dsn) as own,
        own.transaction(),
    ):
        specs = [JobSpec(job, later(), args=(number,)) for number in range(25)]
        handles = await scheduler.schedule_bulk(specs, batch_size=10, connection=own)
        assert len(handles) == 25
        assert await count(sql) == 0
    assert await count(sql) == 25


async def test_a_cancellation_can_be_part_of_a_transaction_too(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with (
        idle(Scheduler.connect(dsn, library=library)) as scheduler,
        connection_of(library, dsn) as own,
    ):
        handle = await scheduler.schedule(job, execution_time=later())
        with suppress(ChangedMyMind):
            async with own.transaction():
                assert await scheduler.cancel_job(handle, connection=own) is True
                raise ChangedMyMind
        assert await handle.status() == "pending"


async def test_a_connection_of_the_other_library_serves_as_well(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    other: Library = "psycopg" if library == "asyncpg" else "asyncpg"
    async with (
        idle(Scheduler.connect(dsn, library=library)) as scheduler,
        connection_of(other, dsn) as own,
    ):
        async with own.transaction():
            await scheduler.schedule(job, execution_time=past(), connection=own)
            assert await count(sql) == 0
        assert await count(sql) == 1


async def test_the_callers_search_path_does_not_lead_astray(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """The scheduler's schema is used, whatever the caller's connection would find first."""
    await sql.execute("CREATE SCHEMA mine")
    await sql.execute("CREATE TABLE mine.scheduled_jobs (something_else int)")
    async with (
        idle(Scheduler.connect(dsn, library=library)) as scheduler,
        connection_of(library, dsn) as own,
    ):
        await own.execute("SET search_path = mine, public")
        async with own.transaction():
            await scheduler.schedule(job, execution_time=past(), connection=own)
        assert await sql.fetchval("SELECT count(*) FROM public.scheduled_jobs") == 1


async def test_a_batch_that_the_database_refuses_leaves_the_callers_transaction_alive(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with (
        idle(Scheduler.connect(dsn, library=library)) as scheduler,
        connection_of(library, dsn) as own,
    ):
        await sql.execute("ALTER TABLE scheduled_jobs ADD CONSTRAINT odd CHECK (priority <> 77)")
        specs = [JobSpec(job, later(), priority=rank) for rank in (1, 77)]
        async with own.transaction():
            await scheduler.schedule(job, execution_time=later(), connection=own)
            with pytest.raises(DatabaseError):
                await scheduler.schedule_bulk(specs, connection=own)
            await scheduler.schedule(job, execution_time=later(), connection=own)
        assert await count(sql) == 2
