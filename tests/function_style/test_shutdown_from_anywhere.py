"""`shutdown()` from inside a job, from another thread, at once and twice; `run()` returns after it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pg_scheduler import PgQueuer, Scheduler
from pg_scheduler.db import driver_over
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver
from tests.support.databases import give_back, new_database
from tests.support.running import eventually, past, within


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def make_driver(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[], Driver]]:
    if request.param == "memory":
        shared = MemoryDriver()
        yield lambda: shared
        return
    server = request.getfixturevalue("server")
    dsn = await new_database(server)
    yield lambda: driver_over(dsn, library=request.param)
    await give_back(server, dsn)


@pytest.fixture(autouse=True)
def _nothing_goes_wrong(caplog: pytest.LogCaptureFixture) -> Any:
    """No service fails, and nothing is left behind that would be worth a warning."""
    with caplog.at_level(logging.WARNING, "pg_scheduler"):
        yield
    assert [record.getMessage() for record in caplog.records] == []


async def status_of(driver: Driver, job_id: str) -> str:
    await driver.open()
    record = await driver.insight.job(job_id)
    await driver.close()
    assert record is not None
    return str(record.status)


async def test_a_job_may_shut_its_scheduler_down(make_driver: Callable[[], Driver]) -> None:
    scheduler = Scheduler(make_driver())
    said: list[str] = []

    async def last() -> None:
        await scheduler.shutdown(timeout=20)
        said.append(f"shutting down: {scheduler.is_shutting_down or scheduler.is_running}")

    await scheduler.start()
    handle = await scheduler.schedule(last, execution_time=past())
    await within(scheduler.worker.wait_stopped())
    await within(scheduler.shutdown())
    assert said == ["shutting down: True"]
    assert await status_of(make_driver(), handle) == "completed"


@pytest.mark.parametrize("through_its_loop", [True, False])
async def test_a_job_in_a_thread_may_too(make_driver: Callable[[], Driver], through_its_loop: bool) -> None:
    scheduler = Scheduler(make_driver())
    loop = asyncio.get_running_loop()

    def last() -> None:
        if through_its_loop:
            asyncio.run_coroutine_threadsafe(scheduler.shutdown(20), loop).result()
        else:
            asyncio.run(scheduler.shutdown(20))

    await scheduler.start()
    handle = await scheduler.schedule(last, execution_time=past(), executor="thread")
    await within(scheduler.worker.wait_stopped())
    await within(scheduler.shutdown())
    assert await status_of(make_driver(), handle) == "completed"


async def test_a_job_of_another_scheduler_waits_for_the_end() -> None:
    other, scheduler = Scheduler(MemoryDriver()), Scheduler(MemoryDriver())
    ended: list[bool] = []

    async def end_the_other() -> None:
        await other.shutdown()
        ended.append(other.is_running)

    async with scheduler:
        await other.start()
        handle = await scheduler.schedule(end_the_other, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"
    assert ended == [False]


async def test_run_returns_after_shutdown(make_driver: Callable[[], Driver]) -> None:
    scheduler = Scheduler(make_driver())
    running = asyncio.create_task(scheduler.run())
    await eventually(lambda: scheduler.is_running)
    await scheduler.shutdown()
    await within(running)


@pytest.mark.parametrize("make", [Scheduler, PgQueuer])
async def test_run_in_a_thread_returns_after_shutdown_from_another(
    make_driver: Callable[[], Driver], make: Any
) -> None:
    app = make(make_driver())
    scheduler: Scheduler = getattr(app, "scheduler", app)
    thread = threading.Thread(target=lambda: asyncio.run(app.run()), daemon=True)
    thread.start()
    await eventually(lambda: scheduler.is_running)
    await within(app.shutdown())
    await within(asyncio.to_thread(thread.join))
    assert not scheduler.is_running


async def test_shutdown_right_after_start_and_twice(make_driver: Callable[[], Driver]) -> None:
    for _ in range(5):
        scheduler = Scheduler(make_driver())
        await scheduler.shutdown()
        await scheduler.start()
        await within(asyncio.gather(scheduler.shutdown(), scheduler.shutdown()))
        await scheduler.shutdown()
        assert not scheduler.is_running


async def test_shutdown_while_it_starts(make_driver: Callable[[], Driver]) -> None:
    scheduler = Scheduler(make_driver())
    starting = asyncio.create_task(scheduler.start())
    await asyncio.sleep(0)
    await within(scheduler.shutdown())
    await within(starting)
    await within(scheduler.shutdown())
    assert not scheduler.is_running
