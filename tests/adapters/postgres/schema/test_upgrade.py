"""A database that holds only the documented table, with jobs in it, taken over in place."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler import Scheduler, SchemaError
from pg_scheduler.client.source import Library
from tests.support.catalog import DOCUMENTED_TABLE, PUBLISHED_STATISTICS, shape_of
from tests.support.running import BriskScheduler, eventually, idle

ROWS = """
    INSERT INTO scheduled_jobs
        (job_id, job_name, execution_time, status, task_data, last_heartbeat, lease_until, worker_id,
         priority, retry_count, max_retries, created_at, error_message)
    VALUES
        ('due', 'work', now() - interval '1 hour', 'pending', '{"args": ["due"], "kwargs": {}}',
         NULL, NULL, NULL, 5, 0, 0, now(), NULL),
        ('future', 'work', now() + interval '1 hour', 'pending', '{"args": ["future"], "kwargs": {}}',
         NULL, NULL, NULL, 5, 0, 0, now(), NULL),
        ('retried', 'work', now() - interval '1 hour', 'pending', '{"args": ["retried"], "kwargs": {}}',
         now() - interval '1 hour', NULL, NULL, 1, 2, 3, now(), 'the last failure'),
        ('nulls', 'work', now() - interval '1 hour', NULL, '{"args": ["nulls"], "kwargs": {}}',
         NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        ('no data', 'without_arguments', now() - interval '1 hour', 'pending', NULL,
         NULL, NULL, NULL, 8, 0, 0, now(), NULL),
        ('old lease', 'work', now() - interval '1 hour', 'running', '{"args": ["old lease"]}',
         now() - interval '1 hour', now() - interval '1 hour', 'deadbeef', 5, 0, 0, now(), NULL),
        ('no lease', 'work', now() - interval '1 hour', 'running', '{"kwargs": {"text": "no lease"}}',
         now() - interval '1 hour', NULL, 'deadbeef', 5, 0, 0, now(), NULL),
        ('no heartbeat', 'work', now() - interval '1 hour', 'running', '{"args": ["no heartbeat"]}',
         NULL, NULL, 'deadbeef', 5, 0, 0, now() - interval '1 hour', NULL),
        ('done', 'work', now() - interval '1 hour', 'completed', '{}', NULL, NULL, 'deadbeef',
         5, 0, 0, now(), NULL),
        ('failed', 'work', now() - interval '1 hour', 'failed', '{}', NULL, NULL, 'deadbeef',
         5, 3, 3, now(), 'why'),
        ('cancelled', 'work', now() - interval '1 hour', 'cancelled', '{}', NULL, NULL, NULL,
         5, 0, 0, now(), NULL)
"""
RUN = {"due", "retried", "nulls", "old lease", "no lease", "no heartbeat", "without arguments"}
UNTOUCHED = {"done": "completed", "failed": "failed", "cancelled": "cancelled", "future": "pending"}


@pytest.fixture
async def old_database(sql: asyncpg.Connection) -> None:
    """As an older installation left it."""
    await sql.execute(DOCUMENTED_TABLE)
    await sql.execute(ROWS)


@pytest.mark.usefixtures("old_database")
async def test_the_jobs_of_an_old_table_run(dsn: str, library: Library, sql: asyncpg.Connection) -> None:
    ran: set[str] = set()

    async def work(text: str) -> None:
        ran.add(text)

    async def without_arguments() -> None:
        ran.add("without arguments")

    scheduler = BriskScheduler.connect(dsn, library=library)
    scheduler.register(work, name="work")
    scheduler.register(without_arguments, name="without_arguments")
    async with scheduler:
        await eventually(lambda: ran == RUN)
        left = "SELECT count(*) FROM scheduled_jobs WHERE status = 'running'"
        await eventually(lambda: sql.fetchval(f"SELECT ({left}) = 0"))
    rows = await sql.fetch("SELECT job_id, status FROM scheduled_jobs WHERE status <> 'completed'")
    assert {row["job_id"]: row["status"] for row in rows} == {
        job_id: status for job_id, status in UNTOUCHED.items() if status != "completed"
    }


@pytest.mark.usefixtures("old_database")
async def test_upgrading_keeps_every_value_but_the_nulls(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    query = (
        "SELECT job_id, job_name, execution_time, task_data, last_heartbeat, lease_until, worker_id,"
        " error_message FROM scheduled_jobs ORDER BY job_id"
    )
    before = await sql.fetch(query)
    async with idle(Scheduler.connect(dsn, library=library)):
        assert await sql.fetch(query) == before
    filled = await sql.fetchrow(
        "SELECT status, priority, retry_count, max_retries, created_at IS NOT NULL FROM scheduled_jobs"
        " WHERE job_id = 'nulls'"
    )
    assert tuple(filled) == ("pending", 5, 0, 0, True)


@pytest.mark.usefixtures("old_database")
async def test_an_upgraded_schema_is_like_a_new_one(dsn: str, sql: asyncpg.Connection) -> None:
    async with (
        idle(Scheduler.connect(dsn)),
        idle(Scheduler.connect(dsn, schema="made_new")),
    ):
        assert await shape_of(sql, "public") == await shape_of(sql, "made_new")


async def test_sql_that_names_only_documented_columns_goes_on_working(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """A worker or a script of the version before knows no others."""
    ran: list[str] = []

    async def work(text: str = "nothing") -> None:
        ran.append(text)

    async with Scheduler.connect(dsn, library=library) as scheduler:
        scheduler.register(work, name="work")
        await sql.execute("INSERT INTO scheduled_jobs (job_name, execution_time) VALUES ('work', now())")
        await sql.execute(
            "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, task_data, created_at,"
            " last_heartbeat, lease_until, priority, retry_count, max_retries, worker_id, error_message)"
            """ VALUES ('full', 'work', now(), 'pending', '{"args": ["full"], "kwargs": {}}', now(),"""
            " NULL, NULL, 3, 0, 2, NULL, NULL)"
        )
        # Plain SQL sends no signal: the poll would find them, and so does the next wake-up.
        handle = await scheduler.schedule("work", execution_time=await sql.fetchval("SELECT now()"))
        await handle.wait(timeout=45)
        await eventually(lambda: sorted(ran) == ["full", "nothing", "nothing"])
        documented = "SELECT status, priority, retry_count, job_name, worker_id FROM scheduled_jobs"
        done = "SELECT bool_and(status = 'completed') FROM scheduled_jobs"
        await eventually(lambda: sql.fetchval(done))
        for row in await sql.fetch(documented):
            assert (row["status"], row["job_name"], row["worker_id"]) == (
                "completed",
                "work",
                scheduler.worker_id,
            )


@pytest.mark.usefixtures("old_database")
async def test_the_statistics_of_the_published_version_go_on_as_ours(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """As `VacuumConfig(track_metrics=True)` of pg-scheduler 0.2.3 made and filled it."""
    await sql.execute(PUBLISHED_STATISTICS)
    async with Scheduler.connect(dsn, library=library) as scheduler:
        assert (await scheduler.driver.schema.status()).current
        today, yesterday, last = await scheduler.driver.retention.vacuum_stats(None)
        assert list(today.deleted.values())[:3] == [3, 2, 1]
        assert (sum(yesterday.deleted.values()), yesterday.runs) == (2000000000, 0)
        assert last.last_run.isoformat() == "2020-01-02T00:00:00+00:00"
    async with idle(Scheduler.connect(dsn, schema="made_new")):
        assert await shape_of(sql, "public") == await shape_of(sql, "made_new")


async def test_another_table_of_that_name_is_named_and_left_as_it_is(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    await sql.execute("CREATE TABLE vacuum_stats (stat_date date, payroll int)")
    before = await shape_of(sql, "public")
    scheduler = Scheduler.connect(dsn, library=library)
    with pytest.raises(SchemaError, match=r"cannot be completed: vacuum_stats\.day"):
        await scheduler.initialize_db()
    await scheduler.shutdown()
    assert await shape_of(sql, "public") == before


@pytest.mark.usefixtures("old_database")
async def test_a_waiting_job_that_nobody_could_read_ends_with_the_upgrade(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    await sql.execute("""UPDATE scheduled_jobs SET task_data = '[1]' WHERE job_id IN ('due', 'failed')""")
    async with idle(Scheduler.connect(dsn, library=library)):
        rows = await sql.fetch("SELECT job_id, error_message FROM scheduled_jobs WHERE status = 'failed'")
    assert {row["job_id"]: row["error_message"][:26] for row in rows} == {
        "due": "the row cannot be read: a ",
        "failed": "why",
    }
