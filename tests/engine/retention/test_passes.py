"""When passes are made, by whom, and what is written down about them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from pg_scheduler import Scheduler, VacuumConfig, VacuumPolicy
from pg_scheduler.domain.retention import AWAITED_STAY
from pg_scheduler.engine.retention import pruner
from pg_scheduler.testing import ManualClock, drain
from tests.engine.retention.ends import ALL, end_all, end_each_way, go_wrong, left, succeed
from tests.support.running import eventually

pytestmark = pytest.mark.slow_with("psycopg")

Make = Callable[..., Scheduler]
NOW = VacuumPolicy.immediate()
NOTHING = dict.fromkeys(["completed", "failed", "cancelled", "expired"], 0)


async def test_a_long_pass_goes_in_batches_and_tells_how_far_it_is(
    make: Make, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pruner, "BATCH", 2)
    scheduler = make(VacuumConfig(completed=VacuumPolicy.keep_last(1)))
    await end_all(scheduler, clock, "abcdef")
    with caplog.at_level(logging.INFO, "pg_scheduler.engine.retention.pruner"):
        assert (await scheduler.run_vacuum())["completed"] == 5
    progress = [record.deleted for record in caplog.records if hasattr(record, "deleted")]
    assert progress == [2, 4]
    assert await left(scheduler) == {"f"}


async def test_one_worker_at_a_time_deletes(make: Make, clock: ManualClock) -> None:
    config = VacuumConfig(completed=VacuumPolicy.keep_last(0))
    one, other = make(config), make(config)
    await end_all(one, clock, "a")
    await other.open()
    async with one.driver.locks.exclusive(pruner.LOCK, lambda: None) as held:
        assert held
        assert await other.run_vacuum() == NOTHING
        assert await left(other) == {"a"}
    assert await other.run_vacuum() == {**NOTHING, "completed": 1}


async def test_statistics_add_up_by_day_and_in_total(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(completed=VacuumPolicy.keep_last(0), track_metrics=True))
    assert (await scheduler.get_total_vacuum_stats())["last_vacuum_run"] is None
    for jobs in ("ab", "c"):
        await end_all(scheduler, clock, jobs)
        await scheduler.run_vacuum()
    first_day = clock.now().date()
    await clock.advance(timedelta(days=1))
    await end_all(scheduler, clock, "d")
    await scheduler.run_vacuum()
    today, yesterday = await scheduler.get_vacuum_stats()
    assert (yesterday["day"], yesterday["deleted_completed"], yesterday["runs"]) == (first_day, 3, 2)
    assert (today["deleted_completed"], today["runs"], today["last_run"]) == (1, 1, clock.now())
    assert [day["day"] for day in await scheduler.get_vacuum_stats(days=1)] == [today["day"]]
    total = await scheduler.get_total_vacuum_stats()
    assert total == {
        "total_completed": 4, "total_failed": 0, "total_cancelled": 0, "total_expired": 0,
        "last_vacuum_run": clock.now(),
    }  # fmt: skip


async def test_what_settling_deletes_is_in_the_statistics_too(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(completed=NOW, track_metrics=True))
    await end_all(scheduler, clock, "abc")
    assert await left(scheduler) == set()
    await scheduler.run_vacuum()
    assert (await scheduler.get_total_vacuum_stats())["total_completed"] == 3


async def test_an_awaited_job_is_in_the_statistics_once_when_it_goes(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(completed=NOW, failed=NOW, track_metrics=True))
    await scheduler.schedule(succeed, execution_time=clock.now(), job_id="fine", store_result=True)
    await scheduler.schedule(go_wrong, execution_time=clock.now(), job_id="bad")
    assert await scheduler.driver.signals.await_jobs(["fine", "bad"]) == {"fine", "bad"}
    await drain(scheduler)
    await scheduler.run_vacuum()
    assert await left(scheduler) == {"fine", "bad"}
    assert (await scheduler.get_total_vacuum_stats())["total_completed"] == 0
    await clock.advance(AWAITED_STAY)
    await scheduler.run_vacuum()
    total = await scheduler.get_total_vacuum_stats()
    assert (total["total_completed"], total["total_failed"]) == (1, 1)


async def test_without_metrics_nothing_is_written_down(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(completed=VacuumPolicy.keep_last(0)))
    await end_all(scheduler, clock, "a")
    assert (await scheduler.run_vacuum())["completed"] == 1
    assert await scheduler.get_vacuum_stats() == []


async def test_a_running_worker_deletes_at_once_what_was_cancelled_before_it_began(
    make: Make, clock: ManualClock
) -> None:
    scheduler = make(VacuumConfig(cancelled=NOW))
    async with scheduler:
        handle = await scheduler.schedule(succeed, execution_time=clock.now() + timedelta(days=1))
        assert await handle.cancel()
        await eventually(lambda: _nothing_left(scheduler))  # the clock stands still: no interval passes


async def test_a_running_worker_deletes_at_once_what_has_expired(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(expired=NOW))
    async with scheduler:
        late = clock.now() - timedelta(hours=1)
        await scheduler.schedule(succeed, execution_time=late, misfire_grace_time=5)
        await eventually(lambda: _nothing_left(scheduler))


async def _nothing_left(scheduler: Scheduler) -> bool:
    return not await left(scheduler)


async def test_a_running_worker_makes_its_first_pass_soon_and_others_at_their_interval(
    make: Make, clock: ManualClock
) -> None:
    scheduler = make(VacuumConfig(completed=VacuumPolicy.keep_last(0), interval_minutes=5))
    await end_all(scheduler, clock, "a")
    passes: list[int] = []
    prune_once = scheduler.worker.services.pruner.prune_once

    async def counted() -> object:
        deleted = await prune_once()
        passes.append(sum(deleted.values()))
        return deleted

    scheduler.worker.services.pruner.prune_once = counted  # type: ignore[assignment,method-assign]
    async with scheduler:
        await clock.advance(pruner.FIRST_PASS)
        await eventually(lambda: passes == [1])
        for wanted in (2, 3):

            async def made() -> bool:
                await clock.advance(20)
                return len(passes) >= wanted  # noqa: B023 - awaited within this round

            began = clock.now()
            await eventually(made)
            assert clock.now() - began >= timedelta(minutes=4)


async def test_frequent_wakes_do_not_keep_a_pass_from_its_time(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(completed=VacuumPolicy.after_days(0), cancelled=NOW))
    await end_all(scheduler, clock, "a")
    async with scheduler:

        async def gone() -> bool:
            scheduler.worker.services.pruner.wake()
            await clock.advance(10)
            return not await left(scheduler)

        await eventually(gone)


async def test_a_worker_without_vacuum_makes_no_pass(make: Make, clock: ManualClock) -> None:
    scheduler = make(VacuumConfig(completed=VacuumPolicy.keep_last(0)), vacuum_enabled=False)
    await end_each_way(scheduler, clock)
    async with scheduler:
        await clock.advance(timedelta(hours=3))
        assert await left(scheduler) == ALL


async def test_a_window_whose_job_is_deleted_at_once_is_not_opened_again(
    make: Make, clock: ManualClock
) -> None:
    ran: list[object] = []

    async def every_minute() -> None:
        ran.append(clock.now())

    scheduler = make(VacuumConfig(completed=NOW))
    scheduler.register(every_minute)
    await scheduler.add_schedule(every_minute, key="k", every=timedelta(minutes=1))
    await drain(scheduler)
    for minute in range(1, 4):
        await clock.advance(60)
        for worker in (scheduler, make(VacuumConfig(completed=NOW))):
            worker.register(every_minute)
            await drain(worker)
            await worker.run_vacuum()
        assert await left(scheduler) == set()
        assert len(ran) == len(set(ran)) == minute
