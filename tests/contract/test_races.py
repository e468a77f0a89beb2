"""What only real transactions can show: claims, settlements and cancellations that run at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from pg_scheduler.db import driver_over
from pg_scheduler.domain.conflict import Submission
from pg_scheduler.domain.errors import JobAlreadyExists
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.testing.contract.scene import (
    OWNER,
    RIVAL,
    at,
    claim,
    claim_request,
    new,
    reclaim,
    settle,
    started,
    stored,
    submit,
)

ROUNDS = 30


@pytest.fixture
async def drivers(dsn: str) -> AsyncIterator[list[Driver]]:
    """Four on one database, two of each library, as four processes would have them."""
    async with AsyncExitStack() as stack:
        drivers = [driver_over(dsn, library=library) for library in ("asyncpg", "psycopg") * 2]
        for driver in drivers:
            await driver.open()
            stack.push_async_callback(driver.close)
        await drivers[0].schema.install()
        yield drivers


async def test_claimers_never_get_the_same_job(drivers: list[Driver]) -> None:
    async def claim_all(driver: Driver, worker: str) -> list[str]:
        mine: list[str] = []
        # A claim may come back short because others hold the rows: only an empty store ends it.
        while (await driver.insight.counts())[JobStatus.PENDING]:
            mine += [job.job_id for job in (await claim(driver, worker, limit=7)).jobs]
        return mine

    for round_number in range(ROUNDS):
        job_ids = [f"{round_number} {number}" for number in range(40)]
        await submit(drivers[0], *(new(job_id) for job_id in job_ids))
        takers = [claim_all(driver, f"worker {n}") for n, driver in enumerate(drivers * 2)]
        taken = Counter(job_id for mine in await asyncio.gather(*takers) for job_id in mine)
        assert taken == Counter(job_ids)
    assert {job.attempt_count for job in await drivers[0].insight.jobs(limit=10_000)} == {1}


async def test_one_job_claimed_by_its_id_goes_to_one(drivers: list[Driver]) -> None:
    for number in range(ROUNDS):
        await submit(drivers[0], new(f"{number}"))
        calls = (driver.jobs.claim_job(f"{number}", claim_request(), now=at(1)) for driver in drivers)
        answers = await asyncio.gather(*calls)
        assert [job is not None for job in answers].count(True) == 1


async def test_a_claim_does_not_wait_for_rows_that_another_is_claiming(
    drivers: list[Driver], sql: asyncpg.Connection
) -> None:
    await submit(drivers[0], new("a"), new("b"), new("c"))
    async with sql.transaction():
        await sql.execute("SELECT FROM scheduled_jobs WHERE job_id IN ('a', 'c') FOR UPDATE")
        for driver in drivers[:2]:
            answer = await asyncio.wait_for(claim(driver, limit=1), 10)
            assert [job.job_id for job in answer.jobs] == (["b"] if driver is drivers[0] else [])
    assert [job.job_id for job in (await claim(drivers[0])).jobs] == ["a", "c"]


async def test_a_lost_job_is_taken_back_by_one_reclaimer(drivers: list[Driver]) -> None:
    for round_number in range(ROUNDS // 3):
        job_ids = [f"{round_number} {number}" for number in range(10)]
        for job_id in job_ids:
            await started(drivers[0], job_id)
        answers = await asyncio.gather(*(reclaim(driver, now=at(61)) for driver in drivers))
        assert Counter(lost.job_id for answer in answers for lost in answer.jobs) == Counter(job_ids)
        assert {(await stored(drivers[0], job_id)).crash_count for job_id in job_ids} == {1}


async def test_a_reclaimer_leaves_out_what_others_are_writing(
    drivers: list[Driver], sql: asyncpg.Connection
) -> None:
    for job_id in "abc":
        await started(drivers[0], job_id)
    async with sql.transaction():
        await sql.execute("UPDATE scheduled_jobs SET status = 'pending', crash_count = 1 WHERE job_id = 'b'")
        answer = await asyncio.wait_for(reclaim(drivers[0], now=at(61)), 10)
        assert [lost.job_id for lost in answer.jobs] == ["a", "c"]
    assert (await reclaim(drivers[0], now=at(61))).jobs == ()
    assert (await stored(drivers[0], "b")).crash_count == 1


async def test_a_late_completion_and_the_next_claim_cannot_both_win(drivers: list[Driver]) -> None:
    for number in range(ROUNDS):
        job_id = f"{number}"
        old = await started(drivers[0], job_id)
        await reclaim(drivers[0], now=at(61))
        accepted, taken = await asyncio.gather(
            settle(drivers[number % 4], old, JobEvent.COMPLETE, OWNER, now=at(62)),
            drivers[(number + 1) % 4].jobs.claim_job(job_id, claim_request(RIVAL), now=at(62)),
        )
        assert accepted == (taken is None)
        expected = JobStatus.COMPLETED if accepted else JobStatus.RUNNING
        assert (await stored(drivers[0], job_id)).status is expected


async def test_a_cancellation_and_a_claim_agree_on_who_came_first(drivers: list[Driver]) -> None:
    for number in range(ROUNDS):
        job_id = f"{number}"
        await submit(drivers[0], new(job_id))
        (answer,), taken = await asyncio.gather(
            drivers[number % 4].jobs.request_cancel([job_id], now=at(1)),
            drivers[(number + 1) % 4].jobs.claim_job(job_id, claim_request(), now=at(1)),
        )
        assert answer is (CancelAnswer.REQUESTED if taken else CancelAnswer.CANCELLED)
        record = await stored(drivers[0], job_id)
        assert record.status is (JobStatus.RUNNING if taken else JobStatus.CANCELLED)
        assert record.cancel_requested


async def test_of_those_who_store_one_id_all_but_one_are_refused(drivers: list[Driver]) -> None:
    for number in range(ROUNDS):
        jobs = [new(f"{number}"), new(f"{number} besides")][: 1 + number % 2]
        answers = await asyncio.gather(*(submit(driver, *jobs) for driver in drivers), return_exceptions=True)
        assert answers.count([Submission.INSERTED] * len(jobs)) == 1
        assert [type(answer) for answer in answers].count(JobAlreadyExists) == 3
