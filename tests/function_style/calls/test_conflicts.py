"""Taken ids, one by one and in bulk."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pg_scheduler import (
    ConflictResolution,
    JobAlreadyExists,
    JobHandle,
    JobSpec,
    JobStatus,
    Scheduler,
)
from pg_scheduler.testing import ManualClock, drain
from tests.function_style.calls.tasks import IGNORE, NOW, REPLACE, add, fails


async def test_a_taken_id_is_a_value_error_that_says_already_exists(scheduler: Scheduler) -> None:
    await scheduler.schedule(add, execution_time=NOW, args=(1,), job_id="taken")
    with pytest.raises(ValueError, match="'taken' already exists"):
        await scheduler.schedule(add, execution_time=NOW, args=(2,), job_id="taken")
    await drain(scheduler)
    with pytest.raises(JobAlreadyExists, match="'taken' already exists"):
        await scheduler.schedule(add, execution_time=NOW, args=(2,), job_id="taken")


async def test_of_many_that_want_one_id_at_once_one_gets_it(scheduler: Scheduler) -> None:
    calls = [
        scheduler.schedule(add, execution_time=NOW, args=(number,), job_id="wanted") for number in range(20)
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [answer for answer in answers if not isinstance(answer, JobAlreadyExists)] == ["wanted"]


@pytest.mark.parametrize("finished", [False, True])
async def test_ignore_returns_the_taken_id_and_changes_nothing(scheduler: Scheduler, finished: bool) -> None:
    await scheduler.schedule(add, execution_time=NOW, args=(1,), job_id="taken")
    if finished:
        await drain(scheduler)
    before = await scheduler.driver.insight.job("taken")
    again = await scheduler.schedule(
        fails, execution_time=NOW + timedelta(days=1), job_id="taken", conflict_resolution=IGNORE
    )
    assert again == "taken"
    assert await scheduler.driver.insight.job("taken") == before


async def test_replace_makes_a_finished_job_pending_with_nothing_counted(scheduler: Scheduler) -> None:
    clock = scheduler.clock
    assert isinstance(clock, ManualClock)
    handle = await scheduler.schedule(fails, execution_time=NOW, job_id="taken", max_retries=1)
    await drain(scheduler)
    await clock.advance(60)
    await drain(scheduler)
    failed = await scheduler.driver.insight.job("taken")
    assert failed is not None
    assert (failed.status, failed.retry_count) == (JobStatus.FAILED, 1)
    later = NOW + timedelta(days=1)
    await scheduler.schedule(
        add, execution_time=later, args=(1,), job_id="taken", conflict_resolution=REPLACE, priority=2
    )
    record = await scheduler.driver.insight.job("taken")
    assert record is not None
    assert (record.status, record.retry_count, record.max_retries) == (JobStatus.PENDING, 0, 0)
    assert (record.execution_time, record.rank, record.error_message) == (later, 2, None)
    assert record.task_name == scheduler.task_for(add).name
    assert await handle.status() is JobStatus.PENDING


def specs(*ids: str | None) -> list[JobSpec]:
    return [JobSpec(add, NOW, args=(number,), job_id=job_id) for number, job_id in enumerate(ids)]


async def test_bulk_answers_in_order_with_none_for_what_was_there(scheduler: Scheduler) -> None:
    await scheduler.schedule(add, execution_time=NOW, args=(9,), job_id="b")
    for batch_size in (1, 2, 1000):
        new = f"new {batch_size}"
        answers = await scheduler.schedule_bulk(specs("b", new, None, "b", new), batch_size=batch_size)
        assert answers[0] is answers[3] is answers[4] is None
        assert answers[1] == new
        assert isinstance(answers[2], JobHandle)
    untouched = await scheduler.driver.insight.job("b")
    assert untouched is not None
    assert scheduler.codec.decode_arguments(untouched.task_data) == ([9], {})


async def test_bulk_of_nothing_is_nothing(scheduler: Scheduler) -> None:
    assert await scheduler.schedule_bulk([]) == []


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
async def test_a_bulk_call_that_raises_has_stored_nothing(scheduler: Scheduler, batch_size: int) -> None:
    await scheduler.schedule(add, execution_time=NOW, args=(9,), job_id="m")
    with pytest.raises(JobAlreadyExists) as refused:
        await scheduler.schedule_bulk(
            specs("a", "z", "m", "b"),
            conflict_resolution=ConflictResolution.RAISE,
            batch_size=batch_size,
        )
    assert refused.value.job_ids == ("m",)
    assert [job.job_id for job in await scheduler.driver.insight.jobs()] == ["m"]


async def test_bulk_replace_keeps_the_last_of_each_id(scheduler: Scheduler) -> None:
    await scheduler.schedule(fails, execution_time=NOW, job_id="a")
    answers = await scheduler.schedule_bulk(specs("a", "b", "a"), conflict_resolution=REPLACE)
    assert answers == ["a", "b", "a"]
    stored = {job.job_id: job.task_data for job in await scheduler.driver.insight.jobs()}
    assert scheduler.codec.decode_arguments(stored["a"]) == ([2], {})
    assert len(stored) == 2
