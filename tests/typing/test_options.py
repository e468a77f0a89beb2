"""The keywords that are typed once, as a TypedDict, are those that the functions behind them take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints

import pytest

from pg_scheduler.client.keywords import (
    CalledJobOptions,
    CallOptions,
    ScheduleChanges,
    SchedulerOptions,
    ScheduleSettings,
)
from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.entrypoints.policy import EntrypointOptions
from pg_scheduler.qm import QueueManager
from pg_scheduler.sc import CronOptions, SchedulerManager
from pg_scheduler.scheduler import Scheduler


def keywords(function: Callable[..., Any], *others: str) -> set[str]:
    """The names of a function's parameters, but for those that callers give by position and `others`."""
    return set(inspect.signature(function).parameters) - {"self", *others}


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (SchedulerOptions, keywords(Scheduler.__init__, "db_pool")),
        (CalledJobOptions, keywords(Scheduler.schedule, "func")),
        (CallOptions, (keywords(Scheduler.schedule, "func", "args", "kwargs", "execution_time")) | {"at"}),
        (EntrypointOptions, keywords(QueueManager.entrypoint, "name", "accepts_context", "executor_factory")),
        (CronOptions, keywords(SchedulerManager.schedule, "entrypoint", "expression", "executor_factory")),
        (ScheduleSettings, {field.name for field in fields(ScheduleRequest)} - {"task"}),
        (ScheduleChanges, {field.name for field in fields(ScheduleRequest)} - {"task", "key", "enabled"}),
    ],
)
def test_typed_keywords_are_those_that_are_taken(options: type, taken: set[str]) -> None:
    assert set(get_type_hints(options)) == taken
