"""Rows that somebody's open transaction holds stop neither their lane nor others, and nobody spins for them."""

from __future__ import annotations

from dataclasses import replace

import asyncpg

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.engine.limits.lane_gate import LONGEST_PAUSE, SHORTEST_PAUSE, LaneGate
from pg_scheduler.ports.claims import LaneAnswer
from pg_scheduler.ports.driver import Driver
from pg_scheduler.scheduler import Scheduler
from pg_scheduler.testing import ManualClock
from pg_scheduler.testing.contract.scene import OWNER, at, claim_request, new, submit
from tests.support.running import eventually

NAMES = ("task", "other")


async def held(sql: asyncpg.Connection, *job_ids: str) -> None:
    """Somebody cancels these, and does not commit."""
    await sql.execute("BEGIN")
    await sql.execute("UPDATE scheduled_jobs SET error_message = 'mine' WHERE job_id = ANY ($1)", job_ids)


async def look(driver: Driver, seconds: float = 0, *, competing: bool = True) -> LaneAnswer:
    request = replace(claim_request(OWNER, NAMES, 3), competing=competing)
    return await driver.jobs.claim_lanes(request, now=at(seconds))


async def test_in_place_of_a_held_job_the_next_of_its_lane_starts(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=at(0))
    await submit(driver, new("a"), new("b"), new("c"))
    await held(sql, "a")
    assert [job.job_id for job in (await look(driver)).jobs] == ["b"]


async def test_a_lane_of_held_jobs_costs_no_token_and_asks_for_no_more(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await driver.limits.set_limits({"task": TaskLimits(rate=1 / 60)}, now=at(0))
    await submit(driver, new("a"))
    await held(sql, "a")
    answer = await look(driver)
    assert (answer.jobs, answer.more, answer.passed_over, answer.next_in) == ((), False, True, None)
    await sql.execute("ROLLBACK")
    assert [job.job_id for job in (await look(driver, 0.1)).jobs] == ["a"], "its token was not spent"


async def test_held_jobs_outside_lanes_keep_nobody_in_lanes_from_starting(
    dsn: str, driver: Driver, sql: asyncpg.Connection
) -> None:
    await submit(driver, *(new(f"held {n}", task="other", rank=1) for n in range(60)))
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=at(0))
    await submit(driver, new("limited"))
    await held(sql, *(f"held {n}" for n in range(60)))
    assert (await look(driver)).outranked
    started = []

    async def task() -> None:
        started.append(1)

    async with Scheduler(dsn) as scheduler:
        scheduler.register(task, name="task")
        scheduler.register(task, name="other")
        await eventually(lambda: started)
        await sql.execute("ROLLBACK")


def test_who_passes_held_jobs_over_looks_again_after_a_pause_that_doubles() -> None:
    gate = LaneGate(ManualClock())
    passed_over = LaneAnswer((), (), more=False, next_in=None, passed_over=True)
    pauses = []
    for _ in range(12):
        gate.answered(passed_over, gate.requests, 0.0, 30.0)
        pauses.append(gate.opens_in())
    assert pauses[0] == SHORTEST_PAUSE
    assert pauses[1] == 2 * SHORTEST_PAUSE
    assert pauses[-1] == LONGEST_PAUSE
    gate.answered(replace(passed_over, passed_over=False), gate.requests, 0.0, 30.0)
    assert gate.opens_in() is None
    gate.answered(passed_over, gate.requests, 0.0, 30.0)
    assert gate.opens_in() == SHORTEST_PAUSE
