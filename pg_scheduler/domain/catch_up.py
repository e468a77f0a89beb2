"""Which windows of a schedule that are due become jobs, and which are left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from pg_scheduler.domain.schedule import MAX_CATCH_UP, CatchUp, Overlap, ScheduleSpec

CHUNK = 4_000
"""Windows looked at in one step; the rest of a long downtime follows in further steps."""


@dataclass(frozen=True, slots=True)
class AdvancePlan:
    """One step of a schedule's mark."""

    windows: tuple[datetime, ...]
    """Windows that become jobs, oldest first; may be empty."""
    skipped: int
    """Due windows that are left out."""
    mark: datetime
    """The latest window that is decided about: strictly later than the mark before."""
    next_window: datetime
    """The first window after the mark."""


def plan_advance(spec: ScheduleSpec, next_due: datetime, now: datetime, busy: bool) -> AdvancePlan | None:
    """What to do about the windows from `next_due` to `now`; None if there is nothing to do yet.

    `busy` says that an earlier run is unfinished.
    """
    due = list(islice(_until(spec, next_due, now), CHUNK + 1))
    if not due or (busy and spec.overlap is Overlap.WAIT):
        return None
    if len(due) > CHUNK:
        # More than can be wanted: leave out what is too old in any case, and come again.
        surely_old = due[: CHUNK - MAX_CATCH_UP]
        return _plan(spec, (), len(surely_old), surely_old[-1])
    if busy and spec.overlap is Overlap.SKIP:
        return _plan(spec, (), len(due), due[-1])
    wanted = _wanted(spec, due, now)
    if not wanted:
        return _plan(spec, (), len(due), due[-1])
    if spec.overlap is Overlap.WAIT:
        first = wanted[0]
        return _plan(spec, (first,), due.index(first), first)
    if spec.overlap is Overlap.SKIP:
        wanted = wanted[-1:]
    return _plan(spec, tuple(wanted), len(due) - len(wanted), due[-1])


def _until(spec: ScheduleSpec, first: datetime, now: datetime) -> Iterator[datetime]:
    for window in spec.windows_from(first):
        if window > now:
            return
        yield window


def _wanted(spec: ScheduleSpec, due: list[datetime], now: datetime) -> list[datetime]:
    match spec.catch_up:
        case CatchUp.ALL:
            return due[-spec.catch_up_limit :]
        case CatchUp.LATEST:
            return due[-1:]
        case CatchUp.NONE:
            grace = spec.grace_seconds
            in_time = grace is None or now - due[-1] <= timedelta(seconds=max(grace, 1))
            return due[-1:] if in_time else []


def _plan(spec: ScheduleSpec, windows: tuple[datetime, ...], skipped: int, mark: datetime) -> AdvancePlan:
    return AdvancePlan(windows, skipped, mark, spec.next_after(mark))
