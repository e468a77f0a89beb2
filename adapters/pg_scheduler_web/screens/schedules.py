"""Schedules: when they run, and when they ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pg_scheduler.client.backfilling import windows_to_run
from pg_scheduler.client.schedule_book import readable_spec
from pg_scheduler.client.schedule_info import ScheduleInfo, info_of
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.schedule import ScheduleSpec
from pg_scheduler.ports.schedule_store import ScheduleRecord
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Missing, Region, Screen, Topic
from pg_scheduler_web.times import time_of

SHOWN_RUNS = 10


class Run(NamedTuple):
    """A run that is to come."""

    at: datetime
    local: str
    """In the schedule's zone."""
    clock_changes: bool
    """Whether the zone's clocks are changed between the run before and this one."""


async def _schedules(inquiry: Inquiry) -> Mapping[str, Any]:
    records = await inquiry.driver.schedules.list_schedules()
    return {"schedules": [info_of(record) for record in records], "state": state_of, "rule": rule_of}


async def _schedule(inquiry: Inquiry) -> Mapping[str, Any]:
    key = inquiry.fields.need("key")
    found = await inquiry.driver.schedules.list_schedules([key])
    if not found:
        raise Missing(f"There is no schedule {key!r}.")
    (record,) = found
    info = info_of(record)
    last = None if info.last_job_id is None else await inquiry.insight.job(info.last_job_id)
    return {
        **await _backfill(inquiry, record),
        "info": info,
        "record": record,
        "rule": rule_of(info),
        "state": state_of(info),
        "runs": runs_of(record, inquiry.now),
        "last": last,
    }


async def _backfill(inquiry: Inquiry, record: ScheduleRecord) -> Mapping[str, Any]:
    """What a backfill of the range in the address would make; or what is wrong with that range."""
    since, until = inquiry.fields.get("since"), inquiry.fields.get("until")
    if since is None:
        return {"backfill": None, "trouble": None}
    try:
        first = time_of("since", since, inquiry.now)
        last = time_of("until", until, inquiry.now) or inquiry.now
        assert first is not None
        spec = readable_spec(record)
        found = await windows_to_run(inquiry.insight, record, spec, first, last, inquiry.now)
    except InvalidInput as error:
        return {"backfill": None, "trouble": str(error)}
    return {"backfill": found, "since": first, "until": last, "trouble": None}


def runs_of(record: ScheduleRecord, now: datetime) -> list[Run]:
    """The next runs, as if it were not paused; none if its rule cannot be read."""
    try:
        spec = readable_spec(record)
    except InvalidInput:
        return []
    start = record.next_window or spec.next_after(max(filter(None, (record.mark, now))))
    return _in_zone(spec, list(islice(spec.windows_from(start), SHOWN_RUNS)), now)


def _in_zone(spec: ScheduleSpec, moments: Sequence[datetime], now: datetime) -> list[Run]:
    zone = ZoneInfo("UTC") if spec.cron is None else spec.cron.timezone
    runs, before = [], now.astimezone(zone).utcoffset()
    for moment in moments:
        local = moment.astimezone(zone)
        runs.append(Run(moment, local.strftime("%a %Y-%m-%d %H:%M:%S %Z"), local.utcoffset() != before))
        before = local.utcoffset()
    return runs


def rule_of(info: ScheduleInfo) -> str:
    """When it runs, in words."""
    if info.every is not None:
        return f"every {info.every}"
    return f"{info.cron}" + (f" in {info.timezone}" if info.timezone not in (None, "UTC") else " UTC")


def state_of(info: ScheduleInfo) -> str:
    """In a word."""
    if info.retired:
        return "retired"
    if info.unreadable:
        return "unreadable"
    return "active" if info.enabled else "paused"


_ON = (Topic.SCHEDULES,)
SCHEDULES = Screen(
    "schedules", "/schedules", lambda fields: "Schedules", (Region("schedules", _schedules, _ON),)
)
SCHEDULE = Screen(
    "schedule", "/schedule", lambda fields: f"Schedule {fields.get('key') or ''}",
    (Region("schedule", _schedule, (Topic.SCHEDULES, Topic.JOBS)),), section="schedules",
)  # fmt: skip
