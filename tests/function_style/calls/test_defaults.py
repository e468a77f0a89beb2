"""What `@task` says holds where the call site says nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from pg_scheduler import InvalidInput, JobHandle, JobPriority, JobSpec, Scheduler, call, task
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.unset import UNSET
from pg_scheduler.testing import drain
from tests.function_style.calls.tasks import NOW, add

pytestmark = pytest.mark.slow_with("psycopg")


@task(
    max_retries=5,
    priority=JobPriority.HIGH,
    misfire_grace_time=60,
    store_result=True,
    limit_key="shop",
    concurrency_limit=3,
    requests_per_second=50,
)
async def charge(order: int) -> int:
    return 2 * order


class Stored(NamedTuple):
    """What a call site or a task decides about a job."""

    rank: int
    max_retries: int
    grace: int | None
    limit_key: str | None
    result: int | None


async def stored(scheduler: Scheduler, job: JobHandle[Any]) -> Stored:
    await scheduler.worker.services.limits.keep()
    await drain(scheduler)
    record = await scheduler.driver.insight.job(job)
    assert record is not None
    result = await job.result(timeout=30)
    return Stored(record.rank, record.max_retries, record.misfire_grace_seconds, record.limit_key, result)


Store = Callable[[Scheduler], Awaitable[JobHandle[Any]]]


async def in_bulk(scheduler: Scheduler, **options: Any) -> JobHandle[Any]:
    (job,) = await scheduler.schedule_bulk([JobSpec(charge, NOW, (3,), **options)])
    assert job is not None
    return job


async def in_many(scheduler: Scheduler) -> JobHandle[Any]:
    return (await scheduler.enqueue_many([call(charge, 3)]))[0]


@pytest.mark.parametrize(
    "store",
    [
        lambda s: s.schedule(charge, execution_time=NOW, args=(3,)),
        lambda s: s.schedule(call(charge, 3)),
        lambda s: s.enqueue(charge, 3),
        lambda s: charge.using(scheduler=s).enqueue(3),
        in_bulk,
        in_many,
    ],
    ids=["schedule", "schedule a call", "enqueue", "task", "bulk", "many"],
)
async def test_a_call_site_that_says_nothing_gets_what_the_task_says(
    scheduler: Scheduler, store: Store
) -> None:
    assert await stored(scheduler, await store(scheduler)) == Stored(3, 5, 60, "shop", 6)


@pytest.mark.parametrize(
    "store",
    [
        lambda s, options: s.schedule(charge, execution_time=NOW, args=(3,), **options),
        lambda s, options: charge.using(scheduler=s, **options).enqueue(3),
        lambda s, options: in_bulk(s, **options),
    ],
    ids=["schedule", "task", "bulk"],
)
async def test_what_the_call_site_says_wins_even_if_it_is_what_the_library_says(
    scheduler: Scheduler, store: Callable[[Scheduler, dict[str, Any]], Awaitable[JobHandle[Any]]]
) -> None:
    said = {
        "priority": JobPriority.NORMAL,
        "max_retries": 0,
        "misfire_grace_time": None,
        "store_result": False,
        "limit_key": None,
    }
    job = await store(scheduler, said)
    assert await stored(scheduler, job) == Stored(5, 0, None, None, None)


async def test_a_function_without_a_policy_gets_what_is_documented(scheduler: Scheduler) -> None:
    scheduled = await scheduler.schedule(add, execution_time=NOW, args=(1,))
    enqueued = await scheduler.enqueue(add, 1)
    assert await stored(scheduler, scheduled) == Stored(5, 0, 300, None, None)
    assert await stored(scheduler, enqueued) == Stored(5, 0, None, None, None)


async def test_a_name_that_is_known_here_has_its_tasks_defaults(scheduler: Scheduler) -> None:
    name = scheduler.task_for(charge).name
    job = await scheduler.schedule_job(name, NOW, {"args": [3]})
    assert await stored(scheduler, job) == Stored(3, 5, 60, "shop", 6)


def read(spec: JobSpec) -> tuple[object, ...]:
    return spec.priority, spec.max_retries, spec.misfire_grace_time, spec.store_result, spec.limit_key


def test_a_spec_reads_as_what_its_job_will_have() -> None:
    assert read(JobSpec(add, NOW)) == (JobPriority.NORMAL, 0, UNSET, False, None)
    assert read(JobSpec(charge, NOW)) == (JobPriority.HIGH, 5, 60, True, "shop")
    said = JobSpec(
        charge,
        NOW,
        priority=JobPriority.NORMAL,
        max_retries=0,
        misfire_grace_time=None,
        store_result=False,
        limit_key=None,
    )
    assert read(said) == (JobPriority.NORMAL, 0, None, False, None)


async def test_a_copy_of_a_spec_makes_the_same_job(scheduler: Scheduler) -> None:
    spec = replace(JobSpec(charge, NOW, (3,)), job_id="copied")
    (job,) = await scheduler.schedule_bulk([spec])
    assert job == "copied"
    assert await stored(scheduler, job) == Stored(3, 5, 60, "shop", 6)


async def test_a_spec_of_a_name_leaves_its_tasks_defaults_to_the_scheduler(scheduler: Scheduler) -> None:
    spec = JobSpec(scheduler.task_for(charge).name, NOW, (3,))
    assert read(spec) == (UNSET, UNSET, UNSET, UNSET, UNSET)
    (job,) = await scheduler.schedule_bulk([spec])
    assert job is not None
    assert await stored(scheduler, job) == Stored(3, 5, 60, "shop", 6)


async def test_limits_of_the_task_are_those_of_the_cluster(scheduler: Scheduler) -> None:
    assert scheduler.task_for(charge).limits == TaskLimits(3, 50.0)
    scheduler.register(charge, timeout=timedelta(seconds=5))
    assert scheduler.task_for(charge).limits == TaskLimits(3, 50.0)


@pytest.mark.parametrize(
    "options",
    [
        {"priority": "high"},
        {"max_retries": -1},
        {"max_retries": None},
        {"misfire_grace_time": 1.5},
        {"store_result": "yes"},
        {"limit_key": ""},
        {"concurrency_limit": 0},
        {"requests_per_second": -1},
    ],
    ids=str,
)
def test_a_default_that_cannot_be_is_refused_where_it_is_written(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(InvalidInput, match=name):
        task(**options)
