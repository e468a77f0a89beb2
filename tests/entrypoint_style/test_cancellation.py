"""Cancelling: what is asked, what really happened, and what the row says."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from pg_scheduler import Context, Job, JobFailed, JobStatus, PgQueuer, Queries
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.job_store import CancelAnswer
from tests.entrypoint_style.conftest import MakeApp
from tests.support.running import eventually, within

pytestmark = pytest.mark.slow_with("psycopg")


async def test_each_id_meets_what_it_meets(pgq: PgQueuer, client: Queries) -> None:
    started = asyncio.Event()

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        if job.payload:
            started.set()
            await asyncio.sleep(3600)

    done, running = await client.enqueue("work", [None, b"wait"])
    (queued,) = await client.enqueue("nobody knows")
    async with pgq:
        await done.wait(20)
        await within(started.wait())
        assert await client.mark_job_as_cancelled([queued, running, done, "no such job"]) == [
            CancelAnswer.CANCELLED,
            CancelAnswer.REQUESTED,
            CancelAnswer.FINISHED,
            CancelAnswer.UNKNOWN,
        ]
        assert await running.wait(20) is JobStatus.CANCELLED
    assert await queued.status() is JobStatus.CANCELLED
    assert await done.status() is JobStatus.COMPLETED
    assert await client.mark_job_as_cancelled([]) == []


async def test_the_block_ends_and_the_handler_goes_on(pgq: PgQueuer, client: Queries) -> None:
    steps = []

    async def fail() -> None:
        raise OSError("a part of the clean-up fails")

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        with pgq.qm.get_context(job.id).cancellation as scope:
            steps.append("begun")
            await asyncio.sleep(3600)
            steps.append("never")
        assert scope.cancel_called
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0, "answered: timeouts and task groups may be used again"
        await asyncio.sleep(0)  # cleaning up may take its time
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await asyncio.sleep(3600)
        except* OSError:
            steps.append("cleaned up")

    (handle,) = await client.enqueue("work")
    async with pgq:
        await eventually(lambda: steps)
        await client.mark_job_as_cancelled(handle)
        assert await handle.wait(20) is JobStatus.CANCELLED
    assert steps == ["begun", "cleaned up"]


async def test_a_plain_function_reads_that_it_should_stop(pgq: PgQueuer, client: Queries) -> None:
    started, stopped = threading.Event(), threading.Event()

    @pgq.entrypoint("work")
    def work(job: Job) -> None:
        scope = pgq.get_context(job.id).cancellation
        started.set()
        while not scope.cancel_called:
            stopped.wait(0.01)
        stopped.set()

    (handle,) = await client.enqueue("work")
    async with pgq:
        await eventually(started.is_set)
        await client.mark_job_as_cancelled(handle)
        assert await handle.wait(20) is JobStatus.CANCELLED
    assert stopped.is_set()


async def test_a_handler_that_finishes_anyway_is_completed(pgq: PgQueuer, client: Queries) -> None:
    started = []
    gate = threading.Event()

    @pgq.entrypoint("stubborn")
    async def stubborn(job: Job) -> str:
        started.append(job.id)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "done all the same"
        return "early"

    @pgq.entrypoint("deaf")
    def deaf(job: Job) -> str:
        started.append(job.id)
        gate.wait(20)
        return "done all the same"

    handles = await client.enqueue(["stubborn", "deaf"], store_result=True)
    async with pgq:
        await eventually(lambda: len(started) == 2)
        await client.mark_job_as_cancelled(handles)
        assert await handles[0].result(20) == "done all the same"
        gate.set()
        assert await handles[1].result(20) == "done all the same"


async def test_a_cancelled_job_whose_worker_crashed_ends_cancelled(pgq: PgQueuer, client: Queries) -> None:
    ran = []

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        ran.append(job.id)

    (handle,) = await client.enqueue("work")
    lost = ClaimRequest("gone worker", (), 1, timedelta(seconds=0.2))
    assert await client.driver.jobs.claim_job(handle, lost) is not None
    assert await client.mark_job_as_cancelled(handle) == [CancelAnswer.REQUESTED]
    async with pgq:
        assert await handle.wait(20) is JobStatus.CANCELLED
    assert ran == []


async def test_a_timeout_within_the_block_is_a_failure_not_a_cancellation(
    pgq: PgQueuer, client: Queries
) -> None:
    after = []

    @pgq.entrypoint("slow", timeout=0.1, accepts_context=True)
    async def slow(job: Job, context: Context) -> None:
        with context.cancellation:
            await asyncio.sleep(3600)
        after.append(job.id)

    (handle,) = await client.enqueue("slow")
    async with pgq:
        with pytest.raises(JobFailed, match="JobTimeout"):
            await handle.result(20)
    assert after == [handle]


async def test_a_shutdown_within_the_block_gives_the_job_back(app: MakeApp, client: Queries) -> None:
    first, second = app(), app()
    started, after = asyncio.Event(), []

    @first.entrypoint("long", accepts_context=True)
    async def long(job: Job, context: Context) -> None:
        started.set()
        with context.cancellation:
            await asyncio.sleep(3600)
        after.append(job.id)

    @second.entrypoint("long")
    async def short(job: Job) -> None: ...

    (handle,) = await client.enqueue("long")
    await first.scheduler.start()
    await within(started.wait())
    await first.shutdown(0)
    assert after == [handle]
    assert await handle.status() is JobStatus.PENDING
    async with second:
        assert await handle.wait(20) is JobStatus.COMPLETED


async def test_an_error_of_the_handlers_own_passes_through_the_block(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("work", accepts_context=True)
    async def work(job: Job, context: Context) -> None:
        with context.cancellation:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(3600)

    (handle,) = await client.enqueue("work")
    async with pgq:
        with pytest.raises(JobFailed, match="TimeoutError"):
            await handle.result(20)
