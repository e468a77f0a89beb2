"""What people do to many jobs: to those that are still what they were when they were chosen."""

from __future__ import annotations

from collections.abc import Sequence

from pg_scheduler.domain.acts import Action, Cancel, ChangeAnswer, ChosenJob, Delete, Reschedule, Retry
from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    NOON,
    at,
    brought_to,
    claim,
    claimed,
    new,
    settle,
    started,
    stored,
    submit,
)

ADA = Actor("ada@ops-1", "cli")
DONE, NOT = ChangeAnswer.CHANGED, ChangeAnswer


async def scene(driver: Driver) -> list[ChosenJob]:
    """A job in every state."""
    for status in JobStatus:
        await brought_to(driver, status, status.value)
    return [ChosenJob(status.value) for status in JobStatus]


async def answers(driver: Driver, jobs: Sequence[ChosenJob], action: Action) -> dict[str, ChangeAnswer]:
    """What each met."""
    return dict((await driver.steering.change(jobs, action, now=at(60))).answers)


async def statuses(driver: Driver) -> dict[str, JobStatus]:
    """What is left behind."""
    return {job.job_id: job.status for job in await driver.insight.jobs()}


class TestChanging:
    """`change`."""

    async def test_what_has_ended_is_retried_as_if_it_were_new(self, driver: Driver) -> None:
        jobs = await scene(driver)
        assert await answers(driver, [*jobs, ChosenJob("x")], Retry()) == {
            "pending": NOT.PENDING, "running": NOT.RUNNING, "completed": DONE, "failed": DONE,
            "cancelled": DONE, "expired": DONE, "x": NOT.UNKNOWN,
        }  # fmt: skip
        for job_id in ("completed", "failed", "cancelled", "expired"):
            job = await stored(driver, job_id)
            assert (job.status, job.execution_time, job.attempt_count) == (JobStatus.PENDING, at(60), 0)
            assert (job.error_message, job.finished_at, job.cancel_requested) == (None, None, False)

    async def test_what_has_not_ended_is_cancelled(self, driver: Driver) -> None:
        jobs = await scene(driver)
        assert await answers(driver, jobs, Cancel()) == {
            "pending": DONE, "running": NOT.REQUESTED, "completed": NOT.FINISHED, "failed": NOT.FINISHED,
            "cancelled": NOT.FINISHED, "expired": NOT.FINISHED,
        }  # fmt: skip
        assert (await stored(driver, "pending")).status is JobStatus.CANCELLED
        assert (await stored(driver, "running")).cancel_requested

    async def test_what_does_not_run_is_deleted_with_its_history(self, driver: Driver) -> None:
        jobs = await scene(driver)
        met = await answers(driver, jobs, Delete())
        assert met == dict.fromkeys(JobStatus, DONE) | {"running": NOT.RUNNING}
        assert await statuses(driver) == {"running": JobStatus.RUNNING}
        assert await driver.insight.attempts("failed") == []

    async def test_what_waits_is_rescheduled_but_not_into_the_past(self, driver: Driver) -> None:
        jobs = await scene(driver)
        met = await answers(driver, jobs, Reschedule(at(300)))
        assert met == dict.fromkeys(JobStatus, NOT.FINISHED) | {"pending": DONE, "running": NOT.RUNNING}
        assert (await stored(driver, "pending")).execution_time == at(300)
        assert (await claim(driver, now=at(299))).jobs == ()
        for time in (at(-60), None):
            await answers(driver, [ChosenJob("pending")], Reschedule(time))
            assert (await stored(driver, "pending")).execution_time == at(60)
        assert [job.job_id for job in (await claim(driver, now=at(60))).jobs] == ["pending"]

    async def test_a_job_that_is_not_what_it_was_stays_as_it_is(self, driver: Driver) -> None:
        await brought_to(driver, JobStatus.FAILED)
        seen = await stored(driver)
        chosen = ChosenJob("job", seen.epoch, seen.status)
        assert (await answers(driver, [chosen], Retry()))["job"] is DONE
        assert (await answers(driver, [chosen], Retry()))["job"] is NOT.NO_MATCH
        await settle(driver, await claimed(driver, now=at(61)), JobEvent.FAIL, now=at(62))
        before = await stored(driver)
        for action in (Retry(), Delete()):
            assert (await answers(driver, [chosen], action))["job"] is NOT.NO_MATCH
        assert await stored(driver) == before

    async def test_of_jobs_with_one_dedupe_key_one_is_retried(self, driver: Driver) -> None:
        for job_id in ("a", "b", "c"):
            await submit(driver, new(job_id, dedupe_key="key"))
            await driver.jobs.request_cancel([job_id], now=NOON)
        met = await answers(driver, [ChosenJob(one) for one in ("a", "b", "c")], Retry())
        assert met == {"a": DONE, "b": NOT.DUPLICATE, "c": NOT.DUPLICATE}
        assert await answers(driver, [ChosenJob("b")], Retry()) == {"b": NOT.DUPLICATE}

    async def test_one_record_tells_of_all_batches_and_knows_the_jobs(self, driver: Driver) -> None:
        await submit(driver, *(new(job_id) for job_id in ("a", "b", "c", "d")))
        await started(driver, "runs")
        steering, first = driver.steering, [ChosenJob("a"), ChosenJob("b"), ChosenJob("x")]
        words = '{"queue": "default"}'
        batch = await steering.change(first, Cancel(), now=NOON, by=ADA, selection=words)
        assert batch.audit_id is not None
        more = [ChosenJob("c"), ChosenJob("runs")]
        again = await steering.change(more, Cancel(), now=at(1), by=ADA, audit_id=batch.audit_id)
        assert again.audit_id == batch.audit_id
        (record,) = await steering.audit()
        assert (record.act, record.subject, record.affected) == ("cancel jobs", "a, b", 4)
        assert (record.actor, record.at, record.selection) == (ADA, NOON, words)
        changed = Selection(audit_id=batch.audit_id)
        page = await driver.insight.page(changed)
        assert sorted(job.job_id for job in page.jobs) == ["a", "b", "c", "runs"]
        assert (await driver.insight.count(changed)).number == 4
        assert (await driver.insight.page(Selection(audit_id=batch.audit_id + 1))).jobs == ()

    async def test_what_nobody_did_or_what_changed_nothing_has_no_record(self, driver: Driver) -> None:
        await submit(driver, new())
        assert (await driver.steering.change([ChosenJob("x")], Cancel(), by=ADA)).audit_id is None
        assert (await driver.steering.change([ChosenJob("job")], Cancel())).audit_id is None
        assert await driver.steering.audit() == []
