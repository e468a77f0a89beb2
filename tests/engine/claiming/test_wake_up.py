"""What makes an idle worker look: a signal, the next due time, and behind them the poll."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler import JobPriority, PollingConfig, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.support.running import eventually, past

SELDOM = PollingConfig(interval=50, interval_without_listen=50)
DEAF_AND_SELDOM = PollingConfig(interval=50, interval_without_listen=50, listen=False)

LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


async def job() -> None: ...


async def listener_pid(sql: asyncpg.Connection) -> int:
    pid: int = await eventually(lambda: sql.fetchval(LISTENERS))
    return pid


async def test_a_signal_from_another_process_starts_a_job_without_a_poll(
    dsn: str, library: Library, client: Scheduler
) -> None:
    async with Scheduler.connect(dsn, library=library, polling_config=SELDOM) as scheduler:
        scheduler.register(job)
        await eventually(lambda: scheduler.worker.listening)
        for _ in range(3):
            handle = await client.schedule(job, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"


async def test_a_due_job_that_was_held_is_looked_at_again_without_a_signal_or_a_poll(
    dsn: str, library: Library, client: Scheduler, sql: asyncpg.Connection
) -> None:
    """Whoever held it rolls back, and nothing tells of that. The worker knows the task only then."""
    handle = await client.schedule(job, execution_time=past(), job_id="held")
    async with Scheduler.connect(dsn, library=library, polling_config=SELDOM) as scheduler:
        await eventually(lambda: scheduler.worker.listening)
        transaction = sql.transaction()
        await transaction.start()
        await sql.execute("SELECT FROM scheduled_jobs WHERE job_id = 'held' FOR UPDATE")
        claimer = scheduler.worker.services.claimer
        looks = claimer.empty_polls
        scheduler.register(job)
        # More than the beginning to listen and the new task explain.
        await eventually(lambda: claimer.empty_polls > looks + 2, timeout=20)
        await transaction.rollback()
        assert await handle.wait(timeout=20) == "completed"


async def test_a_broken_listen_connection_is_made_again(
    dsn: str, library: Library, client: Scheduler, sql: asyncpg.Connection
) -> None:
    async with Scheduler.connect(dsn, library=library, polling_config=SELDOM) as scheduler:
        scheduler.register(job)
        await eventually(lambda: scheduler.worker.listening)
        broken = await listener_pid(sql)
        await sql.execute("SELECT pg_terminate_backend($1)", broken)
        await eventually(lambda: not scheduler.worker.listening)
        await eventually(lambda: scheduler.worker.listening)
        assert await listener_pid(sql) != broken
        handle = await client.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"


async def test_jobs_submitted_while_nobody_listened_are_found_at_once(
    dsn: str, library: Library, server: EmbeddedServer, client: Scheduler, sql: asyncpg.Connection
) -> None:
    """The poll is 50 s away: it is the new LISTEN connection that makes the worker look."""
    database = dsn.rpartition("/")[2]
    gate = await asyncpg.connect(server.dsn)
    try:
        async with Scheduler.connect(dsn, library=library, polling_config=SELDOM) as scheduler:
            scheduler.register(job)
            await eventually(lambda: scheduler.worker.listening)
            looks = scheduler.worker.services.claimer.empty_polls
            await gate.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
            await sql.execute("SELECT pg_terminate_backend($1)", await listener_pid(sql))
            await eventually(lambda: not scheduler.worker.listening)
            # The worker looks once when its connection breaks; only then is the job submitted.
            await eventually(lambda: scheduler.worker.services.claimer.empty_polls > looks)
            handle = await client.schedule(job, execution_time=past())
            assert await handle.status() == "pending"
            await gate.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
            assert await handle.wait(timeout=15) == "completed"
    finally:
        await gate.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
        await gate.close()


async def test_without_listen_the_poll_finds_jobs(dsn: str, library: Library, client: Scheduler) -> None:
    quick = PollingConfig(interval=50, interval_without_listen=0.1, listen=False)
    async with Scheduler.connect(dsn, library=library, polling_config=quick) as scheduler:
        scheduler.register(job)
        handle = await client.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"
        assert not scheduler.worker.listening


async def test_without_listen_no_connection_listens(dsn: str, sql: asyncpg.Connection) -> None:
    async with Scheduler.connect(dsn, polling_config=DEAF_AND_SELDOM):
        assert await sql.fetchval(LISTENERS) is None


async def test_a_deaf_worker_still_hears_its_own_process(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library, polling_config=DEAF_AND_SELDOM) as scheduler:
        for _ in range(3):
            handle = await scheduler.schedule(job, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"


@pytest.mark.parametrize("polling", [SELDOM, DEAF_AND_SELDOM], ids=["listening", "deaf"])
async def test_a_timer_starts_the_next_due_job_and_not_before_its_time(
    dsn: str, library: Library, sql: asyncpg.Connection, polling: PollingConfig
) -> None:
    async with Scheduler.connect(dsn, library=library, polling_config=polling) as scheduler:
        handles = [
            await scheduler.schedule(job, execution_time=past(-delay), priority=priority)
            for delay, priority in ((0.9, JobPriority.CRITICAL), (0.3, JobPriority.LOW), (0.6, 5))
        ]
        for handle in handles:
            assert await handle.wait(timeout=45) == "completed"
    early = "SELECT count(*) FROM scheduled_jobs WHERE started_at < execution_time"
    assert await sql.fetchval(early) == 0


async def test_a_job_moved_forward_by_another_process_is_on_time(
    dsn: str, library: Library, client: Scheduler
) -> None:
    """A worker that sleeps until an earlier job's time hears of one that is due before."""
    async with Scheduler.connect(dsn, library=library, polling_config=SELDOM) as scheduler:
        scheduler.register(job)
        await eventually(lambda: scheduler.worker.listening)
        await client.schedule(job, execution_time=past(-40))
        soon = await client.schedule(job, execution_time=past(-0.3))
        assert await soon.wait(timeout=45) == "completed"


async def test_a_newly_known_task_makes_the_worker_look(
    dsn: str, library: Library, client: Scheduler
) -> None:
    async with Scheduler.connect(dsn, library=library, polling_config=SELDOM) as scheduler:
        handle = await client.schedule(job, execution_time=past())
        await eventually(lambda: scheduler.worker.listening)
        scheduler.register(job)
        assert await handle.wait(timeout=45) == "completed"


async def test_a_rolled_back_submission_wakes_nobody_and_a_commit_does(
    dsn: str, client: Scheduler, sql: asyncpg.Connection
) -> None:
    async with Scheduler.connect(dsn, polling_config=SELDOM) as scheduler:
        scheduler.register(job)
        await eventually(lambda: scheduler.worker.listening)
        transaction = sql.transaction()
        await transaction.start()
        handle = await client.schedule(job, execution_time=past(), connection=sql)
        await transaction.rollback()
        assert await client.driver.insight.job(handle) is None
        async with sql.transaction():
            handle = await client.schedule(job, execution_time=past(), connection=sql)
        assert await handle.wait(timeout=45) == "completed"
