"""Which windows of a schedule that are due become jobs, and which are left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pg_scheduler.domain.schedule import CatchUp, Overlap, ScheduleSpec


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
    due, latest = spec.due(next_due, now, spec.catch_up_limit if spec.catch_up is CatchUp.ALL else 1)
    if not due or (busy and spec.overlap is Overlap.WAIT):
        return None
    wanted = () if busy and spec.overlap is Overlap.SKIP else _wanted(spec, latest, now)
    if not wanted:
        return _plan(spec, (), due, latest[-1])
    if spec.overlap is Overlap.WAIT:
        # The others are looked at again once this run has ended, and so is how many are too many. Runs that
        # are slower than their interval for long therefore leave the oldest windows out: a backlog that may
        # only grow is of no use, and what is left out is counted.
        return _plan(spec, wanted[:1], due - len(wanted), wanted[0])
    if spec.overlap is Overlap.SKIP:
        wanted = wanted[-1:]
    return _plan(spec, wanted, due - len(wanted), latest[-1])


def _wanted(spec: ScheduleSpec, latest: tuple[datetime, ...], now: datetime) -> tuple[datetime, ...]:
    if spec.catch_up is not CatchUp.NONE or spec.grace_seconds is None:
        return latest
    in_time = now - latest[-1] <= timedelta(seconds=max(spec.grace_seconds, 1))
    return latest if in_time else ()


def _plan(spec: ScheduleSpec, windows: tuple[datetime, ...], skipped: int, mark: datetime) -> AdvancePlan:
    return AdvancePlan(windows, skipped, mark, spec.next_after(mark))
