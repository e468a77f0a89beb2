"""Words for schedules: one of every minute, and single steps of its mark."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.domain.schedule import ScheduleSpec, window_job_id
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schedule_store import Advance, NewSchedule, ScheduleRecord, WindowJob
from pg_scheduler.testing.contract.scene import NOON

MINUTE = timedelta(minutes=1)

_SAME: Any = object()


def spec_text(*, every: timedelta = MINUTE, **policy: Any) -> str:
    """When it is due."""
    return ScheduleSpec(every=every, **policy).text()


def schedule(key: str = "key", *, task_name: str = "task", **definition: Any) -> NewSchedule:
    """A schedule of every minute, unless said otherwise."""
    definition.setdefault("spec", spec_text())
    definition.setdefault("spec_hash", "hash")
    return NewSchedule(key, task_name, **definition)


async def having(driver: Driver, wanted: NewSchedule | None = None, *, next_window: datetime) -> None:
    """The schedule is stored, and its first window is known."""
    new = wanted or schedule()
    await driver.schedules.put_schedule(new, now=NOON)
    found = step(key=new.key, spec_hash=new.spec_hash, expected=None, following=next_window)
    assert await advance(driver, found)


def step(
    *windows: datetime,
    key: str = "key",
    spec_hash: str = "hash",
    expected: datetime | None = _SAME,
    mark: datetime | None = _SAME,
    following: datetime | None = None,
    jobs: tuple[datetime, ...] = (),
    skipped: int = 0,
    unless_busy: bool = False,
) -> Advance:
    """The step that runs these windows, or another one to try the guards with."""
    run = windows or jobs
    reached = mark if mark is not _SAME else (run[-1] if run else None)
    next_window = following or (reached or NOON) + MINUTE
    return Advance(
        key=key,
        spec_hash=spec_hash,
        expected_next=expected if expected is not _SAME else run[0],
        mark=reached,
        next_window=next_window,
        jobs=[WindowJob(window_job_id(key, window), window, window) for window in run],
        skipped=skipped,
        unless_busy=unless_busy,
    )


async def advance(driver: Driver, taken: Advance, *, now: datetime = NOON) -> bool:
    """Take a step; whether it counted."""
    (counted,) = await driver.schedules.advance_schedules([taken], now=now)
    return counted


async def the_schedule(driver: Driver, key: str = "key") -> ScheduleRecord:
    """The schedule as it is stored now."""
    (record,) = await driver.schedules.list_schedules([key])
    return record


async def due_keys(driver: Driver, *, now: datetime, names: tuple[str, ...] = ("task",)) -> list[str]:
    """Keys of the schedules that need a step."""
    answer = await driver.schedules.due_schedules(names, 100, now=now)
    return [record.new.key for record in answer.schedules]


async def job_ids(driver: Driver) -> list[str]:
    """Ids of the stored jobs, by execution time."""
    return [job.job_id for job in await driver.insight.jobs()]
