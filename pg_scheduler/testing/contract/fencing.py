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
        job = replace(await started(driver), epoch=2)
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

    async def test_a_job_cancelled_after_its_lease_was_lost_stays_cancelled(self, driver: Driver) -> None:
        job = await started(driver)
        await reclaim(driver, now=at(61))
        await driver.jobs.request_cancel(["job"], now=at(62))
        assert not await settle(driver, job, JobEvent.COMPLETE, now=at(63))
        assert (await stored(driver)).status is JobStatus.CANCELLED

    async def test_an_unknown_job_settles_nothing(self, driver: Driver) -> None:
        job = replace(await started(driver), job_id="unknown")
        assert not await settle(driver, job, JobEvent.COMPLETE)
