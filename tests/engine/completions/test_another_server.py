"""A server that takes over may lack the transaction in which a job was completed."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler import JobStatus, current_job
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.ports.completions import TransactionOutcome
from tests.engine.completions.conftest import Stage
from tests.support.running import past


@pytest.mark.slow_with("psycopg")
async def test_another_server_knows_of_commits_alone(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """What it has rolled back may be the number of one that was committed elsewhere, and lost."""
    driver = driver_over(dsn, library=library)
    await driver.open()
    try:
        here = await sql.fetchval("SELECT date_part('epoch', pg_postmaster_start_time())::text")
        committed = await sql.fetchval("SELECT pg_current_xact_id()::text")
        await sql.execute("BEGIN")
        rolled_back = await sql.fetchval("SELECT pg_current_xact_id()::text")
        await sql.execute("ROLLBACK")
        to_come = int(committed) + 1_000_000
        for number, start, outcome in (
            (committed, here, TransactionOutcome.COMMITTED),
            (rolled_back, here, TransactionOutcome.ROLLED_BACK),
            (committed, "1.5", TransactionOutcome.COMMITTED),
            (rolled_back, "1.5", TransactionOutcome.UNKNOWN),
            (to_come, "1.5", TransactionOutcome.UNKNOWN),
        ):
            assert await driver.completions.outcome_of(f"{number} {start}") is outcome
    finally:
        await driver.close()


async def test_a_job_whose_own_completion_is_lost_runs_again_though_its_function_returned(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To complete it now would be a lie: its effects have gone with its completion."""
    runs = 0

    async def job() -> None:
        nonlocal runs
        runs += 1
        if runs > 1:
            async with stage.transaction() as connection:
                await stage.have_effect(connection, "done")
                await current_job().complete_in(connection)
            return
        try:
            async with stage.transaction() as connection:
                await stage.have_effect(connection, "lost")
                await current_job().complete_in(connection)
                raise OSError
        except OSError:
            pass  # as far as this function could know, it was committed

    scheduler = stage.scheduler()
    async with scheduler:
        completions = scheduler.driver.completions
        known = completions.outcome_of

        async def outcome_of(token: str) -> TransactionOutcome:
            return TransactionOutcome.UNKNOWN if runs == 1 else await known(token)

        monkeypatch.setattr(completions, "outcome_of", outcome_of)
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=30) is JobStatus.COMPLETED
    assert (runs, await stage.effects()) == (2, ["done"])
