"""An operator's word moves a job through the state machine, and no further."""

from __future__ import annotations

from pg_scheduler.domain.errors import InvalidTransition, JobNotFound
from pg_scheduler.domain.states import OVERRIDES, JobEvent, JobStatus, transition
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    at,
    brought_to,
    claim,
    refusal,
    settle,
    started,
    stored,
)


class TestOverriding:
    """`override_status`."""

    async def test_every_pair_of_states_follows_the_transition_table(self, driver: Driver) -> None:
        for source in JobStatus:
            for wanted in JobStatus:
                job_id = f"{source} to {wanted}"
                before = await brought_to(driver, source, job_id)
                event = OVERRIDES.get(wanted)
                step = transition(source, event) if event else None
                if source is wanted:
                    assert await driver.jobs.override_status(job_id, wanted, now=at(50)) is source
                    assert await stored(driver, job_id) == before
                elif step is None:
                    call = driver.jobs.override_status(job_id, wanted, now=at(50))
                    error = await refusal(InvalidTransition, call)
                    assert (error.current, error.wanted) == (source, wanted)
                    assert await stored(driver, job_id) == before
                else:
                    assert await driver.jobs.override_status(job_id, wanted, now=at(50)) is source
                    after = await stored(driver, job_id)
                    assert after.status is step.target
                    assert after.epoch == before.epoch + step.bumps_epoch

    async def test_a_job_ended_by_order_refuses_its_attempt(self, driver: Driver) -> None:
        job = await started(driver)
        await driver.jobs.override_status("job", JobStatus.FAILED, now=at(5))
        assert not await settle(driver, job, JobEvent.COMPLETE)
        record = await stored(driver)
        assert (record.status, record.finished_at, record.lease_until) == (JobStatus.FAILED, at(5), None)

    async def test_a_reopened_job_is_due_now_with_its_counters_at_zero(self, driver: Driver) -> None:
        job = await started(driver, max_retries=1, misfire_grace_seconds=5)
        await settle(driver, job, JobEvent.FAIL, error_message="E: broken")
        await driver.jobs.override_status("job", JobStatus.PENDING, now=at(500))
        record = await stored(driver)
        assert (record.execution_time, record.error_message) == (at(500), None)
        assert (record.retry_count, record.attempt_count, record.crash_count) == (0, 0, 0)
        assert len((await claim(driver, now=at(900))).jobs) == 1, "it had started once: it cannot expire"

    async def test_a_reopened_running_job_ends_the_lease_of_its_attempt(self, driver: Driver) -> None:
        job = await started(driver)
        await driver.jobs.override_status("job", JobStatus.PENDING, now=at(5))
        assert not await settle(driver, job, JobEvent.COMPLETE)
        assert (await stored(driver)).status is JobStatus.PENDING

    async def test_cancelling_by_order_is_a_wish_to_cancel(self, driver: Driver) -> None:
        await brought_to(driver, JobStatus.RUNNING)
        await driver.jobs.override_status("job", JobStatus.CANCELLED, now=at(5))
        record = await stored(driver)
        assert (record.status, record.cancel_requested) == (JobStatus.RUNNING, True)

    async def test_an_unknown_job_is_an_error(self, driver: Driver) -> None:
        error = await refusal(JobNotFound, driver.jobs.override_status("job", JobStatus.PENDING, now=at(5)))
        assert error.job_id == "job"
