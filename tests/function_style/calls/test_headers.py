"""Headers travel with a job, beside its arguments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pg_scheduler import JobSpec, Scheduler, SyncScheduler, call, current_job
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.testing import MemoryDriver
from tests.support.running import past, within

HEADERS = {"trace": "4bf9", "hops": 2, "at": datetime(2030, 1, 1, tzinfo=UTC), "who": {"name": "Grüße"}}


async def look() -> Any:
    return current_job().headers


def look_in_a_thread() -> Any:
    return current_job().headers


async def test_the_function_finds_them_however_they_were_given() -> None:
    async with Scheduler(MemoryDriver()) as scheduler:
        options: dict[str, Any] = {"execution_time": past(), "store_result": True, "headers": HEADERS}
        (bulk,) = await scheduler.schedule_bulk([JobSpec(look, past(), store_result=True, headers=HEADERS)])
        assert bulk is not None
        handles = [
            bulk,
            await scheduler.schedule(look, **options),
            await scheduler.schedule(call(look), **options),
            await scheduler.schedule(look_in_a_thread, executor="thread", **options),
            await scheduler.using(store_result=True, headers=HEADERS).enqueue(look),
        ]
        assert [await within(handle.result(30)) for handle in handles] == [HEADERS] * len(handles)


async def test_without_headers_there_are_none() -> None:
    async with Scheduler(MemoryDriver()) as scheduler:
        empty: tuple[dict[str, Any] | None, ...] = (None, {})
        for given in empty:
            handle = await scheduler.using(store_result=True, headers=given).enqueue(look)
            assert await within(handle.result(30)) == {}


@pytest.mark.parametrize(
    "wrong", ["text", 7, [("a", 1)], {"a": object()}, {1: 2}], ids=["text", "number", "list", "object", "key"]
)
async def test_what_json_cannot_carry_is_refused(wrong: Any) -> None:
    scheduler = Scheduler(MemoryDriver())
    with pytest.raises(InvalidInput, match="headers"):
        await scheduler.using(headers=wrong).enqueue(look)
    with pytest.raises(InvalidInput, match="headers"):
        await scheduler.schedule(look, execution_time=past(), headers=wrong)
    assert await scheduler.jobs() == []
    await scheduler.shutdown()


async def test_they_come_through_a_database(dsn: str) -> None:
    with SyncScheduler(dsn) as blocking:
        job_id = blocking.schedule(look, execution_time=past(), store_result=True, headers=HEADERS)
    async with Scheduler.connect(dsn) as scheduler:
        scheduler.register(look)
        assert await within(scheduler.handle(job_id).result(30)) == HEADERS
