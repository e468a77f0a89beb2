"""`enqueue`, `enqueue_many`, `using` and `call`: what is stored, and when it is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from pg_scheduler import InvalidInput, JobPriority, Scheduler, call
from pg_scheduler.client.source import Library
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.retry import MAX_DELAY
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.testing import drain
from tests.function_style.calls.tasks import NOW, add
from tests.support.running import past

pytestmark = pytest.mark.slow_with("psycopg")

HOUR = timedelta(hours=1)


async def stored(scheduler: Scheduler, job_id: str) -> JobRecord:
    record = await scheduler.driver.insight.job(job_id)
    assert record is not None
    return record


async def test_an_enqueued_job_is_due_now_and_never_expires(scheduler: Scheduler) -> None:
    job = await scheduler.using(store_result=True).enqueue(add, 1, other=2)
    record = await stored(scheduler, job)
    assert (record.execution_time, record.misfire_grace_seconds) == (NOW, None)
    assert [attempt.completed for attempt in await drain(scheduler)] == [True]
    assert await job.result(timeout=30) == 3


async def test_a_scheduled_job_without_a_time_is_due_now_and_expires_as_ever(scheduler: Scheduler) -> None:
    record = await stored(scheduler, await scheduler.schedule(add, args=(1,)))
    assert (record.execution_time, record.misfire_grace_seconds) == (NOW, 300)


@pytest.mark.parametrize("delay", [HOUR, 3600, 3600.0])
async def test_a_delay_counts_from_now(scheduler: Scheduler, delay: timedelta | float) -> None:
    for job in (
        await scheduler.schedule(add, args=(1,), delay=delay),
        await scheduler.using(delay=delay).enqueue(add, 1),
    ):
        assert (await stored(scheduler, job)).execution_time == NOW + HOUR


class ClockAhead(SystemClock):
    """An hour ahead of everybody else."""

    def now(self) -> datetime:
        return super().now() + HOUR


async def test_now_is_what_the_database_says(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library, clock=ClockAhead()) as ahead:
        jobs = [
            await ahead.enqueue(add, 1),
            await ahead.schedule(add, args=(1,)),
            *await ahead.enqueue_many(call(add, number) for number in range(200)),
        ]
        for job in (jobs[0], jobs[1], jobs[-1]):
            assert (await stored(ahead, job)).execution_time < past(-600)


@pytest.mark.parametrize(
    "delay", [-1, "5", float("nan"), float("inf"), True, timedelta(-1), MAX_DELAY + HOUR, 10**400]
)
async def test_a_delay_that_cannot_be_is_refused(scheduler: Scheduler, delay: Any) -> None:
    with pytest.raises(InvalidInput, match="delay: "):
        await scheduler.schedule(add, args=(1,), delay=delay)


async def test_a_time_and_a_delay_are_refused_together(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidInput, match="delay: cannot be given together"):
        await scheduler.schedule(add, execution_time=NOW, args=(1,), delay=5)
    with pytest.raises(InvalidInput, match="delay: cannot be given together"):
        await scheduler.using(at=NOW, delay=5).enqueue(add, 1)


async def test_a_call_brings_its_arguments(scheduler: Scheduler) -> None:
    job = await scheduler.schedule(call(add, 1, other=2), execution_time=NOW, store_result=True)
    await drain(scheduler)
    assert await job.result(timeout=30) == 3
    with pytest.raises(InvalidInput, match="args/kwargs: cannot be given together with a call"):
        await scheduler.schedule(call(add, 1), args=(1,))  # type: ignore[call-overload]


async def test_a_name_will_do(scheduler: Scheduler) -> None:
    scheduler.register(add, name="add")
    job = await scheduler.using(store_result=True).enqueue("add", 1, other=2)
    await drain(scheduler)
    assert await job.result(timeout=30) == 3


async def test_arguments_that_do_not_fit_are_refused(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidInput, match="args/kwargs: "):
        await scheduler.enqueue(add, 1, 2, 3)  # type: ignore[call-overload]


async def test_options_are_stored(scheduler: Scheduler) -> None:
    options = scheduler.using(
        at=NOW + HOUR,
        priority=JobPriority.LOW,
        max_retries=4,
        job_id="mine",
        misfire_grace_time=7,
        timeout=5,
        store_result=True,
        limit_key="shop",
    )
    job = await options.enqueue(add, 1)
    record = await stored(scheduler, job)
    assert job == "mine"
    assert (record.execution_time, record.rank, record.max_retries) == (NOW + HOUR, 8, 4)
    assert (record.misfire_grace_seconds, record.timeout) == (7, timedelta(seconds=5))


async def test_later_options_win_and_the_others_stay(scheduler: Scheduler) -> None:
    slow = scheduler.using(priority=JobPriority.LOW, max_retries=4)
    record = await stored(scheduler, await slow.using(max_retries=0).enqueue(add, 1))
    assert (record.rank, record.max_retries) == (8, 0)
    assert (await stored(scheduler, await slow.enqueue(add, 1))).max_retries == 4


async def test_an_option_that_does_not_exist_is_refused_where_it_stands(scheduler: Scheduler) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'dellay'"):
        scheduler.using(dellay=5)  # type: ignore[call-arg]


async def test_many_calls_are_stored_in_order(scheduler: Scheduler) -> None:
    jobs = await scheduler.using(store_result=True).enqueue_many(call(add, n) for n in range(5))
    await drain(scheduler)
    assert [await job.result(timeout=30) for job in jobs] == [0, 1, 2, 3, 4]
    assert await scheduler.enqueue_many([]) == []


async def test_many_calls_are_stored_together_or_not_at_all(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidInput) as refused:
        await scheduler.enqueue_many([call(add, 1), call(add, object())])  # type: ignore[call-overload]
    assert "jobs[1]" in refused.value.__notes__[0]
    assert await scheduler.driver.insight.jobs() == []


async def test_equal_calls_are_one_job_when_deduplicated(scheduler: Scheduler) -> None:
    once = scheduler.using(deduplicate=True)
    jobs = [*await once.enqueue_many([call(add, 1), call(add, 2)]), await once.enqueue(add, 1)]
    assert (jobs[2], len(set(jobs))) == (jobs[0], 2)


async def test_what_is_no_call_and_one_id_for_many_are_refused(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidInput, match=r"calls\[0\]: expected a call"):
        await scheduler.enqueue_many([add])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="job_id: cannot be given to several jobs"):
        await scheduler.using(job_id="one").enqueue_many([call(add, 1)])
