"""A schedule as people see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NotRequired, TypedDict

from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.schedule import RuleText
from pg_scheduler.ports.schedule_store import Origin, ScheduleRecord


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """A schedule as people see it. Times are aware, in UTC."""

    key: str
    task_name: str
    every: timedelta | None
    cron: str | None
    timezone: str | None
    enabled: bool
    next_run: datetime | None
    """The next window; None while paused or retired, or until a worker has looked at a new schedule."""
    last_run: datetime | None
    """The latest window that was decided about."""
    last_job_id: str | None
    run_count: int
    skipped_count: int
    busy: bool
    """True while a run is unfinished."""
    origin: Origin
    retired: bool
    """True for a schedule of code that newer code has replaced, or that no code has any more."""
    unreadable: str | None = None
    """Why this program cannot read its rule: newer code has written it, or the zone database here lacks its
    zone. `add_schedule` under its key gives it another one. None if it can."""


class ScheduleStatus(TypedDict):
    """A schedule as `Scheduler.schedule_status` tells it. Of the keys that may be absent the first five are
    there for functions of this process, the last four once the schedule is stored."""

    job_name: str
    enabled: bool
    priority: JobPriority | int
    max_retries: int
    dedup_key: str
    use_advisory_lock: bool
    next_run: datetime | None
    function_name: NotRequired[str]
    function_module: NotRequired[str]
    interval: NotRequired[float]
    """Seconds; for interval schedules alone."""
    cron: NotRequired[str | None]
    timezone: NotRequired[str | None]
    last_run: NotRequired[datetime | None]
    last_status: NotRequired[str | None]
    run_count: NotRequired[int]
    skipped_count: NotRequired[int]


def info_of(record: ScheduleRecord) -> ScheduleInfo:
    """What is stored, in words."""
    new, rule = record.new, RuleText.of(record.new.spec)
    active = not new.paused and not record.retired
    return ScheduleInfo(
        key=new.key,
        task_name=new.task_name,
        every=rule.every,
        cron=rule.cron,
        timezone=rule.timezone,
        enabled=active,
        next_run=record.next_window if active else None,
        last_run=record.mark,
        last_job_id=record.last_job_id,
        run_count=record.run_count,
        skipped_count=record.skipped_count,
        busy=record.busy,
        origin=new.origin,
        retired=record.retired,
        unreadable=rule.unreadable,
    )
