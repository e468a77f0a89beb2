"""Jobs of APScheduler are moved while it runs them: each window runs once, there or here."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from itertools import pairwise

import asyncpg
import pytest

from benchmarks.peers.environments import ROOT, variables
from pg_scheduler import Scheduler
from tests.support.running import eventually

JOBS = 8
RAN = "CREATE TABLE ran (job text NOT NULL, due timestamptz NOT NULL, by text NOT NULL)"
OURS = """
    SELECT split_part(schedule_key, ':', 2), schedule_window, 'ours'
    FROM scheduled_jobs WHERE status = 'completed'
"""
SECOND = timedelta(seconds=1)


def note(number: int) -> None:
    """The work."""


async def _program(dsn: str, module: str, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, cwd=ROOT,
        env={**variables(), "DSN": dsn, "DATABASE_URL": dsn},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
async def test_each_window_runs_once_while_apscheduler_runs(dsn: str, sql: asyncpg.Connection) -> None:
    await sql.execute(RAN)
    loading = await _program(dsn, "tests.importing.apscheduler_program", "load", str(JOBS))
    assert await loading.wait() == 0
    theirs = await _program(dsn, "tests.importing.apscheduler_program", "work")
    scheduler = Scheduler.connect(dsn)
    scheduler.register(note, name="note", executor="thread")
    try:
        async with scheduler:
            await eventually(lambda: sql.fetchval("SELECT count(DISTINCT job) = $1 FROM ran", JOBS))
            # What is due at the moment of the import stays, and is imported with the next try.
            for _ in range(20):
                moving = await _program(
                    dsn, "pg_scheduler_cli", "import", "apscheduler", "--app",
                    "tests.importing.apscheduler_program:scheduler", "--map",
                    "tests.importing.apscheduler_program:note=note", "--map", "__main__:note=note",
                )  # fmt: skip
                said, _ = await moving.communicate()
                if moving.returncode == 0:
                    break
            assert moving.returncode == 0, said.decode()
            await eventually(lambda: sql.fetchval(f"SELECT count(*) >= $1 FROM ({OURS}) AS o", JOBS * 2))
            assert theirs.returncode is None, "APScheduler has ended"
    finally:
        theirs.kill()
        await theirs.communicate()
    rows = await sql.fetch(f"SELECT job, due, by FROM ran UNION ALL {OURS}")
    for job in map(str, range(JOBS)):
        windows = sorted(row["due"] for row in rows if row["job"] == job)
        gaps = {later - earlier for earlier, later in pairwise(windows)}
        assert gaps == {SECOND}, (job, windows)
