"""Which finished jobs go and which stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from pg_scheduler import JobStatus, Scheduler, VacuumConfig, VacuumPolicy
from pg_scheduler.testing import ManualClock, drain
from tests.engine.retention.ends import (
    ALL,
    KEEP_ALL,
    NEVER,
    also_succeed,
    end_all,
    end_each_way,
    go_wrong,
    left,
    succeed,
)

pytestmark = pytest.mark.slow_with("psycopg")

Make = Callable[..., Scheduler]
NOW = VacuumPolicy.immediate()


async def test_every_status_has_a_policy_of_its_own(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig())
    await end_each_way(scheduler, clock)
    expected = [(1, ALL - {"completed"}), (3, {"failed"}), (7, set())]
    passed = timedelta(0)
    for days, still_there in expected:
        await clock.advance(timedelta(days=days) - passed - timedelta(seconds=1))
        before = await left(scheduler)
        assert set((await scheduler.run_vacuum()).values()) == {0}
        assert await left(scheduler) == before
        await clock.advance(1)
        passed = timedelta(days=days)
        deleted = await scheduler.run_vacuum()
        assert {status for status, count in deleted.items() if count} == before - still_there
        assert await left(scheduler) == still_there


async def test_days_count_from_the_end_of_a_job_and_not_from_its_creation(
    make: Make, clock: ManualClock
) -> None:
    scheduler = make(VacuumConfig(completed=VacuumPolicy.after_days(2)))
    await scheduler.schedule(succeed, execution_time=clock.now() + timedelta(days=30), job_id="long awaited")
    await clock.advance(timedelta(days=30))
    await drain(scheduler)
    await clock.advance(timedelta(days=1, hours=23))
    assert (await scheduler.run_vacuum())["completed"] == 0
    await clock.advance(timedelta(hours=1))
    assert (await scheduler.run_vacuum())["completed"] == 1


async def test_the_last_of_each_name_are_kept_in_the_order_they_ended(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(completed=VacuumPolicy.keep_last(2)))
    await scheduler.schedule(succeed, execution_time=clock.now() + timedelta(hours=1), job_id="made first")
    await end_all(scheduler, clock, ["a", "b", "c"])
    await end_all(scheduler, clock, ["x", "y", "z"], also_succeed)
    await clock.advance(timedelta(hours=1))
    await drain(scheduler)
    assert (await scheduler.run_vacuum())["completed"] == 3
    assert await left(scheduler) == {"c", "made first", "y", "z"}


async def test_keeping_none_deletes_all_of_the_status_and_no_other(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(expired=VacuumPolicy.keep_last(0)))
    await end_each_way(scheduler, clock)
    assert await scheduler.run_vacuum() == {"completed": 0, "failed": 0, "cancelled": 0, "expired": 1}
    assert await left(scheduler) == ALL - {"expired"}


async def test_what_is_never_deleted_is_there_after_a_century(make: Make, clock: ManualClock) -> None:
    scheduler = make(KEEP_ALL)
    await end_each_way(scheduler, clock)
    await clock.advance(timedelta(days=36_500))
    assert set((await scheduler.run_vacuum()).values()) == {0}
    assert await left(scheduler) == ALL


async def test_unfinished_jobs_outlive_every_policy(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(NOW, NOW, NOW, expired=NOW))
    await scheduler.schedule(succeed, execution_time=clock.now() + timedelta(days=1), job_id="pending")
    await scheduler.run_vacuum()
    assert await left(scheduler) == {"pending"}


async def test_a_job_takes_its_history_along(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(failed=VacuumPolicy.keep_last(1)))
    await end_all(scheduler, clock, ["old", "new"], go_wrong)
    assert await scheduler.driver.insight.attempts("old")
    await scheduler.run_vacuum()
    assert await scheduler.driver.insight.attempts("old") == []
    assert len(await scheduler.driver.insight.attempts("new")) == 1


@pytest.mark.parametrize("policy", [NOW, NEVER], ids=["immediate", "never"])
async def test_a_job_that_ends_at_once_is_gone_when_it_is_settled_only_if_so_wanted(
    make: Make, clock: ManualClock, policy: VacuumPolicy
) -> None:
    scheduler = make(VacuumConfig(policy, policy, policy, expired=policy))
    for job_id, task in (("completed", succeed), ("failed", go_wrong)):
        await scheduler.schedule(task, execution_time=clock.now(), job_id=job_id)
    await drain(scheduler)  # no pass is made here
    assert await left(scheduler) == (set() if policy is NOW else {"completed", "failed"})
    assert bool(await scheduler.driver.insight.attempts("failed")) is (policy is not NOW)


async def test_a_retry_is_no_end(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(failed=NOW))
    handle = await scheduler.schedule(go_wrong, execution_time=clock.now(), max_retries=1)
    await drain(scheduler)
    assert await handle.status() is JobStatus.PENDING
    assert len(await scheduler.driver.insight.attempts(handle)) == 1
    await clock.advance(timedelta(hours=1))
    await drain(scheduler)
    assert await left(scheduler) == set()
    assert await scheduler.driver.insight.attempts(handle) == []


async def test_without_vacuum_nothing_goes_until_it_is_asked_for(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(NOW, NOW, NOW, expired=NOW), vacuum_enabled=False)
    await end_each_way(scheduler, clock)
    assert await left(scheduler) == ALL
    assert await scheduler.run_vacuum() == dict.fromkeys(["completed", "failed", "cancelled", "expired"], 1)
    assert await left(scheduler) == set()
