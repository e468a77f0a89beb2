"""A server that takes over may have forgotten how jobs of a live worker ended."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler import JobStatus
from pg_scheduler.client.source import Library
from tests.chaos.network.scenarios.outages import CUT_ALL
from tests.support.running import BriskScheduler, eventually, past

RUNS: list[str] = []


async def note() -> None:
    RUNS.append("ran")


@pytest.mark.slow_with("psycopg")
async def test_a_job_that_ended_and_was_forgotten_runs_again_at_once(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """Its worker lives, and gives it back as soon as it is connected again: nobody waits for a lease to end,
    and no crash is counted."""
    RUNS.clear()
    async with BriskScheduler.connect(dsn, library=library) as worker:
        handle = await worker.schedule(note, execution_time=past())
        assert await handle.wait(timeout=30) is JobStatus.COMPLETED
        await eventually(lambda: worker.worker.listening)
        await sql.execute(
            "UPDATE scheduled_jobs SET status = 'running', finished_at = NULL,"
            " lease_until = now() + interval '1h'"
        )
        await sql.execute(CUT_ALL)

        async def completed_again() -> bool:
            row = await sql.fetchrow("SELECT status, crash_count FROM scheduled_jobs")
            return tuple(row) == ("completed", 0)

        await eventually(completed_again)
    assert RUNS == ["ran", "ran"]
