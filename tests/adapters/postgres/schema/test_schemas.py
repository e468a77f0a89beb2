"""Tables in a schema of one's own, and same-named tables elsewhere."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler import InvalidInput, Scheduler, SchemaError
from pg_scheduler.client.source import Library
from tests.support.catalog import DOCUMENTED_TABLE
from tests.support.running import eventually, idle, past


async def job() -> None: ...


async def schemas_with_table(sql: asyncpg.Connection) -> set[str]:
    rows = await sql.fetch("SELECT schemaname FROM pg_tables WHERE tablename = 'scheduled_jobs'")
    return {row["schemaname"] for row in rows}


@pytest.mark.parametrize(
    "schema", ["jobs", "CamelCase", 'quo"ted', "with space", "select", ":schema", "ünïcödé", "x" * 63]
)
async def test_a_chosen_schema_is_created_and_used(
    dsn: str, library: Library, sql: asyncpg.Connection, schema: str
) -> None:
    async with Scheduler.connect(dsn, library=library, schema=schema) as scheduler:
        await eventually(lambda: scheduler.worker.listening)
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"
        assert (await scheduler.driver.schema.status()).schema == schema
    assert await schemas_with_table(sql) == {schema}


@pytest.mark.parametrize("schema", ["", "x" * 64, "nul\x00", "new\nline", 5])
def test_what_cannot_be_a_schemas_name_is_refused(dsn: str, library: Library, schema: str) -> None:
    with pytest.raises(InvalidInput, match="schema"):
        Scheduler.connect(dsn, library=library, schema=schema)


async def test_two_schemas_are_two_worlds(dsn: str, library: Library) -> None:
    ran: list[str] = []

    async def note(world: str) -> None:
        ran.append(world)

    async with (
        Scheduler.connect(dsn, library=library, schema="one") as one,
        Scheduler.connect(dsn, library=library, schema="other") as other,
    ):
        other.register(note)
        handle = await one.schedule(note, execution_time=past(), args=("one",), job_id="same")
        same = await other.schedule(note, execution_time=past(), args=("other",), job_id="same")
        assert await handle.wait(timeout=45) == "completed"
        assert await same.wait(timeout=45) == "completed"
    assert sorted(ran) == ["one", "other"]


async def test_the_first_schema_of_the_search_path_is_used_whatever_stands_in_the_second(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """A table of the same name further down the path is somebody else's."""
    await sql.execute("CREATE SCHEMA first; CREATE SCHEMA second; SET search_path = second")
    await sql.execute(DOCUMENTED_TABLE)
    await sql.execute("INSERT INTO second.scheduled_jobs (job_name, execution_time) VALUES ('x', now())")
    await sql.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = first, second, public',"
        " current_database()); END $$"
    )
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"
    assert await schemas_with_table(sql) == {"first", "second"}
    assert await sql.fetchval("SELECT count(*) FROM first.scheduled_jobs") == 1
    assert [tuple(row) for row in await sql.fetch("SELECT job_name, status FROM second.scheduled_jobs")] == [
        ("x", "pending")
    ]


async def test_a_search_path_without_any_schema_is_reported(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    await sql.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = nowhere',"
        " current_database()); END $$"
    )
    scheduler = Scheduler.connect(dsn, library=library)
    try:
        with pytest.raises(SchemaError, match="search_path"):
            await scheduler.initialize_db()
    finally:
        await scheduler.shutdown()


async def test_uninstalling_one_schema_leaves_the_other(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with (
        idle(Scheduler.connect(dsn, library=library, schema="one")) as one,
        idle(Scheduler.connect(dsn, library=library, schema="other")),
    ):
        await one.driver.schema.uninstall()
        assert await schemas_with_table(sql) == {"other"}
