"""Stopping: what runs may end, and what does not end is given back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from pg_scheduler import ConnectionLost, JobSpec, JobStatus, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.engine import worker
from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState
from tests.support.running import eventually, past, within

RELEASED = ("pending", None, None, 0)
"""Claimable at once, by anybody, and the attempt is given back."""


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stubborn jobs are given up sooner than in production."""
    monkeypatch.setattr(worker, "STOP_PATIENCE", 0.2)


async def rows(sql: asyncpg.Connection) -> set[tuple[Any, ...]]:
    found = await sql.fetch("SELECT status, worker_id, lease_until, attempt_count FROM scheduled_jobs")
    return {tuple(row) for row in found}


async def endless(number: int = 0) -> None:
    await asyncio.Event().wait()


async def test_shutdown_waits_for_running_jobs_and_starts_no_others(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    go_on, started = asyncio.Event(), []

    async def job(number: int) -> None:
        started.append(number)
        await go_on.wait()

    scheduler = Scheduler.connect(dsn, library=library, max_concurrent_jobs=2)
    await scheduler.start()
    await scheduler.schedule_bulk([JobSpec(job, past(), args=(number,)) for number in range(5)])
    await eventually(lambda: len(started) == 2)
    stopping = asyncio.create_task(scheduler.shutdown())
    await eventually(lambda: scheduler.is_shutting_down)
    go_on.set()
    await within(stopping)
    statuses = [row["status"] for row in await sql.fetch("SELECT status FROM scheduled_jobs ORDER BY status")]
    assert statuses == ["completed"] * 2 + ["pending"] * 3
    assert len(started) == 2


async def test_past_the_timeout_jobs_are_stopped_and_claimable_at_once(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    stopped: list[int] = []

    async def job(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(number)

    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.start()
    await scheduler.schedule_bulk([JobSpec(job, past(), args=(number,)) for number in range(5)])
    await eventually(lambda: len(scheduler.active_jobs) == 5)
    await within(scheduler.shutdown(timeout=0.1))
    assert sorted(stopped) == [0, 1, 2, 3, 4]
    assert await rows(sql) == {RELEASED}
    outcomes = await sql.fetch("SELECT DISTINCT outcome FROM scheduled_job_attempts")
    assert [row["outcome"] for row in outcomes] == ["released"]


async def test_a_released_job_starts_elsewhere_without_waiting_for_its_lease(
    dsn: str, library: Library
) -> None:
    runs: list[str] = []

    async def job() -> None:
        runs.append("started")
        if len(runs) == 1:
            await asyncio.Event().wait()

    one = Scheduler.connect(dsn, library=library)
    await one.start()
    handle = await one.schedule(job, execution_time=past())
    await eventually(lambda: runs)
    async with Scheduler.connect(dsn, library=library) as other:
        other.register(job)
        await within(one.shutdown(timeout=0))
        assert await other.driver.insight.job(handle) is not None
        await eventually(lambda: len(runs) == 2)


async def test_a_second_shutdown_hastens_the_first(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.start()
    await scheduler.schedule(endless, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    patient = asyncio.create_task(scheduler.shutdown(timeout=None))
    await eventually(lambda: scheduler.is_shutting_down)
    await within(scheduler.shutdown(timeout=0))
    await within(patient)
    assert await rows(sql) == {RELEASED}
    assert not scheduler.is_running


async def test_a_second_shutdown_with_more_patience_changes_nothing(
    dsn: str, sql: asyncpg.Connection
) -> None:
    scheduler = Scheduler.connect(dsn)
    await scheduler.start()
    await scheduler.schedule(endless, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    await within(asyncio.gather(scheduler.shutdown(timeout=0.1), scheduler.shutdown(timeout=600)))
    assert await rows(sql) == {RELEASED}


async def test_a_service_that_loses_a_cancellation_is_cancelled_again(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` of Python 3.11 does when it is cancelled in the moment of its success."""
    monkeypatch.setattr(worker, "CANCEL_AGAIN", 0.1)
    scheduler = Scheduler.connect(dsn)
    lost: list[str] = []

    async def forgetful() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if lost:
                raise
            lost.append("cancellation")

    monkeypatch.setattr(scheduler.worker.services.unknown_tasks, "one_round", forgetful)
    await scheduler.start()
    await within(scheduler.shutdown())
    assert lost == ["cancellation"]
    assert not scheduler.worker.running


async def test_a_shutdown_while_the_database_is_away_ends_nevertheless(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionLost("for this test")

    monkeypatch.setattr(worker, "FLUSH_PATIENCE", 0.2)
    scheduler = Scheduler.connect(dsn)
    await scheduler.start()
    await scheduler.schedule(endless, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    monkeypatch.setattr(scheduler.driver.jobs, "settle", away)
    monkeypatch.setattr(scheduler.driver.jobs, "forget_worker", away)
    await within(scheduler.shutdown(timeout=0))
    assert not scheduler.is_running


class SlowToAnswer(MemoryJobs):
    """Claims, and keeps the answer to itself."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.claimed, self.go_on = asyncio.Event(), asyncio.Event()

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        answer = await super().claim(request, now=now)
        if answer.jobs:
            self.claimed.set()
            await self.go_on.wait()
        return answer


async def test_what_a_claim_brings_after_the_patience_of_a_shutdown_is_given_back_unstarted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []

    async def job() -> None:
        started.append("job")

    monkeypatch.setattr(worker, "FLUSH_PATIENCE", 0.3)
    driver = MemoryDriver()
    store = driver.jobs = SlowToAnswer(driver.state)
    scheduler = Scheduler(driver)
    await scheduler.start()
    handle = await scheduler.schedule(job, execution_time=past())
    await within(store.claimed.wait())
    ending = asyncio.create_task(scheduler.shutdown())
    await eventually(lambda: scheduler.worker.services.claimer._given_up)
    store.go_on.set()
    await within(ending)
    record = await driver.insight.job(handle)
    assert record is not None
    assert (record.status, record.attempt_count, started) == (JobStatus.PENDING, 0, [])
