"""`pgq db`: the life of the tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_postgres.migration_steps import all_migrations
from pg_scheduler_postgres.statements import statement_names
from tests.adapters.cli.conftest import Pgq, run
from tests.support.catalog import PUBLISHED_STATISTICS

LATEST = all_migrations()[-1].version
DOCUMENTED_TABLE = Path(__file__).parents[3] / (
    "adapters/pg_scheduler_postgres/migrations/0001_documented_table.sql"
)


async def test_install_creates_the_tables_once(pgq: Pgq) -> None:
    absent = await pgq("db", "status")
    assert (absent.code, absent.out) == (
        1,
        "schema 'public': not installed. Create the tables: pgq db install\n",
    )
    installed = await pgq("db", "install")
    assert (installed.code, installed.out) == (0, f"schema 'public': installed version {LATEST}\n")
    current = await pgq("db", "status")
    assert (current.code, current.out) == (0, f"schema 'public': version {LATEST}, current\n")
    assert "nothing to do" in (await pgq("db", "install")).out
    assert "nothing to do" in (await pgq("db", "upgrade")).out


async def test_upgrade_does_not_create_tables_where_there_are_none(pgq: Pgq, sql: asyncpg.Connection) -> None:
    refused = await pgq("db", "upgrade")
    assert (refused.code, "has no tables to upgrade" in refused.err) == (2, True)
    assert "pgq db install" in refused.err
    assert await sql.fetchval("SELECT to_regclass('scheduled_jobs')") is None


async def test_upgrade_keeps_the_rows_of_a_documented_table(pgq: Pgq, sql: asyncpg.Connection) -> None:
    await sql.execute(DOCUMENTED_TABLE.read_text().replace(':"schema"', "public"))
    await sql.execute(
        "INSERT INTO scheduled_jobs (job_id, job_name, execution_time) VALUES ('a', 'b', now())"
    )
    before = await pgq("db", "status")
    assert (before.code, "pgq db upgrade" in before.out) == (1, True)
    upgraded = await pgq("db", "upgrade")
    assert (upgraded.code, f"from version 0 to {LATEST}" in upgraded.out) == (0, True)
    assert await sql.fetchval("SELECT job_name FROM scheduled_jobs WHERE job_id = 'a'") == "b"


async def test_the_status_names_the_statistics_of_the_published_version(
    pgq: Pgq, sql: asyncpg.Connection
) -> None:
    await sql.execute(DOCUMENTED_TABLE.read_text().replace(':"schema"', "public") + PUBLISHED_STATISTICS)
    before = await pgq("db", "status")
    assert (before.code, "the vacuum_stats of pg-scheduler 0.2.3" in before.out) == (1, True)
    assert (await pgq("db", "upgrade")).code == 0
    assert await sql.fetchval("SELECT sum(deleted_completed) FROM vacuum_stats") == 2000000003
    assert "vacuum_stats" not in (await pgq("db", "status")).out


@pytest.mark.slow
async def test_what_is_missing_is_named_and_healed(pgq: Pgq, sql: asyncpg.Connection) -> None:
    await pgq("db", "install")
    await sql.execute("DROP TABLE scheduled_job_attempts; DROP INDEX scheduled_jobs_waiting")
    broken = await pgq("db", "status")
    assert broken.code == 1
    assert "index scheduled_jobs_waiting, table scheduled_job_attempts missing" in broken.out
    healed = json.loads((await pgq("db", "install", "--json")).out)
    assert healed["healed"] == ["index scheduled_jobs_waiting", "table scheduled_job_attempts"]
    assert (await pgq("db", "status")).code == 0


async def test_tables_of_a_newer_release_are_current(pgq: Pgq, sql: asyncpg.Connection) -> None:
    await pgq("db", "install")
    await sql.execute("INSERT INTO scheduled_job_migrations (version, name) VALUES (99, 'later')")
    newer = await pgq("db", "status")
    assert (newer.code, f"version 99, current (this program has {LATEST})" in newer.out) == (0, True)


@pytest.mark.slow
async def test_the_status_can_be_read_by_a_program(pgq: Pgq) -> None:
    absent = await pgq("db", "status", "--schema", "jobs", "--json")
    assert (absent.code, json.loads(absent.out)["current"]) == (1, False)
    await pgq("db", "install", "--schema", "jobs")
    said = json.loads((await pgq("db", "status", "--schema", "jobs", "--json")).out)
    assert said == {
        "schema": "jobs",
        "version": LATEST,
        "latest": LATEST,
        "missing": [],
        "current": True,
    }


@pytest.mark.slow
async def test_uninstall_says_what_it_drops_and_asks(pgq: Pgq, sql: asyncpg.Connection) -> None:
    await pgq("db", "install")
    await sql.execute("INSERT INTO scheduled_jobs (job_name, execution_time) VALUES ('x', now())")
    refused = await pgq("db", "uninstall", stdin="n\n")
    assert (refused.code, "Nothing was dropped" in refused.out) == (1, True)
    assert "scheduled_jobs            1 job: 1 pending" in refused.out
    unanswered = await pgq("db", "uninstall", stdin="")
    assert unanswered.code == 1
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs") == 1
    agreed = await pgq("db", "uninstall", stdin="y\n")
    assert agreed.code == 0
    assert await sql.fetchval("SELECT count(*) FROM pg_class WHERE relname LIKE 'scheduled%'") == 0


@pytest.mark.slow
async def test_uninstall_with_yes_does_not_ask_and_may_be_repeated(pgq: Pgq, sql: asyncpg.Connection) -> None:
    await pgq("db", "install")
    await sql.execute("DROP TABLE scheduled_job_workers")
    dropped = await pgq("db", "uninstall", "--yes")
    assert (dropped.code, "[y/N]" in dropped.out) == (0, False)
    assert "scheduled_job_workers" not in dropped.out, "it was gone before"
    assert "nothing to drop" in (await pgq("db", "uninstall", "--yes")).out


@pytest.mark.slow
@pytest.mark.parametrize("schema", ["public", 'an "odd" one\'s $$'])
async def test_the_printed_sql_pipes_into_psql(
    lone_pgq: Pgq, server: EmbeddedServer, dsn: str, schema: str
) -> None:
    printed = await lone_pgq("db", "sql", "--schema", schema)
    assert printed.code == 0
    for _ in range(2):
        applied = await run(server.binaries.folder / "psql", "-qv", "ON_ERROR_STOP=1", dsn, stdin=printed.out)
        assert applied.code == 0, applied.err
    assert (await lone_pgq("db", "status", "--dsn", dsn, "--schema", schema)).code == 0


async def test_a_statement_is_printed_as_it_is_sent(lone_pgq: Pgq, dsn: str, sql: asyncpg.Connection) -> None:
    """PostgreSQL keeps the text of what a driver has prepared."""
    scheduler = Scheduler(sql)
    await scheduler.initialize_db()
    scheduler.task_map["task"] = _nothing
    await scheduler.worker.steps.claim_and_start()
    printed = await lone_pgq("db", "sql", "--statement", "claim_by_rank")
    comments = [line for line in printed.out.splitlines() if line.startswith("--")]
    assert (printed.code, comments[:2]) == (
        0,
        ["-- $1 queues text[]", "-- $2 task_names text[]"],
    )
    session = scheduler.driver.link.session  # type: ignore[attr-defined]
    sent = [row["statement"] for row in await session.fetch("SELECT statement FROM pg_prepared_statements")]
    assert printed.out.removeprefix("\n".join(comments) + "\n").removesuffix("\n") in sent


async def test_the_statements_are_listed_with_what_they_do(lone_pgq: Pgq) -> None:
    listed = (await lone_pgq("db", "sql", "--list")).out.splitlines()
    assert [line.split()[0] for line in listed] == statement_names()
    assert ["claim_job", "Lease one pending job, whether due or not"] in [
        re.split("  +", line, maxsplit=1) for line in listed
    ]
    unknown = await lone_pgq("db", "sql", "--statement", "steal")
    assert (unknown.code, "there is no statement 'steal'" in unknown.err) == (2, True)


async def _nothing() -> None:
    """A task."""


async def test_the_owner_of_a_schema_needs_no_right_to_create_one(
    lone_pgq: Pgq, dsn: str, sql: asyncpg.Connection
) -> None:
    owner = "owner_" + dsn.rpartition("/")[2]
    await sql.execute(f"CREATE ROLE {owner} LOGIN; CREATE SCHEMA theirs AUTHORIZATION {owner}")
    await sql.execute(f"SET ROLE {owner}")
    await sql.execute((await lone_pgq("db", "sql", "--schema", "theirs")).out)
    await sql.execute("RESET ROLE")
    as_owner = dsn.replace("postgres@", f"{owner}@")
    assert (await lone_pgq("db", "status", "--dsn", as_owner, "--schema", "theirs")).code == 0
    refused = await lone_pgq("db", "install", "--dsn", as_owner, "--schema", "another")
    assert (refused.code, "Grant the missing privilege" in refused.err) == (2, True)
