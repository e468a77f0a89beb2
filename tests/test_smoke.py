"""The main job, end to end, on both drivers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pg_scheduler import JobStatus, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.testing import ManualClock, MemoryDriver, assert_scheduled, drain


async def double(number: int) -> int:
    return number * 2


async def test_a_scheduled_job_runs_and_gives_its_result(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        soon = datetime.now(UTC) + timedelta(milliseconds=100)
        handle = await scheduler.schedule(double, execution_time=soon, args=(21,), store_result=True)
        assert await handle.result(timeout=45) == 42
        assert await handle.status() is JobStatus.COMPLETED


async def test_a_test_can_live_through_time_in_memory() -> None:
    clock = ManualClock()
    scheduler = Scheduler(MemoryDriver(), clock=clock)
    tomorrow = clock.now() + timedelta(days=1)
    await scheduler.schedule(double, execution_time=tomorrow, args=(1,))
    await assert_scheduled(scheduler, double, args=(1,), at=tomorrow)
    assert await drain(scheduler) == []
    await clock.advance(timedelta(days=1))
    assert [drained.completed for drained in await drain(scheduler)] == [True]
