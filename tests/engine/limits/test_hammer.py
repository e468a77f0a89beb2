"""Many claims at once never take more than the limits allow."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from pg_scheduler.domain.limits import TaskLimits, burst_of
from pg_scheduler.domain.model import ClaimedJob, NewJob
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import RAISE, at, new, settle, settlement_of
from tests.chaos.limits.findings import most_in_a_second

CLAIMERS = 16
_MOST = """
SELECT max(jobs) FROM (
    SELECT count(*) AS jobs FROM scheduled_jobs WHERE status = 'running' GROUP BY lane
) AS lanes
"""


_MOST_OF_A_QUEUE = _MOST.replace("GROUP BY lane", "GROUP BY queue")


def request(worker: str, limit: int = 5) -> ClaimRequest:
    return ClaimRequest(worker, ("task", "other"), limit, timedelta(seconds=600))


async def claim_and_settle(
    driver: Driver, worker: str, rng: random.Random, end: asyncio.Event, taken: Counter[str]
) -> None:
    """Claim again and again; settle what is held, by chance, one by one."""
    held: list[ClaimedJob] = []
    while not end.is_set() or held:
        if not end.is_set():
            held += (found := (await driver.jobs.claim_lanes(request(worker))).jobs)
            taken.update(job.job_id for job in found)
        if held and (end.is_set() or rng.random() < 0.7):
            job = held.pop(rng.randrange(len(held)))
            event = rng.choice((JobEvent.COMPLETE, JobEvent.COMPLETE, JobEvent.FAIL, JobEvent.RELEASE))
            (answer,) = (await driver.jobs.settle([settlement_of(job, event, worker)])).accepted
            if answer is None:  # somebody holds the row for a moment: it is told again
                held.append(job)
            elif event is JobEvent.RELEASE:
                taken[job.job_id] -= 1


async def watched(dsn: str, end: asyncio.Event, most: str) -> list[int]:
    """How many ran at once in the fullest lane or queue, as an onlooker saw it again and again."""
    sql = await asyncpg.connect(dsn)
    try:
        seen = []
        while not end.is_set():
            seen.append(await sql.fetchval(most) or 0)
        return seen
    finally:
        await sql.close()


async def hammered(
    drivers: Any, dsn: str, jobs: int, keys: int, concurrency: int
) -> tuple[int, Counter[str]]:
    """The most that ran at once in any lane, and how often each job was taken."""
    made = await drivers(CLAIMERS)
    await made[0].limits.set_limits({"task": TaskLimits(concurrency=concurrency)})
    key_of = [f"k{n % keys}" if keys else None for n in range(jobs)]
    wanted = [new(f"job {n}", due=at(-(10**9)), limit_key=key_of[n]) for n in range(jobs)]
    return await claimed_by_all(made, dsn, wanted, _MOST)


async def claimed_by_all(
    made: list[Driver], dsn: str, jobs: list[NewJob], most: str
) -> tuple[int, Counter[str]]:
    await made[0].jobs.submit(jobs, RAISE)
    end, taken, rng = asyncio.Event(), Counter[str](), random.Random(7)
    onlooker = asyncio.create_task(watched(dsn, end, most))
    claimers = [
        asyncio.create_task(claim_and_settle(driver, f"w{n}", random.Random(rng.random()), end, taken))
        for n, driver in enumerate(made)
    ]
    deadline = time.monotonic() + 60
    while (await made[0].insight.counts())[JobStatus.PENDING] and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    end.set()
    await asyncio.gather(*claimers)
    return max(await onlooker), taken


@pytest.mark.slow
async def test_claims_at_once_never_exceed_a_concurrency(drivers: Any, dsn: str) -> None:
    most, taken = await hammered(drivers, dsn, jobs=300, keys=0, concurrency=3)
    assert most == 3
    assert len(taken) == 300
    assert set(taken.values()) <= {0, 1}, "a job ran twice"


@pytest.mark.slow
async def test_claims_at_once_never_exceed_a_concurrency_of_any_key(drivers: Any, dsn: str) -> None:
    most, taken = await hammered(drivers, dsn, jobs=300, keys=10, concurrency=1)
    assert most == 1
    assert len(taken) == 300


@pytest.mark.slow
async def test_claims_at_once_never_exceed_the_concurrency_of_a_queue(drivers: Any, dsn: str) -> None:
    made = await drivers(CLAIMERS)
    await made[0].limits.set_limits({"other": TaskLimits(concurrency=2)})
    await made[0].limits.limit_queue("default", TaskLimits(concurrency=3))
    jobs = [
        new(f"job {n}", task=("task", "other")[n % 2], due=at(-(10**9)), limit_key=(None, "k")[n % 3 == 0])
        for n in range(300)
    ]
    most, taken = await claimed_by_all(made, dsn, jobs, _MOST_OF_A_QUEUE)
    assert most == 3
    assert len(taken) == 300
    assert set(taken.values()) <= {0, 1}, "a job ran twice"


async def test_claims_at_once_never_exceed_a_rate_at_a_pinned_moment(drivers: Any) -> None:
    made = await drivers(8)
    await made[0].limits.set_limits({"task": TaskLimits(rate=50.0)}, now=at(0))
    await made[0].jobs.submit([new(f"job {n}") for n in range(40)], RAISE, now=at(0))
    for second, expected in ((0, burst_of(50.0)), (0.04, 2), (0.06, 1), (60, burst_of(50.0))):
        answers = await asyncio.gather(
            *(driver.jobs.claim_lanes(request("w", 40), now=at(second)) for driver in made)
        )
        assert sum(len(answer.jobs) for answer in answers) == expected, second


@pytest.mark.slow
async def test_claims_at_once_never_exceed_a_rate_as_time_goes_by(
    drivers: Any, sql: asyncpg.Connection
) -> None:
    made = await drivers(8)
    await made[0].limits.set_limits({"task": TaskLimits(rate=60.0)})
    await made[0].jobs.submit([new(f"job {n}", due=at(-(10**9))) for n in range(400)], RAISE)
    end = time.monotonic() + 3

    async def claim_until_the_end(driver: Driver) -> None:
        while time.monotonic() < end:
            await driver.jobs.claim_lanes(request("w"))

    await asyncio.gather(*(claim_until_the_end(driver) for driver in made))
    rows = await sql.fetch(
        "SELECT extract(EPOCH FROM started_at)::double precision AS at FROM scheduled_jobs"
        " WHERE status = 'running'"
    )
    # All of the rate is used; nowhere more than the burst beyond it.
    assert 2 * 60 < len(rows) <= 3.5 * 60 + burst_of(60.0)
    assert most_in_a_second(row["at"] for row in rows) <= 60 + burst_of(60.0)


async def test_two_claims_from_one_lane_after_each_other_see_each_other(driver: Driver) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=2)}, now=at(0))
    await driver.jobs.submit([new(f"job {n}") for n in range(3)], RAISE, now=at(0))
    found = [(await driver.jobs.claim_lanes(request("owner", 1), now=at(1))).jobs for _ in range(3)]
    assert [len(jobs) for jobs in found] == [1, 1, 0]
    assert await settle(driver, found[0][0], JobEvent.COMPLETE)
    assert len((await driver.jobs.claim_lanes(request("owner", 1), now=at(11))).jobs) == 1
