"""`pgq import`: what it prints, and how it ends."""

from __future__ import annotations

import json

import asyncpg
import pytest

from pg_scheduler.queries import Queries
from tests.adapters.cli.conftest import Pgq
from tests.adapters.importing.conftest import PGQUEUER


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries."""
    return "asyncpg"


async def test_jobs_are_moved_and_those_that_stay_are_named(
    pgq: Pgq, queries: Queries, sql: asyncpg.Connection, dsn: str
) -> None:
    await queries.install()
    assert "there is no table public.pgqueuer: nothing to import" in (await pgq("import", "pgqueuer")).err
    await sql.execute(PGQUEUER)
    await sql.execute(
        "INSERT INTO pgqueuer (priority, status) VALUES (0, 'queued'), (-2147483648, 'queued'), (0, 'picked')"
    )
    dry = await pgq("import", "pgqueuer", "--dry-run")
    assert (dry.code, dry.out) == (
        1,
        "would move 1 of 2 waiting jobs of pgqueuer\n"
        "refused 1, which stay there:\n"
        "  2 mail: its priority -2147483648 is out of range\n"
        "there now: 1 picked, 1 queued\n",
    )
    copied = await pgq("import", "pgqueuer", "--from-dsn", dsn, "--json")
    assert json.loads(copied.out)["imported"] == 1
    await queries.clear_queue()
    await sql.execute("DELETE FROM scheduled_jobs; DELETE FROM pgqueuer WHERE id = 2")
    moved = await pgq("import", "pgqueuer", "--map", "mail=post")
    assert (moved.code, moved.out) == (
        0, "moved 1 of 1 waiting jobs of pgqueuer\nthere now: 1 picked\n"
    )  # fmt: skip
    assert [size.entrypoint for size in await queries.queue_size()] == ["post"]
    for wrong in (("--map", "mail"), ("--dry-run", "--from-dsn", dsn), ("--prefix", 'x"')):
        assert (await pgq("import", "pgqueuer", *wrong)).code == 2
