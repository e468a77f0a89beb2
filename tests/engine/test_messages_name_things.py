"""What a worker says names the job, the task or the reason in its text: without logging set up, or with a
formatter of one's own, nobody sees `extra`."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from pg_scheduler import ConnectionLost, Scheduler
from pg_scheduler.engine.service import keep_running
from pg_scheduler.testing import ManualClock, MemoryDriver, drain

CLOCK = ManualClock()


@pytest.fixture(autouse=True)
def every_level(caplog: pytest.LogCaptureFixture) -> None:
    """All of it."""
    caplog.set_level(logging.DEBUG, "pg_scheduler")


async def nothing() -> None:
    """Completes."""


async def test_a_task_that_nobody_here_knows(caplog: pytest.LogCaptureFixture) -> None:
    async with Scheduler(MemoryDriver()) as scheduler:
        await scheduler.schedule_job("shop:bill", scheduler.clock.now() - timedelta(1), None)
        await scheduler.worker.services.unknown_tasks.report()
    assert "task 'shop:bill' is not known to this worker, and 1 due jobs wait for it" in caplog.text


async def test_a_job_that_was_not_started_in_time(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Scheduler(MemoryDriver(), clock=CLOCK)
    late = CLOCK.now() - timedelta(hours=1)
    await scheduler.schedule(nothing, execution_time=late, misfire_grace_time=5, job_id="bill-7")
    await drain(scheduler)
    assert "job 'bill-7' expired: not started within its grace" in caplog.text


async def test_a_database_that_is_out_of_reach(caplog: pytest.LogCaptureFixture) -> None:
    paused = asyncio.Event()

    class Pausing(ManualClock):
        async def sleep(self, seconds: float) -> None:
            paused.set()
            await asyncio.Event().wait()

    async def one_round() -> None:
        raise ConnectionLost("connection refused by db.example.org")

    running = asyncio.create_task(keep_running("pruner", one_round, Pausing()))
    await asyncio.wait_for(paused.wait(), 20)
    running.cancel()
    assert "the database is unreachable; retrying: connection refused by db.example.org" in caplog.text


async def test_a_worker_that_starts_and_stops(caplog: pytest.LogCaptureFixture) -> None:
    async with Scheduler(MemoryDriver()) as scheduler:
        worker = scheduler.worker_id
    for said in (f"worker started: {worker}", f"worker stopped: {worker}"):
        assert said in caplog.messages
