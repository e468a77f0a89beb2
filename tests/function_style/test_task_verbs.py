"""A decorated function is the same function, and knows how to become a job."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from pg_scheduler import (
    ConfigurationError,
    InvalidInput,
    Scheduler,
    SyncScheduler,
    current_scheduler,
    task,
)
from pg_scheduler.testing import MemoryDriver, drain
from tests.support.running import within


@task
async def double(number: int) -> int:
    return 2 * number


@task(executor="thread", store_result=True)
def triple(number: int) -> int:
    return 3 * number


@task(store_result=True)
async def enqueues_another(number: int) -> str:
    return str(await double.enqueue(number))


@task(executor="thread", store_result=True)
def enqueues_from_a_thread(number: int) -> str:
    return str(double.enqueue_sync(number))


@task(store_result=True)
async def enqueues_by_its_scheduler(number: int) -> str:
    return str(await current_scheduler().enqueue(double, number))


def in_memory() -> Scheduler:
    return Scheduler(MemoryDriver())


def test_it_is_the_same_function() -> None:
    async def plain(number: int) -> int:
        return number

    assert id(task(plain)) == id(plain)
    assert id(task(timeout=5)(plain)) == id(plain)


async def test_it_can_be_called_pickled_and_recognised() -> None:
    assert await double(3) == 6
    assert triple(3) == 9
    assert pickle.loads(pickle.dumps(double)) is double
    assert inspect.iscoroutinefunction(double)
    assert not inspect.iscoroutinefunction(triple)
    assert list(inspect.signature(double).parameters) == ["number"]


@pytest.mark.parametrize("what", [5, "double", None])
def test_what_is_no_function_is_refused(what: Any) -> None:
    with pytest.raises(InvalidInput, match="func: expected a function to decorate"):
        task(timeout=5)(what)


async def test_without_a_scheduler_it_says_what_to_write() -> None:
    with pytest.raises(ConfigurationError, match=r"double.enqueue\(\): no scheduler .*with scheduler.bound"):
        await double.enqueue(3)
    with pytest.raises(ConfigurationError, match=r"current_scheduler\(\): no scheduler"):
        current_scheduler()


async def test_the_bound_scheduler_is_meant_within_the_block() -> None:
    scheduler = in_memory()
    with scheduler.bound():
        job = await double.enqueue(3)
        assert current_scheduler() is scheduler
        with scheduler.bound():  # the same one twice is still one
            await double.using(delay=60).enqueue(4)
    with pytest.raises(ConfigurationError):
        await double.enqueue(3)
    assert [attempt.job.job_id for attempt in await drain(scheduler)] == [job]
    assert len(await scheduler.driver.insight.jobs()) == 2


async def test_another_task_of_the_program_means_the_bound_one_too() -> None:
    """A request of a web application does not inherit the context of the application's start."""
    scheduler, asked = in_memory(), asyncio.Event()

    async def request() -> str:
        await asked.wait()
        return await double.enqueue(3)

    waiting = asyncio.create_task(request())
    with scheduler.bound():
        asked.set()
        assert await scheduler.driver.insight.job(await waiting) is not None


async def test_two_bound_schedulers_are_one_too_many() -> None:
    one, other = in_memory(), in_memory()
    with one.bound(), other.bound():
        with pytest.raises(ConfigurationError, match=r"2 schedulers are bound .*using\(scheduler="):
            await double.enqueue(3)
        job = await double.using(scheduler=other).enqueue(3)
    assert await one.driver.insight.jobs() == []
    assert await other.driver.insight.job(job) is not None


async def test_a_running_scheduler_is_meant_where_none_is_bound() -> None:
    async with in_memory() as scheduler:
        job = await within(double.enqueue(3))
        await within(job.wait(timeout=45))
        async with in_memory():
            with pytest.raises(ConfigurationError, match="2 schedulers are running"):
                await double.enqueue(3)
            with scheduler.bound():
                assert await scheduler.driver.insight.job(await double.enqueue(3)) is not None
        await double.enqueue(3)
    with pytest.raises(ConfigurationError, match="no scheduler"):
        await double.enqueue(3)


@pytest.mark.parametrize("outer", [enqueues_another, enqueues_by_its_scheduler])
async def test_within_a_job_its_own_scheduler_is_meant(outer: Any) -> None:
    mine, other = in_memory(), in_memory()
    job = await outer.using(scheduler=mine).enqueue(3)
    with other.bound():
        ran = await drain(mine)
    assert [attempt.job.task_name.rpartition(":")[2] for attempt in ran] == [outer.__name__, "double"]
    assert ran[1].job.job_id == await job.result(timeout=30)
    assert await other.driver.insight.jobs() == []


async def test_a_job_in_a_thread_enqueues_through_the_loop() -> None:
    async with in_memory() as scheduler:
        with in_memory().bound():
            job = await enqueues_from_a_thread.using(scheduler=scheduler).enqueue(3)
            inner = await within(job.result(timeout=45))
        assert await scheduler.handle(inner).wait(timeout=45) == "completed"


async def test_a_thread_beside_the_loop_enqueues() -> None:
    scheduler = in_memory()
    with scheduler.bound():
        job = await asyncio.to_thread(triple.using(store_result=True).enqueue_sync, 3)
        await asyncio.to_thread(scheduler.using(delay=60).enqueue_sync, double, 4)
    await drain(scheduler)
    assert await job.result(timeout=30) == 9


async def test_a_loop_must_not_wait_for_itself() -> None:
    with in_memory().bound(), pytest.raises(RuntimeError, match="await enqueue"):
        double.enqueue_sync(3)


def test_without_a_loop_there_is_nobody_to_wait_for() -> None:
    with in_memory().bound(), pytest.raises(RuntimeError, match="event loop does not run"):
        double.enqueue_sync(3)


def test_a_program_without_a_loop_enqueues_through_a_blocking_scheduler(dsn: str) -> None:
    with SyncScheduler(dsn) as scheduler:
        job = triple.using(scheduler=scheduler, max_retries=2).enqueue_sync(3)
        record = scheduler.job(job)
        assert record is not None
        assert (record.max_retries, record.misfire_grace_seconds) == (2, None)
        assert scheduler.job(scheduler.using(delay=60).enqueue_sync(double, 4)) is not None


async def test_many_calls_of_one_task() -> None:
    scheduler = in_memory()
    later = triple.using(scheduler=scheduler, delay=0)
    jobs = await later.enqueue_many(triple.call(number) for number in range(3))
    await drain(scheduler)
    assert [await job.result(timeout=30) for job in jobs] == [0, 3, 6]


async def test_calls_of_another_task_are_refused() -> None:
    scheduler = in_memory()
    wrong: Callable[..., Any] = double.call
    with pytest.raises(InvalidInput, match=r"calls\[1\]: is a call of another function"):
        await triple.using(scheduler=scheduler).enqueue_many([triple.call(1), wrong(2)])
    assert await scheduler.driver.insight.jobs() == []


async def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'dellay'"):
        await double.using(scheduler=in_memory(), dellay=3).enqueue(3)  # type: ignore[call-arg]
