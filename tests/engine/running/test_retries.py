"""Failures, their history, and when a job runs again."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from pg_scheduler import RetryPolicy, Scheduler, task
from pg_scheduler.client.source import Library
from pg_scheduler.testing import ManualClock, drain
from tests.support.running import idle, past

AT_ONCE = RetryPolicy(base=timedelta(0))


class Fault(Exception):
    """What the jobs here raise."""


class WorseFault(Fault):
    """A kind of Fault."""


async def fails(text: str = "no luck") -> None:
    raise Fault(text)


async def delays_of(scheduler: Scheduler, clock: ManualClock, job_id: str, retries: int) -> list[float]:
    """Run a job that always fails to its end; how long it waited before each retry."""
    delays = []
    for _ in range(retries):
        await drain(scheduler)
        record = await scheduler.driver.insight.job(job_id)
        assert record is not None
        assert record.status == "pending"
        delays.append((record.execution_time - clock.now()).total_seconds())
        await clock.advance_to(record.execution_time)
    await drain(scheduler)
    return delays


async def test_delays_are_the_documented_ones_and_then_the_job_fails(dsn: str, library: Library) -> None:
    clock = ManualClock()
    async with idle(Scheduler.connect(dsn, library=library, clock=clock)) as scheduler:
        handle = await scheduler.schedule(fails, execution_time=clock.now(), max_retries=5)
        assert await delays_of(scheduler, clock, handle, 5) == [60, 120, 240, 300, 300]
        record = await scheduler.driver.insight.job(handle)
        assert record is not None
        assert (record.status, record.retry_count, record.attempt_count) == ("failed", 5, 6)


async def test_without_retries_the_first_failure_is_the_last(dsn: str) -> None:
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(fails, execution_time=past())
        assert await handle.wait(timeout=45) == "failed"
        record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (record.retry_count, record.attempt_count) == (0, 1)
    assert record.error_message == "Fault: no luck"


async def test_every_attempt_is_in_the_history_with_its_traceback(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    tries: list[int] = []

    async def third_time_lucky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise Fault(f"try {len(tries)}")

    async with Scheduler.connect(dsn, library=library, retry_policy=AT_ONCE) as scheduler:
        handle = await scheduler.schedule(third_time_lucky, execution_time=past(), max_retries=5)
        assert await handle.wait(timeout=45) == "completed"
        history = await scheduler.driver.insight.attempts(handle)
        worker_id = scheduler.worker_id
    assert [(one.attempt, one.outcome) for one in history] == [(1, "retry"), (2, "retry")]
    assert history[0].epoch < history[1].epoch
    assert [one.error_message for one in history] == ["Fault: try 1", "Fault: try 2"]
    for one in history:
        assert one.traceback is not None
        assert "third_time_lucky" in one.traceback
        assert one.worker_id == worker_id
        assert one.started_at is not None
        assert one.started_at <= one.finished_at
    row = await sql.fetchrow("SELECT retry_count, attempt_count, error_message FROM scheduled_jobs")
    assert tuple(row) == (2, 3, None)


async def test_a_jobs_own_delays_are_stored_with_it(dsn: str, library: Library) -> None:
    clock = ManualClock()
    async with idle(Scheduler.connect(dsn, library=library, clock=clock)) as scheduler:
        own = RetryPolicy(base=timedelta(seconds=7), factor=3, cap=timedelta(seconds=100))
        handle = await scheduler.schedule(fails, execution_time=clock.now(), max_retries=4, retry=own)
        assert await delays_of(scheduler, clock, handle, 4) == [7, 21, 63, 100]


async def test_a_tasks_policy_wins_over_the_schedulers_and_a_jobs_over_both(dsn: str) -> None:
    clock = ManualClock()
    async with idle(
        Scheduler.connect(dsn, clock=clock, retry_policy=RetryPolicy(base=timedelta(seconds=1)))
    ) as scheduler:

        @task(retry=RetryPolicy(base=timedelta(seconds=2)))
        async def with_policy() -> None:
            raise Fault

        by_scheduler = await scheduler.schedule(fails, execution_time=clock.now(), max_retries=1)
        by_task = await scheduler.schedule(with_policy, execution_time=clock.now(), max_retries=1)
        by_job = await scheduler.schedule(
            with_policy,
            execution_time=clock.now(),
            max_retries=1,
            retry=RetryPolicy(base=timedelta(seconds=3)),
        )
        await drain(scheduler)
        waits = []
        for handle in (by_scheduler, by_task, by_job):
            record = await scheduler.driver.insight.job(handle)
            assert record is not None
            waits.append((record.execution_time - clock.now()).total_seconds())
        assert waits == [1, 2, 3]


async def test_jitter_shortens_delays_and_never_lengthens_them(dsn: str) -> None:
    clock = ManualClock()
    policy = RetryPolicy(base=timedelta(seconds=100), jitter=0.5)
    async with idle(Scheduler.connect(dsn, clock=clock, retry_policy=policy)) as scheduler:
        handles = [
            await scheduler.schedule(fails, execution_time=clock.now(), max_retries=1) for _ in range(20)
        ]
        await drain(scheduler)
        waits = set()
        for handle in handles:
            record = await scheduler.driver.insight.job(handle)
            assert record is not None
            waits.add((record.execution_time - clock.now()).total_seconds())
        assert len(waits) > 10
        assert all(50 <= wait <= 100 for wait in waits)


@pytest.mark.parametrize(
    ("policy", "raised", "tries"),
    [
        (RetryPolicy(base=timedelta(0), retry_on=(Fault,)), WorseFault, 3),
        (RetryPolicy(base=timedelta(0), retry_on=(WorseFault,)), Fault, 1),
        (RetryPolicy(base=timedelta(0), give_up_on=(WorseFault,)), WorseFault, 1),
        (RetryPolicy(base=timedelta(0), give_up_on=(WorseFault,)), Fault, 3),
        (RetryPolicy(base=timedelta(0), retry_on=(Fault,), give_up_on=(WorseFault,)), WorseFault, 1),
        (AT_ONCE, SystemExit, 1),
    ],
)
async def test_only_exceptions_the_policy_wants_are_retried(
    dsn: str, policy: RetryPolicy, raised: type[BaseException], tries: int
) -> None:
    made: list[int] = []

    @task(retry=policy)
    async def job() -> None:
        made.append(1)
        raise raised("from the job")

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), max_retries=2)
        assert await handle.wait(timeout=45) == "failed"
    assert len(made) == tries


async def test_a_retry_due_at_once_starts_without_a_poll(dsn: str, library: Library) -> None:
    tries: list[int] = []

    async def fails_ten_times() -> None:
        tries.append(1)
        if len(tries) <= 10:
            raise Fault

    async with Scheduler.connect(dsn, library=library, retry_policy=AT_ONCE) as scheduler:
        handle = await scheduler.schedule(fails_ten_times, execution_time=past(), max_retries=10)
        assert await handle.wait(timeout=45) == "completed"
