"""Why a schedule stands still, if it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.astray import OVERDUE, Fault, StraySchedule, fault_of
from pg_scheduler.domain.registration import SILENCE
from pg_scheduler.domain.succession import AHEAD

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
CODE = StraySchedule(
    key="key",
    task_name="task",
    of_code=True,
    active=True,
    heartbeat=NOON,
    mark=NOON,
    next_window=NOON,
    waits=False,
)
API = replace(CODE, of_code=False)


def test_code_is_gone_when_nobody_has_confirmed_it_and_the_worker_does_not_have_it() -> None:
    silent = NOON + SILENCE
    assert fault_of(CODE, silent, known=True, in_code=False) is Fault.ABANDONED
    assert fault_of(replace(CODE, active=False), silent, known=True, in_code=False) is Fault.ABANDONED
    assert fault_of(CODE, silent - TICK, known=True, in_code=False) is None
    assert fault_of(CODE, silent, known=True, in_code=True) is None
    assert fault_of(API, silent, known=True, in_code=False) is None


def test_a_task_is_unknown_when_a_window_has_waited_for_it() -> None:
    overdue = NOON + OVERDUE
    assert fault_of(API, overdue, known=False, in_code=False) is Fault.UNKNOWN_TASK
    assert fault_of(API, overdue - TICK, known=False, in_code=False) is None
    assert fault_of(API, overdue, known=True, in_code=False) is None
    assert fault_of(replace(API, active=False), overdue, known=False, in_code=False) is None
    assert fault_of(replace(API, waits=True), overdue, known=False, in_code=False) is None


def test_a_schedule_whose_window_nobody_has_computed_has_waited_since_it_was_stored() -> None:
    new = replace(API, mark=None, next_window=None)
    assert fault_of(new, NOON + OVERDUE, known=False, in_code=False) is Fault.UNKNOWN_TASK
    assert fault_of(new, NOON + OVERDUE - TICK, known=False, in_code=False) is None


def test_a_mark_that_is_ahead_is_told_although_everything_else_is_well() -> None:
    assert fault_of(CODE, NOON - AHEAD - TICK, known=True, in_code=True) is Fault.AHEAD
    assert fault_of(CODE, NOON - AHEAD, known=True, in_code=True) is None
    assert fault_of(replace(CODE, active=False), NOON - AHEAD - TICK, known=True, in_code=True) is None
