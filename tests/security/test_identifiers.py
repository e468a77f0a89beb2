"""One name becomes part of statements, the schema's. It is checked, and quoted wherever it stands."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pg_scheduler import InvalidInput, JobStatus, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_postgres.catalog import TABLES
from pg_scheduler_postgres.migration_steps import install_sql
from pg_scheduler_postgres.statements import channel_of, checked_identifier, quoted
from tests.support.databases import give_back, new_database
from tests.support.running import eventually, past

ROOT = Path(__file__).parents[2]
EVIL = st.text(st.sampled_from("aZ\"'`;-/*$%:{}()\\ .,&<>=?!@#~|^_ä€日select"), min_size=1, max_size=24)
ANYTHING = st.text(max_size=70)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(server: EmbeddedServer) -> AsyncIterator[str]:
    """One for all examples, with a table that somebody would like to drop."""
    dsn = await new_database(server)
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE canary (alive bool); INSERT INTO canary VALUES (true)")
    await connection.close()
    yield dsn
    await give_back(server, dsn)


async def nothing() -> None:
    """Completes."""


def is_identifier(name: str) -> bool:
    """What PostgreSQL's documentation says, and printable besides."""
    return bool(name) and name.isprintable() and len(name.encode("utf-8", "surrogatepass")) <= 63


@given(name=ANYTHING)
def test_a_name_is_taken_as_it_is_or_refused_before_any_sql(name: str) -> None:
    if is_identifier(name):
        assert checked_identifier("schema", name) == name
        for library in ("asyncpg", "psycopg"):
            driver_over("postgresql://", library=library, schema=name)
    else:
        for library in ("asyncpg", "psycopg"):
            with pytest.raises(InvalidInput, match="schema: "):
                driver_over("postgresql://", library=library, schema=name)


@given(name=EVIL)
def test_a_quoted_name_is_one_token(name: str) -> None:
    text = quoted(name)
    assert re.fullmatch(r'"(?:[^"]|"")*"', text)
    assert text[1:-1].replace('""', '"') == name


@pytest.mark.asyncio(loop_scope="module")
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=EVIL.filter(lambda name: not name.startswith("pg_") and len(name.encode()) < 63))
@example(name='x"; DROP TABLE canary; --')
@example(name='x"."y')
@example(name="ä" * 31)
async def test_hostile_names_hold_a_whole_scheduler_and_harm_nothing(
    database: str, library: Library, name: str
) -> None:
    """Tables, statements, LISTEN and NOTIFY: what is enqueued elsewhere is heard of and run."""
    sql = await asyncpg.connect(database)
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = $1"
    try:
        async with Scheduler.connect(database, library=library, schema=name) as scheduler:
            await eventually(lambda: scheduler.worker.listening)
            other = Scheduler.connect(database, library=library, schema=name)
            scheduler.register(nothing)
            handle = await other.schedule(nothing, execution_time=past())
            assert await handle.wait(timeout=45) is JobStatus.COMPLETED
            await other.shutdown()
        assert await sql.fetchval(tables, name) == len(TABLES)
        assert await sql.fetchval("SELECT alive FROM canary")
        assert await sql.fetchval("SELECT to_regclass('public.scheduled_jobs')") is None
        await sql.execute(install_sql(name))  # what `pgq db sql` prints
        assert await sql.fetchval(tables, name) == len(TABLES)
        schemas = await sql.fetch("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information)'")
        assert {row["nspname"] for row in schemas} == {"public", name}
    finally:
        await sql.execute(f"DROP SCHEMA IF EXISTS {quoted(name)} CASCADE")
        await sql.close()


@given(names=st.lists(ANYTHING.filter(is_identifier), min_size=2, max_size=2, unique=True))
def test_channels_are_identifiers_and_no_two_schemas_share_one(names: list[str]) -> None:
    channels = [channel_of(name) for name in names]
    assert all(len(channel.encode()) < 64 for channel in channels)
    assert channels[0] != channels[1]


def _formatted_sql() -> list[str]:
    """Places where text is put into SQL: formatted strings, + and % that begin like a statement."""
    found = []
    verbs = re.compile(
        r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|GRANT|SET|LISTEN|NOTIFY|WITH|DO)\b"
    )
    for file in sorted([*(ROOT / "pg_scheduler").rglob("*.py"), *(ROOT / "adapters").rglob("*.py")]):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            begins = ""
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begins = str(node.values[0].value)
            elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
                begins = str(node.left.value) if isinstance(node.op, ast.Add | ast.Mod) else ""
            if verbs.match(begins):
                found.append(f"{file.relative_to(ROOT)}: {ast.unparse(node)[:90]}")
    return found


def test_text_is_put_into_sql_in_these_places_only() -> None:
    """Each of them quotes what it puts there. A new one has to be looked at, and entered here."""
    allowed = {
        "adapters/pg_scheduler_import/apscheduler.py",
        "adapters/pg_scheduler_import/apscheduler4.py",
        "adapters/pg_scheduler_import/django_celery_beat.py",
        "adapters/pg_scheduler_import/foreign.py",
        "adapters/pg_scheduler_import/pgqueuer.py",
        "adapters/pg_scheduler_import/procrastinate.py",
        "adapters/pg_scheduler_postgres/connection_names.py",
        "adapters/pg_scheduler_postgres/operating_roles.py",
        "adapters/pg_scheduler_postgres/roles.py",
        "adapters/pg_scheduler_postgres/migration_steps.py",
        "adapters/pg_scheduler_postgres/migrations.py",
        "adapters/pg_scheduler_pytest/databases.py",
        "adapters/pg_scheduler_sqlalchemy/alembic.py",
    }
    assert {line.partition(":")[0] for line in _formatted_sql()} <= allowed, "\n".join(_formatted_sql())
