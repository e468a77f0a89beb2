"""Cancelling: what runs is really stopped, and the row says what happened."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import asyncpg
import pytest

from pg_scheduler import JobFailed, PollingConfig, Scheduler, current_job, task
from pg_scheduler.engine.executors import ThreadExecutor
from tests.support import jobs
from tests.support.processes import WorkerProcess, alive
from tests.support.running import BriskScheduler, eventually, later, past


async def nothing() -> None: ...


async def test_a_pending_job_is_cancelled_at_once_and_never_runs(dsn: str, library: str) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(nothing, execution_time=later())
        assert await scheduler.cancel_job(handle) is True
        assert await handle.status() == "cancelled"
        assert await scheduler.cancel_job(handle) is False


async def test_what_is_finished_or_unknown_cannot_be_cancelled(dsn: str, library: str) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(nothing, execution_time=past())
        await handle.wait(timeout=10)
        assert await handle.cancel() is False
        assert await handle.status() == "completed"
        assert await scheduler.cancel_job("never-heard-of") is False


async def test_a_running_coroutine_is_really_stopped(dsn: str, library: str, sql: asyncpg.Connection) -> None:
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
        assert await handle.wait(timeout=10) == "cancelled"
        assert happened == ["cleaned up"]
        assert [one.outcome for one in await scheduler.driver.attempts(handle)] == ["cancelled"]
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
        assert await handle.wait(timeout=10) == "cancelled"


async def test_a_coroutine_that_swallows_the_cancellation_and_returns_has_completed(
    dsn: str, library: str
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
        assert await handle.result(timeout=10) == "finished anyway"


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
        assert await handle.wait(timeout=10) == "cancelled"


async def test_a_thread_that_notices_is_cancelled(dsn: str, library: str) -> None:
    def notices() -> None:
        job = current_job()
        while not job.cancel_called:
            threading.Event().wait(0.01)

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(notices, execution_time=past(), executor="thread")
        await eventually(lambda: scheduler.active_jobs)
        await handle.cancel()
        assert await handle.wait(timeout=10) == "cancelled"


async def test_a_thread_that_raises_when_told_is_cancelled(dsn: str) -> None:
    def raises() -> None:
        while True:
            current_job().raise_if_cancelled()
            threading.Event().wait(0.01)

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(raises, execution_time=past(), executor="thread", max_retries=3)
        await eventually(lambda: scheduler.active_jobs)
        await handle.cancel()
        assert await handle.wait(timeout=10) == "cancelled"


async def test_a_thread_that_never_looks_has_completed(dsn: str, library: str) -> None:
    started, go_on = threading.Event(), threading.Event()

    def never_looks() -> str:
        started.set()
        go_on.wait()
        return "whole"

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(
            never_looks, execution_time=past(), executor="thread", store_result=True
        )
        await eventually(started.is_set)
        await handle.cancel()
        # The engine has told it, again and again; until the function returns the job runs.
        await scheduler.send_heartbeat(handle)
        assert await handle.status() == "running"
        go_on.set()
        assert await handle.result(timeout=10) == "whole"


async def test_a_thread_job_that_waits_for_its_turn_is_left_out(dsn: str) -> None:
    started, go_on, ran = threading.Event(), threading.Event(), []

    def blocks() -> None:
        started.set()
        go_on.wait()

    def second() -> None:
        ran.append("second")

    async with Scheduler.connect(dsn, max_concurrent_jobs=2) as scheduler:
        one_thread = ThreadExecutor(1)
        scheduler.register(blocks, executor=one_thread)
        scheduler.register(second, executor=one_thread)
        first = await scheduler.schedule(blocks, execution_time=past(60))
        await eventually(started.is_set)
        waits = await scheduler.schedule(second, execution_time=past())
        await eventually(lambda: len(scheduler.active_jobs) == 2)
        await waits.cancel()
        assert await waits.wait(timeout=10) == "cancelled"
        go_on.set()
        assert await first.wait(timeout=10) == "completed"
        await one_thread.close()
    assert ran == []


async def test_a_worker_process_is_really_killed(dsn: str, library: str, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(jobs.spin, execution_time=past(), args=(trace,))
        (pid,) = await eventually(lambda: jobs.notes(trace, "started"))
        assert alive(pid)
        await handle.cancel()
        assert await handle.wait(timeout=10) == "cancelled"
        assert not alive(pid)


@pytest.mark.parametrize("listen", [True, False], ids=["by NOTIFY", "by renewal"])
async def test_a_job_in_another_process_is_cancelled(
    dsn: str, library: str, client: Scheduler, tmp_path: Path, listen: bool
) -> None:
    """With a lease of 3000 s the next renewal is 1000 s away: only the signal can be that quick."""
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn, library, listen=listen, lease=3000 if listen else 2) as worker:
        handle = await client.schedule(jobs.nap, execution_time=past(), args=(trace, 600))
        assert await eventually(lambda: jobs.notes(trace, "started")) == [worker.process.pid]
        assert await handle.cancel() is True
        assert await handle.wait(timeout=15) == "cancelled"
    assert jobs.notes(trace, "cancelled") == [worker.process.pid]


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
        await scheduler.driver.request_cancel([current_job().job_id])
        raise OSError

    async with Scheduler.connect(dsn, polling_config=PollingConfig(listen=False)) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), max_retries=3)
        assert await handle.wait(timeout=10) == "cancelled"


async def test_both_words_for_cancelling_do_the_same(dsn: str) -> None:
    @task()
    async def job() -> None:
        await asyncio.Event().wait()

    async with BriskScheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        await scheduler.update_job_status(handle, "cancelled")
        assert await handle.wait(timeout=10) == "cancelled"
