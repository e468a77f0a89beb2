"""How finished jobs go: by age, by count, at once, or never."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    NOON,
    REPLACE,
    at,
    brought_to,
    claimed,
    new,
    settle,
    settlement_of,
    started,
    stored,
    submit,
)

COMPLETED, FAILED, PENDING = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.PENDING
DAY = 86_400.0


async def finished(
    driver: Driver, job_id: str, seconds: float, event: JobEvent = JobEvent.COMPLETE, **definition: str
) -> None:
    """A job that ended this many seconds after noon."""
    job = await started(driver, job_id, **definition)
    await settle(driver, job, event, now=at(seconds))


async def prune(
    driver: Driver, policy: VacuumPolicy, *, limit: int = 100, now: float = 0, status: JobStatus = COMPLETED
) -> int:
    """Prune, this many seconds after noon."""
    return await driver.retention.prune(status, policy, limit, now=at(now))


async def left(driver: Driver) -> list[str]:
    """Ids of the jobs that are still there, sorted."""
    return sorted(job.job_id for job in await driver.insight.jobs())


class TestRetaining:
    """`prune`, `record_vacuum`, `vacuum_stats`, and what `settle` does not keep."""

    # --- by age

    async def test_age_counts_from_the_finish_and_not_from_the_creation(self, driver: Driver) -> None:
        await submit(driver, new("late"), now=at(-99 * DAY))
        await settle(driver, await claimed(driver, job_id="late"), JobEvent.COMPLETE, now=at(10))
        policy = VacuumPolicy.after_days(2)
        assert await prune(driver, policy, now=2 * DAY + 9.999) == 0
        assert await prune(driver, policy, now=2 * DAY + 10) == 1
        assert await left(driver) == []

    async def test_an_age_beyond_the_calendar_keeps_and_fails_nothing(self, driver: Driver) -> None:
        await finished(driver, "job", 0)
        assert await prune(driver, VacuumPolicy.after_days(3_000_000), now=9 * DAY) == 0
        assert await left(driver) == ["job"]

    async def test_only_jobs_of_the_status_go(self, driver: Driver) -> None:
        for status in JobStatus:
            await brought_to(driver, status, status.value)
        for status in JobStatus:
            expected = int(status.finished)
            assert await prune(driver, VacuumPolicy.after_days(1), now=9 * DAY, status=status) == expected
        assert await left(driver) == ["pending", "running"]

    async def test_a_job_that_runs_again_has_not_finished(self, driver: Driver) -> None:
        await finished(driver, "job", 0, JobEvent.FAIL)
        await driver.jobs.override_status("job", PENDING, now=at(1))
        assert await prune(driver, VacuumPolicy.after_days(0), now=9 * DAY, status=FAILED) == 0
        await settle(driver, await claimed(driver, now=at(5 * DAY)), JobEvent.FAIL, now=at(5 * DAY))
        assert await prune(driver, VacuumPolicy.after_days(1), now=5.5 * DAY, status=FAILED) == 0
        assert await prune(driver, VacuumPolicy.after_days(1), now=6 * DAY, status=FAILED) == 1

    async def test_a_batch_takes_the_oldest(self, driver: Driver) -> None:
        for number in (3, 1, 4, 2, 5):
            await finished(driver, f"{number}", number)
        policy = VacuumPolicy.after_days(0)
        assert [await prune(driver, policy, limit=2, now=4) for _ in range(3)] == [2, 2, 0]
        assert await left(driver) == ["5"]

    async def test_history_goes_with_the_job(self, driver: Driver) -> None:
        await finished(driver, "job", 0, JobEvent.FAIL)
        await finished(driver, "kept", 1, JobEvent.FAIL)
        assert await driver.insight.attempts("job") != []
        await prune(driver, VacuumPolicy.after_days(0), now=0, status=FAILED)
        assert await driver.insight.attempts("job") == []
        assert await driver.insight.attempts("kept") != []

    # --- by count

    async def test_the_last_to_finish_are_kept_of_each_name(self, driver: Driver) -> None:
        for number in range(4):
            await finished(driver, f"a{number}", 100 - number)
            if number < 2:
                await submit(driver, new(f"b{number}", task="other"))
                await settle(
                    driver, await claimed(driver, job_id=f"b{number}"), JobEvent.COMPLETE, now=at(number)
                )
        assert await prune(driver, VacuumPolicy.keep_last(2)) == 2
        assert await left(driver) == ["a0", "a1", "b0", "b1"]
        assert await prune(driver, VacuumPolicy.keep_last(1)) == 2
        assert await left(driver) == ["a0", "b1"]

    async def test_keeping_a_number_counts_only_its_status(self, driver: Driver) -> None:
        for number in range(3):
            await finished(driver, f"ok{number}", number)
            await finished(driver, f"bad{number}", number, JobEvent.FAIL)
        assert await prune(driver, VacuumPolicy.keep_last(1)) == 2
        assert await left(driver) == ["bad0", "bad1", "bad2", "ok2"]

    async def test_keeping_none_deletes_all_in_batches(self, driver: Driver) -> None:
        for number in range(5):
            await finished(driver, f"{number}", number)
        policy = VacuumPolicy.keep_last(0)
        assert [await prune(driver, policy, limit=2) for _ in range(4)] == [2, 2, 1, 0]

    # --- at once, and never

    async def test_immediate_takes_what_has_finished(self, driver: Driver) -> None:
        await finished(driver, "job", 5)
        assert await prune(driver, VacuumPolicy.immediate(), now=5) == 1

    async def test_never_deletes_nothing(self, driver: Driver) -> None:
        await finished(driver, "job", 0)
        assert await prune(driver, VacuumPolicy.never(), now=9_999 * DAY) == 0
        assert await left(driver) == ["job"]

    async def test_what_is_not_kept_goes_as_it_is_settled(self, driver: Driver) -> None:
        job = await started(driver, max_retries=1)
        await settle(driver, job, JobEvent.RETRY)
        again = await claimed(driver, now=at(50))
        assert len(await driver.insight.attempts("job")) == 1
        answer = await driver.jobs.settle(
            [settlement_of(again, JobEvent.FAIL)], now=at(51), not_kept=[FAILED]
        )
        assert (answer.accepted, answer.deleted) == ([True], {FAILED: 1})
        assert (await left(driver), await driver.insight.attempts("job")) == ([], [])

    async def test_what_is_kept_is_not_touched_by_it(self, driver: Driver) -> None:
        good, bad, again = [await started(driver, name) for name in ("good", "bad", "again")]
        verdicts = [
            settlement_of(good, JobEvent.COMPLETE),
            settlement_of(bad, JobEvent.FAIL),
            settlement_of(again, JobEvent.RETRY),
        ]
        answer = await driver.jobs.settle(verdicts, now=at(1), not_kept=[COMPLETED])
        assert (answer.accepted, answer.deleted) == ([True, True, True], {COMPLETED: 1})
        assert await left(driver) == ["again", "bad"]
        assert (await stored(driver, "bad")).status is FAILED
        assert (await stored(driver, "again")).status is PENDING

    async def test_what_begins_anew_is_not_counted_as_deleted(self, driver: Driver) -> None:
        job = await started(driver)
        await submit(driver, new(), conflict=REPLACE)
        answer = await driver.jobs.settle(
            [settlement_of(job, JobEvent.COMPLETE)], now=at(1), not_kept=[COMPLETED]
        )
        assert (answer.accepted, answer.deleted) == ([True], {})
        assert (await stored(driver)).status is PENDING

    async def test_a_lost_lease_deletes_nothing(self, driver: Driver) -> None:
        job = await started(driver)
        await settle(driver, job, JobEvent.RELEASE)
        await claimed(driver, "rival", now=at(20))
        for event in (JobEvent.COMPLETE, JobEvent.FAIL):
            stale = await driver.jobs.settle(
                [settlement_of(job, event)], now=at(21), not_kept=[COMPLETED, FAILED]
            )
            assert (stale.accepted, stale.deleted) == ([False], {})
        assert (await stored(driver)).status is JobStatus.RUNNING

    async def test_passes_at_the_same_time_share_the_work(self, driver: Driver) -> None:
        for number in range(20):
            await finished(driver, f"{number:02}", number)
        passes = (prune(driver, VacuumPolicy.after_days(0), limit=5, now=60) for _ in range(4))
        assert (
            sum(await asyncio.gather(*passes)) + await prune(driver, VacuumPolicy.after_days(0), now=60) == 20
        )
        assert await left(driver) == []

    # --- statistics

    async def test_runs_of_one_day_add_up(self, driver: Driver) -> None:
        await driver.retention.record_vacuum({COMPLETED: 3, FAILED: 1}, now=NOON)
        await driver.retention.record_vacuum({COMPLETED: 2, JobStatus.EXPIRED: 4}, now=at(60))
        (day,) = await driver.retention.vacuum_stats(1, now=at(60))
        assert (day.day, day.runs, day.last_run) == (date(2030, 1, 1), 2, at(60))
        assert dict(day.deleted) == {
            COMPLETED: 5,
            FAILED: 1,
            JobStatus.CANCELLED: 0,
            JobStatus.EXPIRED: 4,
        }

    async def test_days_are_listed_latest_first_up_to_a_number(self, driver: Driver) -> None:
        for day in (0, 2, 1, 9):
            await driver.retention.record_vacuum({}, now=NOON + timedelta(days=day))
        for days, found in ((1, [10]), (8, [10, 3]), (9, [10, 3, 2]), (None, [10, 3, 2, 1])):
            stats = await driver.retention.vacuum_stats(days, now=NOON + timedelta(days=9))
            assert [one.day.day for one in stats] == found

    async def test_without_a_run_there_are_no_statistics(self, driver: Driver) -> None:
        assert await driver.retention.vacuum_stats(None, now=NOON) == []
