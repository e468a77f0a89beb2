"""Start and shutdown in every order, twice, at once, and cancelled in the middle."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from pg_scheduler import ConnectionLost, DatabaseError, Scheduler
from pg_scheduler.client.source import Library
from tests.support.running import eventually, past, within


async def nothing() -> None: ...


async def runs_a_job(scheduler: Scheduler) -> None:
    handle = await scheduler.schedule(nothing, execution_time=past())
    assert await handle.wait(timeout=45) == "completed"


async def test_shutdown_before_start_is_legal(dsn: str, library: Library) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    await within(scheduler.shutdown())
    await within(scheduler.shutdown())
    await scheduler.start()
    await runs_a_job(scheduler)
    await scheduler.shutdown()


async def test_starting_twice_is_starting_once(dsn: str, library: Library) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.start()
    worker = scheduler.worker
    await scheduler.start()
    assert scheduler.worker is worker
    await runs_a_job(scheduler)
    await eventually(scheduler.driver.insight.workers)
    assert len(await scheduler.driver.insight.workers()) == 1
    await scheduler.shutdown()


async def test_shutting_down_twice_is_shutting_down_once(dsn: str) -> None:
    scheduler = Scheduler.connect(dsn)
    await scheduler.start()
    await scheduler.shutdown()
    await within(scheduler.shutdown())
    assert not scheduler.is_running


async def test_a_scheduler_runs_again_after_a_shutdown(dsn: str, library: Library) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    for _ in range(3):
        await scheduler.start()
        await runs_a_job(scheduler)
        await scheduler.shutdown()
    assert not scheduler.worker.running


async def test_concurrent_starts_all_return_to_a_running_scheduler(dsn: str, library: Library) -> None:
    scheduler = Scheduler.connect(dsn, library=library)

    async def start() -> bool:
        await scheduler.start()
        return scheduler.worker.running

    assert await asyncio.gather(*(start() for _ in range(5))) == [True] * 5
    await scheduler.shutdown()


async def test_a_shutdown_during_a_start_ends_stopped(dsn: str, library: Library) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    starting = asyncio.create_task(scheduler.start())
    await asyncio.sleep(0)
    await within(scheduler.shutdown())
    await within(starting)
    assert not scheduler.is_running
    assert not scheduler.worker.running
    await scheduler.start()
    await runs_a_job(scheduler)
    await scheduler.shutdown()


async def test_a_start_during_a_shutdown_ends_started(dsn: str, library: Library) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.start()
    go_on = asyncio.Event()

    async def wait() -> None:
        await go_on.wait()

    await scheduler.schedule(wait, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    stopping = asyncio.create_task(scheduler.shutdown())
    await eventually(lambda: scheduler.is_shutting_down)
    starting = asyncio.create_task(scheduler.start())
    go_on.set()
    await within(asyncio.gather(stopping, starting))
    assert scheduler.is_running
    assert scheduler.worker.running
    await runs_a_job(scheduler)
    await scheduler.shutdown()


async def test_a_cancelled_shutdown_leaves_nothing_running_once_it_is_asked_again(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.start()

    async def for_ever() -> None:
        await asyncio.Event().wait()

    await scheduler.schedule(for_ever, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(scheduler.shutdown(timeout=None), 0.1)
    await within(scheduler.shutdown(timeout=0))
    assert await sql.fetchval("SELECT status FROM scheduled_jobs") == "pending"
    assert not scheduler.worker.running


async def test_a_start_that_fails_can_be_tried_again(dsn: str, library: Library) -> None:
    nowhere = dsn.rpartition("/")[0] + "/no_such_database"
    scheduler = Scheduler.connect(nowhere, library=library)
    for _ in range(2):
        with pytest.raises(DatabaseError, match="no_such_database"):
            await scheduler.start()
        assert not scheduler.is_running
    await within(scheduler.shutdown())


async def test_nothing_runs_after_the_shutdown(dsn: str, sql: asyncpg.Connection) -> None:
    scheduler = Scheduler.connect(dsn)
    await scheduler.start()
    await scheduler.shutdown()
    mine = {task for task in asyncio.all_tasks() if task.get_name().startswith("pg_scheduler")}
    assert mine == set()
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await eventually(lambda: sql.fetchval(f"SELECT ({others}) = 0"))
    assert await sql.fetchval("SELECT count(*) FROM scheduled_job_workers") == 0


async def test_a_server_that_is_not_there_is_reported_as_such(library: Library) -> None:
    scheduler = Scheduler.connect("postgresql://postgres@127.0.0.1:1/postgres", library=library)
    with pytest.raises(ConnectionLost):
        await within(scheduler.start(), 60)
