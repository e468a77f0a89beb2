"""What happens between a claim's snapshot and its end, one interleaving at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import ReclaimRequest
from pg_scheduler.testing.contract.scene import (
    OWNER,
    RAISE,
    REPLACE,
    at,
    claim,
    claim_request,
    new,
    reclaim,
    settle,
    stored,
    submit,
)
from pg_scheduler_postgres import jobs
from tests.support.running import within

Waits = Callable[[], Awaitable[None]]


async def ready(driver: Driver, limits: TaskLimits, used_before: bool) -> None:
    """Two jobs wait in one lane; whether it was claimed from before decides whether the lane has a row."""
    await driver.limits.set_limits({"task": limits}, now=at(0))
    if used_before:
        await submit(driver, new("earlier"))
        (job,) = (await driver.jobs.claim_lanes(claim_request(), now=at(0))).jobs
        assert await settle(driver, job, JobEvent.COMPLETE)
    await submit(driver, new("a"), new("b"))


@pytest.mark.parametrize(
    "limits", [TaskLimits(concurrency=1), TaskLimits(rate=1.0)], ids=["concurrency", "rate"]
)
@pytest.mark.parametrize("used_before", [False, True], ids=["first claim ever", "used before"])
async def test_a_claim_whose_count_became_old_takes_nothing_and_asks_again(
    driver: Driver,
    by_hand: Driver,
    sql: asyncpg.Connection,
    claim_waits: Waits,
    limits: TaskLimits,
    used_before: bool,
) -> None:
    await ready(driver, limits, used_before)
    await sql.execute("BEGIN")
    first = await by_hand.jobs.claim_lanes(claim_request(limit=1), now=at(60))
    # Without it both would choose the same job, and the row's lock alone would save the limit.
    await submit(driver, new("urgent", rank=1))
    second = asyncio.create_task(driver.jobs.claim_lanes(claim_request(), now=at(60)))
    await claim_waits()
    await sql.execute("COMMIT")
    answer = await second
    assert [job.job_id for job in first.jobs] == ["a"]
    assert (answer.jobs, answer.more) == ((), True)
    assert (await driver.jobs.claim_lanes(claim_request(), now=at(60))).jobs == ()


async def test_however_long_the_other_claim_took_its_successor_does_not_trust_an_old_count(
    driver: Driver, by_hand: Driver, sql: asyncpg.Connection, claim_waits: Waits
) -> None:
    """A commit may hang for minutes, on a standby that does not answer."""
    await ready(driver, TaskLimits(concurrency=1), used_before=True)
    await sql.execute("BEGIN")
    await by_hand.jobs.claim_lanes(claim_request(limit=1), now=at(60))
    await submit(driver, new("urgent", rank=1))
    second = asyncio.create_task(driver.jobs.claim_lanes(claim_request(), now=at(3600)))
    await claim_waits()
    await sql.execute("COMMIT")
    assert (await second).jobs == ()


async def test_a_claim_that_was_rolled_back_costs_the_next_one_nothing(
    driver: Driver, by_hand: Driver, sql: asyncpg.Connection, claim_waits: Waits
) -> None:
    await ready(driver, TaskLimits(concurrency=1), used_before=True)
    await sql.execute("BEGIN")
    await by_hand.jobs.claim_lanes(claim_request(limit=1), now=at(60))
    second = asyncio.create_task(driver.jobs.claim_lanes(claim_request(), now=at(60)))
    await claim_waits()
    await sql.execute("ROLLBACK")
    assert [job.job_id for job in (await second).jobs] == ["a"]


async def test_a_lane_whose_row_names_a_transaction_of_another_cluster_goes_on(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    """A restored dump: its transactions are yet to come here."""
    await ready(driver, TaskLimits(concurrency=1), used_before=True)
    await sql.execute("UPDATE scheduled_job_lanes SET claimed_in = '99999999999'")
    assert [job.job_id for job in (await driver.jobs.claim_lanes(claim_request(), now=at(60))).jobs] == ["a"]


async def test_a_job_that_moved_to_another_lane_meanwhile_is_not_taken_for_its_old_one(
    driver: Driver, sql: asyncpg.Connection, claim_waits: Waits
) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=at(0))
    await submit(driver, new("earlier", limit_key="k1"), new("runs", limit_key="k2"))
    earlier, runs = (await driver.jobs.claim_lanes(claim_request(), now=at(0))).jobs
    assert (earlier.job_id, runs.job_id) == ("earlier", "runs")
    await settle(driver, earlier, JobEvent.COMPLETE)
    await submit(driver, new("moving", limit_key="k1"))
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_job_lanes WHERE lane = 'k1' FOR UPDATE")
    claiming = asyncio.create_task(driver.jobs.claim_lanes(claim_request(), now=at(60)))
    await claim_waits()
    await submit(driver, new("moving", limit_key="k2"), conflict=REPLACE)
    await sql.execute("COMMIT")
    assert (await claiming).jobs == ()
    assert (await driver.jobs.claim_lanes(claim_request(), now=at(60))).jobs == ()


async def test_a_stray_of_a_producer_who_did_not_see_the_limits_is_sorted_by_the_claim_that_meets_it(
    driver: Driver, by_hand: Driver, sql: asyncpg.Connection
) -> None:
    await sql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await by_hand.jobs.submit([new("a"), new("b")], RAISE, now=at(0))
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=at(0))
    await by_hand.jobs.submit([new("c")], RAISE, now=at(0))
    await sql.execute("COMMIT")
    answer = await claim(driver)
    assert (answer.jobs, answer.sorted_into_lanes) == ((), 3)
    assert [job.job_id for job in (await driver.jobs.claim_lanes(claim_request(), now=at(0))).jobs] == ["a"]
    assert (await driver.jobs.claim_lanes(claim_request(), now=at(0))).jobs == ()


async def test_a_stray_that_is_retried_counts_from_then_on(driver: Driver) -> None:
    """It was started before the limit was known; its next run stands in the lane."""
    await submit(driver, new("a", max_retries=3), new("b"))
    (running,) = (await claim(driver, limit=1)).jobs
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=at(0))
    assert await settle(driver, running, JobEvent.RELEASE)
    assert (await claim(driver, now=at(11))).jobs == ()
    found = [(await driver.jobs.claim_lanes(claim_request(), now=at(11))).jobs for _ in range(2)]
    assert [len(jobs) for jobs in found] == [1, 0]


async def test_lanes_are_forgotten_after_an_hour_and_not_before(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await ready(driver, TaskLimits(concurrency=1), used_before=True)
    (job,) = (await driver.jobs.claim_lanes(claim_request(), now=at(60))).jobs
    await settle(driver, job, JobEvent.COMPLETE)
    await reclaim(driver, now=at(60 + 3599))
    assert await sql.fetchval("SELECT count(*) FROM scheduled_job_lanes") == 1
    await reclaim(driver, now=at(60 + 3601))
    assert await sql.fetchval("SELECT count(*) FROM scheduled_job_lanes") == 0
    assert len((await driver.jobs.claim_lanes(claim_request(), now=at(7200))).jobs) == 1


async def test_many_lanes_are_forgotten_some_at_a_time(
    driver: Driver, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LANES_PASSED", 2)
    await sql.execute(
        "INSERT INTO scheduled_job_lanes (task_name, lane, claimed_in, claimed_at, granted) "
        "SELECT 'task', number, pg_current_xact_id(), "
        "CASE WHEN number < 3 THEN $2::timestamptz ELSE $1 END, 0 FROM generate_series(1, 7) AS number",
        at(0),
        at(7200),
    )
    request, left = ReclaimRequest(timedelta(seconds=120), 5), []
    for _ in range(4):
        answer = await driver.jobs.reclaim_expired(request, now=at(7200))
        request = replace(request, lanes_after=answer.lanes_after)
        left.append(await sql.fetchval("SELECT count(*) FROM scheduled_job_lanes"))
    assert left == [7, 5, 3, 2]


async def test_forgetting_lanes_waits_for_no_claim(driver: Driver, sql: asyncpg.Connection) -> None:
    await ready(driver, TaskLimits(concurrency=1), used_before=True)
    async with sql.transaction():
        await sql.execute("SELECT FROM scheduled_job_lanes FOR UPDATE")
        await within(reclaim(driver, now=at(7200)), 10)
    assert await sql.fetchval("SELECT count(*) FROM scheduled_job_lanes") == 1


async def test_a_slow_rate_is_remembered_longer_than_an_hour(driver: Driver) -> None:
    """One start in three hours: forgetting the lane after one would forget that start."""
    await ready(driver, TaskLimits(rate=1 / 10_800), used_before=False)
    assert len((await driver.jobs.claim_lanes(claim_request(), now=at(0))).jobs) == 1
    await reclaim(driver, now=at(7200))
    assert (await driver.jobs.claim_lanes(claim_request(), now=at(7201))).jobs == ()
    assert len((await driver.jobs.claim_lanes(claim_request(), now=at(10_801))).jobs) == 1


async def test_a_paused_task_keeps_its_jobs_whatever_lane_they_stand_in(driver: Driver) -> None:
    await submit(driver, new("keyed", limit_key="k"), new("plain"), new("other", task="other", limit_key="k"))
    assert await driver.limits.pause_task("task", True, now=at(0))
    names = ("task", "other")
    assert (await claim(driver, names=names)).jobs == ()
    found = (await driver.jobs.claim_lanes(claim_request(OWNER, names), now=at(0))).jobs
    assert [job.job_id for job in found] == ["other"]
    assert await driver.limits.pause_task("task", False, now=at(1))
    found = (await driver.jobs.claim_lanes(claim_request(OWNER, names), now=at(1))).jobs
    assert sorted(job.job_id for job in found) == ["keyed", "plain"]
    assert (await stored(driver, "keyed")).worker_id == OWNER


async def test_the_ordinary_claim_leaves_what_stands_in_lanes_where_it_is(driver: Driver) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=at(0))
    await submit(driver, new("keyed", limit_key="k"), new("free", task="other", limit_key="k"))
    await submit(driver, new("outside", task="other"))
    names = ("task", "other")
    answer = await claim(driver, names=names)
    assert ([job.job_id for job in answer.jobs], answer.sorted_into_lanes) == (["outside"], 0)
    found = (await driver.jobs.claim_lanes(claim_request(OWNER, names), now=at(0))).jobs
    assert {job.job_id: job.lane for job in found} == {"keyed": "k", "free": "k"}


async def test_what_is_more_urgent_outside_lanes_keeps_its_place(driver: Driver) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=9)}, now=at(0))
    await submit(driver, new("in a lane"), new("urgent", task="other", rank=1), new("later", due=at(99)))
    names = ("task", "other")
    one = await driver.jobs.claim_lanes(claim_request(OWNER, names, 1), now=at(0))
    assert (one.jobs, one.more) == ((), True), "the one slot is for the urgent job"
    two = await driver.jobs.claim_lanes(claim_request(OWNER, names, 2), now=at(0))
    assert [job.job_id for job in two.jobs] == ["in a lane"]


async def test_a_late_job_that_missed_the_pause_is_judged_by_its_lane(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    """Its transaction began before the pause and was committed after it."""
    await driver.limits.pause_task("task", True, now=at(0))
    await submit(driver, new("a", misfire_grace_seconds=5))
    await sql.execute("UPDATE scheduled_jobs SET lane = NULL")
    await driver.limits.pause_task("task", False, now=at(1000))
    met = await claim(driver, now=at(1001))
    assert (met.expired, met.sorted_into_lanes) == ((), 1)
    assert [job.job_id for job in (await driver.jobs.claim_lanes(claim_request(), now=at(1001))).jobs] == [
        "a"
    ]
