"""Jobs that do not stop when told, or end in a way of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.engine import worker
from tests.support import jobs
from tests.support.processes import alive
from tests.support.running import eventually, past, within

RELEASED = ("pending", None, None, 0)
"""Claimable at once, by anybody, and the attempt is given back."""


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stubborn jobs are given up sooner than in production."""
    monkeypatch.setattr(worker, "STOP_PATIENCE", 0.2)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Opened after the test, so that no thread outlives it."""
    event = threading.Event()
    yield event
    event.set()


async def rows(sql: asyncpg.Connection) -> set[tuple[Any, ...]]:
    found = await sql.fetch("SELECT status, worker_id, lease_until, attempt_count FROM scheduled_jobs")
    return {tuple(row) for row in found}


async def test_a_job_that_swallows_the_cancellation_is_released_all_the_same(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    give_in = asyncio.Event()

    async def stubborn() -> None:
        while not give_in.is_set():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0)

    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.start()
    await scheduler.schedule(stubborn, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    (attempt,) = scheduler.active_tasks
    await within(scheduler.shutdown(timeout=0))
    assert await rows(sql) == {RELEASED}
    give_in.set()
    attempt.cancel()
    await asyncio.wait({attempt})


async def test_a_thread_that_does_not_end_is_released_all_the_same(
    dsn: str, library: Library, sql: asyncpg.Connection, gate: threading.Event
) -> None:
    started = threading.Event()

    def deaf() -> None:
        started.set()
        gate.wait()

    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.start()
    await scheduler.schedule(deaf, execution_time=past(), executor="thread")
    await eventually(started.is_set)
    await within(scheduler.shutdown(timeout=0))
    assert await rows(sql) == {RELEASED}
    await eventually(lambda: not scheduler.active_jobs)


async def test_what_a_released_thread_returns_later_changes_nothing(
    dsn: str, sql: asyncpg.Connection, gate: threading.Event
) -> None:
    ended = threading.Event()

    def deaf() -> str:
        gate.wait()
        ended.set()
        return "too late"

    scheduler = Scheduler.connect(dsn)
    await scheduler.start()
    handle = await scheduler.schedule(deaf, execution_time=past(), executor="thread", store_result=True)
    await eventually(lambda: scheduler.active_jobs)
    await within(scheduler.shutdown(timeout=0))
    gate.set()
    await eventually(ended.is_set)
    # The same scheduler runs it again, from the start.
    async with scheduler:
        assert await handle.result(timeout=45) == "too late"
    assert await sql.fetchval("SELECT array_agg(outcome) FROM scheduled_job_attempts") == ["released"]


async def test_a_job_that_fails_while_it_is_being_stopped_has_failed(dsn: str, library: Library) -> None:
    """Its error came from its own work, so it counts like any other."""

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("the clean-up itself failed") from None

    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.start()
    handle = await scheduler.schedule(job, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    await within(scheduler.shutdown(timeout=0))
    assert await handle.status() == "failed"
    await scheduler.shutdown()


async def test_a_job_that_completes_while_it_is_being_stopped_has_completed(dsn: str) -> None:
    async def job() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    scheduler = Scheduler.connect(dsn)
    await scheduler.start()
    handle = await scheduler.schedule(job, execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    await within(scheduler.shutdown(timeout=0))
    assert await handle.status() == "completed"
    await scheduler.shutdown()


async def test_a_worker_process_ends_with_its_worker(dsn: str, sql: asyncpg.Connection) -> None:
    scheduler = Scheduler.connect(dsn)
    await scheduler.start()
    handle = await scheduler.schedule(jobs.own_pid, execution_time=past(), store_result=True)
    pid = await handle.result(timeout=45)
    assert alive(pid)
    await within(scheduler.shutdown())
    assert not alive(pid)
