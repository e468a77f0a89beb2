"""`run()` in real processes with real signals."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from tests.support import jobs
from tests.support.processes import WorkerProcess
from tests.support.running import eventually, past

pytestmark = pytest.mark.slow_with("psycopg")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_running_job_end_and_then_ends_the_process(
    dsn: str,
    library: Library,
    client: Scheduler,
    sql: asyncpg.Connection,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn, library) as worker:
        await client.schedule(jobs.nap, execution_time=past(), args=(trace, 0.5))
        await eventually(lambda: jobs.notes(trace, "started"))
        worker.send(number)
        code, said, complained = await worker.finished()
    assert (code, said.split()) == (0, ["stopping", "stopped"]), complained
    assert jobs.notes(trace, "ended")
    assert await sql.fetchval("SELECT status FROM scheduled_jobs") == "completed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_releases_what_still_runs(
    dsn: str, client: Scheduler, sql: asyncpg.Connection, tmp_path: Path, number: signal.Signals
) -> None:
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn) as worker:
        await client.schedule(jobs.nap, execution_time=past(), args=(trace, 600))
        await eventually(lambda: jobs.notes(trace, "started"))
        worker.send(number)
        assert await worker.says() == "stopping"
        worker.send(number)
        code, said, complained = await worker.finished()
    assert (code, said.split()) == (0, ["stopped"]), complained
    assert jobs.notes(trace, "cancelled")
    row = await sql.fetchrow("SELECT status, attempt_count, worker_id FROM scheduled_jobs")
    assert tuple(row) == ("pending", 0, None)


async def test_a_signal_to_an_idle_worker_ends_it_at_once(dsn: str, library: Library) -> None:
    async with WorkerProcess(dsn, library) as worker:
        worker.send(signal.SIGTERM)
        code, said, complained = await worker.finished()
    assert (code, said.split(), complained) == (0, ["stopping", "stopped"], "")


async def test_past_the_grace_the_job_is_released_without_a_second_signal(
    dsn: str, client: Scheduler, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn, grace=0.2) as worker:
        await client.schedule(jobs.nap, execution_time=past(), args=(trace, 600))
        await eventually(lambda: jobs.notes(trace, "started"))
        worker.send(signal.SIGTERM)
        code, _, complained = await worker.finished()
    assert code == 0, complained
    assert await sql.fetchval("SELECT status FROM scheduled_jobs") == "pending"


async def test_the_handlers_from_before_are_back_after_run(dsn: str) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        mine = signal.getsignal(signal.SIGTERM)
        scheduler = Scheduler.connect(dsn)
        running = asyncio.create_task(scheduler.run())
        await eventually(lambda: scheduler.worker.running)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 20)
        assert heard == []
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_a_thread_that_never_ends_does_not_keep_the_process(
    dsn: str, client: Scheduler, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn, grace=0) as worker:
        await client.schedule(jobs.deaf_thread, execution_time=past(), args=(trace,))
        await eventually(lambda: jobs.notes(trace, "started"))
        worker.send(signal.SIGTERM)
        code, said, complained = await worker.finished()
    assert (code, said.split()) == (0, ["stopping", "stopped"]), complained
    assert await sql.fetchval("SELECT status FROM scheduled_jobs") == "pending"
