"""A wish to cancel is honoured, and the row says truthfully how far it got."""

from __future__ import annotations

from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.testing.contract.scene import (
    at,
    brought_to,
    but,
    claim,
    settle,
    started,
    stored,
)


class TestCancelling:
    """`request_cancel`, and what becomes of a job after it."""

    async def test_a_pending_job_is_cancelled(self, driver: Driver) -> None:
        before = await brought_to(driver, JobStatus.PENDING)
        assert await driver.jobs.request_cancel(["job"], now=at(5)) == [CancelAnswer.CANCELLED]
        assert await stored(driver) == but(
            before, status=JobStatus.CANCELLED, finished_at=at(5), cancel_requested=True
        )
        assert (await claim(driver, now=at(6))).jobs == ()

    async def test_a_running_job_is_only_asked(self, driver: Driver) -> None:
        before = await brought_to(driver, JobStatus.RUNNING)
        assert await driver.jobs.request_cancel(["job"], now=at(5)) == [CancelAnswer.REQUESTED]
        assert await stored(driver) == but(before, cancel_requested=True)

    async def test_a_finished_job_stays_as_it_is(self, driver: Driver) -> None:
        for status in JobStatus:
            if status.finished:
                before = await brought_to(driver, status, status.value)
                answers = await driver.jobs.request_cancel([status.value], now=at(50))
                assert answers == [CancelAnswer.FINISHED]
                assert await stored(driver, status.value) == before

    async def test_answers_come_in_the_order_of_the_request(self, driver: Driver) -> None:
        await brought_to(driver, JobStatus.RUNNING, "running")
        await brought_to(driver, JobStatus.PENDING, "pending")
        wanted = ["unknown", "running", "pending", "unknown too"]
        assert await driver.jobs.request_cancel(wanted, now=at(5)) == [
            CancelAnswer.UNKNOWN,
            CancelAnswer.REQUESTED,
            CancelAnswer.CANCELLED,
            CancelAnswer.UNKNOWN,
        ]

    async def test_asking_twice_changes_nothing_more(self, driver: Driver) -> None:
        await brought_to(driver, JobStatus.RUNNING)
        await driver.jobs.request_cancel(["job"], now=at(5))
        before = await stored(driver)
        assert await driver.jobs.request_cancel(["job"], now=at(6)) == [CancelAnswer.REQUESTED]
        assert await stored(driver) == before

    async def test_an_id_asked_for_twice_in_one_call_has_one_answer(self, driver: Driver) -> None:
        await brought_to(driver, JobStatus.PENDING)
        answers = await driver.jobs.request_cancel(["job", "job"], now=at(5))
        assert answers == [CancelAnswer.CANCELLED] * 2
        assert await driver.jobs.request_cancel([], now=at(5)) == []

    async def test_a_job_that_finishes_anyway_is_completed(self, driver: Driver) -> None:
        job = await started(driver)
        await driver.jobs.request_cancel(["job"], now=at(5))
        assert await settle(driver, job, JobEvent.COMPLETE)
        assert (await stored(driver)).status is JobStatus.COMPLETED

    async def test_a_job_that_fails_for_good_is_failed(self, driver: Driver) -> None:
        job = await started(driver)
        await driver.jobs.request_cancel(["job"], now=at(5))
        assert await settle(driver, job, JobEvent.FAIL, error_message="E: broken")
        assert (await stored(driver)).status is JobStatus.FAILED

    async def test_a_job_to_be_cancelled_does_not_go_back_to_pending(self, driver: Driver) -> None:
        for event in (JobEvent.RETRY, JobEvent.SNOOZE, JobEvent.RELEASE):
            job = await started(driver, event.value, max_retries=5)
            await driver.jobs.request_cancel([event.value], now=at(5))
            assert await settle(driver, job, event)
            record = await stored(driver, event.value)
            assert (record.status, record.finished_at) == (JobStatus.CANCELLED, at(10))
            assert record.execution_time == job.execution_time
            assert record.retry_count == 0
