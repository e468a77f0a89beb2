"""How packaged SQL becomes a statement."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
import pytest

import pg_scheduler_postgres
from pg_scheduler import Scheduler
from pg_scheduler_postgres.statements import Statements, compiled, expanded, statement_names
from tests.adapters.postgres.hot_path import cases, skip_unless_plans_are_counted
from tests.chaos.network import stage

SQL_FILES = sorted(Path(pg_scheduler_postgres.__file__).parent.rglob("*.sql"))

NAMES = statement_names()
PLANNED_ONCE = {str(case.name) for case in cases()} - {
    "claim_job", "submit", "submit_one"
}  # fmt: skip
"""Statements of the hot path that have limits or arrays."""


@pytest.mark.parametrize("name", NAMES)
def test_the_databases_own_clock_stands_in_the_text_and_a_pinned_one_is_a_parameter(name: str) -> None:
    statements = Statements("jobs")
    pinned, own = statements.pinned(name), statements.unpinned(name)
    assert ("now" in pinned.parameters) == (re.search(":(NOW|WALL_CLOCK)", expanded(name)) is not None)
    assert "now" not in own.parameters
    assert set(pinned.parameters) - {"now"} == set(own.parameters)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_cast_where_it_stands(name: str) -> None:
    statement = Statements("jobs").pinned(name)
    assert all(statement.types.values()), statement.types
    placeholders = re.findall(r"\$(\d+)(:?:?)", statement.sql)
    assert {cast for _, cast in placeholders} <= {"::"}
    assert {int(number) for number, _ in placeholders} == set(range(1, len(statement.parameters) + 1))


@pytest.mark.parametrize("name", sorted(PLANNED_ONCE))
def test_limits_and_arrays_of_the_hot_path_stand_behind_a_select(name: str) -> None:
    """Else PostgreSQL plans each call by its values; see decision 18. `test_plans` asks PostgreSQL itself."""
    sql = Statements("jobs").unpinned(name).sql
    assert re.findall(r"LIMIT \$\d+|(?:ANY|ALL) \(\$\d+[^)]*\)", sql) == []


ASYNCPG_KEEPS = 15 * 1024
"""Characters: `max_cacheable_statement_size` of a user's pool, unless it says otherwise."""


@pytest.mark.parametrize(
    "name",
    ["claim", "claim_by_rank", "claim_job", "renew", "settle", "settle_completed", "submit", "submit_one"],
)
def test_statements_of_the_hot_path_are_short_enough_to_stay_prepared(name: str) -> None:
    longest = Statements("s" * 63)
    assert max(len(longest.pinned(name).sql), len(longest.unpinned(name).sql)) <= ASYNCPG_KEEPS


def test_what_stands_in_quotes_is_no_parameter_no_marker_and_no_comment() -> None:
    sql = """
        SELECT ':name', 'it''s :NOW -- here', ":column", a.b::text, x[1:2], :name::text -- a comment, :other
        -- another
        FROM :"schema".t WHERE c = ':"schema"' AND d = :NOW AND e = :"schema".f(:name::text)"""
    statement = compiled(sql, 'a":b')
    expected = """
        SELECT ':name', 'it''s :NOW -- here', ":column", a.b::text, x[1:2], $1::text
        FROM "a"":b".t WHERE c = ':"schema"' AND d = pg_catalog.now() AND e = "a"":b".f($1::text)"""
    assert statement.sql.split() == expected.split()
    assert statement.types == {"name": "text"}


def test_a_fragment_takes_the_place_of_the_line_that_includes_it() -> None:
    lines = expanded("due_schedules").splitlines()
    (first,) = [
        number for number, line in enumerate(lines) if "schedule.schedule_key, schedule.task_name" in line
    ]
    assert lines[first].startswith("        schedule.schedule_key"), "indented as the line was"
    assert "include:" not in expanded("claim_lanes"), "fragments may include others"


@pytest.mark.parametrize("file", SQL_FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_sql_reads_as_prose(file: Path) -> None:
    """A sentence above each file's statement and each CTE, and no line that has to be scrolled."""
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 110] == []
    if file.parent.name == "sql":
        assert lines[0].startswith("-- ")
    parts = [
        number for number, line in enumerate(lines) if re.match(r"\w+ (\(.*\) )?AS (MATERIALIZED )?\($", line)
    ]
    assert [lines[number] for number in parts if not lines[number - 1].startswith("-- ")] == []
    assert [line for line in lines if re.match(r"WITH .*\($", line)] == []


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (stage.SUBMIT, {"submit", "submit_one", "submit_replacing", "submit_runs"}),
        (stage.CLAIM, {"claim", "claim_by_rank"}),
        (stage.SETTLE, {"settle", "settle_completed", "settle_deleted"}),
        (stage.ADVANCE, {"advance_schedules"}),
        (stage.RENEW, {"renew"}),
    ],
)
def test_the_failure_harness_knows_statements_by_their_text(pattern: str, names: set[str]) -> None:
    texts = {name: Statements("public").unpinned(name).sql for name in NAMES}
    found = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    assert {name for name, sql in texts.items() if found.search(sql)} == names


async def test_a_claim_is_not_planned_anew_each_time(dsn: str, sql: asyncpg.Connection) -> None:
    """With the clock as a parameter it was: planning took longer than claiming."""
    skip_unless_plans_are_counted(sql)
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        scheduler = Scheduler(pool)
        await scheduler.initialize_db()
        scheduler.task_map["task"] = _nothing
        for _ in range(12):
            await scheduler.worker.steps.claim_and_start()
        row = await pool.fetchrow(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%next_due%'"
        )
        await scheduler.shutdown()
    assert row is not None
    assert row["generic_plans"] > row["custom_plans"] - 6, "PostgreSQL tries five custom plans first"


async def _nothing() -> None:
    """A task."""
