"""Whoever watches a worker is told what happens, by one method."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from pg_scheduler import InvalidInput, JobSpec, Scheduler, current_job
from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.domain.model import Progress
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.workers import WorkerWish
from pg_scheduler.ports.worker_events import (
    AttemptLost,
    AttemptsSettled,
    CancelRequested,
    DatabaseBack,
    DatabaseLost,
    JobReclaimed,
    JobsClaimed,
    JobsExpired,
    JobsStarted,
    JobsStored,
    ListeningChanged,
    ProgressStored,
    RoundFailed,
    WishFollowed,
    WorkerEvent,
    WorkerStarted,
    WorkerStopped,
)
from pg_scheduler.testing import ManualClock, MemoryDriver, drain
from tests.support.running import eventually

_E = TypeVar("_E")
LEASES = "lease keeper"


class Watching:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.events: list[WorkerEvent] = []

    def observe(self, event: WorkerEvent) -> None:
        self.events.append(event)

    def of(self, kind: type[_E]) -> list[_E]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def watching() -> Watching:
    return Watching()


async def fine() -> None: ...


async def long() -> None:
    await asyncio.Event().wait()


async def test_a_job_is_told_of_when_it_is_stored_begins_and_is_settled(
    clock: ManualClock, watching: Watching
) -> None:
    scheduler = Scheduler(MemoryDriver(), clock=clock, observers=[watching])
    handles = await scheduler.schedule_bulk([JobSpec(fine, clock.now()) for _ in range(2)])
    await clock.advance(3)
    await drain(scheduler)
    ids = [str(handle) for handle in handles]
    (stored,), (started,) = watching.of(JobsStored), watching.of(JobsStarted)
    (settled,) = watching.of(AttemptsSettled)
    assert [job.job_id for job in stored.jobs] == ids
    assert [job.job_id for job in started.jobs] == ids
    assert started.lag(started.jobs[0]) == timedelta(seconds=3)
    assert [(one.job.job_id, one.verdict.event) for one in settled.attempts] == [
        (job_id, JobEvent.COMPLETE) for job_id in ids
    ]
    assert all(one.accepted and one.began for one in settled.attempts)


async def test_a_duplicate_that_is_ignored_has_not_been_stored(watching: Watching) -> None:
    scheduler = Scheduler(MemoryDriver(), observers=[watching])
    for _ in range(2):
        await scheduler.using(deduplicate=True).enqueue(fine)
    (stored,) = watching.of(JobsStored)
    assert len(stored.jobs) == 1


async def test_a_worker_says_when_it_starts_listens_and_stops(clock: ManualClock, watching: Watching) -> None:
    scheduler = Scheduler(MemoryDriver(), clock=clock, observers=[watching])
    async with scheduler:
        await eventually(lambda: watching.of(ListeningChanged))
    lives = [*watching.of(WorkerStarted), *watching.of(ListeningChanged), *watching.of(WorkerStopped)]
    assert [event for event in watching.events if event in lives] == [
        WorkerStarted(scheduler.worker_id),
        ListeningChanged(True),
        ListeningChanged(False),
        WorkerStopped(scheduler.worker_id),
    ]


async def test_what_expired_and_what_is_to_be_cancelled_is_told(
    clock: ManualClock, watching: Watching
) -> None:
    scheduler = Scheduler(MemoryDriver(), clock=clock, observers=[watching])
    (late,) = await scheduler.schedule_bulk(
        [JobSpec(fine, clock.now() - timedelta(hours=1), misfire_grace_time=5)]
    )
    async with scheduler:
        await eventually(lambda: watching.of(JobsExpired))
        handle = await scheduler.enqueue(long)
        await eventually(lambda: scheduler.active_jobs)
        await scheduler.cancel_job(str(handle))
        await eventually(lambda: watching.of(AttemptsSettled))
    assert watching.of(JobsExpired) == [JobsExpired((str(late),))]
    assert [event.job.job_id for event in watching.of(CancelRequested)] == [str(handle)]


async def test_a_lost_lease_is_told_by_both_workers(clock: ManualClock, watching: Watching) -> None:
    driver = MemoryDriver()
    other = Watching()
    async with Scheduler(driver, clock=clock, observers=[watching]) as scheduler:
        handle = await scheduler.enqueue(long)
        await eventually(lambda: scheduler.active_jobs)
        driver.state.jobs[str(handle)].lease_until = clock.now() - timedelta(seconds=1)
        rescuer = Scheduler(driver, clock=clock, observers=[other])
        await rescuer.worker.services.reclaimer.reclaim_once(force=True)
        await scheduler.worker.services.lease_keeper.renew_now()
        await eventually(lambda: watching.of(AttemptLost))
        assert [event.job.job_id for event in watching.of(AttemptLost)] == [str(handle)]
    (taken,) = other.of(JobReclaimed)
    assert (taken.job_id, taken.worker_id, taken.status, taken.crash_count) == (
        str(handle),
        scheduler.worker_id,
        JobStatus.PENDING,
        1,
    )


async def test_a_round_that_fails_is_told_with_its_error(
    clock: ManualClock, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = MemoryDriver()

    async def away(*args: Any, **options: Any) -> Any:
        raise ConnectionLost("away")

    monkeypatch.setattr(driver.jobs, "renew", away)
    monkeypatch.setattr(driver.jobs, "claim", away)
    scheduler = Scheduler(driver, clock=clock, observers=[watching])
    scheduler.register(fine)
    async with scheduler:
        await eventually(lambda: {one.service for one in watching.of(RoundFailed)} >= {"claimer", LEASES})
        monkeypatch.undo()
        await clock.advance(60)
        await eventually(lambda: watching.of(DatabaseBack))
    (lost,), (back,) = watching.of(DatabaseLost), watching.of(DatabaseBack)
    assert type(lost.error) is ConnectionLost
    assert 0 <= back.after <= 60
    assert {type(one.error) for one in watching.of(RoundFailed)} == {ConnectionLost}


async def test_what_is_claimed_reported_and_wished_is_told(clock: ManualClock, watching: Watching) -> None:
    async def half() -> None:
        current_job().progress(1, 2)
        await asyncio.Event().wait()

    scheduler = Scheduler(MemoryDriver(), clock=clock, observers=[watching])
    async with scheduler:
        handle = await scheduler.enqueue(half)
        await eventually(lambda: watching.of(ProgressStored))
        await scheduler.quiet_worker(scheduler.worker_id)
        await eventually(lambda: watching.of(WishFollowed))
    assert [job.job_id for one in watching.of(JobsClaimed) for job in one.jobs] == [str(handle)]
    assert watching.of(ProgressStored) == [ProgressStored({str(handle): Progress(1, 2)})]
    assert watching.of(WishFollowed) == [WishFollowed(scheduler.worker_id, WorkerWish.QUIET)]


async def test_one_that_raises_harms_neither_jobs_nor_the_others(watching: Watching) -> None:
    class Broken:
        def observe(self, event: WorkerEvent) -> None:
            raise ValueError("no")

    scheduler = Scheduler(MemoryDriver(), observers=[Broken(), watching])
    handle = await scheduler.enqueue(fine)
    await drain(scheduler)
    assert await handle.status() == "completed"
    assert watching.of(AttemptsSettled)


def test_one_without_any_method_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"observers: .* would never be told anything"):
        Scheduler(MemoryDriver(), observers=[object()])  # type: ignore[list-item]
