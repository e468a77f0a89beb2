"""A fleet that was down comes back; and time that no worker's clock may decide about."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pg_scheduler import Scheduler, periodic
from pg_scheduler.client.keywords import OverlapOfRuns
from pg_scheduler.engine.schedules import stager
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.testing import ManualClock, MemoryDriver, drain, live_through
from pg_scheduler.testing.drain import Drained
from tests.engine.schedules.conftest import MakeDriver, MakeScheduler
from tests.engine.schedules.test_management import SECOND
from tests.support.running import eventually

pytestmark = pytest.mark.slow_with("psycopg")

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def windows(lived: list[Drained]) -> list[int]:
    """UTC seconds of the windows that were run."""
    return [int(drained.job.job_id.rpartition(":")[2]) for drained in lived]


@pytest.mark.parametrize("overlap", ["wait", "skip", "allow"])
@pytest.mark.parametrize(
    ("settings", "run"),
    [
        ({"catch_up": "none"}, 1),  # the last window is within the grace
        ({"catch_up": "none", "misfire_grace_time": 29}, 0),
        ({"catch_up": "none", "misfire_grace_time": 30}, 1),
        ({"catch_up": "none", "misfire_grace_time": None}, 1),
        ({}, 1),
        ({"catch_up": "latest", "misfire_grace_time": 0}, 1),
        ({"catch_up": "all", "catch_up_limit": 7}, 7),
        ({"catch_up": "all", "catch_up_limit": 1_000}, 24),
    ],
)
async def test_24_hours_of_downtime_run_exactly_what_the_policy_says(
    scheduler_at: MakeScheduler, settings: dict[str, Any], run: int, overlap: OverlapOfRuns
) -> None:
    @periodic(every=HOUR, dedup_key="hourly", overlap=overlap, **settings)
    async def hourly() -> None: ...

    clock = ManualClock()
    before = scheduler_at(clock)
    assert len(await live_through(before, clock, 2 * HOUR)) == 2
    await clock.advance(DAY + timedelta(seconds=30))
    after = scheduler_at(clock)
    expected = min(run, 1) if overlap == "skip" else run
    latest = int(clock.now().timestamp()) - 30
    assert windows(await drain(after)) == [latest - 3600 * n for n in reversed(range(expected))]
    (info,) = await after.list_schedules()
    assert (info.run_count, info.skipped_count) == (2 + expected, 24 - expected)
    assert len(await live_through(after, clock, 2 * HOUR)) == 2


async def test_a_resumed_schedule_makes_up_for_nothing(scheduler_at: MakeScheduler) -> None:
    @periodic(every=HOUR, dedup_key="hourly", catch_up="all")
    async def hourly() -> None: ...

    clock = ManualClock()
    scheduler = scheduler_at(clock)
    await live_through(scheduler, clock, HOUR)
    await scheduler.pause_schedule("hourly")
    assert await live_through(scheduler, clock, DAY) == []
    await scheduler.resume_schedule("hourly")
    assert await drain(scheduler) == []
    assert len(await live_through(scheduler, clock, HOUR)) == 1


async def test_vacuumed_runs_do_not_open_their_windows_again(scheduler_at: MakeScheduler) -> None:
    @periodic(every=HOUR, dedup_key="hourly", catch_up="all")
    async def hourly() -> None: ...

    clock = ManualClock()
    scheduler = scheduler_at(clock)
    await live_through(scheduler, clock, DAY)
    await clock.advance(MINUTE)
    assert (await scheduler.run_vacuum())["completed"] == 0
    assert len(await live_through(scheduler, clock, DAY)) == 24
    await clock.advance(MINUTE)
    assert (await scheduler.run_vacuum())["completed"] == 24
    assert await drain(scheduler) == []


class SkewedClock(SystemClock):
    """A worker's own clocks, far off; it pins nothing."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by

    def monotonic(self) -> float:
        return super().monotonic() + self._by.total_seconds()


@pytest.mark.parametrize("by", [-10 * MINUTE, 10 * MINUTE], ids=["behind", "ahead"])
async def test_a_worker_whose_clock_is_ten_minutes_off_changes_nothing(
    drivers: MakeDriver, by: timedelta
) -> None:
    started: list[datetime] = []

    @periodic(every=SECOND, dedup_key="tick")
    async def tick() -> None:
        started.append(datetime.now(UTC))

    @periodic(every=HOUR, dedup_key="hourly", enabled=False)
    async def hourly() -> None: ...

    async with Scheduler(drivers(), clock=SkewedClock(by)) as skewed, Scheduler(drivers()) as right:
        await eventually(lambda: len(started) >= 2)
        jobs = [job for job in await right.driver.insight.jobs() if job.schedule_window is not None]
        for job in jobs:
            assert job.schedule_window is not None
            assert job.execution_time == job.schedule_window
            assert abs(job.created_at - job.schedule_window) < MINUTE
        (info,) = [info for info in await right.list_schedules() if info.key == "tick"]
        assert (info.run_count, info.skipped_count) == (len(jobs), 0) or info.run_count > len(jobs)
        job_id = await skewed.trigger_periodic_job("hourly")
        assert job_id is not None
        await eventually(lambda: _completed(right, job_id))


async def _completed(scheduler: Scheduler, job_id: str) -> bool:
    job = await scheduler.driver.insight.job(job_id)
    return job is not None and job.status.value == "completed"


async def test_others_run_between_the_schedules_of_a_long_downtime(monkeypatch: pytest.MonkeyPatch) -> None:
    driver, clock = MemoryDriver(), ManualClock()
    scheduler = Scheduler(driver, clock=clock)
    await scheduler.open()
    for number in range(20):
        await scheduler.add_schedule(nothing, key=f"{number}", cron="* * * * *", timezone="Europe/Paris")
    await drain(scheduler)
    await clock.advance(300 * DAY)
    turns = 0
    turns_at_steps: list[int] = []
    step_for = stager.step_for

    def noted(*args: Any) -> Any:
        turns_at_steps.append(turns)
        return step_for(*args)

    monkeypatch.setattr(stager, "step_for", noted)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    with_others = asyncio.create_task(others())
    await scheduler.worker.services.stager.stage_once()
    with_others.cancel()
    assert len(set(turns_at_steps)) == 20
    assert {info.skipped_count for info in await scheduler.list_schedules()} == {300 * 24 * 60 - 1}


async def nothing() -> None:
    """A job of a schedule."""
