"""Too late for the first start: misfire grace."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    REPLACE,
    at,
    but,
    claim,
    new,
    reclaim,
    settle,
    started,
    stored,
    submit,
)

YEAR = 365 * 86_400


class TestExpiring:
    """Expiry in `claim`: before the first start only."""

    async def test_without_a_grace_no_job_is_ever_too_late(self, driver: Driver) -> None:
        await submit(driver, new(misfire_grace_seconds=None))
        answer = await claim(driver, now=at(30 * YEAR))
        assert (len(answer.jobs), answer.expired) == (1, ())

    async def test_within_its_grace_a_job_starts(self, driver: Driver) -> None:
        await submit(driver, new(misfire_grace_seconds=5))
        answer = await claim(driver, now=at(5))
        assert (len(answer.jobs), answer.expired) == (1, ())

    async def test_past_its_grace_a_job_expires(self, driver: Driver) -> None:
        await submit(driver, new(misfire_grace_seconds=5))
        answer = await claim(driver, now=at(5.000001))
        assert (answer.jobs, answer.expired) == ((), ("job",))

    async def test_a_grace_of_nothing_means_within_the_second(self, driver: Driver) -> None:
        await submit(driver, new("on time", misfire_grace_seconds=0))
        assert (await claim(driver, now=at(1))).expired == ()
        await submit(driver, new("late", misfire_grace_seconds=0))
        assert (await claim(driver, now=at(1.000001))).expired == ("late",)

    async def test_the_longest_grace_is_kept(self, driver: Driver) -> None:
        await submit(driver, new(misfire_grace_seconds=2**31 - 1))
        assert (await claim(driver, now=at(2**31 - 1))).expired == ()

    async def test_an_expired_job_is_finished_and_says_why(self, driver: Driver) -> None:
        await submit(driver, new(misfire_grace_seconds=5))
        before = await stored(driver)
        await claim(driver, now=at(6))
        after = await stored(driver)
        assert after == but(
            before, status=JobStatus.EXPIRED, finished_at=at(6), error_message=after.error_message
        )
        assert "misfire grace" in (after.error_message or "")
        assert await driver.insight.attempts("job") == []

    async def test_expired_jobs_are_named_in_id_order(self, driver: Driver) -> None:
        jobs = [new("b", rank=1), new("a", rank=9), new("\u00e4", rank=0), new("B", rank=5)]
        await submit(driver, *(new(job.job_id, rank=job.rank, misfire_grace_seconds=1) for job in jobs))
        assert (await claim(driver, now=at(9))).expired == ("B", "a", "b", "\u00e4")

    async def test_expired_jobs_count_as_taken(self, driver: Driver) -> None:
        await submit(driver, new("late", rank=1, misfire_grace_seconds=5), new("patient"))
        answer = await claim(driver, now=at(60), limit=1)
        assert (answer.jobs, answer.expired) == ((), ("late",))
        assert [job.job_id for job in (await claim(driver, now=at(60), limit=1)).jobs] == ["patient"]

    async def test_one_claim_both_starts_and_expires(self, driver: Driver) -> None:
        await submit(driver, new("late", misfire_grace_seconds=5), new("patient"))
        answer = await claim(driver, now=at(60))
        assert ([job.job_id for job in answer.jobs], answer.expired) == (["patient"], ("late",))

    async def test_a_job_of_an_unknown_name_is_left_to_those_who_know_it(self, driver: Driver) -> None:
        await submit(driver, new(task="unknown", misfire_grace_seconds=5))
        assert (await claim(driver, now=at(60))).expired == ()
        assert (await stored(driver)).status is JobStatus.PENDING

    async def test_a_retry_is_never_too_late(self, driver: Driver) -> None:
        await self._comes_back_after(driver, JobEvent.RETRY)

    async def test_a_snoozed_job_is_never_too_late(self, driver: Driver) -> None:
        await self._comes_back_after(driver, JobEvent.SNOOZE)

    async def test_a_released_job_is_never_too_late(self, driver: Driver) -> None:
        await self._comes_back_after(driver, JobEvent.RELEASE)

    async def _comes_back_after(self, driver: Driver, event: JobEvent) -> None:
        job = await started(driver, misfire_grace_seconds=0)
        await settle(driver, job, event)
        answer = await claim(driver, now=at(YEAR))
        assert ([job.job_id for job in answer.jobs], answer.expired) == (["job"], ())

    async def test_a_recovered_job_is_never_too_late(self, driver: Driver) -> None:
        await started(driver, misfire_grace_seconds=0)
        await reclaim(driver, now=at(61))
        answer = await claim(driver, now=at(YEAR))
        assert (len(answer.jobs), answer.expired) == (1, ())

    async def test_a_reopened_job_that_had_started_is_never_too_late(self, driver: Driver) -> None:
        job = await started(driver, misfire_grace_seconds=0)
        await settle(driver, job, JobEvent.FAIL)
        await driver.jobs.override_status("job", JobStatus.PENDING, now=at(20))
        answer = await claim(driver, now=at(YEAR))
        assert (len(answer.jobs), answer.expired) == (1, ())

    async def test_a_replaced_job_has_a_first_start_again(self, driver: Driver) -> None:
        job = await started(driver)
        await settle(driver, job, JobEvent.RETRY, delay=timedelta(0))
        await submit(driver, new(misfire_grace_seconds=5), conflict=REPLACE)
        assert (await claim(driver, now=at(60))).expired == ("job",)
