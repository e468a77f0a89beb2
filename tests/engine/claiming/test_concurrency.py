"""How many jobs run at once."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from pg_scheduler import JobSpec, PollingConfig, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest
from pg_scheduler.testing import MemoryDriver, drain
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState
from tests.support.running import eventually, idle, past, within


class Gauge:
    """Counts how many are inside, and remembers the most."""

    def __init__(self) -> None:
        self.inside = self.most = self.total = 0

    async def visit(self, seconds: float = 0.0) -> None:
        self.inside += 1
        self.total += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(seconds)
        self.inside -= 1


async def test_never_more_than_max_concurrent_jobs_run_at_once(dsn: str, library: Library) -> None:
    gauge = Gauge()

    async def job(number: int) -> None:
        await gauge.visit(0.005)

    async with Scheduler.connect(dsn, library=library, max_concurrent_jobs=3) as scheduler:
        await scheduler.schedule_bulk([JobSpec(job, past(), args=(number,)) for number in range(60)])
        await eventually(lambda: gauge.total == 60)
    assert gauge.most == 3


async def test_all_slots_are_used(dsn: str, library: Library) -> None:
    everybody_is_here = asyncio.Barrier(7)

    async def job(number: int) -> None:
        await everybody_is_here.wait()

    async with Scheduler.connect(
        dsn, library=library, max_concurrent_jobs=7, batch_claim_limit=2
    ) as scheduler:
        handles = await scheduler.schedule_bulk([JobSpec(job, past(), args=(n,)) for n in range(7)])
        for handle in handles:
            assert handle is not None
            assert await handle.wait(timeout=45) == "completed"


async def test_a_freed_slot_is_filled_at_once(dsn: str, library: Library) -> None:
    """With polls 50 seconds apart nothing but the freed slot itself can start the next job."""
    gauge = Gauge()

    async def job(number: int) -> None:
        await gauge.visit()

    async with Scheduler.connect(
        dsn,
        library=library,
        max_concurrent_jobs=1,
        polling_config=PollingConfig(interval=50, interval_without_listen=50, listen=False),
    ) as scheduler:
        await scheduler.schedule_bulk([JobSpec(job, past(), args=(number,)) for number in range(40)])
        await eventually(lambda: gauge.total == 40)
    assert gauge.most == 1


async def test_a_long_job_does_not_hold_up_the_other_slots(dsn: str) -> None:
    gauge, go_on = Gauge(), asyncio.Event()

    async def long() -> None:
        await go_on.wait()

    async def short(number: int) -> None:
        await gauge.visit()

    async with Scheduler.connect(dsn, max_concurrent_jobs=2) as scheduler:
        blocked = await scheduler.schedule(long, execution_time=past(60))
        await eventually(lambda: scheduler.active_jobs)
        await scheduler.schedule_bulk([JobSpec(short, past(), args=(number,)) for number in range(20)])
        await eventually(lambda: gauge.total == 20)
        assert await blocked.status() == "running"
        go_on.set()
        await blocked.wait(timeout=45)


async def test_jobs_driven_by_hand_share_the_slots_too(dsn: str, library: Library) -> None:
    gauge = Gauge()

    async def job(number: int) -> None:
        await gauge.visit(0.02)

    async with idle(Scheduler.connect(dsn, library=library, max_concurrent_jobs=2)) as scheduler:
        handles = await scheduler.schedule_bulk(
            [JobSpec(job, past(), args=(number,)) for number in range(12)]
        )
        driving = [scheduler.execute_job_with_concurrency_control(str(handle)) for handle in handles]
        await within(asyncio.gather(*driving))
        assert (gauge.total, gauge.most) == (12, 2)


async def test_the_claimer_and_jobs_driven_by_hand_share_the_slots(dsn: str) -> None:
    gauge = Gauge()

    async def job(number: int) -> None:
        await gauge.visit(0.01)

    async with Scheduler.connect(dsn, max_concurrent_jobs=2) as scheduler:
        handles = await scheduler.schedule_bulk(
            [JobSpec(job, past(), args=(number,)) for number in range(30)]
        )
        driving = [scheduler.execute_job_with_concurrency_control(str(handle)) for handle in handles]
        await within(asyncio.gather(*driving))
        await eventually(lambda: gauge.total == 30)
    assert gauge.most == 2


async def test_two_workers_never_run_one_job_twice(dsn: str, library: Library) -> None:
    runs: list[int] = []

    async def job(number: int) -> None:
        runs.append(number)

    one = Scheduler.connect(dsn, library=library, max_concurrent_jobs=4)
    async with one, Scheduler.connect(dsn, library=library, max_concurrent_jobs=4) as two:
        two.register(job)
        await one.schedule_bulk([JobSpec(job, past(), args=(number,)) for number in range(200)])
        await eventually(lambda: len(runs) >= 200)
    assert sorted(runs) == list(range(200))


class Asked(MemoryJobs):
    """Notes how many jobs each claim asks for."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.limits: list[int] = []

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        self.limits.append(request.limit)
        return await super().claim(request, now=now)


@pytest.mark.parametrize(
    ("options", "limit"), [({}, 25), ({"batch_claim_limit": 10}, 10), ({"max_concurrent_jobs": 40}, 40)]
)
async def test_a_claim_asks_for_what_fits_unless_somebody_said_less(
    options: dict[str, Any], limit: int
) -> None:
    driver = MemoryDriver()
    driver.jobs = asked = Asked(driver.state)
    scheduler = Scheduler(driver, **options)
    scheduler.register(Gauge().visit, name="visit")
    await drain(scheduler)
    assert set(asked.limits) == {limit}
    assert scheduler.batch_claim_limit == 10
