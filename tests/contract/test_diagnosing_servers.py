"""What a server does that jobs suffer from, found while it does it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.errors import QuestionTimedOut
from pg_scheduler.domain.problems import Thresholds, problems
from pg_scheduler.domain.server_facts import ServerFacts
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import NOON, new, submit
from pg_scheduler_postgres import insight

LONG_AGO = NOON - timedelta(days=3_650)


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


async def read(driver: Driver) -> ServerFacts:
    facts = await driver.insight.server_facts()
    assert facts is not None
    return facts


async def test_a_transaction_that_holds_due_jobs_is_named(
    driver: Driver, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insight, "OPEN_FOR_LONG", timedelta(0))
    await submit(driver, *(new(name, due=LONG_AGO) for name in ("held", "too", "free")))
    await submit(driver, new("in-lane", due=LONG_AGO, limit_key="key"), new("future"))
    async with sql.transaction():
        await sql.execute("SELECT FROM scheduled_jobs WHERE job_id <> 'free' FOR UPDATE")
        facts = await read(driver)
        (one,) = (one for one in facts.transactions if one.pid == sql.get_server_pid())
        assert (one.state, one.pins, one.holds) == ("idle in transaction", True, 3)
        codes = {problem.code: problem for problem in problems(None, facts)}
        assert codes["held_jobs"].subject == str(sql.get_server_pid())
    assert all(one.pid != sql.get_server_pid() for one in (await read(driver)).transactions)


async def test_one_that_is_merely_open_pins_dead_rows(
    driver: Driver, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insight, "OPEN_FOR_LONG", timedelta(0))
    async with sql.transaction(isolation="repeatable_read"):
        await sql.fetch("SELECT FROM scheduled_jobs")
        found = problems(None, await read(driver), limits=Thresholds(open_transaction=timedelta(0)))
        assert str(sql.get_server_pid()) in [one.subject for one in found if one.code == "pinned_xmin"]


async def test_settings_tables_and_rights_are_told(driver: Driver, sql: asyncpg.Connection) -> None:
    await sql.execute("ALTER TABLE scheduled_jobs SET (autovacuum_enabled = false)")
    facts = await read(driver)
    assert (facts.fsync, facts.autovacuum, facts.may_not, facts.in_recovery) == (False, False, (), False)
    assert {"scheduled_jobs", "scheduled_job_workers"} <= {table.name for table in facts.tables}
    assert {"fsync", "synchronous_commit", "autovacuum"} <= {one.code for one in problems(None, facts)}


async def test_a_question_that_takes_too_long_ends_and_says_so(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    asked = driver.within(timedelta(milliseconds=100))
    assert (await asked.insight.cluster_facts()).workers == ()
    async with sql.transaction():
        await sql.execute("LOCK TABLE scheduled_jobs IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(QuestionTimedOut, match=r"did not answer within 0\.1 s"):
            await asked.insight.cluster_facts()
    assert (await driver.insight.cluster_facts()).workers == ()
