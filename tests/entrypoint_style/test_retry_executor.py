"""Retries within the executor: short delays here, long ones in the database."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from pg_scheduler import InvalidInput, Job, JobStatus, PgQueuer, Queries
from pg_scheduler.client.source import Library
from pg_scheduler.entrypoints import retry_executor
from pg_scheduler.entrypoints.retry_executor import Attempts
from pg_scheduler.executors import EntrypointExecutorParameters, RetryWithBackoffEntrypointExecutor
from tests.entrypoint_style.apps import create
from tests.entrypoint_style.conftest import MakeApp
from tests.support.processes import ROOT
from tests.support.running import eventually, within

pytestmark = pytest.mark.slow_with("psycopg")

Retrying = RetryWithBackoffEntrypointExecutor
QUICK = partial(Retrying, initial_delay=0.01, max_delay=0.02)


async def test_short_delays_are_waited_in_the_process(pgq: PgQueuer, client: Queries) -> None:
    attempts: list[int] = []

    @pgq.entrypoint("shaky", executor_factory=QUICK)
    async def shaky(job: Job) -> int:
        attempts.append(job.attempt)
        if len(attempts) < 4:
            raise OSError("not yet")
        return len(attempts)

    (handle,) = await client.enqueue("shaky", store_result=True)
    async with pgq:
        assert await handle.result(20) == 4
    assert attempts == [1, 1, 1, 1]  # one attempt of the engine holds them all
    assert await client.log(handle) == []


async def test_used_up_attempts_end_with_the_last_error(pgq: PgQueuer, client: Queries) -> None:
    attempts = []

    @pgq.entrypoint("shaky", executor_factory=partial(QUICK, max_attempts=3))
    def shaky(job: Job) -> None:
        attempts.append(job.id)
        raise OSError(f"number {len(attempts)}")

    (handle,) = await client.enqueue("shaky")
    async with pgq:
        assert await handle.wait(20) is JobStatus.FAILED
    record = await client.job(handle)
    assert record is not None
    assert record.error_message == "OSError: number 3"


async def test_long_delays_are_spent_in_the_database_and_count_on_from_there(
    pgq: PgQueuer, client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_executor, "IN_PROCESS_BUDGET", 0.1)
    seen: list[tuple[int, int]] = []
    slow = partial(Retrying, max_attempts=4, initial_delay=0.04, backoff_multiplier=2, jitter=lambda: 0.0)

    @pgq.entrypoint("shaky", executor_factory=slow)
    async def shaky(job: Job) -> None:
        seen.append((job.attempt, job.retry_count))
        raise OSError

    # 40 ms are slept; 80 ms more would be beyond the budget, and so are 160 ms.
    (handle,) = await client.enqueue("shaky")
    async with pgq:
        assert await handle.wait(30) is JobStatus.FAILED
    assert seen == [(1, 0), (1, 0), (2, 1), (3, 2)]


async def test_a_waiting_job_holds_no_slot_and_survives_the_death_of_its_worker(
    dsn: str, library: Library, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    client = Queries(dsn)
    (handle,) = await client.enqueue("shaky")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.entrypoint_style.apps", dsn, library, str(notes), cwd=ROOT
    )

    async def waits() -> bool:
        record = await client.job(handle)
        return record is not None and record.retry_count == 1

    try:
        await eventually(waits, 40)
    finally:
        worker.kill()
        await worker.wait()
    record = await client.job(handle)
    assert record is not None
    # It is nobody's while it waits: no slot is held, and no lease has to run out.
    assert (record.status, record.worker_id, record.lease_until) == (JobStatus.PENDING, None, None)
    delay = record.execution_time - record.created_at
    assert timedelta(minutes=59) < delay < timedelta(minutes=75)
    await sql.execute("UPDATE scheduled_jobs SET execution_time = now()")
    await within(create(dsn, library, str(notes)).run(mode="drain"))
    assert await handle.status() is JobStatus.COMPLETED
    assert notes.read_text() == "attempt 1\nattempt 2\n"
    await client.close()


async def test_attempts_go_on_counting_after_a_restart(app: MakeApp, client: Queries) -> None:
    first, second = app(), app()
    seen = []
    factory = partial(Retrying, max_attempts=2, initial_delay=1.2, jitter=lambda: 0.0)

    async def shaky(job: Job) -> None:
        seen.append(job.attempt)
        raise OSError

    first.entrypoint("shaky", executor_factory=factory)(shaky)
    second.entrypoint("shaky", executor_factory=factory)(shaky)
    (handle,) = await client.enqueue("shaky")
    await within(first.run(mode="drain"))
    assert (seen, await handle.status()) == ([1], JobStatus.PENDING)
    async with second:
        assert await handle.wait(20) is JobStatus.FAILED
    assert seen == [1, 2]


async def test_a_cancellation_is_never_retried(pgq: PgQueuer, client: Queries) -> None:
    calls: list[str] = []

    @pgq.entrypoint("async", executor_factory=QUICK)
    async def clumsy(job: Job) -> None:
        calls.append("async")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as asked:
            raise OSError("the connection broke as it was closed") from asked

    @pgq.entrypoint("sync", executor_factory=QUICK)
    def clumsy_thread(job: Job) -> None:
        calls.append("sync")
        scope = pgq.get_context(job.id).cancellation
        while not scope.cancel_called:
            pass
        raise OSError("stopped half way")

    handles = await client.enqueue(["async", "sync"])
    async with pgq:
        await eventually(lambda: len(calls) == 2)
        await client.mark_job_as_cancelled(handles)
        assert [await handle.wait(20) for handle in handles] == [JobStatus.CANCELLED] * 2
    assert sorted(calls) == ["async", "sync"]


async def test_a_cancellation_ends_the_wait_between_two_attempts(pgq: PgQueuer, client: Queries) -> None:
    failed = asyncio.Event()

    @pgq.entrypoint("shaky", executor_factory=partial(Retrying, initial_delay=0.9, jitter=lambda: 3600.0))
    async def shaky(job: Job) -> None:
        failed.set()
        raise OSError

    (handle,) = await client.enqueue("shaky")
    async with pgq:
        await within(failed.wait())
        await client.mark_job_as_cancelled(handle)
        assert await handle.wait(20) is JobStatus.CANCELLED


def test_the_delays_double_up_to_the_longest() -> None:
    attempts = Attempts(max_attempts=5, initial_delay=1, multiplier=2, max_delay=3, max_time=3600)
    assert [attempts.delay_after(n) for n in range(1, 6)] == [1, 2, 3, 3, None]


def test_the_delays_do_not_add_up_to_more_than_the_whole_time() -> None:
    attempts = Attempts(max_attempts=50, initial_delay=1, multiplier=2, max_delay=1000, max_time=10)
    assert [attempts.delay_after(n) for n in range(1, 5)] == [1, 2, 4, None]  # 1 + 2 + 4 + 8 > 10


@pytest.mark.parametrize("returns", [0, 1, 2, 3, 10])
def test_attempts_made_before_are_those_that_were_made(returns: int) -> None:
    attempts = Attempts(max_attempts=6, initial_delay=0.3, multiplier=2, max_delay=10, max_time=300)
    made, came_back, slept = 0, 0, 0.0
    while came_back < returns and made < 6:
        made += 1
        slept = attempts.slept_after(made, slept)
        came_back += slept == 0.0
    assert attempts.made_before(returns) == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_attempts", 0),
        ("initial_delay", -1),
        ("backoff_multiplier", float("nan")),
        ("max_delay", "10"),
        ("max_time", float("inf")),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_name(field: str, value: object) -> None:
    parameters = EntrypointExecutorParameters(test_numbers_that_cannot_be_are_refused_by_name)
    with pytest.raises(InvalidInput, match=field):
        Retrying(parameters, **{field: value})  # type: ignore[arg-type]
