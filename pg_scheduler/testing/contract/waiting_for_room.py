"""The grace of jobs that wait for room in their lane, or for the end of a pause: neither is their fault."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.limits import FULL_LANE_PATIENCE, TaskLimits
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing.contract.limiting import claim_lanes, ids, limit
from pg_scheduler.testing.contract.scene import (
    LEASE,
    NOON,
    OWNER,
    at,
    claim,
    new,
    reclaim,
    settle,
    stored,
    submit,
)

GRACE = 5


class TestWaitingForRoom:
    """Expiry in `claim_lanes` and `claim`."""

    async def test_a_pause_does_not_count_against_the_grace(self, driver: Driver) -> None:
        await submit(driver, new("before", misfire_grace_seconds=GRACE))
        await driver.limits.pause_task("task", True, now=NOON)
        await submit(driver, new("meanwhile", due=at(100), misfire_grace_seconds=GRACE))
        await driver.limits.pause_task("task", False, now=at(1000))
        assert ids(await claim_lanes(driver, now_in=1000 + GRACE)) == ["before", "meanwhile"]

    async def test_after_a_pause_the_whole_grace_is_left_and_no_more(self, driver: Driver) -> None:
        await driver.limits.pause_task("task", True, now=NOON)
        await submit(driver, new("job", misfire_grace_seconds=GRACE))
        await driver.limits.pause_task("task", False, now=at(1000))
        assert (await claim_lanes(driver, now_in=1000 + GRACE + 0.001)).expired == ("job",)

    async def test_a_job_that_became_due_after_the_pause_is_late_as_ever(self, driver: Driver) -> None:
        await driver.limits.pause_task("task", True, now=NOON)
        await driver.limits.pause_task("task", False, now=at(10))
        await submit(driver, new("job", due=at(20), misfire_grace_seconds=GRACE))
        assert (await claim(driver, now=at(26))).jobs == ()
        answer = await claim_lanes(driver, now_in=26)
        assert (ids(answer), (await stored(driver)).status) == ([], JobStatus.EXPIRED)

    async def test_a_task_that_was_resumed_is_limited_no_more(self, driver: Driver) -> None:
        await driver.limits.pause_task("task", True, now=NOON)
        await driver.limits.pause_task("task", False, now=at(10))
        assert await driver.limits.list_limits() == []
        await submit(driver, new("job"))
        assert [job.job_id for job in (await claim(driver, now=at(11))).jobs] == ["job"]

    async def test_limits_that_end_during_a_pause_leave_the_grace_alone(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await driver.limits.pause_task("task", True, now=NOON)
        await submit(driver, new("job", misfire_grace_seconds=GRACE))
        await limit(driver, task=TaskLimits())
        await driver.limits.pause_task("task", False, now=at(1000))
        await limit(driver, task=TaskLimits(rate=1))
        await limit(driver, task=TaskLimits())
        assert ids(await claim_lanes(driver, now_in=1001)) == ["job"]

    async def test_a_full_lane_does_not_count_against_the_grace(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("long"), new("waits", misfire_grace_seconds=GRACE))
        (run,) = (await claim_lanes(driver)).jobs
        for seconds in range(0, 600, 50):
            assert ids(await claim_lanes(driver, now_in=seconds)) == []
        await settle(driver, run, JobEvent.COMPLETE, now=at(595))
        assert ids(await claim_lanes(driver, now_in=595)) == ["waits"]

    async def test_a_lane_that_is_full_for_hours_is_remembered(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("long"), new("waits", misfire_grace_seconds=GRACE))
        (run,) = (await claim_lanes(driver)).jobs
        assert ids(await claim_lanes(driver, now_in=7200)) == []
        await driver.jobs.renew(RenewRequest(OWNER, "host", 1, LEASE, [run.lease]), now=at(7200))
        assert (await reclaim(driver, now=at(7201))).jobs == ()
        await settle(driver, run, JobEvent.COMPLETE, now=at(7210))
        assert ids(await claim_lanes(driver, now_in=7210)) == ["waits"]

    async def test_nor_does_it_for_a_job_stored_while_it_was_full(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("long"))
        (run,) = (await claim_lanes(driver)).jobs
        await submit(driver, new("waits", due=at(300), misfire_grace_seconds=GRACE))
        assert ids(await claim_lanes(driver, now_in=300)) == []
        await settle(driver, run, JobEvent.COMPLETE, now=at(349))
        assert ids(await claim_lanes(driver, now_in=349)) == ["waits"]

    async def test_a_lane_that_nobody_looked_at_for_long_was_not_full(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("long"), new("waits", misfire_grace_seconds=GRACE))
        (run,) = (await claim_lanes(driver)).jobs
        await settle(driver, run, JobEvent.COMPLETE)
        later = FULL_LANE_PATIENCE.total_seconds() + GRACE
        answer = await claim_lanes(driver, now_in=later + 0.001)
        assert (ids(answer), answer.expired) == ([], ("waits",))

    async def test_a_job_that_waits_for_its_token_is_not_late(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(rate=1 / 60))
        await submit(driver, *(new(job_id, misfire_grace_seconds=GRACE) for job_id in "abcd"))
        for minute, job_id in enumerate("abc"):
            assert ids(await claim_lanes(driver, now_in=60 * minute)) == [job_id]
        answer = await claim_lanes(driver, now_in=180 + GRACE + 0.001)
        assert (ids(answer), answer.expired) == ([], ("d",)), "its token was there, and nobody came"

    async def test_a_lane_with_room_lets_nobody_be_late(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=2))
        await submit(driver, new("running"))
        await claim_lanes(driver)
        await submit(driver, new("late", misfire_grace_seconds=GRACE))
        assert (await claim_lanes(driver, now_in=GRACE + 0.001)).expired == ("late",)

    async def test_a_job_that_missed_the_pause_by_a_transaction_is_judged_by_its_lane(
        self, driver: Driver
    ) -> None:
        # It stands in no lane: it was stored when the pause was not visible yet.
        await submit(driver, new("running", misfire_grace_seconds=GRACE))
        (run,) = (await claim(driver)).jobs
        await driver.limits.pause_task("task", True, now=NOON)
        await settle(driver, run, JobEvent.SNOOZE, delay=timedelta(0))
        await driver.limits.pause_task("task", False, now=at(1000))
        found = [*(await claim(driver, now=at(1001))).jobs, *(await claim_lanes(driver, now_in=1001)).jobs]
        assert [job.job_id for job in found] == ["running"]
