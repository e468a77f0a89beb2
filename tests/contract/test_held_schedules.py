"""A schedule, or a run of one, that somebody's open transaction holds: nobody else waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import NOON, at
from pg_scheduler.testing.contract.schedule_scene import due_keys, having, schedule, step, the_schedule

PATIENCE = 10


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    made = driver_over(dsn, library=library)
    await made.open()
    await made.schema.install()
    yield made
    await made.close()


@pytest.fixture
async def somebody(sql: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """Inside a transaction that stays open."""
    transaction = sql.transaction()
    await transaction.start()
    yield sql
    await transaction.rollback()


async def test_schedules_that_are_held_do_not_keep_the_others_from_their_windows(
    driver: Driver, somebody: asyncpg.Connection
) -> None:
    for key in "abc":
        await having(driver, schedule(key), next_window=at(60))
    await somebody.execute("SELECT * FROM scheduled_job_schedules WHERE schedule_key = 'b' FOR UPDATE")
    async with asyncio.timeout(PATIENCE):
        steps = [step(at(60), key=key) for key in "abc"]
        assert await driver.schedules.advance_schedules(steps, now=at(60)) == [True, False, True]
    assert "b" in await due_keys(driver, now=at(60))


async def test_confirming_passes_over_what_is_held(driver: Driver, somebody: asyncpg.Connection) -> None:
    wanted = [schedule(key) for key in "abc"]
    await driver.schedules.register_schedules(wanted, now=NOON)
    await somebody.execute("SELECT * FROM scheduled_job_schedules WHERE schedule_key = 'b' FOR UPDATE")
    async with asyncio.timeout(PATIENCE):
        records = await driver.schedules.register_schedules(wanted, now=at(45))
    assert [record.heartbeat for record in records] == [at(45), NOON, at(45)]


async def test_only_who_brings_something_new_waits_for_others_that_register(
    driver: Driver, somebody: asyncpg.Connection
) -> None:
    await driver.schedules.register_schedules([schedule("a")], now=NOON)
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('pg_scheduler schedules public', 0))"
    await somebody.execute(lock)
    registering = asyncio.ensure_future(driver.schedules.register_schedules([schedule("b")], now=NOON))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(PATIENCE):
        while not await somebody.fetchval(waiting):
            await asyncio.sleep(0.01)
        (record,) = await driver.schedules.register_schedules([schedule("a")], now=at(45))
    assert record.heartbeat == at(45)
    await somebody.execute("ROLLBACK; BEGIN")
    assert [record.new.key for record in await registering] == ["b"]


async def test_a_pause_that_waits_for_a_run_holds_no_schedule(
    driver: Driver, somebody: asyncpg.Connection
) -> None:
    await having(driver, next_window=at(60))
    taken = step(at(60))
    assert await driver.schedules.advance_schedules([taken], now=at(60)) == [True]
    job_id = taken.jobs[0].job_id
    await somebody.execute("SELECT * FROM scheduled_jobs WHERE job_id = $1 FOR UPDATE", job_id)
    pausing = asyncio.ensure_future(driver.schedules.set_paused("key", True, now=at(61)))
    async with asyncio.timeout(PATIENCE):
        while not (await the_schedule(driver)).new.paused:
            await asyncio.sleep(0.01)
    await somebody.execute("ROLLBACK; BEGIN")
    assert await pausing
    job = await driver.insight.job(job_id)
    assert job is not None
    assert job.status is JobStatus.CANCELLED


@pytest.mark.parametrize("rounds", [6])
async def test_programs_that_start_together_and_stage_do_not_deadlock(
    dsn: str, driver: Driver, library: Library, sql: asyncpg.Connection, rounds: int
) -> None:
    # Names and keys sort in opposite orders, and each round has new definitions.
    count = 12
    others = [driver_over(dsn, library=library) for _ in range(3)]
    for other in others:
        await other.open()
    for number in range(rounds):
        wanted = [
            schedule(f"{n:02}", task_name=f"task {count - n:02}", spec_hash=f"{number}") for n in range(count)
        ]

        async def stage(hashed: str) -> None:
            steps = [
                step(key=f"{n:02}", spec_hash=hashed, expected=None, following=at(60))
                for n in reversed(range(count))
            ]
            for _ in range(5):
                await driver.schedules.advance_schedules(steps, now=NOON)

        await asyncio.gather(
            *(other.schedules.register_schedules(wanted, now=at(number)) for other in others),
            stage(f"{number}"),
            stage(f"{number - 1}"),
        )
    database = await sql.fetchrow("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert database["deadlocks"] == 0
    for other in others:
        await other.close()
