"""Jobs whose worker went silent come back, once, and not for ever."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import Reclaimed, ReclaimRequest
from pg_scheduler.testing.contract.scene import (
    LEASE,
    NOON,
    OWNER,
    RIVAL,
    at,
    claim,
    claimed,
    new,
    reclaim,
    settle,
    started,
    stored,
    submit,
)


class TestReclaiming:
    """`reclaim_expired`."""

    async def test_a_lease_is_over_after_its_last_instant(self, driver: Driver) -> None:
        await started(driver)
        assert (await reclaim(driver, now=NOON + LEASE)).jobs == ()
        answer = await reclaim(driver, now=NOON + LEASE + timedelta(microseconds=1))
        assert answer.jobs == (Reclaimed("job", OWNER, JobStatus.PENDING, 1),)

    async def test_a_lost_job_is_pending_again_and_the_crash_counts(self, driver: Driver) -> None:
        job = await started(driver)
        await reclaim(driver, now=at(61))
        record = await stored(driver)
        assert (record.status, record.crash_count, record.epoch) == (JobStatus.PENDING, 1, job.epoch)
        assert (record.worker_id, record.lease_until, record.finished_at) == (None, None, None)
        assert (record.attempt_count, record.retry_count, record.execution_time) == (1, 0, NOON)
        assert record.error_message is not None
        assert OWNER in record.error_message
        (again,) = (await claim(driver, RIVAL, now=at(62))).jobs
        assert again.epoch > job.epoch
        assert again.attempt == 2

    async def test_the_lost_attempt_is_in_the_history(self, driver: Driver) -> None:
        job = await started(driver)
        await reclaim(driver, now=at(61))
        (lost,) = await driver.insight.attempts("job")
        expected = ("lost", OWNER, job.epoch, at(61))
        assert (lost.outcome, lost.worker_id, lost.epoch, lost.finished_at) == expected

    async def test_a_look_that_comes_later_than_it_may_takes_nothing_and_says_so(
        self, driver: Driver
    ) -> None:
        await started(driver)
        late = await driver.jobs.reclaim_expired(
            ReclaimRequest(timedelta(minutes=2), 5, not_after=at(99)), now=at(100)
        )
        assert (late.jobs, late.came_late, late.looked_at) == ((), True, at(100))
        assert (await stored(driver)).status is JobStatus.RUNNING
        in_time = await driver.jobs.reclaim_expired(
            ReclaimRequest(timedelta(minutes=2), 5, not_after=at(100)), now=at(100)
        )
        assert ([one.job_id for one in in_time.jobs], in_time.came_late) == (["job"], False)

    async def test_a_job_is_taken_back_once(self, driver: Driver) -> None:
        await started(driver)
        assert len((await reclaim(driver, now=at(61))).jobs) == 1
        assert (await reclaim(driver, now=at(62))).jobs == ()

    async def test_a_job_that_loses_too_many_workers_fails_with_the_reason(self, driver: Driver) -> None:
        await submit(driver, new(max_retries=9))
        statuses = []
        for crash in range(1, 4):
            moment = 100 * crash
            await claimed(driver, now=at(moment))
            (lost,) = (await reclaim(driver, now=at(moment + 61), max_crashes=3)).jobs
            assert lost.crash_count == crash
            statuses.append(lost.status)
        assert statuses == [JobStatus.PENDING, JobStatus.PENDING, JobStatus.FAILED]
        record = await stored(driver)
        assert (record.status, record.crash_count, record.finished_at) == (JobStatus.FAILED, 3, at(361))
        assert "crash 3 of 3" in (record.error_message or "")

    async def test_a_job_that_was_to_be_cancelled_is_cancelled(self, driver: Driver) -> None:
        await started(driver)
        await driver.jobs.request_cancel(["job"], now=at(1))
        (lost,) = (await reclaim(driver, now=at(61))).jobs
        assert lost.status is JobStatus.CANCELLED
        assert (await stored(driver)).finished_at == at(61)

    async def test_a_recovered_job_never_expires(self, driver: Driver) -> None:
        await submit(driver, new(misfire_grace_seconds=5))
        await claimed(driver)
        await reclaim(driver, now=at(61))
        assert len((await claim(driver, now=at(5000))).jobs) == 1

    async def test_jobs_that_do_not_run_are_left_alone(self, driver: Driver) -> None:
        await submit(driver, new("pending"))
        await settle(driver, await started(driver, "done"), JobEvent.COMPLETE)
        before = await stored(driver, "pending"), await stored(driver, "done")
        assert (await reclaim(driver, now=at(10_000))).jobs == ()
        assert (await stored(driver, "pending"), await stored(driver, "done")) == before

    async def test_jobs_are_taken_back_in_id_order_up_to_the_limit(self, driver: Driver) -> None:
        for job_id in "cabd":
            await started(driver, job_id)
        first = await reclaim(driver, now=at(61), limit=3)
        assert [one.job_id for one in first.jobs] == ["a", "b", "c"]
        assert [one.job_id for one in (await reclaim(driver, now=at(61), limit=3)).jobs] == ["d"]

    async def test_the_answer_tells_when_the_next_lease_ends(self, driver: Driver) -> None:
        assert (await reclaim(driver, now=NOON)).next_expiry_in is None
        await started(driver)
        await submit(driver, new("later"))
        await claimed(driver, job_id="later", now=at(30))
        assert (await reclaim(driver, now=at(10))).next_expiry_in == timedelta(seconds=50)
        assert (await reclaim(driver, now=at(61))).next_expiry_in == timedelta(seconds=29)
