"""How packaged SQL becomes a statement."""

from __future__ import annotations

from importlib import resources

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler_postgres.statements import Statements, read_sql
from tests.adapters.postgres.hot_path import skip_unless_plans_are_counted

NAMES = sorted(
    entry.name.removesuffix(".sql")
    for entry in resources.files("pg_scheduler_postgres").joinpath("sql").iterdir()
    if entry.name.endswith(".sql")
)


@pytest.mark.parametrize("name", NAMES)
def test_the_databases_own_clock_stands_in_the_text_and_a_pinned_one_is_a_parameter(name: str) -> None:
    statements = Statements("jobs")
    pinned, own = statements[name], statements.unpinned(name)
    assert ("now" in pinned.parameters) == (":now::" in read_sql("sql", name))
    assert "now" not in own.parameters
    assert set(pinned.parameters) - {"now"} == set(own.parameters)


async def test_a_claim_is_not_planned_anew_each_time(dsn: str, sql: asyncpg.Connection) -> None:
    """With the clock as a parameter it was: planning took longer than claiming."""
    skip_unless_plans_are_counted(sql)
    scheduler = Scheduler(sql)
    await scheduler.initialize_db()
    scheduler.task_map["task"] = _nothing
    for _ in range(12):
        await scheduler.worker.steps.claim_and_start()
    row = await sql.fetchrow(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%next_due%'"
    )
    assert row is not None
    assert row["generic_plans"] > row["custom_plans"] - 6, "PostgreSQL tries five custom plans first"


async def _nothing() -> None:
    """A task."""
