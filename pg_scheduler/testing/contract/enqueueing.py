"""What the queue side stores with a job, and asks of it."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.conflict import Submission
from pg_scheduler.domain.errors import DuplicateJob, InvalidInput
from pg_scheduler.domain.model import Lease, Progress
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.insight import QueueSize
from pg_scheduler.testing.contract.scene import (
    IGNORE,
    REPLACE,
    at,
    claimed,
    new,
    refusal,
    settle,
    started,
    stored,
    submit,
)


class TestEnqueueing:
    """Payloads, delays, dedupe keys, sizes and progress."""

    async def test_a_payload_arrives_byte_by_byte(self, driver: Driver) -> None:
        payload = bytes(range(256))
        job = await started(driver, payload=payload, headers='{"trace": "abc"}')
        record = await stored(driver)
        assert job.payload == record.payload == payload
        assert job.headers == record.headers == '{"trace": "abc"}'

    async def test_no_payload_is_not_an_empty_one(self, driver: Driver) -> None:
        assert (await started(driver)).payload is None
        assert (await started(driver, "empty", payload=b"")).payload == b""

    async def test_a_delay_counts_from_the_stores_now(self, driver: Driver) -> None:
        await submit(driver, new(due=at(-9999), delay=timedelta(seconds=30)), now=at(5))
        assert (await stored(driver)).execution_time == at(35)

    async def test_a_dedupe_key_belongs_to_one_unfinished_job(self, driver: Driver) -> None:
        await submit(driver, new("first", dedupe_key="key"))
        error = await refusal(DuplicateJob, submit(driver, new("second", dedupe_key="key")))
        assert error.dedupe_keys == ("key",)
        answers = await submit(driver, new("third", dedupe_key="key"), new("other"), conflict=IGNORE)
        assert answers == [Submission.IGNORED, Submission.INSERTED]
        assert await driver.insight.duplicates(["key", "free"]) == {"key": "first"}

    async def test_a_running_job_keeps_its_dedupe_key_and_a_finished_one_does_not(
        self, driver: Driver
    ) -> None:
        job = await started(driver, dedupe_key="key")
        await refusal(DuplicateJob, submit(driver, new("second", dedupe_key="key")))
        await settle(driver, job, JobEvent.COMPLETE)
        assert await driver.insight.duplicates(["key"]) == {}
        await submit(driver, new("second", dedupe_key="key"))

    async def test_a_dedupe_key_that_stands_twice_in_a_call_stores_nothing(self, driver: Driver) -> None:
        jobs = new("a", dedupe_key="key"), new("b", dedupe_key="key")
        await refusal(DuplicateJob, submit(driver, *jobs))
        assert await driver.insight.jobs() == []
        assert await submit(driver, *jobs, conflict=IGNORE) == [Submission.INSERTED, Submission.IGNORED]

    async def test_a_job_is_not_reopened_while_another_has_its_dedupe_key(self, driver: Driver) -> None:
        await settle(driver, await started(driver, dedupe_key="key"), JobEvent.FAIL)
        await submit(driver, new("second", dedupe_key="key"))
        reopening = driver.jobs.override_status("job", JobStatus.PENDING, now=at(20))
        assert (await refusal(DuplicateJob, reopening)).dedupe_keys == ("key",)
        assert (await stored(driver)).status is JobStatus.FAILED

    async def test_a_dedupe_key_cannot_say_what_to_replace(self, driver: Driver) -> None:
        await refusal(InvalidInput, submit(driver, new(dedupe_key="key"), conflict=REPLACE))

    async def test_unfinished_jobs_are_counted_by_queue_name_rank_and_status(self, driver: Driver) -> None:
        await started(driver, "running")
        await submit(driver, new("1"), new("2"), new("3", rank=1), new("4", task="Other", limit_key="k"))
        await submit(driver, new("5", queue="a queue"))
        await settle(driver, await started(driver, "done"), JobEvent.COMPLETE)
        assert await driver.insight.sizes() == [
            QueueSize("a queue", "task", 5, JobStatus.PENDING, 1),
            QueueSize("default", "Other", 5, JobStatus.PENDING, 1),
            QueueSize("default", "task", 1, JobStatus.PENDING, 1),
            QueueSize("default", "task", 5, JobStatus.PENDING, 2),
            QueueSize("default", "task", 5, JobStatus.RUNNING, 1),
        ]

    async def test_the_latest_progress_of_an_attempt_is_shown(self, driver: Driver) -> None:
        job = await started(driver)
        assert (await stored(driver)).progress is None
        await driver.jobs.note_progress({job.lease: Progress(1, 10)})
        await driver.jobs.note_progress({job.lease: Progress(2.5, None)})
        assert (await stored(driver)).progress == Progress(2.5, None)

    async def test_an_earlier_attempt_reports_no_progress(self, driver: Driver) -> None:
        job = await started(driver)
        await settle(driver, job, JobEvent.RELEASE)
        again = await claimed(driver, now=at(20))
        await driver.jobs.note_progress({again.lease: Progress(5, 10), Lease("nobody", 1): Progress(1, 1)})
        await driver.jobs.note_progress({job.lease: Progress(9, 10)})
        assert (await stored(driver)).progress == Progress(5, 10)
