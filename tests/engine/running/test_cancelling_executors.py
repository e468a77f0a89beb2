"""Cancelling what does not run on the worker's own event loop."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pg_scheduler import Scheduler, current_job
from pg_scheduler.client.source import Library
from pg_scheduler.engine.executors import ThreadExecutor
from tests.support import jobs
from tests.support.processes import WorkerProcess, alive
from tests.support.running import eventually, past

pytestmark = pytest.mark.slow_with("psycopg")


async def test_a_thread_that_notices_is_cancelled(dsn: str, library: Library) -> None:
    def notices() -> None:
        job = current_job()
        while not job.cancel_called:
            threading.Event().wait(0.01)

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(notices, execution_time=past(), executor="thread")
        await eventually(lambda: scheduler.active_jobs)
        await handle.cancel()
        assert await handle.wait(timeout=45) == "cancelled"


async def test_a_thread_that_raises_when_told_is_cancelled(dsn: str) -> None:
    def raises() -> None:
        while True:
            current_job().raise_if_cancelled()
            threading.Event().wait(0.01)

    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(raises, execution_time=past(), executor="thread", max_retries=3)
        await eventually(lambda: scheduler.active_jobs)
        await handle.cancel()
        assert await handle.wait(timeout=45) == "cancelled"


async def test_a_thread_that_never_looks_has_completed(dsn: str, library: Library) -> None:
    started, go_on = threading.Event(), threading.Event()

    def never_looks() -> str:
        started.set()
        go_on.wait()
        return "whole"

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(
            never_looks, execution_time=past(), executor="thread", store_result=True
        )
        await eventually(started.is_set)
        await handle.cancel()
        # The engine has told it, again and again; until the function returns the job runs.
        await scheduler.send_heartbeat(handle)
        assert await handle.status() == "running"
        go_on.set()
        assert await handle.result(timeout=45) == "whole"


async def test_a_thread_job_that_waits_for_its_turn_is_left_out(dsn: str) -> None:
    started, go_on, ran = threading.Event(), threading.Event(), []

    def blocks() -> None:
        started.set()
        go_on.wait()

    def second() -> None:
        ran.append("second")

    async with Scheduler.connect(dsn, max_concurrent_jobs=2) as scheduler:
        one_thread = ThreadExecutor(1)
        scheduler.register(blocks, executor=one_thread)
        scheduler.register(second, executor=one_thread)
        first = await scheduler.schedule(blocks, execution_time=past(60))
        await eventually(started.is_set)
        waits = await scheduler.schedule(second, execution_time=past())
        await eventually(lambda: len(scheduler.active_jobs) == 2)
        await waits.cancel()
        assert await waits.wait(timeout=45) == "cancelled"
        go_on.set()
        assert await first.wait(timeout=45) == "completed"
        await one_thread.close()
    assert ran == []


async def test_a_worker_process_is_really_killed(dsn: str, library: Library, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(jobs.spin, execution_time=past(), args=(trace,))
        (pid,) = await eventually(lambda: jobs.notes(trace, "started"))
        assert alive(pid)
        await handle.cancel()
        assert await handle.wait(timeout=45) == "cancelled"
        assert not alive(pid)


@pytest.mark.parametrize("listen", [True, False], ids=["by NOTIFY", "by renewal"])
async def test_a_job_in_another_process_is_cancelled(
    dsn: str, library: Library, client: Scheduler, tmp_path: Path, listen: bool
) -> None:
    """With a lease of 3000 s the next renewal is 1000 s away: only the signal can be that quick."""
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn, library, listen=listen, lease=3000 if listen else 2) as worker:
        handle = await client.schedule(jobs.nap, execution_time=past(), args=(trace, 600))
        assert await eventually(lambda: jobs.notes(trace, "started")) == [worker.process.pid]
        assert await handle.cancel() is True
        assert await handle.wait(timeout=15) == "cancelled"
    assert jobs.notes(trace, "cancelled") == [worker.process.pid]
