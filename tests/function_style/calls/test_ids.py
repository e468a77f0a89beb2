"""Ids: what is returned, what it can do, and when two jobs are one."""

from __future__ import annotations

import asyncio
import json
import pickle
from datetime import timedelta
from typing import Any

import pytest

from pg_scheduler import (
    JobFailed,
    JobHandle,
    JobNotFound,
    JobStatus,
    Scheduler,
    WaitTimeout,
)
from pg_scheduler.testing import ManualClock, drain
from tests.function_style.calls.tasks import NOW, REPLACE, add, fails


async def test_the_returned_id_is_a_str_in_every_way(scheduler: Scheduler) -> None:
    handle = await scheduler.schedule(add, execution_time=NOW, args=(1,), job_id="mine")
    assert isinstance(handle, str)
    by_id: dict[str, int] = {handle: 1}
    assert (handle, f"{handle}", str(handle), by_id["mine"]) == ("mine", "mine", "mine", 1)
    assert (json.dumps(handle), repr(handle)) == ('"mine"', "'mine'")
    travelled = pickle.loads(pickle.dumps(handle))
    assert (type(travelled), travelled) == (str, "mine")
    assert await scheduler.cancel_job(handle)


async def test_the_handle_follows_its_job_to_its_result(scheduler: Scheduler) -> None:
    handle = await scheduler.schedule(
        add, execution_time=NOW, args=(20,), kwargs={"other": 22}, store_result=True
    )
    assert await handle.status() is JobStatus.PENDING
    await drain(scheduler)
    assert await handle.wait() is JobStatus.COMPLETED
    assert await handle.result() == 42
    assert await handle.cancel() is False


async def test_without_store_result_there_is_none(scheduler: Scheduler) -> None:
    handle = await scheduler.schedule(add, execution_time=NOW, args=(20,))
    await drain(scheduler)
    assert await handle.result() is None


async def test_the_result_of_a_failed_job_is_an_error_with_the_remote_traceback(scheduler: Scheduler) -> None:
    handle = await scheduler.schedule(fails, execution_time=NOW)
    await drain(scheduler)
    with pytest.raises(JobFailed, match="OSError: gone") as failed:
        await handle.result()
    assert (failed.value.job_id, failed.value.status) == (handle, "failed")
    assert "in fails" in str(failed.value)


async def test_waiting_for_a_job_that_does_not_end_or_does_not_exist(scheduler: Scheduler) -> None:
    clock = scheduler.clock
    assert isinstance(clock, ManualClock)
    handle = await scheduler.schedule(add, execution_time=NOW + timedelta(days=1), args=(1,))
    waiting = asyncio.create_task(handle.wait(timeout=5))
    while not waiting.done():
        await clock.advance(1)
        await asyncio.sleep(0.01)
    with pytest.raises(WaitTimeout, match="has not ended within 0:00:05"):
        await waiting
    with pytest.raises(JobNotFound):
        await scheduler.handle("nobody").status()


async def test_ids_of_ones_own_are_not_needed_and_sort_by_time(scheduler: Scheduler) -> None:
    clock = scheduler.clock
    assert isinstance(clock, ManualClock)
    ids = []
    for _ in range(20):
        ids.append(await scheduler.schedule(add, execution_time=NOW, args=(1,)))
        await clock.advance(0.001)
    assert len(set(ids)) == 20
    assert ids == sorted(ids)


async def test_equal_jobs_are_one_job_when_asked_for(scheduler: Scheduler) -> None:
    async def once(*args: Any, **changes: Any) -> JobHandle:
        given = {"execution_time": NOW, "args": args, "deduplicate": True, **changes}
        return await scheduler.schedule(add, **given)

    first = await once(1, kwargs={"other": 2})
    assert await once(1, kwargs={"other": 2}, execution_time=NOW + timedelta(days=1)) == first
    assert await once(1) != first
    assert await once(2, kwargs={"other": 2}) != first
    await drain(scheduler)
    assert await once(1, kwargs={"other": 2}) == first
    assert await first.status() is JobStatus.COMPLETED
    assert await once(1, kwargs={"other": 2}, conflict_resolution=REPLACE) == first
    assert await first.status() is JobStatus.PENDING


async def test_equal_jobs_are_one_job_within_each_window(scheduler: Scheduler) -> None:
    hour = timedelta(hours=1)
    ids = [
        await scheduler.schedule(
            add, execution_time=NOW + minutes * timedelta(minutes=1), args=(1,), deduplicate=hour
        )
        for minutes in (0, 59, 60, -1)
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def test_the_order_of_keyword_arguments_makes_no_other_job(scheduler: Scheduler) -> None:
    ids = {
        await scheduler.schedule(add, execution_time=NOW, kwargs=kwargs, deduplicate=True)
        for kwargs in ({"one": 1, "other": 2}, {"other": 2, "one": 1})
    }
    assert len(ids) == 1
