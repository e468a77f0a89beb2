"""What a server does that jobs suffer from, found while it does it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, cast

import asyncpg
import pytest

from pg_scheduler.client import diagnosis
from pg_scheduler.client.diagnosis import diagnose
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.engine_facts import EngineFacts, Need, engine_name, engine_problems
from pg_scheduler.domain.errors import DatabaseError, QuestionTimedOut
from pg_scheduler.domain.problems import Thresholds, problems
from pg_scheduler.domain.server_facts import ServerFacts
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import NOON, new, submit
from pg_scheduler_postgres import insight
from pg_scheduler_postgres.driver import PostgresDriver
from pg_scheduler_postgres.session import Row

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


async def test_postgresql_lacks_nothing_and_what_a_server_refuses_is_named(driver: Driver) -> None:
    """The refusals are put in its way: no other engine is at hand."""
    facts = await driver.insight.engine()
    assert facts is not None
    assert (facts.name, dict(facts.refused), list(engine_problems(facts))) == ("PostgreSQL", {}, [])
    session = cast(PostgresDriver, driver).link.session
    plain = session.fetch

    async def refusing(sql: str, args: Sequence[Any] = ()) -> Sequence[Row]:
        if "SKIP LOCKED" in sql:
            raise DatabaseError("unimplemented: SKIP LOCKED", "0A000")
        if "DELETE FROM" in sql:
            raise DatabaseError("permission denied", "42501")  # says nothing of the server
        # It has the function, which does nothing.
        return await plain(
            sql.replace("pg_catalog.pg_try_advisory_xact_lock($1::bigint)", "$1::bigint > 0"), args
        )

    session.fetch = refusing  # type: ignore[method-assign]
    facts = await driver.insight.engine()
    assert facts is not None
    assert dict(facts.refused) == {
        Need.SKIP_LOCKED: "unimplemented: SKIP LOCKED [0A000]",
        Need.ADVISORY_LOCKS: "it takes them, and locks nothing",
    }
    found = await diagnose(driver, SystemClock(), timedelta(seconds=30), listen=False)
    assert found.severe


async def test_a_server_without_signals_or_catalogs_is_diagnosed_all_the_same(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*given: Any, **more: Any) -> None:
        raise DatabaseError('at or near "listen": syntax error', "42601")

    monkeypatch.setattr(diagnosis, "hears_itself", refuse)
    monkeypatch.setattr(insight.PostgresInsight, "server_facts", refuse)
    found = await diagnose(driver, SystemClock(), timedelta(seconds=30))
    lacking = {one.subject: one for one in found.problems if one.code == "engine_lacks"}
    assert {subject: str(one.severity) for subject, one in lacking.items()} == {
        None: "error",
        "LISTEN and NOTIFY": "warning",
    }
    assert "--no-listen" in (lacking["LISTEN and NOTIFY"].fix or "")


@pytest.mark.parametrize(
    ("version", "marks", "name", "severity"),
    [
        ("CockroachDB CCL v26.1.0 (x86_64-pc-linux-gnu)", {}, "CockroachDB", "error"),
        ("PostgreSQL 15.12-YB-2025.2.3.0-b0 on x86_64", {}, "YugabyteDB", "warning"),
        ("PostgreSQL 17.4 on x86_64", {"aurora": True}, "Aurora", "notice"),
        ("PostgreSQL 17.4 on x86_64", {"alloydb": True}, "AlloyDB", "notice"),
        ("PostgreSQL 17.4 on x86_64", {"extensions": frozenset(["citus"])}, "Citus", "notice"),
        ("PostgreSQL 18.1 on x86_64", {}, "PostgreSQL", None),
    ],
)
def test_engines_are_known_by_what_they_say(
    version: str, marks: Any, name: str, severity: str | None
) -> None:
    known = engine_name(version, **{"extensions": frozenset(), "aurora": False, "alloydb": False, **marks})
    found = [str(one.severity) for one in engine_problems(EngineFacts(known, version))]
    assert (known, found) == (name, [] if severity is None else [severity])
