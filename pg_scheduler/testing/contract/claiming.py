"""Who gets which job, and in which order."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.retry import Backoff
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    LEASE,
    NOON,
    OWNER,
    RIVAL,
    at,
    brought_to,
    but,
    claim,
    claim_request,
    claimed,
    new,
    settle,
    started,
    stored,
    submit,
)

IN_ORDER = (
    new("z", rank=-7),
    new("y", rank=1, due=at(-1)),
    new("x", rank=1),
    new("w", rank=2),
    new("v", rank=3, due=at(-9)),
    # Ids that tie on rank and time go by code point, whatever the language of the database.
    new("B"),
    new("_"),
    new("a"),
    new("b"),
    new("\u00e4"),
    new("\uffee"),
    new("\U0001f600"),
    new("u", rank=6),
    new("t", rank=8, due=at(-99)),
    new("s", rank=2**31 - 1, due=at(-100)),
)
"""Jobs in the order in which they must start."""


class TestClaiming:
    """`claim` and `claim_job`."""

    async def test_jobs_start_by_rank_then_time_then_id(self, driver: Driver) -> None:
        await submit(driver, *IN_ORDER[::-1])
        # One by one: what is asked is whom the store chooses, not how an answer of many is sorted afterwards.
        order = [(await claim(driver, limit=1)).jobs for _ in IN_ORDER]
        assert [job.job_id for jobs in order for job in jobs] == [job.job_id for job in IN_ORDER]

    async def test_what_one_claim_takes_is_handed_out_in_that_order(self, driver: Driver) -> None:
        await submit(driver, *IN_ORDER[::-1])
        answer = await claim(driver)
        assert [job.job_id for job in answer.jobs] == [job.job_id for job in IN_ORDER]

    async def test_a_limited_claim_takes_the_most_urgent(self, driver: Driver) -> None:
        await submit(driver, *IN_ORDER[::2], *IN_ORDER[1::2])
        order: list[str] = []
        for limit in (1, 1, 4, 3, *(1 for _ in IN_ORDER)):
            jobs = (await claim(driver, limit=limit)).jobs
            assert len(jobs) <= limit
            order += [job.job_id for job in jobs]
        assert order == [job.job_id for job in IN_ORDER]

    async def test_a_limit_of_nothing_takes_nothing(self, driver: Driver) -> None:
        await submit(driver, new())
        assert (await claim(driver, limit=0)).jobs == ()

    async def test_a_job_is_due_at_its_execution_time_and_not_before(self, driver: Driver) -> None:
        await submit(driver, new(due=at(5)))
        assert (await claim(driver, now=at(4.999999))).jobs == ()
        assert len((await claim(driver, now=at(5))).jobs) == 1

    async def test_urgent_jobs_of_the_future_do_not_hide_due_ones(self, driver: Driver) -> None:
        await submit(driver, *(new(f"later {n}", rank=1, due=at(60)) for n in range(20)), new("due", rank=8))
        assert [job.job_id for job in (await claim(driver, limit=1)).jobs] == ["due"]

    async def test_only_known_names_are_claimed(self, driver: Driver) -> None:
        await submit(driver, new("1", task="known"), new("2", task="unknown"), new("3", task="known too"))
        before = await stored(driver, "2")
        answer = await claim(driver, names=["known", "known too"], now=at(10_000))
        assert [job.job_id for job in answer.jobs] == ["1", "3"]
        assert await stored(driver, "2") == before

    async def test_unknown_names_do_not_use_up_the_limit(self, driver: Driver) -> None:
        await submit(driver, *(new(f"{n}", task="unknown", rank=1) for n in range(5)), new("6"))
        assert [job.job_id for job in (await claim(driver, limit=1)).jobs] == ["6"]

    async def test_who_knows_no_names_claims_nothing(self, driver: Driver) -> None:
        await submit(driver, new())
        assert (await claim(driver, names=[])).jobs == ()

    async def test_only_pending_jobs_are_claimed(self, driver: Driver) -> None:
        for status in JobStatus:
            await brought_to(driver, status, status.value)
        answer = await claim(driver, now=at(30))
        assert [job.job_id for job in answer.jobs] == ["pending"]

    async def test_a_second_claimer_gets_the_others(self, driver: Driver) -> None:
        await submit(driver, *(new(f"{n}") for n in range(5)))
        first = [job.job_id for job in (await claim(driver, OWNER, limit=3)).jobs]
        second = [job.job_id for job in (await claim(driver, RIVAL, limit=3)).jobs]
        assert (len(first), len(second)) == (3, 2)
        assert sorted(first + second) == ["0", "1", "2", "3", "4"]
        assert (await claim(driver, OWNER)).jobs == ()

    async def test_claims_at_the_same_time_share_nothing(self, driver: Driver) -> None:
        await submit(driver, *(new(f"{n:02}") for n in range(24)))
        answers = await asyncio.gather(*(claim(driver, f"worker {n}", limit=6) for n in range(8)))
        taken = [job.job_id for answer in answers for job in answer.jobs]
        assert len(taken) == len(set(taken))
        rest = (await claim(driver)).jobs
        assert sorted(taken + [job.job_id for job in rest]) == [f"{n:02}" for n in range(24)]

    async def test_a_claim_starts_an_attempt_under_a_lease(self, driver: Driver) -> None:
        await submit(driver, new())
        before = await stored(driver)
        (job,) = (await claim(driver, now=at(3))).jobs
        assert (job.attempt, job.lease) == (1, Lease("job", job.epoch))
        assert job.epoch > before.epoch
        assert await stored(driver) == but(
            before,
            status=JobStatus.RUNNING,
            worker_id=OWNER,
            started_at=at(3),
            lease_until=at(3) + LEASE,
            epoch=job.epoch,
            attempt_count=1,
        )

    async def test_a_claimed_job_brings_all_that_an_attempt_needs(self, driver: Driver) -> None:
        backoff = Backoff(timedelta(seconds=0.25), 3.5, timedelta(hours=1), 0.125)
        wanted = new(
            due=at(-0.000001),
            task_data='{"args": ["\\u00e9"], "kwargs": {"a": 1.5}}',
            rank=4,
            max_retries=3,
            timeout=timedelta(seconds=7.5),
            backoff=backoff,
            store_result=True,
        )
        await submit(driver, wanted, new("plain"))
        job, plain = (await claim(driver)).jobs
        assert json.loads(job.task_data) == json.loads(wanted.task_data)
        assert (job.job_id, job.task_name, job.rank, job.execution_time) == ("job", "task", 4, at(-0.000001))
        assert (job.retry_count, job.max_retries, job.store_result) == (0, 3, True)
        assert (job.timeout, job.backoff) == (timedelta(seconds=7.5), backoff)
        assert (plain.timeout, plain.backoff, plain.store_result) == (None, None, False)

    async def test_every_claim_has_an_epoch_of_its_own(self, driver: Driver) -> None:
        job = await started(driver)
        for event in (JobEvent.RETRY, JobEvent.SNOOZE, JobEvent.RELEASE):
            await settle(driver, job, event)
            again = await claimed(driver, now=at(100))
            assert again.epoch > job.epoch
            job = again

    async def test_one_job_can_be_claimed_by_its_id_before_it_is_due(self, driver: Driver) -> None:
        await submit(driver, new(due=at(500)), new("other"))
        job = await driver.jobs.claim_job("job", claim_request(), now=at(2))
        assert job is not None
        assert (job.job_id, job.attempt, job.execution_time) == ("job", 1, at(500))
        record = await stored(driver)
        assert (record.status, record.worker_id) == (JobStatus.RUNNING, OWNER)
        assert (record.started_at, record.lease_until) == (at(2), at(2) + LEASE)
        assert (await stored(driver, "other")).status is JobStatus.PENDING

    async def test_a_job_that_is_not_pending_cannot_be_claimed_by_its_id(self, driver: Driver) -> None:
        assert await driver.jobs.claim_job("unknown", claim_request(), now=NOON) is None
        for status in JobStatus:
            before = await brought_to(driver, status, status.value)
            job = await driver.jobs.claim_job(status.value, claim_request(RIVAL), now=at(30))
            assert (job is not None) == (status is JobStatus.PENDING)
            if job is None:
                assert await stored(driver, status.value) == before
