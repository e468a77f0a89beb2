"""Which modules a worker imports because of a name in the database."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.engine.tasks.task_loader import TaskLoader


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with one task, `job`."""
    made = ModuleType(name)
    exec("async def job(): ...\nasync def _helper(): ...", vars(made))
    monkeypatch.setitem(sys.modules, name, made)


def test_a_trusted_package_covers_what_is_in_it_and_not_what_begins_like_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("trusted_tasks", "trusted_tasks.mail", "trusted_tasks_of_somebody"):
        module(name, monkeypatch)
    loaded = TaskLoader(TaskRegistry(), ["trusted_tasks"]).load(
        ["trusted_tasks.mail:job", "trusted_tasks_of_somebody:job"]
    )
    assert loaded.resolved == ("trusted_tasks.mail:job",)
    assert loaded.unresolved == ("trusted_tasks_of_somebody:job",)


def test_what_is_private_in_a_trusted_module_is_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    module("trusted_tasks", monkeypatch)
    registry = TaskRegistry()
    TaskLoader(registry, ["trusted_tasks"]).register_trusted()
    assert [task.name for task in registry] == ["trusted_tasks:job"]
