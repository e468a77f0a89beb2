"""Progress: said from anywhere within a job, read from its handle."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pg_scheduler import Context, InvalidInput, Job, JobStatus, PgQueuer, Queries
from pg_scheduler.engine.running import progress_writer as progress
from tests.support.running import eventually, within


@pytest.fixture(autouse=True)
def _written_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.05)


async def test_progress_is_readable_while_the_job_runs(pgq: PgQueuer, client: Queries) -> None:
    gate, thread_gate = asyncio.Event(), threading.Event()

    @pgq.entrypoint("async", accepts_context=True)
    async def work(job: Job, context: Context) -> None:
        context.progress(1)
        context.progress(3, 10)
        await gate.wait()

    @pgq.entrypoint("thread")
    def thread(job: Job) -> None:
        pgq.get_context(job.id).progress(0.5, 2)
        thread_gate.wait(20)

    first, second = await client.enqueue(["async", "thread"])
    assert await first.progress() is None

    async def told() -> bool:
        said = [await first.progress(), await second.progress()]
        return [one and (one.done, one.total) for one in said] == [(3, 10), (0.5, 2)]

    async with pgq:
        await eventually(told)
        gate.set()
        thread_gate.set()
        assert [await first.wait(20), await second.wait(20)] == [JobStatus.COMPLETED] * 2


async def test_the_last_word_is_kept_even_if_the_job_ends_at_once(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("work", accepts_context=True)
    async def work(job: Job, context: Context) -> None:
        for step in range(1000):
            context.progress(step + 1, 1000)

    handles = await client.enqueue("work", [None] * 3)
    async with pgq:
        for handle in handles:
            await handle.wait(20)
    for handle in handles:
        said = await handle.progress()
        assert said is not None
        assert (said.done, said.total) == (1000, 1000)


async def test_a_progress_that_is_no_number_is_an_error_of_the_job(pgq: PgQueuer, client: Queries) -> None:
    refused = []

    @pgq.entrypoint("work", accepts_context=True)
    async def work(job: Job, context: Context) -> None:
        for done, total in (("half", None), (float("nan"), None), (1, float("inf")), (True, None)):
            with pytest.raises(InvalidInput) as error:
                context.progress(done, total)  # type: ignore[arg-type]
            refused.append(error.value.field)

    (handle,) = await client.enqueue("work")
    async with pgq:
        assert await within(handle.wait(20)) is JobStatus.COMPLETED
    assert refused == ["done", "done", "total", "done"]
