"""`pgq db`."""

from __future__ import annotations

import json

import asyncpg

from pg_scheduler_postgres.migrations import all_migrations
from tests.cli.conftest import Pgq

LATEST = all_migrations()[-1].version


async def test_the_life_of_a_schema(pgq: Pgq, sql: asyncpg.Connection) -> None:
    absent = await pgq("db", "status")
    assert (absent.code, "not current: run `pgq db upgrade`" in absent.out) == (1, True)
    installed = await pgq("db", "install")
    assert (installed.code, f"from version 0 to {LATEST}" in installed.out) == (0, True)
    assert (await pgq("db", "status")).code == 0
    assert "nothing to do" in (await pgq("db", "upgrade")).out
    await sql.execute("DROP TABLE scheduled_job_attempts")
    assert "healed" in (await pgq("db", "upgrade")).out
    assert "1 jobs" not in (await pgq("db", "uninstall", "--yes")).out
    assert await sql.fetchval("SELECT to_regclass('scheduled_jobs')") is None


async def test_the_status_can_be_read_by_a_program(pgq: Pgq) -> None:
    await pgq("db", "install", "--schema", "jobs")
    said = json.loads((await pgq("db", "status", "--schema", "jobs", "--json")).out)
    assert said == {
        "schema": "jobs",
        "version": LATEST,
        "latest": LATEST,
        "missing": [],
        "current": True,
    }


async def test_the_printed_sql_installs_the_same(pgq: Pgq, sql: asyncpg.Connection) -> None:
    printed = await pgq("db", "sql", on=None)
    assert printed.code == 0
    await sql.execute(printed.out)
    await sql.execute(printed.out)
    assert (await pgq("db", "status")).code == 0


async def test_uninstall_asks_first(pgq: Pgq, sql: asyncpg.Connection) -> None:
    await pgq("db", "install")
    refused = await pgq("db", "uninstall", stdin="n\n")
    assert refused.code == 1
    assert "Drop all tables" in refused.out
    assert await sql.fetchval("SELECT to_regclass('scheduled_jobs')") is not None


async def test_failures_are_one_line_without_the_password(pgq: Pgq) -> None:
    unreachable = await pgq("db", "status", on="postgresql://me:hush-hush@127.0.0.1:1/nowhere")
    assert unreachable.code == 2
    assert unreachable.err.startswith("pgq: ")
    assert "hush-hush" not in unreachable.err
    assert "Traceback" not in unreachable.err


async def test_a_missing_dsn_says_what_to_pass(pgq: Pgq) -> None:
    lost = await pgq("db", "status", on=None)
    assert (lost.code, "--dsn" in lost.err) == (2, True)


async def test_an_unknown_command_is_corrected(pgq: Pgq) -> None:
    assert "status" in (await pgq("db", "statsu", on=None)).err
