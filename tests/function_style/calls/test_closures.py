"""How long closures are known whose captured values every process can have."""

from __future__ import annotations

import gc
import importlib
import weakref
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from pg_scheduler import Scheduler, task
from pg_scheduler.engine.tasks.task_names import task_name_of
from pg_scheduler.testing import drain
from tests.function_style.calls.tasks import NOW

SPARE = 3
greeted: list[str] = []


@pytest.fixture(autouse=True)
def _few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    greeted.clear()
    monkeypatch.setattr(importlib.import_module("pg_scheduler.engine.tasks.passing_tasks"), "SPARE", SPARE)


def greeting_for(user: str) -> Callable[[], Awaitable[None]]:
    async def greet() -> None:
        greeted.append(user)

    return greet


async def greet_others(scheduler: Scheduler) -> None:
    """More than are kept, one after the other."""
    for number in range(SPARE + 2):
        await scheduler.schedule(greeting_for(f"user {number}"), execution_time=NOW)
        await drain(scheduler)


async def test_those_that_ran_long_ago_are_forgotten(scheduler: Scheduler) -> None:
    first = greeting_for("ada")
    alive = weakref.ref(first)
    await scheduler.schedule(first, execution_time=NOW)
    del first
    await drain(scheduler)
    await greet_others(scheduler)
    assert list(scheduler.task_map) == [task_name_of(greeting_for(f"user {number}")) for number in (2, 3, 4)]
    gc.collect()
    assert alive() is None
    await scheduler.schedule(greeting_for("ada"), execution_time=NOW)
    await drain(scheduler)
    assert greeted.count("ada") == 2


async def test_one_that_ran_lately_runs_the_jobs_that_another_process_stored(scheduler: Scheduler) -> None:
    await scheduler.schedule(greeting_for("ada"), execution_time=NOW)
    await drain(scheduler)
    name = task_name_of(greeting_for("ada"))
    await scheduler.schedule_job(name, NOW, {"args": [], "kwargs": {}})
    await drain(scheduler)
    assert greeted == ["ada", "ada"]


async def test_one_whose_job_is_waiting_is_not_forgotten(scheduler: Scheduler) -> None:
    waiting = greeting_for("ada")
    await scheduler.schedule(waiting, execution_time=NOW)
    await drain(scheduler)
    await scheduler.schedule(waiting, execution_time=NOW + timedelta(days=1))
    await greet_others(scheduler)
    assert task_name_of(waiting) in scheduler.task_map


async def test_one_that_was_registered_for_its_own_sake_is_kept(scheduler: Scheduler) -> None:
    scheduler.register(greeting_for("ada"))
    await scheduler.schedule(greeting_for("ada"), execution_time=NOW)
    await greet_others(scheduler)
    assert task_name_of(greeting_for("ada")) in scheduler.task_map


async def test_a_name_that_was_chosen_and_looks_like_a_closures_is_kept(scheduler: Scheduler) -> None:
    @task(name="greet#0123abcd")
    async def greet() -> None:
        greeted.append("ada")

    await scheduler.schedule(greet, execution_time=NOW)
    await greet_others(scheduler)
    assert "greet#0123abcd" in scheduler.task_map


async def test_what_was_put_under_the_name_of_a_closure_is_kept(scheduler: Scheduler) -> None:
    closure = greeting_for("ada")
    await scheduler.schedule(closure, execution_time=NOW)
    await drain(scheduler)
    name = task_name_of(closure)
    scheduler.task_map[name] = greet_others
    await greet_others(scheduler)
    assert scheduler.task_map[name] is greet_others
