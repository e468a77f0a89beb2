"""How long a claimer may sleep: `next_due_in`."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import at, brought_to, claim, new, settle, started, submit


class TestWaiting:
    """`ClaimAnswer.next_due_in`."""

    async def test_nothing_to_wait_for_is_none(self, driver: Driver) -> None:
        assert (await claim(driver)).next_due_in is None

    async def test_the_wait_is_until_the_earliest_job_of_any_rank_and_known_name(
        self, driver: Driver
    ) -> None:
        await submit(
            driver,
            new("urgent", rank=1, due=at(30)),
            new("first", rank=8, due=at(12.345678), task="other"),
            new("last", due=at(40)),
            new("nobody's", due=at(3), task="unknown"),
        )
        names = ("task", "other")
        answer = await claim(driver, names=names)
        assert (answer.jobs, answer.next_due_in) == ((), timedelta(seconds=12.345678))
        assert (await claim(driver, names=names, now=at(13))).next_due_in == timedelta(seconds=17)
        assert (await claim(driver, names=names, now=at(99))).next_due_in is None

    async def test_a_due_job_of_an_unknown_name_is_nothing_to_wait_for(self, driver: Driver) -> None:
        await submit(driver, new(task="unknown"), new("later", due=at(5)))
        assert (await claim(driver)).next_due_in == timedelta(seconds=5)

    async def test_only_pending_jobs_are_waited_for(self, driver: Driver) -> None:
        for status in JobStatus:
            if status is not JobStatus.PENDING:
                await brought_to(driver, status, status.value)
        assert (await claim(driver, now=at(-50))).next_due_in is None

    async def test_a_claim_below_its_limit_says_when_the_next_job_is_due(self, driver: Driver) -> None:
        await submit(driver, new("due"), new("later", due=at(5)))
        answer = await claim(driver, limit=2)
        assert (len(answer.jobs), answer.next_due_in) == (1, timedelta(seconds=5))

    async def test_a_claim_filled_to_its_limit_is_to_be_repeated(self, driver: Driver) -> None:
        await submit(driver, new("due"), new("later", due=at(5)))
        answer = await claim(driver, limit=1)
        assert (len(answer.jobs), answer.next_due_in) == (1, None)

    async def test_a_claim_filled_by_expired_jobs_is_to_be_repeated(self, driver: Driver) -> None:
        await submit(driver, new("late", misfire_grace_seconds=1), new("later", due=at(50)), new("due"))
        answer = await claim(driver, limit=1, now=at(9))
        assert answer.next_due_in is None

    async def test_a_retry_is_waited_for(self, driver: Driver) -> None:
        job = await started(driver)
        await settle(driver, job, JobEvent.RETRY, now=at(10), delay=timedelta(seconds=25))
        assert (await claim(driver, now=at(11))).next_due_in == timedelta(seconds=24)
