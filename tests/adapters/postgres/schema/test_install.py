"""Creating the tables: once, from anywhere, by any number of processes."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest

from pg_scheduler import Scheduler, SchemaError
from pg_scheduler.client.source import Library
from pg_scheduler_postgres.migration_steps import install_sql
from tests.support.catalog import DOCUMENTED_TABLE, shape_of
from tests.support.processes import ROOT
from tests.support.running import idle, later, within

INSTALL = (
    "import asyncio, sys\n"
    "from pg_scheduler import Scheduler\n"
    "async def main():\n"
    "    scheduler = Scheduler.connect(sys.argv[1], library=sys.argv[2])\n"
    "    await scheduler.driver.open()\n"
    "    print('ready', flush=True)\n"
    "    sys.stdin.readline()\n"
    "    for _ in range(3):\n"
    "        await scheduler.initialize_db()\n"
    "    await scheduler.shutdown()\n"
    "asyncio.run(main())\n"
)


async def job() -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize("before", ["SELECT 1", DOCUMENTED_TABLE], ids=["empty database", "documented table"])
async def test_eight_processes_may_install_at_once(dsn: str, sql: asyncpg.Connection, before: str) -> None:
    await sql.execute(before)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", INSTALL, dsn, ("asyncpg", "psycopg")[number % 2], cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        for number in range(8)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert (await within(process.stdout.readline(), 60)) == b"ready\n"
    complaints = await within(asyncio.gather(*(process.communicate(b"go\n") for process in processes)), 60)
    assert [process.returncode for process in processes] == [0] * 8, complaints
    async with idle(Scheduler.connect(dsn)) as scheduler:
        status = await scheduler.driver.schema.status()
    assert status.current


async def test_installing_again_changes_nothing(dsn: str, library: Library, sql: asyncpg.Connection) -> None:
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        await scheduler.schedule(job, execution_time=later())
        applied = "SELECT version, applied_at FROM scheduled_job_migrations ORDER BY version"
        before, shape = await sql.fetch(applied), await shape_of(sql, "public")
        for _ in range(3):
            await scheduler.initialize_db()
        assert await sql.fetch(applied) == before
        assert await shape_of(sql, "public") == shape
        assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs") == 1


async def test_the_printed_sql_makes_what_install_makes(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with idle(Scheduler.connect(dsn, library=library)):
        pass
    await sql.execute(install_sql("by_hand"))
    assert await shape_of(sql, "by_hand") == await shape_of(sql, "public")
    await sql.execute(install_sql("by_hand"))
    async with idle(Scheduler.connect(dsn, library=library, schema="by_hand")) as scheduler:
        assert (await scheduler.driver.schema.status()).current


async def test_a_worker_without_the_right_to_create_tables_works_on_installed_ones(
    dsn: str, library: Library, sql: asyncpg.Connection, client: Scheduler
) -> None:
    await sql.execute(
        "DROP ROLE IF EXISTS modest; CREATE ROLE modest LOGIN; GRANT USAGE ON SCHEMA public TO modest;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO modest;"
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    )
    try:
        async with Scheduler.connect(dsn.replace("postgres@", "modest@"), library=library) as scheduler:
            handle = await scheduler.schedule(job, execution_time=later(-1))
            assert await handle.wait(timeout=45) == "completed"
    finally:
        await sql.execute("DROP OWNED BY modest; DROP ROLE modest")


async def test_scheduling_without_tables_says_how_to_make_them(dsn: str, library: Library) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    with pytest.raises(SchemaError, match="initialize_db"):
        await scheduler.schedule(job, execution_time=later())
    await scheduler.shutdown()
