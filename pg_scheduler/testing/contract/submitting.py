"""Storing jobs: conflicts, order of answers, all or nothing."""

from __future__ import annotations

import json
from datetime import timedelta

from pg_scheduler.domain.conflict import Submission
from pg_scheduler.domain.errors import JobAlreadyExists
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    IGNORE,
    NOON,
    RAISE,
    REPLACE,
    at,
    brought_to,
    new,
    refusal,
    stored,
    submit,
)

INSERTED, IGNORED, REPLACED = Submission.INSERTED, Submission.IGNORED, Submission.REPLACED


class TestSubmitting:
    """`submit`."""

    async def test_a_new_job_is_stored_as_given(self, driver: Driver) -> None:
        job = new(
            due=at(3.000001),
            task_data='{"args": [1, "\\u00e9\\ud83d\\ude00"], "kwargs": {"key": null}}',
            rank=-7,
            max_retries=4,
            misfire_grace_seconds=9,
            timeout=timedelta(seconds=1.5),
        )
        assert await submit(driver, job, now=at(1)) == [INSERTED]
        record = await stored(driver)
        assert (record.job_id, record.task_name, record.rank) == ("job", "task", -7)
        assert json.loads(record.task_data) == json.loads(job.task_data)
        assert (record.execution_time, record.created_at) == (at(3.000001), at(1))
        assert (record.max_retries, record.misfire_grace_seconds) == (4, 9)
        assert record.timeout == timedelta(seconds=1.5)

    async def test_a_new_job_has_no_past(self, driver: Driver) -> None:
        await submit(driver, new())
        record = await stored(driver)
        assert record.status is JobStatus.PENDING
        assert (record.attempt_count, record.retry_count, record.crash_count) == (0, 0, 0)
        assert (record.started_at, record.finished_at, record.lease_until) == (None, None, None)
        assert (record.worker_id, record.error_message, record.result) == (None, None, None)
        assert not record.cancel_requested
        assert not record.superseded
        assert await driver.insight.attempts("job") == []

    async def test_nothing_submitted_is_nothing_answered(self, driver: Driver) -> None:
        for conflict in (RAISE, IGNORE, REPLACE):
            assert await submit(driver, conflict=conflict) == []

    async def test_answers_stand_in_the_order_of_the_jobs(self, driver: Driver) -> None:
        await submit(driver, new("b"), new("d"))
        jobs = [new("e"), new("d"), new("a"), new("b"), new("c")]
        assert await submit(driver, *jobs, conflict=IGNORE) == [
            INSERTED,
            IGNORED,
            INSERTED,
            IGNORED,
            INSERTED,
        ]
        jobs = [new("f"), new("e"), new("0")]
        assert await submit(driver, *jobs, conflict=REPLACE) == [INSERTED, REPLACED, INSERTED]

    async def test_answers_stand_in_order_across_batches(self, driver: Driver) -> None:
        await submit(driver, *(new(f"{number}") for number in (1, 4, 6)))
        jobs = [new(f"{number}") for number in (6, 5, 4, 3, 2, 1, 0)]
        answers = await driver.jobs.submit(jobs, IGNORE, now=NOON, batch_size=2)
        assert answers == [IGNORED, INSERTED, IGNORED, INSERTED, INSERTED, IGNORED, INSERTED]

    async def test_raise_refuses_a_taken_id_in_every_state(self, driver: Driver) -> None:
        for status in JobStatus:
            before = await brought_to(driver, status, status.value)
            error = await refusal(JobAlreadyExists, submit(driver, new(status.value, rank=1), now=at(20)))
            assert error.job_ids == (status.value,)
            assert await stored(driver, status.value) == before

    async def test_raise_stores_nothing_of_a_call_of_several_batches(self, driver: Driver) -> None:
        await submit(driver, new("6"))
        jobs = [new(f"{number}") for number in range(7)]
        error = await refusal(JobAlreadyExists, driver.jobs.submit(jobs, RAISE, now=NOON, batch_size=2))
        assert error.job_ids == ("6",)
        assert [job.job_id for job in await driver.insight.jobs()] == ["6"]

    async def test_raise_refuses_an_id_that_stands_twice(self, driver: Driver) -> None:
        jobs = [new("a"), new("b"), new("c"), new("b")]
        for batch_size in (1, 1000):
            error = await refusal(
                JobAlreadyExists, driver.jobs.submit(jobs, RAISE, now=NOON, batch_size=batch_size)
            )
            assert error.job_ids == ("b",)
            assert await driver.insight.jobs() == []

    async def test_ignore_leaves_the_stored_job_as_it_is_in_every_state(self, driver: Driver) -> None:
        for status in JobStatus:
            before = await brought_to(driver, status, status.value)
            newer = new(status.value, task="other", due=at(99), rank=1, max_retries=9)
            assert await submit(driver, newer, conflict=IGNORE, now=at(20)) == [IGNORED]
            assert await stored(driver, status.value) == before

    async def test_ignore_keeps_the_first_of_a_repeated_id(self, driver: Driver) -> None:
        jobs = [new("a", rank=1), new("b"), new("a", rank=2), new("a", rank=3)]
        assert await submit(driver, *jobs, conflict=IGNORE) == [INSERTED, INSERTED, IGNORED, IGNORED]
        assert (await stored(driver, "a")).rank == 1

    async def test_replace_keeps_the_last_of_a_repeated_id(self, driver: Driver) -> None:
        jobs = [new("a", rank=1), new("b"), new("a", rank=2), new("a", rank=3)]
        answers = await driver.jobs.submit(jobs, REPLACE, now=NOON, batch_size=1)
        assert sorted(answers) == [INSERTED, INSERTED, REPLACED, REPLACED]
        assert (await stored(driver, "a")).rank == 3
        assert await submit(driver, *jobs, conflict=REPLACE) == [REPLACED] * 4
