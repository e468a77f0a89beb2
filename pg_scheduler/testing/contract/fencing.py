"""No stale attempt ever writes."""

from __future__ import annotations

from dataclasses import replace

from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    OWNER,
    REPLACE,
    RIVAL,
    at,
    brought_to,
    claimed,
    new,
    reclaim,
    settle,
    settlement_of,
    started,
    stored,
    submit,
)

EVENTS = tuple(ATTEMPT_OUTCOMES)
"""Every event by which an attempt ends."""


class TestFencing:
    """`settle` by everybody else."""

    async def test_a_stale_epoch_settles_nothing(self, driver: Driver) -> None:
        old = await started(driver)
        await reclaim(driver, now=at(61))
        await claimed(driver, OWNER, now=at(62))
        before = await stored(driver)
        for event in EVENTS:
            assert not await settle(driver, old, event, now=at(63))
        assert await stored(driver) == before
        assert [one.outcome for one in await driver.insight.attempts("job")] == ["lost"]

    async def test_an_epoch_of_the_future_settles_nothing(self, driver: Driver) -> None:
        job = await started(driver)
        job = replace(job, epoch=job.epoch + 1)
        for event in EVENTS:
            assert not await settle(driver, job, event)
        assert (await stored(driver)).status is JobStatus.RUNNING

    async def test_another_worker_settles_nothing(self, driver: Driver) -> None:
        job = await started(driver)
        before = await stored(driver)
        for event in EVENTS:
            assert not await settle(driver, job, event, worker=RIVAL)
        assert await stored(driver) == before

    async def test_a_late_completion_counts_while_nobody_claimed_the_job_since(self, driver: Driver) -> None:
        job = await started(driver)
        await reclaim(driver, now=at(61))
        assert await settle(driver, job, JobEvent.COMPLETE, now=at(62))
        record = await stored(driver)
        assert (record.status, record.finished_at, record.worker_id) == (JobStatus.COMPLETED, at(62), OWNER)
        assert record.crash_count == 1

    async def test_a_late_completion_does_not_count_once_the_job_was_claimed_again(
        self, driver: Driver
    ) -> None:
        old = await started(driver)
        await reclaim(driver, now=at(61))
        newer = await claimed(driver, RIVAL, now=at(62))
        assert not await settle(driver, old, JobEvent.COMPLETE, now=at(63))
        # Neither while the newer attempt runs nor after it gave the job back: the epoch is not given back.
        await settle(driver, newer, JobEvent.RELEASE, RIVAL, now=at(64))
        assert not await settle(driver, old, JobEvent.COMPLETE, now=at(65))
        assert (await stored(driver)).status is JobStatus.PENDING
        assert await settle(driver, newer, JobEvent.COMPLETE, RIVAL, now=at(66))

    async def test_a_late_completion_does_not_count_for_a_reopened_job(self, driver: Driver) -> None:
        job = await started(driver)
        await reclaim(driver, now=at(61), max_crashes=1)
        await driver.jobs.override_status("job", JobStatus.PENDING, now=at(62))
        assert not await settle(driver, job, JobEvent.COMPLETE, now=at(63))
        assert (await stored(driver)).status is JobStatus.PENDING

    async def test_anything_else_that_is_late_does_not_count(self, driver: Driver) -> None:
        job = await started(driver)
        await reclaim(driver, now=at(61))
        before = await stored(driver)
        for event in EVENTS:
            if event is not JobEvent.COMPLETE:
                assert not await settle(driver, job, event, now=at(62))
        assert await stored(driver) == before

    async def test_a_late_completion_does_not_touch_a_new_version(self, driver: Driver) -> None:
        job = await started(driver)
        await reclaim(driver, now=at(61))
        await submit(driver, new(), conflict=REPLACE, now=at(62))
        assert not await settle(driver, job, JobEvent.COMPLETE, now=at(63))
        assert (await stored(driver)).status is JobStatus.PENDING

    async def test_a_finished_job_is_never_settled_again(self, driver: Driver) -> None:
        for status in (JobStatus.COMPLETED, JobStatus.FAILED):
            before = await brought_to(driver, status, status.value)
            job = replace(await started(driver, f"like {status}"), job_id=status.value, epoch=before.epoch)
            for event in EVENTS:
                assert not await settle(driver, job, event, now=at(20))
            assert await stored(driver, status.value) == before

    async def test_no_epoch_is_used_again_when_an_id_is_deleted_and_stored_anew(self, driver: Driver) -> None:
        old = await started(driver)
        await self._deleted(driver)
        await submit(driver, new())
        again = await claimed(driver, now=at(62))
        assert again.epoch != old.epoch
        # The attempt of before can end the new job neither while it runs nor while it waits.
        for event in EVENTS:
            assert not await settle(driver, old, event, now=at(63))
        await settle(driver, again, JobEvent.RETRY, now=at(64))
        before = await stored(driver)
        assert not await settle(driver, old, JobEvent.COMPLETE, now=at(65))
        assert await stored(driver) == before
        assert await settle(driver, again, JobEvent.COMPLETE, now=at(66))

    async def test_no_epoch_is_used_again_when_the_new_job_is_replaced_or_reopened(
        self, driver: Driver
    ) -> None:
        old = await started(driver)
        await self._deleted(driver)
        await submit(driver, new())
        for moment in range(5):
            await submit(driver, new(), conflict=REPLACE, now=at(62))
            assert not await settle(driver, old, JobEvent.COMPLETE, now=at(63 + moment))
        assert (await stored(driver)).status is JobStatus.PENDING

    async def _deleted(self, driver: Driver) -> None:
        """Taken back from its owner, done by another, and deleted."""
        await reclaim(driver, now=at(61))
        done = settlement_of(await claimed(driver, RIVAL, now=at(61)), JobEvent.COMPLETE, RIVAL)
        answer = await driver.jobs.settle([done], now=at(61), not_kept=[JobStatus.COMPLETED])
        assert answer.accepted == [True]

    async def test_each_of_many_completions_is_held_against_its_own_lease(self, driver: Driver) -> None:
        jobs = [await started(driver, f"{n}") for n in range(4)]
        await reclaim(driver, now=at(61))
        newer = [await claimed(driver, job_id=f"{n}", now=at(62)) for n in range(2)]
        settlements = [settlement_of(job, JobEvent.COMPLETE) for job in (*jobs, newer[1])]
        # A stale one, a stale and a right one of one job, and two that are late.
        answer = await driver.jobs.settle(settlements, now=at(63))
        assert answer.accepted == [False, False, True, True, True]
        assert (await stored(driver, "0")).status is JobStatus.RUNNING

    async def test_a_job_cancelled_after_its_lease_was_lost_stays_cancelled(self, driver: Driver) -> None:
        job = await started(driver)
        await reclaim(driver, now=at(61))
        await driver.jobs.request_cancel(["job"], now=at(62))
        assert not await settle(driver, job, JobEvent.COMPLETE, now=at(63))
        assert (await stored(driver)).status is JobStatus.CANCELLED

    async def test_an_unknown_job_settles_nothing(self, driver: Driver) -> None:
        job = replace(await started(driver), job_id="unknown")
        assert not await settle(driver, job, JobEvent.COMPLETE)
