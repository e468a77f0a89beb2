"""A new definition for a stored job that does not run: it starts over."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from pg_scheduler.domain.conflict import Submission
from pg_scheduler.domain.model import JobRecord, NewJob
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    IGNORE,
    REPLACE,
    at,
    brought_to,
    claim,
    new,
    settle,
    started,
    stored,
    submit,
)


class TestReplacing:
    """`submit` with REPLACE; for jobs that run see `SupersedingContract`."""

    async def test_replace_makes_every_job_that_does_not_run_new_again(self, driver: Driver) -> None:
        for status in JobStatus:
            if status is JobStatus.RUNNING:
                continue
            before = await brought_to(driver, status, status.value)
            answers = await submit(driver, _newer(status.value), conflict=REPLACE, now=at(20))
            assert answers == [Submission.REPLACED]
            after = await stored(driver, status.value)
            await submit(driver, _newer("never seen before"), conflict=IGNORE)
            fresh = await stored(driver, "never seen before")
            assert _without_identity(after) == _without_identity(fresh)
            assert after.created_at == before.created_at
            assert after.epoch == before.epoch + 1, "an earlier attempt could still write"

    async def test_replace_forgets_the_retries_of_a_job_but_not_its_history(self, driver: Driver) -> None:
        job = await started(driver, max_retries=5)
        await settle(driver, job, JobEvent.RETRY, error_message="broken")
        await submit(driver, new(), conflict=REPLACE, now=at(20))
        record = await stored(driver)
        assert (record.retry_count, record.attempt_count, record.error_message) == (0, 0, None)
        assert [attempt.outcome for attempt in await driver.insight.attempts("job")] == ["retry"]

    async def test_replace_forgets_the_result_of_a_completed_job(self, driver: Driver) -> None:
        job = await started(driver, store_result=True)
        await settle(driver, job, JobEvent.COMPLETE, result="42")
        await submit(driver, new(), conflict=REPLACE, now=at(20))
        assert (await stored(driver)).result is None

    async def test_a_replaced_job_runs_by_its_new_definition(self, driver: Driver) -> None:
        await submit(driver, new(task_data='{"args": [1]}'))
        await submit(driver, _newer("job"), conflict=REPLACE, now=at(20))
        assert (await claim(driver, now=at(20))).jobs == ()
        assert (await claim(driver, names=["newer"], now=at(39))).jobs == ()
        (job,) = (await claim(driver, names=["newer"], now=at(40))).jobs
        assert json.loads(job.task_data) == {"args": [2]}
        assert (job.rank, job.max_retries, job.timeout) == (1, 2, timedelta(seconds=4))


def _newer(job_id: str) -> NewJob:
    """A definition that differs from the scene's ordinary one in every field."""
    return new(
        job_id,
        task="newer",
        due=at(40),
        task_data='{"args": [2]}',
        rank=1,
        max_retries=2,
        misfire_grace_seconds=7,
        timeout=timedelta(seconds=4),
    )


def _without_identity(record: JobRecord) -> JobRecord:
    return replace(record, job_id="", epoch=0, created_at=at(0))
