"""No limited job is claimed before its limit is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from pg_scheduler import PgQueuer
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.engine.limits.limit_keeper import LimitKeeper
from pg_scheduler.engine.tasks.registry import TaskOptions, TaskRegistry
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler.testing.memory.limits import MemoryLimits
from pg_scheduler.testing.memory.state import MemoryState
from tests.support.running import eventually, within


async def limited(job: object = None) -> None:
    """Has a limit."""


async def free(job: object = None) -> None:
    """Has none."""


class SlowLimits(MemoryLimits):
    """Stores limits when it is told to; may refuse."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.go = asyncio.Event()
        self.refuse = False
        self.told: list[Mapping[str, TaskLimits]] = []

    async def set_limits(self, limits: Mapping[str, TaskLimits], *, now: datetime | None = None) -> None:
        self.told.append(limits)
        await self.go.wait()
        if self.refuse:
            raise DatabaseError("not now")
        await super().set_limits(limits, now=now)


def keeper_of(store: SlowLimits, registry: TaskRegistry, only: Any = None) -> LimitKeeper:
    return LimitKeeper(limits=store, clock=ManualClock(), registry=registry, only=only, on_kept=lambda: None)


def registry_of(**limits: TaskLimits) -> TaskRegistry:
    registry = TaskRegistry()
    registry.register(
        limited, TaskOptions(name="limited", limits=limits.get("limited", TaskLimits(concurrency=1)))
    )
    registry.register(free, TaskOptions(name="free"))
    return registry


async def test_a_limited_task_is_hidden_until_its_limits_are_stored() -> None:
    store = SlowLimits(MemoryState())
    keeper = keeper_of(store, registry_of())
    assert keeper.claimable() == {"free"}
    keeping = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0)
    assert keeper.claimable() == {"free"}
    store.go.set()
    await keeping
    assert keeper.claimable() == {"free", "limited"}


async def test_a_limit_that_could_not_be_stored_stays_hidden() -> None:
    store = SlowLimits(MemoryState())
    store.refuse = True
    store.go.set()
    keeper = keeper_of(store, registry_of())
    with pytest.raises(DatabaseError):
        await keeper.keep()
    assert keeper.claimable() == {"free"}


async def test_a_limit_that_changed_is_hidden_again_until_it_is_stored() -> None:
    store, registry = SlowLimits(MemoryState()), registry_of()
    store.go.set()
    keeper = keeper_of(store, registry)
    await keeper.keep()
    registry.register(limited, TaskOptions(name="limited", limits=TaskLimits(concurrency=2)))
    assert keeper.claimable() == {"free"}
    await keeper.keep()
    assert store.told[-1] == {"limited": TaskLimits(concurrency=2)}
    assert keeper.claimable() == {"free", "limited"}


async def test_what_has_not_changed_is_not_sent_again() -> None:
    store = SlowLimits(MemoryState())
    store.go.set()
    keeper = keeper_of(store, registry_of())
    await keeper.keep()
    await keeper.keep()
    assert len(store.told) == 1


async def test_a_limited_task_is_claimed_by_its_full_name_alone() -> None:
    """Limits are counted by name: jobs under its bare name would pass by them."""
    store, registry = SlowLimits(MemoryState()), TaskRegistry()
    registry.register(limited, TaskOptions(name="module.limited", limits=TaskLimits(concurrency=1)))
    store.go.set()
    keeper = keeper_of(store, registry)
    await keeper.keep()
    assert keeper.claimable() == {"module.limited"}


async def test_a_running_worker_starts_no_limited_job_before_its_limit_is_stored() -> None:
    store = SlowLimits(MemoryState())
    store.go.set()
    driver = MemoryDriver()
    driver.limits = store
    queue = PgQueuer(driver)
    ran: list[str] = []
    done = asyncio.Event()

    async def note(job: Any) -> None:
        ran.append(job.entrypoint)
        done.set()

    queue.entrypoint("free")(note)
    running = asyncio.create_task(queue.run())
    await eventually(lambda: queue.scheduler.is_running)
    store.go.clear()
    queue.entrypoint("limited", concurrency_limit=1)(note)
    await queue.queries.enqueue(["limited", "free"], [b"", b""], [10, 0])
    await within(done.wait())
    assert ran == ["free"]
    store.go.set()
    await eventually(lambda: ran == ["free", "limited"])
    await queue.shutdown()
    await running
