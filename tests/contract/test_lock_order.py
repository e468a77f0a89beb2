"""Batches that meet over the same rows wait for each other, or pass them over; they never deadlock.

A third transaction holds the middle row while two batches arrive, so how they interleave is not left to
chance: were one of them to lock rows in another order than by id, each would hold what the other waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from pg_scheduler.db import driver_over
from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing.contract.scene import (
    IGNORE,
    LEASE,
    OWNER,
    REPLACE,
    at,
    new,
    started,
    submit,
)

IDS = ("a", "m", "z")
Batch = Callable[[Driver, Sequence[str]], Awaitable[object]]


async def settling(driver: Driver, job_ids: Sequence[str]) -> object:
    settlements = [Settlement(job_id, 1, OWNER, Verdict(JobEvent.COMPLETE)) for job_id in job_ids]
    return await driver.jobs.settle(settlements, now=at(10))


async def renewing(driver: Driver, job_ids: Sequence[str]) -> object:
    leases = [Lease(job_id, 1) for job_id in job_ids]
    return await driver.jobs.renew(RenewRequest(OWNER, "host", 1, LEASE, leases), now=at(10))


async def replacing(driver: Driver, job_ids: Sequence[str]) -> object:
    return await submit(driver, *(new(job_id) for job_id in job_ids), conflict=REPLACE, now=at(10))


async def ignoring(driver: Driver, job_ids: Sequence[str]) -> object:
    return await submit(driver, *(new(job_id) for job_id in job_ids), conflict=IGNORE, now=at(10))


async def ignoring_keys(driver: Driver, keys: Sequence[str]) -> object:
    """Each with the ids that come first in the call: only the keys meet."""
    ids = [f"{number} of {id(driver)}" for number in range(len(keys))]
    jobs = [new(job_id, dedupe_key=key) for job_id, key in zip(ids, keys, strict=True)]
    return await submit(driver, *jobs, conflict=IGNORE, now=at(10))


async def cancelling(driver: Driver, job_ids: Sequence[str]) -> object:
    return await driver.jobs.request_cancel(job_ids, now=at(10))


async def limiting(driver: Driver, names: Sequence[str]) -> None:
    await driver.limits.set_limits({name: TaskLimits(concurrency=1) for name in names}, now=at(10))


async def unlimiting(driver: Driver, names: Sequence[str]) -> None:
    await driver.limits.set_limits(dict.fromkeys(names, NO_LIMITS), now=at(10))


async def begun(driver: Driver, sql: asyncpg.Connection, job_ids: Sequence[str]) -> None:
    """Running jobs, all under epoch 1."""
    for job_id in job_ids:
        await started(driver, job_id)
    await sql.execute("UPDATE scheduled_jobs SET epoch = 1")


@pytest.fixture
async def drivers(dsn: str) -> AsyncIterator[tuple[Driver, Driver]]:
    """One of each library, on one database."""
    async with AsyncExitStack() as stack:
        both = driver_over(dsn, library="asyncpg"), driver_over(dsn, library="psycopg")
        for driver in both:
            await driver.open()
            stack.push_async_callback(driver.close)
        await both[0].schema.install()
        yield both


async def meet(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection, holding: str, first: Batch, second: Batch
) -> None:
    """Both batches arrive while `holding` keeps the middle row; then it lets go. Nobody is refused."""
    holder = sql.transaction()
    await holder.start()
    await sql.execute(holding)
    calls = asyncio.gather(first(drivers[0], IDS), second(drivers[1], IDS[::-1]), return_exceptions=True)
    waiting = sum(batch is not settling for batch in (first, second))
    async with asyncio.timeout(20):
        while await _waiting_for_a_lock(sql) < waiting:
            await asyncio.sleep(0.005)
    await holder.rollback()
    refused = [answer for answer in await calls if isinstance(answer, BaseException)]
    assert refused == []


async def _waiting_for_a_lock(sql: asyncpg.Connection) -> int:
    count: int = await sql.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return count


BATCHES: tuple[Batch, ...] = (settling, replacing, cancelling)


@pytest.mark.parametrize("first", BATCHES, ids=lambda batch: batch.__name__)
@pytest.mark.parametrize("second", BATCHES, ids=lambda batch: batch.__name__)
async def test_batches_over_running_jobs_never_deadlock(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection, first: Batch, second: Batch
) -> None:
    # The rows lie in the table in the opposite order, so that reading it from its start shows too.
    await begun(drivers[0], sql, IDS[::-1])
    await meet(drivers, sql, "SELECT FROM scheduled_jobs WHERE job_id = 'm' FOR UPDATE", first, second)


async def test_a_settlement_waits_for_nobody_and_says_what_is_held_up(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection
) -> None:
    await begun(drivers[0], sql, (*IDS, "taken"))
    await sql.execute("UPDATE scheduled_jobs SET epoch = 2 WHERE job_id = 'taken'")
    settlements = [Settlement(job_id, 1, OWNER, Verdict(JobEvent.COMPLETE)) for job_id in (*IDS, "taken")]
    failed = [one._replace(verdict=Verdict(JobEvent.FAIL)) for one in settlements]
    for number, batch in enumerate((settlements, failed)):
        async with sql.transaction():
            await sql.execute("SELECT FROM scheduled_jobs WHERE job_id = 'm' FOR UPDATE")
            answers = (await drivers[number].jobs.settle(batch, now=at(10))).accepted
        assert list(answers) == [not number, None, not number, False]
    again = await drivers[0].jobs.settle(failed, now=at(11))
    assert again.accepted == [False, True, False, False]


@pytest.mark.parametrize("other", [replacing, cancelling], ids=lambda batch: batch.__name__)
async def test_a_renewal_waits_for_nobody_and_extends_what_is_free(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection, other: Batch
) -> None:
    """Leases are kept by it: one row in somebody's open transaction must not cost the others."""
    await begun(drivers[0], sql, IDS[::-1])
    async with sql.transaction():
        await sql.execute("SELECT FROM scheduled_jobs WHERE job_id = 'm' FOR UPDATE")
        batch = asyncio.ensure_future(other(drivers[1], IDS[1:]))
        async with asyncio.timeout(20):
            while await _waiting_for_a_lock(sql) < 1:
                await asyncio.sleep(0.005)
        answer: Any = await asyncio.wait_for(renewing(drivers[0], IDS), 10)
        until = {job.job_id: job.lease_until for job in await drivers[0].insight.jobs()}
    await batch
    assert answer.held == {Lease(job_id, 1) for job_id in IDS}
    assert (until["a"], until["m"]) == (at(10) + LEASE, at(0) + LEASE)


async def test_calls_that_store_the_same_new_ids_never_deadlock(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection
) -> None:
    unseen = "INSERT INTO scheduled_jobs (job_id, job_name, execution_time) VALUES ('m', 'task', now())"
    await meet(drivers, sql, unseen, ignoring, ignoring)
    assert [job.job_id for job in await drivers[0].insight.jobs()] == list(IDS)


@pytest.mark.parametrize(
    "policy", [VacuumPolicy.keep_last(0), VacuumPolicy.after_days(0)], ids=["count", "age"]
)
async def test_a_pruner_leaves_out_what_others_are_writing(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection, policy: VacuumPolicy
) -> None:
    await begun(drivers[0], sql, IDS[::-1])
    await settling(drivers[0], IDS)
    async with sql.transaction():
        await sql.execute("SELECT FROM scheduled_jobs WHERE job_id = 'm' FOR UPDATE")
        replacement = asyncio.ensure_future(replacing(drivers[1], IDS))
        async with asyncio.timeout(20):
            while await _waiting_for_a_lock(sql) < 1:
                await asyncio.sleep(0.005)
        pruned = drivers[0].retention.prune(JobStatus.COMPLETED, policy, 100, now=at(20))
        assert await asyncio.wait_for(pruned, 10) == 1
    await replacement
    assert {job.status for job in await drivers[0].insight.jobs()} == {JobStatus.PENDING}


async def test_batches_with_the_same_dedupe_keys_never_deadlock(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection
) -> None:
    holding = (
        "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, task_data, dedupe_key)"
        " VALUES ('held', 'task', now(), '{}', 'm')"
    )
    await meet(drivers, sql, holding, ignoring_keys, ignoring_keys)
    assert {job.dedupe_key for job in await drivers[0].insight.jobs()} == set(IDS)


@pytest.mark.parametrize("first", [limiting, unlimiting], ids=lambda batch: batch.__name__)
@pytest.mark.parametrize("second", [limiting, unlimiting], ids=lambda batch: batch.__name__)
async def test_workers_that_set_and_end_limits_never_deadlock(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection, first: Batch, second: Batch
) -> None:
    for name in IDS[::-1]:
        await drivers[0].limits.set_limits({name: TaskLimits(concurrency=5)}, now=at(0))
    held = "SELECT FROM scheduled_job_limits WHERE task_name = 'm' FOR UPDATE"
    await meet(drivers, sql, held, first, second)


async def test_jobs_that_others_hold_are_not_waited_for_to_mark_those_that_are_awaited(
    drivers: tuple[Driver, Driver], sql: asyncpg.Connection
) -> None:
    await submit(drivers[0], *(new(job_id) for job_id in IDS))
    async with sql.transaction():
        await sql.execute("SELECT FROM scheduled_jobs WHERE job_id = 'm' FOR UPDATE")
        for driver in drivers:
            marked = await asyncio.wait_for(driver.signals.await_jobs(IDS), 20)
            assert marked == {"a", "z"}
    assert await drivers[0].signals.await_jobs(IDS) == set(IDS)
