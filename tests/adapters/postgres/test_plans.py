"""The statements of the hot path read what they need, however full the table is.

By default a twentieth of what people may have: five thousand jobs due, fifty thousand to come and as many
finished. ``PLANS_FULL=1`` fills in a hundred thousand, a million and a million. Every statement is planned
twice: for its values, and without knowing them, as PostgreSQL does for a prepared statement that it has seen
a few times.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from pg_scheduler import Scheduler
from pg_scheduler.domain.paging import MOST_SEARCHED
from pg_scheduler.domain.selection import Selection
from pg_scheduler_postgres.paging import bounds_of, range_of, statements_for, values_of
from tests.adapters.postgres.hot_path import (
    BATCH,
    Case,
    Planner,
    cases,
    fill,
    nodes,
    skip_unless_plans_are_counted,
)
from tests.support.databases import Servers, new_database, versions_to_test

LARGE = ("scheduled_jobs", "scheduled_job_attempts")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=versions_to_test())
async def filled(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[asyncpg.Connection]:
    dsn = await new_database(servers[request.param])
    async with Scheduler.connect(dsn) as scheduler:
        await scheduler.initialize_db()
    connection = await asyncpg.connect(dsn)
    await fill(connection)
    yield connection
    await connection.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="module")
async def test_no_statement_of_the_hot_path_reads_or_sorts_a_whole_table(filled: asyncpg.Connection) -> None:
    planner, found = Planner(filled), []
    # Before 14 a plan shows both ways to run an EXISTS; the one that is not taken has no loops.
    both_ways = filled.get_server_version().major < 14
    for case in cases():
        for mode in ("custom", "generic"):
            plan = await planner.plan_of(case, mode)
            counted = [node for node in nodes(plan) if node["Actual Loops"] or not both_ways]
            found += [f"{case}, {mode}: {problem}" for problem in problems(counted)]
    assert found == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="module")
async def test_statements_of_the_hot_path_are_planned_once(filled: asyncpg.Connection) -> None:
    """PostgreSQL plans a prepared statement for its values five times and then compares: planning a claim
    takes longer than running it, so the plan that knows no values must never look dearer."""
    skip_unless_plans_are_counted(filled)
    planner = Planner(filled)
    made = {str(case): await planner.plans_made(case, 8) for case in cases()}
    assert {case: plans for case, plans in made.items() if plans > 5} == {}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_worker_runs_is_found_without_reading_the_table(filled: asyncpg.Connection) -> None:
    """Asked after every failed claim. Its plan must know the statuses: no index holds all of them."""
    values = {
        **dict.fromkeys(("task_name", "queue", "since", "until", "error", "before_time", "before_id")),
        "statuses": ["running"],
        "worker_id": "me",
        "newest_first": False,
        "limit": 1_000_000,
    }
    plan = await Planner(filled).plan_of(Case("jobs", values), "custom")
    scans = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    assert [node["Relation Name"] for node in scans if node["Relation Name"] in LARGE] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="module")
async def test_no_question_of_an_operator_reads_a_whole_table(filled: asyncpg.Connection) -> None:
    """However much is due, to come or finished: of a due job, one in a lane, and one that ended."""
    facts = {
        "holders_shown": 5, "most_ahead": 1_000, "limit": 1, "burst_seconds": 0.1,
        "token_rounding": 1e-4, "full_patience": 100.0,
    }  # fmt: skip
    ids = await filled.fetch(
        "(SELECT job_id FROM scheduled_jobs WHERE status = 'pending' AND lane IS NULL LIMIT 1)"
        " UNION ALL (SELECT job_id FROM scheduled_jobs WHERE lane IS NOT NULL ORDER BY job_id DESC LIMIT 1)"
        " UNION ALL (SELECT job_id FROM scheduled_jobs WHERE status = 'completed' LIMIT 1)"
    )
    about = [Case("facts_about", {**facts, "job_id": row["job_id"]}) for row in ids]
    planner, found = Planner(filled), []
    both_ways = filled.get_server_version().major < 14
    looks = {
        "most_streams": 5_000, "most_schedules": 100, "full_patience": 100.0,
        "most_failing": 100, "lately_seconds": 300.0,
    }  # fmt: skip
    depths = Case("depths", {"most_streams": 5_000, "most_of_each": 100, "most_in_all": 2_000})
    held = Case("held_jobs", {"xids": ["1"], "most_streams": 5_000, "most_of_each": 50})
    for case in (Case("workers", {}), Case("cluster_facts", looks), depths, held, *about):
        for mode in ("custom", "generic"):
            plan = await planner.plan_of(case, mode)
            counted = [node for node in nodes(plan) if node["Actual Loops"] or not both_ways]
            found += [f"{case}, {mode}: {problem}" for problem in problems(counted)]
    assert found == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="module")
async def test_no_list_or_count_of_jobs_reads_a_whole_table(filled: asyncpg.Connection) -> None:
    """Whatever is looked for: what no index leads to ends after so many rows."""
    planner, found = Planner(filled), []
    for case in listing_cases():
        plan = await planner.plan_of(case, "custom")
        for node in nodes(plan):
            rows = int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
            if node.get("Relation Name") not in LARGE:
                continue
            if node["Node Type"] == "Seq Scan" or rows > 3 * MOST_SEARCHED:
                found.append(f"{case}: {node['Node Type']} that passes {rows} rows")
    assert found == []


def listing_cases() -> Iterator[Case]:
    """Each statement of a list, for selections that an index serves and others."""
    selections = {
        "all": Selection(),
        "a queue": Selection(queue="default"),
        "a task": Selection(task_name="task 3"),
        "an argument": Selection(arguments=(("user.id", "7"),)),
        "an error": Selection(error="Timeout"),
    }
    for said, selection in selections.items():
        values = {**values_of(selection), **range_of(selection, None)}
        for statement in statements_for(selection):
            yield Case(statement, {**values, **bounds_of(statement, selection, 51)}, said)
        counted = {"most": MOST_SEARCHED + 1, "most_searched": MOST_SEARCHED}
        yield Case("count_matching", {**values, **counted}, said)
    yield Case("workload", {"most": 10_000})
    for task in (None, "task 3"):
        searched = {"task_name": task, "since": None, "limit": 101, "most": 1_001}
        yield Case("failures", {**searched, "most_searched": MOST_SEARCHED}, task or "all")
    yield Case("failed_jobs", {"most": 10_000})


def problems(counted: list[dict[str, Any]]) -> list[str]:
    """What these nodes of a plan do that grows with the table."""
    found = []
    for node in counted:
        rows = int(node["Actual Rows"] * node["Actual Loops"])
        removed = int(node.get("Rows Removed by Filter", 0) * node["Actual Loops"])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE:
            found.append(f"Seq Scan on {node['Relation Name']}")
        if node["Node Type"] in ("Sort", "Incremental Sort") and rows > 3 * BATCH:
            found.append(f"Sort of {rows} rows")
        compared = int(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"])
        if compared > 10 * BATCH:
            found.append(f"{node['Node Type']} that compares {compared} pairs")
        if node.get("Relation Name") in LARGE and rows + removed > 10 * BATCH:
            found.append(f"{node['Node Type']} that passes {rows + removed} rows of {node['Relation Name']}")
    return found
