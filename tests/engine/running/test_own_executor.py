"""Executors that users bring, well-behaved and not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pg_scheduler import InvalidInput, Scheduler, task
from pg_scheduler.client.source import Library
from pg_scheduler.ports.executor import Call
from pg_scheduler.ports.job_context import JobContext
from tests.support.running import eventually, past


class Doubling:
    """Runs the function and doubles what it returns."""

    closed = 0

    async def execute(self, call: Call, context: JobContext) -> Any:
        return 2 * await call.func(*call.args, **call.kwargs)

    async def close(self) -> None:
        self.closed += 1


class Misbehaving:
    """Does what it is told to, all of it wrong."""

    def __init__(self, how: str) -> None:
        self.how = how

    async def execute(self, call: Call, context: JobContext) -> Any:
        if self.how == "raises":
            raise RuntimeError("the executor itself")
        if self.how == "hangs":
            await asyncio.Event().wait()
        if self.how == "exits":
            raise SystemExit(1)
        return object()

    async def close(self) -> None:
        raise RuntimeError("cannot even close")


async def number() -> int:
    return 21


async def test_an_executor_object_runs_the_job(dsn: str, library: Library) -> None:
    mine = Doubling()
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(number, execution_time=past(), executor=mine, store_result=True)
        assert await handle.result(timeout=45) == 42


async def test_an_executor_is_known_by_name_and_closed_with_the_scheduler(dsn: str) -> None:
    mine = Doubling()

    @task(executor="doubling")
    async def job() -> int:
        return 4

    async with Scheduler.connect(dsn, executors={"doubling": mine}) as scheduler:
        by_name = await scheduler.schedule(
            number, execution_time=past(), executor="doubling", store_result=True
        )
        by_task = await scheduler.schedule(job, execution_time=past(), store_result=True)
        assert await by_name.result(timeout=45) == 42
        assert await by_task.result(timeout=45) == 8
    assert mine.closed == 1


async def test_a_name_can_be_taken_over(dsn: str) -> None:
    async with Scheduler.connect(dsn, executors={"async": Doubling()}) as scheduler:
        handle = await scheduler.schedule(number, execution_time=past(), store_result=True)
        assert await handle.result(timeout=45) == 42


async def test_an_unknown_executor_is_refused_when_scheduling(dsn: str) -> None:
    async with Scheduler.connect(dsn) as scheduler:
        with pytest.raises(InvalidInput, match=r"unknown 'nowhere'.*async, process, thread"):
            await scheduler.schedule(number, execution_time=past(), executor="nowhere")


async def test_a_task_whose_executor_this_worker_lacks_fails_with_the_reason(dsn: str) -> None:
    @task(executor="elsewhere")
    async def job() -> None: ...

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "failed"
        record = await scheduler.driver.insight.job(handle)
        assert record is not None
        assert "wants executor 'elsewhere'" in (record.error_message or "")


@pytest.mark.parametrize(
    ("how", "outcome"), [("raises", "failed"), ("exits", "failed"), ("returns junk", "completed")]
)
async def test_a_misbehaving_executor_harms_its_own_job_only(
    dsn: str, library: Library, how: str, outcome: str
) -> None:
    async with Scheduler.connect(dsn, library=library, executors={"bad": Misbehaving(how)}) as scheduler:
        bad = await scheduler.schedule(number, execution_time=past(), executor="bad", store_result=True)
        assert await bad.wait(timeout=45) == outcome
        good = await scheduler.schedule(number, execution_time=past(), executor=Doubling(), store_result=True)
        assert await good.result(timeout=45) == 42


async def test_an_executor_that_hangs_holds_one_slot_and_can_be_cancelled(dsn: str) -> None:
    async def other() -> str:
        return "fine"

    async with Scheduler.connect(
        dsn, executors={"bad": Misbehaving("hangs")}, max_concurrent_jobs=2
    ) as scheduler:
        stuck = await scheduler.schedule(number, execution_time=past(), executor="bad")
        await eventually(lambda: scheduler.active_jobs)
        good = await scheduler.schedule(other, execution_time=past(), store_result=True)
        assert await good.result(timeout=45) == "fine"
        await stuck.cancel()
        assert await stuck.wait(timeout=45) == "cancelled"
