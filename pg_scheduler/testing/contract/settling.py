"""What each verdict does to its job."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    OWNER,
    at,
    but,
    claim,
    claimed,
    new,
    settle,
    settlement_of,
    started,
    stored,
    submit,
)


class TestSettling:
    """`settle` by the owner of the lease, and the history it leaves."""

    async def test_complete_ends_the_job(self, driver: Driver) -> None:
        job = await started(driver)
        before = await stored(driver)
        assert await settle(driver, job, JobEvent.COMPLETE)
        assert await stored(driver) == but(
            before, status=JobStatus.COMPLETED, finished_at=at(10), lease_until=None
        )
        assert await driver.insight.attempts("job") == []

    async def test_complete_keeps_the_result(self, driver: Driver) -> None:
        job = await started(driver, store_result=True)
        await settle(driver, job, JobEvent.COMPLETE, result='{"a":[1,null]}')
        result = (await stored(driver)).result
        assert result is not None
        assert json.loads(result) == {"a": [1, None]}

    async def test_complete_clears_the_error_of_earlier_attempts(self, driver: Driver) -> None:
        job = await started(driver, max_retries=1)
        await settle(driver, job, JobEvent.RETRY, error_message="broken")
        again = await claimed(driver, now=at(50))
        await settle(driver, again, JobEvent.COMPLETE)
        assert (await stored(driver)).error_message is None

    async def test_complete_may_carry_a_note(self, driver: Driver) -> None:
        job = await started(driver)
        await settle(driver, job, JobEvent.COMPLETE, error_message="result not stored")
        record = await stored(driver)
        assert (record.status, record.error_message) == (JobStatus.COMPLETED, "result not stored")

    async def test_fail_ends_the_job_with_its_reason(self, driver: Driver) -> None:
        job = await started(driver)
        assert await settle(driver, job, JobEvent.FAIL, error_message="E: no", traceback="Traceback ...")
        record = await stored(driver)
        assert (record.status, record.error_message) == (JobStatus.FAILED, "E: no")
        assert (record.finished_at, record.worker_id, record.lease_until) == (at(10), OWNER, None)
        (attempt,) = await driver.insight.attempts("job")
        assert (attempt.outcome, attempt.error_message, attempt.traceback) == (
            "failed",
            "E: no",
            "Traceback ...",
        )
        assert (attempt.attempt, attempt.worker_id) == (1, OWNER)

    async def test_retry_makes_the_job_due_after_its_delay(self, driver: Driver) -> None:
        job = await started(driver, max_retries=2)
        delay = timedelta(seconds=30)
        assert await settle(driver, job, JobEvent.RETRY, delay=delay, error_message="E: not yet")
        record = await stored(driver)
        assert (record.status, record.execution_time) == (JobStatus.PENDING, at(40))
        assert (record.retry_count, record.attempt_count, record.epoch) == (1, 1, job.epoch)
        assert (record.worker_id, record.lease_until, record.finished_at) == (None, None, None)
        assert record.error_message == "E: not yet"
        assert (await claim(driver, now=at(39))).jobs == ()
        (again,) = (await claim(driver, now=at(40))).jobs
        assert (again.attempt, again.retry_count) == (2, 1)
        assert again.epoch > job.epoch

    async def test_a_snoozed_job_is_due_later_and_its_attempt_is_given_back(self, driver: Driver) -> None:
        job = await started(driver)
        assert await settle(driver, job, JobEvent.SNOOZE, delay=timedelta(seconds=5))
        record = await stored(driver)
        assert (record.status, record.execution_time) == (JobStatus.PENDING, at(15))
        assert (record.attempt_count, record.retry_count, record.epoch) == (0, 0, job.epoch)

    async def test_a_released_job_is_claimable_at_once(self, driver: Driver) -> None:
        job = await started(driver)
        assert await settle(driver, job, JobEvent.RELEASE)
        record = await stored(driver)
        assert (record.status, record.execution_time) == (JobStatus.PENDING, job.execution_time)
        (again,) = (await claim(driver, now=at(10))).jobs
        assert again.attempt == 1
        assert again.epoch > job.epoch

    async def test_a_confirmed_cancellation_ends_the_job(self, driver: Driver) -> None:
        job = await started(driver)
        await driver.jobs.request_cancel(["job"], now=at(1))
        assert await settle(driver, job, JobEvent.CONFIRM_CANCEL, error_message="cancelled on request")
        record = await stored(driver)
        assert (record.status, record.finished_at) == (JobStatus.CANCELLED, at(10))
        assert record.cancel_requested

    async def test_every_attempt_that_did_not_complete_is_in_the_history(self, driver: Driver) -> None:
        job = await started(driver, max_retries=9)
        epochs = [job.epoch]
        events = (JobEvent.RETRY, JobEvent.SNOOZE, JobEvent.RELEASE, JobEvent.FAIL)
        for turn, event in enumerate(events):
            await settle(driver, job, event, now=at(100 * turn + 10), error_message=f"{event} {turn}")
            if event is not JobEvent.FAIL:
                job = await claimed(driver, now=at(100 * turn + 100))
                epochs.append(job.epoch)
        history = await driver.insight.attempts("job")
        assert [one.outcome for one in history] == ["retry", "snoozed", "released", "failed"]
        assert [one.epoch for one in history] == epochs
        assert [one.finished_at for one in history] == [at(10), at(110), at(210), at(310)]
        assert [one.started_at for one in history] == [at(0), at(100), at(200), at(300)]

    async def test_a_batch_is_answered_in_its_order(self, driver: Driver) -> None:
        jobs = [await started(driver, job_id) for job_id in ("c", "a", "b")]
        batch = [settlement_of(job, JobEvent.COMPLETE) for job in jobs]
        batch.insert(1, settlement_of(jobs[0], JobEvent.FAIL, worker="somebody else"))
        answer = await driver.jobs.settle(batch, now=at(10))
        assert answer.accepted == [True, False, True, True]

    async def test_of_several_verdicts_on_one_lease_the_first_counts(self, driver: Driver) -> None:
        job, other = await started(driver), await started(driver, "other")
        batch = [
            settlement_of(job, JobEvent.RETRY),
            settlement_of(other, JobEvent.COMPLETE),
            settlement_of(job, JobEvent.FAIL),
        ]
        batch += [settlement_of(job, JobEvent.COMPLETE), batch[0]]
        answer = await driver.jobs.settle(batch, now=at(10))
        assert answer.accepted == [True, True, False, False, False]
        assert (await stored(driver)).status is JobStatus.PENDING
        assert [one.outcome for one in await driver.insight.attempts("job")] == ["retry"]

    async def test_a_verdict_without_a_message_keeps_the_one_before(self, driver: Driver) -> None:
        job = await started(driver, max_retries=1)
        await settle(driver, job, JobEvent.RETRY, error_message="E: first")
        job = await claimed(driver, now=at(50))
        await settle(driver, job, JobEvent.RELEASE, now=at(60))
        assert (await stored(driver)).error_message == "E: first"
        job = await claimed(driver, now=at(70))
        await settle(driver, job, JobEvent.FAIL, now=at(80), error_message="")
        assert (await stored(driver)).error_message == ""

    async def test_an_empty_batch_is_answered_with_nothing(self, driver: Driver) -> None:
        assert (await driver.jobs.settle([], now=at(10))).accepted == []

    async def test_texts_of_any_characters_come_back(self, driver: Driver) -> None:
        job = await started(driver)
        text = "\u00e9 \U0001f600 'quoted' \"twice\" \\ $1 {x} %s\n\ttab"
        await settle(driver, job, JobEvent.FAIL, error_message=text, traceback=text)
        assert (await stored(driver)).error_message == text
        assert (await driver.insight.attempts("job"))[0].traceback == text

    async def test_other_jobs_stay_as_they_are(self, driver: Driver) -> None:
        await submit(driver, new("other"))
        running = await started(driver, "running")
        before = await stored(driver, "other"), await stored(driver, "running")
        await settle(driver, await started(driver), JobEvent.FAIL)
        assert (await stored(driver, "other"), await stored(driver, "running")) == before
        assert await settle(driver, running, JobEvent.COMPLETE)

    async def test_a_release_that_is_not_recorded_leaves_the_job_as_if_it_had_never_been_claimed(
        self, driver: Driver
    ) -> None:
        await submit(driver, new())
        before = await stored(driver)
        assert await settle(driver, await claimed(driver), JobEvent.RELEASE, recorded=False)
        after = await stored(driver)
        assert replace(after, epoch=before.epoch) == before
        assert await driver.insight.attempts("job") == []

    async def test_such_a_release_undoes_no_earlier_attempt(self, driver: Driver) -> None:
        await settle(driver, await started(driver), JobEvent.RETRY, now=at(5), delay=timedelta(0))
        assert await settle(driver, await claimed(driver, now=at(9)), JobEvent.RELEASE, recorded=False)
        record = await stored(driver)
        assert (record.status, record.attempt_count, record.retry_count) == (JobStatus.PENDING, 1, 1)
        assert record.started_at is not None, "it has been started, so it cannot be too late for that"
        assert len(await driver.insight.attempts("job")) == 1

    async def test_a_snooze_that_is_not_recorded_leaves_no_history(self, driver: Driver) -> None:
        job = await started(driver)
        assert await settle(driver, job, JobEvent.SNOOZE, recorded=False)
        record = await stored(driver)
        assert (record.status, record.attempt_count) == (JobStatus.PENDING, 0)
        assert await driver.insight.attempts("job") == []
