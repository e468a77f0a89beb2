"""Upgrades take no lock that they do not need, and none for long."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from pg_scheduler import DatabaseError, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler_postgres import migrations
from pg_scheduler_postgres.catalog import WANTED
from pg_scheduler_postgres.migration_steps import SchemaChange, all_migrations, steps
from pg_scheduler_postgres.migrations import PostgresSchema
from pg_scheduler_postgres.session import Session
from tests.support.catalog import shape_of
from tests.support.running import eventually, idle

LATEST = all_migrations()[-1].version
INSERT = "INSERT INTO scheduled_jobs (job_name, execution_time) VALUES ('x', now())"
WAITED_FOR = "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'scheduled_jobs'::regclass AND NOT granted"
BUILT_NOW = "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE datname = current_database()"


def words(status: SchemaStatus) -> list[str]:
    """What each statement that would be applied does, and to what."""
    return [
        " ".join(change.text.replace(':"schema".', "").split()[: 6 if "EXISTS" in change.text[:45] else 3])
        for step in steps(status)
        for change in step.changes
    ]


@pytest.mark.parametrize("version", [0, 2, LATEST])
def test_what_is_newer_is_applied_whole(version: int) -> None:
    found = steps(SchemaStatus("public", version, LATEST, ()))
    assert found == [one for one in all_migrations() if one.version > version]


@pytest.mark.parametrize(
    ("missing", "applied"),
    [
        (("scheduled_jobs_dedupe",), ["CREATE UNIQUE INDEX IF NOT EXISTS"]),
        (("scheduled_jobs_lane_runs",), ["CREATE INDEX IF NOT EXISTS scheduled_jobs_lane_runs"]),
        (("scheduled_job_workers.lease_until",), ["ALTER TABLE scheduled_job_workers"]),
        (("scheduled_jobs.epoch",), ["ALTER TABLE scheduled_jobs", "ALTER TABLE scheduled_jobs"]),
        (
            ("scheduled_jobs.lane", "scheduled_jobs_waiting_in_lanes"),
            ["ALTER TABLE scheduled_jobs", "CREATE INDEX IF NOT EXISTS scheduled_jobs_waiting_in_lanes"],
        ),
        (
            tuple(f"scheduled_job_lanes.{column}" for column in WANTED["scheduled_job_lanes"]),
            ["CREATE TABLE IF NOT EXISTS scheduled_job_lanes", "ALTER TABLE scheduled_job_lanes"],
        ),
        ((), []),
    ],
)
def test_of_what_was_applied_only_what_is_missing_is_applied_again(
    missing: tuple[str, ...], applied: list[str]
) -> None:
    assert words(SchemaStatus("public", LATEST, LATEST, missing)) == applied


async def test_one_index_is_healed_while_others_write(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """Its building waits for them, but keeps nobody waiting."""
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        await sql.execute("DROP INDEX scheduled_jobs_dedupe")
        async with sql.transaction():
            await sql.execute(INSERT)
            healing = asyncio.ensure_future(scheduler.driver.schema.install())
            async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
                await eventually(lambda: pool.fetchval(BUILT_NOW))
                await pool.execute(INSERT)
            assert not healing.done()
        await asyncio.wait_for(healing, 20)
        assert (await scheduler.driver.schema.status()).current


async def test_an_index_that_was_begun_and_given_up_is_built_again(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        before = await shape_of(sql, "public")
        await sql.execute("DROP INDEX scheduled_jobs_dedupe")
        for key in ("one", "two"):
            await sql.execute(
                f"INSERT INTO scheduled_jobs (job_name, execution_time) VALUES ('{key}', now())"
            )
        await sql.execute("UPDATE scheduled_jobs SET dedupe_key = 'same'")
        with pytest.raises(DatabaseError, match="scheduled_jobs_dedupe"):
            await scheduler.driver.schema.install()
        assert (await scheduler.driver.schema.status()).missing == ("scheduled_jobs_dedupe",)
        await sql.execute("UPDATE scheduled_jobs SET dedupe_key = job_id")
        await scheduler.driver.schema.install()
        assert (await scheduler.driver.schema.status()).current
        assert await shape_of(sql, "public") == before


async def test_an_index_that_another_gave_up_during_our_own_try_is_built_with_the_next(
    dsn: str, library: Library, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = PostgresSchema._drop_broken
    seen: list[str | None] = []

    async def not_yet(schema: PostgresSchema, transaction: Session, index: SchemaChange) -> None:
        seen.append(index.index)
        if seen.count("scheduled_jobs_waiting") > 1:
            await drop(schema, transaction, index)

    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        before = await shape_of(sql, "public")
        await sql.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'scheduled_jobs_waiting'::regclass"
        )
        monkeypatch.setattr(PostgresSchema, "_drop_broken", not_yet)
        await scheduler.driver.schema.install()
        assert seen.count("scheduled_jobs_waiting") == 2
        assert await shape_of(sql, "public") == before


async def test_replicas_that_heal_together_all_start(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    schedulers = [Scheduler.connect(dsn, library=library) for _ in range(4)]
    try:
        await schedulers[0].initialize_db()
        before = await shape_of(sql, "public")
        await sql.execute("DROP INDEX scheduled_jobs_dedupe, scheduled_jobs_waiting")
        await asyncio.gather(*(scheduler.driver.open() for scheduler in schedulers))
        await asyncio.gather(*(scheduler.initialize_db() for scheduler in schedulers))
        assert await shape_of(sql, "public") == before
    finally:
        await asyncio.gather(*(scheduler.shutdown() for scheduler in schedulers))


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_workers_that_start_together_on_an_empty_database_all_start(
    dsn: str, library: Library, sql: asyncpg.Connection, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without having to try again because of it: only the lock of whoever came first is waited for."""
    monkeypatch.setattr(migrations, "_PASSING", ("55P03",))
    (name,) = await sql.fetchrow("SELECT current_database()")
    await sql.execute(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{level}'")
    schedulers = [Scheduler.connect(dsn, library=library) for _ in range(4)]
    try:
        await asyncio.gather(*(scheduler.initialize_db() for scheduler in schedulers))
        assert (await schedulers[0].driver.schema.status()).current
    finally:
        await asyncio.gather(*(scheduler.shutdown() for scheduler in schedulers))


async def test_an_upgrade_that_waits_for_a_reader_lets_others_pass(
    dsn: str, library: Library, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "100ms")
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        await sql.execute("ALTER TABLE scheduled_jobs DROP COLUMN progress_total")
        async with sql.transaction():
            await sql.execute("SELECT count(*) FROM scheduled_jobs")
            upgrade = asyncio.ensure_future(scheduler.driver.schema.install())
            other = await asyncpg.connect(dsn)
            for _ in range(2):
                # It waits, and after 100 ms at the latest another, who stands behind it, gets through.
                await eventually(lambda: sql.fetchval(WAITED_FOR))
                async with asyncio.timeout(20):
                    await other.execute("SELECT count(*) FROM scheduled_jobs")
            await other.close()
            assert not upgrade.done()
        await asyncio.wait_for(upgrade, 20)
        assert (await scheduler.driver.schema.status()).current
