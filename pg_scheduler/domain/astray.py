"""Schedules that would stand still for ever, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pg_scheduler.domain.registration import SILENCE
from pg_scheduler.domain.succession import is_ahead

OVERDUE = timedelta(seconds=60)
"""A window that waits for this long waits for a worker that knows its task: one that does would have staged
it."""


class Fault(StrEnum):
    """Why a schedule stands still."""

    ABANDONED = "abandoned"
    """No code that runs has it any more."""
    UNKNOWN_TASK = "unknown task"
    """No worker knows its task."""
    AHEAD = "ahead"
    """A clock that ran ahead has moved its mark into the future."""


@dataclass(frozen=True, slots=True)
class StraySchedule:
    """The relevant facts about a schedule that may need care."""

    key: str
    task_name: str
    of_code: bool
    active: bool
    """Neither paused nor retired."""
    heartbeat: datetime
    mark: datetime | None
    next_window: datetime | None
    waits: bool
    """For an unfinished run of its own."""
    has_runs_of_another_task: bool = False
    """Its task was renamed; runs that are not begun bear the old name."""


def fault_of(one: StraySchedule, now: datetime, *, known: bool, in_code: bool) -> Fault | None:
    """What is wrong with a schedule. `known`: the worker knows its task; `in_code`: its code has it."""
    if one.of_code and not in_code and now - one.heartbeat >= SILENCE:
        return Fault.ABANDONED
    if not one.active:
        return None
    if is_ahead(one.mark, now):
        return Fault.AHEAD
    if known or one.waits:
        return None
    since = one.heartbeat if one.next_window is None else one.next_window
    return Fault.UNKNOWN_TASK if now - since >= OVERDUE else None
