"""Upgrades take no lock that they do not need, and none for long."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler_postgres import migrations
from pg_scheduler_postgres.migrations import all_migrations, steps
from tests.support.running import idle

LATEST = all_migrations()[-1].version


@pytest.mark.parametrize(
    ("version", "missing", "first"),
    [
        (0, (), 1),
        (2, (), 3),
        (LATEST, ("scheduled_jobs_dedupe",), 4),
        (LATEST, ("scheduled_jobs.epoch",), 2),
        (LATEST, ("scheduled_job_workers.lease_until",), 5),
        (LATEST, ("scheduled_job_schedules.mark", "scheduled_jobs.lane"), 3),
        (LATEST, (), LATEST + 1),
    ],
)
def test_only_what_is_missing_is_applied(version: int, missing: tuple[str, ...], first: int) -> None:
    status = SchemaStatus("public", version, LATEST, missing)
    assert [one.version for one in steps(status)] == list(range(first, LATEST + 1))


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_workers_that_start_together_on_an_empty_database_all_start(
    dsn: str, library: Library, sql: asyncpg.Connection, level: str
) -> None:
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
            # Between its tries, and after 100 ms of each at the latest, another gets through.
            other = await asyncpg.connect(dsn)
            async with asyncio.timeout(20):
                for _ in range(3):
                    await other.execute("SELECT count(*) FROM scheduled_jobs")
                    await asyncio.sleep(0)
            await other.close()
            assert not upgrade.done()
        await asyncio.wait_for(upgrade, 20)
        assert (await scheduler.driver.schema.status()).current
