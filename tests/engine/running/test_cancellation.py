"""Cancelling: what runs is really stopped, and the row says what happened."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from pg_scheduler import JobFailed, PollingConfig, Scheduler, current_job, task
from pg_scheduler.client.source import Library
from tests.support.running import BriskScheduler, eventually, later, past


async def nothing() -> None: ...


async def test_a_pending_job_is_cancelled_at_once_and_never_runs(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(nothing, execution_time=later())
        assert await scheduler.cancel_job(handle) is True
        assert await handle.status() == "cancelled"
        assert await scheduler.cancel_job(handle) is False


async def test_what_is_finished_or_unknown_cannot_be_cancelled(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(nothing, execution_time=past())
        await handle.wait(timeout=45)
        assert await handle.cancel() is False
        assert await handle.status() == "completed"
        assert await scheduler.cancel_job("never-heard-of") is False


async def test_a_running_coroutine_is_really_stopped(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    happened: list[str] = []

    async def job() -> None:
        try:
            await asyncio.Event().wait()
            happened.append("went on")
        finally:
            happened.append("cleaned up")

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), max_retries=3)
        await eventually(lambda: scheduler.active_jobs)
        assert await handle.cancel() is True
        assert await handle.wait(timeout=45) == "cancelled"
        assert happened == ["cleaned up"]
        assert [one.outcome for one in await scheduler.driver.insight.attempts(handle)] == ["cancelled"]
        with pytest.raises(JobFailed, match="cancelled"):
            await handle.result()
    assert await sql.fetchval("SELECT error_message FROM scheduled_jobs") == "cancelled on request"


async def test_the_row_says_running_until_the_coroutine_has_really_stopped(dsn: str) -> None:
    go_on, cleaning = asyncio.Event(), asyncio.Event()

    async def slow_to_clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            await go_on.wait()

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(slow_to_clean_up, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        await handle.cancel()
        await asyncio.wait_for(cleaning.wait(), 10)
        assert await handle.status() == "running"
        go_on.set()
        assert await handle.wait(timeout=45) == "cancelled"


async def test_a_coroutine_that_swallows_the_cancellation_and_returns_has_completed(
    dsn: str, library: Library
) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "finished anyway"
        return "never"

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(stubborn, execution_time=past(), store_result=True)
        await eventually(lambda: scheduler.active_jobs)
        assert await handle.cancel() is True
        assert await handle.result(timeout=45) == "finished anyway"


async def test_a_failure_while_being_cancelled_is_a_cancellation(dsn: str) -> None:
    async def fails_to_clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("in the clean-up")

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(fails_to_clean_up, execution_time=past(), max_retries=3)
        await eventually(lambda: scheduler.active_jobs)
        await handle.cancel()
        assert await handle.wait(timeout=45) == "cancelled"


async def test_a_wish_to_cancel_survives_the_worker(
    dsn: str, client: Scheduler, sql: asyncpg.Connection
) -> None:
    await sql.execute(
        "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, worker_id, lease_until)"
        " VALUES ('lost', 'somebody:elses', now(), 'running', 'deadbeef', now() + interval '1 hour')"
    )
    assert await client.cancel_job("lost") is True
    await sql.execute("UPDATE scheduled_jobs SET lease_until = now() - interval '1 second'")
    (taken,) = await client.recover_orphaned_jobs()
    assert taken.status == "cancelled"


async def test_a_cancelled_job_that_fails_is_not_retried(dsn: str) -> None:
    """It was asked to stop just before it failed: the wish stands."""

    async def job() -> None:
        await scheduler.driver.jobs.request_cancel([current_job().job_id])
        raise OSError

    async with Scheduler.connect(dsn, polling_config=PollingConfig(listen=False)) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), max_retries=3)
        assert await handle.wait(timeout=45) == "cancelled"


async def test_both_words_for_cancelling_do_the_same(dsn: str) -> None:
    @task()
    async def job() -> None:
        await asyncio.Event().wait()

    async with BriskScheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        await scheduler.update_job_status(handle, "cancelled")
        assert await handle.wait(timeout=45) == "cancelled"
