"""Rows that somebody's open transaction holds are passed over, and cost nobody else anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.model import Lease, Progress
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.why import explain
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewAnswer, RenewRequest
from pg_scheduler.testing.contract.scene import (
    LEASE,
    NOON,
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

HOLD = "SELECT FROM scheduled_jobs WHERE job_id = 'held' FOR UPDATE"


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


async def renew(driver: Driver, seconds: float, *leases: Lease, worker: str = OWNER) -> RenewAnswer:
    return await driver.jobs.renew(RenewRequest(worker, "host", 1, LEASE, leases), now=at(seconds))


async def test_a_live_worker_does_not_lose_a_job_that_was_only_held(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    """Whoever held it rolls back when the lease is long over, and somebody looks before the owner does."""
    held, free = await started(driver, "held"), await started(driver, "free")
    async with sql.transaction():
        await sql.execute(HOLD)
        for seconds in (20, 40, 60, 80):
            assert (await renew(driver, seconds, held.lease, free.lease)).held == {held.lease, free.lease}
            assert (await reclaim(driver, now=at(seconds + 19))).jobs == ()
    assert (await stored(driver, "held")).lease_until == NOON + LEASE
    assert (await reclaim(driver, now=at(139))).jobs == ()
    await renew(driver, 139, held.lease, free.lease)
    assert (await stored(driver, "held")).lease_until == at(139) + LEASE
    assert (await reclaim(driver, now=at(198))).jobs == ()


async def test_nothing_protects_a_held_job_whose_worker_is_gone(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    held = await started(driver, "held")
    async with sql.transaction():
        await sql.execute(HOLD)
        await renew(driver, 50, held.lease)
    assert (await reclaim(driver, now=at(110))).jobs == ()
    (lost,) = (await reclaim(driver, now=at(110.5))).jobs
    assert (lost.job_id, lost.worker_id) == ("held", OWNER)


async def test_nothing_protects_a_job_of_which_its_live_worker_does_not_know(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    """The answer to its claim was lost; the worker renews, but not this."""
    await started(driver, "held")
    async with sql.transaction():
        await sql.execute(HOLD)
        await renew(driver, 50)
        await renew(driver, 50, Lease("held", 1), worker=RIVAL)
    assert [one.job_id for one in (await reclaim(driver, now=at(61))).jobs] == ["held"]


async def test_progress_of_others_is_written_while_one_row_is_held(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    held, free = await started(driver, "held"), await started(driver, "free")
    reports = {held.lease: Progress(1, 2), free.lease: Progress(3, 4), Lease("gone", 5): Progress(1, 1)}
    async with sql.transaction():
        await sql.execute(HOLD)
        assert list(await driver.jobs.note_progress(reports)) == [held.lease]
    assert (await stored(driver, "free")).progress == Progress(3, 4)
    assert (await stored(driver, "held")).progress is None
    assert list(await driver.jobs.note_progress(reports)) == []
    assert (await stored(driver, "held")).progress == Progress(1, 2)


async def test_a_claim_tells_that_it_passed_a_due_job_over(driver: Driver, sql: asyncpg.Connection) -> None:
    await submit(driver, new("held", rank=3), new("free"), new("later", due=at(100)), new("x", task="other"))
    async with sql.transaction():
        await sql.execute(HOLD)
        assert not (await claim(driver, limit=1)).passed_over, "there was room for no more"
        answer = await claim(driver)
        assert (answer.jobs, answer.passed_over, answer.next_due_in) == ((), True, timedelta(seconds=100))
        assert not (await claim(driver, names=["other"])).passed_over, "it is nobody's business here"
        assert await driver.jobs.claim_job("held", claim_request(), now=NOON) is None
    answer = await claim(driver)
    assert ([job.job_id for job in answer.jobs], answer.passed_over) == (["held"], False)


async def test_in_place_of_held_jobs_come_those_of_another_task(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await submit(driver, new("held"), new("free", task="other", due=at(-1), rank=8))
    async with sql.transaction():
        await sql.execute(HOLD)
        answer = await claim(driver, names=("task", "other"), limit=1)
        assert [job.job_id for job in answer.jobs] == ["free"]


async def test_held_jobs_let_neither_their_own_task_starve_nor_another(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    """They are more urgent than all others for as long as the transaction is open."""
    names = ("task", "other")
    await submit(driver, new("held", due=at(-99)))
    await submit(
        driver, *(new(f"{name} {n:02}", task=name, due=at(n - 50)) for name in names for n in range(40))
    )
    begun: list[str] = []
    async with sql.transaction():
        await sql.execute(HOLD)
        for _ in range(30):
            begun += [job.task_name for job in (await claim(driver, names=names, limit=1)).jobs]
    assert len(begun) == 30
    assert set(begun) == set(names)


async def test_a_verdict_on_a_held_job_waits_for_its_holder_alone(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    held = await started(driver, "held")
    async with sql.transaction():
        await sql.execute(HOLD)
        assert not await settle(driver, held, JobEvent.COMPLETE)
    assert await settle(driver, held, JobEvent.COMPLETE)
    assert (await stored(driver, "held")).status is JobStatus.COMPLETED


async def test_why_names_the_transaction_that_holds_a_job_and_does_not_wait_for_it(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await submit(driver, new("held"), new("free"))
    await sql.execute("SET application_name = 'somebody'")
    changing = "UPDATE scheduled_jobs SET priority = 0 WHERE job_id = 'held'"
    sharing = "SELECT FROM scheduled_jobs WHERE job_id = 'held' FOR KEY SHARE"
    for statement in (HOLD, changing, sharing):
        async with sql.transaction():
            await sql.execute(statement)
            held = await driver.insight.facts_about("held", now=NOON)
            free = await driver.insight.facts_about("free", now=NOON)
        assert held is not None
        assert held.held_by is not None, statement
        assert free is not None
        assert not free.row_is_held
        assert (held.held_by.pid, held.held_by.application) == (sql.get_server_pid(), "somebody")
        assert held.held_by.state == "idle in transaction"
        reasons = {reason.code: reason for reason in explain(held)}
        assert f"pid {sql.get_server_pid()}" in reasons["held_row"].text
        assert reasons["held_row"].act
    again = await driver.insight.facts_about("held", now=NOON)
    assert again is not None
    assert not again.row_is_held


async def test_of_a_running_job_it_is_not_said_that_its_row_is_held(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await started(driver, "held")
    async with sql.transaction():
        await sql.execute(HOLD)
        facts = await driver.insight.facts_about("held", now=NOON)
    assert facts is not None
    assert not facts.row_is_held
