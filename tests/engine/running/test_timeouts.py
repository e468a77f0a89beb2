"""The longest time one attempt may run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pg_scheduler import JobFailed, JobHandle, RetryPolicy, Scheduler, current_job, task
from pg_scheduler.client.source import Library
from tests.support import jobs
from tests.support.processes import alive
from tests.support.running import eventually, past

pytestmark = pytest.mark.slow_with("psycopg")

AT_ONCE = RetryPolicy(base=timedelta(0))


async def endless() -> None:
    await asyncio.Event().wait()


def endless_thread() -> None:
    while not current_job().cancel_called:
        threading.Event().wait(0.01)


async def assert_timed_out(scheduler: Scheduler, handle: JobHandle, attempts: int = 1) -> None:
    """The job failed, and each attempt's history says that it was the timeout."""
    assert await handle.wait(timeout=15) == "failed"
    history = await scheduler.driver.insight.attempts(handle)
    assert [one.outcome for one in history] == ["retry"] * (attempts - 1) + ["failed"]
    for one in history:
        assert one.error_message is not None
        assert one.error_message.startswith("JobTimeout: the attempt ran longer than its timeout of 0.1 s")
        assert "JobTimeout" in (one.traceback or "")


@pytest.mark.parametrize(
    ("func", "executor"),
    [(endless, None), (endless_thread, "thread")],
    ids=["async", "thread"],
)
async def test_a_jobs_timeout_stops_it(
    dsn: str, library: Library, func: Callable[..., Any], executor: str | None
) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(func, execution_time=past(), executor=executor, timeout=0.1)
        await assert_timed_out(scheduler, handle)
        with pytest.raises(JobFailed, match="JobTimeout"):
            await handle.result()


async def test_a_processs_timeout_kills_it(dsn: str, library: Library, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")
    async with Scheduler.connect(dsn, library=library) as scheduler:
        # The timeout counts from the start of the attempt; a spawned process may need longer to begin.
        ready = await scheduler.schedule(jobs.square, execution_time=past(), args=(2,), store_result=True)
        assert await ready.result(timeout=45) == 4
        handle = await scheduler.schedule(jobs.spin, execution_time=past(), args=(trace,), timeout=0.1)
        await assert_timed_out(scheduler, handle)
    for pid in jobs.notes(trace, "started"):
        await eventually(partial(_is_gone, pid))


def _is_gone(pid: int) -> bool:
    return not alive(pid)


async def test_a_tasks_timeout_holds_for_its_jobs_and_a_jobs_own_wins(dsn: str) -> None:
    @task(timeout=0.1)
    async def quick_to_stop() -> None:
        await asyncio.sleep(0.4)

    async with Scheduler.connect(dsn) as scheduler:
        by_task = await scheduler.schedule(quick_to_stop, execution_time=past())
        by_job = await scheduler.schedule(quick_to_stop, execution_time=past(), timeout=timedelta(seconds=30))
        await assert_timed_out(scheduler, by_task)
        assert await by_job.wait(timeout=45) == "completed"


async def test_a_timeout_is_retried_if_the_policy_allows_it(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library, retry_policy=AT_ONCE) as scheduler:
        handle = await scheduler.schedule(endless, execution_time=past(), timeout=0.1, max_retries=2)
        await assert_timed_out(scheduler, handle, attempts=3)


async def test_a_policy_can_give_up_on_timeouts(dsn: str) -> None:
    @task(timeout=0.1, retry=RetryPolicy(base=timedelta(0), give_up_on=(TimeoutError,)))
    async def never_again() -> None:
        await asyncio.Event().wait()

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(never_again, execution_time=past(), max_retries=2)
        await assert_timed_out(scheduler, handle, attempts=1)


async def test_a_timeout_of_the_functions_own_is_not_the_jobs(dsn: str) -> None:
    async def gives_up_by_itself() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(gives_up_by_itself, execution_time=past(), timeout=30)
        assert await handle.wait(timeout=45) == "failed"
        record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (record.error_message or "").startswith("TimeoutError")


async def test_without_a_timeout_there_is_none(dsn: str) -> None:
    """Not even an hour's: a job may run for as long as its worker renews the lease."""
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(endless, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        record = await scheduler.driver.insight.job(handle)
        assert record is not None
        assert record.timeout is None
        assert not [one for one in asyncio.all_tasks() if "_time_out" in repr(one.get_coro())]
        await handle.cancel()
        await handle.wait(timeout=45)


async def test_work_that_ends_in_time_is_not_touched(dsn: str) -> None:
    async with Scheduler.connect(dsn) as scheduler:
        handles = [
            await scheduler.schedule(
                jobs.touch, execution_time=past(), args=("/dev/null",), timeout=30, job_id=f"job-{n}"
            )
            for n in range(5)
        ]
        assert [await handle.wait(timeout=45) for handle in handles] == ["completed"] * 5
        assert not [one for one in asyncio.all_tasks() if "_time_out" in repr(one.get_coro())]
