"""Rows that somebody's open transaction holds stop neither their lane nor others; nobody spins for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import asyncpg

from pg_scheduler import PgQueuer
from pg_scheduler.client.source import Library
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.engine.limits.lane_gate import LONGEST_PAUSE, SHORTEST_PAUSE, LaneGate
from pg_scheduler.ports.claims import LaneAnswer
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import ManualClock
from pg_scheduler.testing.contract.scene import OWNER, at, claim_request, new, submit

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
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    queue = PgQueuer(dsn, library=library)
    ran: list[str] = []

    async def note(job: Any) -> None:
        ran.append(job.entrypoint)

    queue.entrypoint("limited", concurrency_limit=1)(note)
    queue.entrypoint("free")(note)
    await queue.queries.enqueue(["free"] * 20, [b""] * 20, [9] * 20)
    await queue.queries.enqueue("limited", b"")
    await sql.execute("BEGIN")
    await sql.execute("SELECT FROM scheduled_jobs WHERE job_name = 'free' FOR UPDATE")
    queue.scheduler.max_concurrent_jobs = 5
    steps = queue.scheduler.worker.steps
    await steps.claim_and_start()
    await steps.finish_started()
    assert ran == ["limited"]
    await sql.execute("ROLLBACK")
    await queue.shutdown()


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
