"""What the calls take: names, defaults, modules, jobs by name and the grace."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from pg_scheduler import (
    ConflictResolution,
    JobPriority,
    JobSpec,
    JobStatus,
    Scheduler,
)
from pg_scheduler.job_spec import _UNSET
from pg_scheduler.testing import LeftBehind, drain
from tests.function_style.calls.tasks import IGNORE, NOW, add, fails


def parameters(call: Callable[..., Any]) -> dict[str, Any]:
    """Names and defaults; of required parameters, `...`."""
    return {
        name: ... if one.default is one.empty else one.default
        for name, one in inspect.signature(call).parameters.items()
        if name != "self"
    }


COMMON = {"priority": _UNSET, "max_retries": _UNSET, "job_id": None}
"""Left out, priority and retries are what `@task` says, else the documented normal one, and none: see
test_defaults.py."""


@pytest.mark.parametrize(
    ("call", "documented"),
    [
        (
            Scheduler.schedule,
            {
                "func": ...,
                "execution_time": _UNSET,
                "args": (),
                "kwargs": None,
                **COMMON,
                "conflict_resolution": ConflictResolution.RAISE,
                "misfire_grace_time": _UNSET,
            },
        ),
        (Scheduler.schedule_bulk, {"jobs": ..., "conflict_resolution": IGNORE, "batch_size": 1000}),
        (
            Scheduler.schedule_job,
            {
                "job_name": ...,
                "execution_time": ...,
                "task_data": ...,
                **COMMON,
                "conflict_resolution": ConflictResolution.RAISE,
                "misfire_grace_time": None,
            },
        ),
        (Scheduler.cancel_job, {"job_id": ...}),
        (Scheduler.update_job_status, {"job_id": ..., "status": ...}),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_the_documented_parameters_come_first_with_their_defaults(
    call: Callable[..., Any], documented: dict[str, Any]
) -> None:
    assert list(parameters(call).items())[: len(documented)] == list(documented.items())


def test_a_job_spec_takes_the_documented_fields_in_order() -> None:
    assert list(parameters(JobSpec))[:8] == [
        "func",
        "execution_time",
        "args",
        "kwargs",
        "priority",
        "max_retries",
        "job_id",
        "misfire_grace_time",
    ]
    spec = JobSpec(add, NOW)
    assert (spec.args, spec.kwargs, spec.job_id) == ((), {}, None)
    assert (spec.priority, spec.max_retries, spec.misfire_grace_time) == (JobPriority.NORMAL, 0, _UNSET)
    assert JobSpec(add, NOW).kwargs is not spec.kwargs


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("scheduler", "Scheduler"),
        ("periodic", "periodic"),
        ("job_spec", "JobSpec"),
        ("job_priority", "JobPriority"),
        ("conflict_resolution", "ConflictResolution"),
        ("polling", "PollingConfig"),
        ("vacuum", "VacuumPolicy"),
    ],
)
def test_the_documented_modules_exist(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(f"pg_scheduler.{module}"), name)


async def test_a_job_can_be_stored_by_the_name_of_its_task(scheduler: Scheduler) -> None:
    handle = await scheduler.schedule_job(
        scheduler.task_for(add).name, NOW, {"args": [1], "kwargs": {"other": 2}}, JobPriority.HIGH, 2, "mine"
    )
    record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (handle, record.rank, record.max_retries) == ("mine", 3, 2)
    assert json.loads(record.task_data) == {"args": [1], "kwargs": {"other": 2}}
    assert [drained.completed for drained in await drain(scheduler)] == [True]


async def test_a_bare_name_runs_where_it_means_one_function(scheduler: Scheduler) -> None:
    handle = await scheduler.schedule_job("add", NOW, {"args": [1]})
    with pytest.warns(LeftBehind):
        assert await drain(scheduler) == []
    scheduler.register(add)
    assert [drained.job.job_id for drained in await drain(scheduler)] == [handle]


async def test_a_bare_name_that_could_mean_two_functions_is_left_alone(scheduler: Scheduler) -> None:
    scheduler.register(add, name="one.place:add")
    scheduler.register(fails, name="another.place:add")
    handle = await scheduler.schedule_job("add", NOW, {"args": [1]})
    with pytest.warns(LeftBehind):
        assert await drain(scheduler) == []
    assert await handle.status() is JobStatus.PENDING


async def test_the_grace_is_the_schedulers_unless_the_job_says_otherwise(scheduler: Scheduler) -> None:
    given: dict[str, Any] = {"execution_time": NOW, "args": (1,)}
    handles = [
        await scheduler.schedule(add, **given),
        await scheduler.schedule(add, **given, misfire_grace_time=None),
        await scheduler.schedule(add, **given, misfire_grace_time=60),
        await scheduler.schedule_job("some:task", NOW, None),
        await scheduler.schedule_job("some:task", NOW, None, misfire_grace_time=0),
        *await scheduler.schedule_bulk(
            [JobSpec(add, NOW, (1,)), JobSpec(add, NOW, (1,), misfire_grace_time=7)]
        ),
    ]
    records = [await scheduler.driver.insight.job(str(handle)) for handle in handles]
    assert [record and record.misfire_grace_seconds for record in records] == [300, None, 60, 300, 0, 300, 7]


async def test_closures_of_one_def_are_tasks_of_their_own(scheduler: Scheduler) -> None:
    seen: list[str] = []

    def greeter(word: str) -> Callable[[], Any]:
        async def greet() -> None:
            seen.append(word)

        return greet

    for word in ("hello", "goodbye"):
        await scheduler.schedule(greeter(word), execution_time=NOW)
    await drain(scheduler)
    assert sorted(seen) == ["goodbye", "hello"]
