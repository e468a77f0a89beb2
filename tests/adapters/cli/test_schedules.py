"""`pgq schedules` and `pgq vacuum`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import asyncpg
import pytest

from pg_scheduler import Queries, Scheduler
from tests.adapters.cli.conftest import Pgq

pytestmark = pytest.mark.slow


async def report(region: str) -> None: ...


async def test_a_schedule_from_the_command_line_runs_in_a_worker(pgq: Pgq, dsn: str) -> None:
    await pgq("db", "install")
    added = await pgq("schedules", "add", "report", "--every", "1", "--args", '["north"]', "--key", "r1")
    assert (added.code, added.out.strip()) == (0, "r1")
    ran: list[str] = []

    async def note(region: str) -> None:
        ran.append(region)

    async with Scheduler.connect(dsn) as scheduler:
        scheduler.register(note, name="report")
        status = await scheduler.schedule_status("r1")
        while not ran:
            await scheduler.clock.sleep(0.05)
    assert ran[0] == "north"
    assert status is not None
    listed = json.loads((await pgq("schedules", "list", "--json")).out)
    assert [(one["key"], one["task_name"], one["every"]) for one in listed] == [("r1", "report", 1.0)]


async def test_pause_resume_trigger_and_remove(pgq: Pgq, sql: asyncpg.Connection) -> None:
    await pgq("db", "install")
    await pgq("schedules", "add", "report", "--cron", "0 3 * * *", "--timezone", "Europe/Paris", "--key", "k")
    assert "paused k" in (await pgq("schedules", "pause", "k")).out
    assert "paused" in (await pgq("schedules", "list")).out
    assert "resumed k" in (await pgq("schedules", "resume", "k")).out
    triggered = (await pgq("schedules", "trigger", "k")).out.strip()
    assert await sql.fetchval("SELECT status FROM scheduled_jobs WHERE job_id = $1", triggered) == "pending"
    shown = await pgq("schedules", "show", "k")
    assert "run_count" in shown.out
    upcoming = json.loads((await pgq("schedules", "next", "k", "-n", "3", "--json")).out)
    assert len(upcoming) == 3
    assert datetime.fromisoformat(upcoming[0]) > datetime.now(UTC)
    assert "removed k" in (await pgq("schedules", "remove", "k")).out
    gone = await pgq("schedules", "pause", "k")
    assert (gone.code, "no schedule 'k'" in gone.err) == (1, True)


async def test_a_task_that_nothing_here_has_named_is_scheduled_with_a_warning(pgq: Pgq, dsn: str) -> None:
    await pgq("db", "install")
    said = await pgq("schedules", "add", "nope", "--every", "60", "--key", "n")
    assert (said.code, said.out) == (0, "n\n")
    assert said.err == (
        "pgq: no job, no limits and no other schedule name the task 'nope': is it spelled right?\n"
    )
    assert (await pgq("schedules", "add", "nope", "--every", "30", "--key", "n")).err == "", "known by now"
    async with Queries(dsn) as queries:
        await queries.enqueue("mail")
    assert (await pgq("schedules", "add", "mail", "--every", "60")).err == ""


async def test_a_bad_expression_is_refused_with_advice(pgq: Pgq) -> None:
    await pgq("db", "install")
    refused = await pgq("schedules", "add", "report", "--cron", "*/10 * * * * *")
    assert (refused.code, "seconds field comes last" in refused.err) == (2, True)


async def test_vacuum_deletes_and_tells(pgq: Pgq, sql: asyncpg.Connection) -> None:
    await pgq("db", "install")
    await sql.execute(
        "INSERT INTO scheduled_jobs (job_name, execution_time, status, finished_at)"
        " VALUES ('old', now(), 'completed', now() - interval '2 days')"
    )
    deleted = json.loads((await pgq("vacuum", "run", "--json")).out)
    assert deleted == {"completed": 1, "failed": 0, "cancelled": 0, "expired": 0}
    (day,) = json.loads((await pgq("vacuum", "stats", "--json")).out)
    assert (day["deleted_completed"], day["runs"]) == (1, 1)
