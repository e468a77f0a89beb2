"""Real transactions: savepoints, late commits, locks that are held for long, and a killed worker."""

from __future__ import annotations

import asyncio
import logging
import signal
from functools import partial
from pathlib import Path

import asyncpg
import psycopg
import pytest

from pg_scheduler import JobHandle, JobStatus, Scheduler, current_job
from pg_scheduler.client.source import Library
from tests.engine.completions.conftest import Stage
from tests.support import jobs
from tests.support.jobs import notes
from tests.support.processes import WorkerProcess
from tests.support.running import HastyScheduler, eventually, idle, past, within


async def status_of(scheduler: Scheduler, handle: str) -> tuple[JobStatus, int]:
    """Status and crash count."""
    record = await scheduler.driver.insight.job(handle)
    assert record is not None
    return record.status, record.crash_count


async def test_outside_a_transaction_it_is_refused_before_anything_is_written(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async def job() -> None:
        if library == "asyncpg":
            connection = await asyncpg.connect(dsn)
        else:
            connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
        try:
            await current_job().complete_in(connection)
        finally:
            await connection.close()

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) is JobStatus.FAILED
    said = await sql.fetchval("SELECT error_message FROM scheduled_jobs")
    assert said.startswith("InvalidInput: connection: has no transaction open")


async def test_a_job_completes_on_a_connection_of_the_other_library(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async def job() -> None:
        if library == "psycopg":
            async with sql.transaction():
                await current_job().complete_in(sql)
        else:
            async with await psycopg.AsyncConnection.connect(dsn) as connection:
                await current_job().complete_in(connection)

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED


async def test_a_savepoint_that_is_rolled_back_takes_the_completion_with_it(database: Stage) -> None:
    """Though the transaction around it is committed."""

    async def job() -> None:
        async with database.transaction() as connection:
            await database.have_effect(connection, "kept")
            try:
                async with connection.transaction():
                    await database.have_effect(connection, "undone")
                    await current_job().complete_in(connection)
                    raise OSError
            except OSError:
                pass
        raise ValueError("the ordinary verdict applies")

    async with database.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) is JobStatus.FAILED
    assert await database.effects() == ["kept"]


async def test_a_savepoint_that_is_kept_completes_with_its_transaction(database: Stage) -> None:
    ran: list[int] = []

    async def job() -> None:
        ran.append(1)
        async with database.transaction() as connection:
            async with connection.transaction():
                await current_job().complete_in(connection)
            await database.have_effect(connection, "after the savepoint")
        raise ValueError("too late")

    async with database.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), max_retries=1)
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
        await within(scheduler.worker.steps.wait_drained())
    assert (ran, await database.effects()) == ([1], ["after the savepoint"])


@pytest.mark.parametrize("committed", [True, False])
async def test_a_transaction_that_outlives_the_function_is_waited_for(
    database: Stage, committed: bool
) -> None:
    """Neither is the verdict guessed, nor do the worker's other jobs wait."""
    gate, waiting = asyncio.Event(), []

    async def elsewhere(written: asyncio.Future[None], context: object) -> None:
        async with database.transaction() as connection:
            await context.complete_in(connection)  # type: ignore[attr-defined]
            written.set_result(None)
            await gate.wait()
            if not committed:
                raise OSError

    async def job() -> None:
        written = asyncio.get_running_loop().create_future()
        waiting.append(asyncio.create_task(elsewhere(written, current_job())))
        await written
        raise ValueError("nobody knows yet whether this counts")

    async def other() -> None:
        pass

    async with database.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        await eventually(lambda: bool(waiting))
        ordinary = await scheduler.schedule(other, execution_time=past())
        assert await ordinary.wait(timeout=45) is JobStatus.COMPLETED
        assert await handle.status() is JobStatus.RUNNING
        gate.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        wanted = JobStatus.COMPLETED if committed else JobStatus.FAILED
        assert await handle.wait(timeout=45) is wanted


async def test_an_open_transaction_on_one_job_costs_no_other_job_its_lease(
    dsn: str, library: Library, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """The row is locked for more than a lease: its renewal must not hold up the others'."""
    gate = asyncio.Event()

    async def job() -> None:
        await gate.wait()

    leases_over = (
        "SELECT now() > (SELECT max(lease_until) FROM scheduled_jobs WHERE job_id = $1) + interval '0.5 s'"
    )
    async with HastyScheduler.connect(dsn, library=library) as scheduler:
        locked = await scheduler.schedule(job, execution_time=past())
        other = await scheduler.schedule(job, execution_time=past())
        for handle in (locked, other):
            await eventually(partial(is_running, handle))
        holder = await asyncpg.connect(dsn)
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM scheduled_jobs WHERE job_id = $1 FOR UPDATE", str(locked))
        await eventually(lambda: sql.fetchval(leases_over, str(locked)))
        assert await status_of(scheduler, other) == (JobStatus.RUNNING, 0)
        await transaction.rollback()
        await holder.close()
        gate.set()
        for handle in (locked, other):
            assert await handle.wait(timeout=45) is JobStatus.COMPLETED
        assert await status_of(scheduler, other) == (JobStatus.COMPLETED, 0)
    assert f"{other}" not in [getattr(one, "job_id", "") for one in caplog.records if one.levelno > 20]


async def is_running(handle: JobHandle) -> bool:
    return await handle.status() is JobStatus.RUNNING


async def test_a_job_that_somebody_else_has_claimed_cannot_be_completed(database: Stage) -> None:
    """The lease ran out, another worker has it: what this attempt wrote is undone."""
    refused = asyncio.Event()

    async def job() -> None:
        context = current_job()
        async with database.transaction() as connection:
            await database.have_effect(connection, "of the stale attempt")
            await database.sql(
                "UPDATE scheduled_jobs SET status = 'running', epoch = epoch + 1, worker_id = 'another'"
            )
            try:
                await context.complete_in(connection)
            except Exception:
                refused.set()
                raise

    async with database.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        await within(refused.wait())
        record = await scheduler.driver.insight.job(handle)
        assert record is not None
        assert (record.worker_id, record.status) == ("another", JobStatus.RUNNING)
    assert await database.effects() == []


async def test_a_worker_killed_between_the_commit_and_its_return_does_not_run_the_job_again(
    database: Stage, dsn: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with idle(database.scheduler()) as client:
        handle = await client.schedule(
            jobs.commit_and_hang, execution_time=past(), args=(str(log), database.dsn, database.library)
        )
        async with WorkerProcess(database.dsn, database.library, lease=1) as worker:
            await eventually(lambda: notes(log, "committed"))
            worker.send(signal.SIGKILL)
            await worker.finished()
        assert await handle.status() is JobStatus.COMPLETED
        async with WorkerProcess(database.dsn, database.library, lease=1):
            # The control: killed before its commit, the same job runs again, and its effect is there once.
            again = await client.schedule(
                jobs.die_before_commit, execution_time=past(), args=(str(log), database.dsn, database.library)
            )
            async with WorkerProcess(database.dsn, database.library, lease=1):
                assert await again.wait(timeout=30) is JobStatus.COMPLETED
        assert await status_of(client, handle) == (JobStatus.COMPLETED, 0)
        assert (await status_of(client, again))[1] == 1
    assert len(notes(log, "started")) == 1
    assert sorted(await database.effects()) == ["committed and hung", "died once"]


async def test_cancelling_in_an_open_transaction_costs_no_other_job_its_lease(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """The same for `cancel_job(connection=)` of a running job."""
    gate = asyncio.Event()

    async def job() -> None:
        await gate.wait()

    async with HastyScheduler.connect(dsn, library="asyncpg") as scheduler:
        cancelled = await scheduler.schedule(job, execution_time=past())
        other = await scheduler.schedule(job, execution_time=past())
        for handle in (cancelled, other):
            await eventually(partial(is_running, handle))
        transaction = sql.transaction()
        await transaction.start()
        assert await scheduler.cancel_job(cancelled, connection=sql)
        until = await sql.fetchval("SELECT max(lease_until) FROM scheduled_jobs")
        looker = await asyncpg.connect(dsn)
        await eventually(lambda: looker.fetchval("SELECT now() > $1::timestamptz + interval '0.5 s'", until))
        await looker.close()
        await transaction.commit()
        assert await cancelled.wait(timeout=45) is JobStatus.CANCELLED
        gate.set()
        assert await other.wait(timeout=45) is JobStatus.COMPLETED
        assert await status_of(scheduler, other) == (JobStatus.COMPLETED, 0)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="pg_scheduler")


async def test_a_completed_job_whose_function_goes_on_has_not_lost_its_lease(
    database: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Its row is not running any more, which is what a lost lease looks like."""
    committed, renewed = asyncio.Event(), asyncio.Event()

    class Watching:
        def job_started(self, job: object) -> None: ...

        def job_settled(self, *settled: object) -> None: ...

        def pass_finished(self, service: str) -> None:
            if service == "lease keeper" and committed.is_set():
                renewed.set()

    async def job() -> None:
        async with database.transaction() as connection:
            await current_job().complete_in(connection)
        committed.set()
        for _ in range(2):
            await within(renewed.wait())
            renewed.clear()
        await database.sql("INSERT INTO effects VALUES ('went on')")

    async with database.scheduler(observers=[Watching()]) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
        await within(scheduler.worker.steps.wait_drained())
    assert await database.effects() == ["went on"]
    assert "lease lost" not in caplog.text
