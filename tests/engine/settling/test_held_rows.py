"""A transaction of somebody's that holds a job's row holds up the end of that job, and of no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import asyncpg
import psycopg
import pytest

from pg_scheduler import JobHandle, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.errors import JobFailed
from pg_scheduler.engine.settling import settler
from pg_scheduler.ports.claims import ClaimRequest
from tests.support.running import eventually, idle, past, within

RUNNING = "SELECT status = 'running' FROM scheduled_jobs WHERE job_id = $1"


class Jobs:
    """Two jobs that run until they are let go."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.let_go = asyncio.Event()
        self.begun = 0

    async def work(self, fails: bool) -> None:
        self.begun += 1
        await self.let_go.wait()
        if fails:
            raise ValueError("as it should")

    async def start(self, fails: bool) -> tuple[JobHandle, JobHandle]:
        self.scheduler.register(self.work, name="work")
        held = await self.scheduler.schedule(self.work, execution_time=past(), args=(fails,))
        other = await self.scheduler.schedule(self.work, execution_time=past(), args=(fails,))
        await eventually(lambda: self.begun == 2)
        return held, other


@pytest.fixture
async def jobs(dsn: str, library: Library) -> AsyncIterator[Jobs]:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        yield Jobs(scheduler)


@asynccontextmanager
async def holding(sql: asyncpg.Connection, job_id: str) -> AsyncIterator[None]:
    """A transaction that asked to cancel the job, and is rolled back in the end."""
    transaction = sql.transaction()
    await transaction.start()
    try:
        await sql.execute("UPDATE scheduled_jobs SET cancel_requested_at = now() WHERE job_id = $1", job_id)
        yield
    finally:
        await transaction.rollback()


async def ended(handle: JobHandle, fails: bool) -> None:
    if fails:
        with pytest.raises(JobFailed):
            await handle.result(timeout=45)
    else:
        assert await handle.wait(timeout=45) == "completed"


@pytest.mark.parametrize("fails", [False, True], ids=["completed", "failed"])
async def test_other_verdicts_do_not_wait(jobs: Jobs, sql: asyncpg.Connection, fails: bool) -> None:
    held, other = await jobs.start(fails)
    async with holding(sql, held):
        jobs.let_go.set()
        await ended(other, fails)
        third = await jobs.scheduler.schedule(jobs.work, execution_time=past(), args=(fails,))
        await ended(third, fails)
        assert await sql.fetchval(RUNNING, held)
    await ended(held, fails)
    assert jobs.begun == 3, "nothing ran twice"


async def test_what_waits_for_long_is_told(
    jobs: Jobs, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settler, "TELLING", 2)
    caplog.set_level(logging.WARNING, "pg_scheduler")
    held, _ = await jobs.start(False)
    async with holding(sql, held):
        jobs.let_go.set()
        await eventually(lambda: "open transaction" in caplog.text)
    await ended(held, False)
    (told,) = [one for one in caplog.records if "open transaction" in one.getMessage()]
    assert vars(told)["job_ids"] == [held]


async def test_a_completion_of_ones_own_waits_for_the_row(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """What settles passes over held rows; a function that completes its job waits for them."""
    async with Scheduler.connect(dsn, library=library) as scheduler:
        begun, go = asyncio.Event(), asyncio.Event()
        runs = 0

        async def pay() -> None:
            nonlocal runs
            runs += 1
            begun.set()
            await go.wait()
            await _complete(dsn, library)

        handle = await scheduler.schedule(pay, execution_time=past())
        await within(begun.wait())
        async with holding(sql, handle):
            go.set()
            await asyncio.sleep(0.3)
            assert await sql.fetchval(RUNNING, handle)
        assert await handle.wait(timeout=45) == "completed"
        assert runs == 1


async def _complete(dsn: str, library: Library) -> None:
    from pg_scheduler import current_job

    connection: Any
    if library == "asyncpg":
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                await current_job().complete_in(connection)
        finally:
            await connection.close()
    else:
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            await connection.execute("SELECT 1")
            await current_job().complete_in(connection)


async def test_a_job_of_a_lost_claim_that_somebody_holds_is_given_back_later(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """Its lease would run out else, and that would count as a crash."""
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:

        async def work() -> None: ...

        handle = await scheduler.schedule(work, execution_time=past())
        claimer = scheduler.worker.services.claimer
        request = ClaimRequest(scheduler.worker_id, {scheduler.task_for(work).name}, 1, timedelta(seconds=60))
        with suppress(RuntimeError):
            async with claimer.claiming():
                await scheduler.driver.jobs.claim(request)
                raise RuntimeError("lost on the way")
        async with holding(sql, handle):
            await claimer.release_orphaned_claims()
            assert await sql.fetchval(RUNNING, handle)
        await claimer.release_orphaned_claims()
        assert not await sql.fetchval(RUNNING, handle)
