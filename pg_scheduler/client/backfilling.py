"""Runs of windows that have passed: those of before a schedule was made, while it was paused, or left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.schedule import ScheduleSpec, backfill_job_id, window_job_id
from pg_scheduler.ports.insight import Insight
from pg_scheduler.ports.schedule_store import ScheduleRecord

AT_MOST = 1_000
"""Windows that one backfill makes runs of."""
_MOMENT = timedelta(microseconds=1)


class Backfill(NamedTuple):
    """What a backfill makes, or has made."""

    windows: tuple[datetime, ...]
    """Those that get a run, the earliest first."""
    there: int
    """How many others in the range have one that is still stored."""


async def windows_to_run(
    insight: Insight,
    record: ScheduleRecord,
    spec: ScheduleSpec,
    since: datetime,
    until: datetime,
    now: datetime,
) -> Backfill:
    """The windows from `since` on and before `until` that have no run stored. Those that the schedule will
    decide about by itself are left to it.

    Raises:
        InvalidInput: an empty range, or one with more windows than one backfill takes.
    """
    if since >= until:
        raise InvalidInput("until", "is not after since", "A backfill goes from since on, to before until")
    decided = now if record.new.paused or record.mark is None else record.mark
    windows = tuple(islice(_between(spec, since, min(until, decided + _MOMENT)), AT_MOST + 1))
    if len(windows) > AT_MOST:
        raise InvalidInput(
            "since", f"more than {AT_MOST} windows lie before until", "Backfill a part of them first"
        )
    key = record.new.key
    ids = {make(key, window): window for window in windows for make in (window_job_id, backfill_job_id)}
    have_run = {ids[job_id] for job_id in await insight.statuses(list(ids))}
    return Backfill(tuple(one for one in windows if one not in have_run), len(have_run))


def _between(spec: ScheduleSpec, since: datetime, before: datetime) -> Iterator[datetime]:
    if since >= before:
        return iter(())
    first = spec.next_after(since - _MOMENT)
    return takewhile(lambda window: window < before, spec.windows_from(first))
