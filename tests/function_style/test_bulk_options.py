"""Jobs of one bulk call, each as its own specification says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pg_scheduler import JobSpec, Scheduler
from pg_scheduler.domain.model import NewJob
from pg_scheduler.testing import ManualClock, MemoryDriver


async def one(number: int) -> None: ...


async def other(number: int) -> None: ...


OPTIONS: list[dict[str, Any]] = [
    {},
    {"priority": 1},
    {"max_retries": 7},
    {"misfire_grace_time": 9},
    {"timeout": timedelta(seconds=3)},
    {"store_result": True},
    {"limit_key": "acme"},
    {"headers": {"a": 1}},
    {"queue": "mail"},
    {},
]


async def test_what_one_job_of_a_bulk_call_says_is_not_said_of_the_next(clock: ManualClock) -> None:
    driver = MemoryDriver()
    scheduler = Scheduler(driver, clock=clock)
    specs = [
        JobSpec(func, clock.now(), args=(place,), **options)
        for place, options in enumerate(OPTIONS)
        for func in (one, other)
    ]
    handles = await scheduler.schedule_bulk(specs)
    bulk = [_wishes(driver.state.jobs[str(handle)].new) for handle in handles]
    alone = []
    for spec in specs:
        (handle,) = await scheduler.schedule_bulk([spec])
        alone.append(_wishes(driver.state.jobs[str(handle)].new))
    assert bulk == alone
    assert len(set(map(str, bulk))) == 2 * (len(OPTIONS) - 1), "each option makes a difference"


def _wishes(job: NewJob) -> tuple[Any, ...]:
    return (
        *(job.task_name.rpartition(":")[2].rpartition(".")[2], job.rank, job.max_retries),
        *(job.misfire_grace_seconds, job.timeout, job.store_result, job.limit_key, job.headers, job.queue),
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
