"""What a due window does while an earlier run of its schedule is unfinished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pg_scheduler import JobStatus, Scheduler, periodic
from pg_scheduler.domain.schedule import Overlap
from pg_scheduler.testing import ManualClock
from tests.engine.schedules.conftest import MakeDriver
from tests.engine.schedules.test_management import SECOND
from tests.support.running import as_time_passes

pytestmark = pytest.mark.slow_with("psycopg")


class Gate:
    """Runs wait at it until it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.waiting = self.most = self.passed = 0

    async def pass_through(self) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.open.wait()
        self.waiting -= 1
        self.passed += 1


@pytest.fixture
async def gate(drivers: MakeDriver) -> AsyncIterator[Gate]:
    """Opened at the end, so that shutdowns need not wait."""
    made = Gate()
    yield made
    made.open.set()


def at_the_gate(gate: Gate, overlap: Overlap) -> None:
    @periodic(every=SECOND, dedup_key="key", overlap=overlap)
    async def run() -> None:
        await gate.pass_through()


async def skipped(scheduler: Scheduler) -> int:
    return int((await scheduler.schedule_status("key") or {"skipped_count": 0})["skipped_count"])


async def unfinished(scheduler: Scheduler) -> int:
    counts = await scheduler.driver.insight.counts()
    return counts[JobStatus.PENDING] + counts[JobStatus.RUNNING]


async def test_a_window_waits_for_the_run_before_it(
    drivers: MakeDriver, gate: Gate, clock: ManualClock
) -> None:
    at_the_gate(gate, Overlap.WAIT)
    async with Scheduler(drivers(), clock=clock) as scheduler, Scheduler(drivers(), clock=clock) as other:
        await as_time_passes(clock, lambda: gate.waiting == 1)
        (first,) = [info.last_run for info in await scheduler.list_schedules()]
        assert first is not None
        await as_time_passes(clock, lambda: _due(scheduler, 2))
        assert (gate.most, await unfinished(other)) == (1, 1)
        gate.open.set()
        await as_time_passes(clock, lambda: gate.passed >= 2)
        assert gate.most == 1
        assert await skipped(scheduler) >= 1  # of those that passed meanwhile, the latest is run


async def test_a_window_is_left_out_and_counted(drivers: MakeDriver, gate: Gate, clock: ManualClock) -> None:
    at_the_gate(gate, Overlap.SKIP)
    async with Scheduler(drivers(), clock=clock) as scheduler, Scheduler(drivers(), clock=clock):
        await as_time_passes(clock, lambda: gate.waiting == 1)
        await as_time_passes(clock, lambda: _skipped_at_least(scheduler, 2))
        assert (gate.most, await unfinished(scheduler)) == (1, 1)
        gate.open.set()
        await as_time_passes(clock, lambda: gate.passed >= 2)


async def test_windows_may_run_beside_each_other(drivers: MakeDriver, gate: Gate, clock: ManualClock) -> None:
    at_the_gate(gate, Overlap.ALLOW)
    async with Scheduler(drivers(), clock=clock) as scheduler, Scheduler(drivers(), clock=clock):
        await as_time_passes(clock, lambda: gate.waiting >= 2)
        assert await skipped(scheduler) == 0
        gate.open.set()
        await as_time_passes(clock, lambda: gate.waiting == 0)


async def test_a_retry_is_waited_for(drivers: MakeDriver, clock: ManualClock) -> None:
    tries: list[int] = []

    @periodic(every=SECOND, dedup_key="key", max_retries=1)  # the default delay is a minute
    async def fail() -> None:
        tries.append(1)
        raise LookupError

    async with Scheduler(drivers(), clock=clock) as scheduler:
        await as_time_passes(clock, lambda: _due(scheduler, 2))
        assert (len(tries), await unfinished(scheduler)) == (1, 1)


async def test_a_retry_is_not_waited_for_where_runs_may_overlap(
    drivers: MakeDriver, clock: ManualClock
) -> None:
    tries: list[int] = []

    @periodic(every=SECOND, dedup_key="key", max_retries=1, overlap=Overlap.ALLOW)
    async def fail_first() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise LookupError

    async with Scheduler(drivers(), clock=clock) as scheduler:
        await as_time_passes(clock, lambda: len(tries) >= 3)
        (failed,) = await scheduler.jobs(status="pending", error="LookupError")
        assert failed.retry_count == 1


async def _due(scheduler: Scheduler, windows: int) -> bool:
    """True once this many further windows are due after the latest that was run."""
    (info,) = await scheduler.list_schedules()
    return info.last_run is not None and scheduler.clock.now() - info.last_run > (windows + 0.1) * SECOND


async def _skipped_at_least(scheduler: Scheduler, count: int) -> bool:
    return await skipped(scheduler) >= count
