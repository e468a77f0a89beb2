"""Due jobs that this worker cannot run: they are looked for first, and then told of once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.model import NewJob
from pg_scheduler.engine.tasks.registry import TaskOptions, TaskRegistry
from pg_scheduler.engine.tasks.unknown_tasks import UnknownTasks
from pg_scheduler.testing import ManualClock, MemoryDriver

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def job() -> None: ...


async def test_what_can_be_imported_is_not_told_of_and_the_rest_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver, registry = MemoryDriver(), TaskRegistry()
    due = NOON - timedelta(minutes=5)
    jobs = [NewJob("1", "module:found", due, "{}"), NewJob("2", "lost", due, "{}")]
    await driver.jobs.submit(jobs, ConflictResolution.RAISE, now=due)

    looked_up: list[set[str]] = []

    def try_import(names: Collection[str]) -> None:
        looked_up.append(set(names))
        registry.register(job, TaskOptions(name="module:found"))

    unknown = UnknownTasks(
        insight=driver.insight, clock=ManualClock(NOON), registry=registry, try_import=try_import
    )
    for _ in range(2):
        assert [one.task_name for one in await unknown.report()] == ["lost"]
    assert looked_up == [{"module:found", "lost"}, {"lost"}]
    assert [one.args for one in caplog.records] == [("lost", 1)]
