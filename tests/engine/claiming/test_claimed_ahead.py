"""Jobs that are claimed ahead of the slots: many of short ones, none of long ones, and nobody is harmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from pg_scheduler import JobSpec, Scheduler
from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.claiming.claimer import Claimer
from pg_scheduler.engine.running import claimed_ahead
from pg_scheduler.engine.running.claimed_ahead import AHEAD, BACKLOG, MOST_AHEAD, PATIENCE, ClaimedAhead
from pg_scheduler.engine.tasks.registry import TaskOptions
from pg_scheduler.testing import ManualClock, MemoryDriver
from tests.support.running import eventually

SLOTS = 2


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def driver() -> MemoryDriver:
    return MemoryDriver()


class Jobs:
    """What ran, and which of it goes on until it is let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = asyncio.Event()

    async def run(self, name: str, wait: bool = False) -> None:
        self.begun.append(name)
        if wait:
            await self.go.wait()


@asynccontextmanager
async def worker(
    driver: MemoryDriver,
    clock: ManualClock,
    jobs: Jobs,
    ahead: int = 0,
    slots: int = SLOTS,
    backlog: float = 0,
    **options: Any,
) -> AsyncIterator[Scheduler]:
    """A worker that has learned that so many jobs may wait for a slot, and for how long its claims have been
    filled: `backlog` seconds are enough."""
    scheduler = Scheduler(driver, clock=clock, max_concurrent_jobs=slots, misfire_grace_time=None, **options)
    scheduler.register(jobs.run, name="run")
    with patch.object(claimed_ahead, "BACKLOG", backlog):
        async with scheduler:
            if ahead:
                teach(scheduler, ahead)
            try:
                yield scheduler
            finally:
                jobs.go.set()


def verdicts_wait(driver: MemoryDriver) -> asyncio.Event:
    """Verdicts cannot be stored while this is set, as it is."""
    settle, away = driver.jobs.settle, asyncio.Event()
    away.set()

    async def unless_away(*args: Any, **options: Any) -> Any:
        if away.is_set():
            raise ConnectionLost("away")
        return await settle(*args, **options)

    driver.jobs.settle = unless_away  # type: ignore[method-assign]
    return away


def teach(scheduler: Scheduler, ahead: int) -> None:
    waiting = scheduler.worker.services.active.ahead
    waiting._mean = AHEAD * scheduler.max_concurrent_jobs / (ahead + 0.5)
    assert waiting.limit == ahead


async def store(scheduler: Scheduler, clock: ManualClock, *names: str, **options: Any) -> list[str]:
    handles = await scheduler.schedule_bulk(
        [JobSpec("run", clock.now(), args=(name, name.startswith("long")), **options) for name in names]
    )
    return [str(handle) for handle in handles]


async def records(driver: MemoryDriver, status: JobStatus) -> list[JobRecord]:
    return [row for row in await driver.insight.jobs() if row.status is status]


# --- how many


def taught(clock: ManualClock, *durations: float, slots: int = 10) -> ClaimedAhead:
    ahead = ClaimedAhead(slots, clock, enabled=True)
    for seconds in durations:
        ahead.note_duration(seconds)
    return ahead


def test_as_many_wait_as_the_slots_get_through_in_a_tenth_of_a_second(clock: ManualClock) -> None:
    assert taught(clock, *[0.01] * 500).limit in range(95, 101)
    assert taught(clock, *[0.2] * 500).limit == 4, "ten slots, five jobs a second each"
    assert taught(clock, *[1.5] * 500).limit == 0
    assert taught(clock, *[0.0] * 5000).limit == MOST_AHEAD


def test_none_wait_until_enough_is_known(clock: ManualClock) -> None:
    assert taught(clock).limit == 0
    assert taught(clock, 0.0).limit == 0, "one job says little of the next"


def test_one_slow_job_among_quick_ones_makes_it_few(clock: ManualClock) -> None:
    quick = taught(clock, *[0.001] * 5000)
    assert quick.limit > 900
    quick.note_duration(10.0)
    assert quick.limit <= 4


async def test_none_wait_where_somebody_said_how_many_a_claim_takes(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    jobs = Jobs()
    async with worker(driver, clock, jobs, batch_claim_limit=10) as scheduler:
        await store(scheduler, clock, *[f"short {n}" for n in range(300)])
        await eventually(lambda: len(jobs.begun) == 300)
        assert scheduler.worker.services.active.ahead.limit == 0


async def test_a_worker_with_short_jobs_learns_it_and_makes_few_large_claims(
    driver: MemoryDriver, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, claims = Jobs(), 0
    claim_once = Claimer.claim_once

    async def counted(self: Claimer) -> Any:
        nonlocal claims
        claims += 1
        return await claim_once(self)

    monkeypatch.setattr(Claimer, "claim_once", counted)
    async with worker(driver, clock, jobs) as scheduler:
        await store(scheduler, clock, *[f"short {n:05}" for n in range(2000)])
        await eventually(lambda: len(jobs.begun) == 2000)
    assert jobs.begun == sorted(jobs.begun), "in order all the same"
    assert claims < 2000 / SLOTS / 2, "it would be 1,000 if each filled the slots only"


async def test_none_wait_where_a_few_jobs_meet_free_slots_elsewhere(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    """Else the urgent ones would wait here, while others start there."""
    jobs, others = Jobs(), Jobs()
    async with (
        worker(driver, clock, jobs, ahead=10, backlog=BACKLOG) as scheduler,
        worker(driver, clock, others, ahead=10, backlog=BACKLOG),
    ):
        await clock.advance(1)
        await store(scheduler, clock, *[f"long {n}" for n in range(2 * SLOTS)])
        await eventually(lambda: len(jobs.begun) + len(others.begun) == 2 * SLOTS)


# --- who waits


async def test_what_waits_starts_as_slots_become_free_and_never_more_at_once(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    jobs = Jobs()
    async with worker(driver, clock, jobs, ahead=10) as scheduler:
        await store(scheduler, clock, *[f"long {n}" for n in range(6)])
        await eventually(lambda: len(scheduler.worker.services.active.ahead) == 4)
        assert jobs.begun == ["long 0", "long 1"]
        assert len(scheduler.active_jobs) == SLOTS
        jobs.go.set()
        await eventually(lambda: len(jobs.begun) == 6)


async def test_what_is_more_urgent_starts_before_what_waits(driver: MemoryDriver, clock: ManualClock) -> None:
    jobs = Jobs()
    async with worker(driver, clock, jobs, ahead=10) as scheduler:
        await store(scheduler, clock, "long 0", "long 1", "a", "b")
        await eventually(lambda: len(scheduler.worker.services.active.ahead) == 2)
        await store(scheduler, clock, "urgent", priority=1)
        await eventually(lambda: len(scheduler.worker.services.active.ahead) == 3)
        jobs.go.set()
        await eventually(lambda: len(jobs.begun) == 5)
    assert jobs.begun[2] == "urgent"


async def test_somebody_who_runs_a_job_by_hand_gets_the_next_slot(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    jobs = Jobs()
    async with worker(driver, clock, jobs, ahead=10) as scheduler:
        await store(scheduler, clock, "long 0", "long 1", "a", "b")
        await eventually(lambda: len(scheduler.worker.services.active.ahead) == 2)
        spec = JobSpec("run", clock.now() + timedelta(days=1), args=("by hand", False))
        (by_hand,) = await scheduler.schedule_bulk([spec])
        running = asyncio.create_task(scheduler.execute_job_with_concurrency_control(str(by_hand)))
        await asyncio.sleep(0)
        jobs.go.set()
        await running
        await eventually(lambda: len(jobs.begun) == 5)
    assert jobs.begun.index("by hand") <= 3, "two slots became free at once"


async def test_who_gave_up_waiting_for_a_slot_keeps_it_from_nobody(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    jobs = Jobs()
    async with worker(driver, clock, jobs, ahead=10) as scheduler:
        active = scheduler.worker.services.active
        await store(scheduler, clock, "long 0", "long 1", "a")
        await eventually(lambda: len(active.ahead) == 1)
        waits = [asyncio.create_task(active.wait_for_slot()) for _ in range(3)]
        await asyncio.sleep(0)
        jobs.go.set()
        await asyncio.wait(waits)
        await eventually(lambda: len(jobs.begun) == 3)


async def test_a_slot_that_was_held_by_hand_for_nothing_goes_to_what_waits(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    claim_job = driver.jobs.claim_job

    async def slowly(*args: Any, **options: Any) -> Any:
        for _ in range(9):
            await asyncio.sleep(0)
        return await claim_job(*args, **options)

    driver.jobs.claim_job = slowly  # type: ignore[method-assign]
    jobs = Jobs()
    async with worker(driver, clock, jobs, ahead=10, slots=1) as scheduler:
        await store(scheduler, clock, "long 0", "a")
        await eventually(lambda: len(scheduler.worker.services.active.ahead) == 1)
        by_hand = asyncio.create_task(scheduler.execute_job_with_concurrency_control("no such job"))
        await asyncio.sleep(0)
        jobs.go.set()
        await by_hand
        await eventually(lambda: "a" in jobs.begun)


async def test_what_waits_starts_once_verdicts_can_be_stored_again(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    """While they cannot, no slot is free: a worker must not keep ever more of them."""
    jobs = Jobs()
    away = verdicts_wait(driver)
    async with worker(driver, clock, jobs, ahead=10) as scheduler:
        await store(scheduler, clock, "a", "long 0", "long 1", "long 2", "long 3")
        active = scheduler.worker.services.active
        await eventually(lambda: active._held_back)
        jobs.go.set()
        await eventually(lambda: not scheduler.active_jobs)
        assert jobs.begun == ["a", "long 0"]
        away.clear()
        await clock.advance(PATIENCE / 2)  # the verdicts are tried again, and nothing is given back
        await eventually(lambda: len(jobs.begun) == 5)


# --- given back


async def test_what_has_waited_too_long_is_given_back_as_if_it_had_never_been_claimed(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    jobs, others = Jobs(), Jobs()
    async with worker(driver, clock, jobs, ahead=10) as scheduler:
        await store(scheduler, clock, "long 0", "long 1", "a", "b")
        await eventually(lambda: len(scheduler.worker.services.active.ahead) == 2)
        await clock.advance(2 * PATIENCE)
        await eventually(lambda: not scheduler.worker.services.active.ahead)
        await scheduler.worker.services.settler.wait_empty()
        waiting = await records(driver, JobStatus.PENDING)
        assert [(row.attempt_count, row.started_at, row.worker_id) for row in waiting] == [
            (0, None, None)
        ] * 2
        assert [await driver.insight.attempts(row.job_id) for row in waiting] == [[], []]
        assert scheduler.worker.services.active.ahead.limit == 0, "its jobs are slow, it knows now"
        async with worker(driver, clock, others):
            await eventually(lambda: others.begun == ["a", "b"])
        assert jobs.begun == ["long 0", "long 1"]


async def test_a_worker_that_stops_gives_back_at_once_what_waits(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    jobs = Jobs()
    async with worker(driver, clock, jobs, ahead=10) as scheduler:
        await store(scheduler, clock, "long 0", "long 1", "a", "b")
        await eventually(lambda: len(scheduler.worker.services.active.ahead) == 2)
        stopping = asyncio.create_task(scheduler.shutdown(timeout=None))
        await eventually(lambda: not scheduler.worker.services.active.ahead)
        await eventually(lambda: scheduler.worker.services.settler.empty)
        assert len(await records(driver, JobStatus.PENDING)) == 2
        assert not stopping.done(), "what runs may end"
        jobs.go.set()
        await stopping


async def test_what_waits_is_cancelled_without_having_run(driver: MemoryDriver, clock: ManualClock) -> None:
    jobs = Jobs()
    async with worker(driver, clock, jobs, ahead=10) as scheduler:
        *_, waiting = await store(scheduler, clock, "long 0", "long 1", "a")
        await eventually(lambda: len(scheduler.worker.services.active.ahead) == 1)
        await scheduler.cancel_job(waiting)
        await eventually(lambda: next(iter(scheduler.worker.services.active.ahead)).reason)
        jobs.go.set()
        await scheduler.worker.services.active.wait_idle()
        await scheduler.worker.services.settler.wait_empty()
        assert [row.job_id for row in await records(driver, JobStatus.CANCELLED)] == [waiting]
    assert "a" not in jobs.begun


async def test_many_that_wait_and_are_cancelled_give_no_slot_away_twice(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    jobs, others = Jobs(), Jobs()
    away = verdicts_wait(driver)
    async with worker(driver, clock, jobs, ahead=20) as scheduler:
        scheduler.register(others.run, name="other")
        active = scheduler.worker.services.active
        _, _, *waiting = await store(scheduler, clock, "a", "long 0", *[f"short {n}" for n in range(5)])
        await scheduler.schedule_bulk(
            [JobSpec("other", clock.now(), args=(f"other {n}", True), priority=8) for n in range(5)]
        )
        await eventually(lambda: active._held_back)
        await scheduler.cancel(waiting)
        await eventually(lambda: sum(attempt.reason is not None for attempt in active.ahead) == 5)
        jobs.go.set()
        await eventually(lambda: not scheduler.active_jobs)
        away.clear()
        await clock.advance(PATIENCE / 2)
        await eventually(lambda: len(others.begun) == SLOTS)
        assert len(scheduler.active_jobs) == SLOTS
        others.go.set()
        await active.wait_idle()
        await scheduler.worker.services.settler.wait_empty()
        assert len(await records(driver, JobStatus.CANCELLED)) == 5
    assert jobs.begun == ["a", "long 0"]


async def test_a_job_that_has_lost_a_worker_takes_nothing_with_it_that_only_waited(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    """A job that kills its process would otherwise count a crash for all that was claimed beside it."""
    jobs = Jobs()
    async with worker(driver, clock, jobs) as scheduler:
        *_, suspect = await store(scheduler, clock, *[f"long {n}" for n in range(6)])
        await eventually(lambda: len(jobs.begun) == 2)
        driver.state.jobs[suspect].attempt_count = 1  # and no retry: as after a lost lease
        teach(scheduler, 10)
        jobs.go.set()
        await eventually(lambda: len(jobs.begun) == 6)
        ahead = scheduler.worker.services.active.ahead
        assert ahead.limit == 0
        await clock.advance(2 * PATIENCE)
        assert ahead.limit > 0, "for a while only"


# --- lanes


async def test_a_job_of_a_limited_task_does_not_wait_for_a_slot_while_it_fills_its_lane(
    driver: MemoryDriver, clock: ManualClock
) -> None:
    jobs = Jobs()
    async with worker(driver, clock, jobs) as scheduler:
        scheduler.register_task(jobs.run, TaskOptions("limited", limits=TaskLimits(concurrency=100)))
        teach(scheduler, 10)
        await scheduler.schedule_bulk(
            [JobSpec("limited", clock.now(), args=(f"long {n}", True)) for n in range(8)]
        )
        await eventually(lambda: len(jobs.begun) == SLOTS)
        active = scheduler.worker.services.active
        assert len(active.ahead) == 0
        assert active.ahead.limit == 0
