"""A ledger may say "installed" while something is gone: installing looks, and makes it again."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler import Scheduler, SchemaError
from pg_scheduler.client.source import Library
from pg_scheduler_postgres.catalog import WANTED
from tests.support.catalog import shape_of
from tests.support.running import eventually, idle, later, past

INDEXES = [name for name, columns in WANTED.items() if not columns]
TABLES = [name for name, columns in WANTED.items() if columns]
IRREPLACEABLE = ("job_id", "job_name", "execution_time")


async def job() -> None: ...


@pytest.mark.parametrize("table", TABLES)
async def test_a_dropped_table_is_made_again(
    dsn: str, client: Scheduler, sql: asyncpg.Connection, table: str
) -> None:
    before = await shape_of(sql, "public")
    await sql.execute(f"DROP TABLE {table}")
    assert not (await client.driver.schema.status()).current
    await client.initialize_db()
    assert (await client.driver.schema.status()).current
    assert await shape_of(sql, "public") == before


async def test_dropped_indexes_are_made_again(client: Scheduler, sql: asyncpg.Connection) -> None:
    before = await shape_of(sql, "public")
    for index in INDEXES:
        await sql.execute(f"DROP INDEX {index}")
        assert (await client.driver.schema.status()).missing == (index,)
        await client.initialize_db()
    assert await shape_of(sql, "public") == before


async def test_dropped_columns_of_the_jobs_table_are_made_again(
    client: Scheduler, sql: asyncpg.Connection
) -> None:
    """With a row in the table, which then can run."""
    await client.schedule(job, execution_time=later())
    before = await shape_of(sql, "public")
    for column in WANTED["scheduled_jobs"]:
        if column not in IRREPLACEABLE:
            await sql.execute(f"ALTER TABLE scheduled_jobs DROP COLUMN {column} CASCADE")
            await client.initialize_db()
    assert await shape_of(sql, "public") == before
    assert await sql.fetchval("SELECT status FROM scheduled_jobs") == "pending"


@pytest.mark.parametrize(
    "column", ["scheduled_jobs.job_id", "scheduled_jobs.job_name", "scheduled_job_attempts.outcome"]
)
async def test_what_cannot_be_made_again_is_named_and_nothing_is_touched(
    client: Scheduler, library: Library, dsn: str, sql: asyncpg.Connection, column: str
) -> None:
    table, _, name = column.partition(".")
    await sql.execute(f"ALTER TABLE {table} DROP COLUMN {name} CASCADE")
    await sql.execute("DROP INDEX IF EXISTS scheduled_jobs_running")
    before = await shape_of(sql, "public")
    scheduler = Scheduler.connect(dsn, library=library)
    try:
        with pytest.raises(SchemaError, match=f"cannot be completed.*{name}"):
            await scheduler.start()
    finally:
        await scheduler.shutdown()
    assert await shape_of(sql, "public") == before


async def test_somebody_elses_table_of_that_name_is_left_alone(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    await sql.execute("CREATE TABLE scheduled_jobs (payroll int); INSERT INTO scheduled_jobs VALUES (1)")
    scheduler = Scheduler.connect(dsn, library=library)
    try:
        with pytest.raises(SchemaError, match="somebody else's"):
            await scheduler.initialize_db()
    finally:
        await scheduler.shutdown()
    rows = await sql.fetch("SELECT * FROM scheduled_jobs")
    assert [dict(row) for row in rows] == [{"payroll": 1}]


async def test_a_running_scheduler_goes_on_after_its_table_was_dropped_and_healed(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"
        await sql.execute("DROP TABLE scheduled_jobs")
        with pytest.raises(SchemaError):
            await scheduler.schedule(job, execution_time=past())
        await scheduler.initialize_db()
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"


async def test_statements_survive_a_column_added_under_them(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """As a newer version's migration does while this one runs."""
    async with Scheduler.connect(dsn, library=library) as scheduler:
        for column in ("of_the_next_version", "of_the_one_after"):
            handle = await scheduler.schedule(job, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"
            await sql.execute(f"ALTER TABLE scheduled_jobs ADD COLUMN {column} TEXT NOT NULL DEFAULT 'new'")
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"


async def test_a_newer_schema_is_left_alone(dsn: str, library: Library, sql: asyncpg.Connection) -> None:
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        await sql.execute("INSERT INTO scheduled_job_migrations (version, name) VALUES (9999, 'future')")
        await scheduler.initialize_db()
        status = await scheduler.driver.schema.status()
        assert (status.version, status.current) == (9999, True)
        handle = await scheduler.schedule(job, execution_time=past())
        await scheduler.execute_job(handle)
        await eventually(lambda: sql.fetchval("SELECT status = 'completed' FROM scheduled_jobs"))
