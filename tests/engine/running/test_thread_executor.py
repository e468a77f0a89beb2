"""Plain functions in threads."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from pg_scheduler import JobSpec, NotAsyncFunction, Scheduler, current_job, task
from pg_scheduler.client.source import Library
from tests.support.running import eventually, past


async def test_a_plain_function_runs_in_a_thread_and_the_loop_stays_free(dsn: str, library: Library) -> None:
    loop_thread, gate = threading.get_ident(), threading.Event()

    def job() -> bool:
        gate.wait()
        return threading.get_ident() != loop_thread

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), executor="thread", store_result=True)
        await eventually(lambda: scheduler.active_jobs)
        gate.set()
        assert await handle.result(timeout=45) is True


async def test_the_decorator_asks_for_a_thread_as_well(dsn: str) -> None:
    @task(executor="thread")
    def job(number: int) -> int:
        return number + 1

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), args=(1,), store_result=True)
        assert await handle.result(timeout=45) == 2


async def test_a_function_registered_for_threads_needs_no_executor_later(dsn: str) -> None:
    def job() -> str:
        return threading.current_thread().name

    async with Scheduler.connect(dsn) as scheduler:
        scheduler.register(job, name="a name of its own", executor="thread")
        handle = await scheduler.schedule(job, execution_time=past(), store_result=True)
        assert "pg_scheduler-job" in await handle.result(timeout=45)
        record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert record.task_name == "a name of its own"


async def test_a_plain_function_without_an_executor_is_refused(dsn: str) -> None:
    def job() -> None: ...

    async with Scheduler.connect(dsn) as scheduler:
        with pytest.raises(NotAsyncFunction, match="Expected an async function"):
            await scheduler.schedule(job, execution_time=past())
        with pytest.raises(TypeError):
            await scheduler.schedule(job, execution_time=past())


async def test_a_thread_knows_its_job_and_the_surrounding_context(dsn: str, library: Library) -> None:
    seen: list[object] = []
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("set before the start")

    def job() -> None:
        seen.extend([current_job().job_id, current_job().attempt, variable.get()])

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), executor="thread")
        assert await handle.wait(timeout=45) == "completed"
    assert seen == [handle, 1, "set before the start"]


async def test_as_many_threads_run_as_there_are_slots(dsn: str) -> None:
    everybody_is_here = threading.Barrier(6, timeout=10)

    def job(number: int) -> None:
        everybody_is_here.wait()

    async with Scheduler.connect(dsn, max_concurrent_jobs=6) as scheduler:
        handles = await scheduler.schedule_bulk(
            [JobSpec(job, past(), args=(number,), executor="thread") for number in range(6)]
        )
        for handle in handles:
            assert handle is not None
            assert await handle.wait(timeout=45) == "completed"


@pytest.mark.parametrize("raised", [ValueError, SystemExit, KeyboardInterrupt, StopIteration])
async def test_whatever_a_thread_raises_fails_its_own_job_only(dsn: str, raised: type[BaseException]) -> None:
    def job() -> None:
        raise raised("from the thread")

    def other() -> str:
        return "fine"

    async with Scheduler.connect(dsn) as scheduler:
        bad = await scheduler.schedule(job, execution_time=past(), executor="thread")
        assert await bad.wait(timeout=45) == "failed"
        (attempt,) = await scheduler.driver.insight.attempts(bad)
        assert raised.__name__ in (attempt.traceback or "")
        good = await scheduler.schedule(other, execution_time=past(), executor="thread", store_result=True)
        assert await good.result(timeout=45) == "fine"


async def test_an_idle_scheduler_has_no_threads_for_jobs(dsn: str) -> None:
    def job() -> None: ...

    others = set(threading.enumerate())  # of tests whose functions do not end

    def job_threads() -> list[str]:
        mine = set(threading.enumerate()) - others
        return [one.name for one in mine if one.name.startswith("pg_scheduler-job")]

    async with Scheduler.connect(dsn) as scheduler:
        assert job_threads() == []
        handle = await scheduler.schedule(job, execution_time=past(), executor="thread")
        await handle.wait(timeout=45)
        assert len(job_threads()) == 1
    await eventually(lambda: job_threads() == [])


async def test_a_sync_entry_into_async_code_runs_in_its_thread(dsn: str) -> None:
    """A thread has no event loop, so it may run one of its own."""

    def job() -> int:
        async def inner() -> int:
            return 42

        return asyncio.run(inner())

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), executor="thread", store_result=True)
        assert await handle.result(timeout=45) == 42
