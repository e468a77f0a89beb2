"""A worker that was frozen while its claim was answered does not start what others have taken over."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pg_scheduler import JobStatus, Scheduler
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.engine.tasks.registry import TaskOptions
from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState

LEASE = timedelta(seconds=Scheduler.LEASE_DURATION)


class SlowAnswers(MemoryJobs):
    """Time passes between the claim and the worker's reading of the answer."""

    def __init__(self, state: MemoryState, clock: ManualClock, delay: timedelta) -> None:
        super().__init__(state)
        self._clock, self._delay = clock, delay

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        answer = await super().claim(request, now=now)
        await self._clock.advance(self._delay)
        return answer


def slow_answers(clock: ManualClock, delay: timedelta) -> MemoryDriver:
    driver = MemoryDriver()
    driver.jobs = SlowAnswers(driver.state, clock, delay)
    return driver


ran: list[str] = []


async def note() -> None:
    ran.append("note")


async def another() -> None:
    ran.append("another")


@pytest.mark.parametrize(
    ("delay", "status", "starts"),
    [
        (LEASE - timedelta(seconds=1), JobStatus.COMPLETED, 1),
        (LEASE, JobStatus.PENDING, 0),
        (LEASE * 3, JobStatus.PENDING, 0),
    ],
)
async def test_a_claim_answered_after_its_lease_starts_nothing(
    delay: timedelta, status: JobStatus, starts: int
) -> None:
    ran.clear()
    clock = ManualClock()
    scheduler = Scheduler(slow_answers(clock, delay), clock=clock)
    handle = await scheduler.schedule(note, execution_time=clock.now())
    await scheduler.worker.steps.claim_and_start()
    await scheduler.worker.steps.finish_started()
    record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (record.status, len(ran), record.attempt_count) == (status, starts, starts)


async def test_a_job_of_a_lane_that_waits_for_the_other_claim_is_not_started_once_that_took_a_lease() -> None:
    ran.clear()
    clock = ManualClock()
    scheduler = Scheduler(slow_answers(clock, LEASE), clock=clock)
    scheduler.register_task(note, TaskOptions(limits=TaskLimits(concurrency=1)))
    await scheduler.worker.services.limits.keep()
    handle = await scheduler.schedule(note, execution_time=clock.now())
    await scheduler.schedule(another, execution_time=clock.now())  # it might come first
    await scheduler.worker.steps.claim_and_start()
    await scheduler.worker.steps.finish_started()
    record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert record.limit_key is None
    assert (record.epoch, record.status, ran) == (1, JobStatus.PENDING, [])


async def test_the_timer_for_the_next_due_job_counts_from_when_the_claim_was_asked_for() -> None:
    clock = ManualClock()
    scheduler = Scheduler(slow_answers(clock, timedelta(seconds=3)), clock=clock)
    await scheduler.schedule(note, execution_time=clock.now() + timedelta(seconds=10))
    next_due_in = (await scheduler.worker.services.claimer.claim_once()).next_due_in
    assert next_due_in == timedelta(seconds=7)


@pytest.mark.parametrize(("late_by", "starts"), [(LEASE * 0.9, 1), (LEASE, 0)])
async def test_an_attempt_whose_first_step_comes_after_its_lease_does_not_begin(
    late_by: timedelta, starts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that was claimed together with one that then held the interpreter for longer than the lease."""
    ran.clear()
    clock = ManualClock()
    scheduler = Scheduler(MemoryDriver(), clock=clock)
    handle = await scheduler.schedule(note, execution_time=clock.now())
    await scheduler.worker.services.claimer.claim_once()
    later = clock.monotonic() + late_by.total_seconds()
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    await scheduler.worker.steps.finish_started()
    record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (len(ran), record.attempt_count) == (starts, starts)


async def test_a_renewed_lease_counts_from_its_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    ran.clear()
    clock = ManualClock()
    scheduler = Scheduler(MemoryDriver(), clock=clock)
    await scheduler.schedule(note, execution_time=clock.now())
    await scheduler.worker.services.claimer.claim_once()
    later = clock.monotonic() + LEASE.total_seconds()
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    (attempt,) = scheduler.worker.services.active.attempts()
    assert scheduler.worker.services.active.is_overdue(attempt, later)
    scheduler.worker.services.active.renewed(later - 1)
    await scheduler.worker.steps.finish_started()
    assert ran == ["note"]
