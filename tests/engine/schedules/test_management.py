"""Enable, disable, trigger and status: about the row, so in the whole cluster."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from pg_scheduler import JobPriority, JobStatus, RetryPolicy, Scheduler, periodic
from pg_scheduler.client.schedule_info import ScheduleStatus
from pg_scheduler.domain.audit import Actor
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler.testing.memory.schedules import MemorySchedules
from tests.engine.schedules.conftest import MakeDriver
from tests.support.running import as_time_passes, eventually, now, within

pytestmark = pytest.mark.slow_with("psycopg")

Start = Callable[[], "asyncio.Future[Scheduler]"]
SECOND = timedelta(seconds=1)
SELDOM = timedelta(days=365)
"""No window of it opens in the middle of a test that lives in real time."""


@pytest.fixture
def tick() -> None:
    """A schedule of every second."""

    @periodic(every=SECOND, dedup_key="tick")
    async def tick() -> None: ...


@pytest.fixture
async def start(drivers: MakeDriver) -> AsyncIterator[Callable[[], object]]:
    """Starts schedulers on one database; all are shut down after the test."""
    async with AsyncExitStack() as stack:

        async def one() -> Scheduler:
            return await stack.enter_async_context(Scheduler(drivers()))

        yield one


async def status_of(scheduler: Scheduler, key: str) -> ScheduleStatus:
    """What is stored of a schedule that there is."""
    status = await scheduler.schedule_status(key)
    assert status is not None
    return status


async def next_run(scheduler: Scheduler, key: str = "tick") -> object:
    return (await status_of(scheduler, key))["next_run"]


async def test_disabling_in_one_process_stops_the_others(
    drivers: MakeDriver, clock: ManualClock, tick: None
) -> None:
    @periodic(every=SECOND, dedup_key="control")
    async def control() -> None: ...

    async def three_more(key: str) -> None:
        before = await run_count(working, key)
        await as_time_passes(clock, lambda: _runs(working, before + 3, key))

    async with Scheduler(drivers(), clock=clock) as working, Scheduler(drivers(), clock=clock) as asking:
        await three_more("tick")
        assert asking.disable_periodic_job("tick")
        await asking.schedules.changes_done()
        status = await working.schedule_status("tick")
        assert status is not None
        assert (status["enabled"], status["next_run"]) == (False, None)
        await three_more("control")
        assert await run_count(working, "tick") == status["run_count"]
        assert working.enable_periodic_job("tick")
        await three_more("tick")


async def test_a_disabled_schedule_stays_so_when_all_restart(start: Start, tick: None) -> None:
    for _ in range(2):
        one, other = await start(), await start()
        one.disable_periodic_job("tick")
        await one.shutdown()
        await other.shutdown()
    one = await start()
    status = await one.schedule_status("tick")
    assert status is not None
    assert not status["enabled"]
    known = one.get_periodic_job_status("tick")
    assert known is not None
    assert (known["enabled"], known["next_run"]) == (False, None)


async def test_a_restart_in_one_process_does_not_undo_what_another_has_said(start: Start, tick: None) -> None:
    one, other = await start(), await start()
    one.disable_periodic_job("tick")
    await one.schedules.changes_done()
    await one.shutdown()
    assert await other.resume_schedule("tick")
    await one.start()
    assert (await status_of(one, "tick"))["enabled"]
    known = one.get_periodic_job_status("tick")
    assert known is not None
    assert known["enabled"]


async def test_the_last_of_several_calls_counts(start: Start, tick: None) -> None:
    scheduler = await start()
    for _ in range(10):
        scheduler.disable_periodic_job("tick")
        scheduler.enable_periodic_job("tick")
    await scheduler.schedules.changes_done()
    assert (await status_of(scheduler, "tick"))["enabled"]
    scheduler.enable_periodic_job("tick")
    scheduler.disable_periodic_job("tick")
    await scheduler.schedules.changes_done()
    assert not (await status_of(scheduler, "tick"))["enabled"]


async def test_a_slow_change_does_not_undo_a_later_one(tick: None) -> None:
    class SlowToPause(MemorySchedules):
        asked, answer = asyncio.Event(), asyncio.Event()

        async def set_paused(
            self, key: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
        ) -> bool:
            if paused:
                self.asked.set()
                await self.answer.wait()
            return await super().set_paused(key, paused, now=now, by=by)

    driver = MemoryDriver()
    store = driver.schedules = SlowToPause(driver.state)
    async with Scheduler(driver) as scheduler:
        scheduler.disable_periodic_job("tick")
        await within(store.asked.wait())
        scheduler.enable_periodic_job("tick")
        for _ in range(20):
            await asyncio.sleep(0)  # the later change would be made by now, if it could overtake
        store.answer.set()
        await scheduler.schedules.changes_done()
        assert not await _disabled(scheduler)


def test_without_a_loop_the_change_is_made_at_the_next_start(drivers_of_memory: MakeDriver) -> None:
    @periodic(every=SELDOM, dedup_key="seldom", enabled=False)
    async def seldom() -> None: ...

    scheduler = Scheduler(drivers_of_memory())
    assert scheduler.enable_periodic_job("seldom")
    known = scheduler.get_periodic_job_status("seldom")
    assert known is not None
    assert known["enabled"]

    async def stored() -> bool:
        async with scheduler:
            return bool((await status_of(scheduler, "seldom"))["enabled"])

    assert asyncio.run(stored())


async def test_another_thread_may_disable(start: Start, tick: None) -> None:
    scheduler = await start()
    assert await asyncio.to_thread(scheduler.disable_periodic_job, "tick")
    await eventually(lambda: _disabled(scheduler))


async def _disabled(scheduler: Scheduler) -> bool:
    return not (await status_of(scheduler, "tick"))["enabled"]


async def test_what_is_unknown_cannot_be_managed(start: Start) -> None:
    scheduler = await start()
    assert not scheduler.enable_periodic_job("unknown")
    assert not scheduler.disable_periodic_job("unknown")
    assert not await scheduler.pause_schedule("unknown")
    assert scheduler.get_periodic_job_status("unknown") is None
    assert await scheduler.schedule_status("unknown") is None
    assert await scheduler.trigger_periodic_job("unknown") is None


async def test_a_triggered_run_is_a_job_of_the_schedule(start: Start) -> None:
    @periodic(every=SELDOM, dedup_key="seldom", priority=JobPriority.HIGH, max_retries=3, job_name="name")
    async def seldom() -> None: ...

    scheduler = await start()
    job_id = await scheduler.trigger_periodic_job("seldom")
    assert job_id is not None
    assert re.fullmatch("manual_periodic:seldom:[0-9a-f]{8}", job_id)
    job = await scheduler.driver.insight.job(job_id)
    assert job is not None
    assert (job.task_name, job.rank, job.max_retries, job.schedule_key) == ("name", 3, 3, "seldom")
    assert abs(job.execution_time - now()) < timedelta(minutes=1)
    await eventually(lambda: _ended(scheduler.driver, job_id, JobStatus.COMPLETED))
    status = await scheduler.schedule_status("seldom")
    assert status is not None
    assert (status["last_status"], status["run_count"]) == ("completed", 0)


async def test_a_triggered_run_is_retried_as_the_schedule_says(start: Start) -> None:
    tries: list[int] = []

    @periodic(every=SELDOM, dedup_key="seldom", max_retries=2, retry=RetryPolicy(base=timedelta(0), jitter=0))
    async def seldom() -> None:
        tries.append(1)
        raise LookupError

    scheduler = await start()
    job_id = await scheduler.trigger_periodic_job("seldom")
    assert job_id is not None
    await eventually(lambda: _ended(scheduler.driver, job_id, JobStatus.FAILED))
    assert len(tries) == 3


async def test_a_disabled_schedule_can_be_triggered_and_stays_disabled(start: Start) -> None:
    @periodic(every=SELDOM, dedup_key="seldom", enabled=False)
    async def seldom() -> None: ...

    scheduler = await start()
    job_id = await scheduler.trigger_periodic_job("seldom")
    assert job_id is not None
    await eventually(lambda: _ended(scheduler.driver, job_id, JobStatus.COMPLETED))
    assert not (await status_of(scheduler, "seldom"))["enabled"]


async def test_the_status_holds_what_is_documented(start: Start) -> None:
    @periodic(every=timedelta(minutes=15), dedup_key="often", use_advisory_lock=True, max_retries=1)
    async def often() -> None: ...

    @periodic(cron="0 9 * * MON-FRI", timezone="Europe/London", dedup_key="morning")
    async def morning() -> None: ...

    scheduler = await start()
    status = scheduler.get_periodic_job_status("often")
    assert status is not None
    next_run = status["next_run"]
    assert next_run is not None
    assert next_run > now()
    assert {**status, "next_run": "soon"} == {
        "next_run": "soon",
        "job_name": "periodic_often",
        "enabled": True,
        "priority": JobPriority.NORMAL,
        "max_retries": 1,
        "dedup_key": "often",
        "use_advisory_lock": True,
        "function_name": "often",
        "function_module": __name__,
        "interval": 900.0,
    }
    status = scheduler.get_periodic_job_status("morning")
    assert status is not None
    assert (status["cron"], status["timezone"]) == ("0 9 * * MON-FRI", "Europe/London")
    assert "interval" not in status
    stored = await eventually(lambda: _with_next_run(scheduler, "morning"))
    assert set(stored) >= {*status, "last_run", "last_status", "run_count", "skipped_count"}
    assert (stored["last_run"], stored["last_status"], stored["run_count"]) == (None, None, 0)


async def test_each_window_is_one_job_of_the_documented_id(
    drivers: MakeDriver, clock: ManualClock, tick: None
) -> None:
    async with Scheduler(drivers(), clock=clock) as scheduler, Scheduler(drivers(), clock=clock):
        await as_time_passes(clock, lambda: _runs(scheduler, 3))
        jobs = [job for job in await scheduler.driver.insight.jobs() if job.schedule_window is not None]
    for job in jobs:
        assert job.schedule_window is not None
        assert job.job_id == f"periodic:tick:{int(job.schedule_window.timestamp())}"
        assert job.task_name == "periodic_tick"
    windows = sorted(job.schedule_window for job in jobs if job.schedule_window)
    assert all(later - sooner == SECOND for sooner, later in pairwise(windows))


async def _with_next_run(scheduler: Scheduler, key: str) -> dict[str, object]:
    status = await scheduler.schedule_status(key)
    return {**status} if status and status["next_run"] else {}


async def run_count(scheduler: Scheduler, key: str) -> int:
    status = await scheduler.schedule_status(key)
    return int(status["run_count"]) if status else 0


async def _runs(scheduler: Scheduler, count: int, key: str = "tick") -> bool:
    return await run_count(scheduler, key) >= count


async def _ended(driver: Driver, job_id: str, status: JobStatus) -> bool:
    job = await driver.insight.job(job_id)
    return job is not None and job.status is status
