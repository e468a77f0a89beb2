"""Middleware: around each attempt, and before each job is stored."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from pg_scheduler import InvalidInput, JobStatus, RetryAfter, Scheduler, current_job, task
from pg_scheduler.client.source import Library
from pg_scheduler.errors import ConfigurationError
from pg_scheduler.ports.job_context import JobContext
from pg_scheduler.ports.middleware import Middleware, OutgoingJob
from pg_scheduler.testing import MemoryDriver, drain
from tests.support.running import eventually


class Noted(Middleware):
    """Writes down when it is entered and left."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name, self.notes = name, notes

    async def around(self, job: JobContext, call: Callable[[], Awaitable[Any]]) -> Any:
        self.notes.append(f"{self.name} in")
        try:
            return await call()
        finally:
            self.notes.append(f"{self.name} out")


async def work(value: int = 0) -> int:
    return value


async def test_the_first_is_the_outermost() -> None:
    notes: list[str] = []
    scheduler = Scheduler(MemoryDriver(), middleware=[Noted("a", notes), Noted("b", notes)])

    async def job() -> None:
        notes.append(f"job {current_job().attempt}")

    await scheduler.enqueue(job)
    await drain(scheduler)
    assert notes == ["a in", "b in", "job 1", "b out", "a out"]


async def test_what_leaves_it_decides(dsn: str, library: Library) -> None:
    class Doubling(Middleware):
        async def around(self, job: JobContext, call: Callable[[], Awaitable[Any]]) -> Any:
            if job.retry_count == 0 and job.max_retries:
                raise RetryAfter(timedelta(0))
            return 2 * await call()

    async with Scheduler.connect(dsn, library=library, middleware=[Doubling()]) as scheduler:
        first = await scheduler.using(store_result=True).enqueue(work, 4)
        second = await scheduler.using(store_result=True, max_retries=1).enqueue(work, 5)
        assert await first.result(timeout=30) == 8
        assert await second.result(timeout=30) == 10


async def test_an_error_of_its_own_fails_the_job() -> None:
    class Refusing(Middleware):
        async def around(self, job: JobContext, call: Callable[[], Awaitable[Any]]) -> Any:
            raise PermissionError("not today")

    scheduler = Scheduler(MemoryDriver(), middleware=[Refusing()])
    handle = await scheduler.enqueue(work)
    await drain(scheduler)
    record = await scheduler.job(str(handle))
    assert record is not None
    assert (record.status, record.error_message) == (JobStatus.FAILED, "PermissionError: not today")


async def test_cancellation_and_time_limits_reach_it() -> None:
    notes: list[str] = []

    class Cleaning(Middleware):
        async def around(self, job: JobContext, call: Callable[[], Awaitable[Any]]) -> Any:
            try:
                return await call()
            except asyncio.CancelledError:
                notes.append("cleaned")
                raise

    async def forever() -> None:
        await asyncio.Event().wait()

    async with Scheduler(MemoryDriver(), middleware=[Cleaning()]) as scheduler:
        handle = await scheduler.using(timeout=0.05).enqueue(forever)
        assert await handle.wait(timeout=30) == "failed"
        other = await scheduler.enqueue(forever)
        await eventually(lambda: scheduler.active_jobs)
        await other.cancel()
        assert await other.wait(timeout=30) == "cancelled"
    assert notes == ["cleaned", "cleaned"]


async def test_a_plain_function_is_surrounded_within_its_thread() -> None:
    threads: list[str] = []

    class InThread(Middleware):
        def around_sync(self, job: JobContext, call: Callable[[], Any]) -> Any:
            threads.append(threading.current_thread().name)
            assert current_job().job_id == job.job_id
            return call() + 1

    def plain(value: int) -> int:
        threads.append(threading.current_thread().name)
        return value

    scheduler = Scheduler(MemoryDriver(), middleware=[InThread()])
    scheduler.register(plain, executor="thread")
    handle = await scheduler.using(store_result=True).enqueue(plain, 1)
    await drain(scheduler)
    assert await handle.result(timeout=5) == 2
    assert len(set(threads)) == 1
    assert threads[0] != threading.main_thread().name


class Tenant(Middleware):
    """Sends along whose job it is."""

    def before_enqueue(self, job: OutgoingJob) -> None:
        job.headers["tenant"] = f"{job.queue}/{job.task_name.rpartition(':')[2]}"


async def test_headers_are_added_before_a_job_is_stored(dsn: str, library: Library) -> None:
    seen: list[Any] = []

    async def look() -> None:
        seen.append(current_job().headers)

    scheduler = Scheduler.connect(dsn, library=library, middleware=[Tenant()])
    async with scheduler:
        scheduler.register(look, name="look")
        plain = await scheduler.enqueue("look")
        mine = await scheduler.using(headers={"mine": 1}, queue="mail").enqueue("look")
        for handle in (plain, mine):
            assert await handle.wait(timeout=30) == "completed"
    assert seen == [{"tenant": "default/look"}, {"mine": 1, "tenant": "mail/look"}]


async def test_what_it_raises_is_raised_to_the_caller_and_nothing_is_stored() -> None:
    class Refusing(Middleware):
        def before_enqueue(self, job: OutgoingJob) -> None:
            raise PermissionError(job.task_name)

    driver = MemoryDriver()
    scheduler = Scheduler(driver, middleware=[Refusing()])
    with pytest.raises(PermissionError, match="mail"):
        await scheduler.enqueue("mail")
    assert driver.state.jobs == {}


async def test_headers_that_json_cannot_carry_are_refused_by_name() -> None:
    class Odd(Middleware):
        def before_enqueue(self, job: OutgoingJob) -> None:
            job.headers["odd"] = object()

    with pytest.raises(InvalidInput, match="headers"):
        await Scheduler(MemoryDriver(), middleware=[Odd()]).enqueue("mail")


def test_what_is_no_middleware_is_refused() -> None:
    with pytest.raises(InvalidInput, match="middleware"):
        Scheduler(MemoryDriver(), middleware=[Tenant])  # type: ignore[list-item]


class Kept(Noted):
    """Keeps something while a worker runs."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        self.notes.append(f"{self.name} begins")
        async with asyncio.TaskGroup():  # to be left in the task in which it was entered
            yield
        self.notes.append(f"{self.name} ends")

    def before_enqueue(self, job: OutgoingJob) -> None:
        job.headers[self.name] = job.task_name


class TestALifespan:
    async def test_surrounds_all_jobs_of_a_worker_whoever_starts_and_stops_it(self) -> None:
        notes: list[str] = []
        scheduler = Scheduler(MemoryDriver(), middleware=[Kept("a", notes), Kept("b", notes)])
        await asyncio.create_task(scheduler.start())
        await (await scheduler.enqueue(work)).wait(timeout=30)
        await asyncio.create_task(scheduler.shutdown())
        assert notes == ["a begins", "b begins", "a in", "b in", "b out", "a out", "b ends", "a ends"]

    async def test_that_cannot_begin_keeps_the_worker_from_starting(self) -> None:
        class Broken(Kept):
            @asynccontextmanager
            async def lifespan(self) -> AsyncIterator[None]:
                self.notes.append("tried")
                raise ZeroDivisionError
                yield

        notes: list[str] = []
        scheduler = Scheduler(MemoryDriver(), middleware=[Kept("a", notes), Broken("b", notes)])
        for _ in range(2):  # and may be tried again
            with pytest.raises(ZeroDivisionError):
                await scheduler.start()
        assert notes == ["a begins", "tried", "a ends"] * 2
        assert not scheduler.is_running

    async def test_that_hangs_ends_with_the_start(self) -> None:
        class Hanging(Middleware):
            entered = asyncio.Event()

            @asynccontextmanager
            async def lifespan(self) -> AsyncIterator[None]:
                self.entered.set()
                await asyncio.Event().wait()
                yield

        starting = asyncio.create_task(Scheduler(MemoryDriver(), middleware=[Hanging()]).start())
        await Hanging.entered.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    async def test_that_fails_at_its_end_is_told_after_the_others_have_ended(self) -> None:
        class Failing(Middleware):
            @asynccontextmanager
            async def lifespan(self) -> AsyncIterator[None]:
                yield
                raise ZeroDivisionError

        notes: list[str] = []
        scheduler = Scheduler(MemoryDriver(), middleware=[Kept("a", notes), Failing()])
        await scheduler.start()
        with pytest.raises(ZeroDivisionError):
            await scheduler.shutdown()
        assert notes == ["a begins", "a ends"]
        assert not scheduler.is_running

    async def test_is_a_context_manager(self) -> None:
        class Undecorated(Middleware):
            async def lifespan(self) -> AsyncIterator[None]:  # type: ignore[override]
                yield

        with pytest.raises(ConfigurationError, match="asynccontextmanager"):
            await Scheduler(MemoryDriver(), middleware=[Undecorated()]).start()


class TestOfOneTask:
    async def test_is_within_the_schedulers_and_lasts_as_long(self) -> None:
        notes: list[str] = []
        own = Kept("own", notes)

        @task(middleware=[own])
        async def fetch() -> dict[str, Any]:
            return current_job().headers

        scheduler = Scheduler(MemoryDriver(), middleware=[Noted("all", notes)])
        scheduler.register(fetch)
        async with scheduler:
            name = (await (await scheduler.using(store_result=True).enqueue(fetch)).result(timeout=30))["own"]
            await (await scheduler.enqueue(work)).wait(timeout=30)
        assert name.endswith("fetch")
        assert notes == [
            "own begins", "all in", "own in", "own out", "all out", "all in", "all out", "own ends"
        ]  # fmt: skip

    async def test_that_becomes_known_later_begins_with_its_first_attempt(self) -> None:
        notes: list[str] = []
        scheduler = Scheduler(MemoryDriver())
        await scheduler.enqueue(scheduler.register(work, middleware=[Kept("own", notes)]))
        await scheduler.enqueue(work, 2)
        await drain(scheduler)
        assert notes == ["own begins", *["own in", "own out"] * 2]
        await scheduler.shutdown()
        assert notes[-1] == "own ends"
