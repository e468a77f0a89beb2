"""Limits that come, go and change while jobs run, and jobs that change their lane while they do."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.limiting import claim_lanes, ids, limit
from pg_scheduler.testing.contract.scene import REPLACE, at, claim, new, reclaim, settle, started, submit
from pg_scheduler.testing.contract.signals import listening, next_of

ONE = TaskLimits(concurrency=1)


class TestLimitsChanging:
    """`set_limits` and `submit` with REPLACE while jobs run."""

    async def test_what_ran_before_the_limit_takes_a_place(self, driver: Driver) -> None:
        await submit(driver, new("a"), new("b"), new("c"))
        running = (await claim(driver, limit=2)).jobs
        await limit(driver, task=TaskLimits(concurrency=2))
        assert ids(await claim_lanes(driver)) == []
        await settle(driver, running[0], JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver)) == ["c"]

    async def test_what_ran_before_the_limit_waits_in_its_lane_when_it_comes_back(
        self, driver: Driver
    ) -> None:
        await submit(driver, new("a"), new("b"))
        (running,) = (await claim(driver, limit=1)).jobs
        await limit(driver, task=ONE)
        await settle(driver, running, JobEvent.SNOOZE, delay=timedelta(0))
        assert (await claim(driver, now=at(20))).sorted_into_lanes == 0
        assert len((await claim_lanes(driver, now_in=20)).jobs) == 1
        assert ids(await claim_lanes(driver, now_in=21)) == []

    async def test_a_limit_that_is_raised_makes_room_at_once(self, driver: Driver) -> None:
        await limit(driver, task=ONE)
        await submit(driver, new("a"), new("b"), new("c"))
        assert ids(await claim_lanes(driver)) == ["a"]
        await limit(driver, task=TaskLimits(concurrency=3))
        assert ids(await claim_lanes(driver)) == ["b", "c"]

    async def test_a_limit_that_is_lowered_waits_for_what_runs(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=2))
        await submit(driver, new("a"), new("b"), new("c"))
        first, second = (await claim_lanes(driver)).jobs
        await limit(driver, task=ONE)
        await settle(driver, first, JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver)) == []
        await settle(driver, second, JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver)) == ["c"]

    async def test_a_rate_that_is_raised_is_felt_at_once(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(rate=1 / 3600))
        await submit(driver, new("a"), new("b"), new("c"))
        assert ids(await claim_lanes(driver)) == ["a"]
        assert ids(await claim_lanes(driver, now_in=60)) == []
        await limit(driver, task=TaskLimits(rate=10))
        assert ids(await claim_lanes(driver, now_in=60)) == ["b"]
        assert ids(await claim_lanes(driver, now_in=60.1)) == ["c"]

    async def test_a_rate_that_is_lowered_counts_from_the_last_start(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(rate=10))
        await submit(driver, new("a"), new("b"), new("c"))
        assert ids(await claim_lanes(driver)) == ["a"]
        await limit(driver, task=TaskLimits(rate=1 / 60))
        assert ids(await claim_lanes(driver, now_in=1)) == ["b"]
        assert ids(await claim_lanes(driver, now_in=60)) == []
        assert ids(await claim_lanes(driver, now_in=61)) == ["c"]

    async def test_after_a_clock_is_set_back_the_bucket_fills_by_the_clock_as_it_is(
        self, driver: Driver
    ) -> None:
        await limit(driver, task=TaskLimits(rate=2.0))
        await submit(driver, *(new(job_id, due=at(-9999)) for job_id in "abc"))
        assert ids(await claim_lanes(driver)) == ["a"]
        assert ids(await claim_lanes(driver, now_in=-3600)) == []
        assert ids(await claim_lanes(driver, now_in=-3599.75)) == []
        assert ids(await claim_lanes(driver, now_in=-3599.5)) == ["b"]
        assert ids(await claim_lanes(driver, now_in=-3599)) == ["c"]

    async def test_a_replaced_run_keeps_its_place_in_the_lane_it_runs_in(self, driver: Driver) -> None:
        await limit(driver, task=ONE)
        await submit(
            driver, new("a1", limit_key="ada"), new("a2", limit_key="ada"), new("b", limit_key="bob")
        )
        (run,) = (await claim_lanes(driver, limit=1)).jobs
        await submit(driver, new("a1", due=at(500), limit_key="bob"), conflict=REPLACE, now=at(1))
        assert ids(await claim_lanes(driver, now_in=2)) == ["b"], "ada's place is taken, bob's is not"
        assert await settle(driver, run, JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver, now_in=11)) == ["a2"]
        assert ids(await claim_lanes(driver, now_in=501)) == [], "it waits for bob's place now"

    async def test_its_end_is_signalled_to_who_waits_for_its_place(self, driver: Driver) -> None:
        await limit(driver, task=ONE)
        await submit(driver, new("a1"), new("a2"))
        (run,) = (await claim_lanes(driver)).jobs
        await submit(driver, new("a1", task="free", due=at(500)), conflict=REPLACE, now=at(1))
        async with listening(driver) as heard:
            await settle(driver, run, JobEvent.COMPLETE)
            await next_of(heard, SignalKind.LANE)
        assert ids(await claim_lanes(driver, now_in=11)) == ["a2"]

    async def test_replaced_twice_it_still_keeps_its_place(self, driver: Driver) -> None:
        await limit(driver, task=ONE, other=ONE)
        await submit(driver, new("a1"), new("a2"), new("o", task="other"))
        await claim_lanes(driver, limit=1)
        await submit(driver, new("a1", task="other", due=at(500)), conflict=REPLACE, now=at(1))
        await submit(driver, new("a1", task="newest", due=at(500)), conflict=REPLACE, now=at(2))
        assert ids(await claim_lanes(driver, now_in=3)) == ["o"]
        await reclaim(driver, now=at(61))
        assert "a2" in ids(await claim_lanes(driver, now_in=61))

    async def test_a_run_that_was_replaced_while_no_limit_was_takes_no_place_in_a_lane(
        self, driver: Driver
    ) -> None:
        await limit(driver, other=ONE)
        await started(driver, "free")
        await submit(driver, new("free", task="other", due=at(500)), conflict=REPLACE, now=at(1))
        await submit(driver, new("limited", task="other"))
        assert ids(await claim_lanes(driver, now_in=2)) == ["limited"]

    async def test_limits_that_somebody_has_set_hold_whatever_code_says(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=3))
        await submit(driver, new("a"), new("b"), new("c"), new("d"))
        assert await driver.limits.limit_task("task", ONE, now=at(0))
        assert not await driver.limits.limit_task("task", ONE, now=at(0))
        await limit(driver, task=TaskLimits(concurrency=2))
        (record,) = await driver.limits.list_limits()
        assert (record.limits, record.by_hand, record.in_code) == (ONE, True, TaskLimits(concurrency=2))
        assert ids(await claim_lanes(driver)) == ["a"]
        assert await driver.limits.limit_task("task", NO_LIMITS, now=at(0))
        assert not await driver.limits.limit_task("task", NO_LIMITS, now=at(0))
        (record,) = await driver.limits.list_limits()
        assert (record.limits, record.by_hand, record.in_code) == (TaskLimits(concurrency=2), False, None)
        assert ids(await claim_lanes(driver)) == ["b"]

    async def test_limits_by_hand_end_with_those_that_code_has_by_then(self, driver: Driver) -> None:
        await submit(driver, new("a"), new("b"))
        await driver.limits.limit_task("task", ONE, now=at(0))
        assert ids(await claim_lanes(driver)) == ["a"]
        await limit(driver, task=TaskLimits(concurrency=5))
        await limit(driver, task=NO_LIMITS)
        assert ids(await claim_lanes(driver)) == []
        await driver.limits.pause_task("task", True, now=at(0))
        await driver.limits.pause_task("task", False, now=at(0))
        (record,) = await driver.limits.list_limits()
        assert (record.limits, record.by_hand) == (ONE, True)
        await driver.limits.limit_task("task", NO_LIMITS, now=at(0))
        assert await driver.limits.list_limits() == []
        assert ids(await claim_lanes(driver)) == ["b"]
