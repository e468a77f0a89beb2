"""A new definition for a job that runs waits for the running attempt, however that ends."""

from __future__ import annotations

from typing import Any

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing.contract.scene import (
    LEASE,
    NOON,
    OWNER,
    REPLACE,
    at,
    claim,
    new,
    reclaim,
    settle,
    started,
    stored,
    submit,
)


async def superseded(driver: Driver, **old: Any) -> ClaimedJob:
    """A running attempt of an old version; the new one is of task "newer" and due 200 s after noon."""
    job = await started(driver, **old)
    await submit(driver, new(task="newer", due=at(200), max_retries=7), conflict=REPLACE, now=at(1))
    return job


class TestSuperseding:
    """`submit` with REPLACE while the job runs."""

    async def test_the_running_attempt_keeps_its_lease_and_epoch(self, driver: Driver) -> None:
        job = await superseded(driver)
        record = await stored(driver)
        assert (record.status, record.worker_id, record.epoch) == (JobStatus.RUNNING, OWNER, job.epoch)
        assert (record.lease_until, record.started_at) == (NOON + LEASE, NOON)
        assert (record.superseded, record.task_name, record.execution_time) == (True, "newer", at(200))

    async def test_however_the_attempt_ends_the_new_version_follows(self, driver: Driver) -> None:
        for event in ATTEMPT_OUTCOMES:
            job = await self._run(driver, event)
            assert await settle(driver, job, event, error_message="E: old")
            record = await stored(driver, event.value)
            assert (record.status, record.execution_time) == (JobStatus.PENDING, at(200))
            assert (record.task_name, record.max_retries) == ("newer", 7)
            assert (record.attempt_count, record.retry_count, record.crash_count) == (0, 0, 0)
            assert (record.started_at, record.finished_at, record.worker_id) == (None, None, None)
            assert (record.error_message, record.superseded) == (None, False)
            assert record.epoch == job.epoch + 1, "the old attempt could still write"
            (attempt,) = await driver.insight.attempts(event.value)
            assert attempt.outcome == ATTEMPT_OUTCOMES[event]

    async def _run(self, driver: Driver, event: JobEvent) -> ClaimedJob:
        job = await started(driver, event.value, max_retries=3)
        newer = new(event.value, task="newer", due=at(200), max_retries=7)
        await submit(driver, newer, conflict=REPLACE, now=at(1))
        return job

    async def test_a_completion_told_twice_does_not_complete_the_new_version(self, driver: Driver) -> None:
        job = await superseded(driver)
        assert await settle(driver, job, JobEvent.COMPLETE)
        assert not await settle(driver, job, JobEvent.COMPLETE)
        assert (await stored(driver)).status is JobStatus.PENDING

    async def test_a_lost_lease_makes_way_for_the_new_version(self, driver: Driver) -> None:
        job = await superseded(driver)
        (lost,) = (await reclaim(driver, now=at(61), max_crashes=1)).jobs
        assert lost.status is JobStatus.PENDING
        record = await stored(driver)
        assert (record.crash_count, record.error_message, record.epoch) == (0, None, job.epoch + 1)
        assert not await settle(driver, job, JobEvent.COMPLETE, now=at(62))

    async def test_the_new_version_may_expire_at_its_first_start(self, driver: Driver) -> None:
        job = await started(driver)
        await submit(driver, new(due=at(20), misfire_grace_seconds=5), conflict=REPLACE, now=at(1))
        await settle(driver, job, JobEvent.COMPLETE)
        assert (await claim(driver, now=at(100))).expired == ("job",)

    async def test_cancelling_gives_up_the_new_version_too(self, driver: Driver) -> None:
        job = await superseded(driver)
        assert await driver.jobs.request_cancel(["job"], now=at(2)) == [CancelAnswer.REQUESTED]
        assert await settle(driver, job, JobEvent.CONFIRM_CANCEL)
        assert (await stored(driver)).status is JobStatus.CANCELLED

    async def test_a_cancelled_job_that_loses_its_worker_is_cancelled_new_version_and_all(
        self, driver: Driver
    ) -> None:
        await superseded(driver)
        await driver.jobs.request_cancel(["job"], now=at(2))
        (lost,) = (await reclaim(driver, now=at(61))).jobs
        assert lost.status is JobStatus.CANCELLED
        assert not (await stored(driver)).superseded

    async def test_the_superseded_attempt_can_still_renew_its_lease(self, driver: Driver) -> None:
        job = await superseded(driver)
        answer = await driver.jobs.renew(RenewRequest(OWNER, "host", 1, LEASE, [job.lease]), now=at(50))
        assert answer.held == {job.lease}
        assert (await reclaim(driver, now=at(61))).jobs == ()

    async def test_of_several_new_versions_the_last_one_follows(self, driver: Driver) -> None:
        job = await superseded(driver)
        await submit(driver, new(task="newest", due=at(300)), conflict=REPLACE, now=at(2))
        await settle(driver, job, JobEvent.RELEASE)
        record = await stored(driver)
        assert (record.status, record.task_name) == (JobStatus.PENDING, "newest")
        assert (await claim(driver, names=["newer", "newest"], now=at(299))).jobs == ()

    async def test_an_operators_word_ends_the_attempt_and_the_wait(self, driver: Driver) -> None:
        job = await superseded(driver)
        await driver.jobs.override_status("job", JobStatus.PENDING, now=at(5))
        record = await stored(driver)
        assert (record.status, record.superseded, record.execution_time) == (JobStatus.PENDING, False, at(5))
        assert not await settle(driver, job, JobEvent.COMPLETE)
        other = await started(driver, "other")
        await submit(driver, new("other"), conflict=REPLACE, now=at(5))
        await driver.jobs.override_status("other", JobStatus.COMPLETED, now=at(6))
        assert not (await stored(driver, "other")).superseded
        assert not await settle(driver, other, JobEvent.FAIL)

    async def test_replacing_after_a_wish_to_cancel_runs_the_new_version(self, driver: Driver) -> None:
        job = await started(driver)
        await driver.jobs.request_cancel(["job"], now=at(1))
        await submit(driver, new(due=at(200)), conflict=REPLACE, now=at(2))
        assert await settle(driver, job, JobEvent.CONFIRM_CANCEL)
        record = await stored(driver)
        assert (record.status, record.cancel_requested) == (JobStatus.PENDING, False)
