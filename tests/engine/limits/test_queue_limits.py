"""Limits of queues: two gates for each job, whoever else claims meanwhile, and whatever somebody holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest

from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.ports.claims import LaneAnswer
from pg_scheduler.ports.driver import Driver
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
    submit,
)
from pg_scheduler_postgres import limits as stored_limits
from tests.support.running import eventually, within

Waits = Callable[[], Awaitable[None]]
MakeDrivers = Callable[[int], Awaitable[list[Driver]]]
NAMES = ("task", "other")
ONE = TaskLimits(concurrency=1)


async def look(driver: Driver, seconds: float = 0, limit: int = 100) -> LaneAnswer:
    return await driver.jobs.claim_lanes(claim_request(OWNER, NAMES, limit), now=at(seconds))


def ids(answer: LaneAnswer) -> list[str]:
    return [job.job_id for job in answer.jobs]


async def limit_queue(driver: Driver, queue: str, limits: TaskLimits) -> None:
    await driver.limits.limit_queue(queue, limits, now=at(0))


@pytest.mark.parametrize("limits", [ONE, TaskLimits(rate=1.0)], ids=["concurrency", "rate"])
@pytest.mark.parametrize("kept", [True, False], ids=["with its row", "whose row is gone"])
async def test_who_comes_second_to_a_queue_takes_nothing_from_another_lane_and_asks_again(
    driver: Driver,
    by_hand: Driver,
    sql: asyncpg.Connection,
    claim_waits: Waits,
    limits: TaskLimits,
    kept: bool,
) -> None:
    await limit_queue(driver, "m", limits)
    if not kept:
        await sql.execute("DELETE FROM scheduled_job_lanes")
    await submit(driver, new("a", queue="m"), new("b", queue="m", task="other"))
    await sql.execute("BEGIN")
    first = await look(by_hand, 60, limit=1)
    await submit(driver, new("urgent", queue="m", task="other", rank=1))
    second = asyncio.create_task(look(driver, 60))
    await claim_waits()
    await sql.execute("COMMIT")
    answer = await second
    assert ids(first) == ["a"]
    assert (answer.jobs, answer.more) == ((), True)
    assert (await look(driver, 60)).jobs == ()


async def test_who_comes_second_to_a_queue_spends_no_token_of_its_lane(
    driver: Driver, by_hand: Driver, sql: asyncpg.Connection, claim_waits: Waits
) -> None:
    await driver.limits.set_limits({"other": TaskLimits(rate=1 / 3600)}, now=at(0))
    await limit_queue(driver, "m", ONE)
    await submit(driver, new("a", queue="m"), new("b", queue="m", task="other"))
    await sql.execute("BEGIN")
    (first,) = (await look(by_hand, 60, limit=1)).jobs
    await submit(driver, new("urgent", queue="m", task="other", rank=1))
    second = asyncio.create_task(look(driver, 60))
    await claim_waits()
    await sql.execute("COMMIT")
    assert (await second).jobs == ()
    await settle(driver, first, JobEvent.COMPLETE)
    assert ids(await look(driver, 61)) == ["urgent"]


async def test_a_claim_that_was_rolled_back_costs_the_queue_nothing(
    driver: Driver, by_hand: Driver, sql: asyncpg.Connection, claim_waits: Waits
) -> None:
    await limit_queue(driver, "m", TaskLimits(1, 1 / 60))
    await submit(driver, new("a", queue="m"), new("b", queue="m", task="other"))
    await sql.execute("BEGIN")
    await look(by_hand, 60)
    second = asyncio.create_task(look(driver, 60))
    await claim_waits()
    await sql.execute("ROLLBACK")
    assert ids(await second) == ["a"]


async def test_a_job_that_moved_to_another_queue_meanwhile_is_not_taken_for_its_old_one(
    driver: Driver, sql: asyncpg.Connection, claim_waits: Waits
) -> None:
    for queue in "mn":
        await limit_queue(driver, queue, ONE)
    await submit(driver, new("runs", queue="n"), new("moving", queue="m", task="other", due=at(1)))
    assert ids(await look(driver)) == ["runs"]
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_job_lanes WHERE lane = 'm' FOR UPDATE")
    claiming = asyncio.create_task(look(driver, 60))
    await claim_waits()
    await submit(driver, new("moving", queue="n", task="other"), conflict=REPLACE)
    await sql.execute("COMMIT")
    assert (await claiming).jobs == ()
    assert (await look(driver, 60)).jobs == ()


@pytest.mark.parametrize("limits", [ONE, TaskLimits(rate=1 / 60)], ids=["concurrency", "rate"])
async def test_in_place_of_a_held_job_one_of_another_lane_of_its_queue_starts(
    driver: Driver, sql: asyncpg.Connection, limits: TaskLimits
) -> None:
    await limit_queue(driver, "m", limits)
    await submit(driver, new("held", queue="m", rank=1), new("free", queue="m", task="other"))
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_jobs WHERE job_id = 'held' FOR UPDATE")
    assert ids(await look(driver)) == ["free"]
    await sql.execute("ROLLBACK")
    assert (await look(driver)).jobs == (), "it took the place"


async def test_in_place_of_a_held_job_one_of_its_lane_in_a_limited_queue_starts(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await driver.limits.set_limits({"task": ONE}, now=at(0))
    await limit_queue(driver, "m", ONE)
    await submit(driver, new("held", rank=1), new("free", queue="m"))
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_jobs WHERE job_id = 'held' FOR UPDATE")
    assert ids(await look(driver)) == ["free"]


async def test_what_steps_in_for_held_jobs_is_not_too_much_for_their_queue(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    """Each lane has room for all that are lacking; their queue has not."""
    await limit_queue(driver, "m", TaskLimits(concurrency=2))
    await submit(driver, *(new(f"held {n}", queue="m", rank=1) for n in range(2)))
    await submit(
        driver,
        *(new(f"{key} {n}", queue="m", task="other", limit_key=key) for key in "abc" for n in range(2)),
    )
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_jobs WHERE job_id LIKE 'held%' FOR UPDATE")
    answer = await look(driver)
    assert len(answer.jobs) == 2
    assert (await look(driver)).jobs == ()


async def test_what_is_lacking_elsewhere_is_not_made_up_for_by_a_limited_queue(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await limit_queue(driver, "m", ONE)
    await submit(driver, new("held m", queue="m", rank=1))
    await submit(driver, *(new(f"held {n}", queue="n", rank=1, limit_key="n") for n in range(3)))
    await submit(driver, *(new(key, queue="m", task="other", limit_key=key) for key in "ab"))
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_jobs WHERE job_id LIKE 'held%' FOR UPDATE")
    assert len((await look(driver)).jobs) == 1
    assert (await look(driver)).jobs == ()


async def test_jobs_of_a_lane_or_queue_that_has_given_all_do_not_step_in_for_others(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    """They would take the place of those that could."""
    await driver.limits.set_limits(dict.fromkeys(NAMES, ONE), now=at(0))
    await limit_queue(driver, "m", ONE)
    await submit(driver, new("given", rank=1), new("too many", rank=2))
    await submit(driver, new("m given", queue="m", rank=1, limit_key="x"))
    await submit(driver, new("m too many", queue="m", rank=2, limit_key="y"))
    await submit(driver, new("held", task="other", rank=1), new("free", task="other", rank=9))
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_jobs WHERE job_id = 'held' FOR UPDATE")
    assert ids(await look(driver)) == ["given", "m given", "free"]


async def test_held_jobs_of_a_queue_cost_no_token_and_ask_for_no_more(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await limit_queue(driver, "m", TaskLimits(rate=1 / 60))
    await submit(driver, new("a", queue="m"))
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_jobs FOR UPDATE")
    answer = await look(driver)
    assert (answer.jobs, answer.more, answer.passed_over, answer.next_in) == ((), False, True, None)
    await sql.execute("ROLLBACK")
    assert ids(await look(driver, 0.1)) == ["a"], "its token was not spent"


async def test_a_stray_of_a_producer_who_did_not_see_the_limit_is_sorted_by_the_claim_that_meets_it(
    driver: Driver, by_hand: Driver, sql: asyncpg.Connection
) -> None:
    await sql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await by_hand.jobs.submit([new("a", queue="m"), new("b", queue="m")], RAISE, now=at(0))
    await limit_queue(driver, "m", ONE)
    await sql.execute("COMMIT")
    answer = await claim(driver)
    assert (answer.jobs, answer.sorted_into_lanes) == ((), 2)
    assert ids(await look(driver)) == ["a"]
    assert (await look(driver)).jobs == ()


@pytest.mark.parametrize("kind", ["queue", "task"])
async def test_what_a_claim_that_did_not_see_the_limit_starts_takes_a_place(
    driver: Driver, by_hand: Driver, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(stored_limits, "LOOKS_AT_HELD_JOBS", 10_000)
    await submit(driver, new("a", queue="m"))
    await sql.execute("BEGIN")
    (run,) = (await claim(by_hand)).jobs
    known, change = driver.limits.list_limits, driver.limits.set_limits({"task": ONE}, now=at(0))
    if kind == "queue":
        change.close()
        known, change = driver.limits.queue_limits, limit_queue(driver, "m", ONE)  # type: ignore[assignment]
    limiting = asyncio.create_task(change)
    await eventually(known)
    await sql.execute("COMMIT")
    await within(limiting, 10)
    await submit(driver, new("b", queue="m"))
    assert (await look(driver)).jobs == ()
    await settle(driver, run, JobEvent.COMPLETE)
    assert ids(await look(driver, 11)) == ["b"]


async def test_the_gate_of_a_queue_is_kept_as_long_as_the_queue_has_limits(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await limit_queue(driver, "m", ONE)
    await reclaim(driver, now=at(7200))
    assert await sql.fetchval("SELECT lane FROM scheduled_job_lanes WHERE task_name = ''") == "m"
    await limit_queue(driver, "m", NO_LIMITS)
    await reclaim(driver, now=at(7200))
    assert await sql.fetchval("SELECT count(*) FROM scheduled_job_lanes") == 0


async def test_claims_at_once_never_exceed_the_rate_of_a_queue(drivers: MakeDrivers) -> None:
    made = await drivers(6)
    await limit_queue(made[0], "m", TaskLimits(rate=50.0))
    jobs = [new(f"job {n}", queue="m", task=NAMES[n % 2]) for n in range(40)]
    await made[0].jobs.submit(jobs, RAISE, now=at(0))
    for second, expected in ((0, 5), (0.04, 2), (0.06, 1), (60, 5)):
        started = 0
        for _ in made:  # who comes second asks again
            answers = await asyncio.gather(*(look(driver, second) for driver in made))
            started += sum(len(answer.jobs) for answer in answers)
        assert started == expected, second


async def test_changing_limits_waits_for_no_claim(
    driver: Driver, by_hand: Driver, sql: asyncpg.Connection
) -> None:
    await limit_queue(driver, "m", ONE)
    await submit(driver, new("a", queue="m"), new("b", queue="m"))
    await sql.execute("BEGIN")
    assert ids(await look(by_hand)) == ["a"]
    await within(driver.limits.limit_queue("m", TaskLimits(concurrency=2), now=at(0)), 10)
    await sql.execute("COMMIT")
    assert ids(await look(driver)) == ["b"]


async def test_a_worker_serves_a_limited_queue_beside_others(driver: Driver) -> None:
    """Jobs outside lanes are in the common order with those of the queue."""
    await limit_queue(driver, "m", TaskLimits(concurrency=2))
    await submit(driver, *(new(f"m{n}", queue="m", rank=n) for n in range(3)), new("plain", rank=0))
    request = replace(claim_request(OWNER, NAMES, 2), queues=["default", "m"])
    answer = await driver.jobs.claim_lanes(request, now=at(0))
    assert (ids(answer), answer.outranked) == (["m0"], True)
    assert await settle(driver, answer.jobs[0], JobEvent.COMPLETE)
