"""Observers hear what becomes of windows and of schedules."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler import Scheduler
from pg_scheduler.domain.registration import SILENCE
from pg_scheduler.events import SchedulesRetired, WindowsStaged, WorkerEvent
from pg_scheduler.ports.schedule_store import NewSchedule, Origin
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler.testing.contract.scene import NOON
from pg_scheduler.testing.contract.schedule_scene import spec_text


class Heard:
    def __init__(self) -> None:
        self.events: list[WorkerEvent] = []

    def observe(self, event: WorkerEvent) -> None:
        self.events.append(event)


async def test_staged_and_skipped_windows_are_heard_of() -> None:
    heard, clock = Heard(), ManualClock(NOON)
    scheduler = Scheduler(MemoryDriver(), clock=clock, observers=[heard])
    scheduler.register(_report, name="report")
    await scheduler.add_schedule("report", key="key", every=timedelta(minutes=1))
    stager = scheduler.worker.services.stager
    await stager.stage_once()
    assert heard.events == []
    await clock.advance(timedelta(minutes=3))
    await stager.stage_once()
    (event,) = (one for one in heard.events if isinstance(one, WindowsStaged))
    (staged,) = event.schedules
    jobs = await scheduler.client.jobs()
    assert (staged.key, staged.job_ids, staged.skipped) == ("key", tuple(job.job_id for job in jobs), 2)


async def test_a_retired_schedule_is_heard_of() -> None:
    heard, clock, driver = Heard(), ManualClock(NOON), MemoryDriver()
    gone = NewSchedule("gone", "report", spec=spec_text(), spec_hash="hash", origin=Origin.CODE)
    await driver.schedules.register_schedules([gone], now=NOON)
    scheduler = Scheduler(driver, clock=clock, observers=[heard])
    scheduler.register(_report, name="report")
    await clock.advance(SILENCE + timedelta(seconds=1))
    await scheduler.worker.services.schedule_keeper.keep()
    assert heard.events == [SchedulesRetired(["gone"])]


async def _report() -> None: ...
