"""`pgq health`: an exit code for supervisors."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler import Scheduler
from tests.adapters.cli.conftest import Pgq


@pytest.fixture
def library() -> str:
    return "asyncpg"


async def test_late_jobs_and_silent_workers_are_told_by_the_exit_code(
    pgq: Pgq, dsn: str, sql: asyncpg.Connection
) -> None:
    async with Scheduler(dsn) as scheduler:
        scheduler.register(_send, name="mail")
        await scheduler.worker.services.lease_keeper.renew_now()
        worker_id = scheduler.worker_id
        here = await pgq("health", "--worker", "here")
        assert (here.code, here.out) == (0, "healthy\n")
        assert (await pgq("health", "--worker", worker_id[:5])).code == 0
        await scheduler.client.pause_task("mail", True)
        await scheduler.enqueue(_send)
        await sql.execute("UPDATE scheduled_jobs SET execution_time = now() - interval '90 seconds'")
        # The servers of tests are unsafe, which is an error of its own.
        assert "lag" not in (await pgq("health", "--max-lag", "60")).err
        await sql.execute("UPDATE scheduled_job_limits SET paused = false")
        await sql.execute("UPDATE scheduled_jobs SET job_name = 'mial'")
        said = await pgq("health", "--max-lag", "60")
        assert (said.code, said.out) == (1, "")
        assert "pgq: unclaimed: no living worker knows the task 'mial'" in said.err
        assert "pgq: lag: a job of 'mial' has waited for" in said.err
        assert "mial" not in (await pgq("health", "--max-lag", "60", "--task", "mail")).err
    gone = await pgq("health", "--worker", worker_id)
    assert (gone.code, gone.err) == (1, f"pgq: worker: {worker_id} is not known\n")


async def _send() -> None:
    pass
