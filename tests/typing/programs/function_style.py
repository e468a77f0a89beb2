# pyright: strict
"""A program in the function style, without a mistake."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from pg_scheduler import (
    Call,
    ConflictResolution,
    JobHandle,
    JobInfo,
    JobPriority,
    JobSpec,
    JobStatus,
    PollingConfig,
    RetryPolicy,
    Scheduler,
    SyncScheduler,
    as_ended,
    call,
    current_job,
    current_scheduler,
    periodic,
    task,
    wait_all,
)
from pg_scheduler.task import AsyncTask, PlainTask
from pg_scheduler.testing import ManualClock, MemoryDriver

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def greet(name: str, times: int = 1) -> str:
    return name * times


def square(number: int) -> int:
    return number * number


@task
async def send(to: str, *, subject: str = "") -> bytes:
    return f"{to}: {subject}".encode()


@task(
    name="charge",
    timeout=10,
    retry=RetryPolicy(base=timedelta(seconds=2)),
    max_retries=5,
    priority=JobPriority.HIGH,
    misfire_grace_time=None,
    store_result=True,
    concurrency_limit=3,
    requests_per_second=2.5,
    limit_key="shop",
)
async def charge(order: int) -> float:
    if current_job().attempt == 1:
        await send.enqueue("ada@example.org", subject="Paid")
        await current_scheduler().enqueue(greet, "Ada")
    return order * 1.5


@task(executor="thread")
def resize(picture: str, width: int) -> list[int]:
    send.enqueue_sync("ada@example.org", subject=picture)
    return [width]


@task
def plain(number: int) -> int:
    return number


@periodic(every=timedelta(minutes=1), catch_up="none", overlap="skip", lock_contention="skip")
async def tick() -> None: ...


@periodic(cron="@daily")
@task(timeout=5)
async def nightly() -> int:
    return 1


class Shop:
    async def close(self, day: int) -> str:
        return str(day)


@task
async def double(number: int, /) -> int:
    return 2 * number


@task
def half(number: int, /) -> float:
    return number / 2


assert_type(double, AsyncTask[[int], int])
assert_type(half, PlainTask[[int], float])


async def calls(scheduler: Scheduler) -> None:
    assert_type(await scheduler.enqueue(greet, "Ada", times=2), JobHandle[str])
    assert_type(await scheduler.enqueue(square, 3), JobHandle[int])
    assert_type(await scheduler.enqueue(Shop().close, 3), JobHandle[str])
    assert_type(await scheduler.enqueue(send, "Ada", subject="Hi"), JobHandle[bytes])
    assert_type(await scheduler.enqueue("mail:send", "Ada", subject="Hi"), JobHandle[Any])
    assert_type(call(greet, "Ada", 2), Call[str])
    assert_type(call(square, 2), Call[int])
    assert_type(await scheduler.enqueue_many(call(greet, name) for name in "abc"), list[JobHandle[str]])
    bulk = scheduler.using(delay=60, priority=JobPriority.LOW, max_retries=2, connection=None)
    assert_type(await bulk.enqueue(greet, "Ada"), JobHandle[str])
    assert_type(await bulk.using(at=NOON).enqueue_many([call(square, 2)]), list[JobHandle[int]])
    text = await (await scheduler.enqueue(greet, "Ada")).result(timeout=30)
    assert_type(text, str)
    many = await scheduler.enqueue_many(call(greet, name) for name in "abc")
    assert_type(await wait_all(many, timeout=30, on_progress=current_job().progress), list[JobStatus])
    async for job, status in as_ended(many, timeout=timedelta(minutes=1)):
        assert_type(job, JobHandle[str])
        assert_type(status, JobStatus | None)
    async for info in many[0].watch(every=0.5):
        assert_type(info, JobInfo)


def without_an_event_loop(session: object) -> None:
    jobs = SyncScheduler("postgresql://x")
    assert_type(jobs.enqueue(greet, "Ada", times=2), str)
    assert_type(jobs.enqueue("mail:send", "Ada"), str)
    assert_type(jobs.enqueue_many([call(square, 2)]), list[str])
    assert_type(jobs.add_schedule(greet, cron="@daily", args=("Ada",), connection=session), str)
    assert_type(jobs.wait_all(["a"], timeout=3, on_progress=print), list[JobStatus])


async def tasks(other: Scheduler) -> None:
    assert_type(await send("Ada"), bytes)
    assert_type(resize("a.png", width=3), list[int])
    assert_type(await send.enqueue("Ada", subject="Hi"), JobHandle[bytes])
    assert_type(await charge.enqueue(3), JobHandle[float])
    assert_type(await resize.enqueue("a.png", 3), JobHandle[list[int]])
    assert_type(await plain.enqueue(3), JobHandle[int])
    assert_type(send.enqueue_sync("Ada"), JobHandle[bytes])
    assert_type(send.call("Ada"), Call[bytes])
    later = send.using(scheduler=other, at=NOON, job_id="one", store_result=True)
    assert_type(await later.enqueue("Ada"), JobHandle[bytes])
    many = await send.using(delay=3).enqueue_many(send.call(to, subject="Hi") for to in "abc")
    assert_type(many, list[JobHandle[bytes]])
    assert_type(await nightly.enqueue(), JobHandle[int])
    assert_type(send.__name__, str)
    with other.bound():
        await send.enqueue("Ada")


async def documented(scheduler: Scheduler) -> None:
    """The calls of the contract."""
    job = await scheduler.schedule(greet, execution_time=NOON, args=("Ada",), kwargs={"times": 2})
    assert_type(await job.result(), str)
    handle: JobHandle = job
    text: str = handle
    assert_type(await scheduler.schedule(call(greet, text), execution_time=NOON), JobHandle[str])
    assert_type(await scheduler.schedule(call(greet, text), delay=2.5, max_retries=3), JobHandle[str])
    assert_type(await scheduler.schedule(square, args=(3,), executor="thread"), JobHandle[int])
    assert_type(await scheduler.schedule("mail:send", execution_time=NOON), JobHandle[Any])
    assert_type(await scheduler.schedule(send, execution_time=NOON, args=("Ada",)), JobHandle[bytes])
    await scheduler.schedule(
        greet,
        execution_time=NOON,
        priority=3,
        job_id="x",
        conflict_resolution=ConflictResolution.REPLACE,
        misfire_grace_time=None,
        timeout=timedelta(seconds=3),
        deduplicate=timedelta(hours=1),
    )
    await scheduler.schedule_job("greet", NOON, {"args": ["Ada"]})
    jobs = [JobSpec(greet, NOON, args=("x",), priority=JobPriority.HIGH), JobSpec(func=greet, delay=3)]
    await scheduler.schedule_bulk(jobs, batch_size=10)
    assert_type(await job.wait(timeout=3), JobStatus)
    assert_type(await scheduler.cancel_job(job), bool)
    key = await scheduler.add_schedule(
        greet, every=timedelta(1), args=("x",), jitter=timedelta(1), overlap="skip"
    )
    await scheduler.update_schedule(key, cron="@hourly", timezone="UTC", catch_up="all")
    status = await scheduler.schedule_status(key)
    if status is not None:
        assert_type(status["next_run"], datetime | None)
        assert_type(status["enabled"], bool)
    assert_type(await scheduler.register(greet, name="greet")("Ada"), str)


class Brisk(Scheduler):
    LEASE_DURATION = 5


async def main() -> None:
    async with Brisk.connect("postgresql://x", max_concurrent_jobs=3, library="psycopg") as brisk:
        assert_type(brisk, Brisk)
        await calls(brisk)
    async with Scheduler(MemoryDriver(), clock=ManualClock(), polling_config=PollingConfig()) as scheduler:
        assert_type(scheduler, Scheduler)
        await tasks(scheduler)
        await documented(scheduler)
    Scheduler.from_env({}, misfire_grace_time=None)


if __name__ == "__main__":
    asyncio.run(main())
