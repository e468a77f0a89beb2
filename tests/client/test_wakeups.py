"""What a client changes, the worker of its process hears at once; this one neither listens nor polls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from pg_scheduler import Job, PgQueuer, PollingConfig
from pg_scheduler.testing import MemoryDriver
from tests.client.standing import LongLease, StandingClock
from tests.support.running import eventually, past, within


@pytest.fixture
async def pgq() -> AsyncIterator[PgQueuer]:
    """An application that only its own clients wake; the test starts it."""
    deaf = PollingConfig(interval_without_listen=50, listen=False)
    app = PgQueuer(
        LongLease(MemoryDriver(), clock=StandingClock(), polling_config=deaf, periodic_jobs_enabled=False)
    )
    yield app
    await app.shutdown(0)


async def test_jobs_of_a_resumed_queue_start_at_once(pgq: PgQueuer) -> None:
    ran: list[str] = []

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        ran.append(job.id)

    await pgq.queries.pause_task("work")
    (job_id,) = await pgq.queries.enqueue("work")
    await pgq.scheduler.start()
    await eventually(lambda: pgq.scheduler.worker.services.claimer.empty_polls > 0)
    assert ran == []
    await pgq.queries.resume_task("work")
    await eventually(lambda: ran == [job_id])


async def test_jobs_of_a_limited_task_start_at_once(pgq: PgQueuer) -> None:
    ran: list[str] = []

    @pgq.entrypoint("work", concurrency_limit=1)
    async def work(job: Job) -> None:
        ran.append(job.id)

    await pgq.scheduler.start()
    for number in (1, 2, 3):
        (handle,) = await pgq.queries.enqueue("work")
        await within(handle.wait())
        assert len(ran) == number


@pytest.mark.parametrize("status", ["failed", "completed", "pending", "cancelled"])
async def test_a_running_job_that_is_moved_by_hand_is_stopped_at_once(pgq: PgQueuer, status: str) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    @pgq.entrypoint("hang")
    async def hang(job: Job) -> None:
        if started.is_set():
            return
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    await pgq.scheduler.start()
    job_id = await pgq.scheduler.schedule("hang", execution_time=past())
    await within(started.wait())
    await pgq.scheduler.update_job_status(job_id, status)
    await within(stopped.wait())


@pytest.mark.parametrize("enabled", [True, False], ids=["added", "resumed"])
async def test_a_schedule_that_is_added_or_resumed_runs_at_its_next_window(
    pgq: PgQueuer, enabled: bool
) -> None:
    ran = asyncio.Event()

    async def tick() -> None:
        ran.set()

    scheduler = pgq.scheduler
    scheduler.register(tick, name="tick")
    if not enabled:
        await scheduler.add_schedule("tick", key="tick", every=timedelta(seconds=1), enabled=False)
    await scheduler.start()
    await eventually(lambda: pgq.scheduler.worker.services.claimer.empty_polls > 0)
    if enabled:
        await scheduler.add_schedule("tick", every=timedelta(seconds=1))
    else:
        await scheduler.resume_schedule("tick")
    await within(ran.wait())
