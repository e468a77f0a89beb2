"""Failures that are alike, found together."""

from __future__ import annotations

from pg_scheduler.domain.failures import LOST_WORKER, Failure, group_of
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import at, brought_to, claimed, new, reclaim, settle, started, submit

TIMEOUT = Failure(group_of("task", "httpx.Timeout", "shop.send"), "httpx.Timeout", "shop.send")
BUG = Failure(group_of("task", "KeyError", "shop.send"), "KeyError", "shop.send")


async def failed(driver: Driver, job_id: str, failure: Failure | None, seconds: float) -> None:
    """A job that failed so, then."""
    job = await started(driver, job_id)
    assert await settle(driver, job, JobEvent.FAIL, now=at(seconds), error_message=job_id, failure=failure)


class TestFailing:
    """`failures`, and jobs by their group."""

    async def test_failures_are_grouped_the_latest_first(self, driver: Driver) -> None:
        assert (await driver.insight.failures(now=at(0))).groups == ()
        for job_id, failure, seconds in (
            ("a", TIMEOUT, 0), ("b", TIMEOUT, 4000), ("c", BUG, 5000), ("d", TIMEOUT, 8000),
            ("e", None, 9000),
        ):  # fmt: skip
            await failed(driver, job_id, failure, seconds)
        await brought_to(driver, JobStatus.COMPLETED, "done")
        found = await driver.insight.failures(now=at(8100))
        assert [group.group for group in found.groups] == [TIMEOUT.group, BUG.group]
        assert (found.more, found.now) == (False, at(8100))
        first = found.groups[0]
        assert (first.task_name, first.error_type, first.frame) == ("task", "httpx.Timeout", "shop.send")
        assert (first.count, first.exact, first.first, first.last) == (3, True, at(0), at(8000))
        assert (first.last_hour, first.hour_before, first.last_day) == (1, 1, 3)
        assert (first.sample, first.sample_job_id) == ("d", "d")
        one = await driver.insight.failures(limit=1, now=at(8100))
        assert ([group.group for group in one.groups], one.more) == ([TIMEOUT.group], True)
        assert len((await driver.insight.failures(since=at(6000), now=at(8100))).groups) == 1

    async def test_failures_of_one_task_are_found_alone(self, driver: Driver) -> None:
        await failed(driver, "a", TIMEOUT, 1)
        other = Failure(group_of("other", "KeyError", ""), "KeyError", "")
        job = await started(driver, "b", task="other")
        assert await settle(driver, job, JobEvent.FAIL, now=at(2), error_message="b", failure=other)
        for task, group in (("task", TIMEOUT), ("other", other)):
            (found,) = (await driver.insight.failures(task_name=task, now=at(9))).groups
            assert (found.group, found.task_name) == (group.group, task)
        assert (await driver.insight.failures(task_name="none", now=at(9))).groups == ()

    async def test_an_empty_error_means_any(self, driver: Driver) -> None:
        await brought_to(driver, JobStatus.COMPLETED, "done")
        await submit(driver, new("new"))
        job = await started(driver, "again")
        assert await settle(driver, job, JobEvent.RETRY, now=at(1), error_message="e")
        await failed(driver, "a", TIMEOUT, 1)
        for statuses, ids in (((), {"a", "again"}), ((JobStatus.PENDING,), {"again"})):
            page = await driver.insight.page(Selection(statuses, error=""))
            assert {job.job_id for job in page.jobs} == ids

    async def test_the_jobs_of_a_group_are_found_and_leave_it_when_they_go_on(self, driver: Driver) -> None:
        for second, job_id in enumerate(("a", "b", "c")):
            await failed(driver, job_id, TIMEOUT, second)
        await failed(driver, "other", BUG, 9)
        wanted = Selection(error_group=TIMEOUT.group)
        page = await driver.insight.page(wanted, None, 2)
        assert [job.job_id for job in page.jobs] == ["c", "b"]
        assert [job.job_id for job in (await driver.insight.page(wanted, page.next)).jobs] == ["a"]
        assert (await driver.insight.count(wanted)).number == 3
        await driver.jobs.override_status("a", JobStatus.PENDING, now=at(10))
        await settle(driver, await claimed(driver, job_id="a", now=at(11)), JobEvent.COMPLETE, now=at(12))
        await driver.jobs.override_status("b", JobStatus.PENDING, now=at(10))
        await driver.jobs.override_status("b", JobStatus.FAILED, now=at(11))
        assert [job.job_id for job in (await driver.insight.page(wanted)).jobs] == ["c"]

    async def test_jobs_that_killed_their_workers_are_a_group(self, driver: Driver) -> None:
        await started(driver)
        await submit(driver, new("waits"))
        await reclaim(driver, now=at(100), max_crashes=1)
        (group,) = (await driver.insight.failures(now=at(100))).groups
        assert (group.group, group.error_type) == (group_of("task", LOST_WORKER, ""), LOST_WORKER)
