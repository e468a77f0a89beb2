"""The engine's steps, for people who drive them themselves."""

from __future__ import annotations

import asyncio
import logging

import asyncpg
import pytest

from pg_scheduler import InvalidTransition, JobNotFound, JobStatus, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.states import OVERRIDES, transition
from tests.support.running import HastyScheduler, eventually, idle, later, past, within


async def nothing() -> None: ...


async def test_a_job_is_executed_by_its_row_by_its_id_and_as_claimed(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    ran: list[int] = []

    async def job(number: int) -> None:
        ran.append(number)

    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        for number in range(3):
            await scheduler.schedule(job, execution_time=past(), args=(number,), job_id=f"job-{number}")
        await scheduler.execute_job("job-0")
        row = await sql.fetchrow("SELECT * FROM scheduled_jobs WHERE job_id = 'job-1'")
        await scheduler.execute_job(row)
        await scheduler.execute_job_with_concurrency_control({"job_id": "job-2"})
        assert ran == [0, 1, 2]
        statuses = await sql.fetch("SELECT DISTINCT status FROM scheduled_jobs")
    assert [row["status"] for row in statuses] == ["completed"]


async def test_a_job_that_is_not_due_yet_can_be_executed_now(dsn: str) -> None:
    async with idle(Scheduler.connect(dsn)) as scheduler:
        handle = await scheduler.schedule(nothing, execution_time=later())
        await scheduler.execute_job(handle)
        assert await handle.status() == "completed"


async def test_executing_what_is_not_pending_does_nothing(dsn: str, sql: asyncpg.Connection) -> None:
    async with idle(Scheduler.connect(dsn)) as scheduler:
        handle = await scheduler.schedule(nothing, execution_time=past())
        await scheduler.execute_job(handle)
        await scheduler.execute_job(handle)
        await scheduler.execute_job("never-heard-of")
    assert await sql.fetchval("SELECT attempt_count FROM scheduled_jobs") == 1


async def test_executing_one_job_does_not_wait_for_the_others(dsn: str) -> None:
    go_on = asyncio.Event()

    async def waits() -> None:
        await go_on.wait()

    async with Scheduler.connect(dsn) as scheduler:
        other = await scheduler.schedule(waits, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        handle = await scheduler.schedule(nothing, execution_time=later())
        await within(scheduler.execute_job(handle))
        assert await handle.status() == "completed"
        assert await other.status() == "running"
        go_on.set()


async def test_jobs_executed_side_by_side_are_each_settled_once(
    dsn: str, library: Library, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async def job(number: int) -> None:
        await asyncio.sleep(number / 1000)

    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        ids = [f"job-{number}" for number in range(30)]
        for number, job_id in enumerate(ids):
            await scheduler.schedule(job, execution_time=past(), args=(number,), job_id=job_id)
        with caplog.at_level(logging.WARNING, "pg_scheduler.engine.settling.settler"):
            await within(asyncio.gather(*(scheduler.execute_job(job_id) for job_id in ids)))
    assert caplog.records == []
    statuses = await sql.fetch("SELECT status, count(*) FROM scheduled_jobs GROUP BY status")
    assert [tuple(row) for row in statuses] == [("completed", 30)]


async def test_listening_for_jobs_runs_them_until_it_is_shut_down(dsn: str, library: Library) -> None:
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        listening = asyncio.create_task(scheduler.listen_for_jobs())
        handle = await scheduler.schedule(nothing, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"
        assert not listening.done()
        await within(scheduler.shutdown())
        await within(listening)


@pytest.mark.parametrize("loop", ["periodic_orphan_recovery", "monitor_heartbeats"])
async def test_the_recovery_loops_take_back_lost_jobs_until_cancelled(
    dsn: str, sql: asyncpg.Connection, loop: str
) -> None:
    async with idle(HastyScheduler.connect(dsn)) as scheduler:
        recovering = asyncio.create_task(getattr(scheduler, loop)())
        for number in range(2):
            await sql.execute(
                "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, lease_until)"
                " VALUES ($1, 'somebody:elses', now(), 'running', now() - interval '1 second')",
                f"lost-{number}",
            )
            pending = "SELECT bool_and(status = 'pending') FROM scheduled_jobs"
            await eventually(lambda: sql.fetchval(pending))  # noqa: B023 - asked before the next round
        recovering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await recovering


@pytest.mark.parametrize("wanted", list(JobStatus))
@pytest.mark.parametrize("current", list(JobStatus))
async def test_a_status_set_by_hand_goes_through_the_state_machine(
    client: Scheduler, sql: asyncpg.Connection, current: JobStatus, wanted: JobStatus
) -> None:
    await sql.execute(
        "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, worker_id, lease_until)"
        " VALUES ('job', 'some:task', now(), $1, 'owner', now() + interval '1 hour')",
        str(current),
    )
    event = OVERRIDES.get(wanted)
    step = transition(current, event) if event else None
    before = await sql.fetchval("SELECT epoch FROM scheduled_jobs")
    if current is wanted:
        await client.update_job_status("job", wanted)
    elif step is None:
        with pytest.raises(InvalidTransition, match=f"is {current}: it cannot be set to {wanted}"):
            await client.update_job_status("job", wanted)
    else:
        await client.update_job_status("job", str(wanted))
    row = await sql.fetchrow("SELECT status, epoch FROM scheduled_jobs")
    changed = step is not None and current is not wanted
    assert row["status"] == (step.target if changed and step else current)
    assert row["epoch"] - before == (1 if changed and step and step.bumps_epoch else 0)


async def test_the_status_of_an_unknown_job_cannot_be_set(client: Scheduler) -> None:
    with pytest.raises(JobNotFound, match="never-heard-of"):
        await client.update_job_status("never-heard-of", "failed")


async def test_a_reopened_job_runs_again_from_the_start(dsn: str, library: Library) -> None:
    tries: list[int] = []

    async def job() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "failed"
        await scheduler.update_job_status(handle, "pending")
        assert await handle.wait(timeout=45) == "completed"
        record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (record.attempt_count, record.retry_count, record.error_message) == (1, 0, None)
